"""What the source says, taken into the state: what is new with the moment at which it was first read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache

from zakhira.kernel.canonical import Json, canonical_bytes, content_hash, parse_canonical
from zakhira.kernel.errors import ZakhiraError
from zakhira.kernel.interval import parse_utc, utc_text
from zakhira.watch.conditions import COORDINATOR_BLOCK, HEARTBEAT, HEARTBEAT_SAID
from zakhira.watch.first_read import FirstRead, signed_dates
from zakhira.watch.kept_words import Words, with_kept_vetoes, with_what_was_read
from zakhira.watch.look import Seen
from zakhira.watch.ports import SignedThings
from zakhira.watch.signed import SignedSpend, signed_spend_of
from zakhira.watch.state import WatchState

_ACT_SEEN = "act seen "
_CLOCKS_APART = timedelta(minutes=10)
"""[E] So far the coordinator's clock may lie behind ours: acts of the policy are recorded by its clock, and no lock is
so short (low 1 min, high 1 h)."""
SOURCE_READ = "source"
"""Names among the state's instants the last reading of the source."""


@dataclass(frozen=True)
class Read:
    """What could be read of the signed spends, why the rest could not, and what names all of it."""

    spends: Mapping[str, SignedSpend]
    """with every veto over them that was ever read"""
    said: Mapping[str, SignedSpend]
    """as the source says them now"""
    faults: Mapping[str, str]
    digest: str


def take_signed(state: WatchState, seen: Seen) -> WatchState:
    """What the source says, on top of what it said before: what it no longer says is kept."""
    signed = seen.signed
    if signed is None:
        return state
    times = dict(state.times)
    if signed.heartbeat is not None:
        said = utc_text(signed.heartbeat.at)
        if times.get(HEARTBEAT_SAID) != said:
            # One of tomorrow counts from when it was read, or it would hide the silence until then.
            times[HEARTBEAT] = utc_text(min(signed.heartbeat.at, seen.at))
            times[HEARTBEAT_SAID] = said
        times[COORDINATOR_BLOCK] = f"{signed.heartbeat.height}:{signed.heartbeat.block_hash}"
    last = state.time(SOURCE_READ)
    merged = {**state.signed, **signed.spends}
    words = with_what_was_read(words_of(state), signed, merged)
    if last is not None:
        # It was not there at the last reading, however long ago that is: a lock is not shortened by an old date.
        for name in words.acts.keys() - state.acts.keys():
            times[f"{_ACT_SEEN}{name}"] = utc_text(last - _CLOCKS_APART)
    times[SOURCE_READ] = utc_text(seen.at)
    return replace(
        state,
        signed=merged if merged != state.signed else state.signed,
        acts=words.acts,
        vetoes=words.vetoes,
        missing=words.missing,
        read=_first_read(state, signed, seen.at, last),
        times=times,
    )


def words_of(state: WatchState) -> Words:
    """The acts and vetoes of a state."""
    return Words(state.acts, state.vetoes, state.missing)


def acts_seen(state: WatchState) -> dict[str, datetime]:
    """Before which each act was surely not there, by its id."""
    prefix = len(_ACT_SEEN)
    return {name[prefix:]: parse_utc(at) for name, at in state.times.items() if name.startswith(_ACT_SEEN)}


def _first_read(
    state: WatchState, signed: SignedThings, at: datetime, last: datetime | None
) -> Mapping[str, FirstRead]:
    fresh: dict[str, FirstRead] = {}
    for name, body in signed.spends.items():
        before = state.signed.get(name)
        if body is before or body == before:
            continue
        for signature in _signatures(body) - _signatures(before):
            if signature not in state.read:
                fresh[signature] = FirstRead(at, last)
    return {**state.read, **fresh} if fresh else state.read


def _signatures(body: Json) -> set[str]:
    found = None if body is None else parsed(canonical_bytes(body))
    return set(signed_dates(found)) if isinstance(found, SignedSpend) else set()


def read_signed(signed: Mapping[str, Json], vetoes: Mapping[str, Json]) -> Read:
    """Every spend that the source tells, as far as it is one, and the vetoes that are kept."""
    spends: dict[str, SignedSpend] = {}
    faults: dict[str, str] = {}
    for name, body in signed.items():
        found = parsed(canonical_bytes(body))
        if isinstance(found, str):
            faults[name] = found
        else:
            spends[name] = found
    told = {name: content_hash(body) for name, body in signed.items()}
    digest = content_hash({"spends": told, "vetoes": sorted(vetoes)})
    return Read(with_kept_vetoes(spends, vetoes), spends, faults, digest)


@lru_cache(maxsize=65_536)
def parsed(body: bytes) -> SignedSpend | str:
    """The spend that these bytes say, or why they are none; each is read once."""
    try:
        return signed_spend_of(parse_canonical(body))
    except ZakhiraError as error:
        return error.message

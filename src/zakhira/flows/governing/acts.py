"""The acts of authority in the books, and what they come to at a moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from zakhira.controls.authority import Authority
from zakhira.controls.authority_fold import authority_at, settled, take_act
from zakhira.controls.public_acts import Founding, RecordedAct, act_json, act_of
from zakhira.flows.governing.refusals import AuthorityForged
from zakhira.flows.ports.books import Books, Record
from zakhira.flows.ports.books_check import decode_body, encode_body
from zakhira.kernel.errors import ZakhiraError
from zakhira.programme.model import Policy

AUTHORITY_ACT = "authority act"
"""Kind of the records of acts; the id is the act's number, with leading zeros."""


def act_record(recorded: RecordedAct) -> Record:
    """The record of an act."""
    return Record(AUTHORITY_ACT, f"{recorded.number:08d}", act_json(recorded))


def recorded_acts(books: Books) -> tuple[RecordedAct, ...]:
    """Every act, in order.

    Raises:
        AuthorityForged: a record is no act.
    """
    found = []
    for name, body in books.records(AUTHORITY_ACT).items():
        try:
            found.append(act_of(body))
        except ZakhiraError as error:
            raise AuthorityForged(f"Act {name} of the books cannot be read: {error.message}", _REMEDY) from None
    return tuple(found)


_REMEDY = "Sign nothing. Somebody has written to the database: find out who, and restore a backup."


def authority_of(books: Books, programme_policy: Policy, now: datetime) -> Authority:
    """The state of authority at ``now`` (UTC), every signature checked.

    A clock that stands before the last act counts as standing there: setting it back brings no older policy back.
    Books that were never opened by a desk have no acts; then ``programme_policy`` is the only version.

    Raises:
        AuthorityForged: an act on the record does not verify.
    """
    place: _Place | None = None
    for name, body in books.records(AUTHORITY_ACT).items():
        place = _after(place, name, encode_body(body))
    if place is None:
        return authority_at((RecordedAct(1, now, Founding(programme_policy)),), now)
    state = settled(place.state, max(now, place.state.at))
    if state.faults:
        first = state.faults[0]
        raise AuthorityForged(f"Act {first.number} of the books does not count: {first.refusal.text}", _REMEDY)
    return state


@dataclass(frozen=True, eq=False)
class _Place:
    """A place in the order of acts, known by itself alone, with the authority there."""

    state: Authority


@lru_cache(maxsize=4_096)
def _after(before: _Place | None, name: str, body: str) -> _Place:
    """The place after one more act. It follows from its arguments: a program that looks again checks what is new."""
    try:
        recorded = act_of(decode_body(body))
    except ZakhiraError as error:
        raise AuthorityForged(f"Act {name} of the books cannot be read: {error.message}", _REMEDY) from None
    return _Place(take_act(Authority(at=recorded.at) if before is None else before.state, recorded))

"""The acts of authority in the books, and what they come to at a moment."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from weakref import WeakKeyDictionary

from zakhira.controls.acts.authority import Authority
from zakhira.controls.acts.authority_fold import authority_at, settled, take_act
from zakhira.controls.acts.public_acts import Founding, RecordedAct, act_json, act_of
from zakhira.flows.governing.refusals import AuthorityForged
from zakhira.flows.ports.books import Books, Record
from zakhira.kernel.canonical import Json
from zakhira.kernel.errors import ZakhiraError
from zakhira.programme.model import Policy, Vault
from zakhira.programme.vault_text import vault_hash

AUTHORITY_ACT = "authority act"
"""Kind of the records of acts; the id is the act's number, with leading zeros."""


def act_record(recorded: RecordedAct) -> Record:
    """The record of an act."""
    return Record(AUTHORITY_ACT, act_name(recorded.number), act_json(recorded))


def act_name(number: int) -> str:
    """The id of the record of an act."""
    return f"{number:08d}"


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
    place = _PLACES.get(books)
    if place is None:
        for name, body in books.records(AUTHORITY_ACT).items():
            place = _after(place, name, body)
    else:
        while (body := books.latest(AUTHORITY_ACT, name := act_name(place.last_number + 1))) is not None:
            place = _after(place, name, body)
    if place is None:
        founding = Founding(programme_policy, definitions(programme_policy.vaults))
        return authority_at((RecordedAct(1, now, founding),), now)
    _PLACES[books] = place
    return settled(place, max(now, place.at))


def definitions(vaults: Iterable[Vault]) -> tuple[tuple[str, str], ...]:
    """Id and hash of each vault; of two with one id the later counts."""
    return tuple({vault.id: vault_hash(vault) for vault in vaults}.items())


_PLACES: WeakKeyDictionary[Books, Authority] = WeakKeyDictionary()
"""How far each opened books were looked at. Acts are written once and never changed: what was checked stays so."""


def _after(before: Authority | None, name: str, body: Json) -> Authority:
    """The authority after one more act; raises AuthorityForged."""
    try:
        recorded = act_of(body)
    except ZakhiraError as error:
        raise AuthorityForged(f"Act {name} of the books cannot be read: {error.message}", _REMEDY) from None
    after = take_act(Authority(at=recorded.at) if before is None else before, recorded)
    if after.faults:
        raise AuthorityForged(f"Act {name} of the books does not count: {after.faults[0].refusal.text}", _REMEDY)
    return after

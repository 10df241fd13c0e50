"""The acts of authority in the books, and what they come to at a moment."""

from __future__ import annotations

from datetime import datetime

from zakhira.controls.authority import Authority
from zakhira.controls.authority_fold import authority_at
from zakhira.controls.public_acts import Founding, RecordedAct, act_json, act_of
from zakhira.flows.governing.refusals import AuthorityForged
from zakhira.flows.ports.books import Books, Record
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
    acts = recorded_acts(books)
    if not acts:
        acts = (RecordedAct(1, now, Founding(programme_policy)),)
    state = authority_at(acts, max(now, acts[-1].at))
    if state.faults:
        first = state.faults[0]
        raise AuthorityForged(f"Act {first.number} of the books does not count: {first.refusal.text}", _REMEDY)
    return state

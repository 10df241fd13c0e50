"""A case: one difference that nobody has explained, with who must act, since when, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import partial
from typing import cast

from zakhira.controls.approval import Approval
from zakhira.flows.ports.books import Books, Record
from zakhira.flows.reconciling.difference import Part
from zakhira.flows.reconciling.reading import read_record
from zakhira.flows.word_text import approval_json, approval_of
from zakhira.kernel.canonical import Json, content_hash
from zakhira.kernel.ids import derive_id
from zakhira.kernel.interval import parse_utc, utc_text
from zakhira.kernel.money import Amount, parse_amount

CASE = "case"
"""Kind of the records of cases; the id is made of what the difference is about, so that none is opened twice."""
_ID_DIGITS = 8


class CaseState(Enum):
    """Where a case is."""

    OPEN = "open"
    ACCEPTED = "accepted"
    """the difference is there, and an officer has signed that it may stay: it is listed until it is gone"""
    CLOSED = "closed"
    """the difference is gone"""


@dataclass(frozen=True)
class Acceptance:
    """An officer's signed word that a difference may stay, with the reason that was signed."""

    because: str
    word: Approval


@dataclass(frozen=True)
class Case:
    """A difference under somebody's care. A difference that comes back opens its case again, once more counted."""

    id: str
    part: Part
    key: str
    subject: str
    what: str
    world: Amount
    books: Amount
    opened_at: datetime
    owner: str
    """the role, or the officer, who must act"""
    halts: bool
    """it stops payouts by itself: it is large enough, or grave at any size"""
    state: CaseState = CaseState.OPEN
    changed_at: datetime | None = None
    """when it was accepted or closed"""
    because: str = ""
    """in words: why it was accepted, or by what it was closed"""
    acceptances: tuple[Acceptance, ...] = ()
    times: int = 1
    """how often it was opened"""

    @property
    def gap(self) -> Amount:
        """By how much the world has more than the books."""
        return self.world - self.books

    @property
    def side(self) -> str:
        """Which side has more."""
        return "books lack" if self.gap.units > 0 else "world lacks"

    @property
    def is_listed(self) -> bool:
        """Whether the difference is still there."""
        return self.state is not CaseState.CLOSED

    def acceptance_hash(self, because: str) -> str:
        """What an officer signs who accepts the difference: which one, its amounts, and why."""
        amounts: dict[str, Json] = {"world": str(self.world), "books": str(self.books)}
        return content_hash({"case": self.id, "times": self.times, "because": because, **amounts})

    @property
    def record(self) -> Record:
        """The record of the case as it is."""
        body: Json = {
            "part": self.part.value,
            "key": self.key,
            "subject": self.subject,
            "what": self.what,
            "world": str(self.world),
            "books": str(self.books),
            "opened_at": utc_text(self.opened_at),
            "owner": self.owner,
            "halts": self.halts,
            "state": self.state.value,
            "changed_at": utc_text(self.changed_at) if self.changed_at else "",
            "because": self.because,
            "acceptances": [{"because": item.because, "word": approval_json(item.word)} for item in self.acceptances],
            "times": self.times,
        }
        return Record(CASE, self.id, body)


def case_id(part: Part, key: str) -> str:
    """The id of the case about something: ``chain-3f9a1c07``."""
    return f"{part.value}-{derive_id('case', part.value, key)[:_ID_DIGITS]}"


def cases(books: Books) -> Mapping[str, Case]:
    """Every case by its id, closed ones too, in the order in which they were first opened; raises BooksDamaged."""
    return {name: case_of(name, body) for name, body in books.records(CASE).items()}


def case_of(name: str, body: Json) -> Case:
    """The case that :attr:`Case.record` wrote; raises BooksDamaged."""
    return read_record(CASE, name, body, partial(_case_of, name))


def _case_of(name: str, body: Json) -> Case:
    told = cast("Mapping[str, Json]", body)
    changed_at = str(told["changed_at"])
    made = Case(
        id=name,
        part=Part(told["part"]),
        key=str(told["key"]),
        subject=str(told["subject"]),
        what=str(told["what"]),
        world=parse_amount(str(told["world"])),
        books=parse_amount(str(told["books"])),
        opened_at=parse_utc(str(told["opened_at"])),
        owner=str(told["owner"]),
        halts=bool(told["halts"]),
        state=CaseState(told["state"]),
        changed_at=parse_utc(changed_at) if changed_at else None,
        because=str(told["because"]),
        acceptances=tuple(_acceptance_of(item) for item in cast("list[Json]", told["acceptances"])),
        times=int(str(told["times"])),
    )
    if made.world.commodity is not made.books.commodity:
        raise ValueError("its sides are of two commodities")
    return made


def _acceptance_of(body: Json) -> Acceptance:
    told = cast("Mapping[str, Json]", body)
    return Acceptance(str(told["because"]), approval_of(cast("Mapping[str, Json]", told["word"])))

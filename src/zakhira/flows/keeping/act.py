"""An act on the ledger: what officers sign, whole, before it is carried out; and its record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from zakhira.flows.paying.matter import Matter, Words, words_json, words_of
from zakhira.flows.ports.books import Record
from zakhira.kernel.canonical import Json, content_hash
from zakhira.kernel.interval import parse_utc, utc_text
from zakhira.ledger.entry import Entry, entry_of

LEDGER_ACT = "ledger act"
"""Kind of the records of acts on the ledger; the id is the hash of what is signed."""
ACTION = "policy-change"
"""What the policy is asked for an act on the ledger: whoever may change the policy may, together, correct the books."""
WAITING, DONE = "waiting", "done"


@dataclass(frozen=True)
class LedgerAct:
    """What is to be written: entries, and records of accounts or periods. ``title`` says it in a few words."""

    title: str
    because: str
    entries: tuple[Entry, ...] = ()
    records: tuple[Record, ...] = ()
    turn: int = 0
    """how often the account was changed before: frozen a second time for the same reason is another act"""

    @property
    def statement(self) -> Json:
        """What is signed: everything that will be written."""
        return {
            "title": self.title,
            "because": self.because,
            "turn": self.turn,
            "entries": [entry.as_json() for entry in self.entries],
            "records": [{"kind": record.kind, "id": record.id, "body": record.body} for record in self.records],
        }

    @property
    def hash(self) -> str:
        """SHA-256 over the canonical bytes of the statement, in hex: the same content is the same act."""
        return content_hash(self.statement)


def act_of(statement: Json) -> LedgerAct:
    """The act whose :attr:`LedgerAct.statement` this is."""
    told = cast("Mapping[str, Json]", statement)
    return LedgerAct(
        str(told["title"]),
        str(told["because"]),
        tuple(map(entry_of, cast("Sequence[Json]", told["entries"]))),
        tuple(
            Record(str(one["kind"]), str(one["id"]), one["body"])
            for one in cast("Sequence[Mapping[str, Json]]", told["records"])
        ),
        cast("int", told["turn"]),
    )


@dataclass(frozen=True)
class ActRecord:
    """An act with the words of officers. Times in UTC, whole seconds."""

    act: LedgerAct
    proposer: str
    proposed_at: datetime
    expires_at: datetime
    signature: str = ""
    words: Words = field(default_factory=Words)
    state: str = WAITING

    @property
    def matter(self) -> Matter:
        """What the policy is asked. An act may hold several commodities, so that no band of amounts fits it."""
        hash_ = self.act.hash
        return Matter(
            ACTION, f"act {hash_[:12]}", hash_, self.proposer, self.proposed_at, self.expires_at, self.signature
        )

    @property
    def record(self) -> Record:
        """The record of the act as it stands."""
        body: Json = {
            "statement": self.act.statement,
            "proposer": self.proposer,
            "proposed_at": utc_text(self.proposed_at),
            "expires_at": utc_text(self.expires_at),
            "signature": self.signature,
            "words": words_json(self.words),
            "state": self.state,
        }
        return Record(LEDGER_ACT, self.act.hash, body)


def act_record_of(act: LedgerAct, body: Json) -> ActRecord:
    """The record of this act, as it was written."""
    told = cast("Mapping[str, str]", body)
    return ActRecord(
        act,
        told["proposer"],
        parse_utc(told["proposed_at"]),
        parse_utc(told["expires_at"]),
        told["signature"],
        words_of(cast("Mapping[str, Json]", body)["words"], act.hash),
        told["state"],
    )

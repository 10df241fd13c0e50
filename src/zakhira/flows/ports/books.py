"""The one funnel that every write passes (C5), and what can be read back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from zakhira.controls.chain.audit import AuditEntry, ChainHead, Seal, Unsealed
from zakhira.controls.chain.audit_evidence import NO_EVIDENCE, Evidence
from zakhira.flows.ports.coin_events import CoinEvent, events_bytes
from zakhira.flows.ports.progress import Progress, silent
from zakhira.kernel.canonical import Json, NotCanonical, canonical_bytes
from zakhira.kernel.money import Amount
from zakhira.ledger.balances import LotBalance
from zakhira.ledger.entry import Entry
from zakhira.ledger.entry_text import entries_text
from zakhira.programme.model import AccountSpec

__all__ = [
    "Books",
    "LotBalance",
    "Receipt",
    "Record",
    "SealedWrite",
    "StoredWrite",
    "Write",
    "content_bytes",
    "input_hash",
]


@dataclass(frozen=True)
class Record:
    """A document of some kind (plan, day, payment, spend, block ...). A new version is added, never written over."""

    kind: str
    id: str
    body: Json


@dataclass(frozen=True)
class Write:
    """One act: all of it is committed, or nothing.

    ``key`` is the idempotency key: the same key with the same input returns the first receipt and writes nothing; with
    another input it raises KeyReused. The input hash covers entries, records (kinds, ids, bodies) and the chain's
    events, not ``at``.
    """

    key: str
    actor: str
    action: str
    at: datetime
    entries: tuple[Entry, ...] = ()
    records: tuple[Record, ...] = field(default=())
    coin_events: tuple[CoinEvent, ...] = ()
    """What the watcher saw of the chain, in order."""


@dataclass(frozen=True)
class Receipt:
    """What a write came to. ``replayed`` when it had been done before."""

    key: str
    leaf_hash: str
    """what the write will be in the audit chain (:mod:`zakhira.controls.chain.audit`); its place is known later"""
    replayed: bool


@dataclass(frozen=True)
class StoredWrite:
    """One write as it is stored: its audit entry and what it wrote, in order."""

    audit: AuditEntry
    entries: tuple[Entry, ...]
    records: tuple[Record, ...]
    coin_events: tuple[CoinEvent, ...] = ()

    @property
    def content(self) -> bytes:
        """What the audit entry's content hash covers, made anew from what is stored."""
        return content_bytes(self.entries, self.records, self.coin_events)


@dataclass(frozen=True)
class SealedWrite:
    """A write and its place in the audit chain."""

    write: StoredWrite
    seal: Seal


def content_bytes(entries: Iterable[Entry], records: Iterable[Record], coin_events: Sequence[CoinEvent] = ()) -> bytes:
    """What a write says, as canonical JSON; events of the chain stand in it only where there are any.

    Raises:
        NotCanonical: a body holds NaN, an integer beyond 2^53, or something that is not JSON.
        NotUtc: an entry is not dated in UTC.
    """
    plain = entries_text(entries)
    told: list[Json] = [{"kind": record.kind, "id": record.id, "body": record.body} for record in records]
    bodies = canonical_bytes(told) if told else b"[]"
    try:
        events = b'"coin_events":' + events_bytes(coin_events) + b"," if coin_events else b""
        return b"{" + events + b'"entries":' + plain.encode() + b',"records":' + bodies + b"}"
    except UnicodeEncodeError as error:
        raise NotCanonical(f"Not encodable: {error}.", "Write the text in Unicode without lone surrogates.") from None


def input_hash(entries: Iterable[Entry], records: Iterable[Record], coin_events: Sequence[CoinEvent] = ()) -> str:
    """What a write says, as one hash: the audit entry carries it, and it can be computed again from what is stored."""
    return hashlib.sha256(content_bytes(entries, records, coin_events)).hexdigest()


class Books(Protocol):
    """Ledger, records and audit chain in one database. Every method may raise DatabaseUnreachable or DatabaseFull.

    The errors are in :mod:`zakhira.flows.ports.books_errors`.
    """

    def open_accounts(self, accounts: tuple[AccountSpec, ...]) -> None:
        """Make sure these accounts exist.

        One that exists with another commodity or kind raises AccountConflict, and none of them is opened.
        """

    def commit(self, write: Write) -> Receipt:
        """Write it, whole or not at all.

        Raises Unbalanced, UnknownAccount, LotMissing (or another of ledger.faults), Overdrawn, BalanceTooLarge,
        EntryExists, KeyReused, UnstorableText or BrokenChainEvent, with nothing written. After DatabaseUnreachable it
        is not known whether it was written: the same write may be committed again with the same key.
        """

    def done(self, key: str) -> Receipt | None:
        """The receipt of a write that was committed, or None."""

    def latest(self, kind: str, record_id: str) -> Json | None:
        """The newest body of a record."""

    def versions(self, kind: str, record_id: str) -> tuple[Json, ...]:
        """Every body that a record ever had, the oldest first; none if there is no such record."""

    def bodies(self, kind: str, record_ids: Sequence[str]) -> Mapping[str, Json]:
        """The newest bodies of those of these records that there are, by id."""

    def records(self, kind: str) -> Mapping[str, Json]:
        """The newest bodies of a kind by id, in the order in which ids were first written."""

    def balances(self) -> Mapping[str, Amount]:
        """Every account's balance."""

    def lots(self, account: str) -> tuple[LotBalance, ...]:
        """The lots of an account that are not used up, by outpoint."""

    def entries(self) -> tuple[Entry, ...]:
        """Every entry by the number of its write: one that was committed before another began comes before it."""

    def audit_entries(self) -> tuple[AuditEntry, ...]:
        """The audit entry of every write by number, sealed or not."""

    def chain_head(self) -> ChainHead:
        """Position and hash of the end of the sealed chain: what is signed, and anchored in Bitcoin."""

    def sealed(self, after: int, limit: int) -> tuple[SealedWrite, ...]:
        """The sealed writes behind position ``after``, in the order of the chain, up to a limit."""

    def unsealed(self) -> Unsealed:
        """How many writes are committed and not in the chain yet, and since when the oldest of them waits."""

    def seal(self) -> int:
        """Chain everything that is committed; returns how many writes that were. Safe to call from anywhere."""

    def breaks(self, evidence: Evidence = NO_EVIDENCE, progress: Progress = silent) -> tuple[str, ...]:
        """Everything that does not hold when balances, lots, hashes and the chain are computed anew from the store.

        The chain is held against ``evidence`` of what it was, too. Nothing if all is well. ``progress``
        hears how many of the writes are done.
        """

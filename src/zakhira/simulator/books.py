"""In-memory twin of the books, with the same rules and with faults on demand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from zakhira.controls.chain.audit import EMPTY_CHAIN, AuditEntry, ChainHead, Seal, Unsealed, make_entry, next_seal
from zakhira.controls.chain.audit_evidence import NO_EVIDENCE, Evidence
from zakhira.flows.ports.books import LotBalance, Receipt, Record, SealedWrite, StoredWrite, Write
from zakhira.flows.ports.books_check import (
    ShownChain,
    ShownSeals,
    decode_body,
    encode_body,
    find_breaks,
    require_storable,
)
from zakhira.flows.ports.books_errors import AccountConflict, DatabaseUnreachable, EntryExists, KeyReused
from zakhira.flows.ports.coin_fold import ChainFold
from zakhira.flows.ports.ledger_records import changes_of
from zakhira.flows.ports.progress import Progress, silent
from zakhira.kernel.canonical import Json
from zakhira.kernel.money import Amount, Commodity
from zakhira.ledger.account_record import HeldAccount
from zakhira.ledger.balances import lots_left
from zakhira.ledger.chart import claim_of
from zakhira.ledger.checks import require_valid
from zakhira.ledger.entry import Entry
from zakhira.ledger.fold import LedgerFold
from zakhira.ledger.periods import require_over
from zakhira.programme.model import AccountSpec
from zakhira.simulator.coin_stock import CoinStock


@dataclass
class BooksFaults:
    """Which calls go wrong, counted from 1 over all calls of the twin. A call that went wrong stays counted."""

    unreachable_on: set[int] = field(default_factory=set)
    """Nothing happens and DatabaseUnreachable is raised."""
    acknowledgement_lost_on: set[int] = field(default_factory=set)
    """The call is carried out, and then DatabaseUnreachable is raised."""
    delivered_twice_on: set[int] = field(default_factory=set)
    """A commit arrives twice, as from a transport that repeats itself; the caller gets the second receipt."""


class SimulatedBooks:
    """Implements ``flows.ports.books.Books`` in memory. It seals each write at once.

    Its clock says when a write is entered: without one, at the moment that the write names itself. With a
    ``backing_depth`` claims in coin are held against the coins that lie so many blocks deep.
    """

    def __init__(
        self,
        faults: BooksFaults | None = None,
        *,
        clock: Callable[[], datetime] | None = None,
        backing_depth: int | None = None,
    ) -> None:
        self.faults = faults or BooksFaults()
        self.calls = 0
        self.clock = clock
        self.stock = CoinStock(backing_depth)
        """What stands behind claims in coin."""
        self.entered: list[tuple[Entry, StoredWrite, datetime]] = []
        """Every entry in the order in which it was entered, with its write and the moment."""
        self._writes: list[StoredWrite] = []
        self._seals: list[Seal] = []
        self._by_key: dict[str, StoredWrite] = {}
        self._bodies: dict[tuple[str, str], list[str]] = {}
        self.ledger = LedgerFold()
        self.fold = ChainFold()
        """The followed chain; only a commit changes it."""

    def open_accounts(self, accounts: tuple[AccountSpec, ...]) -> None:
        """Make sure these accounts exist."""
        lost = self._called()
        for account in accounts:
            held = self.ledger.accounts.get(account.code)
            known = account if held is None else held.spec
            if (known.commodity, known.kind, claim_of(known)) != (account.commodity, account.kind, claim_of(account)):
                raise AccountConflict(
                    f"{account.code} exists as a {known.kind} in {known.commodity}, not a {account.kind} in "
                    f"{account.commodity}.",
                    "Give the other account a code of its own.",
                )
        for account in accounts:
            self.ledger.accounts.setdefault(account.code, HeldAccount(account))
        self._acknowledge(lost=lost)

    def commit(self, write: Write) -> Receipt:
        """Write it, whole or not at all."""
        lost = self._called()
        receipt = self._commit(write)
        if self.calls in self.faults.delivered_twice_on:
            receipt = self._commit(write)
        self._acknowledge(lost=lost)
        return receipt

    def done(self, key: str) -> Receipt | None:
        """The receipt of a write that was committed, or None."""
        self._acknowledge(lost=self._called())
        stored = self._by_key.get(key)
        return None if stored is None else Receipt(key, stored.audit.leaf_hash, replayed=True)

    def latest(self, kind: str, record_id: str) -> Json | None:
        """The newest body of a record."""
        self._acknowledge(lost=self._called())
        bodies = self._bodies.get((kind, record_id))
        return decode_body(bodies[-1]) if bodies else None

    def versions(self, kind: str, record_id: str) -> tuple[Json, ...]:
        """Every body that a record ever had, the oldest first."""
        self._acknowledge(lost=self._called())
        return tuple(decode_body(body) for body in self._bodies.get((kind, record_id), ()))

    def bodies(self, kind: str, record_ids: Sequence[str]) -> Mapping[str, Json]:
        """The newest bodies of those of these records that there are, by id."""
        self._acknowledge(lost=self._called())
        found = {record_id: self._bodies.get((kind, record_id)) for record_id in record_ids}
        return {record_id: decode_body(bodies[-1]) for record_id, bodies in found.items() if bodies}

    def records(self, kind: str) -> Mapping[str, Json]:
        """The newest bodies of a kind by id, in the order in which ids were first written."""
        self._acknowledge(lost=self._called())
        return {id_: decode_body(bodies[-1]) for (other, id_), bodies in self._bodies.items() if other == kind}

    def balances(self) -> Mapping[str, Amount]:
        """Every account's balance, by code."""
        self._acknowledge(lost=self._called())
        return self._balances()

    def lots(self, account: str) -> tuple[LotBalance, ...]:
        """The lots of an account that are not used up, by outpoint."""
        self._acknowledge(lost=self._called())
        return lots_left(self.ledger.sums, account)

    def entries(self) -> tuple[Entry, ...]:
        """Every entry by the number of its write."""
        self._acknowledge(lost=self._called())
        return tuple(entry for write in self._writes for entry in write.entries)

    def audit_entries(self) -> tuple[AuditEntry, ...]:
        """The audit entry of every write by number."""
        self._acknowledge(lost=self._called())
        return tuple(write.audit for write in self._writes)

    def chain_head(self) -> ChainHead:
        """The end of the sealed chain."""
        self._acknowledge(lost=self._called())
        return self._head

    def sealed(self, after: int, limit: int) -> tuple[SealedWrite, ...]:
        """The sealed writes behind a position, up to a limit."""
        self._acknowledge(lost=self._called())
        pairs = zip(self._writes[after : after + limit], self._seals[after : after + limit], strict=True)
        return tuple(SealedWrite(write, seal) for write, seal in pairs)

    def unsealed(self) -> Unsealed:
        """None: each write is sealed at once."""
        self._acknowledge(lost=self._called())
        return Unsealed(0, None)

    def seal(self) -> int:
        """Nothing is left to seal."""
        self._acknowledge(lost=self._called())
        return 0

    def breaks(self, evidence: Evidence = NO_EVIDENCE, progress: Progress = silent) -> tuple[str, ...]:
        """Everything that does not hold when the store is computed anew; nothing if all is well."""
        self._acknowledge(lost=self._called())
        progress("Verifying", len(self._writes), max(1, len(self._writes)), "writes")
        return find_breaks(
            self._writes,
            self.ledger.specs,
            self._balances(),
            lots_left(self.ledger.sums),
            ShownSeals(self._seals, self._head, len(self._writes)),
            ShownChain(self.fold.blocks, tuple(self.fold.coins.values())),
            evidence,
        )

    @property
    def _head(self) -> ChainHead:
        return ChainHead(self._seals[-1].position, self._seals[-1].hash) if self._seals else EMPTY_CHAIN

    def _called(self) -> bool:
        self.calls += 1
        if self.calls in self.faults.unreachable_on:
            raise DatabaseUnreachable(f"Call {self.calls} was told to fail.", "Ask again.")
        return self.calls in self.faults.acknowledgement_lost_on

    def _acknowledge(self, *, lost: bool) -> None:
        if lost:
            raise DatabaseUnreachable(f"The answer to call {self.calls} was told to get lost.", "Ask again.")

    def _balances(self) -> dict[str, Amount]:
        return {
            code: Amount(self.ledger.sums.accounts.get(code, 0), Commodity[spec.commodity])
            for code, spec in sorted(self.ledger.specs.items())
        }

    def _commit(self, write: Write) -> Receipt:
        content = require_storable(write)
        stored = self._by_key.get(write.key)
        if stored is not None:
            if stored.audit.content_hash != content:
                raise KeyReused(f"The key {write.key!r} was used for another input.", "Give each write its own key.")
            return Receipt(write.key, stored.audit.leaf_hash, replayed=True)
        entered_at = self._moment(write)
        changes = changes_of(write.records)
        require_valid(write.entries, self.ledger.specs)
        self._require_new_ids(write.entries)
        self.ledger.require(write.entries, changes)
        for period in changes.periods:
            require_over(period, entered_at)
        fold = self.fold.copy() if write.coin_events else self.fold
        fold.add(write.coin_events)
        stock = self.stock.after(self.ledger, write, fold)
        audit = make_entry(len(self._writes) + 1, write.key, write.actor, write.action, write.at, content)
        # The bodies are kept as text: nobody can alter what was written through a reference to it.
        records = tuple(Record(r.kind, r.id, decode_body(encode_body(r.body))) for r in write.records)
        self._keep(StoredWrite(audit, write.entries, records, write.coin_events), entered_at)
        self.ledger.add(write.entries, changes)
        self.fold, self.stock = fold, stock
        return Receipt(write.key, audit.leaf_hash, replayed=False)

    def _require_new_ids(self, entries: Iterable[Entry]) -> None:
        seen: set[str] = set()
        for entry in entries:
            if entry.id in seen or entry.id in self.ledger.entries:
                raise EntryExists(f"The entry {entry.id!r} is in the books already.", "Correct it by a further entry.")
            seen.add(entry.id)

    def _moment(self, write: Write) -> datetime:
        """When a write is entered: never before the one before it."""
        now = write.at if self.clock is None else self.clock()
        return max(now, self.entered[-1][2]) if self.entered else now

    def _keep(self, stored: StoredWrite, entered_at: datetime) -> None:
        self._writes.append(stored)
        self._seals.append(next_seal(self._head, stored.audit))
        self._by_key[stored.audit.key] = stored
        self.entered += [(entry, stored, entered_at) for entry in stored.entries]
        for record in stored.records:
            self._bodies.setdefault((record.kind, record.id), []).append(encode_body(record.body))

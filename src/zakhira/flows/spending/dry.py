"""What would happen: the same use cases over books that remember for a moment, and a mempool that sends nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from zakhira.controls.chain.audit import AuditEntry, ChainHead, Unsealed
from zakhira.controls.chain.audit_evidence import NO_EVIDENCE, Evidence
from zakhira.custody.bump import MempoolRules, Package
from zakhira.custody.decoders import decode_transaction
from zakhira.flows.ports.books import Books, LotBalance, Receipt, SealedWrite, Write
from zakhira.flows.ports.books_check import require_storable
from zakhira.flows.ports.mempool import Mempool
from zakhira.flows.ports.progress import Progress, silent
from zakhira.flows.treasury import Treasury
from zakhira.kernel.canonical import Json
from zakhira.kernel.money import Amount
from zakhira.ledger.entry import Entry
from zakhira.programme.model import AccountSpec


class DryBooks:
    """Books whose writes are seen through this object alone and are gone with it."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._written: dict[tuple[str, str], Json] = {}
        self._receipts: dict[str, Receipt] = {}

    def open_accounts(self, accounts: tuple[AccountSpec, ...]) -> None:
        """Nothing: accounts are opened when somebody means it."""

    def commit(self, write: Write) -> Receipt:
        """Remember the records of the write."""
        content = require_storable(write)
        for record in write.records:
            self._written[record.kind, record.id] = record.body
        return self._receipts.setdefault(write.key, Receipt(write.key, content, replayed=False))

    def done(self, key: str) -> Receipt | None:
        """The receipt of a write, remembered or real."""
        return self._receipts.get(key) or self._books.done(key)

    def latest(self, kind: str, record_id: str) -> Json | None:
        """The newest body, remembered or real."""
        if (kind, record_id) in self._written:
            return self._written[kind, record_id]
        return self._books.latest(kind, record_id)

    def versions(self, kind: str, record_id: str) -> tuple[Json, ...]:
        """The real ones, and after them the newest that is remembered."""
        written = self._written.get((kind, record_id))
        real = self._books.versions(kind, record_id)
        return real if written is None else (*real, written)

    def bodies(self, kind: str, record_ids: Sequence[str]) -> Mapping[str, Json]:
        """The newest bodies, remembered or real."""
        ours = {id_: self._written[kind, id_] for id_ in record_ids if (kind, id_) in self._written}
        return {**self._books.bodies(kind, record_ids), **ours}

    def records(self, kind: str) -> Mapping[str, Json]:
        """All records of a kind, remembered ones over real ones."""
        return {**self._books.records(kind), **{id_: b for (other, id_), b in self._written.items() if other == kind}}

    def balances(self) -> Mapping[str, Amount]:
        """The real ones."""
        return self._books.balances()

    def lots(self, account: str) -> tuple[LotBalance, ...]:
        """The real ones."""
        return self._books.lots(account)

    def entries(self) -> tuple[Entry, ...]:
        """The real ones."""
        return self._books.entries()

    def audit_entries(self) -> tuple[AuditEntry, ...]:
        """The real ones."""
        return self._books.audit_entries()

    def chain_head(self) -> ChainHead:
        """The end of the sealed chain."""
        return self._books.chain_head()

    def sealed(self, after: int, limit: int) -> tuple[SealedWrite, ...]:
        """The real ones."""
        return self._books.sealed(after, limit)

    def unsealed(self) -> Unsealed:
        """The real ones."""
        return self._books.unsealed()

    def seal(self) -> int:
        """Nothing: what is remembered is never chained."""
        return 0

    def breaks(self, evidence: Evidence = NO_EVIDENCE, progress: Progress = silent) -> tuple[str, ...]:
        """The real ones."""
        return self._books.breaks(evidence, progress)


class DryMempool:
    """A mempool that is asked and never given anything."""

    def __init__(self, mempool: Mempool) -> None:
        self._mempool = mempool

    def fee_estimates(self, target_blocks: int) -> Mapping[int, int]:
        """The node's."""
        return self._mempool.fee_estimates(target_blocks)

    def mempool_rules(self) -> MempoolRules:
        """The node's."""
        return self._mempool.mempool_rules()

    def refusal(self, raw_hex: str) -> str:
        """The node's."""
        return self._mempool.refusal(raw_hex)

    def broadcast(self, raw_hex: str) -> str:
        """The id of the transaction, which is not sent."""
        return decode_transaction(raw_hex).txid

    def package(self, txid: str) -> Package | None:
        """The node's."""
        return self._mempool.package(txid)

    def raw_transactions(self, txids: Sequence[str], blocks: Mapping[str, str]) -> Mapping[str, str]:
        """The node's."""
        return self._mempool.raw_transactions(txids, blocks)


def dry_treasury(treasury: Treasury) -> Treasury:
    """The treasury with which everything can be tried and nothing happens."""
    return replace(treasury, books=DryBooks(treasury.books), mempool=DryMempool(treasury.mempool))

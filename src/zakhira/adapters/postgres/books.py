"""The books in PostgreSQL: one transaction for each write, and a database that refuses what must never happen."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from zakhira.adapters.postgres import reading, seals
from zakhira.adapters.postgres.accounts import KnownAccounts
from zakhira.adapters.postgres.connecting import RECOVERY_SECONDS, connect, reading_dsn
from zakhira.adapters.postgres.failures import translate
from zakhira.adapters.postgres.in_the_way import waited_in_vain
from zakhira.adapters.postgres.logins import Logins
from zakhira.adapters.postgres.opening import bring_up_to_date
from zakhira.adapters.postgres.roles import APP_ROLE, WATCHER_ROLE
from zakhira.adapters.postgres.sealer import Sealer
from zakhira.adapters.postgres.transfers import insert_transfers
from zakhira.adapters.postgres.writing import Found, PreparedWrite, insert_write, prepare
from zakhira.controls.chain.audit import AuditEntry, ChainHead, Unsealed
from zakhira.controls.chain.audit_evidence import NO_EVIDENCE, Evidence
from zakhira.flows.ports.backing_records import needs_watcher
from zakhira.flows.ports.books import LotBalance, Receipt, SealedWrite, Write
from zakhira.flows.ports.books_errors import DatabaseUnreachable, KeyReused, WritersInTheWay
from zakhira.flows.ports.progress import Progress, silent
from zakhira.kernel.canonical import Json
from zakhira.kernel.errors import InvalidInput, OutsideFailure
from zakhira.kernel.money import Amount
from zakhira.ledger.checks import require_valid
from zakhira.ledger.entry import Entry
from zakhira.programme.model import AccountSpec

Value = TypeVar("Value")
RACE_TRIES = 5
"""How often a write is tried when others are in its way; a deadlock is told within a second."""


def open_books(logins: Logins | str) -> PostgresBooks:
    """Bring the database's schema up to date and open the books in it, with a sealer in the background.

    One address stands for a login that may take on every role.

    Raises:
        DatabaseUnreachable, DatabaseRefused: the database does not answer, or does not let us in.
        SchemaTooNew, SchemaAltered, SchemaBehind: it is not the schema of this Zakhira.
        RolesMissing: the login may not make or take on the database's roles.
    """
    given = Logins.of_one(logins) if isinstance(logins, str) else logins
    bring_up_to_date(given)
    return PostgresBooks(given, Sealer(given.app))


class PostgresBooks:
    """Implements ``flows.ports.books.Books``. It is for one thread; a lost connection is made again at the next call.

    The schema must be there (:func:`open_books`). Without a sealer nothing is chained until :meth:`seal` is called.
    What holds facts of the chain is written over a connection of its own, as the watcher.
    """

    def __init__(
        self, logins: Logins | str, sealer: Sealer | None = None, *, recovery_s: float = RECOVERY_SECONDS
    ) -> None:
        self._logins = Logins.of_one(logins) if isinstance(logins, str) else logins
        self._recovery_s = recovery_s
        self._sealer = sealer
        self._has_written = False
        self._lines: dict[str, Connection[TupleRow]] = {}
        self._accounts = KnownAccounts()

    @property
    def logins(self) -> Logins:
        """Whom these books are opened as."""
        return self._logins

    def reader(self, timeout_s: float) -> PostgresBooks:
        """The same books over a connection of its own, for another thread that only looks.

        It cannot write, and no question of its may take longer than so many seconds.
        """
        return PostgresBooks(Logins(reading_dsn(self._logins.app, timeout_s)), recovery_s=0)

    def close(self) -> None:
        """Seal what is left, draw up sums, close the connection; the books can be used again and then open another."""
        if self._sealer is not None:
            self._sealer.close()
            if self._lines and self._has_written:
                # What is committed is safe; if it cannot be sealed now, whoever writes next does it.
                with contextlib.suppress(OutsideFailure):
                    self.seal()
                    self._ask(seals.roll_up)
        for line in self._lines.values():
            line.close()
        self._lines.clear()

    def open_accounts(self, accounts: tuple[AccountSpec, ...]) -> None:
        """Make sure these accounts exist; see the port."""
        self._ask(lambda connection: self._accounts.open(connection, accounts))

    def commit(self, write: Write) -> Receipt:
        """Write it, whole or not at all; see the port.

        When the connection breaks it is made again and the write is sent once more: its key makes that safe. So it is
        when another write was in its way.
        """
        prepared = prepare(write)
        role = WATCHER_ROLE if needs_watcher(write) else APP_ROLE
        for last in (*[False] * (RACE_TRIES - 1), True):
            try:
                receipt = self._ask(lambda connection: self._commit(connection, prepared), role)
                break
            except WritersInTheWay:
                if last:
                    raise
        self.note_written()
        return receipt

    def done(self, key: str) -> Receipt | None:
        """The receipt of a write that was committed, or None."""
        found = self._ask(lambda connection: reading.find_write(connection, key))
        return None if found is None else Receipt(key, found.leaf_hash, replayed=True)

    def latest(self, kind: str, record_id: str) -> Json | None:
        """The newest body of a record."""
        return self._ask(lambda connection: reading.read_latest(connection, kind, record_id))

    def versions(self, kind: str, record_id: str) -> tuple[Json, ...]:
        """Every body that a record ever had, the oldest first."""
        return self._ask(lambda connection: reading.read_versions(connection, kind, record_id))

    def bodies(self, kind: str, record_ids: Sequence[str]) -> Mapping[str, Json]:
        """The newest bodies of those of these records that there are, by id."""
        return self._ask(lambda connection: reading.read_bodies(connection, kind, record_ids))

    def records(self, kind: str) -> Mapping[str, Json]:
        """The newest bodies of a kind by id, in the order in which ids were first written."""
        return self._ask(lambda connection: reading.read_records(connection, kind))

    def balances(self) -> Mapping[str, Amount]:
        """Every account's balance, by code."""
        return self._ask(reading.read_balances)

    def lots(self, account: str) -> tuple[LotBalance, ...]:
        """The lots of an account that are not used up, by outpoint."""
        return self._ask(lambda connection: reading.read_lots(connection, account))

    def entries(self) -> tuple[Entry, ...]:
        """Every entry by the number of its write."""
        return self._ask(reading.read_entries)

    def audit_entries(self) -> tuple[AuditEntry, ...]:
        """The audit entry of every write by number, sealed or not."""
        return self._ask(reading.read_audit)

    def chain_head(self) -> ChainHead:
        """The end of the sealed chain."""
        return self._ask(seals.read_head)

    def sealed(self, after: int, limit: int) -> tuple[SealedWrite, ...]:
        """The sealed writes behind a position, in the order of the chain, up to a limit."""
        return self._ask(lambda connection: seals.read_sealed(connection, after, limit))

    def unsealed(self) -> Unsealed:
        """What is committed and not in the chain yet."""
        return self._ask(seals.read_unsealed)

    def seal(self) -> int:
        """Chain everything that is committed; see the port."""
        return self._ask(seals.seal_all)

    def breaks(self, evidence: Evidence = NO_EVIDENCE, progress: Progress = silent) -> tuple[str, ...]:
        """Everything that does not hold when the store is computed anew; nothing if all is well."""
        return self._ask(lambda connection: seals.read_breaks(connection, evidence, self._another, progress))

    def ask(self, question: Callable[[Connection[TupleRow]], Value]) -> Value:
        """Ask a reading question over this connection; what asks may be asked twice."""
        return self._ask(question)

    def ask_as_watcher(self, question: Callable[[Connection[TupleRow]], Value]) -> Value:
        """As :meth:`ask`, with the watcher's login; raises NotTheWatcher."""
        return self._ask(question, WATCHER_ROLE)

    def note_written(self) -> None:
        """Something was committed, over this connection or over another: it is to be sealed."""
        self._has_written = True
        if self._sealer is not None:
            self._sealer.wake()

    def _another(self) -> Connection[TupleRow]:
        """One more connection of the program's, for whoever closes it."""
        return connect(self._logins.address(APP_ROLE), role=APP_ROLE, recovery_s=self._recovery_s)

    def _ask(self, question: Callable[[Connection[TupleRow]], Value], role: str = APP_ROLE) -> Value:
        """Ask the database; ask once more over a new connection when the one at hand turns out to be broken."""
        fresh = role not in self._lines
        try:
            return self._ask_once(question, role)
        except DatabaseUnreachable:
            if fresh or role in self._lines:
                raise
            return self._ask_once(question, role)

    def _ask_once(self, question: Callable[[Connection[TupleRow]], Value], role: str) -> Value:
        line = self._lines.get(role)
        if line is None:
            line = connect(self._logins.address(role), role=role, recovery_s=self._recovery_s)
            self._lines[role] = line
        try:
            return question(line)
        except psycopg.errors.LockNotAvailable as error:
            raise waited_in_vain(error, line) from error
        except psycopg.Error as error:
            raise translate(error) from error
        finally:
            if line.closed:
                del self._lines[role]

    def _commit(self, connection: Connection[TupleRow], prepared: PreparedWrite) -> Receipt:
        write, audit = prepared.write, prepared.audit
        if insert_transfers(connection, prepared, self._accounts):
            return Receipt(write.key, audit.leaf_hash, replayed=False)
        self._accounts.learn(connection, write.entries)
        try:
            require_valid(write.entries, self._accounts.specs)
        except InvalidInput:
            # What was done before is told even if it would not be accepted now.
            found = reading.find_write(connection, write.key)
            if found is None:
                raise
            return _replayed(audit, Found(found.content_hash, found.leaf_hash))
        there = insert_write(connection, prepared, self._accounts.numbers)
        return Receipt(write.key, audit.leaf_hash, replayed=False) if there is None else _replayed(audit, there)


def _replayed(audit: AuditEntry, there: Found) -> Receipt:
    if there.content_hash != audit.content_hash:
        raise KeyReused(f"The key {audit.key!r} was used for another input.", "Give each write its own key.")
    return Receipt(audit.key, there.leaf_hash, replayed=True)

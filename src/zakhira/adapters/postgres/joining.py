"""Commits of many coroutines over one connection: what waits at the same moment is written in one transaction.

Most of what a small write costs is not its rows but each statement, each commit, and each change from one thread to
another. So those who commit are coroutines of one event loop. While the server is at one transaction, whoever comes
waits; those who wait when it is done go together in the next. Each write still has its own key, its own receipt and its
own place in the audit chain, and whoever brought it goes on only when it is safe on disk. A second connection would
gain nothing: two small transactions at once make each other wait, and each is the dearer the fewer share it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from zakhira.adapters.postgres.accounts import KnownAccounts
from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.adapters.postgres.connecting import connect_async
from zakhira.adapters.postgres.logins import Logins
from zakhira.adapters.postgres.roles import APP_ROLE
from zakhira.adapters.postgres.sealer import Sealer
from zakhira.adapters.postgres.transfers import transfers_statement
from zakhira.adapters.postgres.writing import PreparedWrite, prepare
from zakhira.flows.ports.books import Receipt, Write
from zakhira.kernel.errors import ZakhiraError
from zakhira.kernel.money import Commodity
from zakhira.programme.model import AccountSpec

MOST = 256
"""Writes in one transaction; more would let the first of them wait for long."""
SMALL = 64
"""Entries of a write that shares a transaction; a larger one has its own."""
Value = TypeVar("Value")


@dataclass(eq=False)
class _Waiting:
    prepared: PreparedWrite
    commodity: Commodity
    written: asyncio.Future[bool]
    """False where what stands in its way, or in another's, is told by writing it alone."""


class JoinedBooks:
    """Any number of coroutines of one event loop commit through it; the schema must be there (:func:`open_books`).

    A thread commits by ``asyncio.run_coroutine_threadsafe(books.commit(write), loop).result()``.
    """

    def __init__(self, logins: Logins | str) -> None:
        self._logins = Logins.of_one(logins) if isinstance(logins, str) else logins
        self._books = PostgresBooks(self._logins, Sealer(self._logins.app))
        self._apart = ThreadPoolExecutor(1, thread_name_prefix="books")
        """The thread of ``_books``, over which goes what shares no transaction"""
        self._line: AsyncConnection[TupleRow] | None = None
        self._accounts = KnownAccounts()
        self._waiting: list[_Waiting] = []
        self._group: list[_Waiting] = []
        """Those at whose writes the server is"""
        self._writer: asyncio.Task[None] | None = None
        self._is_open = True

    async def open_accounts(self, accounts: tuple[AccountSpec, ...]) -> None:
        """Make sure these accounts exist; see the port."""
        await self._ask_apart(lambda: self._books.ask(lambda line: self._accounts.open(line, accounts)))

    async def commit(self, write: Write) -> Receipt:
        """Write it, whole or not at all, as :meth:`PostgresBooks.commit` does; returns when it is safe on disk.

        Whoever is cancelled does not know whether it was written; its key makes it safe to ask again.
        """
        if not self._is_open:
            raise RuntimeError("these books are closed")
        if len(write.entries) <= SMALL:
            prepared = prepare(write)
            if prepared.transfers is not None and await self._line_up(prepared, prepared.transfers.commodity):
                return Receipt(write.key, prepared.audit.leaf_hash, replayed=False)
        return await self._ask_apart(lambda: self._books.commit(write))

    async def close(self) -> None:
        """Write what waits, seal what is left and close the connections; nobody commits any more.

        Whoever gave it up may call it again.
        """
        self._is_open = False
        if self._writer is not None:
            await asyncio.wait({self._writer})
        if self._line is not None:
            await self._line.close()
        await self._ask_apart(self._books.close)

    def _line_up(self, prepared: PreparedWrite, commodity: Commodity) -> asyncio.Future[bool]:
        loop = asyncio.get_running_loop()
        mine = _Waiting(prepared, commodity, loop.create_future())
        self._waiting.append(mine)
        if self._writer is None:
            self._writer = loop.create_task(self._run(), name="writer")
            self._writer.add_done_callback(self._leave_nobody)
        return mine.written

    async def _run(self) -> None:
        """Write what waits, until nobody waits any more."""
        while self._waiting:
            self._group = self._take()
            is_written = bool(self._group) and await self._write(self._group)
            for one in self._group:
                if not one.written.done():
                    one.written.set_result(is_written)
            await asyncio.sleep(0)  # those whose writes have just been done may come again
        self._writer = None

    def _leave_nobody(self, writer: asyncio.Task[None]) -> None:
        """Whoever still waits for a writer that was cancelled or failed waits no more."""
        error = None if writer.cancelled() else writer.exception()
        if error is None and not writer.cancelled():
            return
        for one in (*self._group, *self._waiting):
            if error is None or one.written.done():
                one.written.cancel()
            else:
                one.written.set_exception(error)
        self._writer, self._waiting = None, []

    def _take(self) -> list[_Waiting]:
        """All that waits and moves what the first moves; whoever was cancelled meanwhile has left the line."""
        waiting = [one for one in self._waiting if not one.written.done()]
        group = [one for one in waiting if one.commodity is waiting[0].commodity][:MOST]
        self._waiting = [one for one in waiting if one not in group] if len(group) < len(waiting) else []
        return group

    async def _write(self, group: Sequence[_Waiting]) -> bool:
        """Write all of these in one transaction, or none and say so."""
        writes = [one.prepared for one in group]
        try:
            statement = transfers_statement(writes, self._accounts)
            if statement is None:
                entries = [entry for one in writes for entry in one.write.entries]
                await self._ask_apart(lambda: self._books.ask(lambda line: self._accounts.learn(line, entries)))
                statement = transfers_statement(writes, self._accounts)
            if statement is None:
                return False
            if self._line is None or self._line.closed:
                self._line = await connect_async(self._logins.app, role=APP_ROLE)
            await self._line.execute(*statement)
        except (psycopg.Error, ZakhiraError):
            return False
        self._books.note_written()
        return True

    async def _ask_apart(self, question: Callable[[], Value]) -> Value:
        return await asyncio.get_running_loop().run_in_executor(self._apart, question)

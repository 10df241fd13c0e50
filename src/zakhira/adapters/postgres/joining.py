"""Commits of many threads over one connection: what waits at the same moment is written in one transaction.

Most of what a small write costs is not its rows but each statement and each commit. One thread has the connection; it
waits a moment for those whose writes it has just done, as they are often about to come again, and writes all that waits
together. Each write still has its own key, its own receipt and its own place in the audit chain, and its thread goes on
only when it is safe on disk. A second connection would gain nothing: two small transactions at once make each other
wait, and each is the dearer the fewer share it.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.adapters.postgres.logins import Logins
from zakhira.adapters.postgres.sealer import Sealer
from zakhira.adapters.postgres.transfers import moved_commodity
from zakhira.adapters.postgres.writing import PreparedWrite, prepare
from zakhira.flows.ports.books import Receipt, Write
from zakhira.kernel.errors import ZakhiraError
from zakhira.kernel.money import Commodity
from zakhira.programme.model import AccountSpec

MOST = 256
"""Writes in one transaction; more would let the first of them wait for long."""
SMALL = 64
"""Entries of a write that shares a transaction; a larger one has its own."""
GATHER_SECONDS = 0.001
"""For how long those are waited for whose writes have just been done; a commit takes about twice as long [E]."""


@dataclass(eq=False)
class _Waiting:
    prepared: PreparedWrite
    woken: threading.Lock = field(default_factory=threading.Lock)
    is_given_up: bool = False
    receipt: Receipt | None = None
    failure: BaseException | None = None


class JoinedBooks:
    """Any number of threads commit through it; the schema must be there (:func:`books.open_books`)."""

    def __init__(self, logins: Logins | str) -> None:
        given = Logins.of_one(logins) if isinstance(logins, str) else logins
        self._books = PostgresBooks(given, Sealer(given.app))
        self._waiting: deque[_Waiting] = deque()
        self._needed = 1
        """So many must wait for the bell to be rung"""
        self._bell = threading.Lock()
        self._bell.acquire()
        self._is_open = True
        self._writer = threading.Thread(target=self._run, name="writer", daemon=True)
        self._writer.start()

    def open_accounts(self, accounts: tuple[AccountSpec, ...]) -> None:
        """Make sure these accounts exist; see the port. It is done before threads commit."""
        self._books.open_accounts(accounts)

    def commit(self, write: Write) -> Receipt:
        """Write it, whole or not at all, as :meth:`PostgresBooks.commit` does; returns when it is safe on disk.

        Whoever is interrupted does not know whether it was written; its key makes it safe to ask again.
        """
        if not self._is_open:
            raise RuntimeError("these books are closed")
        mine = _Waiting(prepare(write))
        mine.woken.acquire()
        self._waiting.append(mine)
        if len(self._waiting) >= self._needed:
            self._ring()
        try:
            mine.woken.acquire()
        except BaseException:
            mine.is_given_up = True
            raise
        if mine.failure is not None:
            raise mine.failure
        assert mine.receipt is not None, "whoever is woken is done or has failed"
        return mine.receipt

    def close(self) -> None:
        """Write what waits, seal what is left and close the connection; nobody commits any more."""
        self._is_open = False
        self._ring()
        self._writer.join()
        self._books.close()

    def _ring(self) -> None:
        with contextlib.suppress(RuntimeError):  # it was rung already
            self._bell.release()

    def _run(self) -> None:
        """What the thread does that has the connection, until nobody waits any more."""
        done = 0
        while group := self._gather(done):
            try:
                _commit(self._books, [one for one in group if not one.is_given_up])
            except BaseException as error:  # noqa: BLE001 - it is raised where the write was to be made
                for one in group:
                    one.failure = one.failure or (error if one.receipt is None else None)
            for one in group:
                one.woken.release()
            done = len(group)

    def _gather(self, done: int) -> list[_Waiting]:
        """All that waits; those whose writes have just been done are waited for. Nothing when it is closed."""
        self._needed = max(1, len(self._waiting) + done)
        deadline = time.monotonic() + GATHER_SECONDS
        while self._is_open and len(self._waiting) < self._needed:
            left = deadline - time.monotonic()
            if left > 0:
                self._bell.acquire(timeout=left)
            elif self._waiting:
                break
            elif self._needed > 1:
                self._needed = 1  # and look again: who came before this was said has not rung
            else:
                self._bell.acquire()
        return [self._waiting.popleft() for _ in range(min(len(self._waiting), MOST))]


def _commit(books: PostgresBooks, group: Sequence[_Waiting]) -> None:
    """Give each its receipt, or what it was refused for."""
    by_commodity: dict[Commodity, list[_Waiting]] = {}
    for one in group:
        commodity = _commodity_of(one.prepared.write)
        if commodity is not None:
            by_commodity.setdefault(commodity, []).append(one)
    for joined in by_commodity.values():
        if len(joined) > 1:
            # What stands in their way together is told by writing them one by one.
            with contextlib.suppress(ZakhiraError):
                receipts = books.commit_together([one.prepared for one in joined])
                for one, receipt in zip(joined, receipts, strict=True):
                    one.receipt = receipt
    for one in group:
        if one.receipt is None:
            try:
                one.receipt = books.commit(one.prepared.write)
            except ZakhiraError as error:
                one.failure = error


def _commodity_of(write: Write) -> Commodity | None:
    """What it moves, if it may share a transaction."""
    return moved_commodity(write) if len(write.entries) <= SMALL else None

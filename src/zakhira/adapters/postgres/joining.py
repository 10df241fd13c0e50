"""Commits of many threads over one connection: what waits at the same moment is written in one transaction.

Most of what a small write costs is not its rows but each statement and each commit. A thread that finds the connection
free writes at once; those that come in the meantime wait, and one of them takes all along in the next transaction.
Each write still has its own key, its own receipt and its own place in the audit chain, and its thread goes on only when
it is safe on disk. A second connection would gain nothing: two small transactions at once make each other wait.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.adapters.postgres.logins import Logins
from zakhira.adapters.postgres.sealer import Sealer
from zakhira.adapters.postgres.writing import may_join
from zakhira.flows.ports.books import Receipt, Write
from zakhira.kernel.errors import ZakhiraError
from zakhira.programme.model import AccountSpec

GATHER_SECONDS = 0.0005
"""For how long whoever writes waits for those who came along last time; a commit takes several times as long [E]."""
MOST = 256
"""Writes in one transaction; more would let the first of them wait for long."""


@dataclass(eq=False)
class _Waiting:
    write: Write
    woken: threading.Lock = field(default_factory=threading.Lock)
    leads: bool = False
    """whether it is this one's turn to write for all that wait"""
    receipt: Receipt | None = None
    failure: BaseException | None = None


class JoinedBooks:
    """Any number of threads commit through it; the schema must be there (:func:`books.open_books`)."""

    def __init__(self, logins: Logins | str) -> None:
        given = Logins.of_one(logins) if isinstance(logins, str) else logins
        self._books = PostgresBooks(given, Sealer(given.app))
        self._mutex = threading.Lock()
        self._is_free = True
        self._waiting: list[_Waiting] = []
        self._usual, self._awaited = 1, 0
        self._enough = threading.Event()

    def open_accounts(self, accounts: tuple[AccountSpec, ...]) -> None:
        """Make sure these accounts exist; see the port. It is done before threads commit."""
        self._books.open_accounts(accounts)

    def commit(self, write: Write) -> Receipt:
        """Write it, whole or not at all, as :meth:`PostgresBooks.commit` does; returns when it is safe on disk."""
        mine = _Waiting(write)
        mine.woken.acquire()
        with self._mutex:
            mine.leads, self._is_free = self._is_free, False
            if not mine.leads:
                self._waiting.append(mine)
                if len(self._waiting) >= self._awaited:
                    self._enough.set()
        if not mine.leads:
            self._await(mine)
        if mine.leads:
            self._lead(mine)
        if mine.failure is not None:
            raise mine.failure
        assert mine.receipt is not None, "whoever is woken and does not lead is done"
        return mine.receipt

    def close(self) -> None:
        """Seal what is left and close the connection; nobody commits any more."""
        self._books.close()

    def _await(self, mine: _Waiting) -> None:
        """Sleep until it is done or leads. Whoever is interrupted leaves the line, and nobody waits for them."""
        try:
            mine.woken.acquire()
        except BaseException:
            with self._mutex:
                if mine in self._waiting:
                    self._waiting.remove(mine)
                must_hand_on = mine.leads
            if must_hand_on:
                self._hand_on()
            raise

    def _lead(self, first: _Waiting) -> None:
        """Write ``first`` and all that waits, hand the connection on, and wake the others."""
        group = [first]
        try:
            group += self._gather()
            _commit(self._books, group)
        except BaseException as error:
            for one in group:
                if one.receipt is None:
                    one.failure = one.failure or error
            raise
        finally:
            self._hand_on()
            for other in group[1:]:
                other.woken.release()

    def _gather(self) -> list[_Waiting]:
        """All that waits; those who came along last time are waited for, as they are often about to come again."""
        with self._mutex:
            self._awaited = self._usual - 1
            if len(self._waiting) < self._awaited:
                self._enough.clear()
        self._enough.wait(GATHER_SECONDS)
        with self._mutex:
            found = self._waiting[: MOST - 1]
            del self._waiting[: MOST - 1]
            self._usual = len(found) + 1
            self._enough.set()
        return found

    def _hand_on(self) -> None:
        with self._mutex:
            following = self._waiting.pop(0) if self._waiting else None
            self._is_free = following is None
            if following is not None:
                following.leads = True
                following.woken.release()


def _commit(books: PostgresBooks, group: Sequence[_Waiting]) -> None:
    """Give each its receipt, or what it was refused for."""
    joined = [one for one in group if may_join(one.write)]
    if len(joined) > 1:
        # What stands in their way together is told by writing them one by one.
        with contextlib.suppress(ZakhiraError):
            receipts = books.commit_together([one.write for one in joined])
            for one, receipt in zip(joined, receipts, strict=True):
                one.receipt = receipt
    for one in group:
        if one.receipt is None:
            try:
                one.receipt = books.commit(one.write)
            except ZakhiraError as error:
                one.failure = error

"""Commits of many threads over a few connections: what waits at the same moment is written in one transaction.

Most of what a small write costs is not its rows but each statement and each commit. A thread that finds a connection
free writes at once; those that come in the meantime wait, and the next one takes all of them along. Each still has its
own key, its own receipt and its own place in the audit chain, and is told done only when it is safe on disk.
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

LANES = 1
"""Connections: while one waits for the disk the other is at work [E]."""
GATHER_SECONDS = 0.0005
"""For how long whoever writes waits for those who came along last time; a commit takes several times as long [E]."""
MOST = 256
"""Writes in one transaction; more would let the first of them wait for long."""


@dataclass
class _Waiting:
    write: Write
    woken: threading.Lock = field(default_factory=threading.Lock)
    lane: PostgresBooks | None = None
    """Set when it is this one's turn to write, for all that wait."""
    receipt: Receipt | None = None
    failure: BaseException | None = None

    def outcome(self) -> Receipt:
        if self.failure is not None:
            raise self.failure
        assert self.receipt is not None, "whoever is woken without a lane is done"
        return self.receipt


class JoinedBooks:
    """Any number of threads commit through it; the schema must be there (:func:`books.open_books`)."""

    def __init__(self, logins: Logins | str, lanes: int = LANES) -> None:
        given = Logins.of_one(logins) if isinstance(logins, str) else logins
        self._sealer = Sealer(given.app)
        self._lanes = [PostgresBooks(given, self._sealer) for _ in range(lanes)]
        self._free = list(self._lanes)
        self._waiting: list[_Waiting] = []
        self._usual, self._others = 1, 0
        self._enough = threading.Event()
        self._mutex = threading.Lock()

    def open_accounts(self, accounts: tuple[AccountSpec, ...]) -> None:
        """Make sure these accounts exist; see the port. It is done before threads commit."""
        for lane in self._lanes:
            lane.open_accounts(accounts)

    def commit(self, write: Write) -> Receipt:
        """Write it, whole or not at all, as :meth:`PostgresBooks.commit` does; returns when it is safe on disk."""
        mine = _Waiting(write)
        mine.woken.acquire()
        with self._mutex:
            lane = self._free.pop() if self._free else None
            if lane is None:
                self._waiting.append(mine)
                if len(self._waiting) >= self._others:
                    self._enough.set()
        if lane is None:
            mine.woken.acquire()
            lane = mine.lane
        if lane is not None:
            self._lead(lane, mine)
        return mine.outcome()

    def close(self) -> None:
        """Seal what is left and close the connections; nobody commits any more."""
        for lane in self._lanes:
            lane.close()

    def _lead(self, lane: PostgresBooks, first: _Waiting) -> None:
        """Write ``first`` and all that waits, hand the connection on, and wake the others."""
        self._gather()
        with self._mutex:
            group = [first, *self._waiting[: MOST - 1]]
            del self._waiting[: MOST - 1]
            self._usual = len(group)
        try:
            _commit(lane, group)
        except BaseException as error:
            for one in group:
                if one.receipt is None:
                    one.failure = one.failure or error
            raise
        finally:
            with self._mutex:
                following = self._waiting.pop(0) if self._waiting else None
                if following is None:
                    self._free.append(lane)
            if following is not None:
                following.lane = lane
                following.woken.release()
            for other in group[1:]:
                other.woken.release()

    def _gather(self) -> None:
        """Wait a moment for those who came along last time: they are often about to come again."""
        with self._mutex:
            self._others = self._usual - 1
            if len(self._waiting) >= self._others:
                return
            self._enough.clear()
        self._enough.wait(GATHER_SECONDS)


def _commit(lane: PostgresBooks, group: Sequence[_Waiting]) -> None:
    joined = [one for one in group if may_join(one.write)]
    if len(joined) > 1:
        # What stands in their way together is told by writing them one by one.
        with contextlib.suppress(ZakhiraError):
            receipts = lane.commit_together([one.write for one in joined])
            for one, receipt in zip(joined, receipts, strict=True):
                one.receipt = receipt
    for one in group:
        if one.receipt is None:
            try:
                one.receipt = lane.commit(one.write)
            except ZakhiraError as error:
                one.failure = error  # raised in the thread that waits for it

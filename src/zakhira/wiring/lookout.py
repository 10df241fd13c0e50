"""A reserve looked at from beside the work: connections of its own, that only read, for an instrument's thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from zakhira.adapters.bitcoind.follow import BitcoindFollower
from zakhira.adapters.bitcoind.node_view import open_rpc
from zakhira.adapters.metrics.reserve import FollowerFigures, reserve_samples
from zakhira.adapters.metrics.sample import ReadyCheck, Sample
from zakhira.adapters.postgres.backing import PostgresBacking
from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.adapters.postgres.coin_store import PostgresCoins
from zakhira.flows.ports.coin_store import Depth
from zakhira.flows.reserve_figures import (
    BooksFigures,
    Look,
    NodeFigures,
    books_figures,
    node_figures,
    witness_figures,
)
from zakhira.flows.reserve_health import HealthState, readiness
from zakhira.kernel.errors import ZakhiraError
from zakhira.wiring.reserve_desk import Clock
from zakhira.wiring.reserve_folder import NodeAddress, ReserveTerms

ANSWER_S = 5.0
"""A database or node that takes longer for one question counts as away: a scrape waits for 10 s in all."""
FRESH_S = 1.0
"""A look serves everybody who asks within a second: readers that come at once cost one look."""


class Lookout:
    """Looks at books and nodes. May be asked from any thread; close it after use.

    ``books`` and ``node`` are errors where they could not be opened at all: that is what a look then tells.
    """

    def __init__(
        self,
        terms: ReserveTerms,
        books: PostgresBooks | ZakhiraError,
        node: NodeAddress | ZakhiraError,
        clock: Clock,
        follower: Callable[[], FollowerFigures] | None = None,
    ) -> None:
        self._depth: Depth = terms.depth
        self._books = books.reader(ANSWER_S) if isinstance(books, PostgresBooks) else books
        self._node = _Eye(node, terms.chain)
        self._second = None if terms.second_node is None else _Eye(terms.second_node, terms.chain)
        self._clock, self._follower = clock, follower
        self._lock = threading.Lock()
        self._last: tuple[float, float, Look] | None = None

    def close(self) -> None:
        """Close the connections."""
        if isinstance(self._books, PostgresBooks):
            self._books.close()

    def look(self) -> tuple[Look, float]:
        """What is seen now, or was within the last second, and how long it took in seconds."""
        with self._lock:
            begun = time.monotonic()
            if self._last is None or begun - self._last[0] > FRESH_S:
                look = self._look()
                ended = time.monotonic()
                self._last = (ended, ended - begun, look)
            return self._last[2], self._last[1]

    def samples(self) -> Sequence[Sample]:
        """The look as samples, with what the follower of this process tells."""
        look, took_s = self.look()
        return reserve_samples(look, took_s, self._follower() if self._follower else None)

    def ready(self) -> Sequence[ReadyCheck]:
        """What must hold before this reserve can be worked with."""
        parts = readiness(self.look()[0])
        return [
            ReadyCheck(part.name, part.state is not HealthState.FAILING, part.detail, part.remedy) for part in parts
        ]

    def _look(self) -> Look:
        books = self._books_seen()
        height = books.span.height if isinstance(books, BooksFigures) and books.span is not None else None
        second = None if self._second is None else self._second.see(height, is_second=True)
        return Look(self._clock(), books, self._node.see(height), second)

    def _books_seen(self) -> BooksFigures | ZakhiraError:
        if isinstance(self._books, ZakhiraError):
            return self._books
        try:
            coins, backing = PostgresCoins(self._books), PostgresBacking(self._books)
            return books_figures(self._books, coins, self._depth, self._clock(), backing)
        except ZakhiraError as error:
            return error


class _Eye:
    """A node that is asked over one connection, which is made again after it failed."""

    def __init__(self, address: NodeAddress | ZakhiraError, chain: str) -> None:
        self._address, self._chain = address, chain
        self._node: BitcoindFollower | None = None

    def see(self, height: int | None, *, is_second: bool = False) -> NodeFigures | ZakhiraError:
        """What it says, or why it says nothing."""
        if isinstance(self._address, ZakhiraError):
            return self._address
        try:
            if self._node is None:
                rpc = open_rpc(self._address.url, self._address.cookie, chain=self._chain, timeout_s=ANSWER_S)
                self._node = BitcoindFollower(rpc)
            return witness_figures(self._node, height) if is_second else node_figures(self._node, height)
        except ZakhiraError as error:
            self._node = None  # never subscribed to anything: there is nothing to close
            return error

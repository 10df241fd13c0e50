"""Signed instructions out of the coordinator's database, as a role that may read nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import cast

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Composed, Identifier

from zakhira.adapters.postgres.connecting import connect
from zakhira.adapters.postgres.failures import translate
from zakhira.adapters.postgres.roles import WATCHTOWER_ROLE
from zakhira.kernel.canonical import Json
from zakhira.kernel.errors import ZakhiraError
from zakhira.watch.ports import Heartbeat, SignedThings, SourceUnreadable

ANSWER_MS = 5_000
"""A question that takes longer is given up, so that the chain is looked at again."""
_RECOVERY_S = 0.0
"""A server that recovers is not waited for: the next turn asks again, and the chain must not wait for it."""
REST_FACTOR = 50
"""Everything is read again after this many times as long as it took: edited records are found, the server is spared."""


class PostgresSource:
    """Implements :class:`zakhira.watch.ports.SignedSource`; for one thread.

    What is new is read each time; all of it now and then, so that a record that was edited in place is noticed.
    """

    def __init__(self, dsn: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._dsn = dsn
        self._clock = clock
        self._connection: Connection[TupleRow] | None = None
        self._kept: dict[str, dict[str, Json]] = {}
        self._last: dict[str, int] = {}
        self._whole_again = 0.0

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def read(self) -> SignedThings:
        """What officers signed, as of now; raises SourceUnreadable."""
        try:
            return self._read()
        except (psycopg.Error, ZakhiraError) as error:
            self.close()
            told = translate(error) if isinstance(error, psycopg.Error) else error
            raise SourceUnreadable(told.message, "See that the coordinator's database runs and lets us in.") from None

    def _read(self) -> SignedThings:
        connection = self._connected()
        started = self._clock()
        whole = started >= self._whole_again
        if whole:
            self._last = {}
        spends = self._newest(connection, "watched_spend")
        acts = self._newest(connection, "watched_act")
        if whole:
            now = self._clock()
            self._whole_again = now + REST_FACTOR * (now - started)
        beat = connection.execute("SELECT at, height, block_hash FROM zakhira.watched_heartbeat").fetchone()
        return SignedThings(spends, acts, Heartbeat(*beat) if beat else None)

    def _connected(self) -> Connection[TupleRow]:
        if self._connection is None or self._connection.closed:
            connection = connect(self._dsn, role=WATCHTOWER_ROLE, recovery_s=_RECOVERY_S)
            connection.execute("SET default_transaction_read_only TO on")
            connection.execute(SQL("SET statement_timeout TO {}").format(ANSWER_MS))
            self._connection = connection
        return self._connection

    def _newest(self, connection: Connection[TupleRow], view: str) -> dict[str, Json]:
        rows = connection.execute(_newest_of(view), (self._last.get(view, -1),)).fetchall()
        if rows or view not in self._kept:
            self._kept[view] = {**self._kept.get(view, {}), **{str(row[0]): cast("Json", row[2]) for row in rows}}
            self._last[view] = max((int(row[1]) for row in rows), default=self._last.get(view, -1))
        return self._kept[view]


def _newest_of(view: str) -> Composed:
    """The newest step of each id that has a step after a place in the books."""
    return SQL(
        "SELECT DISTINCT ON (id) id, sequence, signed FROM zakhira.{} WHERE sequence > %s "
        "ORDER BY id, sequence DESC, ordinal DESC"
    ).format(Identifier(view))

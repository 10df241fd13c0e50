"""Seals in the background what one process commits, so that no writer waits for the chain."""

from __future__ import annotations

import math
import threading
import time

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from zakhira.adapters.postgres.connecting import connect
from zakhira.adapters.postgres.failures import translate
from zakhira.adapters.postgres.roles import APP_ROLE
from zakhira.adapters.postgres.seals import is_due, roll_up, seal_all
from zakhira.kernel.errors import ZakhiraError

PAUSE_SECONDS = 0.3
"""Between a commit and its seal, and between two turns: many commits share one turn, and each is sealed in a second."""
ROLL_UP_SECONDS = 1.0
"""Between two turns in which sums of busy accounts are drawn up: the more that waits, the less of it is each one's."""
RETRY_SECONDS = 1.0
_SHARED = 0.9
"""A write that waits for a shorter part of the pause is sealed in the next turn, by whoever comes first."""
_JOIN_SECONDS = 30.0


class Sealer:
    """A thread with a connection of its own that seals after it was woken. It starts at the first :meth:`wake`.

    Sums of busy accounts follow within a second or two, also when nothing more is written.
    Any number of processes may have one: the database lets them take turns. What one that was killed left behind, any
    other seals.
    """

    def __init__(self, dsn: str, pause_s: float = PAUSE_SECONDS) -> None:
        self._dsn, self._pause_s = dsn, pause_s
        self._work, self._stop = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._rolled_at = -math.inf
        self._is_behind = False
        """Something was sealed since sums were drawn up"""
        self.failure: ZakhiraError | None = None
        """Why the last turn failed; None after one that did not."""

    def wake(self) -> None:
        """Something was committed."""
        self._work.set()
        if self._thread is None:
            self._stop.clear()
            self._thread = threading.Thread(target=self._run, name="sealer", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """End the thread after the turn that it is in. It can be woken again."""
        if self._thread is not None:
            self._stop.set()
            self._work.set()
            self._thread.join(_JOIN_SECONDS)
            self._thread = None

    def _run(self) -> None:
        connection: Connection[TupleRow] | None = None
        try:
            while not self._waits_until_stopped():
                self._work.clear()
                connection = self._turn(connection)
        finally:
            if connection is not None:
                connection.close()

    def _waits_until_stopped(self) -> bool:
        """Wait for work, or until sums are due, and for what comes with it; whether we were stopped meanwhile."""
        due_at = self._rolled_at + ROLL_UP_SECONDS
        self._work.wait(max(0.0, due_at - time.monotonic()) if self._is_behind else None)
        return self._stop.wait(self._pause_s)

    def _turn(self, connection: Connection[TupleRow] | None) -> Connection[TupleRow] | None:
        """One turn; returns the connection for the next, or None when another must be made."""
        try:
            connection = connection or connect(self._dsn, role=APP_ROLE)
            # Each turn is a commit of its own: where many seal, what another has just sealed is left to its next turn.
            due = is_due(connection, self._pause_s * _SHARED)
            if due:
                seal_all(connection)
                self._is_behind = True
            elif due is not None:
                self._work.set()
            if self._is_behind:
                self._roll_up(connection)
        except psycopg.Error as error:
            self.failure = translate(error)
        except ZakhiraError as error:
            self.failure = error
        else:
            self.failure = None
            return connection
        if connection is not None:
            connection.close()
        self._work.set()
        self._stop.wait(RETRY_SECONDS)
        return None

    def _roll_up(self, connection: Connection[TupleRow]) -> None:
        now = time.monotonic()
        if now - self._rolled_at >= ROLL_UP_SECONDS:
            roll_up(connection)
            self._rolled_at, self._is_behind = now, False

"""Connections to the database, and what it means when there is none."""

from __future__ import annotations

import logging
import time

import psycopg
from psycopg import AsyncConnection, Connection
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier

from zakhira.adapters.postgres.failures import translate
from zakhira.adapters.postgres.login_limits import IDLE_S, LOCK_WAIT_S
from zakhira.adapters.postgres.roles import take_on
from zakhira.flows.ports.books_errors import DatabaseRefused, DatabaseUnreachable
from zakhira.kernel.errors import ZakhiraError

CONNECT_SECONDS = 10
RECOVERY_SECONDS = 30.0
"""A server whose process crashed lets nobody in until it has recovered."""
POLL_SECONDS = 0.1
_UTC = "SET timezone TO 'UTC'"
_PATIENCE = "SELECT set_config('lock_timeout', %s, false), set_config('idle_in_transaction_session_timeout', %s, false)"
"""On a server of one's own logins have no settings of ours."""
_WAITS = (f"{LOCK_WAIT_S}s", f"{IDLE_S}s")
_RECOVERING = "the database system is"
"""... starting up, in recovery mode, shutting down, not yet accepting connections."""
_BUSY = ("too many clients", "connection slots")
_ENDING = "terminating connection"
"""... due to unexpected postmaster exit, due to administrator command: its server died or stops while it lets us in."""


def connect(dsn: str, *, role: str | None, recovery_s: float = RECOVERY_SECONDS) -> Connection[TupleRow]:
    """Connect, each statement its own transaction unless one is opened.

    ``role`` is taken on: the program's may only append and read. None: whatever the login may.

    Raises:
        DatabaseUnreachable: nobody answers, or not in time.
        DatabaseRefused: the server answers and does not let us in, or the address cannot be read.
        RolesMissing: the login may not take on the role.
    """
    _require_readable(dsn)
    deadline = time.monotonic() + recovery_s
    while True:
        try:
            connection = psycopg.connect(dsn, connect_timeout=CONNECT_SECONDS, autocommit=True)
        except psycopg.OperationalError as error:
            if _RECOVERING not in str(error) or time.monotonic() >= deadline:
                raise _refusal(error) from error
            time.sleep(POLL_SECONDS)
        else:
            return _prepared(connection, role)


async def connect_async(dsn: str, *, role: str) -> AsyncConnection[TupleRow]:
    """As :func:`connect`, within an event loop; it has no patience with a server that recovers.

    Raises psycopg.Error: whoever is refused learns by :func:`connect` for what.
    """
    connection = await AsyncConnection.connect(dsn, connect_timeout=CONNECT_SECONDS, autocommit=True)
    _keep_quiet()
    try:
        await connection.execute(_UTC)
        await connection.execute(SQL("SET ROLE {}").format(Identifier(role)))
        await connection.execute(_PATIENCE, _WAITS)
    except BaseException:  # cancelled, too
        await connection.close()
        raise
    return connection


def reading_dsn(dsn: str, timeout_s: float) -> str:
    """The address for connections that only read, and that give up a question after so long."""
    milliseconds = int(timeout_s * 1000)
    given = conninfo_to_dict(dsn).get("options") or ""
    options = f"{given} -c default_transaction_read_only=on -c statement_timeout={milliseconds}".strip()
    return make_conninfo(dsn, options=options, tcp_user_timeout=str(milliseconds))


def _require_readable(dsn: str) -> None:
    try:
        conninfo_to_dict(dsn)
    except psycopg.ProgrammingError:
        # The library's message would repeat the address, and with it a password.
        raise DatabaseRefused(
            "The database's address cannot be read.", "Write it like postgresql://user:password@host:5432/zakhira."
        ) from None


def _prepared(connection: Connection[TupleRow], role: str | None) -> Connection[TupleRow]:
    _keep_quiet()
    try:
        connection.execute(_UTC)
        if role is not None:
            take_on(connection, role)
            connection.execute(_PATIENCE, _WAITS)
    except psycopg.Error as error:
        connection.close()
        raise translate(error) from error
    except ZakhiraError:
        connection.close()
        raise
    return connection


def _keep_quiet() -> None:
    """A connection that breaks inside a transaction cannot roll back; the library would tell so on stderr."""
    log = logging.getLogger("psycopg")
    if not log.handlers:
        log.addHandler(logging.NullHandler())


def _refusal(error: psycopg.OperationalError) -> ZakhiraError:
    lines = str(error).strip().splitlines() or ["no answer"]
    said = next((line for line in lines if "FATAL:" in line), lines[0]).strip(" .")
    answered = "FATAL:" in said and not any(words in said for words in (_RECOVERING, _ENDING, *_BUSY))
    if answered:
        return DatabaseRefused(f"The database refuses us: {said}.", "Check its name, the user and the password.")
    return DatabaseUnreachable(
        f"The database does not answer: {said}.", "See that it runs, and run again: what is committed stays."
    )

"""What the embedded server's logins are held to, so that a session that hangs, or many of them, stop nobody for long.

They are settings of the logins, which a session of theirs may lift for itself, but for the number of connections and
the room for temporary files: they are against mistakes. ``docs/database.md`` says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier, Literal

from zakhira.adapters.postgres.passfiles import Login

LOCK_WAIT_S = 15.0
"""How long the program waits for others' locks before it says who is in the way; a write tries five times."""
IDLE_S = 60.0
"""A transaction in which nothing happens is ended: shorter than the five tries, so that these outlive it."""
PEOPLES_CONNECTIONS = 5
"""Of the server's 40, for each login of people: what is left is enough for the program and the watcher."""
_NO_LIMIT = -1
_IDLE = {"idle_in_transaction_session_timeout": f"{IDLE_S:.0f}s"}
_PROGRAM = {**_IDLE, "lock_timeout": f"{LOCK_WAIT_S:.0f}s"}
_STATED = "SELECT rolname, rolconnlimit, coalesce(rolconfig, '{}') FROM pg_roles WHERE rolname = ANY(%s)"


@dataclass(frozen=True)
class Limits:
    """Settings of one login, and how many connections it may have; -1 for as many as there are."""

    settings: dict[str, str]
    connections: int = field(default=_NO_LIMIT)


LIMITS = {
    Login.OWNER: Limits(_IDLE),
    Login.APP: Limits(_PROGRAM),
    Login.WATCHER: Limits(_PROGRAM),
    Login.READER: Limits({**_IDLE, "statement_timeout": "5min", "temp_file_limit": "1GB"}, PEOPLES_CONNECTIONS),
    Login.AUDITOR: Limits({**_IDLE, "statement_timeout": "2h", "temp_file_limit": "10GB"}, PEOPLES_CONNECTIONS),
    Login.WATCHTOWER: Limits({**_IDLE, "statement_timeout": "1min", "temp_file_limit": "1GB"}, PEOPLES_CONNECTIONS),
}
"""[E] An analyst's question and an auditor's, with room to spare; nobody has measured them on large books."""


def set_limits(connection: Connection[TupleRow]) -> None:
    """Hold each login to its limits from its next connection on, as the administrator. Safe to repeat."""
    for name, connections, stated in connection.execute(_STATED, ([*LIMITS],)).fetchall():
        due = LIMITS[Login(name)]
        with connection.transaction():
            if connections != due.connections:
                connection.execute(
                    SQL("ALTER ROLE {} CONNECTION LIMIT {}").format(Identifier(name), Literal(due.connections))
                )
            for setting, value in due.settings.items():
                if f"{setting}={value}" not in stated:
                    connection.execute(
                        SQL("ALTER ROLE {} SET {} = {}").format(Identifier(name), Identifier(setting), Literal(value))
                    )

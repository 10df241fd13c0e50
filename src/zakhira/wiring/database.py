"""Which PostgreSQL answers, and that one run at a time keeps its books there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from zakhira.adapters.postgres.connecting import connect
from zakhira.adapters.postgres.failures import translate
from zakhira.adapters.postgres.logins import Logins
from zakhira.kernel.errors import OutsideFailure
from zakhira.wiring.settings import Settings

SERIES = 10_000
"""PostgreSQL numbers its versions as series x 10,000 + release since 10."""
RUN_LOCK = 0x5A414B48495241
"""The key of the advisory lock that a run holds in its database: "ZAKHIRA" in ASCII."""


class DatabaseInUse(OutsideFailure):
    """Another run keeps its books in the database at this moment."""

    code = "ZK-WIRING-008"


def server_version(dsn: str) -> str:
    """The server's version in words.

    Raises:
        DatabaseUnreachable, DatabaseRefused: it does not answer, or does not let us in.
    """
    with connect(dsn, role=None) as connection:
        return version_text(connection.info.server_version)


def version_text(number: int) -> str:
    """A version of PostgreSQL in words, from its number."""
    return f"PostgreSQL {number // SERIES}.{number % SERIES}"


def given_logins(settings: Settings, url: str) -> Logins:
    """The logins of a server of the user's own.

    Where the application's address is the only one it stands for all: a login that may take on every role.
    """
    owner, watcher = settings.database_owner_url, settings.database_watcher_url
    if owner is None and watcher is None:
        return Logins.of_one(url)
    return Logins(url, owner, watcher)


@contextmanager
def alone_in(dsn: str) -> Iterator[None]:
    """Keep other runs out of the database; the server itself ends the lock when this process ends.

    Raises:
        DatabaseInUse: another run has it.
        DatabaseUnreachable, DatabaseRefused: it does not answer, or does not let us in.
    """
    with connect(dsn, role=None) as connection:
        if not _take_lock(connection):
            raise DatabaseInUse(
                "Another run keeps its books in this database at this moment.",
                "Wait for it, or set ZAKHIRA_DATABASE_URL to a database of its own.",
            )
        yield


def _take_lock(connection: Connection[TupleRow]) -> bool:
    try:
        return connection.execute("SELECT pg_try_advisory_lock(%s)", (RUN_LOCK,)).fetchone() == (True,)
    except psycopg.Error as error:
        raise translate(error) from error

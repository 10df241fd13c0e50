"""A database is brought to the schema of this Zakhira before its books are opened."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from zakhira.adapters.postgres.connecting import connect
from zakhira.adapters.postgres.errors import SchemaBehind
from zakhira.adapters.postgres.failures import translate
from zakhira.adapters.postgres.logins import Logins
from zakhira.adapters.postgres.roles import APP_ROLE, WATCHER_ROLE, can_take_on
from zakhira.adapters.postgres.schema import load_migrations, migrate, pending

Value = TypeVar("Value")


def bring_up_to_date(logins: Logins) -> None:
    """Migrate with the owner's login if anything is pending; the application's login need not be able to.

    Raises:
        SchemaBehind: something is pending and the process has no login that may migrate.
        DatabaseUnreachable, DatabaseRefused, SchemaTooNew, SchemaAltered, RolesMissing: see ``open_books``.
    """
    migrations = load_migrations()
    due = _asked(logins.app, lambda connection: pending(connection, migrations))
    if not due:
        return
    if logins.owner is None:
        raise SchemaBehind(
            f"The database lacks {len(due)} of {len(migrations)} migrations, the first {due[0].name}.",
            "Set ZAKHIRA_DATABASE_OWNER_URL to a login that may migrate and run: zakhira db migrate",
        )
    # One login for all must be able to work as the program and as the watcher, too.
    takes_on = (APP_ROLE, WATCHER_ROLE) if logins.owner == logins.app else ()
    _asked(logins.owner, lambda connection: migrate(connection, migrations, takes_on))


def may_take_on(dsn: str, role: str) -> bool:
    """Whether the login can work as this role."""
    return _asked(dsn, lambda connection: can_take_on(connection, role))


def _asked(dsn: str, question: Callable[[Connection[TupleRow]], Value]) -> Value:
    with connect(dsn, role=None) as connection:
        try:
            return question(connection)
        except psycopg.Error as error:
            raise translate(error) from error

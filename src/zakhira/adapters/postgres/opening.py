"""A database is brought to the schema of this Zakhira before its books are opened."""

from __future__ import annotations

import psycopg

from zakhira.adapters.postgres.connecting import connect
from zakhira.adapters.postgres.errors import SchemaBehind
from zakhira.adapters.postgres.failures import translate
from zakhira.adapters.postgres.logins import Logins
from zakhira.adapters.postgres.roles import APP_ROLE, WATCHER_ROLE
from zakhira.adapters.postgres.schema import load_migrations, migrate, pending


def bring_up_to_date(logins: Logins) -> None:
    """Migrate with the owner's login if anything is pending; the application's login need not be able to.

    Raises:
        SchemaBehind: something is pending and the process has no login that may migrate.
        DatabaseUnreachable, DatabaseRefused, SchemaTooNew, SchemaAltered, RolesMissing: see ``open_books``.
    """
    migrations = load_migrations()
    with connect(logins.owner or logins.app, role=None) as connection:
        try:
            due = pending(connection, migrations)
            if not due:
                return
            if logins.owner is None:
                raise SchemaBehind(
                    f"The database lacks {len(due)} of {len(migrations)} migrations, the first {due[0].name}.",
                    "Set ZAKHIRA_DATABASE_OWNER_URL to a login that may migrate and run: zakhira db migrate",
                )
            # One login for all must be able to work as the program and as the watcher, too.
            alone = logins.owner == logins.app
            migrate(connection, migrations, (APP_ROLE, WATCHER_ROLE) if alone else ())
        except psycopg.Error as error:
            raise translate(error) from error

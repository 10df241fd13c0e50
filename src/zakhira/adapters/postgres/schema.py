"""Forward-only migrations: numbered SQL files, applied in one transaction, each remembered with its hash."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier

from zakhira.adapters.postgres.errors import SchemaAltered, SchemaTooNew
from zakhira.flows.ports.books_errors import DatabaseRefused

APP_ROLE = "zakhira_app"
"""The role that the program works as: it may append and read, and owns nothing."""
WATCHER_ROLE = "zakhira_watcher"
"""The role of the watchtower: it may read what officers signed, and the sign of life."""
MIGRATIONS = Path(__file__).parent / "migrations"
_MIGRATION_LOCK = 0x7A6B6872
"""Advisory lock: two programs never migrate one database at once."""


@dataclass(frozen=True)
class Migration:
    """One step of the schema."""

    version: int
    name: str
    sql: str

    @property
    def digest(self) -> str:
        """SHA-256 of its text."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def load_migrations(folder: Path = MIGRATIONS) -> tuple[Migration, ...]:
    """The migrations by number, without a gap from 1."""
    files = sorted(folder.glob("[0-9][0-9][0-9][0-9]_*.sql"))
    found = tuple(Migration(int(path.name[:4]), path.stem, path.read_text(encoding="utf-8")) for path in files)
    assert [one.version for one in found] == list(range(1, len(found) + 1)), "migrations are numbered without a gap"
    return found


def migrate(connection: Connection[TupleRow], migrations: tuple[Migration, ...]) -> int:
    """Bring the schema up to date and return its version; safe to repeat.

    Raises:
        SchemaTooNew: the database knows more migrations than given.
        SchemaAltered: one that was applied has another text.
        DatabaseRefused: the login may not make or take on the program's role.
    """
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_MIGRATION_LOCK,))
        _ensure_ground(connection)
        rows = connection.execute(
            "SELECT version, name, digest FROM zakhira.schema_version ORDER BY version"
        ).fetchall()
        _require_same(rows, migrations)
        for one in migrations[len(rows) :]:
            connection.execute(one.sql.encode())
            connection.execute(
                "INSERT INTO zakhira.schema_version (version, name, digest) VALUES (%s, %s, %s)",
                (one.version, one.name, one.digest),
            )
    return len(migrations)


def _ensure_ground(connection: Connection[TupleRow]) -> None:
    try:
        _ensure_role(connection, APP_ROLE)
        member = connection.execute("SELECT pg_has_role(current_user, %s, 'USAGE')", (APP_ROLE,)).fetchone()
        if member != (True,):
            connection.execute(SQL("GRANT {} TO CURRENT_USER").format(Identifier(APP_ROLE)))
        _ensure_role(connection, WATCHER_ROLE)
    except psycopg.errors.InsufficientPrivilege as error:
        login = connection.info.user
        raise DatabaseRefused(
            f"{login} may not make or take on the roles {APP_ROLE} and {WATCHER_ROLE}: {error.diag.message_primary}.",
            f"Let an administrator run: CREATE ROLE {APP_ROLE} NOLOGIN; GRANT {APP_ROLE} TO {login}; "
            f"CREATE ROLE {WATCHER_ROLE} NOLOGIN;",
        ) from error
    connection.execute("CREATE SCHEMA IF NOT EXISTS zakhira")
    connection.execute(
        "CREATE TABLE IF NOT EXISTS zakhira.schema_version (version integer PRIMARY KEY, name text NOT NULL, "
        "digest text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
    )


def _ensure_role(connection: Connection[TupleRow], role: str) -> None:
    if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone() is None:
        # Roles belong to the whole server: a migration of another database may be faster.
        with suppress(psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation), connection.transaction():
            connection.execute(SQL("CREATE ROLE {} NOLOGIN").format(Identifier(role)))


def _require_same(rows: list[TupleRow], migrations: tuple[Migration, ...]) -> None:
    if len(rows) > len(migrations):
        raise SchemaTooNew(
            f"The database is at version {len(rows)}; this Zakhira knows {len(migrations)}.", "Use the newer Zakhira."
        )
    for row, one in zip(rows, migrations, strict=False):
        if row[2] != one.digest:
            raise SchemaAltered(
                f"Migration {row[1]} of the database is not {one.name} of this Zakhira.",
                "Use the Zakhira that made the database, or restore a backup.",
            )

"""Forward-only migrations: numbered SQL files, applied in one transaction, each remembered with its hash."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier

from zakhira.adapters.postgres.errors import SchemaAltered, SchemaTooNew
from zakhira.adapters.postgres.roles import OWNER_ROLE, ensure_roles, hand_over

MIGRATIONS = Path(__file__).parent / "migrations"
_MIGRATION_LOCK = 0x7A6B6872
"""Advisory lock: two programs never migrate one database at once."""
_LOCK = "SELECT pg_advisory_xact_lock(%s)"
_SEES_VERSIONS = """
SELECT has_schema_privilege(oid, 'USAGE') AND coalesce(
    has_table_privilege(to_regclass('zakhira.schema_version'), 'SELECT'), false)
FROM pg_namespace WHERE nspname = 'zakhira'
"""


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


def migrate(connection: Connection[TupleRow], migrations: tuple[Migration, ...], takes_on: Iterable[str] = ()) -> int:
    """Bring the schema up to date as the owner's role and return its version; safe to repeat.

    The login is let take on the roles ``takes_on`` besides.

    Raises:
        SchemaTooNew: the database knows more migrations than given.
        SchemaAltered: one that was applied has another text.
        RolesMissing: the login may not make or take on the roles.
    """
    with connection.transaction():
        _stand_alone(connection, (OWNER_ROLE, *takes_on))
        ensure_roles(connection, (OWNER_ROLE, *takes_on))
        hand_over(connection)
        connection.execute(SQL("SET LOCAL ROLE {}").format(Identifier(OWNER_ROLE)))
        connection.execute("CREATE SCHEMA IF NOT EXISTS zakhira")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS zakhira.schema_version (version integer PRIMARY KEY, name text NOT NULL, "
            "digest text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        done = _applied(connection, migrations)
        for one in migrations[done:]:
            connection.execute(one.sql.encode())
            connection.execute(
                "INSERT INTO zakhira.schema_version (version, name, digest) VALUES (%s, %s, %s)",
                (one.version, one.name, one.digest),
            )
    return len(migrations)


def pending(connection: Connection[TupleRow], migrations: tuple[Migration, ...]) -> tuple[Migration, ...]:
    """The migrations that the database lacks: all of them where the login cannot see any.

    Raises:
        SchemaTooNew, SchemaAltered: as for :func:`migrate`.
    """
    if connection.execute(_SEES_VERSIONS).fetchone() != (True,):
        return migrations
    return migrations[_applied(connection, migrations) :]


def _stand_alone(connection: Connection[TupleRow], takes_on: tuple[str, ...]) -> None:
    """Take the migrations' lock. Where PUBLIC may take none it is the owner's role that does, which must be there."""
    try:
        with connection.transaction():
            connection.execute(_LOCK, (_MIGRATION_LOCK,))
    except psycopg.errors.InsufficientPrivilege:
        ensure_roles(connection, takes_on)
        connection.execute(SQL("SET LOCAL ROLE {}").format(Identifier(OWNER_ROLE)))
        connection.execute(_LOCK, (_MIGRATION_LOCK,))
        connection.execute("RESET ROLE")


def _applied(connection: Connection[TupleRow], migrations: tuple[Migration, ...]) -> int:
    rows = connection.execute("SELECT version, name, digest FROM zakhira.schema_version ORDER BY version").fetchall()
    _require_same(rows, migrations)
    return len(rows)


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

"""What PostgreSQL lets everybody do that would stop the books for all: taken from PUBLIC, and told where it is not.

Any login may take advisory locks by PostgreSQL's own default: those that every write waits for, or so many that the
server's shared memory is full. It may fill the disk, too, with temporary tables, large objects and its own messages in
the log. The rights are of one database each (``pg_proc``, ``pg_database``).
"""

from __future__ import annotations

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Composed, Identifier

from zakhira.adapters.postgres.roles import APP_ROLE, OWNER_ROLE

_LOCKS = tuple(
    f"pg_{attempt}advisory_{span}lock{mode}"
    for attempt in ("", "try_")
    for span in ("", "xact_")
    for mode in ("", "_shared")
)
_CLOSING_LOCK = 0x7A6B6873
_FILLING = ("lo_create", "lo_creat", "lo_from_bytea", "pg_logical_emit_message")
_OPEN = """
SELECT oid::regprocedure::text FROM pg_proc
WHERE pronamespace = 'pg_catalog'::regnamespace AND proname = ANY(%s)
    AND has_function_privilege('public', oid, 'EXECUTE')
ORDER BY 1
"""
_MAKES_TABLES = "SELECT has_database_privilege('public', current_database(), 'TEMPORARY')"


def open_to_all(connection: Connection[TupleRow]) -> dict[str, tuple[Composed, ...]]:
    """What PUBLIC may in this database and should not, in words, with the statements that end it.

    An administrator runs these, when the roles are there. Locks are left to the roles that work with them: functions of
    the owner's, and the program.
    """
    found: dict[str, tuple[Composed, ...]] = {}
    if locks := _open(connection, _LOCKS):
        names = SQL(", ").join(locks)
        # First given, then taken: in between nobody is refused.
        found["it may take advisory locks, and so stop every write"] = (
            SQL("GRANT EXECUTE ON FUNCTION {} TO {}, {}").format(names, Identifier(OWNER_ROLE), Identifier(APP_ROLE)),
            SQL("REVOKE EXECUTE ON FUNCTION {} FROM PUBLIC").format(names),
        )
    if filling := _open(connection, _FILLING):
        found["it may fill the disk with large objects and messages"] = (
            SQL("REVOKE EXECUTE ON FUNCTION {} FROM PUBLIC").format(SQL(", ").join(filling)),
        )
    if connection.execute(_MAKES_TABLES).fetchone() == (True,):
        name = Identifier(connection.info.dbname)
        found["it may fill the disk with temporary tables"] = (
            SQL("REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC").format(name),
        )
    return found


def close_to_all(connection: Connection[TupleRow]) -> None:
    """Take from PUBLIC what it should not have in this database, as its administrator. Safe to repeat."""
    if not open_to_all(connection):
        return
    with connection.transaction():
        # Two at once would be in each other's way at the catalogue's rows.
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_CLOSING_LOCK,))
        for statements in open_to_all(connection).values():
            for statement in statements:
                connection.execute(statement)


def _open(connection: Connection[TupleRow], names: tuple[str, ...]) -> list[SQL]:
    # The server writes them itself, as it would read them.
    return [SQL(row[0]) for row in connection.execute(_OPEN, (list(names),)).fetchall()]

"""The database's roles: groups that nobody logs in as, made where the login may, and else told to an administrator."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Composed, Identifier

from zakhira.adapters.postgres.errors import RolesMissing

OWNER_ROLE = "zakhira_owner"
"""Owns the schema and all in it; only migrations work as it."""
APP_ROLE = "zakhira_app"
"""The role that the program works as: it may append and read, and owns nothing."""
WATCHER_ROLE = "zakhira_watcher"
"""What follows the chain: all that the program may, and alone the facts of the chain, which raise the backing."""
WATCHTOWER_ROLE = "zakhira_watchtower"
"""The role of the watchtower: it may read what officers signed, and the sign of life."""
READER_ROLE = "zakhira_reader"
"""Analysts: the views that are made for them, and nothing else."""
AUDITOR_ROLE = "zakhira_auditor"
"""Auditors: they read everything and write nothing."""
ROLES = (OWNER_ROLE, APP_ROLE, WATCHER_ROLE, WATCHTOWER_ROLE, READER_ROLE, AUDITOR_ROLE)

_IS_MEMBER = """
SELECT EXISTS (SELECT FROM pg_auth_members AS membership
    JOIN pg_roles AS team ON team.oid = membership.roleid JOIN pg_roles AS one ON one.oid = membership.member
    WHERE team.rolname = %s AND one.rolname = %s)
"""
_PLAIN_MEMBERS = """
SELECT one.rolname FROM pg_auth_members AS membership
    JOIN pg_roles AS team ON team.oid = membership.roleid JOIN pg_roles AS one ON one.oid = membership.member
    WHERE team.rolname = %s AND NOT membership.admin_option
"""
_MAY_CREATE = """
SELECT has_database_privilege(rolname, current_database(), 'CREATE') FROM pg_roles WHERE rolname = %s
"""
_FOREIGN = """
SELECT kind, name, owner FROM (
    SELECT 1 AS turn, 'SCHEMA' AS kind, quote_ident(nspname) AS name, pg_get_userbyid(nspowner) AS owner
        FROM pg_namespace WHERE nspname IN ('zakhira', 'zakhira_views')
    UNION ALL
    SELECT 2, CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
            ELSE 'TABLE' END, oid::regclass::text, pg_get_userbyid(relowner)
        FROM pg_class
        WHERE relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname IN ('zakhira', 'zakhira_views'))
            AND relkind IN ('r', 'p', 'v', 'm', 'S')
            AND NOT EXISTS (SELECT FROM pg_depend WHERE pg_depend.classid = 'pg_class'::regclass
                AND pg_depend.objid = pg_class.oid AND relkind = 'S' AND deptype IN ('a', 'i'))
    UNION ALL
    SELECT 3, 'ROUTINE', oid::regprocedure::text, pg_get_userbyid(proowner)
        FROM pg_proc
        WHERE pronamespace IN (SELECT oid FROM pg_namespace WHERE nspname IN ('zakhira', 'zakhira_views'))
    UNION ALL
    SELECT 4, 'TYPE', oid::regtype::text, pg_get_userbyid(typowner)
        FROM pg_type
        WHERE typnamespace IN (SELECT oid FROM pg_namespace WHERE nspname IN ('zakhira', 'zakhira_views'))
            AND typtype IN ('e', 'd')
) AS found WHERE owner <> %s ORDER BY turn, name
"""
"""What of ours belongs to another; a sequence of a column and a type of a table follow their table."""


def ensure_roles(connection: Connection[TupleRow], takes_on: Iterable[str]) -> None:
    """Make the roles, and let the present login take on these; inside the caller's transaction. Safe to repeat.

    Raises:
        RolesMissing: the login may not; the remedy is what an administrator runs.
    """
    refused: list[str] = []
    takes_on = tuple(takes_on)
    for needed in _needed(connection, takes_on):
        try:
            # Roles belong to the whole server: a migration of another database may be faster.
            with suppress(psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation), connection.transaction():
                connection.execute(needed)
        except psycopg.errors.InsufficientPrivilege:
            refused.append(needed.as_string(connection))
    # To grant what one may not give away is no error where one has some other right there: only a warning.
    left = [needed.as_string(connection) for needed in _needed(connection, takes_on)]
    refused += [one for one in left if one not in refused]
    if refused:
        raise RolesMissing(
            f"{_login(connection)} may not make the database's roles or take them on.",
            f"Let an administrator run in this database: {'; '.join(refused)};",
        )


def hand_over(connection: Connection[TupleRow]) -> None:
    """Give what of ours belongs to another login to the owner's role; inside the caller's transaction.

    Raises:
        RolesMissing: it is not the present login's to give.
    """
    for kind, name, owner in connection.execute(_FOREIGN, (OWNER_ROLE,)).fetchall():
        try:
            with connection.transaction():
                connection.execute(f"ALTER {kind} {name} OWNER TO {OWNER_ROLE}".encode())
        except psycopg.errors.InsufficientPrivilege as error:
            raise RolesMissing(
                f"{kind.lower()} {name} belongs to {owner}, not to {OWNER_ROLE}: {error.diag.message_primary}.",
                f"Migrate once as {owner} or as a superuser: zakhira db migrate with ZAKHIRA_DATABASE_OWNER_URL.",
            ) from error


def take_on(connection: Connection[TupleRow], role: str) -> None:
    """Work as this role for as long as the connection lives.

    Raises:
        RolesMissing: the login may not, or there is no such role.
    """
    try:
        connection.execute(SQL("SET ROLE {}").format(Identifier(role)))
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidParameterValue) as error:
        login = connection.info.user
        raise RolesMissing(
            f"{login} cannot work as {role}: {error.diag.message_primary}.",
            f"Let an administrator run: GRANT {role} TO {login}; where there is no such role: zakhira db migrate.",
        ) from error


def can_take_on(connection: Connection[TupleRow], role: str) -> bool:
    """Whether the present login can work as this role: found by trying, as what membership allows differs."""
    try:
        with connection.transaction():
            connection.execute(SQL("SET LOCAL ROLE {}").format(Identifier(role)))
            raise psycopg.Rollback
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidParameterValue):
        return False
    return True


def _needed(connection: Connection[TupleRow], takes_on: tuple[str, ...]) -> Iterator[Composed]:
    """What is still to be run, each asked for after the one before was."""
    for role in ROLES:
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchall():
            yield SQL("CREATE ROLE {} NOLOGIN").format(Identifier(role))
    if not _holds(connection, _IS_MEMBER, APP_ROLE, WATCHER_ROLE):
        # Until migration 8 this role was the watchtower's: its logins must not come to write.
        for (member,) in connection.execute(_PLAIN_MEMBERS, (WATCHER_ROLE,)).fetchall():
            yield SQL("GRANT {} TO {}").format(Identifier(WATCHTOWER_ROLE), Identifier(member))
            yield SQL("REVOKE {} FROM {}").format(Identifier(WATCHER_ROLE), Identifier(member))
        yield SQL("GRANT {} TO {}").format(Identifier(APP_ROLE), Identifier(WATCHER_ROLE))
    login = _login(connection)
    for role in takes_on:
        if not can_take_on(connection, role):
            yield SQL("GRANT {} TO {}").format(Identifier(role), Identifier(login))
    if not _holds(connection, _MAY_CREATE, OWNER_ROLE):
        database = connection.info.dbname
        yield SQL("GRANT CREATE ON DATABASE {} TO {}").format(Identifier(database), Identifier(OWNER_ROLE))


def _login(connection: Connection[TupleRow]) -> str:
    row = connection.execute("SELECT current_user").fetchone()
    assert row is not None, "the server knows who asks"
    return str(row[0])


def _holds(connection: Connection[TupleRow], question: str, *given: str) -> bool:
    return connection.execute(question.encode(), given).fetchone() == (True,)

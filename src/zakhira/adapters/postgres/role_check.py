"""Whether the database's roles are as the migrations made them: what an administrator changed since is told."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg import Connection
from psycopg.rows import TupleRow

from zakhira.adapters.postgres.public_rights import open_to_all
from zakhira.adapters.postgres.roles import (
    APP_ROLE,
    AUDITOR_ROLE,
    OWNER_ROLE,
    READER_ROLE,
    ROLES,
    WATCHER_ROLE,
    WATCHTOWER_ROLE,
)

_ATTRIBUTES = """
SELECT rolname, rolcanlogin, rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls
FROM pg_roles WHERE rolname = ANY(%s)
"""
_ATTRIBUTE_NAMES = (
    "log in",
    "everything: it is a superuser",
    "make roles",
    "make databases",
    "replicate",
    "bypass row",
)
_MEMBERS = """
SELECT one.rolname, one.rolcanlogin, array_agg(team.rolname::text ORDER BY team.rolname)
FROM pg_auth_members AS membership
    JOIN pg_roles AS team ON team.oid = membership.roleid JOIN pg_roles AS one ON one.oid = membership.member
WHERE team.rolname = ANY(%s) AND NOT one.rolsuper GROUP BY one.rolname, one.rolcanlogin ORDER BY one.rolname
"""
_RELATIONS = """
SELECT pg_class.oid::regclass::text, relkind::text, pg_get_userbyid(relowner)::text FROM pg_class
    JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE nspname IN ('zakhira', 'zakhira_views') AND relkind IN ('r', 'p', 'v', 'm') ORDER BY 1
"""
_MAY = "SELECT name FROM unnest(%s::text[]) AS given (name) WHERE has_table_privilege(%s, name, %s) ORDER BY name"
_WRITES = ("UPDATE", "DELETE", "TRUNCATE")
_WATCHTOWER = {"zakhira.watched_spend", "zakhira.watched_act", "zakhira.watched_heartbeat"}
_VIEWS = "zakhira_views."


@dataclass(frozen=True)
class RoleState:
    """A role, a login, or everybody, and what is not as it should be."""

    name: str
    faults: tuple[str, ...]
    mends: tuple[str, ...] = ()
    """statements that an administrator runs in this database"""


def read_roles(connection: Connection[TupleRow]) -> tuple[RoleState, ...]:
    """Each role with its faults, then logins that are members of more than one of them, then everybody."""
    faults: dict[str, list[str]] = {role: [] for role in ROLES}
    there = connection.execute(_ATTRIBUTES, (list(ROLES),)).fetchall()
    for name, *can in there:
        faults[name] += [f"it may {what}" for what, is_so in zip(_ATTRIBUTE_NAMES, can, strict=True) if is_so]
    known = {row[0] for row in there}
    for role in ROLES:
        if role not in known:
            faults[role].append("there is no such role")
    logins = _memberships(connection, faults)
    if known == set(ROLES):
        _privileges(connection, faults)
        logins.append(_everybody(connection))
    return (*(RoleState(role, tuple(found)) for role, found in faults.items()), *logins)


def _everybody(connection: Connection[TupleRow]) -> RoleState:
    found = open_to_all(connection)
    mends = (one.as_string(connection) + ";" for statements in found.values() for one in statements)
    return RoleState("PUBLIC", tuple(found), tuple(mends))


def _memberships(connection: Connection[TupleRow], faults: dict[str, list[str]]) -> list[RoleState]:
    logins = []
    found = {name: (can_login, teams) for name, can_login, teams in connection.execute(_MEMBERS, (list(ROLES),))}
    for name, (can_login, teams) in found.items():
        due = [APP_ROLE] if name == WATCHER_ROLE else []
        if name in faults and teams != due:
            faults[name].append(f"it is a member of {', '.join(teams)}")
        elif name not in faults and can_login and len(teams) > 1:
            logins.append(RoleState(name, (f"one login is a member of {', '.join(teams)}",)))
    if WATCHER_ROLE not in found:
        faults[WATCHER_ROLE].append(f"it is no member of {APP_ROLE}")
    return logins


def _privileges(connection: Connection[TupleRow], faults: dict[str, list[str]]) -> None:
    rows = connection.execute(_RELATIONS).fetchall()
    names = [name for name, _, _ in rows]
    foreign = [f"{name} belongs to {owner}" for name, _, owner in rows if owner != OWNER_ROLE]
    faults[OWNER_ROLE] += foreign

    def may(role: str, privilege: str) -> list[str]:
        return [row[0] for row in connection.execute(_MAY, (names, role, privilege))]

    for role in (APP_ROLE, WATCHER_ROLE, WATCHTOWER_ROLE, READER_ROLE, AUDITOR_ROLE):
        for privilege in _WRITES:
            faults[role] += [f"it may {privilege} {name}" for name in may(role, privilege)]
    for role in (WATCHTOWER_ROLE, READER_ROLE, AUDITOR_ROLE):
        faults[role] += [f"it may INSERT into {name}" for name in may(role, "INSERT")]
    if "zakhira.chain_event" in may(APP_ROLE, "INSERT"):
        faults[APP_ROLE].append("it may INSERT into zakhira.chain_event, as the watcher alone should")
    if "zakhira.chain_event" not in may(WATCHER_ROLE, "INSERT"):
        faults[WATCHER_ROLE].append("it may not INSERT into zakhira.chain_event")
    seen = set(may(WATCHTOWER_ROLE, "SELECT"))
    faults[WATCHTOWER_ROLE] += [f"it may read {name}" for name in sorted(seen - _WATCHTOWER)]
    faults[WATCHTOWER_ROLE] += [f"it may not read {name}" for name in sorted(_WATCHTOWER - seen)]
    faults[READER_ROLE] += [f"it may read {name}" for name in may(READER_ROLE, "SELECT") if not name.startswith(_VIEWS)]
    hidden = sorted(set(names) - set(may(AUDITOR_ROLE, "SELECT")))
    faults[AUDITOR_ROLE] += [f"it may not read {name}" for name in hidden]

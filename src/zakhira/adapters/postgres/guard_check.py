"""Whether the database's guards are there and as the migrations made them: held against a list in the package."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import LiteralString

from psycopg import Connection
from psycopg.rows import TupleRow

from zakhira.adapters.postgres.schema import Migration, load_migrations

GUARDS = Path(__file__).parent / "guards.csv"
"""What the migrations make, written by ``scripts/pin_guards.py``.

Kind, name, the SHA-256 of its definition, and the one that PostgreSQL 15 tells, where it words a definition otherwise.
"""
MIGRATIONS = "migrations"
"""The kind of the one line that says of which migrations the list is."""
OLD_WORDS = 15
"""The last version that names the table of each column in a view of one table."""
_QUALIFIED: LiteralString = "SELECT set_config('search_path', %s, true)"
_PATH: LiteralString = "SELECT current_setting('search_path')"
# Definitions are put together from what every version from 15 on tells alike; `ours` are our schemas. What the owner
# may of its own is left out: it follows from owning, and versions differ in it.
_OURS: LiteralString = """
WITH ours AS (SELECT oid, nspname, nspowner, nspacl FROM pg_namespace WHERE nspname IN ('zakhira', 'zakhira_views')),
relation AS (
    SELECT pg_class.*, ours.nspname || '.' || relname AS name FROM pg_class JOIN ours ON ours.oid = relnamespace
    WHERE relkind NOT IN ('i', 'I', 't')),
routine AS (
    SELECT pg_proc.*,
        ours.nspname || '.' || proname || '(' || pg_get_function_identity_arguments(pg_proc.oid) || ')' AS name
    FROM pg_proc JOIN ours ON ours.oid = pronamespace)
"""
_DEFINITIONS: tuple[LiteralString, ...] = (
    """
SELECT 'schema', nspname, nspowner::regrole::text FROM ours
""",
    """
SELECT CASE relkind WHEN 'S' THEN 'sequence' WHEN 'v' THEN 'view' ELSE 'table' END, name,
    concat_ws('|', relkind, relowner::regrole, relpersistence, relrowsecurity, relforcerowsecurity, relispartition,
        (SELECT string_agg(inhparent::regclass::text, ',' ORDER BY inhseqno) FROM pg_inherits
            WHERE inhrelid = relation.oid),
        'children', (SELECT string_agg(inhrelid::regclass::text, ',' ORDER BY inhrelid::regclass::text) FROM pg_inherits
            WHERE inhparent = relation.oid),
        (SELECT concat_ws(',', seqtypid::regtype, seqstart, seqincrement, seqmax, seqmin, seqcycle) FROM pg_sequence
            WHERE seqrelid = relation.oid))
FROM relation
""",
    """
SELECT 'column', name || '.' || attname, concat_ws('|', format_type(atttypid, atttypmod), attnotnull, attidentity,
    attgenerated, attcollation::regcollation, pg_get_expr(adbin, adrelid))
FROM relation JOIN pg_attribute ON attrelid = relation.oid AND attnum > 0 AND NOT attisdropped
    LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
WHERE relkind <> 'S'
""",
    # Those of 'not null' stand with their column; keys are guarded by triggers of the server's own.
    """
SELECT 'constraint', name || '.' || conname, concat_ws('|', contype, pg_get_constraintdef(pg_constraint.oid),
    condeferrable, condeferred, convalidated, (SELECT string_agg(tgenabled::text, '' ORDER BY tgenabled) FROM pg_trigger
        WHERE tgconstraint = pg_constraint.oid AND tgisinternal))
FROM relation JOIN pg_constraint ON conrelid = relation.oid WHERE contype <> 'n'
""",
    """
SELECT 'index', name || '.' || indexrelid::regclass::text, concat_ws('|', pg_get_indexdef(indexrelid), indisvalid,
    indisready, indislive, indimmediate)
FROM relation JOIN pg_index ON indrelid = relation.oid
""",
    """
SELECT 'trigger', name || '.' || tgname, concat_ws('|', pg_get_triggerdef(pg_trigger.oid), tgenabled)
FROM relation JOIN pg_trigger ON tgrelid = relation.oid WHERE NOT tgisinternal
""",
    """
SELECT 'function', name, concat_ws('|', proowner::regrole, prokind,
    (SELECT lanname FROM pg_language WHERE oid = prolang), prosecdef, proleakproof,
    proisstrict, proretset, provolatile, proparallel, prosupport, pg_get_function_result(oid),
    pg_get_function_arguments(oid), proconfig::text, probin, prosrc, pg_get_function_sqlbody(oid))
FROM routine
""",
    """
SELECT 'rule', name || '.' || rulename, concat_ws('|', pg_get_ruledef(pg_rewrite.oid), ev_enabled)
FROM relation JOIN pg_rewrite ON ev_class = relation.oid
""",
    """
SELECT 'policy', name || '.' || polname, 'there' FROM relation JOIN pg_policy ON polrelid = relation.oid
""",
    """
SELECT 'type', ours.nspname || '.' || typname, concat_ws('|', typtype, typowner::regrole) FROM pg_type
    JOIN ours ON ours.oid = typnamespace WHERE typtype NOT IN ('c', 'b') AND typtype <> 'm'
UNION ALL
SELECT 'operator', ours.nspname || '.' || oprname, oprcode::text FROM pg_operator JOIN ours ON ours.oid = oprnamespace
""",
    """
SELECT 'grants on', name, string_agg(granted, ', ' ORDER BY granted) FROM (
    SELECT name, concat_ws(' ', CASE grantee WHEN 0 THEN 'public' ELSE grantee::regrole::text END, privilege_type,
        CASE WHEN is_grantable THEN 'onwards' END) AS granted
    FROM (
        SELECT nspname, nspowner, coalesce(nspacl, acldefault('n', nspowner)) FROM ours
        UNION ALL
        SELECT name, relowner,
            coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner))
            FROM relation
        UNION ALL
        SELECT name || '.' || attname, relowner, attacl FROM relation JOIN pg_attribute ON attrelid = relation.oid
            WHERE NOT attisdropped
        UNION ALL
        SELECT name, proowner, coalesce(proacl, acldefault('f', proowner)) FROM routine
        UNION ALL
        SELECT 'what is made later (' || concat_ws(' ', defaclrole::regrole, ours.nspname, defaclobjtype) || ')',
            defaclrole, defaclacl
            FROM pg_default_acl LEFT JOIN ours ON ours.oid = defaclnamespace
            WHERE ours.oid IS NOT NULL OR defaclrole::regrole::text = 'zakhira_owner'
    ) AS guarded (name, owner, acl), aclexplode(guarded.acl)
    WHERE grantee <> owner
) AS every GROUP BY name
""",
)
# Triggers and keys rest for whoever this is set for.
_RESTING: LiteralString = """
SELECT coalesce('for ' || nullif(concat_ws(' in ', (SELECT rolname FROM pg_roles WHERE oid = setrole),
    (SELECT datname FROM pg_database WHERE oid = setdatabase)), ''), 'for everybody')
FROM pg_db_role_setting, unnest(setconfig) AS given (setting)
WHERE setting ILIKE 'session\\_replication\\_role=%%'
    AND (setdatabase = 0 OR setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()))
UNION ALL
SELECT 'for whoever connects' WHERE current_setting('session_replication_role') <> 'origin'
ORDER BY 1
"""
Guards = dict[tuple[str, str], str]
"""The SHA-256 of each definition, by kind and name."""


def read_guards(connection: Connection[TupleRow]) -> Guards:
    """The guards of a database as they are now; inside a transaction."""
    row = connection.execute(_PATH).fetchone()
    assert row is not None, "the server has a path"
    connection.execute(_QUALIFIED, ("",))  # names are then told with their schema
    found = {}
    for question in _DEFINITIONS:
        for kind, name, definition in connection.execute(_OURS + question):
            found[(str(kind), str(name))] = hashlib.sha256(str(definition).encode()).hexdigest()
    connection.execute(_QUALIFIED, (row[0],))
    return found


def load_guards(path: Path = GUARDS, *, major: int = OLD_WORDS + 1) -> Guards:
    """The guards that this package's migrations make, as a PostgreSQL of this version tells them."""
    with path.open(encoding="utf-8", newline="") as file:
        return {
            (kind, name): old if old and major <= OLD_WORDS else digest for kind, name, digest, old in csv.reader(file)
        }


def digest_of(migrations: Iterable[Migration]) -> str:
    """Which migrations these are, in one hash."""
    return hashlib.sha256("".join(one.digest for one in migrations).encode()).hexdigest()


def read_guard_breaks(connection: Connection[TupleRow]) -> tuple[str, ...]:
    """Every guard that is gone, resting, altered or added, in sentences; nothing if all is well.

    Tables, views, columns, constraints, indexes, triggers, functions, owners and grants are held against the list in
    the package, which the database's owner cannot alter. A superuser can replace what the server itself answers: for
    that, look from another server, at a restored backup.
    """
    return tuple(_breaks(connection))


def _breaks(connection: Connection[TupleRow]) -> Iterator[str]:
    due = load_guards(major=connection.info.server_version // 10_000)
    of = {key: due.pop(key) for key in tuple(due) if key[0] == MIGRATIONS}
    if list(of.values()) != [digest_of(load_migrations())]:
        yield "guards: the list in this package is of other migrations than are in it (scripts/pin_guards.py makes it)."
        return
    found = read_guards(connection)
    for key in sorted(due.keys() | found.keys()):
        kind, name = key
        if key not in found:
            yield f"{kind} {name}: it is gone, and the migrations made it."
        elif key not in due:
            yield f"{kind} {name}: no migration made that."
        elif due[key] != found[key]:
            state = "not what the migrations made it, or switched off" if kind == "trigger" else "not as it was made"
            yield f"{kind} {name}: it is {state}."
    for (whom,) in connection.execute(_RESTING):
        yield f"triggers and keys are switched off {whom} (session_replication_role)."

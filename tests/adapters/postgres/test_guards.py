"""A guard that an administrator switched off, altered, took away or added to is named by the full check."""

from __future__ import annotations

import subprocess
import sys

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier

from books_bench import shared_template
from conftest import PROJECT
from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.adapters.postgres.guard_check import MIGRATIONS, load_guards, read_guard_breaks, read_guards
from zakhira.adapters.postgres.passfiles import Login

ALTERATIONS = (
    ("ALTER TABLE zakhira.backing DISABLE TRIGGER judge_backing", "trigger zakhira.backing.judge_backing: it is not"),
    ("ALTER TABLE zakhira.audit ENABLE REPLICA TRIGGER append_only", "trigger zakhira.audit.append_only: it is not"),
    ("DROP TRIGGER append_only ON zakhira.entry", "trigger zakhira.entry.append_only: it is gone"),
    (
        (
            "CREATE OR REPLACE TRIGGER append_only BEFORE DELETE ON zakhira.entry "
            "FOR EACH STATEMENT EXECUTE FUNCTION zakhira.refuse_change()"
        ),
        "trigger zakhira.entry.append_only: it is not",
    ),
    (
        (
            "CREATE OR REPLACE FUNCTION zakhira.refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
            "'BEGIN RETURN NULL; END'"
        ),
        "function zakhira.refuse_change(): it is not",
    ),
    ("ALTER FUNCTION zakhira.keep_sums() SECURITY INVOKER", "function zakhira.keep_sums(): it is not"),
    ("ALTER FUNCTION zakhira.keep_sums() SET search_path = public", "function zakhira.keep_sums(): it is not"),
    ("ALTER FUNCTION zakhira.keep_sums() OWNER TO zakhira_app", "function zakhira.keep_sums(): it is not"),
    (
        "ALTER TABLE zakhira.balance DROP CONSTRAINT balance_floor",
        "constraint zakhira.balance.balance_floor: it is gone",
    ),
    (
        "ALTER TABLE zakhira.balance DROP CONSTRAINT balance_floor, ADD CONSTRAINT balance_floor CHECK (units <> 1)",
        "constraint zakhira.balance.balance_floor: it is not",
    ),
    (
        "ALTER TABLE zakhira.payout_row DISABLE TRIGGER ALL",
        "constraint zakhira.payout_row.payout_row_payout_fkey: it is",
    ),
    ("DROP INDEX zakhira.entry_reversed_once", "index zakhira.entry.zakhira.entry_reversed_once: it is gone"),
    ("ALTER TABLE zakhira.audit ALTER COLUMN actor DROP NOT NULL", "column zakhira.audit.actor: it is not"),
    ("ALTER TABLE zakhira.audit ADD COLUMN hidden text", "column zakhira.audit.hidden: no migration made that"),
    ("CREATE TABLE zakhira.more () INHERITS (zakhira.posting)", "table zakhira.posting: it is not"),
    ("ALTER TABLE zakhira.rollup SET UNLOGGED", "table zakhira.rollup: it is not"),
    ("ALTER TABLE zakhira.audit OWNER TO zakhira_app", "table zakhira.audit: it is not"),
    ("ALTER TABLE zakhira.audit ENABLE ROW LEVEL SECURITY", "table zakhira.audit: it is not"),
    ("CREATE POLICY mine ON zakhira.audit USING (false)", "policy zakhira.audit.mine: no migration made that"),
    (
        "CREATE RULE none AS ON INSERT TO zakhira.seal DO INSTEAD NOTHING",
        "rule zakhira.seal.none: no migration made that",
    ),
    (
        (
            "CREATE OR REPLACE VIEW zakhira_views.closed_periods AS "
            "SELECT first_day, last_day, ''::text AS closed_by, now() AS closed_at FROM zakhira.closed_period"
        ),
        "rule zakhira_views.closed_periods._RETURN: it is not",
    ),
    ("ALTER VIEW zakhira_views.closed_periods OWNER TO zakhira_app", "view zakhira_views.closed_periods: it is not"),
    ("GRANT UPDATE ON zakhira.balance TO zakhira_app", "grants on zakhira.balance: it is not"),
    ("GRANT INSERT (is_frozen) ON zakhira.balance TO zakhira_app", "grants on zakhira.balance.is_frozen: no migration"),
    ("GRANT EXECUTE ON FUNCTION zakhira.keep_lots(jsonb) TO PUBLIC", "grants on zakhira.keep_lots(added_lots jsonb): "),
    ("GRANT CREATE ON SCHEMA zakhira TO zakhira_app", "grants on zakhira: it is not"),
    ("REVOKE SELECT ON zakhira.audit FROM zakhira_auditor", "grants on zakhira.audit: it is not"),
    (
        "ALTER DEFAULT PRIVILEGES FOR ROLE zakhira_owner IN SCHEMA zakhira GRANT INSERT ON TABLES TO zakhira_app",
        "grants on what is made later (zakhira_owner zakhira r): it is not",
    ),
    ("CREATE FUNCTION zakhira.f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "function zakhira.f(): no migration made"),
    ("ALTER SEQUENCE zakhira.write_number INCREMENT BY -1", "sequence zakhira.write_number: it is not"),
    ("ALTER ROLE zakhira_app SET session_replication_role = replica", "switched off for zakhira_app"),
    ("SET LOCAL session_replication_role = replica", "switched off for whoever connects"),
)


def test_the_list_is_of_these_migrations() -> None:
    """Whoever changes a migration writes the list anew: python scripts/pin_guards.py."""
    script = PROJECT / "scripts" / "pin_guards.py"
    done = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [kind for kind, _ in load_guards() if kind == MIGRATIONS] == [MIGRATIONS]
    assert len(load_guards()) > 500


def test_what_the_migrations_make_is_as_it_is_listed(owner: Connection[TupleRow], books: PostgresBooks) -> None:
    """A database that nobody touched has all of it, and nothing else."""
    with owner.transaction():
        assert read_guard_breaks(owner) == ()
    assert books.breaks() == ()


@pytest.mark.parametrize("login", [Login.APP, Login.AUDITOR, Login.OWNER])
def test_everybody_who_checks_sees_the_same(copy_name: str, owner: Connection[TupleRow], login: Login) -> None:
    """What a login may read makes no difference, nor where it looks for names first."""
    owner.execute("ALTER TABLE zakhira.backing DISABLE TRIGGER judge_backing")
    with psycopg.connect(shared_template().server.dsn(copy_name, login)) as line:
        if login is not Login.AUDITOR:
            line.execute("SET search_path = zakhira, zakhira_views")
        assert read_guard_breaks(line) == read_guard_breaks(owner)
        assert len(read_guard_breaks(line)) == 1


def test_each_alteration_is_named(owner: Connection[TupleRow]) -> None:
    """One after the other, each alone and taken back."""
    for alteration, words in ALTERATIONS:
        with owner.transaction(force_rollback=True):
            owner.execute(alteration.encode())
            found = read_guard_breaks(owner)
        assert any(words in one for one in found), (alteration, found)
        assert len(found) <= 20, (alteration, found)
    with owner.transaction():
        assert read_guard_breaks(owner) == ()


def test_every_trigger_of_the_migrations_is_missed(owner: Connection[TupleRow]) -> None:
    """Any one of them switched off is told, by its own name; that of a view cannot be switched off, and is dropped."""
    with owner.transaction():
        triggers = [name.rsplit(".", 1) for kind, name in read_guards(owner) if kind == "trigger"]
    assert len(triggers) > 70
    with owner.transaction(force_rollback=True):
        for table, name in triggers:
            off = "DROP TRIGGER {1} ON {0}" if table == "zakhira.transfers" else "ALTER TABLE {} DISABLE TRIGGER {}"
            owner.execute(SQL(off).format(Identifier(*table.split(".")), Identifier(name)))
        found = read_guard_breaks(owner)
    assert {one.partition(":")[0] for one in found} == {f"trigger {table}.{name}" for table, name in triggers}


def test_the_full_check_tells_of_guards(owner: Connection[TupleRow], books: PostgresBooks) -> None:
    """What an attacker did to the guards is in the answer that auditors see."""
    owner.execute("ALTER TABLE zakhira.backing DISABLE TRIGGER judge_backing")
    owner.execute("ALTER TABLE zakhira.balance DROP CONSTRAINT balance_floor")
    found = books.breaks()
    assert any("trigger zakhira.backing.judge_backing" in one for one in found), found
    assert any("constraint zakhira.balance.balance_floor" in one for one in found), found

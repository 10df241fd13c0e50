"""What must never happen the database itself refuses, to whoever speaks SQL as the program's role."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from books_bench import COLD, DUE, INTAKE, ROYALTY, SOLD, START, invoice, outpoint, receipt, write
from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.controls.audit import AuditEntry, audit_hash, entry_after
from zakhira.flows.ports.books import Record
from zakhira.kernel.canonical import content_hash

COLUMNS = {
    "commodity": "decimals",
    "account": "kind",
    "audit": "at",
    "entry": "at",
    "posting": "units",
    "record": "body",
    "schema_version": "name",
    "audit_head": "hash",
    "balance": "units",
    "lot": "units",
    "chain_event": "height",
    "followed_block": "hash",
    "coin": "vault",
}
"""Each table with a column to alter."""
APPEND_ONLY = ("commodity", "account", "audit", "entry", "posting", "record", "chain_event")
FOLLOWING = ("audit_head", "balance", "lot", "followed_block", "coin")
CHANGES = ("UPDATE zakhira.{0} SET {1} = {1}", "DELETE FROM zakhira.{0}", "TRUNCATE zakhira.{0} CASCADE")
App = Connection[TupleRow]


def start_again(connection: App) -> None:
    """Roll back, and be the program's role again."""
    connection.rollback()
    connection.execute("SET ROLE zakhira_app")
    connection.commit()


def next_audit(connection: App, key: str = "by hand") -> AuditEntry:
    """A good audit entry for the head as it is."""
    row = connection.execute("SELECT sequence, hash FROM zakhira.lock_head()").fetchone()
    assert row is not None
    return entry_after(row[0], row[1], key, "mallory", "spend", START, content_hash("x"))


def insert_audit(connection: App, audit: AuditEntry, entries: int = 0, records: int = 0) -> None:
    """Insert it by hand."""
    connection.execute(
        "INSERT INTO zakhira.audit VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (*(getattr(audit, name) for name in audit.__dataclass_fields__), entries, records),
    )


def insert_entry(connection: App, sequence: int, ordinal: int = 1, entries: int = 1, postings: int = 2) -> None:
    """Insert an entry by hand."""
    connection.execute(
        "INSERT INTO zakhira.entry (sequence, ordinal, entry_count, posting_count, id, at, narration, evidence) "
        "VALUES (%s, %s, %s, %s, %s, now(), 'by hand', 'none')",
        (sequence, ordinal, entries, postings, f"hand-{sequence}-{ordinal}"),
    )


def insert_posting(
    connection: App, sequence: int, ordinal: int, account: str, units: int, *, lot: str | None = None, count: int = 2
) -> None:
    """Insert a posting of entry 1 by hand."""
    commodity = "BTC" if account in {INTAKE, COLD, ROYALTY} else "PKR"
    connection.execute(
        "INSERT INTO zakhira.posting (sequence, entry_ordinal, ordinal, posting_count, account, commodity, units, "
        "lot_outpoint, lot_source) VALUES (%s, 1, %s, %s, %s, %s, %s, %s, %s)",
        (sequence, ordinal, count, account, commodity, units, lot, lot and "by hand"),
    )


def begin_entry(app: App, postings: int = 2) -> int:
    """An audit entry and an entry by hand; returns the number of the write."""
    audit = next_audit(app)
    insert_audit(app, audit, entries=1)
    insert_entry(app, audit.sequence, postings=postings)
    return audit.sequence


def test_a_good_write_by_hand_is_possible(app: App, books: PostgresBooks) -> None:
    """The attempts below fail for what is wrong with them: the same steps without the fault go through."""
    sequence = begin_entry(app)
    insert_posting(app, sequence, 1, DUE, 5)
    insert_posting(app, sequence, 2, SOLD, -5)
    app.commit()
    assert books.balances()[DUE].units == 5


@pytest.mark.parametrize("change", CHANGES)
def test_the_role_may_not_change_anything(app: App, books: PostgresBooks, change: str) -> None:
    """UPDATE, DELETE and TRUNCATE fail on every table: the role has no right to them."""
    books.commit(write("k", receipt(1), records=(Record("day", "1", 1),)))
    for table, column in COLUMNS.items():
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute(change.format(table, column).encode())
        start_again(app)


@pytest.mark.parametrize("change", CHANGES)
def test_not_even_the_owner_changes_what_is_written(owner: App, books: PostgresBooks, change: str) -> None:
    """The tables refuse it to everybody who has not switched their triggers off; so do the sums that follow them."""
    books.commit(write("k", receipt(1), records=(Record("day", "1", 1),)))
    for table in (*APPEND_ONLY, *FOLLOWING):
        with pytest.raises(psycopg.DatabaseError) as caught:
            owner.execute(change.format(table, COLUMNS[table]).encode())
        assert caught.value.sqlstate == "ZK001"


def test_the_role_has_no_other_way_in(app: App, books: PostgresBooks) -> None:
    """It can neither switch triggers off, nor make or replace things in the schema, nor write the sums."""
    books.commit(write("k", receipt(1)))
    for act in (
        "ALTER TABLE zakhira.posting DISABLE TRIGGER ALL",
        "DROP TRIGGER append_only ON zakhira.entry",
        "CREATE TABLE zakhira.mine (a int)",
        "CREATE OR REPLACE FUNCTION zakhira.refuse_change() RETURNS trigger LANGUAGE sql AS 'SELECT 1'",
        "SET session_replication_role = replica",
        "INSERT INTO zakhira.balance VALUES ('assets:vault:cold', 5)",
        "INSERT INTO zakhira.lot VALUES ('assets:vault:cold', 'x', 'x', true, 5)",
        "INSERT INTO zakhira.coin SELECT * FROM zakhira.coin",
        "INSERT INTO zakhira.followed_block VALUES (1, 'x')",
        "DELETE FROM zakhira.followed_block",
        "INSERT INTO zakhira.schema_version VALUES (99, 'x', 'x')",
        "SELECT zakhira.audit_hash(audit) FROM zakhira.audit",
        "DROP SCHEMA zakhira CASCADE",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute(act.encode())
        start_again(app)


@pytest.mark.parametrize(("debit", "credit"), [(5, -4), (5, 5), (2**62, -(2**62) + 1)])
def test_an_unbalanced_entry_does_not_commit(app: App, books: PostgresBooks, debit: int, credit: int) -> None:
    """The last moment to balance is the commit."""
    sequence = begin_entry(app)
    insert_posting(app, sequence, 1, DUE, debit)
    insert_posting(app, sequence, 2, SOLD, credit)
    with pytest.raises(psycopg.DatabaseError) as caught:
        app.commit()
    assert caught.value.sqlstate == "ZK004"
    assert books.entries() == ()


def test_two_commodities_do_not_cancel(app: App, books: PostgresBooks) -> None:
    """Five paisa against five satoshi is not balanced."""
    sequence = begin_entry(app)
    insert_posting(app, sequence, 1, DUE, 5)
    insert_posting(app, sequence, 2, ROYALTY, -5, lot=outpoint(1))
    with pytest.raises(psycopg.DatabaseError) as caught:
        app.commit()
    assert caught.value.sqlstate == "ZK004"
    assert books.balances()[DUE].units == 0


def test_a_write_must_hold_what_it_says(app: App, books: PostgresBooks) -> None:
    """An entry without its postings, or a write without its entry or its record, does not commit."""
    begin_entry(app)
    with pytest.raises(psycopg.DatabaseError) as caught:
        app.commit()
    assert caught.value.sqlstate == "ZK003"
    for counts in ({"entries": 1}, {"records": 1}):
        app.execute("SET ROLE zakhira_app")
        insert_audit(app, next_audit(app), **counts)
        with pytest.raises(psycopg.DatabaseError) as caught:
            app.commit()
        assert caught.value.sqlstate == "ZK003"
    assert books.audit_entries() == ()


def test_nothing_is_added_to_a_committed_write(app: App, books: PostgresBooks) -> None:
    """A further posting, entry or record for an old write finds no place, balanced or not."""
    books.commit(write("k", invoice(1, 5), records=(Record("day", "1", 1),)))
    for ordinal, cause in ((2, psycopg.errors.UniqueViolation), (3, psycopg.errors.CheckViolation)):
        with pytest.raises(cause):
            insert_posting(app, 1, ordinal, DUE, 5)
        start_again(app)
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        insert_posting(app, 1, 3, DUE, 5, count=3)
    start_again(app)
    places: tuple[tuple[int, int, type[psycopg.Error]], ...] = (
        (1, 1, psycopg.errors.UniqueViolation),
        (2, 1, psycopg.errors.CheckViolation),
        (2, 2, psycopg.errors.ForeignKeyViolation),
    )
    for place, entries, refusal in places:
        with pytest.raises(refusal):
            insert_entry(app, 1, place, entries)
        start_again(app)
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        app.execute("INSERT INTO zakhira.record VALUES (1, 2, 2, 'day', '2', '{}')")
    assert books.breaks() == ()


def test_constraints_checked_early_open_no_gap(app: App, books: PostgresBooks) -> None:
    """SET CONSTRAINTS IMMEDIATE makes the checks run before the end; what follows in the transaction still fails."""
    sequence = begin_entry(app)
    insert_posting(app, sequence, 1, DUE, 5)
    insert_posting(app, sequence, 2, SOLD, -5)
    app.execute("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises(psycopg.errors.CheckViolation):
        insert_posting(app, sequence, 3, DUE, 7)
    start_again(app)
    app.execute("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises(psycopg.DatabaseError) as caught:
        begin_entry(app)
    assert caught.value.sqlstate == "ZK003"
    assert books.breaks() == ()


def test_a_coin_needs_its_lot_and_money_has_none(app: App, books: PostgresBooks) -> None:
    """BTC without a lot, PKR with one, a lot that is no outpoint, a posting of 0: each is refused at once."""
    books.commit(write("k", receipt(1)))
    for account, units, lot in ((INTAKE, 5, None), (DUE, 5, outpoint(1)), (INTAKE, 5, "abc:0"), (DUE, 0, None)):
        sequence = begin_entry(app)
        with pytest.raises(psycopg.errors.CheckViolation):
            insert_posting(app, sequence, 1, account, units, lot=lot)
        start_again(app)


def test_a_posting_is_in_its_accounts_commodity(app: App, books: PostgresBooks) -> None:
    """PKR on an account that counts BTC, or on one that does not exist, has nothing to refer to."""
    assert books.balances()
    for account in (INTAKE, "assets:nowhere"):
        sequence = begin_entry(app)
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            app.execute(
                "INSERT INTO zakhira.posting VALUES (%s, 1, 1, 2, %s, 'PKR', 5)",
                (sequence, account),
            )
        start_again(app)


@pytest.mark.parametrize("from_lot", [1, 2, 3])
def test_no_lot_is_overdrawn(app: App, books: PostgresBooks, from_lot: int) -> None:
    """More than a lot holds does not leave a vault, though the account holds it; nor does a lot never seen."""
    books.commit(write("k", receipt(1, 500), receipt(2, 500)))
    sequence = begin_entry(app)
    insert_posting(app, sequence, 1, INTAKE, -501, lot=outpoint(from_lot))
    insert_posting(app, sequence, 2, COLD, 501, lot=outpoint(9))
    with pytest.raises(psycopg.DatabaseError) as caught:
        app.commit()
    assert caught.value.sqlstate == "ZK005"
    assert books.balances()[COLD].units == 0


def test_a_lot_may_dip_below_zero_until_the_commit(app: App, books: PostgresBooks) -> None:
    """Spent first and brought in after, within one transaction: at its end the lot is whole."""
    sequence = begin_entry(app, postings=4)
    insert_posting(app, sequence, 1, INTAKE, -5, lot=outpoint(1), count=4)
    insert_posting(app, sequence, 2, COLD, 5, lot=outpoint(2), count=4)
    insert_posting(app, sequence, 3, INTAKE, 5, lot=outpoint(1), count=4)
    insert_posting(app, sequence, 4, ROYALTY, -5, lot=outpoint(1), count=4)
    app.commit()
    assert books.balances()[COLD].units == 5
    assert books.lots(INTAKE) == ()


def test_the_chain_only_grows_at_its_head(app: App, books: PostgresBooks) -> None:
    """A wrong number, a wrong link, a hash that is not of its fields, a gap: the database recomputes and refuses."""
    books.commit(write("k", receipt(1)))
    good = next_audit(app)
    stranger = replace(good, previous_hash="e" * 64)
    skipped = replace(good, sequence=good.sequence + 1)
    for bad in (
        replace(good, hash="f" * 64),
        replace(good, actor="somebody else"),
        replace(good, at=datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC)),
        replace(stranger, hash=audit_hash(stranger)),
        replace(skipped, hash=audit_hash(skipped)),
        books.audit_entries()[0],
    ):
        with pytest.raises(psycopg.DatabaseError) as caught:
            insert_audit(app, bad)
        assert caught.value.sqlstate == "ZK002"
        start_again(app)
    insert_audit(app, next_audit(app))
    app.commit()
    assert [entry.key for entry in books.audit_entries()] == ["k", "by hand"]


def test_two_writers_stand_in_line(app: App, books: PostgresBooks, database: str) -> None:
    """While one writer is at the head another waits for it, and then follows it without a gap."""
    insert_audit(app, next_audit(app, "first"))
    with psycopg.connect(database) as second:
        second.execute("SET lock_timeout = '200ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            next_audit(second, "second")
        second.rollback()
        app.commit()
        insert_audit(second, next_audit(second, "second"))
    assert [(entry.sequence, entry.key) for entry in books.audit_entries()] == [(1, "first"), (2, "second")]


def test_the_database_hashes_texts_as_the_program_does(books: PostgresBooks) -> None:
    """Every character that JSON escapes, and some that it does not: both sides compute one hash."""
    odd = "".join(map(chr, range(1, 0x20))) + '"\\/\x7f\x80\u2028\u2029\ufeffé\U0001f642ذ'
    instants = (START, *(START.replace(microsecond=one) for one in (1, 120_000)), START.replace(year=999))
    for number, at in enumerate(instants):
        books.commit(replace(write(f"{odd}{number}"), actor=odd, action=odd[::-1], at=at))
    assert len(books.audit_entries()) == 4
    assert books.breaks() == ()

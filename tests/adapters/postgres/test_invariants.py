"""What must never happen the database itself refuses, to whoever speaks SQL as the program's role."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256

import psycopg
import pytest
from msgspec import structs
from psycopg import Connection
from psycopg.rows import TupleRow

from books_bench import COLD, DUE, INTAKE, ROYALTY, SOLD, START, invoice, outpoint, receipt, sweep, write
from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.adapters.postgres.writing import touched_names
from zakhira.controls.chain.audit import AuditEntry, make_entry
from zakhira.flows.ports.books import Record, Write, input_hash
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
    "seal": "hash",
    "sealing": "done_through",
    "earlier_link": "hash",
    "balance": "units",
    "lot": "units",
    "chain_event": "height",
    "followed_block": "hash",
    "coin": "vault",
}
"""Each table with a column to alter."""
APPEND_ONLY = ("commodity", "account", "audit", "entry", "posting", "record", "chain_event", "seal", "earlier_link")
FOLLOWING = ("audit_head", "balance", "lot", "followed_block", "coin")
CHANGES = ("UPDATE zakhira.{0} SET {1} = {1}", "DELETE FROM zakhira.{0}", "TRUNCATE zakhira.{0} CASCADE")
App = Connection[TupleRow]


def lock(connection: App, held: Write) -> None:
    """Hold what a write touches."""
    connection.execute("SELECT zakhira.lock_touched(%s)", (touched_names(held),))


def start_again(connection: App) -> None:
    """Roll back, and be the program's role again."""
    connection.rollback()
    connection.execute("SET ROLE zakhira_app")
    connection.commit()


def good_audit(key: str = "by hand") -> AuditEntry:
    """A good audit entry, whose number the database draws."""
    return make_entry(0, key, "mallory", "spend", START, content_hash("x"))


def insert_audit(connection: App, audit: AuditEntry, entries: int = 0, records: int = 0, postings: int = 0) -> int:
    """Insert it by hand; returns its number."""
    row = connection.execute(
        "INSERT INTO zakhira.audit (sequence, key, actor, action, at, content_hash, leaf_hash, entry_count, "
        "record_count, posting_count) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING sequence",
        (*(getattr(audit, name) for name in audit.__dataclass_fields__), entries, records, postings),
    ).fetchone()
    assert row is not None
    return int(row[0])


def insert_entry(connection: App, sequence: int, ordinal: int = 1, postings: int = 2) -> None:
    """Insert an entry by hand."""
    connection.execute(
        "INSERT INTO zakhira.entry (sequence, ordinal, posting_count, id, at, narration, evidence) "
        "VALUES (%s, %s, %s, %s, %s, 'by hand', 'none')",
        (sequence, ordinal, postings, f"hand-{sequence}-{ordinal}", START),
    )


def insert_posting(
    connection: App, sequence: int, ordinal: int, account: str, units: int, *, lot: str | None = None, place: int = 1
) -> None:
    """Insert a posting by hand, of entry 1 unless told otherwise."""
    commodity = "BTC" if account in {INTAKE, COLD, ROYALTY} else "PKR"
    connection.execute(
        "INSERT INTO zakhira.posting (sequence, entry_ordinal, ordinal, account, commodity, units, day, lot_outpoint, "
        "lot_source) VALUES (%s, %s, %s, (SELECT number FROM zakhira.account WHERE code = %s), %s, %s, %s, %s, %s)",
        (sequence, place, ordinal, account, commodity, units, START.date(), lot, lot and "by hand"),
    )


def begin_entry(app: App, postings: int = 2) -> int:
    """An audit entry and an entry by hand; returns the number of the write."""
    sequence = insert_audit(app, good_audit(), entries=1, postings=postings)
    insert_entry(app, sequence, postings=postings)
    return sequence


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
        "INSERT INTO zakhira.balance VALUES (1, 5, 1)",
        "INSERT INTO zakhira.lot VALUES ('assets:vault:cold', 'x', 'x', true, 5)",
        "INSERT INTO zakhira.coin SELECT * FROM zakhira.coin",
        "INSERT INTO zakhira.followed_block VALUES (1, 'x')",
        "DELETE FROM zakhira.followed_block",
        "INSERT INTO zakhira.schema_version VALUES (99, 'x', 'x')",
        "SELECT zakhira.leaf_hash(audit) FROM zakhira.audit",
        "INSERT INTO zakhira.seal VALUES (1, 1, sha256(''), sha256(''))",
        "INSERT INTO zakhira.audit_head VALUES (false, 0, '')",
        "INSERT INTO zakhira.sealing VALUES (false)",
        "SELECT nextval('zakhira.write_number')",
        "SELECT setval('zakhira.write_number', 7)",
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
        insert_audit(app, good_audit(), **counts)
        with pytest.raises(psycopg.DatabaseError) as caught:
            app.commit()
        assert caught.value.sqlstate == "ZK003"
    assert books.audit_entries() == ()


def test_nothing_is_added_to_a_committed_write(app: App, books: PostgresBooks) -> None:
    """A further posting, entry or record for an old write finds no place, balanced or not."""
    books.commit(write("k", invoice(1, 5), records=(Record("day", "1", 1),)))
    for place, ordinal, state in ((1, 2, "23505"), (1, 3, "ZK003"), (2, 1, "ZK003"), (0, 0, "ZK003")):
        with pytest.raises(psycopg.DatabaseError) as caught:
            insert_posting(app, 1, ordinal, DUE, 5, place=place)
        assert caught.value.sqlstate == state
        start_again(app)
    for place, state in ((1, "23505"), (2, "ZK003"), (0, "ZK003")):
        with pytest.raises(psycopg.DatabaseError) as caught:
            insert_entry(app, 1, place)
        assert caught.value.sqlstate == state
        start_again(app)
    for number in (0, 2, 99):
        with pytest.raises(psycopg.DatabaseError) as caught:
            insert_posting(app, number, 1, DUE, 5)
        assert caught.value.sqlstate == "ZK003"
        start_again(app)
    with pytest.raises(psycopg.DatabaseError) as caught:
        app.execute("INSERT INTO zakhira.record VALUES (1, 2, 2, 'day', '2', '{}')")
    assert caught.value.sqlstate == "ZK003"
    assert books.breaks() == ()


def test_constraints_checked_early_open_no_gap(app: App, books: PostgresBooks) -> None:
    """SET CONSTRAINTS IMMEDIATE makes the checks run before the end; what follows in the transaction still fails."""
    sequence = begin_entry(app)
    insert_posting(app, sequence, 1, DUE, 5)
    insert_posting(app, sequence, 2, SOLD, -5)
    app.execute("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises(psycopg.DatabaseError) as caught:
        insert_posting(app, sequence, 3, DUE, 7)
    assert caught.value.sqlstate == "ZK003"
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
        with pytest.raises(psycopg.DatabaseError) as caught:
            insert_posting(app, sequence, 1, account, units, lot=lot)
        assert caught.value.sqlstate in {"23514", "ZK013"}
        start_again(app)


def test_a_posting_is_in_its_accounts_commodity(app: App, books: PostgresBooks) -> None:
    """PKR on an account that counts BTC, or on one that does not exist, has nothing to refer to."""
    assert books.balances()
    for account in (INTAKE, "assets:nowhere"):
        sequence = begin_entry(app)
        with pytest.raises(psycopg.DatabaseError) as caught:
            app.execute(
                "INSERT INTO zakhira.posting VALUES (%s, 5, 1, 1, coalesce("
                "(SELECT number FROM zakhira.account WHERE code = %s), -1), %s, 'PKR')",
                (sequence, account, START.date()),
            )
        assert caught.value.sqlstate in {"ZK013", "23503"}
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
    """Spent first and brought in after, within one transaction: at its end the lot is whole. The account never dips."""
    books.commit(write("k", receipt(8, 500)))
    sequence = begin_entry(app, postings=4)
    insert_posting(app, sequence, 1, INTAKE, -5, lot=outpoint(1))
    insert_posting(app, sequence, 2, COLD, 5, lot=outpoint(2))
    insert_posting(app, sequence, 3, INTAKE, 5, lot=outpoint(1))
    insert_posting(app, sequence, 4, ROYALTY, -5, lot=outpoint(1))
    app.commit()
    assert books.balances()[COLD].units == 5
    assert [lot.amount.units for lot in books.lots(INTAKE)] == [500]


def test_a_leaf_is_the_hash_of_its_header(app: App, books: PostgresBooks) -> None:
    """A leaf hash that is not of its fields: the database recomputes and refuses. A number is never chosen."""
    books.commit(write("k", receipt(1)))
    good = good_audit()
    for bad in (
        replace(good, leaf_hash="f" * 64),
        replace(good, actor="somebody else"),
        replace(good, at=datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC)),
        replace(good, key="another"),
    ):
        with pytest.raises(psycopg.DatabaseError) as caught:
            insert_audit(app, bad)
        assert caught.value.sqlstate == "ZK002"
        start_again(app)
    last = books.audit_entries()[-1]
    with pytest.raises(psycopg.errors.UniqueViolation):
        insert_audit(app, last)
    start_again(app)
    assert insert_audit(app, replace(good, sequence=1)) > last.sequence
    app.commit()
    assert [entry.key for entry in books.audit_entries()] == ["k", "by hand"]


def test_the_chain_only_grows_at_its_head(owner: App, books: PostgresBooks) -> None:
    """Not even the owner seals by hand: a wrong place, link or hash, or a write that is not there, does not fit."""
    for number in range(3):
        books.commit(write(f"k{number}", receipt(number)))
        if number == 0:
            assert books.seal() == 1
    head = bytes.fromhex(books.chain_head().hash)
    leaves = [bytes.fromhex(entry.leaf_hash) for entry in books.audit_entries()]
    good = (2, 2, head, sha256(head + leaves[1]).digest())
    for bad in (
        (3, *good[1:]),
        (1, *good[1:]),
        (*good[:2], sha256(b"").digest(), sha256(sha256(b"").digest() + leaves[1]).digest()),
        (*good[:3], sha256(head + leaves[0]).digest()),
        (2, 3, *good[2:]),
        (2, 99, *good[2:]),
        (2, 1, *good[2:]),
    ):
        with pytest.raises((psycopg.errors.UniqueViolation, psycopg.DatabaseError)) as caught:
            owner.execute("INSERT INTO zakhira.seal VALUES (%s, %s, %s, %s)", bad)
        assert caught.value.sqlstate in {"ZK002", "23505"}
        assert books.chain_head().position == 1
    owner.execute("INSERT INTO zakhira.seal VALUES (%s, %s, %s, %s)", good)
    assert books.seal() == 1
    assert books.chain_head().position == 3
    assert books.breaks() == ()


def test_nobody_waits_for_a_slow_writer(app: App, books: PostgresBooks, database: str) -> None:
    """While one write is open others commit and are sealed; it comes into the chain when it commits, without a gap."""
    slow = insert_audit(app, make_entry(0, "slow", "mallory", "spend", START, input_hash((), ())))
    fast = []
    for number in range(3):
        books.commit(write(f"k{number}", receipt(number)))
        assert books.seal() == 1
        fast.append(number)
    # A turn that finds nothing settles what nobody is at any more, and the slow one still is.
    assert books.seal() == 0
    app.commit()
    assert books.unsealed().count == 1
    assert books.seal() == 1
    assert [one.write.audit.key for one in books.sealed(0, 9)] == ["k0", "k1", "k2", "slow"]
    assert slow == min(entry.sequence for entry in books.audit_entries())
    for number in range(3, 6):
        books.commit(write(f"k{number}", receipt(number)))
        assert books.seal() == 1
    assert books.breaks() == ()
    with psycopg.connect(database) as connection:
        row = connection.execute("SELECT done_through FROM zakhira.sealing").fetchone()
        assert row is not None
        last = max(entry.sequence for entry in books.audit_entries())
        assert slow < row[0] < last
        assert books.seal() == 0
        assert connection.execute("SELECT done_through FROM zakhira.sealing").fetchone() == (last,)


def test_two_writers_of_one_thing_stand_in_line(books: PostgresBooks, database: str) -> None:
    """A reversal, lot or record that another write holds is waited for, and nothing else: keys have an index."""
    held = write("held", structs.replace(sweep(2, 1, 5, 1), reverses="sweep-1"), records=(Record("day", "1", 1),))
    others = {
        "reversal": write("k", structs.replace(invoice(1, 5), reverses="sweep-1")),
        "lot": write("k", sweep(3, 1, 5, 1)),
        "record": write("k", records=(Record("day", "1", 2),)),
    }
    free = write("k", sweep(4, 5, 5, 1), records=(Record("day", "2", 1), Record("plan", "1", 1)))
    with psycopg.connect(database) as first, psycopg.connect(database) as second:
        lock(first, held)
        second.execute("SET lock_timeout = '100ms'")
        second.commit()
        for other in others.values():
            with pytest.raises(psycopg.errors.LockNotAvailable):
                lock(second, other)
            second.rollback()
        lock(second, free)
        first.rollback()
        for other in others.values():
            lock(second, other)
    assert books.breaks() == ()


def test_a_write_that_touches_very_much_stands_alone(books: PostgresBooks, database: str) -> None:
    """It waits for the writes that are open, and those that come wait for it; the memory of locks is not filled."""
    much = write("much", records=tuple(Record("day", str(number), number) for number in range(500)))
    with psycopg.connect(database) as first, psycopg.connect(database) as second:
        for one, other in ((much, write("k")), (write("k"), much), (much, replace(much, key="more"))):
            lock(first, one)
            second.execute("SET LOCAL lock_timeout = '100ms'")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                lock(second, other)
            first.rollback()
            second.rollback()
    books.commit(much)
    assert len(books.records("day")) == 500


def test_a_lot_is_touched_in_the_order_of_numbers(app: App, books: PostgresBooks) -> None:
    """A write by hand that drew its number first and comes to the lot last would spend what a later one brought."""
    sequence = begin_entry(app)
    books.commit(write("k", receipt(1, 500)))
    with pytest.raises(psycopg.DatabaseError) as caught:
        insert_posting(app, sequence, 1, INTAKE, -5, lot=outpoint(1))
    assert caught.value.sqlstate == "ZK007"


def test_the_database_hashes_texts_as_the_program_does(books: PostgresBooks) -> None:
    """Every character that JSON escapes, and some that it does not: both sides compute one hash."""
    odd = "".join(map(chr, range(1, 0x20))) + '"\\/\x7f\x80\u2028\u2029\ufeffé\U0001f642ذ'
    instants = (START, *(START.replace(microsecond=one) for one in (1, 120_000)), START.replace(year=999))
    for number, at in enumerate(instants):
        books.commit(replace(write(f"{odd}{number}"), actor=odd, action=odd[::-1], at=at))
    assert books.seal() == len(books.audit_entries()) == 4
    assert books.breaks() == ()

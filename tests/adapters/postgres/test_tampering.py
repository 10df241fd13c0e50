"""Whoever owns the database can switch its guards off; what they alter then, the full check finds and names."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from books_bench import COLD, INTAKE, invoice, receipt, sweep, write
from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.flows.movement_record import ENDED, MovementRecord
from zakhira.flows.ports.books import Record
from zakhira.flows.ports.books_errors import BooksDamaged
from zakhira.kernel.money import Commodity

COLD_NUMBER = "(SELECT number FROM zakhira.account WHERE code = 'assets:vault:cold')"


@pytest.mark.parametrize(
    ("alteration", "words"),
    [
        ("UPDATE zakhira.posting SET units = units * 2 WHERE sequence = 1", "write 1 (k1): its content is not"),
        ("UPDATE zakhira.posting SET lot_source = 'elsewhere' WHERE sequence = 1", "write 1 (k1): its content is not"),
        ("UPDATE zakhira.entry SET narration = 'gift' WHERE sequence = 2", "write 2 (k2): its content is not"),
        ("UPDATE zakhira.entry SET at = at + interval '1 microsecond'", "write 1 (k1): its content is not"),
        ("UPDATE zakhira.record SET body = '{\"mw\": 6}' WHERE id = '1'", "write 3 (k3): its content is not"),
        ("UPDATE zakhira.record SET id = 'x' WHERE id = '1'", "write 3 (k3): its content is not"),
        ("DELETE FROM zakhira.record", "write 3 (k3): its content is not"),
        ("DELETE FROM zakhira.posting WHERE sequence = 2", "write 2 (k2): its content is not"),
        ("UPDATE zakhira.audit SET actor = 'nobody' WHERE sequence = 2", "write 2 (k2): its leaf hash is not"),
        ("UPDATE zakhira.audit SET key = 'other' WHERE sequence = 3", "position 3 (other): its hash does not follow"),
        (
            f"UPDATE zakhira.balance SET units = units + 1 WHERE account = {COLD_NUMBER}",  # noqa: S608 - of this file
            "balance of assets:vault:cold",
        ),
        (
            f"DELETE FROM zakhira.balance WHERE account = {COLD_NUMBER}",  # noqa: S608 - of this file
            "balance of assets:vault:cold",
        ),
        ("UPDATE zakhira.lot SET units = units + 1 WHERE account = 'assets:vault:cold'", "lots:"),
        ("UPDATE zakhira.account SET commodity = 'USD' WHERE code = 'income:energy'", "the account counts USD"),
        ("UPDATE zakhira.audit_head SET position = 7", "the head of the chain"),
        ("UPDATE zakhira.audit SET leaf_hash = content_hash WHERE sequence = 2", "write 2 (k2): its leaf hash is not"),
        ("UPDATE zakhira.seal SET hash = sha256('') WHERE position = 2", "position 2 (k2): its hash does not follow"),
        ("UPDATE zakhira.seal SET previous_hash = sha256('') WHERE position = 3", "position 3: it does not carry"),
        ("UPDATE zakhira.seal SET position = 9 WHERE position = 3", "position 5 (k3): its number is 9"),
        ("UPDATE zakhira.seal SET sequence = 9 WHERE position = 2", "position 2: write 9, which it seals, is not"),
        (
            (
                "UPDATE zakhira.seal SET position = 9 WHERE position = 2;"
                "UPDATE zakhira.seal SET position = 2 WHERE position = 3;"
                "UPDATE zakhira.seal SET position = 3 WHERE position = 9"
            ),
            "position 2 (k3): its hash does not",
        ),
        ("DELETE FROM zakhira.seal WHERE position = 2", "position 2 (k3): its number is 3"),
        ("DELETE FROM zakhira.seal WHERE position = 1", "write 1 (k1): it was sealed once"),
        ("DELETE FROM zakhira.audit_head", "the head of the chain is gone"),
        ("DELETE FROM zakhira.sealing", "sealing: its one row is gone"),
        ("UPDATE zakhira.sealing SET done_through = 99", "sealed up to number 99, and the last number drawn is"),
        (
            "UPDATE zakhira.account SET commodity = 'BTCx' WHERE code = 'income:energy'",
            "account income:energy: it is kept",
        ),
        (
            "UPDATE zakhira.account SET commodity = 'XAU' WHERE code = 'expenses:network-fees'",
            "network-fees: it is kept",
        ),
        ("UPDATE zakhira.posting SET commodity = 'XAU' WHERE commodity = 'PKR'", "it is kept in 'XAU'"),
        ("UPDATE zakhira.entry SET commodity = 'XAU' WHERE units > 0", "entry 1 of write 4: it is kept in 'XAU'"),
        ("UPDATE zakhira.entry SET units = NULL", "entry 1 of write 4: its transfer is not told whole"),
        ("UPDATE zakhira.entry SET commodity = NULL", "entry 1 of write 4: its transfer is not told whole"),
        ("UPDATE zakhira.entry SET other = 1 WHERE sequence = 3", "entry 1 of write 3: its transfer is not told whole"),
        ("UPDATE zakhira.commodity SET decimals = 3 WHERE code = 'PKR'", "commodity PKR: the store gives it 3"),
        ("DELETE FROM zakhira.commodity WHERE code = 'USD'", "commodity USD: the store gives it None"),
        ("INSERT INTO zakhira.commodity VALUES ('XAU', 2)", "commodity XAU: the store gives it 2"),
        (
            "UPDATE zakhira.audit SET entry_count = 2 WHERE sequence = 1",
            "write 1 (k1): it says that it holds 2 entries",
        ),
        (
            "UPDATE zakhira.audit SET record_count = 2 WHERE sequence = 3",
            "write 3 (k3): it says that it holds 2 records",
        ),
        ("UPDATE zakhira.audit SET event_count = 1 WHERE sequence = 2", "write 2 (k2): it says that it holds 1 events"),
        ("UPDATE zakhira.entry SET ordinal = 2 WHERE sequence = 1", "write 1 (k1): it says that it holds 1 entries"),
        ("UPDATE zakhira.entry SET posting_count = 9 WHERE sequence = 2", "it says that it holds 9 postings"),
        ("UPDATE zakhira.posting SET ordinal = 9 WHERE sequence = 2 AND ordinal = 1", "postings, "),
        ("UPDATE zakhira.posting SET day = day + 1 WHERE sequence = 2", "postings, "),
        ("UPDATE zakhira.audit SET posting_count = 9 WHERE sequence = 2", "it says that it holds 9 postings"),
        ("UPDATE zakhira.record SET record_count = 9", "write 3 (k3): it says that it holds 1 records"),
        ("UPDATE zakhira.lot SET guarded = false WHERE account = 'assets:vault:cold'", "whether it may go below zero"),
    ],
)
def test_the_full_check_names_what_was_altered(
    books: PostgresBooks, owner: Connection[TupleRow], alteration: str, words: str
) -> None:
    """One row altered by the owner with triggers and keys switched off: the check says where."""
    books.commit(write("k1", receipt(1)))
    books.commit(write("k2", sweep(2, 1, 400, 20)))
    books.commit(write("k3", invoice(1, 5), records=(Record("day", "1", {"mw": 5}),)))
    assert books.seal() == 3
    books.commit(write("k4", invoice(4, 6)))
    assert books.seal() == 1
    assert books.breaks() == ()
    owner.execute("SET session_replication_role = replica")
    assert owner.execute(alteration.encode()).rowcount
    assert any(words in one for one in books.breaks()), books.breaks()


@pytest.mark.parametrize(
    "alteration",
    [
        "UPDATE zakhira.movement SET units = 1",
        "UPDATE zakhira.movement SET at = at - interval '1 day'",
        "UPDATE zakhira.movement SET is_waiting = false",
        "UPDATE zakhira.movement SET purpose = 'other', lot_purposes = '{}'",
        "DELETE FROM zakhira.movement",
        (
            "INSERT INTO zakhira.movement SELECT id || 'x', ordinal, at, action, commodity, units, vault, destination, "
            "purpose, lot_purposes, is_waiting FROM zakhira.movement"
        ),
    ],
)
def test_a_window_that_was_emptied_is_found(
    books: PostgresBooks, owner: Connection[TupleRow], app: Connection[TupleRow], alteration: str
) -> None:
    """The program may not touch what counts in windows; where the owner does, the full check names the matter."""
    at = datetime(2026, 1, 5, tzinfo=UTC)
    told = MovementRecord("pay-1", at, "spend", Commodity.BTC, "cold", "works", (("x", 10), ("y", 5)), ("royalty",))
    books.commit(write("k1", records=(told.record,)))
    books.commit(write("k2", records=(replace(told, id="pay-2", state=ENDED).record,)))
    assert books.breaks() == ()
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        app.execute(alteration.encode())
    owner.execute("SET session_replication_role = replica")
    assert owner.execute(alteration.encode()).rowcount
    assert any("what counts in windows" in one for one in books.breaks()), books.breaks()


def test_a_mark_of_sealing_that_was_set_ahead_hides_no_write(books: PostgresBooks, owner: Connection[TupleRow]) -> None:
    """The owner says that the next thousand numbers are done: what is written then waits for its seal, and is told."""
    books.commit(write("k1", receipt(1)))
    assert books.seal() == 1
    owner.execute("SET session_replication_role = replica")
    owner.execute("UPDATE zakhira.sealing SET done_through = done_through + 1000, open_through = open_through + 1000")
    books.commit(write("k2", receipt(2)))
    assert books.seal() == 0
    assert books.unsealed().count == 1
    assert any("it was sealed once" in one for one in books.breaks()), books.breaks()


def test_a_write_cut_off_the_end_is_found(books: PostgresBooks, owner: Connection[TupleRow]) -> None:
    """Even the newest write cannot be taken out unseen: the head, the balances and the lots remember it."""
    books.commit(write("k1", receipt(1)))
    books.commit(write("k2", sweep(2, 1, 400, 20)))
    assert books.seal() == 2
    owner.execute("SET session_replication_role = replica")
    for table in ("posting", "entry", "audit", "seal"):
        owner.execute(f"DELETE FROM zakhira.{table} WHERE sequence = 2".encode())  # noqa: S608 - names from this test
    found = books.breaks()
    for words in (f"balance of {INTAKE}", f"balance of {COLD}", "lots:", "the head of the chain"):
        assert any(words in one for one in found)


def test_the_check_sees_one_moment(books: PostgresBooks, database: str) -> None:
    """Writes that go on during the check do not make it see a break: it reads one snapshot."""
    other = PostgresBooks(database)
    other.open_accounts(())
    for number in range(20):
        other.commit(write(f"k{number}", receipt(number)))
        assert books.breaks() == ()
    other.close()
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM zakhira.audit").fetchone() == (20,)


def test_books_whose_head_is_gone_say_so(books: PostgresBooks, owner: Connection[TupleRow]) -> None:
    """Whoever asks where the chain ends is told what is wrong, in words and with a code."""
    books.commit(write("k1", receipt(1)))
    owner.execute("SET session_replication_role = replica")
    owner.execute("DELETE FROM zakhira.audit_head")
    with pytest.raises(BooksDamaged, match="ZK-BOOKS-040"):
        books.chain_head()

"""The store computed anew in columns says what the plain reference says, of sound books and of altered ones."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime, timedelta

import numpy as np
import psycopg
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from psycopg import Connection
from psycopg.rows import TupleRow

from books_bench import DUE, INTAKE, ROYALTY, SOLD, START, invoice, outpoint, receipt, sweep, write
from zakhira.adapters.postgres.accounts import read_accounts
from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.adapters.postgres.reading import read_balances, read_lots, read_shown_chain, read_writes
from zakhira.adapters.postgres.rows import seal_from
from zakhira.adapters.postgres.verifying.columns import Texts
from zakhira.adapters.postgres.verifying.page import Entries, read_spans
from zakhira.adapters.postgres.verifying.verification import read_all_breaks
from zakhira.controls.chain.audit import ChainHead
from zakhira.flows.ports.books import Record, Write
from zakhira.flows.ports.books_check import ShownSeals, find_breaks
from zakhira.flows.ports.coin_events import block_connected
from zakhira.flows.ports.ledger_records import account_record, period_record
from zakhira.kernel.interval import exact_utc_text
from zakhira.kernel.money import Amount, Commodity, sats
from zakhira.ledger.account_record import HeldAccount
from zakhira.ledger.entry import Entry, Lot, Posting, reversal
from zakhira.ledger.periods import Period
from zakhira.programme.model import AccountSpec

TILL, HER = "assets:cash:till", 'liabilities:participants:"Zoë"\\رقم:PKR'
NASTY = 'a "quote", a \\backslash, a line\nbreak, a tab\t, \x01\x1f\x7f, رائلٹی, 🪙'


def rupees(paisa: int) -> Amount:
    """Rupees in paisa."""
    return Amount(paisa, Commodity.PKR)


def cash(number: int, paisa: int, day: int = 0, account: str = TILL) -> Entry:
    """Cash that comes in as income, or goes."""
    postings = (Posting(account, rupees(paisa)), Posting(SOLD, rupees(-paisa)))
    return Entry(f"cash-{number}", START + timedelta(days=day, microseconds=number), "Cash", "receipt", postings)


def fill(books: PostgresBooks) -> None:
    """Books with some of everything: 13 writes under the numbers from 1."""
    nasty = Entry(NASTY, START, NASTY, NASTY, (Posting(DUE, rupees(7)), Posting(SOLD, rupees(-7))))
    worth = Entry(
        "worth",
        START,
        "Bought",
        "letter",
        (
            Posting(INTAKE, sats(5), Lot(outpoint(70), NASTY), rupees(90)),
            Posting(ROYALTY, sats(-3), Lot(outpoint(70), "pool")),
            Posting(ROYALTY, sats(-2), cost=Amount(1, Commodity.USD)),
            Posting(DUE, rupees(1), cost=Amount(0, Commodity.USD)),
            Posting(SOLD, rupees(-1)),
        ),
    )
    till, hers = AccountSpec(TILL, "PKR", "asset"), AccountSpec(HER, "PKR", "liability", ceiling=rupees(500))
    parts = (Posting(DUE, rupees(5)), Posting(SOLD, rupees(-2)), Posting(SOLD, rupees(-3)))
    split = Entry("split", START + timedelta(days=40), "Two sales", "letter 3", parts)
    credit = Entry("credit", START, "Credit", "list", (Posting(TILL, rupees(400)), Posting(HER, rupees(-400))))
    for one in (
        write("k1", receipt(1), invoice(1, 5)),
        write("k2", sweep(2, 1, 400, 20)),
        write(f"k3 {NASTY}", nasty, worth, records=(Record("day", NASTY, {"mw": 5.5, "é": [NASTY, None, 2.0**60]}),)),
        write("k4", records=(account_record(HeldAccount(till), "ordered"),)),
        write("k5", records=(account_record(HeldAccount(hers, "p-1"), "ordered"),)),
        write("k6", cash(1, 100), cash(2, -40), invoice(2, 6)),
        write("k7", credit),
        write("k8", reversal(credit, "back", START, "Wrong", "letter 2")),
        write("k9", records=(account_record(HeldAccount(hers, "p-1", is_frozen=True), "ordered"),)),
        write("k10"),
        Write("k11", "watcher", "follow", START, coin_events=(block_connected(1, f"{1:064x}", f"{0:064x}"),)),
        write("k12", records=(period_record(Period(date(2025, 1, 1), date(2025, 1, 31)), "over"),)),
        write("k13", cash(13, 9, 40), invoice(13, 3), split),
    ):
        books.commit(one)
    assert books.seal() == 13
    books.commit(write("k14", cash(14, 5), receipt(14)))


def plainly(connection: Connection[TupleRow]) -> tuple[str, ...]:
    """What the reference says of the same store."""
    seals = connection.execute("SELECT position, sequence, previous_hash, hash FROM zakhira.seal ORDER BY position")
    head = connection.execute("SELECT position, hash FROM zakhira.audit_head").fetchone()
    settled = connection.execute("SELECT done_through FROM zakhira.sealing").fetchone()
    assert settled is not None
    return find_breaks(
        read_writes(connection),
        read_accounts(connection),
        read_balances(connection),
        read_lots(connection, None),
        ShownSeals(
            [seal_from(row) for row in seals], None if head is None else ChainHead(head[0], head[1].hex()), settled[0]
        ),
        read_shown_chain(connection),
    )


def in_columns(database: str, at_once: int, another: Callable[[], Connection[TupleRow]] | None) -> tuple[str, ...]:
    """What is computed in columns, so many postings at a time."""
    with closing(psycopg.connect(database, autocommit=True)) as connection, connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        return read_all_breaks(connection, another=another, at_once=at_once)


@pytest.mark.parametrize("at_once", [1, 4, 1_000_000])
@pytest.mark.parametrize("threads", [False, True])
def test_sound_books_hold(books: PostgresBooks, database: str, at_once: int, *, threads: bool) -> None:
    """Texts that JSON escapes, lots, costs, reversals, ceilings, freezes, periods, events: all of it adds up."""
    fill(books)

    def another() -> Connection[TupleRow]:
        return psycopg.connect(database, autocommit=True)

    assert in_columns(database, at_once, another if threads else None) == ()
    with psycopg.connect(database) as connection:
        assert plainly(connection) == ()


@pytest.mark.parametrize(
    ("alteration", "words"),
    [
        # What writes 1 and 13 say stands in postings, writes 6 and 7 are of transfers.
        ("UPDATE zakhira.posting SET units = units + 1 WHERE sequence = 1 AND cost_units IS NULL", "sum to"),
        ("UPDATE zakhira.posting SET units = units * -20 WHERE sequence = 13 AND entry_ordinal = 1", "holds"),
        ("UPDATE zakhira.posting SET units = units - 499 WHERE sequence = 1 AND lot_outpoint IS NOT NULL", "lot"),
        (
            (
                "UPDATE zakhira.posting SET units = CASE WHEN units < 0 THEN -9223372036854775807 "
                "ELSE 9223372036854775807 END WHERE sequence IN (1, 13)"
            ),
            "63 bits",
        ),
        ("UPDATE zakhira.posting SET units = units * 2 WHERE sequence = 8", "take back exactly"),
        ("UPDATE zakhira.posting SET lot_outpoint = NULL, lot_source = NULL WHERE sequence = 2", "has no lot"),
        ("UPDATE zakhira.posting SET lot_source = ' ' WHERE sequence = 2", "is not a lot"),
        ("UPDATE zakhira.posting SET cost_units = -1 WHERE cost_commodity = 'PKR'", "cannot have the cost"),
        ("UPDATE zakhira.posting SET commodity = 'USD' WHERE sequence = 13", "the account counts PKR"),
        ("UPDATE zakhira.posting SET account = 99 WHERE sequence = 13 AND ordinal = 2", "its content is not"),
        ("UPDATE zakhira.posting SET sequence = 99 WHERE sequence = 13 AND ordinal = 2", "its content is not"),
        (
            "UPDATE zakhira.posting SET entry_ordinal = 9 WHERE sequence = 13 AND entry_ordinal = 2",
            "its content is not",
        ),
        ("UPDATE zakhira.posting SET ordinal = 3 - ordinal + 10 WHERE sequence = 13", "its content is not"),
        ("UPDATE zakhira.entry SET ordinal = ordinal + 5 WHERE sequence = 13", "its content is not"),
        ("UPDATE zakhira.entry SET units = units + 1 WHERE sequence = 6", "sum to"),
        ("UPDATE zakhira.entry SET units = -units WHERE sequence = 6 AND ordinal = 1", "holds"),
        ("UPDATE zakhira.entry SET units = 9223372036854775807 WHERE sequence = 6", "63 bits"),
        ("UPDATE zakhira.entry SET units = units * 2 WHERE sequence = 7", "at most"),
        ("UPDATE zakhira.entry SET units = 0 WHERE sequence = 6 AND ordinal = 1", "its content is not"),
        ("UPDATE zakhira.entry SET commodity = 'USD' WHERE sequence = 6", "the account counts PKR"),
        ("UPDATE zakhira.entry SET other = 99 WHERE sequence = 6", "its content is not"),
        ("UPDATE zakhira.entry SET account = other, other = account WHERE sequence = 6", "its content is not"),
        ("UPDATE zakhira.entry SET account = NULL WHERE sequence = 6 AND ordinal = 3", "its content is not"),
        ("UPDATE zakhira.entry SET other = NULL WHERE sequence = 6 AND ordinal = 3", "its content is not"),
        ("UPDATE zakhira.entry SET ordinal = ordinal + 5 WHERE sequence = 6", "it says that it holds 3 entries"),
        (
            (
                "UPDATE zakhira.entry SET account = posting.account, other = posting.account, units = 1, "
                "commodity = 'PKR' FROM zakhira.posting WHERE posting.commodity = 'PKR' "
                "AND posting.sequence = 13 AND entry.sequence = 13"
            ),
            "its content is not",
        ),
        ("UPDATE zakhira.entry SET at = '2025-01-15T00:00:00Z' WHERE sequence = 13", "is closed"),
        ("UPDATE zakhira.entry SET narration = ' ' WHERE sequence = 6 AND ordinal = 2", "no narration"),
        ("UPDATE zakhira.entry SET evidence = E'\\u00a0' WHERE sequence = 6 AND ordinal = 3", "no evidence"),
        ("UPDATE zakhira.entry SET reverses = 'nothing' WHERE sequence = 13 AND ordinal = 1", "not in the books"),
        ("UPDATE zakhira.record SET body = jsonb_set(body, '{is_frozen}', 'true') WHERE sequence = 4", "is frozen"),
        ("UPDATE zakhira.record SET body = jsonb_set(body, '{ceiling_units}', '\"50\"') WHERE sequence = 5", "at most"),
        ("UPDATE zakhira.record SET body = jsonb_set(body, '{kind}', '\"income\"') WHERE sequence = 9", "held by p-1"),
        ("UPDATE zakhira.record SET body = '{}' WHERE sequence = 5", "the fields of an account"),
        ("UPDATE zakhira.record SET body = '{}' WHERE sequence = 12", "does not say from when"),
        ("UPDATE zakhira.chain_event SET height = 9", "its content is not"),
        ("DELETE FROM zakhira.account WHERE code LIKE 'assets:cash%'", "sum"),
        ("DELETE FROM zakhira.audit WHERE sequence = 7", "which it seals, is not there"),
        ("DELETE FROM zakhira.seal WHERE position = 13", "the head of the chain is"),
        ("UPDATE zakhira.seal SET hash = sha256('x') WHERE position = 4", "does not carry the hash"),
        ("UPDATE zakhira.audit SET at = at + interval '1 hour' WHERE sequence IN (5, 14)", "its leaf hash"),
        ("UPDATE zakhira.lot SET source = 'x'", "lots:"),
    ],
)
@pytest.mark.parametrize("at_once", [1, 1_000_000])
def test_altered_books_get_the_same_answer(
    books: PostgresBooks, database: str, owner: Connection[TupleRow], alteration: str, words: str, at_once: int
) -> None:
    """One thing altered with all guards off: what the plain reference says is said, word for word, and in its order."""
    fill(books)
    owner.execute("SET session_replication_role = replica")
    assert owner.execute(alteration.encode()).rowcount
    due = plainly(owner)
    found = in_columns(database, at_once, None)
    assert any(words in one for one in due) or any(words in one for one in found), found
    assert [one for one in found if one in due] == list(due)


@pytest.mark.parametrize(
    ("alteration", "words"),
    [
        ("UPDATE zakhira.balance SET postings = postings + 1", "postings, 1 are there"),
        ("UPDATE zakhira.balance SET floor_units = -5 WHERE floor_units = 0", "its bounds, its freeze or its kind"),
        ("UPDATE zakhira.balance SET is_frozen = NOT is_frozen", "its bounds, its freeze or its kind"),
        ("UPDATE zakhira.balance SET class = 'd'", "its bounds, its freeze or its kind"),
        ("DELETE FROM zakhira.balance", "its row is gone"),
        ("UPDATE zakhira.rollup SET units = units + 1", f"sums of {DUE}"),
        ("DELETE FROM zakhira.rollup", f"sums of {DUE}"),
        ("UPDATE zakhira.rolled SET postings = postings + 1", f"sums of {DUE}"),
        ("UPDATE zakhira.stretch SET first_at = first_at + interval '1 us'", "stretch to write"),
        ("UPDATE zakhira.stretch SET last_at = last_at - interval '1 day'", "stretch to write"),
        ("UPDATE zakhira.stretch SET through = through - 1", "stretch to write"),
        ("UPDATE zakhira.stretch SET first = first + 1", "stretch to write"),
        ("DELETE FROM zakhira.stretch WHERE first = 1", "stretch to write"),
        ("UPDATE zakhira.closed_period SET first_day = first_day - 1", "period to 2025-01-31"),
        ("UPDATE zakhira.closing SET through = '-infinity'", "periods: the day through which"),
    ],
)
def test_what_is_derived_is_held_against_its_source(
    books: PostgresBooks, database: str, owner: Connection[TupleRow], alteration: str, words: str
) -> None:
    """Counts, bounds, sums of sums and closed days that nobody hashes follow from what is hashed."""
    fill(books)
    books.seal()
    owner.execute("SELECT zakhira.roll_up(500, 1, 4)")
    assert in_columns(database, 1_000_000, None) == ()
    owner.execute("SET session_replication_role = replica")
    assert owner.execute(alteration.encode()).rowcount
    assert any(words in one for one in in_columns(database, 1_000_000, None))


def test_chunks_hold_every_write_once_and_no_more_than_their_share(books: PostgresBooks, database: str) -> None:
    """What is in memory at a time is bounded: by postings, or by one write."""
    fill(books)
    with psycopg.connect(database) as connection:
        spans = list(read_spans(connection, 10))
    assert [write.number for span in spans for write in span] == list(range(1, 15))
    assert all(len(span) == 1 or sum(write.weight for write in span) <= 10 for span in spans)
    assert any(len(span) > 1 for span in spans)


def test_threads_see_one_moment(books: PostgresBooks, database: str) -> None:
    """Writes go on while several connections compute the store anew: all of them see the same snapshot."""
    fill(books)
    over = threading.Event()

    def go_on() -> None:
        with closing(PostgresBooks(database)) as other:
            number = 100
            while not over.wait(0.005):
                other.commit(write(f"more-{number}", cash(number, 5), invoice(number, 5)))
                number += 1

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        for _ in range(5):
            assert in_columns(database, 8, lambda: psycopg.connect(database, autocommit=True)) == ()
    finally:
        over.set()
        thread.join()


def test_how_far_it_is_is_told(books: PostgresBooks) -> None:
    """From nothing to all writes, never backwards; of empty books, too."""
    for is_filled in (False, True):
        if is_filled:
            fill(books)
        told: list[tuple[float, float]] = []
        assert books.breaks(progress=lambda _stage, done, total, _note: told.append((done, total))) == ()  # noqa: B023 - called at once
        assert told[0][0] == 0
        assert told == sorted(told)
        assert told[-1][0] == told[-1][1]


@given(st.lists(st.integers(-63_082_195_200_000_000, 252_455_529_599_999_999), min_size=1, max_size=60))
@example([0, 1, -1, 999_999, 1_000_000, -86_400_000_000, 86_399_999_999])
def test_instants_as_the_program_writes_them(microseconds: list[int]) -> None:
    """Put together from pieces, from the year 1 to 9999: the same text as that of one instant alone."""
    since = datetime(2000, 1, 1, tzinfo=UTC)
    due = [exact_utc_text(since + timedelta(microseconds=one)) for one in microseconds]
    none = np.zeros(0, dtype=np.int64)
    texts = Texts(None, 0)
    entries = Entries(none, np.array(microseconds, dtype=np.int64), none, texts, texts, texts)
    assert entries.instants().to_list() == due

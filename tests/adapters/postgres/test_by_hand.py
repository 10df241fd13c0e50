"""Writes by hand: several in one statement of the program's, and rows of several that the program never sends."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from books_bench import ALICE, BOB, COLD, DUE, POOL, SOLD, START, pay
from zakhira.adapters.postgres.accounts import KnownAccounts
from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.adapters.postgres.failures import translate
from zakhira.adapters.postgres.transfers import transfers_statement
from zakhira.adapters.postgres.writing import prepare
from zakhira.controls.chain.audit import make_entry
from zakhira.flows.ports.books import Write
from zakhira.flows.ports.books_errors import Overdrawn, WritersInTheWay
from zakhira.kernel.canonical import content_hash
from zakhira.kernel.money import Commodity
from zakhira.ledger.faults import ClaimsAboveBacking
from zakhira.programme.model import AccountSpec

App = Connection[TupleRow]
CLAIM, COINS = "liabilities:participants:alice:BTC", "equity:coins"
PEOPLE = (
    AccountSpec(ALICE, "PKR", "liability"),
    AccountSpec(BOB, "PKR", "liability"),
    AccountSpec(POOL, "PKR", "equity"),
    AccountSpec(CLAIM, "BTC", "liability"),
    AccountSpec(COINS, "BTC", "equity"),
)


def write_together(app: App, *writes: Write) -> None:
    """Write these in one statement, as :class:`JoinedBooks` does; raises the program's errors."""
    known = KnownAccounts()
    known.learn(app, [entry for one in writes for entry in one.entries])
    statement = transfers_statement([prepare(one) for one in writes], known)
    assert statement is not None, "they are transfers of one commodity between accounts that are there"
    try:
        app.execute(*statement)
        app.commit()
    except psycopg.Error as error:
        app.rollback()
        raise translate(error) from error


def test_a_bound_is_kept_after_each_of_them(app: App, books: PostgresBooks) -> None:
    """Bob pays what he gets in the same transaction only: together they are refused, as one of them alone would be."""
    books.open_accounts(PEOPLE)
    spends, gets = pay("spends", BOB, ALICE, 5), pay("gets", POOL, BOB, 5)
    for together in ((spends, gets), (gets, spends)):
        with pytest.raises(WritersInTheWay, match="not everything is in order"):
            write_together(app, *together)
    assert books.audit_entries() == ()
    with pytest.raises(Overdrawn):
        books.commit(spends)
    books.commit(gets)
    books.commit(spends)
    write_together(app, pay("more", POOL, BOB, 5), pay("and more", POOL, BOB, 6))
    assert books.balances()[BOB].units == -11
    assert books.breaks() == ()


def test_nothing_of_what_is_refused_together_is_there(app: App, books: PostgresBooks) -> None:
    """The last of three overdraws: none of the three is written."""
    books.open_accounts(PEOPLE)
    with pytest.raises(Overdrawn):
        write_together(app, pay("1", POOL, ALICE, 5), pay("2", POOL, ALICE, 5), pay("3", BOB, ALICE, 1))
    assert books.audit_entries() == ()
    assert books.entries() == ()


def test_coins_may_be_written_together(app: App, books: PostgresBooks) -> None:
    """Claims in coin are judged against what stands behind them, also several at a time."""
    books.open_accounts(PEOPLE)
    with pytest.raises(ClaimsAboveBacking, match="would stand above"):
        write_together(app, *(pay(f"c{number}", COINS, CLAIM, 5, Commodity.BTC) for number in range(2)))
    assert books.audit_entries() == ()
    assert books.entries() == ()


def begin(app: App, key: str, postings: int = 2) -> int:
    """A write with one entry, by hand; returns its number."""
    audit = make_entry(0, key, "mallory", "pay", START, content_hash(key))
    row = app.execute(
        "INSERT INTO zakhira.audit "
        "(key, actor, action, at, content_hash, leaf_hash, entry_count, posting_count, record_count) "
        "VALUES (%s, %s, %s, %s, %s, %s, 1, %s, 0) RETURNING sequence",
        (audit.key, audit.actor, audit.action, audit.at, audit.content_hash, audit.leaf_hash, postings),
    ).fetchone()
    assert row is not None
    return int(row[0])


def post(app: App, *rows: tuple[int, int, int, str, int, str | None]) -> None:
    """Postings in one statement: write, entry, ordinal, account, units and lot of each."""
    values = ", ".join(
        ["(%s, %s, %s, (SELECT number FROM zakhira.account WHERE code = %s), %s, %s, %s, %s, %s)"] * len(rows)
    )
    given = [
        (number, place, ordinal, account, units, START.date(), "BTC" if account == COLD else "PKR", lot, lot and "x")
        for number, place, ordinal, account, units, lot in rows
    ]
    app.execute(
        "INSERT INTO zakhira.posting (sequence, entry_ordinal, ordinal, account, units, day, commodity, lot_outpoint, "  # noqa: S608
        f"lot_source) VALUES {values}".encode(),
        [value for row in given for value in row],
    )


def pair(number: int, debit: int, credit: int) -> tuple[tuple[int, int, int, str, int, None], ...]:
    """The two postings of a write's one entry."""
    return (number, 1, 1, DUE, debit, None), (number, 1, 2, SOLD, credit, None)


def enter(app: App, *writes: int, ordinal: int = 1) -> None:
    """An entry of each write, in one statement."""
    values = ", ".join(["(%s, %s, 2, %s, %s, 'by hand', 'none')"] * len(writes))
    app.execute(
        "INSERT INTO zakhira.entry (sequence, ordinal, posting_count, id, at, narration, evidence) "  # noqa: S608
        f"VALUES {values}".encode(),
        [value for number in writes for value in (number, ordinal, f"hand-{number}-{ordinal}", START)],
    )


def test_several_by_hand_in_one_statement(app: App, books: PostgresBooks) -> None:
    """Entries and postings of two writes are not added by one statement; one after another they are."""
    one, other = begin(app, "one"), begin(app, "other")
    app.execute("SAVEPOINT begun")
    for act in (partial(enter, app, one, other), partial(post, app, *pair(one, 5, -5), *pair(other, 7, -7))):
        with pytest.raises(psycopg.DatabaseError) as caught:
            act()
        assert caught.value.sqlstate == "ZK003"
        app.execute("ROLLBACK TO begun")
    for number, units in ((one, 5), (other, 7)):
        enter(app, number)
        post(app, *pair(number, units, -units))
    app.commit()
    assert books.balances()[DUE].units == 12


@pytest.mark.parametrize("column", ["account", "other", "units", "commodity"])
def test_no_hand_makes_an_entry_a_transfer(app: App, owner: App, books: PostgresBooks, column: str) -> None:
    """What would move something without a posting is for the view of transfers alone to say."""
    books.open_accounts(PEOPLE)
    statement = (
        f"INSERT INTO zakhira.entry (sequence, ordinal, posting_count, id, at, narration, evidence, {column}) "  # noqa: S608
        "VALUES (%s, 1, 2, 'slipped', '2026-01-01', 'by hand', 'none', '1')"
    ).encode()
    number = begin(app, "slip")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        app.execute(statement, (number,))
    app.rollback()
    owner.execute("SET ROLE zakhira_owner")
    with owner.transaction(force_rollback=True):
        number = begin(owner, "slip")
        with pytest.raises(psycopg.errors.CheckViolation, match=r"only zakhira\.transfers"):
            owner.execute(statement, (number,))
    assert books.audit_entries() == ()


def test_one_of_several_is_not_whole(app: App, books: PostgresBooks) -> None:
    """Two writes of one transaction are balanced together and not each: refused at commit."""
    one, other = begin(app, "one"), begin(app, "other")
    for number, debit, credit in ((one, 5, -4), (other, 5, -6)):
        enter(app, number)
        post(app, *pair(number, debit, credit))
    with pytest.raises(psycopg.DatabaseError) as caught:
        app.commit()
    assert caught.value.sqlstate == "ZK004"
    assert books.balances()[DUE].units == 0


FAULTS: dict[str, Callable[[App, int], None]] = {
    "a posting of nothing": lambda app, number: post(app, (number, 1, 1, DUE, 0, None)),
    "an entry of no place": lambda app, number: enter(app, number, ordinal=0),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_row_by_hand_says_something(app: App, books: PostgresBooks, fault: str) -> None:
    """What a statement's trigger says in place of a CHECK, and a CHECK itself."""
    with pytest.raises(psycopg.errors.CheckViolation):
        FAULTS[fault](app, begin(app, "one"))
    app.rollback()
    assert books.entries() == ()

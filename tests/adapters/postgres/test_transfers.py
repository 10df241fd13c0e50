"""The view that takes transfers, met by whoever connects as the application: with arrays of every kind, and by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from books_bench import COLD, START, write
from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.adapters.postgres.writing import prepare
from zakhira.flows.ports.books import Write
from zakhira.flows.ports.ledger_records import period_record
from zakhira.kernel.money import Amount, Commodity
from zakhira.ledger.entry import Entry, Posting
from zakhira.ledger.periods import Period
from zakhira.programme.model import AccountSpec

App = Connection[TupleRow]
Columns = dict[str, Any]
ALICE, BOB, POOL = "liabilities:participants:alice:PKR", "liabilities:participants:bob:PKR", "equity:pool"
DOLLARS, CLAIM, SUSPENSE = "assets:cash:USD", "liabilities:participants:alice:BTC", "liabilities:suspense"
PEOPLE = (
    AccountSpec(ALICE, "PKR", "liability"),
    AccountSpec(BOB, "PKR", "liability", ceiling=Amount(1_000, Commodity.PKR)),
    AccountSpec(POOL, "PKR", "equity"),
    AccountSpec(DOLLARS, "USD", "asset"),
    AccountSpec(CLAIM, "BTC", "liability"),
    AccountSpec("equity:coins", "BTC", "equity"),
    AccountSpec(SUSPENSE, "BTC", "liability", "suspense"),
    AccountSpec(COLD, "BTC", "asset"),
)


@pytest.fixture
def numbers(books: PostgresBooks, owner: App) -> dict[str, int]:
    """The accounts, opened: their numbers by code."""
    books.open_accounts(PEOPLE)
    return {str(code): int(number) for code, number in owner.execute("SELECT code, number FROM zakhira.account")}


def pay(key: str, giver: str, taker: str, *paisa: int) -> Write:
    """Entries of so much each from one to another."""
    return write(
        key,
        *(
            Entry(f"{key}-{place}", START, "Pay", "list", (Posting(giver, one), Posting(taker, -one)))
            for place, one in enumerate((Amount(units, Commodity.PKR) for units in paisa), 1)
        ),
    )


def columns(numbers: dict[str, int], *writes: Write) -> Columns:
    """The view's columns for these writes, by name, as the program gives them."""
    prepared = [prepare(one) for one in writes]
    entries = [
        (place, ordinal, entry) for place, one in enumerate(writes, 1) for ordinal, entry in enumerate(one.entries, 1)
    ]
    return {
        "keys": [one.key for one in writes],
        "actors": [one.actor for one in writes],
        "actions": [one.action for one in writes],
        "ats": [one.at for one in writes],
        "content_hashes": [one.audit.content_hash for one in prepared],
        "leaf_hashes": [one.audit.leaf_hash for one in prepared],
        "entry_counts": [len(one.entries) for one in writes],
        "writes": [place for place, _, _ in entries],
        "ordinals": [ordinal for _, ordinal, _ in entries],
        "ids": [entry.id for _, _, entry in entries],
        "instants": [entry.at for _, _, entry in entries],
        "narrations": [entry.narration for _, _, entry in entries],
        "evidences": [entry.evidence for _, _, entry in entries],
        "accounts": [numbers[entry.postings[0].account] for _, _, entry in entries],
        "others": [numbers[entry.postings[1].account] for _, _, entry in entries],
        "units": [entry.postings[0].amount.units for _, _, entry in entries],
        "commodity": "PKR",
    }


def send(app: App, given: Columns) -> None:
    """One row of the view."""
    names = ", ".join(given)
    places = ", ".join(["%s"] * len(given))
    app.execute(f"INSERT INTO zakhira.transfers ({names}) VALUES ({places})".encode(), list(given.values()))  # noqa: S608


def offer(app: App, given: Columns) -> None:
    """One row of the view, and the end of the transaction."""
    send(app, given)
    app.commit()


def test_one_and_several(app: App, books: PostgresBooks, numbers: dict[str, int]) -> None:
    """What the attempts below begin from goes through, and verifies."""
    send(app, columns(numbers, pay("one", POOL, ALICE, 5, 7)))
    send(app, columns(numbers, pay("two", POOL, ALICE, 1), pay("three", POOL, BOB, 2, 3)))
    app.commit()
    assert {code: books.balances()[code].units for code in (ALICE, BOB, POOL)} == {ALICE: -13, BOB: -5, POOL: 18}
    assert [one.key for one in books.audit_entries()] == ["one", "two", "three"]
    books.seal()
    assert books.breaks() == ()


def test_nothing_falls_into_what_is_closed(app: App, books: PostgresBooks, numbers: dict[str, int]) -> None:
    """The last instant of a closed period takes nothing, in whatever place of the row; the first one after it does."""
    december = Period(date(2025, 12, 1), date(2025, 12, 31))
    books.commit(write("close", records=(period_record(december, "December is over"),)))
    given = columns(numbers, pay("one", POOL, ALICE, 5, 7))
    for place in (0, 1):
        late = given | {"instants": [START, START]}
        late["instants"][place] -= timedelta(microseconds=1)
        with pytest.raises(psycopg.Error) as caught:
            offer(app, late)
        assert caught.value.sqlstate == "ZK007"
        app.rollback()
    offer(app, given | {"instants": [START, START]})
    assert books.balances()[ALICE].units == -12


def test_each_could_stand_before_any_other(app: App, books: PostgresBooks, numbers: dict[str, int]) -> None:
    """Bob, who may hold 1,000, has 900: what is above that, or below nothing, in some order is refused in every one."""
    books.commit(pay("begin", POOL, BOB, 900))
    beyond = (
        (pay("gets", POOL, BOB, 200), pay("spends", BOB, ALICE, 300)),
        (pay("gets", POOL, BOB, 100), pay("spends", BOB, ALICE, 950)),
    )
    for pair in beyond:
        for writes in (pair, pair[::-1]):
            with pytest.raises(psycopg.Error) as caught:
                offer(app, columns(numbers, *writes))
            assert caught.value.sqlstate == "ZK007"
            app.rollback()
    offer(app, columns(numbers, pay("gets", POOL, BOB, 100), pay("spends", BOB, ALICE, 900)))
    assert books.balances()[BOB].units == -100


def change(name: str, *values: Any) -> Callable[[Columns], None]:  # noqa: ANN401 - whatever is to stand there
    """Put these in place of a column."""
    return lambda given: given.__setitem__(name, list(values))


FAULTS: dict[str, Callable[[Columns], None]] = {
    "no writes": lambda given: given.update({name: [] for name in given if name != "commodity"}),
    "nothing": lambda given: given.update(dict.fromkeys(given)),
    "a column missing": lambda given: given.__delitem__("evidences"),
    "an id too few": change("ids", "one-1", "one-2"),
    "an id too many": change("ids", "one-1", "one-2", "two-1", "two-2"),
    "an account too many": change("accounts", 1, 1, 1, 1),
    "units too few": change("units", 5, 7),
    "no units": change("units", 5, 7, None),
    "units of nothing": change("units", 5, 7, 0),
    "an entry more than is said": change("entry_counts", 1, 1),
    "an entry less than is said": change("entry_counts", 3, 1),
    "no entries said": change("entry_counts", 2, 0),
    "less than no entries": change("entry_counts", 2, -1),
    "another write's entry": change("writes", 1, 2, 2),
    "a write that is not there": change("writes", 1, 1, 3),
    "a write of no place": change("writes", 1, 1, 0),
    "no write": change("writes", 1, 1, None),
    "an ordinal twice": change("ordinals", 1, 1, 1),
    "an ordinal left out": change("ordinals", 1, 3, 1),
    "an ordinal of no place": change("ordinals", 1, 2, 0),
    "an unknown account": change("others", 999_999, 999_999, 999_999),
    "an account of dollars": lambda given: given.update(others=[given["dollars"]] * 3),
    "another commodity": lambda given: given.update(commodity="USD"),
    "no commodity": lambda given: given.update(commodity=None),
    "a blank key": change("keys", "one", ""),
    "another key": change("keys", "one", "zwei"),
    "the same key": change("keys", "one", "one"),
    "another date": change("ats", START, datetime(2020, 1, 1, tzinfo=UTC)),
    "another content": change("content_hashes", "0" * 64, "1" * 64),
    "no hash": change("content_hashes", "x", "y"),
    "another leaf": change("leaf_hashes", "0" * 64, "1" * 64),
    "a blank id": change("ids", "one-1", "one-2", ""),
    "the same id": change("ids", "one-1", "one-2", "one-1"),
    "a blank narration": change("narrations", "Pay", "Pay", ""),
    "a blank evidence": change("evidences", "list", "", "list"),
    "a year that nobody reads": change("instants", START, START, "infinity"),
    "a date before all dates": change("instants", START, START, "4000-01-01 BC"),
    "counts elsewhere": lambda given: given.update(entry_counts="[5:6]={2,1}"),
    "keys elsewhere": lambda given: given.update(keys="[5:6]={one,two}"),
    "a table of counts": lambda given: given.update(entry_counts=[[2, 1]]),
    "overdrawn": lambda given: given.update(accounts=given["others"], others=given["accounts"]),
    "beyond what fits": change("units", 2**62, 2**62, 2**62),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_arrays_that_are_not_in_order(app: App, books: PostgresBooks, numbers: dict[str, int], fault: str) -> None:
    """Nothing of it is there afterwards, and the books go on."""
    given = {**columns(numbers, pay("one", POOL, ALICE, 5, 7), pay("two", POOL, ALICE, 9)), "dollars": numbers[DOLLARS]}
    FAULTS[fault](given)
    del given["dollars"]
    with pytest.raises(psycopg.Error):
        offer(app, given)
    app.rollback()
    assert books.audit_entries() == ()
    assert books.entries() == ()
    books.commit(pay("after", POOL, ALICE, 5))
    assert books.balances()[ALICE].units == -5
    assert books.breaks() == ()


def test_bounds_and_states(app: App, books: PostgresBooks, numbers: dict[str, int]) -> None:
    """A ceiling, a coin without a lot, suspense, and claims that nothing stands behind."""
    refused = {
        "above the ceiling": (POOL, BOB, "PKR", "23514"),
        "a coin without a lot": (COLD, "equity:coins", "BTC", "ZK007"),
        "suspense": ("equity:coins", SUSPENSE, "BTC", "ZK020"),
        "claims beyond backing": ("equity:coins", CLAIM, "BTC", "ZK011"),
    }
    for name, (giver, taker, commodity, state) in refused.items():
        given = columns(numbers, pay(name, giver, taker, 1_001)) | {"commodity": commodity}
        with pytest.raises(psycopg.Error) as caught:
            offer(app, given)
        assert caught.value.sqlstate == state, name
        app.rollback()
    assert books.entries() == ()


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_an_older_snapshot(app: App, books: PostgresBooks, numbers: dict[str, int], level: str) -> None:
    """What an older snapshot does not show would not be seen: such transactions go the longer way."""
    app.execute(f"SET TRANSACTION ISOLATION LEVEL {level}".encode())
    with pytest.raises(psycopg.Error) as caught:
        send(app, columns(numbers, pay("one", POOL, ALICE, 5)))
    assert caught.value.sqlstate == "ZK007"
    app.rollback()
    assert books.entries() == ()


BY_HAND = {
    "a posting": (
        "INSERT INTO zakhira.posting (sequence, units, entry_ordinal, ordinal, account, day, commodity) "
        "SELECT max(sequence), 1, 1, 3, 1, '2026-01-01', 'PKR' FROM zakhira.audit"
    ),
    "an entry": (
        "INSERT INTO zakhira.entry (sequence, ordinal, posting_count, id, at, narration, evidence) "
        "SELECT max(sequence), 2, 2, 'x', now(), 'x', 'x' FROM zakhira.audit"
    ),
    "a record": (
        "INSERT INTO zakhira.record (sequence, record_count, ordinal, kind, id, body) "
        "SELECT max(sequence), 1, 1, 'x', 'x', '1' FROM zakhira.audit"
    ),
}


@pytest.mark.parametrize("what", BY_HAND)
def test_nothing_is_added_to_it(app: App, numbers: dict[str, int], what: str) -> None:
    """Not even by the transaction that made it."""
    send(app, columns(numbers, pay("one", POOL, ALICE, 5)))
    with pytest.raises(psycopg.Error) as caught:
        app.execute(BY_HAND[what].encode())
    assert caught.value.sqlstate == "ZK003"


def test_a_trigger_of_ones_own_opens_nothing(app: App, books: PostgresBooks, numbers: dict[str, int]) -> None:
    """What a trigger of the application's inserts is looked at as what it inserts itself."""
    audit = prepare(pay("one", POOL, ALICE, 5)).audit
    app.execute("CREATE TEMP TABLE door (made integer)")
    app.execute(
        "CREATE FUNCTION pg_temp.slip() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "  # noqa: S608
        "INSERT INTO zakhira.audit (key, actor, action, at, content_hash, leaf_hash, entry_count, posting_count, "
        f"record_count) VALUES ('one', 'x', 'x', '2026-01-01', '{audit.content_hash}', '{audit.leaf_hash}', 0, 0, 0); "
        "RETURN NEW; END $$".encode()
    )
    app.execute("CREATE TRIGGER slip BEFORE INSERT ON door FOR EACH ROW EXECUTE FUNCTION pg_temp.slip()")
    with pytest.raises(psycopg.Error) as caught:
        app.execute("INSERT INTO door VALUES (1)")
    assert caught.value.sqlstate == "ZK002"
    app.rollback()
    assert books.audit_entries() == ()


def test_the_owner_is_looked_at_too(owner: App, books: PostgresBooks, numbers: dict[str, int]) -> None:
    """By hand the owner's rows are checked as anybody's are."""
    owner.execute("SET ROLE zakhira_owner")
    with pytest.raises(psycopg.Error) as caught:
        owner.execute(
            "INSERT INTO zakhira.audit (key, actor, action, at, content_hash, leaf_hash, entry_count, posting_count, "
            "record_count) VALUES ('one', 'x', 'x', '2026-01-01', repeat('0', 64), repeat('0', 64), 0, 0, 0)"
        )
    assert caught.value.sqlstate == "ZK002"
    assert books.audit_entries() == ()


def test_it_is_always_empty(app: App, owner: App, numbers: dict[str, int]) -> None:
    """Nobody reads anything from the view, and the application may not."""
    send(app, columns(numbers, pay("one", POOL, ALICE, 5)))
    app.commit()
    assert owner.execute("SELECT count(*) FROM zakhira.transfers").fetchone() == (0,)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        app.execute("SELECT * FROM zakhira.transfers")

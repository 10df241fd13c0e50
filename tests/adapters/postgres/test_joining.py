"""Writes of many threads in one transaction: each is done, refused and told as if it had been written alone."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import timedelta
from functools import partial

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from books_bench import ACCOUNTS, COLD, DUE, SOLD, START, invoice, receipt, write
from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.adapters.postgres.joining import JoinedBooks
from zakhira.adapters.postgres.logins import Logins
from zakhira.adapters.postgres.transfers import moved_commodity
from zakhira.adapters.postgres.writing import prepare
from zakhira.controls.chain.audit import make_entry
from zakhira.flows.ports.books import Receipt, Record, Write
from zakhira.flows.ports.books_errors import DatabaseUnreachable, EntryExists, KeyReused, Overdrawn, WritersInTheWay
from zakhira.kernel.canonical import content_hash
from zakhira.kernel.money import Amount, Commodity, sats
from zakhira.ledger.entry import Entry, Posting
from zakhira.programme.model import AccountSpec

THREADS = 8
EACH = 30
App = Connection[TupleRow]
ALICE, BOB, POOL = "liabilities:participants:alice:PKR", "liabilities:participants:bob:PKR", "equity:pool"
PEOPLE = (
    AccountSpec(ALICE, "PKR", "liability"),
    AccountSpec(BOB, "PKR", "liability"),
    AccountSpec(POOL, "PKR", "equity"),
)


@pytest.fixture
def joined(books: PostgresBooks, logins: Logins) -> Iterator[JoinedBooks]:
    """Books for threads, in a database where the accounts are open."""
    books.open_accounts(PEOPLE)
    with closing(JoinedBooks(logins)) as made:
        made.open_accounts((*ACCOUNTS, *PEOPLE))
        yield made


def pay(key: str, giver: str, taker: str, paisa: int) -> Write:
    """So much from one to another."""
    amount = Amount(paisa, Commodity.PKR)
    return write(key, Entry(f"e-{key}", START, "Pay", "list", (Posting(giver, amount), Posting(taker, -amount))))


def at_once(acts: Sequence[Callable[[], Receipt]]) -> list[Receipt | Exception]:
    """What each came to, in their order, when all are begun at the same moment."""
    found: list[Receipt | Exception | None] = [None] * len(acts)
    line = threading.Barrier(len(acts))

    def run(place: int) -> None:
        line.wait()
        try:
            found[place] = acts[place]()
        except Exception as error:  # noqa: BLE001 - looked at by the test
            found[place] = error

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [one for one in found if one is not None]


def committing(joined: JoinedBooks, *writes: Write) -> Callable[[], Receipt]:
    """An act that commits these one after another and returns the last receipt."""
    return lambda: [joined.commit(one) for one in writes][-1]


def shared(database: str) -> int:
    """The most writes that one transaction made."""
    query = (
        "SELECT coalesce(max(made.writes), 0) FROM (SELECT count(*) AS writes FROM zakhira.audit GROUP BY xmin) AS made"
    )
    with psycopg.connect(database) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def test_all_that_is_told_done_is_there(joined: JoinedBooks, books: PostgresBooks, database: str) -> None:
    """Eight threads: every write once, with its own key and leaf; transactions are shared; everything verifies."""
    works = [[pay(f"{thread}-{turn}", POOL, ALICE, 1 + turn) for turn in range(EACH)] for thread in range(THREADS)]
    found = at_once([committing(joined, *work) for work in works])
    assert [one for one in found if isinstance(one, Exception)] == []
    assert books.balances()[ALICE].units == -THREADS * sum(range(1, EACH + 1))
    keys = {audit.key: audit.leaf_hash for audit in books.audit_entries()}
    for work in works:
        for one in work:
            assert joined.commit(one) == Receipt(one.key, keys[one.key], replayed=True)
    assert shared(database) > 1
    books.seal()
    assert books.breaks() == ()


def test_whoever_is_refused_stands_in_nobodys_way(joined: JoinedBooks, books: PostgresBooks) -> None:
    """Among eight one overdraws, one takes an id that is used, one has a key that is used: the five others are done."""
    joined.commit(pay("first", POOL, ALICE, 100))
    bad = {
        0: (pay("too much", BOB, ALICE, 1), Overdrawn),
        1: (Write("id", "x", "x", START, (pay("first", POOL, BOB, 5).entries[0],)), EntryExists),
        2: (pay("first", POOL, ALICE, 101), KeyReused),
    }
    for turn in range(5):
        writes = [bad[place][0] if place in bad else pay(f"{turn}-{place}", POOL, ALICE, 7) for place in range(THREADS)]
        found = at_once([committing(joined, one) for one in writes])
        for place, (_, error) in bad.items():
            assert isinstance(found[place], error)
        assert sum(isinstance(one, Receipt) for one in found) == THREADS - len(bad)
    assert books.balances()[ALICE].units == -(100 + 5 * 5 * 7)
    assert books.balances()[BOB].units == 0
    assert books.breaks() == ()


def test_one_key_of_many_is_written_once(joined: JoinedBooks, books: PostgresBooks) -> None:
    """Eight threads send the same write: one makes it, the others are told that it was there."""
    for turn in range(10):
        same = pay(f"same-{turn}", POOL, ALICE, 3)
        found = at_once([committing(joined, same) for _ in range(THREADS)])
        receipts = [one for one in found if isinstance(one, Receipt)]
        assert Counter(one.replayed for one in receipts) == {False: 1, True: THREADS - 1}
    assert books.balances()[ALICE].units == -30


def test_what_holds_more_than_amounts_goes_alone(joined: JoinedBooks, books: PostgresBooks, database: str) -> None:
    """Records, lots and reversals among them: all are done, and none of these shares a transaction."""
    special = [write("day", records=(Record("day", "1", 1),)), write("coin", receipt(1)), write("plan", invoice(1, 5))]
    special.append(
        write(
            "back",
            Entry(
                "r",
                START,
                "Back",
                "x",
                tuple(Posting(one.account, -one.amount) for one in invoice(1, 5).postings),
                reverses="energy-1",
            ),
        )
    )
    assert [moved_commodity(one) for one in special] == [None, None, Commodity.PKR, None]
    joined.commit(special[2])
    acts = [committing(joined, one) for one in (*special[:2], special[3])]
    acts += [committing(joined, pay(f"p-{number}", POOL, ALICE, 1)) for number in range(5)]
    assert all(isinstance(one, Receipt) for one in at_once(acts))
    with psycopg.connect(database) as connection:
        alone = connection.execute(
            "SELECT count(*) FROM zakhira.audit AS one JOIN zakhira.audit AS other ON one.xmin = other.xmin "
            "WHERE one.key = ANY (%s) AND other.key <> one.key",
            (["day", "coin", "back"],),
        ).fetchone()
    assert alone == (0,)
    assert books.balances()[DUE].units == 0
    assert books.breaks() == ()


def test_a_bound_is_kept_after_each_of_them(books: PostgresBooks) -> None:
    """Bob pays what he gets in the same transaction only: together they are refused, as one of them alone would be."""
    books.open_accounts(PEOPLE)
    spends, gets = pay("spends", BOB, ALICE, 5), pay("gets", POOL, BOB, 5)
    for together in ((spends, gets), (gets, spends)):
        with pytest.raises(WritersInTheWay, match="not everything is in order"):
            books.commit_together([prepare(one) for one in together])
    assert len(books.audit_entries()) == 0
    with pytest.raises(Overdrawn):
        books.commit(spends)
    books.commit(gets)
    books.commit(spends)
    books.commit_together([prepare(pay("more", POOL, BOB, 5)), prepare(pay("and more", POOL, BOB, 6))])
    assert books.balances()[BOB].units == -11
    assert books.breaks() == ()


def test_nothing_of_what_is_refused_together_is_there(books: PostgresBooks) -> None:
    """The last of three overdraws: none of the three is written."""
    books.open_accounts(PEOPLE)
    with pytest.raises(Overdrawn):
        books.commit_together(
            [prepare(one) for one in (pay("1", POOL, ALICE, 5), pay("2", POOL, ALICE, 5), pay("3", BOB, ALICE, 1))]
        )
    assert books.audit_entries() == ()
    assert books.entries() == ()


def test_connections_that_break_lose_nothing(
    joined: JoinedBooks, books: PostgresBooks, owner: App, logins: Logins
) -> None:
    """Its backend is ended again and again: whatever was told done is there once, and nothing is there twice."""
    stop = threading.Event()

    def end_backends() -> None:
        while not stop.wait(0.05):
            owner.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%zakhira.write%' "
                "AND pid <> pg_backend_pid()"
            )

    ender = threading.Thread(target=end_backends)
    ender.start()
    done: list[str] = []

    def work(thread: int) -> Receipt:
        last = Receipt("", "", replayed=False)
        for turn in range(EACH):
            one = pay(f"{thread}-{turn}", POOL, ALICE, 1)
            while True:
                try:
                    last = joined.commit(one)
                except (DatabaseUnreachable, WritersInTheWay):
                    continue
                break
            done.append(one.key)
        return last

    found = at_once([lambda thread=thread: work(thread) for thread in range(THREADS)])  # type: ignore[misc]
    stop.set()
    ender.join()
    assert all(isinstance(one, Receipt) for one in found)
    with closing(PostgresBooks(logins)) as again:
        assert sorted(audit.key for audit in again.audit_entries()) == sorted(done)
        assert again.balances()[ALICE].units == -THREADS * EACH
        assert again.breaks() == ()


def test_whoever_is_interrupted_leaves_the_line(joined: JoinedBooks, books: PostgresBooks, owner: App) -> None:
    """One writes and is held up, two wait, one of them is interrupted: the others go on, and so do those to come."""

    def interrupt(_: int, __: object) -> None:
        raise TimeoutError

    first, second = ([committing(joined, pay(name, POOL, ALICE, 1))] for name in ("first", "second"))
    found: list[Receipt | Exception] = []
    threads = [threading.Thread(target=lambda acts=acts: found.extend(at_once(acts))) for acts in (first, second)]
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with owner.transaction():
            owner.execute("LOCK TABLE zakhira.balance IN EXCLUSIVE MODE")
            threads[0].start()
            time.sleep(0.3)
            signal.setitimer(signal.ITIMER_REAL, 0.3)
            with pytest.raises(TimeoutError):
                joined.commit(pay("interrupted", POOL, ALICE, 1))
            threads[1].start()
            time.sleep(0.2)
    finally:
        signal.signal(signal.SIGALRM, before)
    for thread in threads:
        thread.join(30)
    assert [one.key for one in found if isinstance(one, Receipt)] == ["first", "second"]
    assert not joined.commit(pay("later", POOL, ALICE, 1)).replayed
    assert {audit.key for audit in books.audit_entries()} == {"first", "second", "later"}


def test_closed_books_take_nothing(logins: Logins) -> None:
    """Who commits after the end is told so, and does not wait for ever."""
    made = JoinedBooks(logins)
    made.close()
    with pytest.raises(RuntimeError, match="closed"):
        made.commit(pay("late", POOL, ALICE, 1))


class JustEmpty(deque[object]):
    """Somebody comes at the very moment at which it is found empty."""

    def __init__(self, act: Callable[[], None]) -> None:
        super().__init__()
        self.act = act

    def __bool__(self) -> bool:
        found = len(self) > 0
        if not found:
            self.act()
        return found


def test_none_waits_for_ever(logins: Logins) -> None:
    """The writer expects two and finds nobody; before it says that one is enough, one has come, and has not rung."""
    made = JoinedBooks(logins)
    made.close()

    def come() -> None:
        threading.Thread(target=made.commit, args=(pay("late", POOL, ALICE, 1),), daemon=True).start()
        while not len(waiting):
            time.sleep(0.001)

    waiting = JustEmpty(come)
    made._waiting = waiting  # type: ignore[assignment]
    made._is_open = True
    found: list[object] = []
    writer = threading.Thread(target=lambda: found.extend(made._gather(2)), daemon=True)
    writer.start()
    writer.join(10)
    assert len(found) == 1


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


def test_coins_may_be_written_together(books: PostgresBooks) -> None:
    """Claims in coin are judged against what stands behind them, also several at a time."""
    books.open_accounts(
        (
            AccountSpec("liabilities:participants:a:BTC", "BTC", "liability"),
            AccountSpec("equity:coins", "BTC", "equity"),
        )
    )
    postings = (Posting("equity:coins", sats(5)), Posting("liabilities:participants:a:BTC", sats(-5)))
    writes = [
        write(f"c{number}", Entry(f"c{number}", START + timedelta(days=number), "Gift", "x", postings))
        for number in (1, 2)
    ]
    with pytest.raises(Exception, match="would stand above") as caught:
        books.commit_together([prepare(one) for one in writes])
    assert type(caught.value).__name__ == "ClaimsAboveBacking"
    assert books.entries() == ()

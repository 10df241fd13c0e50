"""Writers at the same moment: what held when they stood in one line holds without it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from contextlib import closing

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from books_bench import ACCOUNTS, COLD, DUE, INTAKE, SOLD, START, invoice, outpoint, pay, receipt, sweep, write
from zakhira.adapters.postgres.books import RACE_TRIES, PostgresBooks
from zakhira.controls.chain.audit import make_entry
from zakhira.flows.ports.books import Record, Write
from zakhira.flows.ports.books_errors import EntryExists, KeyReused, Overdrawn, WritersInTheWay
from zakhira.flows.ports.coin_events import BrokenChainEvent, CoinEvent, CoinEventKind
from zakhira.kernel.errors import ZakhiraError
from zakhira.programme.model import AccountSpec

WRITERS = 8
Outcome = str


def race(database: str, acts: list[Callable[[PostgresBooks], Outcome]]) -> Counter[Outcome]:
    """Let all act at the same moment, each over a connection of its own; how often each outcome came."""
    outcomes: list[Outcome] = []
    line = threading.Barrier(len(acts))

    def run(act: Callable[[PostgresBooks], Outcome]) -> None:
        with closing(PostgresBooks(database)) as books:
            books.open_accounts(ACCOUNTS)
            line.wait()
            try:
                outcomes.append(act(books))
            except ZakhiraError as error:
                outcomes.append(type(error).__name__)

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Counter(outcomes)


def committing(*writes: Write) -> Callable[[PostgresBooks], Outcome]:
    """An act that commits these, and says whether the last was new."""

    def act(books: PostgresBooks) -> Outcome:
        receipts = [books.commit(one) for one in writes]
        return "replayed" if receipts[-1].replayed else "done"

    return act


def require_whole(books: PostgresBooks) -> None:
    """All is sealed and nothing breaks."""
    books.seal()
    assert books.unsealed().count == 0
    assert books.breaks() == ()


def test_one_lot_is_not_spent_twice(database: str, books: PostgresBooks) -> None:
    """Eight take 150 of a lot of 500: three get it, five are told that nothing is left."""
    books.commit(write("k", receipt(1, 500)))
    acts = [committing(write(f"k{number}", sweep(100 + number, 1, 150, 1))) for number in range(WRITERS)]
    assert race(database, acts) == {"done": 3, Overdrawn.__name__: 5}
    assert books.lots(INTAKE)[0].amount.units == 50
    require_whole(books)


def test_a_lot_that_arrives_while_it_is_spent(database: str, books: PostgresBooks) -> None:
    """Spent before it has arrived it is refused, after that it is not: what was done is sound by number."""
    for round_ in range(10):
        came, gone = write(f"in-{round_}", receipt(round_)), write(f"out-{round_}", sweep(100 + round_, round_, 400, 1))
        outcome = race(database, [committing(came), committing(gone)])
        assert outcome in ({"done": 2}, {"done": 1, Overdrawn.__name__: 1})
    require_whole(books)


def test_two_lots_in_opposite_order(database: str, books: PostgresBooks) -> None:
    """Writes that touch the same lots, accounts and records in opposite order do not lock one another out."""
    books.commit(write("k", receipt(1, 50_000), receipt(2, 50_000)))
    for round_ in range(5):
        acts = []
        for number in range(WRITERS):
            name = 1_000 * (round_ + 1) + 10 * number
            moves = (sweep(name, 1, 5, 1), sweep(name + 1, 2, 5, 1), invoice(name, 5))
            records = (Record("day", "1", number), Record("day", "2", number))
            order = 1 if number % 2 else -1
            acts.append(committing(write(f"k{name}", *moves[::order], records=records[::order])))
        assert race(database, acts) == {"done": WRITERS}
    assert books.balances()[COLD].units == 5 * WRITERS * 8
    assert books.balances()[DUE].units == 5 * WRITERS * 5
    require_whole(books)


def test_one_key_at_one_moment(database: str, books: PostgresBooks) -> None:
    """The first writes, the others get its receipt; with another input they are refused."""
    assert race(database, [committing(write("same", receipt(1))) for _ in range(WRITERS)]) == {
        "done": 1,
        "replayed": WRITERS - 1,
    }
    acts = [committing(write("other", receipt(100 + number))) for number in range(WRITERS)]
    assert race(database, acts) == {"done": 1, KeyReused.__name__: WRITERS - 1}
    assert len(books.entries()) == 2
    require_whole(books)


def test_one_entry_at_one_moment(database: str, books: PostgresBooks) -> None:
    """An entry's id is used once, whoever comes first."""
    acts = [committing(write(f"k{number}", receipt(1))) for number in range(WRITERS)]
    assert race(database, acts) == {"done": 1, EntryExists.__name__: WRITERS - 1}
    require_whole(books)


def test_the_newest_version_is_the_last_in_the_chain(database: str, books: PostgresBooks) -> None:
    """Eight write versions of one record: the one that counts is that of the last write, by number and in the chain."""
    for round_ in range(5):
        acts = [
            committing(
                *(
                    write(f"k{round_}-{number}-{step}", records=(Record("day", "1", [number, step]),))
                    for step in range(3)
                )
            )
            for number in range(WRITERS)
        ]
        assert race(database, acts) == {"done": WRITERS}
        books.seal()
        chain = books.sealed(0, 1_000)
        assert books.latest("day", "1") == chain[-1].write.records[0].body
        assert books.latest("day", "1") == books.records("day")["1"]
    require_whole(books)


def test_numbers_follow_time(database: str, books: PostgresBooks) -> None:
    """What one writer commits before it begins the next stands before it, whatever others do meanwhile."""
    acts = [committing(*(write(f"{number}-{step}") for step in range(10))) for number in range(WRITERS)]
    assert race(database, acts) == {"done": WRITERS}
    require_whole(books)
    for keys in (
        [entry.key for entry in books.audit_entries()],
        [one.write.audit.key for one in books.sealed(0, 1_000)],
    ):
        for number in range(WRITERS):
            own = [key for key in keys if key.startswith(f"{number}-")]
            assert own == [f"{number}-{step}" for step in range(10)]


def test_facts_of_the_chain_stand_in_line(database: str, books: PostgresBooks) -> None:
    """Eight followers see other blocks at one height: the books follow one of them."""
    first = CoinEvent(CoinEventKind.BLOCK_CONNECTED, 7, "a" * 64, previous_hash="0" * 64)
    books.commit(Write("first", "watcher", "follow", START, coin_events=(first,)))
    acts = [
        committing(
            Write(
                f"block-{number}",
                "watcher",
                "follow",
                START,
                coin_events=(CoinEvent(CoinEventKind.BLOCK_CONNECTED, 8, f"{number:064x}", previous_hash="a" * 64),),
            )
        )
        for number in range(WRITERS)
    ]
    assert race(database, acts) == {"done": 1, BrokenChainEvent.__name__: WRITERS - 1}
    require_whole(books)


def test_an_event_by_hand_out_of_order_is_refused(database: str, books: PostgresBooks) -> None:
    """A number drawn first and an event that comes last: the order of numbers would not be that of the chain."""
    event = CoinEvent(CoinEventKind.BLOCK_CONNECTED, 7, "a" * 64, previous_hash="0" * 64)
    columns = "(sequence, event_count, ordinal, kind, height, block_hash, previous_hash)"
    with psycopg.connect(database) as slow:
        slow.execute("SET ROLE zakhira_watcher")
        row = slow.execute(
            "INSERT INTO zakhira.audit (key, actor, action, at, content_hash, leaf_hash, entry_count, record_count, "
            "event_count) SELECT 'slow', actor, action, at, content_hash, %s, 0, 0, 1 FROM (VALUES "
            "('a', 'b', '2026-01-01Z'::timestamptz, %s)) AS given (actor, action, at, content_hash) RETURNING sequence",
            (leaf("slow"), "c" * 64),
        ).fetchone()
        assert row is not None
        books.commit(Write("fast", "watcher", "follow", START, coin_events=(event,)))
        with pytest.raises(psycopg.DatabaseError) as caught:
            slow.execute(
                f"INSERT INTO zakhira.chain_event {columns} VALUES (%s, 1, 1, 'block connected', 8, %s, %s)".encode(),  # noqa: S608 - names from this test
                (row[0], "b" * 64, "a" * 64),
            )
        assert caught.value.sqlstate == "ZK007"
    require_whole(books)


def leaf(key: str) -> str:
    """The leaf hash of a write by hand."""
    return make_entry(0, key, "a", "b", START, "c" * 64).leaf_hash


@pytest.mark.parametrize("state", ["40P01", "40001", "ZK007"])
@pytest.mark.parametrize("times", [RACE_TRIES - 1, RACE_TRIES])
def test_a_write_in_the_way_of_others_is_tried_again(
    books: PostgresBooks, owner: Connection[TupleRow], state: str, times: int
) -> None:
    """The database undoes it a few times and then lets it through; if it never does, that is told."""
    owner.execute("CREATE SEQUENCE zakhira.tries")
    owner.execute(
        "CREATE FUNCTION zakhira.fail() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN "
        f"IF nextval('zakhira.tries') <= {times} THEN RAISE EXCEPTION 'told to' USING ERRCODE = '{state}'; END IF; "
        "RETURN NULL; END $$"
    )
    owner.execute("CREATE TRIGGER fail BEFORE INSERT ON zakhira.record EXECUTE FUNCTION zakhira.fail()")
    one = write("k", receipt(1), records=(Record("day", "1", 1),))
    if times < RACE_TRIES:
        assert not books.commit(one).replayed
        assert books.lots(INTAKE)[0].lot.outpoint == outpoint(1)
    else:
        with pytest.raises(WritersInTheWay):
            books.commit(one)
        assert books.entries() == ()
    owner.execute("DROP TRIGGER fail ON zakhira.record; DROP FUNCTION zakhira.fail(); DROP SEQUENCE zakhira.tries")
    require_whole(books)


def test_balances_are_taken_in_one_order(database: str, books: PostgresBooks) -> None:
    """Whatever the order of its transfers: a write that waits for its first account holds none behind it yet."""
    names = [f"liabilities:participants:p-{number}:PKR" for number in range(6)]
    books.open_accounts(tuple(AccountSpec(name, "PKR", "liability", overdraft="allowed") for name in names))
    backwards = [pay(f"k{at}", names[at - 1], names[at], 1).entries[0] for at in range(5, 0, -1)]
    locked = (
        "SELECT code FROM zakhira.balance JOIN zakhira.account ON number = account "
        "WHERE code = ANY (%s) ORDER BY number {} FOR UPDATE OF balance {}"
    )
    with psycopg.connect(database) as stranger, psycopg.connect(database, autocommit=True) as watcher:
        assert stranger.execute(locked.format("LIMIT 1", "").encode(), (names,)).fetchall() == [(names[0],)]
        thread = threading.Thread(target=books.commit, args=(write("k", *backwards),))
        thread.start()
        while watcher.execute("SELECT FROM pg_locks WHERE NOT granted").fetchone() is None:
            pass
        free = watcher.execute(locked.format("", "SKIP LOCKED").encode(), (names,)).fetchall()
        assert [name for (name,) in free] == names[1:]
        stranger.rollback()
        thread.join()
    require_whole(books)


def test_a_real_deadlock_is_survived(database: str, books: PostgresBooks) -> None:
    """A stranger takes locks of rows in another order than the books do: one of the two is undone, the books go on."""
    books.commit(write("k", invoice(1, 5)))
    with psycopg.connect(database) as stranger:
        row = "(SELECT number FROM zakhira.account WHERE code = %s)"
        numbers: dict[str, int] = dict(stranger.execute("SELECT code, number FROM zakhira.account").fetchall())
        first, last = sorted((DUE, SOLD), key=lambda code: int(numbers[code]))
        stranger.execute(f"SELECT FROM zakhira.balance WHERE account = {row} FOR UPDATE".encode(), (last,))
        thread = threading.Thread(target=books.commit, args=(write("k2", invoice(2, 5)),))
        thread.start()
        with psycopg.connect(database, autocommit=True) as watcher:
            while watcher.execute("SELECT FROM pg_locks WHERE NOT granted").fetchone() is None:
                pass
        # The books hold the other account's balance by now, and wait for this one.
        try:
            stranger.execute(f"SELECT FROM zakhira.balance WHERE account = {row} FOR UPDATE".encode(), (first,))
        except psycopg.errors.DeadlockDetected:
            stranger.rollback()
        stranger.rollback()
        thread.join()
    assert books.balances()[DUE].units == 10
    require_whole(books)

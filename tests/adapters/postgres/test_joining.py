"""Writes of many coroutines in one transaction: each is done, refused and told as if it had been written alone."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing, suppress
from itertools import count
from typing import Any, TypeVar

import psycopg
import pytest
from psycopg import Connection
from psycopg.conninfo import make_conninfo
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier

from books_bench import ACCOUNTS, ALICE, BOB, DUE, POOL, START, invoice, pay, receipt, write
from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.adapters.postgres.joining import MOST, SMALL, JoinedBooks
from zakhira.adapters.postgres.logins import Logins
from zakhira.adapters.postgres.writing import prepare
from zakhira.flows.ports.books import Receipt, Record, Write
from zakhira.flows.ports.books_errors import (
    DatabaseRefused,
    DatabaseUnreachable,
    EntryExists,
    KeyReused,
    Overdrawn,
    WritersInTheWay,
)
from zakhira.kernel.money import Commodity
from zakhira.ledger.entry import Entry, Posting
from zakhira.ledger.faults import UnknownAccount
from zakhira.programme.model import AccountSpec

MANY = 8
EACH = 30
LONGEST_S = 120.0
App = Connection[TupleRow]
Value = TypeVar("Value")
CASH, DOLLARS = "assets:cash:USD", "equity:dollars"
PEOPLE = (
    AccountSpec(ALICE, "PKR", "liability"),
    AccountSpec(BOB, "PKR", "liability"),
    AccountSpec(POOL, "PKR", "equity"),
    AccountSpec(CASH, "USD", "asset"),
    AccountSpec(DOLLARS, "USD", "equity"),
)
DAY = write("day", records=(Record("day", "1", 1),))
WRITERS = (
    "FROM pg_stat_activity WHERE datname = current_database() AND usename <> current_user "
    "AND (query LIKE '%INTO zakhira.transfers%' OR query LIKE '%FROM zakhira.write(%')"
)
HELD = f"SELECT count(*) {WRITERS} AND wait_event_type = 'Lock'".encode()
END = f"SELECT count(pg_terminate_backend(pid, 5000)) {WRITERS}".encode()


def within(logins: Logins | str, body: Callable[[JoinedBooks], Coroutine[Any, Any, Value]]) -> Value:
    """Run it in a loop of its own, with books that are closed at the end."""

    async def run() -> Value:
        made = JoinedBooks(logins)
        try:
            return await body(made)
        finally:
            await made.close()

    return asyncio.run(asyncio.wait_for(run(), LONGEST_S))


async def at_once(made: JoinedBooks, *writes: Write) -> list[Receipt | BaseException]:
    """What each came to, in their order, when all are begun at the same moment."""
    return await asyncio.gather(*(made.commit(one) for one in writes), return_exceptions=True)


async def lined_up(made: JoinedBooks, *writes: Write) -> list[asyncio.Task[Receipt]]:
    """Tasks that commit these, and have begun to."""
    tasks = [asyncio.create_task(made.commit(one)) for one in writes]
    await asyncio.sleep(0)
    return tasks


@asynccontextmanager
async def held_up(
    made: JoinedBooks, owner: App, *writes: Write, by: str = "LOCK TABLE zakhira.balance IN EXCLUSIVE MODE"
) -> AsyncIterator[list[asyncio.Task[Receipt]]]:
    """Tasks that commit these: the server is at them, and somebody is in their way until the end."""
    with owner.transaction():
        owner.execute(by.encode())
        tasks = await lined_up(made, *writes)
        for _ in range(1_000):
            owner.execute("SELECT pg_stat_clear_snapshot()")
            if owner.execute(HELD).fetchone() == (1,):
                break
            await asyncio.sleep(0.01)
        else:
            pytest.fail("nobody is held up")
        yield tasks


def end_sessions(owner: App) -> int:
    """End those that write, or did so last, and say how many there were."""
    row = owner.execute(END).fetchone()
    assert row is not None
    return int(row[0])


def pays(*keys: object) -> list[Write]:
    """One paisa to Alice under each key."""
    return [pay(f"{key}", POOL, ALICE, 1) for key in keys]


def shares(database: str) -> list[set[str]]:
    """The keys that each transaction wrote, in the order of their numbers."""
    with psycopg.connect(database) as connection:
        rows = connection.execute("SELECT array_agg(key) FROM zakhira.audit GROUP BY xmin ORDER BY min(sequence)")
        return [set(keys) for (keys,) in rows]


def require_whole(books: PostgresBooks) -> None:
    """All was sealed when the joined books were closed, and nothing breaks."""
    assert books.unsealed().count == 0
    assert books.breaks() == ()


@pytest.fixture(autouse=True)
def _people(books: PostgresBooks) -> None:
    """Their accounts are open."""
    books.open_accounts((*ACCOUNTS, *PEOPLE))


def test_all_that_is_told_done_is_there(books: PostgresBooks, logins: Logins, database: str) -> None:
    """Eight coroutines: every write once, with its own key and leaf; all eight share a transaction; all verifies."""
    works = [[pay(f"{name}-{turn}", POOL, ALICE, 1 + turn) for turn in range(EACH)] for name in range(MANY)]

    async def body(made: JoinedBooks) -> None:
        async def work(writes: list[Write]) -> list[Receipt]:
            return [await made.commit(one) for one in writes]

        found = await asyncio.gather(*(work(writes) for writes in works))
        leaves = {audit.key: audit.leaf_hash for audit in books.audit_entries()}
        for receipts, writes in zip(found, works, strict=True):
            assert receipts == [Receipt(one.key, leaves[one.key], replayed=False) for one in writes]
            assert await work(writes) == [Receipt(one.key, leaves[one.key], replayed=True) for one in writes]

    within(logins, body)
    assert books.balances()[ALICE].units == -MANY * sum(range(1, EACH + 1))
    sizes = [len(keys) for keys in shares(database)]
    assert sum(sizes) == MANY * EACH
    assert max(sizes) == MANY
    require_whole(books)


def test_who_comes_meanwhile_goes_in_the_next(books: PostgresBooks, logins: Logins, owner: App, database: str) -> None:
    """The server is at one write when many come: as many as may share a transaction go next, then the others."""
    many = pays(*range(MOST + 44))

    async def body(made: JoinedBooks) -> None:
        async with held_up(made, owner, *pays("first")) as tasks:
            tasks.extend(await lined_up(made, *many))
        assert not any(one.replayed for one in await asyncio.gather(*tasks))

    within(logins, body)
    keys = [one.key for one in many]
    assert shares(database) == [{"first"}, set(keys[:MOST]), set(keys[MOST:])]
    require_whole(books)


def test_whoever_is_refused_stands_in_nobodys_way(books: PostgresBooks, logins: Logins) -> None:
    """Among eight one overdraws, one takes an id that is used, one has a key that is used: the five others are done."""
    first = pay("first", POOL, ALICE, 100)
    bad = {
        0: (pay("too much", BOB, ALICE, 1), Overdrawn),
        1: (Write("id", "x", "x", START, first.entries), EntryExists),
        2: (pay("first", POOL, ALICE, 101), KeyReused),
    }

    async def body(made: JoinedBooks) -> None:
        await made.commit(first)
        for turn in range(5):
            writes = [
                bad[place][0] if place in bad else pay(f"{turn}-{place}", POOL, ALICE, 7) for place in range(MANY)
            ]
            for place, one in enumerate(await at_once(made, *writes)):
                assert type(one) is (bad[place][1] if place in bad else Receipt)

    within(logins, body)
    assert books.balances()[ALICE].units == -(100 + 5 * 5 * 7)
    assert books.balances()[BOB].units == 0
    require_whole(books)


def test_what_is_refused_together_is_done_in_turn(books: PostgresBooks, logins: Logins) -> None:
    """Bob pays what he gets at the same moment: who comes first is told as if nobody else had come."""

    async def body(made: JoinedBooks) -> None:
        found = await at_once(made, pay("gets", POOL, BOB, 5), pay("spends", BOB, ALICE, 5))
        found += await at_once(made, pay("spends more", BOB, ALICE, 6), pay("gets more", POOL, BOB, 6))
        assert [type(one) for one in found] == [Receipt, Receipt, Overdrawn, Receipt]

    within(logins, body)
    assert books.balances()[BOB].units == -6
    require_whole(books)


def test_one_key_of_many_is_written_once(books: PostgresBooks, logins: Logins) -> None:
    """Eight coroutines bring the same write: one makes it, the others are told that it was there."""

    async def body(made: JoinedBooks) -> None:
        for turn in range(10):
            found = await at_once(made, *pays(f"same-{turn}") * MANY)
            receipts = [one for one in found if isinstance(one, Receipt)]
            assert Counter(one.replayed for one in receipts) == {False: 1, True: MANY - 1}

    within(logins, body)
    assert books.balances()[ALICE].units == -10
    require_whole(books)


def test_what_holds_more_than_amounts_goes_alone(books: PostgresBooks, logins: Logins, database: str) -> None:
    """Records, lots and reversals among them: all are done, and none of these shares a transaction."""
    plan, few = write("plan", invoice(1, 5)), pays(*range(5))
    taken_back = tuple(Posting(one.account, -one.amount) for one in plan.entries[0].postings)
    back = write("back", Entry("r", START, "Back", "x", taken_back, reverses=plan.entries[0].id))
    alone = [DAY, write("coin", receipt(1)), back]
    assert [prepare(one).transfers is None for one in (plan, *alone)] == [False, True, True, True]

    async def body(made: JoinedBooks) -> None:
        await made.commit(plan)
        assert all(isinstance(one, Receipt) for one in await at_once(made, *alone, *few))

    within(logins, body)
    assert sorted(map(sorted, shares(database))) == [["0", "1", "2", "3", "4"], ["back"], ["coin"], ["day"], ["plan"]]
    assert books.balances()[DUE].units == 0
    require_whole(books)


def test_what_goes_apart_waits_for_nobody(books: PostgresBooks, logins: Logins, owner: App, database: str) -> None:
    """Eight wait for an account that somebody holds; a large write of others and a record are done meanwhile."""
    small = [pay(f"{number}", POOL, ALICE, 1, times=SMALL) for number in range(MANY)]
    large = pay("large", CASH, DOLLARS, 1, Commodity.USD, times=SMALL + 1)
    hold = f"SELECT FROM zakhira.balance JOIN zakhira.account ON number = account WHERE code = '{POOL}' FOR UPDATE"

    async def body(made: JoinedBooks) -> None:
        async with held_up(made, owner, *small, by=hold) as tasks:
            assert [type(one) for one in await at_once(made, large, DAY)] == [Receipt, Receipt]
            assert not any(task.done() for task in tasks)
        assert not any(one.replayed for one in await asyncio.gather(*tasks))

    within(logins, body)
    assert sorted(map(sorted, shares(database))) == [[f"{number}" for number in range(MANY)], ["day"], ["large"]]
    require_whole(books)


def test_two_commodities_at_once(books: PostgresBooks, logins: Logins, database: str) -> None:
    """Rupees and dollars come in turn: those of each share a transaction, and all are done."""
    rupees = pays(*range(MANY))
    dollars = [pay(f"dollars {number}", CASH, DOLLARS, 5, Commodity.USD) for number in range(MANY)]

    async def body(made: JoinedBooks) -> None:
        found = await at_once(made, *(one for both in zip(rupees, dollars, strict=True) for one in both))
        assert [type(one) for one in found] == [Receipt] * 2 * MANY

    within(logins, body)
    assert shares(database) == [{one.key for one in rupees}, {one.key for one in dollars}]
    assert (books.balances()[ALICE].units, books.balances()[CASH].units) == (-MANY, 5 * MANY)
    require_whole(books)


def test_accounts_that_others_opened(books: PostgresBooks, logins: Logins, database: str) -> None:
    """What it does not know it looks up, also among others; an account that is nowhere is told to who named it."""
    carol, dave = "liabilities:participants:carol:PKR", "liabilities:participants:dave:PKR"

    async def body(made: JoinedBooks) -> None:
        await made.open_accounts(PEOPLE)
        books.open_accounts((AccountSpec(carol, "PKR", "liability"),))
        found = await at_once(made, *(pay(f"1 {who}", POOL, who, 1) for who in (ALICE, carol)))
        found += await at_once(made, *(pay(f"2 {who}", POOL, who, 1) for who in (ALICE, dave, carol)))
        assert [type(one) for one in found] == [Receipt, Receipt, Receipt, UnknownAccount, Receipt]

    within(logins, body)
    assert shares(database) == [{f"1 {ALICE}", f"1 {carol}"}, {f"2 {ALICE}"}, {f"2 {carol}"}]
    require_whole(books)


def test_a_line_that_breaks_is_made_again(books: PostgresBooks, logins: Logins, owner: App, database: str) -> None:
    """It is ended while idle, and with all others while eight are held up: all are done once, and the next together."""
    idle, held, later = (pays(*(f"{turn}-{number}" for number in range(MANY))) for turn in range(3))

    async def body(made: JoinedBooks) -> None:
        await made.commit(pay("first", POOL, ALICE, 1))
        assert end_sessions(owner) == 1
        found = await at_once(made, *idle)
        async with held_up(made, owner, *held) as tasks:
            assert end_sessions(owner) == 2
        found += await asyncio.gather(*tasks)
        found += await at_once(made, *later)
        assert [type(one) for one in found] == [Receipt] * 3 * MANY

    within(logins, body)
    keys = [key for together in shares(database) for key in together]
    assert sorted(keys) == sorted(["first", *(one.key for one in (*idle, *held, *later))])
    assert shares(database)[-1] == {one.key for one in later}
    assert books.balances()[ALICE].units == -(1 + 3 * MANY)
    require_whole(books)


def test_connections_that_break_lose_nothing(logins: Logins, owner: App) -> None:
    """Sessions that write are ended again and again: whatever was told done is there once, and nothing twice."""
    ended: list[int] = []
    done: list[str] = []

    async def end_again_and_again() -> None:
        while sum(ended) < MANY:
            await asyncio.sleep(0.05)
            ended.append(end_sessions(owner))

    async def work(made: JoinedBooks, name: int) -> None:
        turns = count()
        while sum(ended) < MANY:
            (one,) = pays(f"{name}-{next(turns)}")
            while one.key not in done:
                with suppress(DatabaseUnreachable, WritersInTheWay):
                    done.append((await made.commit(one)).key)

    async def body(made: JoinedBooks) -> None:
        await asyncio.gather(end_again_and_again(), *(work(made, name) for name in range(MANY)))

    within(logins, body)
    with closing(PostgresBooks(logins)) as again:
        again.seal()
        assert sorted(audit.key for audit in again.audit_entries()) == sorted(done)
        assert again.balances()[ALICE].units == -len(done)
        require_whole(again)


def test_a_line_that_cannot_be_made(
    books: PostgresBooks, logins: Logins, owner: App, copy_name: str, database: str
) -> None:
    """The server lets nobody else in: writes go over the connection that is there, and together again once it does."""
    few, later = pays(*range(MANY)), pays(*range(MANY, 2 * MANY))
    limit = SQL("ALTER DATABASE {} CONNECTION LIMIT {}")

    async def body(made: JoinedBooks) -> None:
        await made.open_accounts(PEOPLE)
        owner.execute(limit.format(Identifier(copy_name), 0))
        found = await at_once(made, *few)
        owner.execute(limit.format(Identifier(copy_name), -1))
        found += await at_once(made, *later)
        assert [type(one) for one in found] == [Receipt] * 2 * MANY

    within(logins, body)
    assert shares(database) == [*({one.key} for one in few), {one.key for one in later}]
    require_whole(books)


def test_no_database(database: str) -> None:
    """Where there is none all are told so, and the books can be closed."""

    async def body(made: JoinedBooks) -> None:
        assert [type(one) for one in await at_once(made, *pays(1, 2), DAY)] == [DatabaseRefused] * 3

    within(make_conninfo(database, dbname="nowhere"), body)


def test_whoever_is_cancelled_leaves_the_line(books: PostgresBooks, logins: Logins, owner: App, database: str) -> None:
    """One of two at the server is written all the same, as its key tells; one of three that wait is not."""

    async def body(made: JoinedBooks) -> None:
        async with held_up(made, owner, *pays("under way", "first")) as tasks:
            tasks.extend(await lined_up(made, *pays("second", "waiting", "third")))
            tasks[0].cancel()
            tasks[3].cancel()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        gone = asyncio.CancelledError
        assert [type(one) for one in found] == [gone, Receipt, Receipt, gone, Receipt]
        assert [(await made.commit(one)).replayed for one in pays("under way", "waiting")] == [True, False]

    within(logins, body)
    assert shares(database) == [{"under way", "first"}, {"second", "third"}, {"waiting"}]
    require_whole(books)


def test_none_waits_for_ever(books: PostgresBooks, logins: Logins, owner: App, database: str) -> None:
    """Who writes for all is cancelled: those at the server and those who wait are told, and who comes is written."""

    async def body(made: JoinedBooks) -> None:
        async with held_up(made, owner, *pays("first", "second")) as tasks:
            tasks.extend(await lined_up(made, *pays("third")))
            assert made._writer is not None
            made._writer.cancel()
            found = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 30)
            assert [type(one) for one in found] == [asyncio.CancelledError] * 3
        assert not any(one.replayed for one in await asyncio.gather(*map(made.commit, pays("second", "third", "new"))))

        early = await lined_up(made, *pays("early"))
        assert made._writer is not None
        made._writer.cancel()  # before its first step
        assert isinstance((await asyncio.gather(*early, return_exceptions=True))[0], asyncio.CancelledError)
        assert not (await made.commit(pay("early", POOL, ALICE, 1))).replayed

    within(logins, body)
    assert shares(database) == [{"second", "third", "new"}, {"early"}]
    require_whole(books)


def test_a_fault_of_the_writer_is_told(logins: Logins, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody thought of ends the writer: whoever waits is told what it was, and the next is written."""

    async def fail(*_: object) -> bool:
        raise LookupError("nobody thought of it")

    async def body(made: JoinedBooks) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(made, "_write", fail)
            assert [type(one) for one in await at_once(made, *pays("first", "second"))] == [LookupError, LookupError]
        assert not (await made.commit(pay("first", POOL, ALICE, 1))).replayed

    within(logins, body)


def test_who_gives_up_closing_stops_nobody(books: PostgresBooks, logins: Logins, owner: App) -> None:
    """The server is held up when somebody closes and waits no longer: what waited is written all the same."""

    async def body(made: JoinedBooks) -> None:
        async with held_up(made, owner, *pays("first")) as tasks:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(made.close(), 0.2)
        assert not any(one.replayed for one in await asyncio.gather(*tasks))

    within(logins, body)  # closes it once more
    require_whole(books)


def test_a_thread_may_commit(books: PostgresBooks, logins: Logins) -> None:
    """Eight threads beside the loop: all that is to be done is done, and what is refused is told."""

    async def body(made: JoinedBooks) -> None:
        loop = asyncio.get_running_loop()

        def commit(one: Write) -> Receipt:
            return asyncio.run_coroutine_threadsafe(made.commit(one), loop).result()

        def work(name: int) -> list[bool]:
            with pytest.raises(Overdrawn):
                commit(pay(f"{name}", BOB, ALICE, 1))
            return [commit(one).replayed for one in pays(*(f"{name}-{turn}" for turn in range(EACH)))]

        with ThreadPoolExecutor(MANY) as threads:
            found = await asyncio.gather(*(loop.run_in_executor(threads, work, name) for name in range(MANY)))
        assert found == [[False] * EACH] * MANY

    within(logins, body)
    assert books.balances()[ALICE].units == -MANY * EACH
    require_whole(books)


def test_what_is_written_is_sealed_meanwhile(books: PostgresBooks, logins: Logins) -> None:
    """Nobody waits for the books to be closed."""

    async def body(made: JoinedBooks) -> None:
        await made.commit(*pays("one"))
        for _ in range(200):
            if books.unsealed().count == 0:
                return
            await asyncio.sleep(0.05)
        pytest.fail("it is not sealed")

    within(logins, body)


def test_closing_writes_what_waits(books: PostgresBooks, logins: Logins) -> None:
    """One of them is refused and one goes apart: all are told, all is sealed, and nobody commits any more."""

    async def body(made: JoinedBooks) -> None:
        tasks = await lined_up(made, *pays(*range(6)), pay("too much", BOB, ALICE, 1), DAY)
        await made.close()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(one) for one in found] == [*[Receipt] * 6, Overdrawn, Receipt]
        with pytest.raises(RuntimeError, match="closed"):
            await made.commit(*pays("late"))

    within(logins, body)
    assert len(books.audit_entries()) == 7
    require_whole(books)


@pytest.mark.parametrize("writes", [pays(1, 2), [DAY], []], ids=["together", "apart", "none"])
def test_closing_seals_what_is_left(books: PostgresBooks, logins: Logins, writes: list[Write]) -> None:
    """Over whichever connection it went."""
    within(logins, lambda made: at_once(made, *writes))
    assert [audit.key for audit in books.audit_entries()] == [one.key for one in writes]
    require_whole(books)

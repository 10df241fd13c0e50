"""Two who raise claims, or lower what stands behind them, at the same moment: one locked row lets only one through.

The same race is run against a check that reads at commit without a lock: it lets both through, so the race is one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing, suppress

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from backing_bench import AT, LEVELS, Bench, credit, credit_by_hand, movement_record
from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.adapters.postgres.logins import Logins
from zakhira.controls.chain.audit import make_entry
from zakhira.flows.ports.books import Record, input_hash
from zakhira.ledger.faults import ClaimsAboveBacking
from zakhira.programme.model import AccountSpec

WRITERS = 4
PATIENCE_S = 0.3
"""How long each waits for the others to have written as well: with a lock they cannot, and go on alone."""
Act = Callable[[Connection[TupleRow]], None]
UNLOCKED = """
ALTER TABLE zakhira.balance DISABLE TRIGGER by_trigger_only;
UPDATE zakhira.balance SET class = '-';
CREATE FUNCTION zakhira.unlocked_check() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF (SELECT sum(-posting.units) FROM zakhira.posting JOIN zakhira.account ON account.number = posting.account
        WHERE account.claim <> '') > (SELECT proven_units FROM zakhira.backing)
    THEN
        RAISE EXCEPTION 'too much' USING ERRCODE = 'ZK011';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER unlocked_check AFTER INSERT ON zakhira.posting
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION zakhira.unlocked_check();
"""


@pytest.fixture
def bench(books: PostgresBooks) -> Bench:
    """A coin of 100 sat, and a claim and an expense for each writer, so that no balance is in anybody's way."""
    made = Bench(books)
    for number in range(WRITERS):
        claim = AccountSpec(f"liabilities:one:{number}", "BTC", "liability")
        books.open_accounts((claim, AccountSpec(f"expenses:one:{number}", "BTC", "expense")))
    made.coin(1, 100)
    return made


def crediting(number: int, amount_sats: int) -> Act:
    """A credit to the writer's own account."""
    entry = credit(amount_sats, f"liabilities:one:{number}", f"expenses:one:{number}").entries[0]
    return lambda connection: credit_by_hand(connection, entry)


def recording(record: Record) -> Act:
    """A record by itself."""

    def act(connection: Connection[TupleRow]) -> None:
        audit = make_entry(0, f"{record.kind} {record.id}", "clerk", "act", AT, input_hash((), (record,)))
        connection.execute(
            "INSERT INTO zakhira.audit (key, actor, action, at, content_hash, leaf_hash, entry_count, posting_count, "
            "record_count) VALUES (%s, %s, %s, %s, %s, %s, 0, 0, 1)",
            (audit.key, audit.actor, audit.action, audit.at, audit.content_hash, audit.leaf_hash),
        )
        connection.execute(
            "INSERT INTO zakhira.record (sequence, record_count, ordinal, kind, id, body) "
            "VALUES (currval('zakhira.write_number'), 1, 1, %s, %s, %s)",
            (record.kind, record.id, Jsonb(record.body)),
        )

    return act


def race(logins: Logins, level: str, acts: list[Act]) -> list[str]:
    """Let all act in transactions that are open at the same moment; how each ended, after retries, in order.

    Every transaction has its snapshot before any of them writes, and none commits before all that can have written and
    been judged.
    """
    begun, written = threading.Barrier(len(acts)), threading.Barrier(len(acts))
    ends: list[str] = []

    def run(act: Act) -> None:
        with psycopg.connect(logins.app, autocommit=True) as connection:
            connection.execute(f"SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL {level}".encode())
            is_first = True
            while True:
                try:
                    with connection.transaction():
                        connection.execute("SELECT count(*) FROM zakhira.backing")
                        if is_first:
                            begun.wait()
                        act(connection)
                        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
                        if is_first:
                            with suppress(threading.BrokenBarrierError):
                                written.wait(PATIENCE_S)
                except psycopg.errors.SerializationFailure:
                    is_first = False
                except psycopg.Error as error:
                    ends.append(str(error.sqlstate))
                    return
                else:
                    ends.append("done")
                    return

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(ends)


@pytest.mark.parametrize("level", LEVELS)
def test_two_credits_never_stand_on_one_coin(bench: Bench, logins: Logins, level: str) -> None:
    """Four credit 40 on a coin of 100, at each isolation level: two get it."""
    ends = race(logins, level, [crediting(number, 40) for number in range(WRITERS)])
    assert ends == ["ZK011", "ZK011", "done", "done"]
    assert bench.now.demand == 80
    assert bench.books.breaks() == ()


@pytest.mark.parametrize("level", LEVELS[:2])
def test_a_check_without_a_lock_lets_both_through(
    bench: Bench, logins: Logins, owner: Connection[TupleRow], level: str
) -> None:
    """The race itself is shown to be one: a deferred check that reads without a lock leaves 160 owed on 100."""
    owner.execute(UNLOCKED)
    ends = race(logins, level, [crediting(number, 40) for number in range(WRITERS)])
    assert ends == ["done"] * WRITERS
    row = owner.execute(
        "SELECT sum(-balance.units) FROM zakhira.balance JOIN zakhira.account ON account.number = balance.account "
        "WHERE account.claim <> ''"
    ).fetchone()
    assert row == (160,)


@pytest.mark.parametrize("level", LEVELS)
def test_a_credit_and_a_spend_never_share_a_coin(bench: Bench, logins: Logins, level: str) -> None:
    """60 are credited and 60 are let go out, of 100: one of the two is refused."""
    ends = race(logins, level, [crediting(0, 60), recording(movement_record("s1", 59, 1))])
    assert ends == ["ZK011", "done"]
    assert bench.now.deficit == 0


def test_a_theft_and_a_credit(bench: Bench, logins: Logins) -> None:
    """While a credit is open the theft waits for it; then it is recorded, with the deficit that it leaves."""
    posted, may_commit = threading.Event(), threading.Event()

    def run() -> None:
        with psycopg.connect(logins.app, autocommit=True) as connection, connection.transaction():
            crediting(0, 100)(connection)
            posted.set()
            may_commit.wait()

    clerk = threading.Thread(target=run)
    clerk.start()
    posted.wait()
    threading.Timer(PATIENCE_S, may_commit.set).start()
    bench.theft(1)
    clerk.join()
    assert (bench.now.deficit, bench.now.is_halted) == (100, True)
    assert bench.books.breaks() == ()


def test_the_program_itself_races(bench: Bench, logins: Logins) -> None:
    """Eight writers through the books, twelve credits of 20 each, while blocks come: five in all get through."""
    done: list[str] = []
    line = threading.Barrier(WRITERS)

    def run(number: int) -> None:
        with closing(PostgresBooks(Logins(logins.app))) as books:
            line.wait()
            for _ in range(3):
                with suppress(ClaimsAboveBacking):
                    books.commit(credit(20, f"liabilities:one:{number}", f"expenses:one:{number}"))
                    done.append("done")

    threads = [threading.Thread(target=run, args=(number,)) for number in range(WRITERS)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        bench.blocks(1)
    for thread in threads:
        thread.join()
    assert (len(done), bench.now.demand) == (5, 100)
    assert bench.books.breaks() == ()

"""Whoever connects as the application raises no backing and hides no claim, by whatever statement; and what is left."""

from __future__ import annotations

import re
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from backing_bench import (
    COMMUNITY,
    FAR,
    LEVELS,
    SHALLOW,
    SUSPENSE,
    Bench,
    credit,
    credit_by_hand,
    depth_record,
    movement_record,
    own_record,
    paper_record,
    pledge_record,
    records_by_hand,
    resume_record,
    txid,
)
from zakhira.adapters.postgres.backing_check import read_backing_breaks
from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.adapters.postgres.logins import Logins
from zakhira.flows.coin_papers import LOST
from zakhira.flows.ports.books import Record
from zakhira.flows.ports.books_errors import NotTheWatcher
from zakhira.flows.ports.ledger_books import ACCOUNT
from zakhira.kernel.canonical import Json
from zakhira.ledger.faults import BadAccountRecord, ClaimsAboveBacking, CreditsHalted


@pytest.fixture
def bench(books: PostgresBooks) -> Bench:
    """Books whose claims stand exactly upon their one coin."""
    made = Bench(books)
    made.coin(1, 100)
    books.commit(credit(100))
    return made


@pytest.fixture
def plain(bench: Bench, logins: Logins) -> Iterator[Bench]:
    """The same books for a process that was given the application's login alone."""
    books = PostgresBooks(Logins(logins.app))
    yield Bench(books, bench.height)
    books.close()


BY_HAND = (
    "UPDATE zakhira.backing SET proven_units = proven_units + 1",
    "UPDATE zakhira.backing SET demand_units = 0",
    "UPDATE zakhira.backing SET is_halted = false",
    "INSERT INTO zakhira.backing (commodity, demand_units, term_units, suspense_units) VALUES ('PKR', 0, 0, 0)",
    "DELETE FROM zakhira.backing",
    "TRUNCATE zakhira.backing CASCADE",
    "UPDATE zakhira.coin SET amount_sats = amount_sats * 2",
    "UPDATE zakhira.coin SET is_proven = true",
    "INSERT INTO zakhira.deficit VALUES (DEFAULT, 'BTC', 1, now(), 0, 0, 0, 0, 0)",
    "DELETE FROM zakhira.deficit",
    "UPDATE zakhira.proof_depth SET confirmations = '{1}'",
    "UPDATE zakhira.encumbrance SET is_released = true",
    "INSERT INTO zakhira.coin_origin VALUES (repeat('0', 64) || ':0', true, NULL, 1)",
    "DELETE FROM zakhira.outgoing",
    "INSERT INTO zakhira.own_transaction VALUES (repeat('0', 64), 's', NULL, 1)",
    "INSERT INTO zakhira.followed_block VALUES (99, repeat('0', 64))",
    "INSERT INTO zakhira.chain_event VALUES (1, 1, 1, 'block connected', 99, repeat('0', 64), repeat('0', 64))",
    "ALTER TABLE zakhira.backing DISABLE TRIGGER ALL",
    "ALTER TABLE zakhira.posting DISABLE TRIGGER keep_sums",
    "DROP TRIGGER judge_backing ON zakhira.backing",
    "SET session_replication_role = replica",
    "SET ROLE zakhira_watcher",
    "SET ROLE zakhira_owner",
    "SET SESSION AUTHORIZATION zakhira_owner",
    "GRANT zakhira_watcher TO CURRENT_USER",
    "SELECT zakhira.count_others('[]')",
    "SELECT zakhira.count_backing(true)",
    "SELECT zakhira.count_committed(true)",
    "SELECT zakhira.prove_coins()",
    "SELECT zakhira.lock_backing()",
    "SELECT zakhira.keep_depth('{}', 1)",
    "SELECT zakhira.keep_encumbrance('x', '{}', 1)",
    "SELECT zakhira.resume_credits('BTC', '{}')",
    "CREATE OR REPLACE FUNCTION zakhira.gap(one zakhira.backing) RETURNS bigint LANGUAGE sql AS 'SELECT 0::bigint'",
    "CREATE FUNCTION pg_catalog.gap() RETURNS integer LANGUAGE sql AS 'SELECT 0'",
    "CREATE TABLE zakhira.mine ()",
)


def test_by_hand_nothing_is_raised(bench: Bench, app: Connection[TupleRow]) -> None:
    """Each statement of somebody who got the application's login fails, and the row stays as it is."""
    before = bench.now
    for statement in BY_HAND:
        with pytest.raises(psycopg.Error) as raised:
            app.execute(statement.encode())
        assert raised.value.sqlstate in {"42501", "ZK001"}, statement
        app.rollback()
    assert bench.now == before


TRICKS = (
    (),
    ("CREATE TEMP TABLE backing AS SELECT * FROM zakhira.backing", "SET search_path = pg_temp, zakhira"),
    (
        "CREATE FUNCTION pg_temp.gap(anyelement) RETURNS bigint LANGUAGE sql AS 'SELECT 0::bigint'",
        "CREATE FUNCTION pg_temp.gap_on_demand(anyelement) RETURNS bigint LANGUAGE sql AS 'SELECT 0::bigint'",
        "SET search_path = pg_temp, pg_catalog",
    ),
    ("SET CONSTRAINTS ALL DEFERRED",),
)


def test_a_credit_by_hand_is_refused_at_commit(bench: Bench, logins: Logins) -> None:
    """Whoever sends the statements, at every level, with tables and functions of his own in the way."""
    for level in LEVELS:
        for trick in TRICKS:
            with psycopg.connect(logins.app, autocommit=True) as app:
                app.execute(f"SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL {level}".encode())
                for statement in trick:
                    app.execute(statement.encode())
                with pytest.raises(psycopg.Error) as raised, app.transaction():
                    credit_by_hand(app, credit(1).entries[0])
                assert raised.value.sqlstate == "ZK011", (level, trick)
    assert bench.now.demand == 100


def test_an_account_cannot_hide_a_claim(plain: Bench) -> None:
    """A liability in coin is a claim whatever is said of it, and none may be below zero and make others smaller."""
    plain.act(account_record("liabilities:hidden", "none"))
    with pytest.raises(ClaimsAboveBacking):
        plain.books.commit(credit(1, "liabilities:hidden"))
    for code in ("liabilities:minus", COMMUNITY):
        with pytest.raises(BadAccountRecord):
            plain.act(account_record(code, "allowed"))


def account_record(code: str, overdraft: str) -> Record:
    """An account that is opened, or whose bounds are changed."""
    body: Json = {
        "commodity": "BTC",
        "kind": "liability",
        "claim": "none",
        "holder": "",
        "overdraft": overdraft,
        "ceiling_units": None,
        "is_frozen": False,
        "because": "a test",
    }
    return Record(ACCOUNT, code, body)


def test_records_that_raise_are_the_watchers(bench: Bench, plain: Bench) -> None:
    """Depth, a pledge that is lifted, credits let in again: a process without the watcher's login does not try."""
    for record in (depth_record(SHALLOW), resume_record(1), pledge_record("nothing", 1, is_released=True)):
        with pytest.raises(NotTheWatcher):
            plain.act(record)


def test_the_database_asks_as_well(bench: Bench, app: Connection[TupleRow]) -> None:
    """The same records by a statement: the database looks at the role, not at the program."""
    bench.books.commit(credit(-50))
    bench.act(pledge_record("loan", 50))
    smaller = pledge_record("loan", 49)
    lifted = pledge_record("loan", 50, is_released=True)
    for record in (depth_record(SHALLOW), resume_record(1), smaller, lifted):
        assert refused_by_hand(app, record) == "ZK020"
    assert bench.now.encumbered == 50


def refused_by_hand(app: Connection[TupleRow], *records: Record) -> str | None:
    """The error of one write of these records by the application's login; None where it is taken."""
    try:
        records_by_hand(app, *records)
        app.commit()
    except psycopg.Error as error:
        app.rollback()
        return error.sqlstate
    return None


def test_an_application_does_not_judge_coins(bench: Bench, plain: Bench, app: Connection[TupleRow]) -> None:
    """That a coin of unknown origin is known, a hold over, a coin lost: the watcher alone says that."""
    bench.act(events=(bench.next_block(), bench.created(2, 7)))
    bench.blocks(5)
    bench.books.commit(credit(-100))
    bench.act(paper_record(f"{txid(1)}:0", FAR))
    before = bench.now
    assert (before.suspense, before.held) == (7, 100)
    for paper in (paper_record(f"{txid(2)}:0"), paper_record(f"{txid(1)}:0"), paper_record(f"{txid(1)}:0", state=LOST)):
        with pytest.raises(NotTheWatcher):
            plain.act(paper)
        assert refused_by_hand(app, paper) == "ZK020"
    assert bench.now == before


def test_an_application_leaves_suspense_alone(bench: Bench, plain: Bench, app: Connection[TupleRow]) -> None:
    """Neither lowered against income, nor raised without a coin: what nobody announced is seen by the watcher."""
    bench.books.commit(credit(-10))
    bench.books.commit(credit(7, SUSPENSE))
    for write in (credit(-7, SUSPENSE), credit(7, SUSPENSE), credit(7, by=SUSPENSE)):
        with pytest.raises(NotTheWatcher):
            plain.books.commit(write)
        with pytest.raises(psycopg.Error) as raised, app.transaction():
            credit_by_hand(app, write.entries[0])
        assert raised.value.sqlstate == "ZK020"
    assert (bench.now.suspense, bench.now.demand, bench.now.is_halted) == (7, 90, False)


def test_change_of_held_coins_is_held_whatever_is_said(bench: Bench, plain: Bench, app: Connection[TupleRow]) -> None:
    """A transaction of ours inherits the holds of what it takes; what was said to be held stays so."""
    bench.books.commit(credit(-100))
    bench.act(paper_record(f"{txid(1)}:0", FAR))
    plain.act(own_record(txid(8), "s2", FAR))
    assert refused_by_hand(app, own_record(txid(8), "s2")) == "ZK020"
    plain.act(own_record(txid(7), "s1"))
    bench.act(events=(bench.next_block(), bench.created(7, 100), bench.spent(1, 7)))
    assert (bench.now.own_change, bench.now.held, bench.now.available_on_demand) == (100, 100, 0)
    bench.blocks(5)
    assert (bench.now.proven, bench.now.held, bench.now.available_on_demand) == (100, 100, 0)
    assert bench.books.breaks() == ()


def test_a_transaction_on_the_chain_is_not_made_ours(bench: Bench, app: Connection[TupleRow]) -> None:
    """Afterwards nobody says that a theft was a spend, or that one spend was another one, so that it went out."""
    bench.books.commit(credit(-100))
    bench.act(movement_record("s1", 30), own_record(txid(7), "s1"))
    bench.act(movement_record("s2", 20))
    bench.act(events=(bench.next_block(), bench.created(7, 70), bench.spent(1, 7)))
    assert bench.now.outgoing == 20
    assert refused_by_hand(app, own_record(txid(7), "s2")) == "ZK020"
    bench.theft(7)
    assert refused_by_hand(app, own_record(txid(900_007), "s2")) == "ZK020"
    assert bench.now.outgoing == 20


def test_a_spend_of_claimed_coins_does_not_pass_as_the_worlds(bench: Bench, app: Connection[TupleRow]) -> None:
    """Ended before it was ever let out, revived for more than it was, or beside another that may be: refused."""
    ended, own = movement_record("s1", 0, state="ended"), own_record(txid(77), "s1")
    assert refused_by_hand(app, ended) is None
    assert refused_by_hand(app, own) is None
    assert refused_by_hand(app, movement_record("s1", 100)) == "ZK011"
    assert refused_by_hand(app, own, movement_record("s1", 100)) == "ZK011"
    # Let out for nothing, and ended: for so much it may come back, and takes nobody along.
    nothing = movement_record("s0", 0)
    assert refused_by_hand(app, nothing, own_record(txid(78), "s0")) is None
    assert refused_by_hand(app, movement_record("s0", 0, state="ended")) is None
    assert refused_by_hand(app, nothing, movement_record("s1", 100)) == "ZK011"
    assert refused_by_hand(app, movement_record("s0", 1)) == "ZK011"
    # Let out and ended in one write is never let out.
    assert refused_by_hand(app, movement_record("s0", 100), movement_record("s0", 0, state="ended")) is None
    assert refused_by_hand(app, movement_record("s0", 100)) == "ZK011"
    # Nor does what was no spend when it was let out.
    moved = Record("movement", "s2", {**dict(movement_record("s2", 100).body), "action": "move"})  # type: ignore[arg-type]
    assert refused_by_hand(app, moved, own_record(txid(79), "s2")) is None
    assert refused_by_hand(app, movement_record("s2", 100, state="ended")) is None
    assert refused_by_hand(app, movement_record("s2", 100)) == "ZK011"
    assert refused_by_hand(app, nothing) is None
    assert (bench.now.outgoing, bench.now.is_halted) == (0, False)
    assert bench.books.breaks() == ()


def test_what_an_application_that_lies_can_still_do_is_bounded(bench: Bench, plain: Bench) -> None:
    """Each lie moves at most real coins of our vaults, and the chain tells of it when they go.

    It may say that a spend has ended which goes out all the same, and it need not say that one goes out: then others
    are credited on its coins, and with the block there is a deficit. It may stop everything by such a spend.
    """
    bench.books.commit(credit(-50))
    plain.act(movement_record("s1", 50), own_record(txid(9), "s1"))
    with pytest.raises(ClaimsAboveBacking):
        plain.books.commit(credit(1))
    plain.act(movement_record("s1", 50, state="ended"))
    plain.books.commit(credit(50))
    assert (plain.now.demand, plain.now.available, plain.now.is_halted) == (100, 100, False)
    block = bench.next_block()
    bench.act(events=(block, bench.created(9, 50), bench.spent(1, 9)))
    assert (bench.now.available, bench.now.deficit, bench.now.is_halted) == (50, 50, True)
    with pytest.raises((CreditsHalted, ClaimsAboveBacking)):
        plain.books.commit(credit(1))


TAMPERING = (
    ("UPDATE zakhira.backing SET proven_units = 1000", "counts proven coins as 1000"),
    ("UPDATE zakhira.backing SET demand_units = 1", "claims on demand as 1, and they come to 100"),
    ("UPDATE zakhira.coin SET is_proven = NOT is_proven", "whether it is proven is not what the chain says"),
    ("UPDATE zakhira.coin SET hold_until = '2999-01-01'", "what counts of it is not what its paper says"),
    ("UPDATE zakhira.coin_origin SET is_judged = false", "coin paper .*: what counts is not what its record says"),
    ("UPDATE zakhira.proof_depth SET sequence = 5, confirmations = '{1}'", "proof depth BTC: what counts"),
    ("INSERT INTO zakhira.encumbrance VALUES ('x', 'BTC', 1, 'x', true, 1)", "encumbrance x: what counts"),
    ("DELETE FROM zakhira.proof_depth", "how deep a coin must lie is told nowhere"),
)


def test_what_the_owner_alters_is_found(bench: Bench, owner: Connection[TupleRow]) -> None:
    """With every trigger out of the way: the verification computes the backing anew."""
    assert bench.books.breaks() == ()
    owner.execute("SET session_replication_role = replica")
    for statement, told in TAMPERING:
        with owner.transaction(force_rollback=True):
            owner.execute(statement.encode())
            assert re.search(told, "\n".join(read_backing_breaks(owner))), statement


def test_a_halt_that_is_taken_away_is_found(bench: Bench, owner: Connection[TupleRow]) -> None:
    """Credits that go on after a deficit without the officers' record."""
    bench.theft(1)
    owner.execute("SET session_replication_role = replica")
    owner.execute("UPDATE zakhira.backing SET is_halted = false")
    assert any("deficit 1 halts credits" in one for one in bench.books.breaks())

"""Balances as of two dates and lines of a period read the same with the sums of busy accounts and without."""

from __future__ import annotations

import time
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from random import Random

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from books_bench import START, write
from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.adapters.postgres.ledger import PostgresLedger
from zakhira.controls.chain.audit import make_entry
from zakhira.flows.ports.books import input_hash
from zakhira.flows.ports.ledger_books import AsOf
from zakhira.kernel.money import Amount, Commodity
from zakhira.ledger.entry import Entry, Posting
from zakhira.programme.model import AccountSpec

NAMES = ("equity:fund", "liabilities:one", "liabilities:two", "liabilities:quiet")
SPECS = tuple(
    AccountSpec(name, "PKR", "equity" if name.startswith("equity") else "liability", overdraft="allowed")
    for name in NAMES
)
DAY = timedelta(days=1)


def _entry(number: int, draw: Random, day: int | None = None) -> Entry:
    day = draw.randrange(6) if day is None else day
    at = START + timedelta(days=day, hours=draw.randrange(24), microseconds=draw.randrange(2))
    debit, credit = draw.sample(NAMES[:3], 2) if number % 40 else (NAMES[3], NAMES[0])
    amount = Amount(draw.randrange(1, 10**6), Commodity.PKR)
    # Some are no transfers, and stand with all others of their write in postings of their own.
    sides = (amount,) if number % 9 else (amount + amount, -amount)
    return Entry(
        f"e{number}", at, "moved", "paper", (*[Posting(debit, side) for side in sides], Posting(credit, -amount))
    )


def _roll(owner: Connection[TupleRow], most: int, busy: int, fewest: int = 5) -> None:
    owner.execute("SELECT zakhira.roll_up(%s, %s, %s)", (most, busy, fewest))


@pytest.fixture(params=["sums of busy accounts", "stretches alone"])
def filled(
    books: PostgresBooks, owner: Connection[TupleRow], request: pytest.FixtureRequest
) -> list[tuple[Entry, datetime]]:
    """Books with 60 writes, rolled up in between but for the last ten; every entry with when it was entered.

    Either all accounts are busy and entries are of any day, or none is and most entries are of the days that pass.
    """
    are_busy = request.param == "sums of busy accounts"
    draw = Random(7)  # noqa: S311 - a seed, not a secret
    books.open_accounts(SPECS)
    entries: list[Entry] = []
    for number in range(60):
        # The last is booked late, behind every stretch.
        day = None if are_busy or draw.randrange(20) == 0 else number // 10 if number < 59 else 0
        added = [_entry(number * 8 + place, draw, day) for place in range(draw.randrange(1, 8))]
        books.commit(write(f"w{number}", *added))
        entries += added
        if number % 7 == 0 and number < 55:
            books.seal()
            books.seal()
            _roll(owner, draw.randrange(1, 20), draw.randrange(1, 12) if are_busy else 10**9)
    entered: dict[str, datetime] = dict(
        owner.execute(
            "SELECT entry.id, audit.written_at FROM zakhira.entry JOIN zakhira.audit USING (sequence)"
        ).fetchall()
    )
    rows = owner.execute("SELECT count(*), count(DISTINCT account) FROM zakhira.rollup").fetchone()
    assert rows is not None
    assert (rows[0] > 10) is are_busy, "nothing was rolled up, so nothing is shown"
    places = owner.execute(
        "SELECT (SELECT count(*) > 50 FROM zakhira.posting), (SELECT count(account) > 50 FROM zakhira.entry)"
    ).fetchone()
    assert places == (True, True), "one of the two places where postings stand is hardly used"
    stretches = owner.execute("SELECT count(*), max(through) FROM zakhira.stretch").fetchone()
    assert stretches is not None
    assert stretches[0] > 10, "no stretches, so everything is looked at"
    assert owner.execute("SELECT count(*) > 3 FROM zakhira.audit WHERE sequence > %s", (stretches[1],)).fetchone() == (
        True,
    )
    return [(entry, entered[entry.id].astimezone(UTC)) for entry in entries]


def _plain(entries: list[tuple[Entry, datetime]], as_of: AsOf) -> dict[str, int]:
    sums: defaultdict[str, int] = defaultdict(int)
    for entry, entered in entries:
        if as_of.before is not None and entry.at >= as_of.before:
            continue
        if as_of.known_before is not None and entered >= as_of.known_before:
            continue
        for posting in entry.postings:
            sums[posting.account] += posting.amount.units
    return {name: sums[name] for name in NAMES}


def test_balances_as_of_two_dates(books: PostgresBooks, filled: list[tuple[Entry, datetime]]) -> None:
    """At midnights, within days and at the very instants of entries; with what was known at each of several times."""
    ledger = PostgresLedger(books)
    befores = [None, *(START + number * DAY for number in range(-1, 8)), *(entry.at for entry, _ in filled[::20])]
    knowns = [None, START, *sorted(entered for _, entered in filled)[::15]]
    for before in befores:
        for known in knowns:
            as_of = AsOf(before, known)
            shown = {code: amount.units for code, amount in ledger.balances_at(NAMES, as_of).items()}
            assert shown == _plain(filled, as_of), as_of


def test_lines_of_a_period(books: PostgresBooks, filled: list[tuple[Entry, datetime]]) -> None:
    """Opening and lines of each period are those of the entries, by their time."""
    ledger = PostgresLedger(books)
    for first, last in ((0, 1), (1, 3), (0, 6), (5, 9), (2.5, 2.75)):
        start, end = START + first * DAY, START + last * DAY
        shown = ledger.lines(NAMES, start, end)
        opening = _plain(filled, AsOf(before=start))
        for name in NAMES:
            due = sorted(
                (entry.at, entry.id, posting.amount.units)
                for entry, _ in filled
                for posting in entry.postings
                if posting.account == name and start <= entry.at < end
            )
            lines = shown[name].lines
            assert sorted((line.at, line.entry_id, line.posting.amount.units) for line in lines) == due
            assert [line.at for line in lines] == sorted(line.at for line in lines)
            assert shown[name].opening.units == opening[name]


def test_what_is_rolled_up_is_what_was_posted(
    books: PostgresBooks, owner: Connection[TupleRow], filled: list[tuple[Entry, datetime]]
) -> None:
    """Each row of sums is the sum of the postings of its writes and its day, and nobody writes one by hand."""
    assert filled
    assert books.breaks() == ()
    wrong = owner.execute(
        "SELECT count(*) FROM (SELECT rollup.account, rollup.day, sum(rollup.units) AS units, "
        "sum(rollup.postings) AS n FROM zakhira.rollup GROUP BY 1, 2) AS shown "
        "FULL JOIN (SELECT posting.account, posting.day, "
        "sum(posting.units) AS units, count(*) AS n FROM zakhira.posted AS posting JOIN zakhira.rolled USING (account) "
        "WHERE posting.sequence <= rolled.through GROUP BY 1, 2) AS due USING (account, day) "
        "WHERE shown.units IS DISTINCT FROM due.units OR shown.n IS DISTINCT FROM due.n"
    ).fetchone()
    assert wrong == (0,)


def test_the_entry_date_never_goes_back(books: PostgresBooks, owner: Connection[TupleRow]) -> None:
    """As if the clock had been set back by an hour: what is written then is dated behind what is sealed."""
    books.open_accounts(SPECS)
    books.commit(write("before", _entry(1, Random(1))))  # noqa: S311 - a seed
    owner.execute("SET session_replication_role = replica")
    owner.execute("UPDATE zakhira.audit SET written_at = written_at + interval '1 hour'")
    books.seal()
    books.commit(write("after", _entry(2, Random(2))))  # noqa: S311 - a seed
    times = [row[0] for row in owner.execute("SELECT written_at FROM zakhira.audit ORDER BY sequence")]
    assert times[1] >= times[0] > datetime.now(UTC) + timedelta(minutes=50)
    known = PostgresLedger(books).balances_at(NAMES, AsOf(known_before=times[0]))
    assert {amount.units for amount in known.values()} == {0}


def test_the_program_writes_no_sums_by_hand(app: Connection[TupleRow], books: PostgresBooks) -> None:
    """Neither rows of sums nor how far they reach."""
    assert books.balances()
    for act in (
        "INSERT INTO zakhira.rollup VALUES (1, 1, '2026-01-01', 5, 1)",
        "UPDATE zakhira.rolled SET through = 9",
        "INSERT INTO zakhira.stretch VALUES (8, 9, '2026-01-01', '2026-01-01')",
        "UPDATE zakhira.sealing SET rolled_through = 9",
        "INSERT INTO zakhira.closed_period VALUES ('2026-01-31', '2026-01-01', 1)",
        "UPDATE zakhira.closing SET through = '2026-01-31'",
        "UPDATE zakhira.balance SET floor_units = -5",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute(act.encode())
        app.rollback()


def test_the_sum_of_a_day_may_be_beyond_any_balance(books: PostgresBooks, owner: Connection[TupleRow]) -> None:
    """Three entries in balance whose sum over one day no bigint holds: as-of answers and sums of others go on."""
    books.open_accounts((*SPECS, AccountSpec("income:other", "PKR", "income")))
    most = Amount(9 * 10**18, Commodity.PKR)
    for number, (amount, day) in enumerate(((most, 0), (-most, 1), (most, 0))):
        at = START + day * DAY
        postings = (Posting("equity:fund", amount), Posting("income:other", -amount))
        books.commit(write(f"w{number}", Entry(f"big{number}", at, "moved", "paper", postings)))
    for _ in range(2):
        books.commit(write(f"more{_}", *(_entry(number, Random(number)) for number in range(100 * _ + 1, 100 * _ + 9))))  # noqa: S311 - a seed
        books.seal()
    books.seal()
    _roll(owner, 100, 1)
    assert owner.execute("SELECT count(*) > 0 FROM zakhira.rolled").fetchone() == (True,)
    shown = PostgresLedger(books).balances_at(NAMES, AsOf(before=START + 90 * DAY))
    assert shown == {code: amount for code, amount in books.balances().items() if code in NAMES}


def test_a_write_that_was_held_back_comes_too_late(owner: Connection[TupleRow], books: PostgresBooks) -> None:
    """What is begun and committed much later would change what was known in between."""
    assert books.balances()
    told = owner.execute("SELECT pg_get_functiondef('zakhira.require_fresh'::regproc)").fetchone()
    assert told is not None
    owner.execute(told[0].replace("5 minutes", "100 milliseconds").encode())
    books.commit(write("at once"))
    owner.execute("BEGIN")
    audit = make_entry(0, "held", "mallory", "post", START, input_hash((), ()))
    owner.execute(
        "INSERT INTO zakhira.audit (key, actor, action, at, content_hash, leaf_hash, entry_count, record_count) "
        "VALUES (%s, %s, %s, %s, %s, %s, 0, 0)",
        (audit.key, audit.actor, audit.action, audit.at, audit.content_hash, audit.leaf_hash),
    )
    time.sleep(0.2)
    with pytest.raises(psycopg.DatabaseError, match="comes too late"):
        owner.execute("COMMIT")

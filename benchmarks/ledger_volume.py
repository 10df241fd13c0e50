"""Our ledger as it grows: what postings take on disk, and how long the questions take that are asked of it.

    python benchmarks/ledger_volume.py [--postings N] [--folder DIR] [--participants N]

Postings are loaded through ``PostgresBooks.commit``, 1,000 transfers in a transaction, by two writers, with every
constraint on and their sealers at work. Transfers are dated half an hour a thousand, so that 100 million postings are
three years. At 1, 10, 20, 50 and 100 million postings (and at the end) the tables are vacuumed and analysed, as
autovacuum does in the hours after a load, and these are asked: the current balance of participants drawn from a seed;
balances as of an event date and of an entry date drawn from all of them, of participants and of the pool, on which a
twentieth of all postings stands; the statements of 10,000 participants over the last whole month; and at the end the
full verification. With ``--folder`` the data stays: the same command goes on where it was ended, also after a kill, and
asks at what is still to come. The last line is one JSON object, of the largest volume.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import count, islice
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import psycopg

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import ledger_ours, ledger_peer
from benchmarks.ledger_ours import POOL_CODE, code
from benchmarks.ledger_work import SEED, Transfer, transfers

from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.adapters.postgres.ledger import PostgresLedger
from zakhira.adapters.postgres.sealer import Sealer
from zakhira.flows.keeping.statements import account_statements
from zakhira.flows.ports.books import Write
from zakhira.flows.ports.ledger_books import AsOf
from zakhira.ledger.periods import Period

POSTINGS = 20_000_000
PARTICIPANTS = 200_000
WRITERS = 2
PER_COMMIT = 1_000
POSTINGS_PER_TRANSFER = 2
START = datetime(2023, 1, 1, tzinfo=UTC)
STEP = timedelta(minutes=30)
"""From the first transfer of a commit to the first of the next."""
POINTS = (1_000_000, 10_000_000, 20_000_000, 50_000_000, 100_000_000)
STATED = 10_000
"""Participants whose statements are drawn up."""
ASKED = 200
"""Questions of each kind; the slowest twentieth is left out of a figure, and told beside it."""
QUANTILE = 95
AT_MOST_BATCHES = 2_500
"""Commits between two words about how far the load is."""
_DONE = "SELECT key FROM zakhira.audit WHERE starts_with(key, 'volume-')"


def batch(number: int, participants: int) -> Write:
    """The thousand transfers of that number, always the same."""
    drawn: list[Transfer] = list(islice(transfers(SEED, number, participants), PER_COMMIT))
    return ledger_ours.write(f"volume-{number}", drawn, START + number * STEP, STEP / PER_COMMIT)


def load(dsn: str, participants: int, batches: int) -> float:
    """Load what is missing of so many commits; postings per second, until all of them are sealed (0: none was)."""
    with psycopg.connect(dsn) as connection:
        done = {int(str(key).removeprefix("volume-")) for (key,) in connection.execute(_DONE)}
    missing = [number for number in range(batches) if number not in done]
    begin = time.perf_counter()
    context = get_context("spawn")
    writers = [
        context.Process(target=_load, args=(dsn, participants, missing[place::WRITERS])) for place in range(WRITERS)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    if any(writer.exitcode for writer in writers):
        raise SystemExit("A writer has failed; what it said stands above.")
    ledger_ours.require_whole(dsn)
    return len(missing) * PER_COMMIT * POSTINGS_PER_TRANSFER / (time.perf_counter() - begin)


def _load(dsn: str, participants: int, numbers: Sequence[int]) -> None:
    with closing(PostgresBooks(dsn, Sealer(dsn))) as books:
        for number in numbers:
            books.commit(batch(number, participants))


def questions(dsn: str, participants: int, batches: int) -> dict[str, float]:
    """Milliseconds of the balances, and seconds of the month's statements."""
    rng = np.random.default_rng(SEED)
    people = [code(int(number)) for number in rng.integers(1, participants, 2 * ASKED, endpoint=True)]
    with closing(PostgresBooks(dsn)) as books:
        ledger = PostgresLedger(books)
        entered = _entered(books)
        current = [partial(ledger.balances_at, [one]) for one in people]
        dated = [AsOf(before=START + batches * STEP * float(part)) for part in rng.random(ASKED)]
        dated += [AsOf(known_before=entered[0] + (entered[1] - entered[0]) * float(part)) for part in rng.random(ASKED)]
        as_of = [partial(ledger.balances_at, [one], at) for one, at in zip(people, dated, strict=True)]
        of_pool = [partial(ledger.balances_at, [POOL_CODE], at) for at in dated]
        figures = _timed("current_ms", current) | _timed("as_of_ms", as_of) | _timed("as_of_pool_ms", of_pool)
        month = _last_month(START + batches * STEP)
        stated = [code(number) for number in range(1, min(STATED, participants) + 1)]
        begin = time.perf_counter()
        found = account_statements(ledger, stated, month)
        figures["statement_s"] = round(time.perf_counter() - begin, 3)
        assert len(found) == len(stated)
        figures["statement_lines"] = sum(len(one.movements) for one in found)
    return figures


def _timed(name: str, asks: Sequence[Callable[[], object]]) -> dict[str, float]:
    """The time within which 95 of 100 are answered, and the worst."""
    times = []
    for ask in asks:
        begin = time.perf_counter()
        ask()
        times.append((time.perf_counter() - begin) * 1e3)
    return {name: round(float(np.percentile(times, QUANTILE)), 3), f"{name}_worst": round(max(times), 3)}


def _entered(books: PostgresBooks) -> tuple[datetime, datetime]:
    row = books.ask(
        lambda connection: connection.execute("SELECT min(written_at), max(written_at) FROM zakhira.audit").fetchone()
    )
    assert row is not None, "an aggregate always answers"
    return row[0].astimezone(UTC), row[1].astimezone(UTC)


def _last_month(end: datetime) -> Period:
    """The last month that is over; in a ledger of less than two months the first."""
    first = max(date(end.year, end.month, 1), date(START.year, START.month + 1, 1))
    last = first - timedelta(days=1)
    return Period(last.replace(day=1), last)


def measure(dsn: str, participants: int, batches: int) -> dict[str, float]:
    """Everything about the ledger as large as it is now."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")
        connection.execute("CHECKPOINT")
    postings = (batches * PER_COMMIT + participants) * POSTINGS_PER_TRANSFER
    # What the tables take before any posting is a few hundred kilobytes: nothing against the least volume.
    taken = ledger_peer.bytes_of(dsn, "zakhira")
    figures = {"postings": float(postings), "bytes_per_posting": round(taken / postings, 1)}
    figures |= questions(dsn, participants, batches)
    told = ", ".join(f"{name} {value:,g}" for name, value in figures.items() if name != "postings")
    print(f"{postings:,} postings: {told}", flush=True)
    return figures


def verify_per_s(dsn: str, postings: float) -> float:
    """Postings verified in a second: balances, floors, backing, and the chain over the content of every one."""
    with closing(PostgresBooks(dsn)) as books:
        begin = time.perf_counter()
        breaks = books.breaks()
        seconds = time.perf_counter() - begin
    if breaks:
        raise SystemExit(f"The books do not hold: {'; '.join(breaks)}")
    return round(postings / seconds)


def grow(dsn: str, participants: int, postings: int) -> dict[str, float]:
    """Load up to so many postings and measure on the way."""
    figures: dict[str, float] = {}
    if not _is_there(dsn):
        ledger_ours.install(dsn, participants)
    whole = [max(1, (point // POSTINGS_PER_TRANSFER - participants) // PER_COMMIT) for point in (*POINTS, postings)]
    due = sorted({point for point in whole if point <= whole[-1]})
    reached = _loaded(dsn)
    for point in due if reached <= due[-1] else [reached]:
        if point < reached:
            continue
        while reached < point:
            reached = min(point, reached + AT_MOST_BATCHES)
            rate = load(dsn, participants, reached)
            print(f"{reached * PER_COMMIT * POSTINGS_PER_TRANSFER:,} postings loaded, {rate:,.0f}/s", flush=True)
            figures["load_per_s"] = round(rate)
        figures |= measure(dsn, participants, point)
    return figures


def _loaded(dsn: str) -> int:
    """Commits that are there without a gap: what lies beyond was being written when it was ended."""
    with psycopg.connect(dsn) as connection:
        done = {int(str(key).removeprefix("volume-")) for (key,) in connection.execute(_DONE)}
    return next(number for number in count() if number not in done)


def _is_there(dsn: str) -> bool:
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT to_regclass('zakhira.audit') IS NOT NULL").fetchone()
        if row != (True,):
            return False
        return (
            connection.execute("SELECT 1 FROM zakhira.audit WHERE key = %s", (ledger_ours.OPENED,)).fetchone()
            is not None
        )


def main() -> int:
    """Load, measure, verify."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--postings", type=int, default=POSTINGS, help="how far to load")
    parser.add_argument("--participants", type=int, default=PARTICIPANTS, help="accounts besides the pool")
    parser.add_argument("--folder", type=Path, default=None, help="where the data stays, to go on with later")
    asked = parser.parse_args()
    with ledger_peer.embedded(asked.folder) as server:
        dsn = server.ensure_database(ledger_ours.DATABASE)
        figures = grow(dsn, asked.participants, asked.postings)
        figures["verify_per_s"] = verify_per_s(dsn, figures["postings"])
    print(f"verified: {figures['verify_per_s']:,.0f} postings/s")
    print(json.dumps({"benchmark": "ledger_volume", **figures}))
    return 0


if __name__ == "__main__":
    sys.exit(main())

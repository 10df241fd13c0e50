"""Our side of the ledger's benchmark: a funded ledger of claims in coin, and how a worker posts to it.

Participants hold claims in coin that are payable on demand; a coin on the followed chain stands behind them. Transfers
between participants leave the claims as they are; a credit from the pool raises them, so that it is judged against what
stands behind them, under its lock. Each transfer is an entry of two postings, and each commit one `Write` with one key.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count, islice
from pathlib import Path

import psycopg

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.ledger_work import OPENING_UNITS, PARTICIPANTS, POOL, SEED, JointPoster, Poster, Transfer
from benchmarks.ledger_work import transfers as draw

from zakhira.adapters.postgres.books import PostgresBooks, open_books
from zakhira.adapters.postgres.joining import JoinedBooks
from zakhira.adapters.postgres.sealer import Sealer
from zakhira.flows.ports.books import Record, Write
from zakhira.flows.ports.coin_events import CoinEvent, WatchedCoin, block_connected, coin_created
from zakhira.kernel.money import MAX_MONEY_SATS, sats
from zakhira.ledger.entry import Entry, Posting
from zakhira.programme.model import AccountSpec

DATABASE = "zakhira"
NOW = datetime(2026, 2, 6, 12, tzinfo=UTC)
BATCH_SECONDS = 1
"""Between the dates of two commits of a worker in the race."""
DEPTH = 6
"""Blocks after which a coin is proven, as the database has it until somebody says otherwise."""
COIN_SATS = MAX_MONEY_SATS // 2
"""What stands behind the claims: ample, so that the check passes, and is made all the same."""
OPENED_AT_ONCE = 1_000
OPENING_AT = datetime(2022, 12, 31, tzinfo=UTC)
FILLING = 1_000
"""The number of the worker that writes the past: none of the race's."""
OPENED = "opened"
"""Key of the write that says that everybody has what they begin with."""
POOL_CODE = "equity:pool"


@cache
def code(number: int) -> str:
    """An account's code by its number; each is made once, as the peer reads the ids of its accounts once."""
    return POOL_CODE if number == POOL else f"liabilities:participants:p-{number:06d}:BTC"


def accounts(participants: int = PARTICIPANTS) -> tuple[AccountSpec, ...]:
    """The pool and the participants."""
    claims = (AccountSpec(code(number), "BTC", "liability") for number in range(1, participants + 1))
    return (AccountSpec(POOL_CODE, "BTC", "equity"), *claims)


def install(dsn: str, participants: int = PARTICIPANTS) -> None:
    """Make the books, their accounts, the coin behind them, and what each participant has to begin with."""
    with closing(open_books(dsn)) as books:
        opened = accounts(participants)
        for first in range(0, len(opened), OPENED_AT_ONCE):
            books.open_accounts(opened[first : first + OPENED_AT_ONCE])
        books.commit(_coin())
        numbers = range(1, participants + 1)
        for first in range(0, participants, OPENED_AT_ONCE):
            given = [Transfer(POOL, number, OPENING_UNITS) for number in numbers[first : first + OPENED_AT_ONCE]]
            books.commit(write(f"opening-{first}", given, OPENING_AT))
        books.commit(Write(OPENED, "clerk", "open", OPENING_AT))
    _settle(dsn)


def fill(dsn: str, transfers: int) -> None:
    """Write so many transfers of the past, each commit of a thousand, through the books as everything else."""
    post, finish = open_ours(dsn, "filling")
    drawn = draw(SEED, FILLING)
    for first in range(0, transfers, OPENED_AT_ONCE):
        post(list(islice(drawn, min(OPENED_AT_ONCE, transfers - first))))
    finish()
    _settle(dsn)


def require_whole(dsn: str) -> None:
    """Everything is sealed; what a writer left that was killed is sealed now."""
    with closing(PostgresBooks(dsn)) as books:
        books.seal()
        left = books.unsealed().count
    if left:
        raise SystemExit(f"{left} writes are not in the audit chain.")


def write(key: str, moves: Sequence[Transfer], at: datetime, step: timedelta = timedelta()) -> Write:
    """One act: an entry of two postings for each transfer, dated one step after another."""
    dates = [at + place * step for place in range(len(moves))] if step else [at] * len(moves)
    entries = [_entry(f"{key}-{place}", dates[place], one) for place, one in enumerate(moves)]
    return Write(key, "clerk", "transfer", at, tuple(entries))


def open_ours(dsn: str, name: str) -> tuple[Poster, Callable[[], None]]:
    """A worker's books with a sealer of their own; at the end everything is sealed."""
    books = PostgresBooks(dsn, Sealer(dsn))
    # What a process knows that has been at work for a while; the peer's has read the ids of its accounts, too.
    books.open_accounts(accounts())
    drafts = _Drafts(name)

    def post(moves: Sequence[Transfer]) -> None:
        books.commit(drafts.next(moves))

    return post, books.close


async def open_joined(dsn: str, name: str) -> tuple[JointPoster, Callable[[], Awaitable[None]]]:
    """As :func:`open_ours`, for workers that are coroutines: what waits at a moment is written together."""
    books = JoinedBooks(dsn)
    await books.open_accounts(accounts())
    drafts = _Drafts(f"{name}-joined")

    async def post(moves: Sequence[Transfer]) -> None:
        await books.commit(drafts.next(moves))

    return post, books.close


class _Drafts:
    """The writes of one worker or team, each with a key and a date of its own."""

    def __init__(self, name: str) -> None:
        self._name, self._numbers = name, count()

    def next(self, moves: Sequence[Transfer]) -> Write:
        """The next write, of these."""
        begun = next(self._numbers)
        return write(f"{self._name}-{begun}", moves, NOW + timedelta(seconds=begun * BATCH_SECONDS))


def _settle(dsn: str) -> None:
    """What a running server has: statistics, as if it had not been filled a moment ago."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")


def _entry(entry_id: str, at: datetime, one: Transfer) -> Entry:
    debit, credit = Posting(code(one.giver), sats(one.units)), Posting(code(one.taker), sats(-one.units))
    return Entry(entry_id, at, "Transfer", "list", (debit, credit))


def _coin() -> Write:
    """A coin of a vault that lies deep enough, with its paper."""
    events: list[CoinEvent] = []
    before = f"{0:064x}"
    for height in range(1, DEPTH + 1):
        this = f"{height:064x}"
        events.append(block_connected(height, this, before))
        if height == 1:
            coin = WatchedCoin(f"{1:064x}:0", "cold", 0, 0, COIN_SATS, "0014" + "00" * 20, 1, this, is_coinbase=False)
            events.append(coin_created(coin))
        before = this
    paper = Record("coin paper", coin.outpoint, {"state": "kept", "hold_until": ""})
    return Write("coin", "watcher", "follow", OPENING_AT, (), (paper,), tuple(events))

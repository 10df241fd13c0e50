"""A process that writes until its database is gone: ``python kill_writer.py DSN NUMBER LOG``.

A line on its standard input is the number of the write to go on from. Into the log it notes each write before it is
sent and after it was acknowledged, and every head of the chain that it was told: what is noted outlives a SIGKILL.
"""

from __future__ import annotations

import os
import sys
from contextlib import closing

import numpy as np

from books_bench import START, receipt
from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.adapters.postgres.sealer import Sealer
from zakhira.flows.ports.books import Record, Write
from zakhira.flows.ports.books_errors import DatabaseUnreachable
from zakhira.flows.ports.coin_events import WatchedCoin, block_connected, coin_created
from zakhira.kernel.money import Amount, Commodity
from zakhira.ledger.entry import Entry, Posting
from zakhira.programme.model import AccountSpec

POOL = "income:pool"
PEOPLE = tuple(f"liabilities:participants:p-{number:06d}:PKR" for number in range(1, 31))
COIN_POOL = "equity:pool"
HOLDERS = tuple(f"liabilities:participants:p-{number:06d}:BTC" for number in range(1, 11))
KILL_ACCOUNTS = (
    AccountSpec(POOL, "PKR", "income"),
    *(AccountSpec(code, "PKR", "liability") for code in PEOPLE),
    AccountSpec(COIN_POOL, "BTC", "equity"),
    *(AccountSpec(code, "BTC", "liability") for code in HOLDERS),
)
DEPTH = 6
"""Blocks after which the database counts a coin as proven."""
COIN_SATS = 10**12
BATCH = 25
"""Entries of a batch: it spans several pages of several tables."""
LOOK_EVERY = 5
"""After so many writes the writer asks for the head of the chain."""
OPENING_PAISA = 10**12
MANY = 1_000_000
"""Numbers of one writer; the next one's begin there."""


def opening() -> Write:
    """What the participants have before anybody writes, and the coin that stands behind the claims to come."""
    entries = tuple(_entry(f"opening-{code}", POOL, code, OPENING_PAISA) for code in PEOPLE)
    hashes = [f"{height:064x}" for height in range(DEPTH + 1)]
    blocks = [block_connected(height, hashes[height], hashes[height - 1]) for height in range(1, DEPTH + 1)]
    coin = WatchedCoin(f"{1:064x}:0", "cold", 0, 0, COIN_SATS, "0014" + "00" * 20, 1, hashes[1], is_coinbase=False)
    paper = Record("coin paper", coin.outpoint, {"state": "kept", "hold_until": ""})
    events = (blocks[0], coin_created(coin), *blocks[1:])
    return Write("opening", "clerk", "open", START, entries, (paper,), events)


def made(writer: int, number: int) -> Write:
    """The write of that number, always the same: a batch, a coin, a record, a credit in coin, or a transfer."""
    rng = np.random.default_rng([writer, number])
    key = f"{writer}-{number}"
    # Accounts are shared by all writers; the record of a writer gets a version more.
    records = (Record("state", f"writer-{writer}", {"number": number}),)
    kind = number % 6
    if kind == 0:
        return Write(
            key, "clerk", "pay all", START, tuple(_drawn(rng, f"{key}-{one}") for one in range(BATCH)), records
        )
    if kind == 1:
        return Write(key, "watcher", "receive", START, (receipt(writer * MANY + number),), records)
    if kind == 2:
        return Write(key, "dispatcher", "set", START, (), records)
    if kind == 3:  # raises the claims in coin, under the lock of what stands behind them
        credit = _entry(
            key, COIN_POOL, HOLDERS[int(rng.integers(len(HOLDERS)))], int(rng.integers(1, 1_000)), Commodity.BTC
        )
        return Write(key, "clerk", "credit", START, (credit,))
    return Write(key, "clerk", "pay", START, (_drawn(rng, key),))


def _drawn(rng: np.random.Generator, entry_id: str) -> Entry:
    giver, taker = (int(place) for place in rng.choice(len(PEOPLE), 2, replace=False))
    source = POOL if rng.random() < 0.2 else PEOPLE[giver]
    return _entry(entry_id, source, PEOPLE[taker], int(rng.integers(1, 1_000)))


def _entry(entry_id: str, giver: str, taker: str, units: int, commodity: Commodity = Commodity.PKR) -> Entry:
    amount = Amount(units, commodity)
    return Entry(entry_id, START, "Transfer", "list", (Posting(giver, amount), Posting(taker, -amount)))


def _say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def main(dsn: str, writer: int, log: str) -> None:
    """Write whenever told to, until the database is gone."""
    line = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    with closing(PostgresBooks(dsn, Sealer(dsn))) as books:
        _say("ready")
        for told in sys.stdin:
            number = int(told)
            try:
                while True:
                    os.write(line, b"try %d\n" % number)
                    done = books.commit(made(writer, number))
                    os.write(line, f"ack {number} {done.leaf_hash}\n".encode())
                    if number % LOOK_EVERY == 0:
                        head = books.chain_head()
                        os.write(line, f"head {head.position} {head.hash}\n".encode())
                    number += 1
            except DatabaseUnreachable:
                _say("gone")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])

"""Our ledger against one of pgledger's design, in one run on one embedded PostgreSQL with fsync on.

    python benchmarks/ledger_race.py [--seconds S] [--rounds N] [--filled N]

Both get the same pairs of accounts and the same amounts from a seed: transfers among 10,000 participants, a tenth of
them credits from a pool, which is therefore an account that everybody is after. Each side works in the way that is
best for it; all of ours has balances, floors, idempotency, backing and the audit chain on.

A ledger gets slower as it grows, and within seconds the faster one is much the larger. So both begin with the same
past: a million transfers, unless it is told otherwise, and a checkpoint behind them, so that files of the log are
written over, as on a server that has been up for a while. It has huge pages for its buffers where they can be reserved,
which takes root, as a server does that has a machine for itself (``huge_pages`` in the last line).

``batch``: 1,000 transfers in a transaction. The peer sends its 1,000 calls in one pipeline over one connection: it
locks accounts call by call, so that two such transactions of it deadlock. Ours locks them in one order and has two
workers, each a process with a connection (``PostgresBooks.commit``); ``batch_1`` is ours with one.
``single_8``: one transfer in a transaction for each of eight workers, who wait until it is safe on disk before they
send the next. The peer's are eight processes. Ours are eight coroutines of one process, as those of a service are
(``JoinedBooks``); ``single_8_apart`` is ours as eight processes, which cannot share a transaction.

Each of our processes has its sealer, with a connection of its own, and a round ends when all that it wrote is sealed.
Rounds alternate, ours and the peer's, so that a machine that slows down does so for both; what ours does in its less
good way is measured behind them. Each figure is the median, each ratio that of the medians. The last line is one JSON
object.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path
from typing import NamedTuple

import psycopg

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import ledger_ours, ledger_peer
from benchmarks.huge_pages import told_of
from benchmarks.ledger_work import SEED, JointOpener, Load, Opener, measure

from zakhira.adapters.postgres.server import EmbeddedServer

SECONDS = 8.0
FILLED = 1_000_000
"""Transfers of the past."""
ROUNDS = 3
OTHER_WAY = {"batch": "batch_1", "single_8": "single_8_apart"}
"""The races, and what ours is called there when it runs in its less good way."""
WARM_UP = 1
"""Rounds of each that do not count: what is read once is read, plans are made."""
OURS, PEER, APART = "ours", "peer", "ours apart"


class Runner(NamedTuple):
    """One side of a race: its database, how a worker opens it, and how many workers there are in which way."""

    database: str
    opener: Opener | JointOpener
    load: Load


def runners(name: str, seconds: float) -> dict[str, Runner]:
    """Who runs a race, by name."""
    ours, peer = (ledger_ours.DATABASE, ledger_ours.open_ours), (ledger_peer.DATABASE, ledger_peer.open_peer)
    if name == "batch":
        return {
            OURS: Runner(*ours, Load(2, 1_000, seconds)),
            PEER: Runner(*peer, Load(1, 1_000, seconds)),
            APART: Runner(*ours, Load(1, 1_000, seconds)),
        }
    return {
        OURS: Runner(ledger_ours.DATABASE, ledger_ours.open_joined, Load(8, 1, seconds, are_joined=True)),
        PEER: Runner(*peer, Load(8, 1, seconds)),
        APART: Runner(*ours, Load(8, 1, seconds)),
    }


def race(server: EmbeddedServer, name: str, seconds: float, rounds: int) -> dict[str, float]:
    """Transfers per second of all, and the ratio of ours to the peer's."""
    sides = runners(name, seconds)
    rates: dict[str, list[float]] = {side: [] for side in sides}
    for together in ((OURS, PEER), (APART,)):
        for turn in range(WARM_UP + rounds):
            for side in together if turn % 2 else reversed(together):
                database, opener, load = sides[side]
                rates[side].append(measure(server.ensure_database(database), opener, load, SEED + turn))
    middle = {side: statistics.median(found[WARM_UP:]) for side, found in rates.items()}
    for side, found in rates.items():
        print(f"{name:<10} {side:<10} {middle[side]:>9,.0f}/s (rounds {', '.join(f'{rate:,.0f}' for rate in found)})")
    print(f"{name:<10} ratio {middle[OURS] / middle[PEER]:.2f}", flush=True)
    return {
        f"ratio_{name}": round(middle[OURS] / middle[PEER], 3),
        f"ours_{name}_per_s": round(middle[OURS]),
        f"peer_{name}_per_s": round(middle[PEER]),
        f"ours_{OTHER_WAY[name]}_per_s": round(middle[APART]),
    }


def main() -> int:
    """Make both ledgers, fill them alike and let them race."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="length of a round")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="rounds of each that count")
    parser.add_argument("--filled", type=int, default=FILLED, help="transfers that both hold before they race")
    asked = parser.parse_args()
    figures: dict[str, float | str] = {"benchmark": "ledger_race", "filled": asked.filled}
    with ledger_peer.embedded() as server:
        figures["huge_pages"] = told_of(server.dsn())
        ours, peer = (server.ensure_database(name) for name in (ledger_ours.DATABASE, ledger_peer.DATABASE))
        ledger_ours.install(ours)
        ledger_peer.install(peer)
        ledger_ours.fill(ours, asked.filled)
        ledger_peer.fill(peer, asked.filled)
        with psycopg.connect(server.dsn(), autocommit=True) as connection:
            connection.execute("CHECKPOINT")
        before = ledger_peer.bytes_of(peer, "peer")
        for name in OTHER_WAY:
            figures |= race(server, name, asked.seconds, asked.rounds)
        grown = ledger_peer.bytes_of(peer, "peer") - before
        posted = ledger_peer.count_transfers(peer) - asked.filled
        figures["peer_bytes_per_transfer"] = round(grown / posted)
        ledger_ours.require_whole(ours)
    print(f"the peer takes {figures['peer_bytes_per_transfer']} bytes per transfer (pgledger itself 743)")
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())

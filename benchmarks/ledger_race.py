"""Our ledger against one of pgledger's design, in one run on one embedded PostgreSQL with fsync on.

    python benchmarks/ledger_race.py [--seconds S] [--rounds N]

Both get the same pairs of accounts and the same amounts from a seed: transfers among 10,000 participants, a tenth of
them credits from a pool, which is therefore an account that everybody is after. ``batch``: 1,000 transfers in a
transaction, one connection each (pgledger locks accounts call by call, so that two such transactions of it would
deadlock); the peer sends its 1,000 calls in one pipeline. ``single_8``: one transfer in a transaction, eight workers.
Each worker is a process. Ours goes through ``PostgresBooks.commit`` with balances, floors, idempotency, backing and the
audit chain on; each of our workers has its sealer, as every process of ours has, with a connection of its own, and a
round ends when all that it wrote is sealed. Rounds alternate, ours and the peer's, so that a machine that slows down
does so for both; each figure is the median, each ratio that of the medians. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import ledger_ours, ledger_peer
from benchmarks.ledger_work import SEED, Load, Opener, measure

SECONDS = 8.0
ROUNDS = 3
LOADS = {"batch": (1, 1_000), "single_8": (8, 1)}
"""Workers and transfers per transaction."""
WARM_UP = 1
"""Rounds of each that do not count: what is read once is read, plans are made."""
OURS, PEER = "ours", "peer"


def race(dsn: dict[str, str], name: str, seconds: float, rounds: int) -> dict[str, float]:
    """Transfers per second of both, and their ratio."""
    workers, per_commit = LOADS[name]
    load = Load(workers, per_commit, seconds)
    openers: dict[str, Opener] = {OURS: ledger_ours.open_ours, PEER: ledger_peer.open_peer}
    rates: dict[str, list[float]] = {OURS: [], PEER: []}
    for turn in range(WARM_UP + rounds):
        for side in (OURS, PEER) if turn % 2 else (PEER, OURS):
            rates[side].append(measure(dsn[side], openers[side], load, SEED + turn))
    middle = {side: statistics.median(found[WARM_UP:]) for side, found in rates.items()}
    for side, found in rates.items():
        print(f"{name:<10} {side}: {middle[side]:>9,.0f}/s (rounds {', '.join(f'{rate:,.0f}' for rate in found)})")
    print(f"{name:<10} ratio {middle[OURS] / middle[PEER]:.2f}", flush=True)
    return {
        f"ratio_{name}": round(middle[OURS] / middle[PEER], 3),
        f"ours_{name}_per_s": round(middle[OURS]),
        f"peer_{name}_per_s": round(middle[PEER]),
    }


def main() -> int:
    """Fill both ledgers and let them race."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="length of a round")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="rounds of each that count")
    asked = parser.parse_args()
    figures: dict[str, float | str] = {"benchmark": "ledger_race"}
    with ledger_peer.embedded() as server:
        dsn = {OURS: server.ensure_database(ledger_ours.DATABASE), PEER: server.ensure_database(ledger_peer.DATABASE)}
        ledger_ours.install(dsn[OURS])
        ledger_peer.install(dsn[PEER])
        before = ledger_peer.bytes_of(dsn[PEER], "peer")
        for name in LOADS:
            figures |= race(dsn, name, asked.seconds, asked.rounds)
        grown = ledger_peer.bytes_of(dsn[PEER], "peer") - before
        figures["peer_bytes_per_transfer"] = round(grown / ledger_peer.count_transfers(dsn[PEER]))
        ledger_ours.require_whole(dsn[OURS])
    print(f"the peer takes {figures['peer_bytes_per_transfer']} bytes per transfer (pgledger itself 743)")
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())

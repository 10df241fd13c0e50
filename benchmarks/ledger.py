"""The ledger against its targets: a ledger of pgledger's design in the same run, and its own size and speed.

    python benchmarks/ledger.py [--postings N] [--folder DIR] [--seconds S] [--quick]

Each part is a script of its own beside this one, in a process of its own: ``ledger_peer`` (does the peer reach
pgledger's own figures here?), ``ledger_race`` (ours and the peer's on one server, alternating), ``ledger_volume``
(bytes, questions and the full verification; 20 million postings unless it is told otherwise, and with ``--folder`` it
goes on where it was ended, up to 100 million). ``--quick`` leaves the volume out. Every part uses the embedded
PostgreSQL with fsync on. The exit code is 1 if a target is missed; the last line is one JSON object of all figures.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.benchmark_parts import run_part
from benchmarks.ledger_peer import BUSY
from benchmarks.ledger_volume import POSTINGS

AT_LEAST = {
    "ratio_batch": 8.0,
    "ratio_single_8": 1.0,
    "peer_batch_per_s": float(BUSY),
    "verify_per_s": 500_000.0,
}
"""Ours as a part of the peer's transfers per second; the peer's own, or the machine is too busy to say; postings."""
AT_MOST = {
    "current_ms": 5.0,
    "as_of_ms": 50.0,
    "as_of_pool_ms": 50.0,
    "statement_s": 5.0,
    "bytes_per_transfer": 743.0,
}
"""Balances (95 of 100 questions), a month's statements of 10,000 accounts, and pgledger's own bytes."""


def main() -> int:
    """Run all parts and print every figure beside its target."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--postings", type=int, default=POSTINGS, help="how far the volume is loaded")
    parser.add_argument("--folder", default="", help="where the volume's data stays, to go on with later")
    parser.add_argument("--seconds", default="8", help="length of a round of the race")
    parser.add_argument("--quick", action="store_true", help="without the volume")
    asked = parser.parse_args()
    figures: dict[str, float | str] = {"benchmark": "ledger"}
    figures |= {f"peer_alone_{name}": value for name, value in run_part("ledger_peer").items()}
    figures |= run_part("ledger_race", "--seconds", asked.seconds)
    if not asked.quick:
        folder = ("--folder", asked.folder) if asked.folder else ()
        figures |= run_part("ledger_volume", "--postings", str(asked.postings), *folder)
        figures["bytes_per_transfer"] = 2 * float(figures["bytes_per_posting"])
    missed = []
    for targets, word in ((AT_MOST, "at most"), (AT_LEAST, "at least")):
        for name, target in targets.items():
            if name not in figures:
                continue
            found = float(figures[name])
            if found > target if targets is AT_MOST else found < target:
                missed.append(name)
            print(f"{name:<20} {found:>12,g}, {word} {target:,g}{'  MISSED' if name in missed else ''}")
    if missed:
        print(f"missed: {', '.join(missed)}")
    print(json.dumps(figures))
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())

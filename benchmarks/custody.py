"""Custody against its targets: a payout, the watcher, and the choice among 100,000 coins, one after the other.

    python benchmarks/custody.py [--quick]

Each part is a script of its own beside this one, in a process of its own, with a real bitcoind and a real PostgreSQL
(fsync on). ``--quick`` leaves the watcher's thousand blocks out. The last line is one JSON object of all figures.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.benchmark_parts import run_part

PARTS = ("custody_payout", "custody_select", "custody_watch")
TARGETS = {"payout_s": 10.0, "watch_s": 30.0, "foreign_block_s": 1.0, "status_100k_s": 1.0, "select_100k_s": 2.0}
"""Seconds at most; of what the scripts print, the figures that the project promises."""


def main() -> int:
    """Run all parts and print every figure."""
    figures: dict[str, float | str] = {"benchmark": "custody"}
    for name in PARTS[:2] if "--quick" in sys.argv else PARTS:
        figures |= run_part(name)
    for name, target in TARGETS.items():
        if name in figures:
            print(f"{name:<18} {figures[name]:>8} s of {target:g} s allowed")
    print(json.dumps(figures))
    return int(any(float(figures.get(name, 0.0)) > target for name, target in TARGETS.items()))


if __name__ == "__main__":
    sys.exit(main())

"""Controls against their targets: a decision, a simulation, the audit chain, and the watchtower's alarm.

    python benchmarks/controls.py [--quick]

Each part is a script of its own beside this one, in a process of its own. ``--quick`` leaves the watchtower and its
50,000 foreign transactions out. The last line is one JSON object of all figures.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.benchmark_parts import run_part

PARTS = ("controls_decision", "controls_desk", "controls_simulate", "controls_audit", "controls_alarm")
AT_MOST = {"decision_ms": 20.0, "desk_decision_ms": 100.0, "simulate_s": 30.0, "alarm_s": 2.0, "alarm_block_s": 5.0}
AT_LEAST = {"audit_per_s": 200_000.0, "chain_cost": 0.8}
"""``chain_cost`` is the share of the throughput of eight writers that is kept with the chain on."""


def main() -> int:
    """Run all parts and print every figure beside its target."""
    figures: dict[str, float | str] = {"benchmark": "controls"}
    for name in PARTS[:-1] if "--quick" in sys.argv else PARTS:
        figures |= run_part(name)
    missed = False
    for targets, word in ((AT_MOST, "at most"), (AT_LEAST, "at least")):
        for name, target in targets.items():
            if name in figures:
                found = float(figures[name])
                missed |= found > target if targets is AT_MOST else found < target
                print(f"{name:<18} {found:>12g}, {word} {target:g}")
    print(json.dumps(figures))
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())

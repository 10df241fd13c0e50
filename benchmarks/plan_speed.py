"""How fast the plan of a programme is: against the two seconds allowed, and against one plain linear programme.

    python benchmarks/plan_speed.py [PROGRAMME] [--peer-hours N]

The peer is the same problem as one linear programme over all hours, by the same solver. It takes minutes on a year, so
both methods are timed on the first N hours as well. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from zakhira.adapters.highs import HighsSolver
from zakhira.adapters.programme_folder import load_programme
from zakhira.kernel.interval import HourRange
from zakhira.planning.full_model import solve_full
from zakhira.planning.plan import plan_allocation

Result = TypeVar("Result")
LIMIT_S = 2.0
ROUNDS = 3


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Time the plan of a programme.")
    root = Path(__file__).resolve().parents[1]
    parser.add_argument("programme", nargs="?", type=Path, default=root / "programmes" / "pakistan-2000mw")
    parser.add_argument("--peer-hours", type=int, default=336)
    arguments = parser.parse_args()
    programme, series = load_programme(arguments.programme)
    solver = HighsSolver()
    year_s, plan = min(
        (_timed(lambda: plan_allocation(programme, series, solver)) for _ in range(ROUNDS)), key=lambda pair: pair[0]
    )
    hours = min(arguments.peer_hours, series.hours.count)
    part = series.window(HourRange(series.hours.start, hours))
    part_s, part_plan = _timed(lambda: plan_allocation(programme, part, solver))
    peer_s, peer = _timed(lambda: solve_full(programme, part, solver))
    command_s = min(_command_s(arguments.programme) for _ in range(ROUNDS))
    print(f"{programme.name}: {len(programme.zones)} zones, {series.hours.count} hours")
    rounds, gap = plan.certificate.rounds, plan.certificate.gap_share
    print(f"plan in process          {year_s:8.3f} s, {rounds} rounds, gap {gap:.1e}")
    print(f"zakhira plan, all told   {command_s:8.3f} s of {LIMIT_S:.1f} s allowed")
    print(f"{hours} hours: plan {part_s:.3f} s, one plain programme {peer_s:.3f} s: {peer_s / part_s:.1f} times")
    figures = {
        "benchmark": "plan_speed",
        "hours": series.hours.count,
        "plan_s": round(year_s, 4),
        "command_s": round(command_s, 4),
        "command_limit_s": LIMIT_S,
        "gap_share": plan.certificate.gap_share,
        "part_hours": hours,
        "part_plan_s": round(part_s, 4),
        "part_peer_s": round(peer_s, 4),
        "ratio": round(peer_s / part_s, 2),
        "part_upper_usd": part_plan.certificate.upper_bound_usd,
        "part_peer_usd": peer.value_usd,
    }
    print(json.dumps(figures))
    return 0 if command_s <= LIMIT_S else 1


def _timed(work: Callable[[], Result]) -> tuple[float, Result]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def _command_s(programme: Path) -> float:
    start = time.perf_counter()
    program = Path(sys.executable).with_name("zakhira")
    subprocess.run([str(program), "plan", str(programme), "--json"], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())

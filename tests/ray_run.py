"""A plan on Ray whose every meeting takes a while, to be interrupted or killed. Argument: a file to log meetings in."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from ray_drill import DrilledEngine, SlowYear, as_kind, build_case
from zakhira.adapters.highs import HighsSolver
from zakhira.adapters.ray_engine import ray_engine
from zakhira.planning.plan import plan_allocation


def say(text: str) -> None:
    """Write a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> None:
    """Say that it runs, and how it ended."""
    case, log = build_case(), Path(sys.argv[1])

    def tell(rounds: int, lower_usd: float, upper_usd: float) -> None:
        say(f"round {rounds} {lower_usd} {upper_usd}")

    with ray_engine(2) as engine:
        slow = DrilledEngine(engine, lambda name, part: as_kind(part, SlowYear, name=name, most_seconds=0.2, log=log))
        request = replace(case.request, engine=slow, stop_share=1e-9)
        plan = plan_allocation(case.programme, case.series[0], HighsSolver(), tell, request=request)
        say(f"{'interrupted' if plan.certificate.interrupted else 'ended'} {plan.certificate.gap_share}")


if __name__ == "__main__":
    main()

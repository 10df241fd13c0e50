"""Plans of the sample programme over scenarios: seconds, gap and peak memory as they grow, and with a year each.

Every case runs in a process of its own, so that its memory is its own; the clock runs from series and scenarios in
memory to the plan. The last line is one JSON object; "ratio_elastic" compares the elastic answer with the share's.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

# One thread for numerical libraries, before NumPy loads them.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np

from zakhira.adapters.highs import HighsSolver
from zakhira.adapters.programme_folder import load_programme
from zakhira.adapters.surplus_years import load_surplus_years
from zakhira.kernel.ids import seeded_rng
from zakhira.planning.master import close_bounds, master_of
from zakhira.planning.merit import merit_of
from zakhira.planning.network_answer import network_answer
from zakhira.planning.outlook import Outlook
from zakhira.planning.outlook_draw import draw_outlook, shape_of, year_weights
from zakhira.planning.outlook_oracle import OutlookOracle, OutlookYear, Risk, outlook_oracle, rents_of
from zakhira.planning.outlook_year import SIDE_BY_SIDE, YearOfSurplus, most_hashes_per_hour, year_of_surplus
from zakhira.planning.problem import AllocationProblem, build_problem, supplies_of
from zakhira.planning.sweep import LocalEngine
from zakhira.programme.model import Programme
from zakhira.programme.series import Series

FOLDER = Path(__file__).resolve().parents[1] / "programmes" / "pakistan-2000mw"
SEED = 7
RISK = Risk(weight=0.5, tail_share=0.05)
CURVE = (10, 30, 100, 300, 1000, 3000, 10000)
SHARED_GAP, OWN_GAP = 1e-5, 1e-4
HEADLINE = 1000


def drawn(programme: Programme, count: int) -> Outlook:
    """Scenarios out of the programme's own figures."""
    epochs, phases = shape_of(programme)
    return draw_outlook(programme, epochs, phases, year_weights(programme), count, seeded_rng(SEED, "outlook"))


def shared_years(count: int, response: str) -> dict[str, float]:
    """Scenarios over the sample's ten years of surplus."""
    programme, series = load_programme(FOLDER)
    years = load_surplus_years(FOLDER, programme, series)
    outlook = drawn(programme, count)
    started = time.perf_counter()
    problem = replace(build_problem(programme, series, outlook, years[1:]), response=response)
    oracle = outlook_oracle(problem, RISK)
    return closed(problem, oracle, SHARED_GAP, started)


def own_years(count: int, response: str) -> dict[str, float]:
    """Scenarios with a year of surplus each: the reference with weather of its own. Each year is made and let go."""
    programme, series = load_programme(FOLDER)
    outlook = replace(drawn(programme, count), surplus_year=np.arange(count))
    problem = replace(build_problem(programme, series, outlook), response=response)
    year = problem.years[0]
    answer = network_answer(outlook, year.phase, year.epochs, response, problem.elasticity)
    merit = merit_of(problem, year)
    most = most_hashes_per_hour(problem, merit)
    worths = tuple(problem.worths[position] for position in year.classes)
    started = time.perf_counter()
    parts: list[YearOfSurplus] = []
    for first in range(0, count, SIDE_BY_SIDE):
        batch = tuple(range(first, min(first + SIDE_BY_SIDE, count)))
        supplies = tuple(supplies_of(programme, with_weather(series, number), worths) for number in batch)
        parts.append(year_of_surplus(problem, year, batch, supplies, answer, merit, most))
    scenarios = tuple(part.scenarios for part in parts)
    scale = year.weight * problem.year_scale
    sweep = LocalEngine().sweep(tuple(parts))
    oracle = OutlookOracle(problem, RISK, (OutlookYear(year, sweep, scenarios, scale),), rents_of(problem))
    return closed(problem, oracle, OWN_GAP, started)


def with_weather(series: Series, number: int) -> Series:
    """Another year: each zone's surplus times a level of the year and a factor for each day [E]."""
    rng = seeded_rng(SEED, f"weather-{number}")
    zones, hours, _ = series.surplus_mw.shape
    level = np.exp(rng.normal(0.0, 0.15, (zones, 1)))
    days = np.exp(rng.normal(0.0, 0.25, (zones, -(-hours // 24))))
    factor = level * np.repeat(days, 24, axis=1)[:, :hours]
    return replace(series, surplus_mw=series.surplus_mw * factor[:, :, None])


def closed(problem: AllocationProblem, oracle: OutlookOracle, stop_share: float, started: float) -> dict[str, float]:
    """Close the bounds and tell what it took."""
    bounds = close_bounds(master_of(problem, (oracle,)), HighsSolver(), None, stop_share, stabilised=True)
    return {
        "scenarios": problem.outlook.count,
        "seconds": time.perf_counter() - started,
        "gap": bounds.gap_share,
        "rounds": bounds.rounds,
        "value_musd": bounds.best.value_usd / 1e6,
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
    }


def measured(kind: str, count: int, response: str) -> dict[str, float]:
    """One case in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, kind, str(count), response], check=True, capture_output=True, text=True
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    what = f"{kind:>6} {response:>8} {found['scenarios']:>6.0f} scenarios"
    took = f"{found['seconds']:>8.2f} s  gap {found['gap']:.1e}  {found['rounds']:>3.0f} rounds"
    print(f"{what} {took}  {found['peak_gb']:.2f} GB", flush=True)
    return found


def main() -> None:
    """All cases, and the figures as one object."""
    curve = [measured("shared", count, "share") for count in CURVE]
    elastic = measured("shared", HEADLINE, "elastic")
    own = measured("own", HEADLINE, "share")
    share = next(found for found in curve if found["scenarios"] == HEADLINE)
    figures = {
        **share,
        "curve": [[found["scenarios"], round(found["seconds"], 3), found["gap"]] for found in curve],
        "seconds_10000": curve[-1]["seconds"],
        "gap_10000": curve[-1]["gap"],
        "peak_gb_10000": curve[-1]["peak_gb"],
        "seconds_own_year": own["seconds"],
        "gap_own_year": own["gap"],
        "peak_gb_own_year": own["peak_gb"],
        "seconds_elastic": elastic["seconds"],
        "gap_elastic": elastic["gap"],
        "ratio_elastic": elastic["seconds"] / share["seconds"],
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        run = {"shared": shared_years, "own": own_years}[sys.argv[1]]
        print(json.dumps(run(int(sys.argv[2]), sys.argv[3])))
    else:
        main()

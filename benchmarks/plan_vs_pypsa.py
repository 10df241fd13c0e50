"""How much faster the allocation is than PyPSA with HiGHS on the same instances, and how far the answers are apart.

    python benchmarks/plan_vs_pypsa.py [--quick] [--options fastest|all] [--cases separable,derated,coupled,coupled_dry]

Both clocks run from arrays in memory to the answer; loading PyPSA does not count, building its model does. Ours is the
median of five runs, PyPSA's one run each with the option of HiGHS that was fastest here (``all`` tries every option and
takes the fastest). ``--quick`` takes shorter horizons, to see that it works. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path

# One thread for numerical libraries, before NumPy loads them: two take twice the processor's time for nothing.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.plan_instances import YEAR_HOURS, Instance, coupled, derated, separable
from benchmarks.pypsa_peer import FASTEST, OPTIONS, PypsaAnswer, pypsa_answer

from zakhira.adapters.highs import HighsSolver
from zakhira.planning.coupled.solve import solve_coupled
from zakhira.planning.limits import USD_PER_MUSD, Limit
from zakhira.planning.master import Master, close_bounds
from zakhira.planning.oracle import ValueOracle
from zakhira.planning.zone_oracle import PriceTakerZone, oracles_of_zone

RUNS = 5
GAP_SEPARABLE, GAP_COUPLED, GAP_YEAR = 1e-9, 1e-5, 5e-5
QUICK_HOURS = 336


@dataclass(frozen=True)
class Ours:
    """Our answer: bounds in USD a year, and the median of the seconds."""

    lower_usd: float
    upper_usd: float
    seconds: float

    @property
    def gap(self) -> float:
        """The bounds' distance relative to the upper one."""
        return (self.upper_usd - self.lower_usd) / abs(self.upper_usd)


def by_cuts(instance: Instance) -> tuple[float, float]:
    """Bounds by cutting planes, for instances whose hours stand alone."""
    zone, kind = np.divmod(np.arange(instance.zones * instance.classes), instance.classes)
    oracles: list[ValueOracle] = []
    for number in range(instance.zones):
        columns = np.flatnonzero(zone == number)
        hours = PriceTakerZone(
            power_mw=instance.surplus_mw[number].T,
            cost_usd_per_mwh=instance.cost_usd_per_mwh[number].T,
            run_share=instance.run_share[number],
            values_usd_per_mwh=instance.value_usd_per_mwh,
            columns=columns,
            classes=kind[columns],
            count=len(zone),
            scale=instance.year_scale / USD_PER_MUSD,
        )
        oracles.extend(oracles_of_zone(hours))
    capital = instance.capital_usd_per_mw[kind] / USD_PER_MUSD
    limits = (
        Limit("cap", "the cap", "MW", instance.cap_mw, np.ones(len(zone))),
        Limit("budget", "the budget", "million USD", instance.budget_usd / USD_PER_MUSD, capital),
    )
    master = Master(-instance.charge_usd_per_mw[kind], limits, tuple(oracles))
    bounds = close_bounds(master, HighsSolver(), None, GAP_SEPARABLE)
    return bounds.best.value_usd, bounds.upper_usd


def by_interior_point(instance: Instance, stop_gap: float) -> tuple[float, float]:
    """Bounds by the structured interior point, for hours that lines and batteries couple."""
    answer = solve_coupled(instance.coupled_problem(), HighsSolver(), stop_gap)
    return answer.lower_usd, answer.upper_usd


def ours(instance: Instance, runs: int = RUNS, stop_gap: float = GAP_COUPLED) -> Ours:
    """Solve several times."""
    seconds = []
    for _ in range(runs):
        started = time.perf_counter()
        joined = instance.links or instance.batteries
        lower, upper = by_interior_point(instance, stop_gap) if joined else by_cuts(instance)
        seconds.append(time.perf_counter() - started)
    found = Ours(lower, upper, statistics.median(seconds))
    print(f"{instance.name:<24} {instance.hours:>5} h  ours  {found.seconds:9.4f} s  gap {found.gap:.1e}", flush=True)
    return found


def peer(instance: Instance, *, every_option: bool) -> PypsaAnswer:
    """PyPSA's answer by its fastest option."""
    kind = instance.name.partition(",")[0]
    answers = {name: pypsa_answer(instance, name) for name in (OPTIONS if every_option else (FASTEST[kind],))}
    for name, answer in answers.items():
        what = f"{instance.name:<24} {instance.hours:>5} h  PyPSA"
        print(f"{what} {answer.seconds:9.2f} s  {answer.peak_gb:.2f} GB  {name}", flush=True)
    return min(answers.values(), key=lambda answer: answer.seconds)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Time the plan against PyPSA.")
    parser.add_argument("--quick", action="store_true", help="two weeks in place of a year and a quarter")
    parser.add_argument("--options", choices=("fastest", "all"), default="fastest")
    parser.add_argument("--cases", default="separable,derated,coupled,coupled_dry", help="which, with commas between")
    arguments = parser.parse_args()
    year = QUICK_HOURS if arguments.quick else YEAR_HOURS
    quarter = QUICK_HOURS if arguments.quick else YEAR_HOURS // 4
    figures: dict[str, float | str] = {"benchmark": "plan_vs_pypsa"}
    differences = []
    instances = {
        "separable": separable(hours=year),
        "derated": derated(hours=year),
        "coupled": coupled(hours=quarter),
        "coupled_dry": coupled(hours=quarter, dry=True),
    }
    for name in arguments.cases.split(","):
        instance = instances[name]
        mine, theirs = ours(instance), peer(instance, every_option=arguments.options == "all")
        off = max(mine.lower_usd - theirs.objective_usd, theirs.objective_usd - mine.upper_usd, 0.0)
        differences.append(off / abs(theirs.objective_usd))
        figures[f"ratio_{name}"] = theirs.seconds / mine.seconds
        figures[f"seconds_{name}"] = mine.seconds
        figures[f"pypsa_seconds_{name}"] = theirs.seconds
        figures[f"pypsa_gb_{name}"] = theirs.peak_gb
        figures[f"gap_{name}"] = mine.gap
        figures[f"objective_rel_diff_{name}"] = abs(mine.lower_usd / theirs.objective_usd - 1.0)
        print(
            f"{name}: {theirs.seconds / mine.seconds:,.0f} times as fast, answers {differences[-1]:.1e} apart",
            flush=True,
        )
    whole = ours(coupled(hours=year), runs=1, stop_gap=GAP_YEAR)
    figures["seconds_coupled_year"], figures["gap_coupled_year"] = whole.seconds, whole.gap
    exact = [figures.get(f"objective_rel_diff_{name}", 0.0) for name in ("separable", "derated")]
    figures["objective_rel_diff"] = max(float(value) for value in exact)
    figures["outside_bounds_share"] = max(differences)
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The allocation as one plain linear programme over all hours: slow, and the reference for the quick method.

Columns: MW of each (site, class); then for every zone and hour the MW used by each class and taken from each block.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from zakhira.planning.master import require_optimal
from zakhira.planning.problem import USD_PER_MUSD, AllocationProblem, build_problem
from zakhira.planning.solver import LinearProgram, LinearSolver, rows_of
from zakhira.programme.model import Programme
from zakhira.programme.series import Floats, Series

Entry = tuple[float, float, list[tuple[int, float]]]


@dataclass(frozen=True)
class FullAnswer:
    """The optimal value in USD a year and MW [column]."""

    value_usd: float
    power_mw: Floats


def solve_full(programme: Programme, series: Series, solver: LinearSolver) -> FullAnswer:
    """Solve the whole linear programme at once; the relaxation where a fleet would pay more than a hall saves.

    Raises:
        PlanInfeasible, PlanUnbounded: the solver's answer; or the errors of ``build_problem`` and the solver.
    """
    problem = build_problem(programme, series)
    count = len(problem.columns)
    objective = [problem.worths[column.worth].base_usd_per_mw / USD_PER_MUSD for column in problem.columns]
    upper = [math.inf] * count
    entries: list[Entry] = [
        (-math.inf, limit.capacity, [(i, float(limit.coefficients[i])) for i in range(count)])
        for limit in problem.limits
    ]
    for zone, supply in enumerate(problem.supplies):
        for hour in range(len(supply.plug.power_mw)):
            _add_hour(problem, zone, hour, objective, upper, entries)
    program = LinearProgram(np.array(objective), np.zeros(len(objective)), np.array(upper), rows_of(entries))
    solution = require_optimal(solver.load(program).solve())
    return FullAnswer(solution.objective * USD_PER_MUSD, solution.primal[:count])


def _add_hour(
    problem: AllocationProblem, zone: int, hour: int, objective: list[float], upper: list[float], entries: list[Entry]
) -> None:
    """Add one zone's hour: uses up to what is granted, blocks up to their size, and as much used as taken."""
    supply, scale = problem.supplies[zone], problem.year_scale / USD_PER_MUSD
    balance: list[tuple[int, float]] = []
    for index, worth in enumerate(problem.worths):
        place = len(objective)
        objective.append(scale * worth.surplus_value_usd_per_mwh)
        upper.append(math.inf)
        share = float(supply.run_share[index, hour])
        granted = [(i, -share) for i, c in enumerate(problem.columns) if (c.zone, c.worth) == (zone, index)]
        entries.append((-math.inf, 0.0, [(place, 1.0), *granted]))
        balance.append((place, 1.0))
    for block in range(supply.plug.power_mw.shape[1]):
        place = len(objective)
        objective.append(-scale * float(supply.plug.cost_pkr_per_mwh[hour, block]) / problem.pkr_per_usd)
        upper.append(float(supply.plug.power_mw[hour, block]))
        balance.append((place, -1.0))
    entries.append((0.0, 0.0, balance))

"""The master: limits and cuts in a linear programme, which the zones' oracles refine until both bounds meet."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from zakhira.kernel.errors import InvalidInput, OutsideFailure
from zakhira.planning.oracle import ZoneOracle
from zakhira.planning.problem import USD_PER_MUSD, AllocationProblem
from zakhira.planning.solver import (
    LinearModel,
    LinearProgram,
    LinearSolution,
    LinearSolver,
    Rows,
    SolverStatus,
    rows_of,
)
from zakhira.programme.series import Floats

GAP_STOP_SHARE = 5e-8
"""Bounds this close count as met: half of the 1e-7 that a plan shall keep, so that rounding its grants has room."""
MAX_ROUNDS = 500
SLOPE_FLOOR = 1e-12
"""Slopes below this, in millions of USD per MW, are noise of the sums."""


class PlanInfeasible(InvalidInput):
    """No allocation keeps the limits."""

    code = "ZK-PLANNING-003"


class PlanUnbounded(InvalidInput):
    """Nothing bounds the allocation."""

    code = "ZK-PLANNING-004"


class PlanNotFound(OutsideFailure):
    """The bounds did not meet within the rounds allowed."""

    code = "ZK-PLANNING-005"


@dataclass(frozen=True)
class Cut:
    """``value of an oracle's group of hours <= offset + slope @ MW by class``, in millions of USD a year."""

    oracle: int
    group: int
    offset: float
    slope: Floats


@dataclass(frozen=True)
class Valued:
    """A point with its value by the oracles in USD a year, and the cuts that touch the value there."""

    power_mw: Floats
    value_usd: float
    cuts: tuple[Cut, ...]


@dataclass(frozen=True)
class Bounds:
    """The best point found, the upper bound, and what the master knew when they met."""

    best: Valued
    upper_usd: float
    rounds: int
    limit_duals_usd: Floats
    cuts: tuple[Cut, ...]


Progress = Callable[[int, float, float], None]


@dataclass
class Master:
    """The master problem's numbers. Columns: MW of each (site, class), then the value of each group of hours."""

    problem: AllocationProblem
    oracles: tuple[ZoneOracle, ...]
    zone_columns: list[list[tuple[int, int]]] = field(init=False)
    first_group: list[int] = field(init=False)
    base_musd: Floats = field(init=False)

    def __post_init__(self) -> None:
        columns, worths = self.problem.columns, self.problem.worths
        self.zone_columns = [[] for _ in self.problem.supplies]
        for index, column in enumerate(columns):
            self.zone_columns[column.zone].append((index, column.worth))
        groups = [len(oracle.starts) for oracle in self.oracles]
        self.first_group = [len(columns) + sum(groups[:number]) for number in range(len(groups) + 1)]
        self.base_musd = np.array([worths[column.worth].base_usd_per_mw for column in columns]) / USD_PER_MUSD

    def valued(self, power_mw: Floats) -> Valued:
        """Ask every oracle for its value and its cuts at a point."""
        totals = self.problem.by_zone_and_class(power_mw)
        scale = self.problem.year_scale / USD_PER_MUSD
        value_musd = float(self.base_musd @ power_mw)
        cuts: list[Cut] = []
        for number, oracle in enumerate(self.oracles):
            if not self.zone_columns[oracle.zone]:
                continue
            values, slopes = oracle.value(totals[oracle.zone])
            value_musd += scale * float(values.sum())
            offsets = scale * (values - totals[oracle.zone] @ slopes)
            cuts.extend(Cut(number, g, float(offsets[g]), scale * slopes[:, g]) for g in range(len(values)))
        return Valued(power_mw, value_musd * USD_PER_MUSD, tuple(cuts))

    def cut_rows(self, cuts: tuple[Cut, ...]) -> Rows:
        """The cuts as rows of the master."""
        entries = []
        for cut in cuts:
            columns = self.zone_columns[self.oracles[cut.oracle].zone]
            terms = [(index, -float(cut.slope[worth])) for index, worth in columns]
            kept = [(self.first_group[cut.oracle] + cut.group, 1.0)] + [
                term for term in terms if abs(term[1]) > SLOPE_FLOOR
            ]
            entries.append((-math.inf, cut.offset, kept))
        return rows_of(entries)

    def limit_rows(self) -> Rows:
        """The problem's limits as rows."""
        entries = []
        for limit in self.problem.limits:
            terms = [(int(index), float(limit.coefficients[index])) for index in np.flatnonzero(limit.coefficients)]
            entries.append((-math.inf, limit.capacity, terms))
        return rows_of(entries)

    def program(self) -> LinearProgram:
        """The master without cuts. A zone without a column earns nothing, so its values are fixed at 0."""
        count = self.first_group[-1]
        upper = np.full(count, math.inf)
        for number, oracle in enumerate(self.oracles):
            if not self.zone_columns[oracle.zone]:
                upper[self.first_group[number] : self.first_group[number + 1]] = 0.0
        objective = np.concatenate([self.base_musd, np.ones(count - len(self.base_musd))])
        return LinearProgram(objective, np.zeros(count), upper, self.limit_rows())


def require_optimal(solution: LinearSolution) -> LinearSolution:
    """Turn the solver's other answers into errors.

    Raises:
        PlanInfeasible: no point keeps the limits.
        PlanUnbounded: the value has no bound.
    """
    if solution.status is SolverStatus.INFEASIBLE:
        raise PlanInfeasible("No allocation keeps the limits.", "Look for limits that contradict one another.")
    if solution.status is SolverStatus.UNBOUNDED:
        raise PlanUnbounded("Nothing bounds the allocation.", "Give the programme a finite cap.")
    return solution


def close_bounds(master: Master, solver: LinearSolver, progress: Progress | None = None) -> Bounds:
    """Solve, ask the oracles, cut, and solve again until the bounds meet (Kelley's cutting planes).

    A round cuts once for each zone and group of hours. The first cuts are at zero, so that no value is ever unbounded.

    Raises:
        PlanInfeasible, PlanUnbounded: the solver's answer.
        PlanNotFound: the bounds are apart after :data:`MAX_ROUNDS`.
    """
    columns = len(master.problem.columns)
    model: LinearModel = solver.load(master.program())
    best = master.valued(np.zeros(columns))
    cuts = list(best.cuts)
    model.add_rows(master.cut_rows(best.cuts))
    upper_usd = math.inf
    for number in range(1, MAX_ROUNDS + 1):
        solution = require_optimal(model.solve())
        upper_usd = min(upper_usd, solution.objective * USD_PER_MUSD)
        found = master.valued(np.maximum(solution.primal[:columns], 0.0))
        best = found if found.value_usd > best.value_usd else best
        if progress is not None:
            progress(number, best.value_usd, upper_usd)
        if upper_usd - best.value_usd <= GAP_STOP_SHARE * max(1.0, abs(upper_usd)):
            duals = solution.duals[: len(master.problem.limits)] * USD_PER_MUSD
            return Bounds(best, max(upper_usd, best.value_usd), number, duals, tuple(cuts))
        cuts.extend(found.cuts)
        model.add_rows(master.cut_rows(found.cuts))
    raise PlanNotFound(
        f"The bounds {best.value_usd:.0f} and {upper_usd:.0f} USD did not meet in {MAX_ROUNDS} rounds.",
        "Report it with the programme's folder.",
    )

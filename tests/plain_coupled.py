"""The coupled problem as one plain linear programme: the reference of the cross-checks, slow and easy to read."""

from __future__ import annotations

import math

import numpy as np

from zakhira.adapters.highs import HighsSolver
from zakhira.planning.coupled.problem import CoupledProblem
from zakhira.planning.solver import LinearProgram, SolverStatus, rows_of

UNIT_USD = 1e6


class _Programme:
    """Columns and rows as they come."""

    def __init__(self) -> None:
        self.objective: list[float] = []
        self.upper: list[float] = []
        self.rows: list[tuple[float, float, list[tuple[int, float]]]] = []

    def column(self, objective_usd: float, upper: float = math.inf) -> int:
        self.objective.append(objective_usd / UNIT_USD)
        self.upper.append(upper)
        return len(self.objective) - 1


def solve_plain(problem: CoupledProblem, solver: HighsSolver) -> tuple[float, np.ndarray]:
    """The optimal value in USD a year and MW [column]."""
    lp = _Programme()
    columns = [lp.column(float(base)) for base in problem.base_usd_per_mw]
    for row, capacity in zip(problem.limit_rows, problem.limit_capacity, strict=True):
        lp.rows.append((-math.inf, float(capacity), [(c, float(v)) for c, v in zip(columns, row, strict=True)]))
    zones, _, hours = problem.run_share.shape
    balance: dict[tuple[int, int], list[tuple[int, float]]] = {(z, h): [] for z in range(zones) for h in range(hours)}
    for (zone, hour), terms in balance.items():
        _use_and_surplus(lp, problem, zone, hour, terms)
    for link in problem.links:
        for start, end in ((link.zone_a, link.zone_b), (link.zone_b, link.zone_a)):
            for hour in range(hours):
                flow = lp.column(0.0, link.limit_mw)
                balance[start, hour].append((flow, 1.0))
                balance[end, hour].append((flow, link.loss_share - 1.0))
    for battery in problem.batteries:
        charge = [lp.column(0.0, battery.power_mw) for _ in range(hours)]
        discharge = [lp.column(0.0, battery.power_mw) for _ in range(hours)]
        energy = [lp.column(0.0, battery.energy_mwh) for _ in range(hours)]
        for hour in range(hours):
            balance[battery.zone, hour] += [(charge[hour], 1.0), (discharge[hour], -1.0)]
            before = energy[hour - 1]  # the hour before the first is the last
            kept = [(charge[hour], -battery.charge_share), (discharge[hour], 1.0 / battery.discharge_share)]
            change = [] if hours == 1 else [(energy[hour], 1.0), (before, -1.0)]
            lp.rows.append((0.0, 0.0, [*change, *kept]))
    lp.rows += [(0.0, 0.0, terms) for terms in balance.values() if terms]
    programme = LinearProgram(np.array(lp.objective), np.zeros(len(lp.objective)), np.array(lp.upper), rows_of(lp.rows))
    solution = solver.load(programme).solve()
    assert solution.status is SolverStatus.OPTIMAL
    return solution.objective * UNIT_USD, solution.primal[: len(columns)]


def _use_and_surplus(
    lp: _Programme, problem: CoupledProblem, zone: int, hour: int, balance: list[tuple[int, float]]
) -> None:
    scale = float(problem.year_scale[hour])
    for kind, value in enumerate(problem.value_usd_per_mwh[:, hour]):
        use = lp.column(scale * float(value))
        share = float(problem.run_share[zone, kind, hour])
        here = (problem.column_zone == zone) & (problem.column_class == kind)
        lp.rows.append((-math.inf, 0.0, [(use, 1.0), *((int(c), -share) for c in np.flatnonzero(here))]))
        balance.append((use, 1.0))
    for block, cost in enumerate(problem.cost_usd_per_mwh[zone, :, hour]):
        taken = lp.column(-scale * float(cost), float(problem.surplus_mw[zone, block, hour]))
        balance.append((taken, -1.0))

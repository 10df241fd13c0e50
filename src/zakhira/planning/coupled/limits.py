"""What the limits alone say about the capacities: whether any keep them, how large each can get, a point inside."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from zakhira.kernel.errors import InvalidInput
from zakhira.planning.coupled.bounds import ColumnBounds, capacity_program
from zakhira.planning.coupled.problem import CoupledProblem
from zakhira.planning.solver import LinearProgram, LinearSolver, Rows, SolverStatus
from zakhira.programme.series import Floats

INSIDE_SHARE = 0.3
"""The starting point keeps up to this part of each limit free."""


class CoupledInfeasible(InvalidInput):
    """No capacities keep the limits of a coupled problem."""

    code = "ZK-PLANNING-043"


class CoupledUnbounded(InvalidInput):
    """More and more capacity earns more and more: nothing bounds a coupled problem."""

    code = "ZK-PLANNING-044"


def column_bounds(problem: CoupledProblem, solver: LinearSolver) -> ColumnBounds:
    """The most MW of each column.

    A limit with no negative coefficient bounds its columns. A column without such a limit is bounded by all that could
    ever be used, unless capacity earns by merely being there.

    Raises:
        CoupledUnbounded: the value grows with capacity without end.
    """
    rows, capacity = problem.limit_rows, problem.limit_capacity
    implied = np.full(len(problem.base_usd_per_mw), np.inf)
    for row, limit in zip(rows, capacity, strict=True):
        if (row >= 0).all() and limit >= 0:
            filled = row > 0
            implied[filled] = np.minimum(implied[filled], limit / row[filled])
    open_ended = ~np.isfinite(implied)
    if open_ended.any():
        _require_bounded(problem, solver)
        supply = float(problem.surplus_mw.sum(axis=(0, 1)).max(initial=0.0))
        supply += sum(battery.power_mw for battery in problem.batteries)
        least = np.where(problem.run_share > 0, problem.run_share, 1.0).min(axis=2, initial=1.0)
        most = supply / least[problem.column_zone, problem.column_class]
        implied = np.where(open_ended, most, implied)
    return ColumnBounds(implied, np.where(open_ended, implied, np.inf))


def _require_bounded(problem: CoupledProblem, solver: LinearSolver) -> None:
    """No direction may keep every limit for ever and earn by capacity alone: the use of surplus is bounded anyway."""
    unit = max(float(np.abs(problem.base_usd_per_mw).max(initial=0.0)), 1e-9)
    cone = replace(problem, limit_capacity=np.zeros_like(problem.limit_capacity))
    ones = np.ones(len(problem.base_usd_per_mw))
    solution = solver.load(capacity_program(cone, problem.base_usd_per_mw / unit, ones)).solve()
    if solution.status is SolverStatus.OPTIMAL and solution.objective > GAIN_FLOOR:
        column = int(np.argmax(solution.primal * problem.base_usd_per_mw))
        raise CoupledUnbounded(
            f"Nothing bounds the capacity of column {column}, and each MW earns "
            f"{problem.base_usd_per_mw[column]:.2f} USD a year without running.",
            "Give the programme a finite cap, or the class a limit.",
        )


GAIN_FLOOR = 1e-7
"""Above the solver's tolerance."""


def inner_point(problem: CoupledProblem, solver: LinearSolver, bounds: ColumnBounds) -> Floats:
    """Capacities in MW that keep as far from every limit as :data:`INSIDE_SHARE` asks, as far as that is possible.

    Raises:
        CoupledInfeasible: no capacities keep the limits.
    """
    rows, capacity = problem.limit_rows, problem.limit_capacity
    columns, most = len(problem.base_usd_per_mw), bounds.implied_mw
    if columns == 0 or len(capacity) == 0:
        return 0.5 * most
    even = _even_point(problem, bounds)
    if even is not None:
        return even
    # Maximise the share: rows @ x + share * |capacity| <= capacity, x >= share * most.
    filled = np.column_stack([rows, np.maximum(np.abs(capacity), 1e-6)])
    low = np.column_stack([-np.eye(columns), most])
    matrix = np.vstack([filled, low])
    count = len(matrix)
    mask = matrix != 0
    program = LinearProgram(
        objective=np.append(np.zeros(columns), 1.0),
        lower=np.append(np.zeros(columns), -2.0),
        upper=np.append(most, INSIDE_SHARE / columns),
        rows=Rows(
            lower=np.full(count, -np.inf),
            upper=np.append(capacity, np.zeros(columns)),
            starts=np.concatenate(([0], np.cumsum(mask.sum(axis=1)))).astype(np.int32),
            columns=np.nonzero(mask)[1].astype(np.int32),
            values=matrix[mask],
        ),
    )
    solution = solver.load(program).solve()
    if solution.status is not SolverStatus.OPTIMAL or solution.objective < -SHARE_FLOOR:
        raise CoupledInfeasible("No capacities keep the limits.", "Look for limits that contradict one another.")
    return np.maximum(solution.primal[:columns], 1e-6 * most)


SHARE_FLOOR = 1e-8


def _even_point(problem: CoupledProblem, bounds: ColumnBounds) -> Floats | None:
    """Half of what the tightest limit of each column leaves to its columns evenly, where no coefficient is negative."""
    rows, capacity = problem.limit_rows, problem.limit_capacity
    if (rows < 0).any() or (capacity < 0).any():
        return None
    point = np.full(rows.shape[1], np.inf)
    for row, limit in zip(rows, capacity, strict=True):
        filled = row > 0
        if filled.any():
            point[filled] = np.minimum(point[filled], limit / (row[filled] * filled.sum()))
    half: Floats = 0.5 * np.minimum(point, bounds.implied_mw)
    return half


def weighted_centre(problem: CoupledProblem, inner_mw: Floats, weight: Floats) -> Floats:
    """The capacities that maximise ``weight @ log(x) + sum of log(free part of each limit)``, by damped Newton steps.

    Each column weighs as much as the uses that it bounds; so the iteration starts where its own path starts.
    """
    x = inner_mw.copy()
    for _ in range(CENTRE_STEPS):
        free = problem.limit_capacity - problem.limit_rows @ x
        if (free <= 0).any():
            return inner_mw
        slope = weight / x - problem.limit_rows.T @ (1.0 / free)
        curvature = (problem.limit_rows.T / free**2) @ problem.limit_rows
        curvature[np.diag_indices_from(curvature)] += weight / x**2
        scale = 1.0 / np.sqrt(np.diag(curvature))
        step = scale * np.linalg.solve(curvature * scale[:, None] * scale, scale * slope)
        decrement = max(float(slope @ step), 0.0) ** 0.5
        x = x + step / (1.0 + decrement)
        if decrement < CENTRE_DECREMENT:
            break
    return x


CENTRE_STEPS = 100
CENTRE_DECREMENT = 0.1


def keep_limits(problem: CoupledProblem, x_mw: Floats, inner_mw: Floats) -> Floats:
    """The point nearest to ``x_mw`` on the way to ``inner_mw`` that keeps every limit."""
    x_mw = np.maximum(x_mw, 0.0)
    over = problem.limit_rows @ x_mw - problem.limit_capacity
    change = problem.limit_rows @ (inner_mw - x_mw)
    broken = over > 0
    if not broken.any():
        return x_mw
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(broken, np.where(change < 0, over / -change, 1.0), 0.0)
    return x_mw + min(1.0, float(share.max()) * (1 + 1e-12)) * (inner_mw - x_mw)

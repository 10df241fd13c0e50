"""Among plans of equal value, one that is easy to defend: sites filled evenly, and the answer always the same."""

from __future__ import annotations

import math

import numpy as np

from zakhira.planning.limits import USD_PER_MUSD
from zakhira.planning.master import GAP_STOP_SHARE, Bounds, Cut, Master, Valued, allowed_usd, require_optimal
from zakhira.planning.problem import AllocationProblem
from zakhira.planning.solver import LinearModel, LinearProgram, LinearSolver, rows_of
from zakhira.programme.series import Floats

FILL_STEPS = 4
"""Sites are compared by quarters of what they could take: a later quarter costs more than any earlier one."""
ORDER_WEIGHT = 1e-3
"""What is still equal goes to the site, and then the class, that stands first in the file."""
TIE_ROUNDS = 25
VALUE_SLACK_SHARE = 1e-12


def break_ties(
    problem: AllocationProblem,
    master: Master,
    solver: LinearSolver,
    bounds: Bounds,
    previous_mw: Floats | None = None,
    stop_share: float = GAP_STOP_SHARE,
) -> Valued:
    """A plan whose value is that of the best one, within the gap at which the bounds count as met, chosen by a rule.

    The rule: nearest to ``previous_mw`` [column] if there is one. Else the most even one: each site's MW are cut into
    quarters of the smaller of its connection and its licensee's quota; a further quarter costs more than any
    earlier one. If no such point is confirmed in :data:`TIE_ROUNDS`, the best plan stands.
    """
    model = _model(problem, master, solver, bounds.best.value_usd, bounds.cuts, previous_mw)
    for _ in range(TIE_ROUNDS):
        solution = require_optimal(model.solve())
        found = master.valued(np.maximum(solution.primal[: master.columns], 0.0))
        if bounds.upper_usd - found.value_usd <= allowed_usd(bounds.upper_usd, stop_share):
            return found
        model.add_rows(master.cut_rows(found.cuts))
    return bounds.best


def _model(
    problem: AllocationProblem,
    master: Master,
    solver: LinearSolver,
    floor_usd: float,
    cuts: tuple[Cut, ...],
    previous_mw: Floats | None,
) -> LinearModel:
    """The master with a floor under its value, and the rule's cost as its objective."""
    base = master.program()
    order = ORDER_WEIGHT * np.arange(master.columns) / max(master.columns, 1)
    cost, upper, rows = _distance(master, previous_mw) if previous_mw is not None else _fill(problem, master)
    program = LinearProgram(
        objective=-np.concatenate([order, np.zeros(master.pieces), cost]),
        lower=np.concatenate([base.lower, np.zeros(len(cost))]),
        upper=np.concatenate([base.upper, upper]),
        rows=base.rows,
    )
    model = solver.load(program)
    slack = VALUE_SLACK_SHARE * max(1.0, abs(floor_usd))
    floor = (floor_usd - slack) / USD_PER_MUSD
    worth = [(int(i), float(base.objective[i])) for i in np.flatnonzero(base.objective)]
    model.add_rows(rows_of([(floor, math.inf, worth), *rows]))
    model.add_rows(master.cut_rows(cuts))
    return model


Row = tuple[float, float, list[tuple[int, float]]]


def _distance(master: Master, previous_mw: Floats) -> tuple[Floats, Floats, list[Row]]:
    """Cost, upper bounds and rows of further columns: by how much each MW differs from the previous plan."""
    first = master.columns + master.pieces
    rows: list[Row] = []
    for index, mw in enumerate(previous_mw):
        rows.append((-math.inf, float(mw), [(index, 1.0), (first + index, -1.0)]))
        rows.append((float(mw), math.inf, [(index, 1.0), (first + index, 1.0)]))
    return np.ones(master.columns), np.full(master.columns, math.inf), rows


def _fill(problem: AllocationProblem, master: Master) -> tuple[Floats, Floats, list[Row]]:
    """Cost, upper bounds and rows of further columns: how far each site is filled, in steps."""
    sites = {column.site.id: column.site for column in problem.columns}
    quota = {limit.name.partition("@")[0]: limit.capacity for limit in master.limits}
    phases = len(problem.years)
    sizes = np.array(
        [phases * min(site.connection_mw, quota[f"quota:{site.licensee}"]) for site in sites.values()], dtype=np.float64
    )
    first = master.columns + master.pieces
    rows: list[Row] = []
    for number, site in enumerate(sites):
        terms = [(i, 1.0) for i, column in enumerate(problem.columns) if column.site.id == site]
        steps = [(first + number * FILL_STEPS + step, -1.0) for step in range(FILL_STEPS)]
        rows.append((0.0, 0.0, terms + steps))
    cost = np.tile(np.arange(1.0, FILL_STEPS + 1), len(sites))
    return cost, np.repeat(sizes / FILL_STEPS, FILL_STEPS), rows

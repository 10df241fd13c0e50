"""Among plans of equal value, one that is easy to defend: sites filled evenly, and the answer always the same."""

from __future__ import annotations

import math

import numpy as np

from zakhira.planning.cutting_planes import GAP_STOP_SHARE, Bounds, Cut, Master, Valued, require_optimal
from zakhira.planning.problem import USD_PER_MUSD
from zakhira.planning.solver import LinearModel, LinearProgram, LinearSolver, rows_of
from zakhira.programme.series import Floats

FILL_STEPS = 4
"""Sites are compared by quarters of what they could take: a later quarter costs more than any earlier one."""
ORDER_WEIGHT = 1e-3
"""What is still equal goes to the site, and then the class, that stands first in the file."""
TIE_ROUNDS = 25
VALUE_SLACK_SHARE = 1e-12


def break_ties(master: Master, solver: LinearSolver, bounds: Bounds) -> Valued:
    """The most even plan whose value is that of the best one, within the gap at which the bounds count as met.

    The rule: each site's MW are cut into quarters of the smaller of its connection and its licensee's quota; a
    further quarter costs more than any earlier one. If no such point is confirmed in :data:`TIE_ROUNDS`, the best plan
    stands.
    """
    columns = len(master.problem.columns)
    model = _model(master, solver, bounds.best.value_usd, bounds.cuts)
    for _ in range(TIE_ROUNDS):
        solution = require_optimal(model.solve())
        found = master.valued(np.maximum(solution.primal[:columns], 0.0))
        if bounds.upper_usd - found.value_usd <= GAP_STOP_SHARE * max(1.0, abs(bounds.upper_usd)):
            return found
        model.add_rows(master.cut_rows(found.cuts))
    return bounds.best


def _model(master: Master, solver: LinearSolver, floor_usd: float, cuts: tuple[Cut, ...]) -> LinearModel:
    """The master with a floor under its value, and the fill of the sites as its objective."""
    base = master.program()
    sites, sizes = _site_sizes(master)
    count = len(base.objective)
    order = ORDER_WEIGHT * np.arange(len(master.problem.columns)) / max(len(master.problem.columns), 1)
    fill_cost = np.tile(np.arange(1.0, FILL_STEPS + 1), len(sites))
    values = np.zeros(count - len(order))
    program = LinearProgram(
        objective=-np.concatenate([order, values, fill_cost]),
        lower=np.concatenate([base.lower, np.zeros(len(fill_cost))]),
        upper=np.concatenate([base.upper, np.repeat(sizes / FILL_STEPS, FILL_STEPS)]),
        rows=base.rows,
    )
    model = solver.load(program)
    slack = VALUE_SLACK_SHARE * max(1.0, abs(floor_usd))
    floor = (floor_usd - slack) / USD_PER_MUSD
    worth = [(int(i), float(base.objective[i])) for i in np.flatnonzero(base.objective)]
    entries: list[tuple[float, float, list[tuple[int, float]]]] = [(floor, math.inf, worth)]
    for number, site in enumerate(sites):
        terms = [(i, 1.0) for i, column in enumerate(master.problem.columns) if column.site.id == site]
        steps = [(count + number * FILL_STEPS + step, -1.0) for step in range(FILL_STEPS)]
        entries.append((0.0, 0.0, terms + steps))
    model.add_rows(rows_of(entries))
    model.add_rows(master.cut_rows(cuts))
    return model


def _site_sizes(master: Master) -> tuple[list[str], Floats]:
    """Each site with what it could take at most: its connection or its licensee's quota."""
    capacity = {limit.name: limit.capacity for limit in master.problem.limits}
    sites = {column.site.id: column.site for column in master.problem.columns}
    sizes = [min(site.connection_mw, capacity[f"quota:{site.licensee}"]) for site in sites.values()]
    return list(sites), np.array(sizes, dtype=np.float64)

"""Halls first where fleets would pay more for surplus than halls save by it: an upper bound that is often exact.

Halls take the cheapest surplus before the fleets do. What is left up to a block, (surplus up to it - halls' load)+, is
convex in the load, so the value of an allocation is not concave. Each hour's remainder is therefore replaced by its
chord between no load and the most that the limits allow: never too low, and exact wherever a zone has no hall or as
much as it may have, and in every hour whose blocks the load cannot empty.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from zakhira.planning.cutting_planes import require_optimal
from zakhira.planning.oracle import ZoneOracle, zone_oracle
from zakhira.planning.problem import AllocationProblem
from zakhira.planning.solver import LinearProgram, LinearSolver, rows_of
from zakhira.planning.worth import ClassWorth
from zakhira.programme.series import Floats

LOAD_SLACK_SHARE = 1e-9
"""The most load is taken this much larger, so that the solver's tolerance cannot make a chord too short."""


def halls_come_first_at_a_loss(worths: tuple[ClassWorth, ...]) -> bool:
    """Whether some fleet would pay more for surplus than a hall saves by it, so that the rule costs value."""
    halls = [worth.surplus_value_usd_per_mwh for worth in worths if worth.is_hall and worth.limit_mw > 0]
    fleets = [worth.surplus_value_usd_per_mwh for worth in worths if not worth.is_hall and worth.limit_mw > 0]
    return bool(halls and fleets) and max(fleets) > min(halls)


def halls_first_oracles(problem: AllocationProblem, solver: LinearSolver) -> tuple[ZoneOracle, ...]:
    """For each zone an oracle of its halls, where it may have any, and one of its fleets on what halls leave."""
    values = np.array([worth.surplus_value_usd_per_mwh for worth in problem.worths])
    is_hall = np.array([worth.is_hall for worth in problem.worths])
    load = np.where(is_hall, [worth.load_share for worth in problem.worths], 0.0)
    firm_pkr = float(values[is_hall].min()) * problem.pkr_per_usd
    oracles = []
    for zone, supply in enumerate(problem.supplies):
        most_mw = most_hall_load_mw(problem, zone, load, solver)
        fleets = np.where(is_hall, -math.inf, values)
        if most_mw <= 0:
            oracles.append(zone_oracle(zone, supply, fleets, problem.pkr_per_usd))
            continue
        halls = np.where(is_hall, values, -math.inf)
        taken = partial(chord_share, load, most_mw, firm_pkr)
        oracles.append(zone_oracle(zone, supply, halls, problem.pkr_per_usd))
        oracles.append(zone_oracle(zone, supply, fleets, problem.pkr_per_usd, taken))
    return tuple(oracles)


def most_hall_load_mw(problem: AllocationProblem, zone: int, load: Floats, solver: LinearSolver) -> float:
    """The largest load of halls [MW] that the limits allow in a zone.

    Raises:
        PlanInfeasible, PlanUnbounded: the solver's answer.
    """
    objective = np.array([load[c.worth] if c.zone == zone else 0.0 for c in problem.columns])
    if not objective.any():
        return 0.0
    count = len(objective)
    rows = rows_of([(-math.inf, limit.capacity, list(enumerate(limit.coefficients))) for limit in problem.limits])
    program = LinearProgram(objective, np.zeros(count), np.full(count, math.inf), rows)
    return require_optimal(solver.load(program).solve()).objective * (1.0 + LOAD_SLACK_SHARE)


def chord_share(load: Floats, most_mw: float, firm_pkr: float, power_mw: Floats, cost_pkr: Floats) -> Floats:
    """How much of the surplus up to each block a granted MW of each class takes away [class, block, hour].

    ``power_mw`` and ``cost_pkr`` are [block, hour]. Halls take only blocks cheaper than the firm tariff.
    """
    cheap = np.cumsum(np.where(cost_pkr < firm_pkr, power_mw, 0.0), axis=0)
    share = np.minimum(cheap, most_mw) / most_mw
    result: Floats = load[:, None, None] * share
    return result

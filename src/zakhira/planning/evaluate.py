"""What an allocation really does: halls first, then fleets by margin, block by block, hour by hour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zakhira.energy.surplus import cheaper_than_mw, cost_of_first_pkr
from zakhira.planning.problem import AllocationProblem, ZoneSupply
from zakhira.planning.worth import ClassWorth
from zakhira.programme.series import Floats


@dataclass(frozen=True)
class Use:
    """Surplus used [zone, class] over the horizon in MWh, and its cost in USD."""

    surplus_mwh: Floats
    cost_usd: Floats


def merit_order(worths: tuple[ClassWorth, ...]) -> list[int]:
    """Positions of classes in the order in which they are served: halls, then fleets by margin; ties by the file."""
    return sorted(range(len(worths)), key=lambda i: (not worths[i].is_hall, _fleet_rank(worths[i]), i))


def _fleet_rank(worth: ClassWorth) -> float:
    return 0.0 if worth.is_hall else -worth.surplus_value_usd_per_mwh


def use_of(problem: AllocationProblem, totals_mw: Floats) -> Use:
    """Serve MW [zone, class] from each zone's surplus."""
    used, cost = np.zeros_like(totals_mw), np.zeros_like(totals_mw)
    order = merit_order(problem.worths)
    for zone, supply in enumerate(problem.supplies):
        if totals_mw[zone].any():
            values_pkr = [worth.surplus_value_usd_per_mwh * problem.pkr_per_usd for worth in problem.worths]
            used[zone], cost[zone] = _zone_use(supply, values_pkr, order, totals_mw[zone])
    return Use(used, cost / problem.pkr_per_usd)


def _zone_use(
    supply: ZoneSupply, values_pkr_per_mwh: list[float], order: list[int], power_mw: Floats
) -> tuple[Floats, Floats]:
    """MWh and rupees [class] over the horizon."""
    before, cost_before = np.zeros(len(supply.plug.power_mw)), 0.0
    used, cost = np.zeros_like(power_mw), np.zeros_like(power_mw)
    for index in order:
        if power_mw[index] == 0:
            continue
        affordable = cheaper_than_mw(supply.plug, values_pkr_per_mwh[index]) - before
        taken = np.clip(affordable, 0.0, power_mw[index] * supply.run_share[index])
        before = before + taken
        cost_after = float(cost_of_first_pkr(supply.plug, before).sum())
        used[index], cost[index] = taken.sum(), cost_after - cost_before
        cost_before = cost_after
    return used, cost


def firm_mwh(problem: AllocationProblem, totals_mw: Floats, use: Use) -> Floats:
    """What halls draw beyond the surplus [zone, class] over the horizon; fleets draw nothing."""
    load = np.array([worth.load_share if worth.is_hall else 0.0 for worth in problem.worths])
    is_hall = np.array([worth.is_hall for worth in problem.worths])
    rest: Floats = np.where(is_hall, totals_mw * load * problem.horizon_hours - use.surplus_mwh, 0.0)
    return np.maximum(rest, 0.0)

"""A zone hour by hour, with the plan in it: what a MWh is worth to each class, what it costs, and who gets it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zakhira.planning.allocation import Plan
from zakhira.planning.network_answer import network_answer
from zakhira.planning.outlook_year import years_of_surplus
from zakhira.planning.problem import AllocationProblem, Places
from zakhira.programme.model import Programme
from zakhira.programme.series import Floats


def power_of(programme: Programme, problem: AllocationProblem, plan: Plan) -> Floats:
    """The MW of each column [column] that a plan grants."""
    many = len(problem.years) > 1
    held = {(grant.site, grant.class_id, grant.phase): grant.power_mw for grant in plan.grants}
    keys = [
        (column.site.id, problem.worths[column.worth].class_id, programme.phases[column.phase].id if many else "")
        for column in problem.columns
    ]
    return np.array([held.get(key, 0.0) for key in keys])


@dataclass(frozen=True)
class Prices:
    """What is varied in a look at a zone: the coin's price, the rent of GPU-hours, and what power costs more."""

    coin_share: float = 1.0
    gpu_share: float = 1.0
    more_usd_per_mwh: float = 0.0


@dataclass(frozen=True)
class ZoneHours:
    """The hours of a zone that have surplus, in the first year of work on the reference surplus.

    ``coin_usd_per_mwh`` and ``fixed_usd_per_mwh`` [class, hour] add up to what a MWh of surplus is worth; sizes and
    costs are [block, hour]; ``run_share`` [class, hour]; ``granted_mw`` [class]; ``base_usd`` [class] is a year of a MW
    without surplus, less its capital, and ``rent_usd`` [class] its AI revenue; ``hours`` are places in the horizon.
    """

    zone: int
    coin_usd_per_mwh: Floats
    fixed_usd_per_mwh: Floats
    power_mw: Floats
    cost_usd_per_mwh: Floats
    run_share: Floats
    granted_mw: Floats
    base_usd: Floats
    rent_usd: Floats
    year_scale: float
    hours: Places

    def value_usd_per_mwh(self, prices: Prices) -> Floats:
        """What a MWh of surplus is worth to each class [class, hour], before its cost."""
        return self.coin_usd_per_mwh * prices.coin_share + self.fixed_usd_per_mwh

    def cost_of_blocks(self, prices: Prices) -> Floats:
        """Cost [block, hour]."""
        return self.cost_usd_per_mwh + prices.more_usd_per_mwh

    def base(self, prices: Prices) -> Floats:
        """A year of a MW [class] without surplus."""
        return self.base_usd + (prices.gpu_share - 1.0) * self.rent_usd

    def first_cost(self, prices: Prices) -> Floats:
        """The cost of the cheapest MWh [hour]."""
        cost = np.where(self.power_mw > 0, self.cost_of_blocks(prices), np.inf)
        least: Floats = cost.min(axis=0)
        return least

    def clearing_usd_per_mwh(self, prices: Prices) -> Floats:
        """What one more MWh of surplus is worth [hour] with the granted MW there: the price that clears the hour.

        The least of sum a (v - p)+ + sum S (p - k)+ over p, which lies at a value or a cost (duality).
        """
        value, cost = self.value_usd_per_mwh(prices), self.cost_of_blocks(prices)
        wanted = self.granted_mw[:, None] * self.run_share
        candidates = np.vstack([value, np.where(self.power_mw > 0, cost, np.inf)])
        best, price = np.full(value.shape[1], np.inf), np.full(value.shape[1], np.inf)
        for candidate in np.sort(candidates, axis=0):
            finite = np.isfinite(candidate)
            at = np.where(finite, candidate, 0.0)
            total = (wanted * np.maximum(value - at, 0.0)).sum(axis=0)
            total += (self.power_mw * np.maximum(at - cost, 0.0)).sum(axis=0)
            better = finite & (total < best)
            best, price = np.where(better, total, best), np.where(better, at, price)
        return price

    def first_mw_usd(self, prices: Prices) -> Floats:
        """What the first MW of each class [class] is worth a year, if nobody else were in the zone."""
        return self._worth(prices, self.first_cost(prices))

    def last_mw_usd(self, prices: Prices) -> Floats:
        """What one more MW of each class [class] is worth a year beside the granted ones."""
        return self._worth(prices, self.clearing_usd_per_mwh(prices))

    def _worth(self, prices: Prices, price: Floats) -> Floats:
        margin = np.maximum(self.value_usd_per_mwh(prices) - price, 0.0)
        worth: Floats = self.base(prices) + self.year_scale * (self.run_share * margin).sum(axis=1)
        return worth

    def used_mw(self) -> tuple[Floats, Floats]:
        """MW that each class runs [class, hour] and MW of each block used [block, hour], best and cheapest first."""
        value, left = self.value_usd_per_mwh(Prices()), self.power_mw.copy()
        used = np.zeros_like(value)
        order = np.argsort(-value, axis=0, kind="stable")
        columns = np.arange(value.shape[1])
        for rank in range(len(order)):
            who = order[rank]
            wanted = self.granted_mw[who] * self.run_share[who, columns]
            for block in range(len(left)):
                pays = value[who, columns] > self.cost_usd_per_mwh[block]
                taken = np.where(pays, np.minimum(wanted, left[block]), 0.0)
                left[block] -= taken
                wanted = wanted - taken
                used[who, columns] += taken
        return used, self.power_mw - left


def zone_hours(problem: AllocationProblem, power_mw: Floats, zone: int, usd_per_hash: Floats) -> ZoneHours:
    """The hours of a zone at MW [column], where a hash is worth ``usd_per_hash`` [epoch]."""
    year = problem.years[0]
    supply = year.supplies[0][zone]
    hash_usd = usd_per_hash[year.epochs.of_hours()[supply.hours]]
    worths = [problem.worths[position] for position in year.classes]
    hashes = np.array([worth.hashes_per_mwh for worth in worths])
    fixed = [worth.surplus_value_usd_per_mwh if worth.is_hall else -worth.opex_usd_per_mwh for worth in worths]
    return ZoneHours(
        zone=zone,
        coin_usd_per_mwh=hashes[:, None] * hash_usd,
        fixed_usd_per_mwh=np.repeat(np.array(fixed)[:, None], len(supply.hours), axis=1),
        power_mw=supply.plug.power_mw.T.copy(),
        cost_usd_per_mwh=supply.plug.cost_pkr_per_mwh.T / problem.pkr_per_usd,
        run_share=supply.run_share,
        granted_mw=problem.by_zone_and_class(power_mw)[zone],
        base_usd=np.array([worth.base_usd_per_mw for worth in worths]),
        rent_usd=np.array([worth.rent_usd_per_mw for worth in worths]),
        year_scale=problem.year_scale,
        hours=supply.hours,
    )


def marginal_usd_per_hash(problem: AllocationProblem, power_mw: Floats) -> Floats:
    """What one more hash is worth [epoch] with all the fleets' work as planned, in the mean of the scenarios."""
    year = problem.years[0]
    totals, usd = problem.by_zone_and_class(power_mw).T, np.zeros(year.epochs.count)
    for part in years_of_surplus(problem, year):
        usd += part.by_epoch(problem.outlook.weights[part.scenarios], part.meet(totals).usd_per_hash)
    return usd


def first_usd_per_hash(problem: AllocationProblem) -> Floats:
    """What the first hash is worth [epoch], as if the programme mined nothing, in the mean of the scenarios."""
    year = problem.years[0]
    answer = network_answer(problem.outlook, year.phase, year.epochs, problem.response, problem.elasticity)
    result: Floats = problem.outlook.weights @ answer.first_usd_per_hash
    return result

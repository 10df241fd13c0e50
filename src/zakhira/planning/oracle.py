"""The value of megawatts in a zone, exactly, with a supergradient: one vectorised look at each hour.

In an hour, classes with values v and capacities a meet blocks with costs k and sizes S. The best use is worth
min over p of  sum a (v - p)+  +  sum S (p - k)+  (linear programming duality; p is the price that clears the hour), and
the minimum lies at one of the values or costs. So the hour's value is the least of a few functions that are linear in
the capacities, and the slope of the least one is a supergradient.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from zakhira.planning.problem import AllocationProblem, ZoneSupply
from zakhira.programme.series import Floats

GROUPS = 6
"""A zone's hours are cut into so many groups of like hours, each with cuts of its own: 19 rounds instead of 48."""


@dataclass(frozen=True)
class ZoneOracle:
    """``slope`` [class, price, hour] and ``offset`` [price, hour] of the linear functions of one zone's hours.

    ``zone`` is its position; ``starts`` are the first hours of the groups.
    """

    zone: int
    slope: Floats
    offset: Floats
    starts: npt.NDArray[np.intp]

    def value(self, power_mw: Floats) -> tuple[Floats, Floats]:
        """Operating value [group] in USD over the horizon of MW [class], and its supergradients [class, group].

        Capital is left out, and so is what a hall earns on firm supply.
        """
        classes, prices, hours = self.slope.shape
        if hours == 0:
            return np.zeros(0), np.zeros((classes, 0))
        worth = (power_mw @ self.slope.reshape(classes, prices * hours)).reshape(prices, hours) + self.offset
        least, chosen = worth[0].copy(), np.zeros(hours, dtype=np.intp)
        for price in range(1, prices):
            better = worth[price] < least
            least[better] = worth[price][better]
            chosen[better] = price
        slopes = self.slope[:, chosen, np.arange(hours)]
        return np.add.reduceat(least, self.starts), np.add.reduceat(slopes, self.starts, axis=1)


def zone_oracle(
    zone: int,
    supply: ZoneSupply,
    values_usd_per_mwh: Floats,
    pkr_per_usd: float,
    taken_share: Callable[[Floats, Floats], Floats] | None = None,
) -> ZoneOracle:
    """Prepare a zone: ``values_usd_per_mwh`` [class] is what each class gets from 1 MWh of surplus.

    A class whose value is minus infinity gets nothing. ``taken_share``, if any, tells from the sizes [block, hour] and
    costs in rupees [block, hour] how much of the surplus up to each block [class, block, hour] a granted MW takes away.
    """
    alike = np.lexsort((supply.plug.power_mw.sum(axis=1), supply.run_share.sum(axis=0)))
    power_mw, cost = supply.plug.power_mw[alike].T, supply.plug.cost_pkr_per_mwh[alike].T / pkr_per_usd
    classes, hours = supply.run_share.shape
    distinct = np.unique(values_usd_per_mwh[np.isfinite(values_usd_per_mwh)])[::-1]
    price = np.vstack([np.broadcast_to(distinct[:, None], (len(distinct), hours)), cost[::-1]])
    offset = np.zeros_like(price)
    rents = [np.maximum(price - block_cost, 0.0) for block_cost in cost]
    for block_mw, rent in zip(power_mw, rents, strict=True):
        offset += block_mw * rent
    slope = np.empty((classes, *price.shape))
    for index, value in enumerate(values_usd_per_mwh):
        np.subtract(value, price, out=slope[index])
        np.maximum(slope[index], 0.0, out=slope[index])
        slope[index] *= supply.run_share[index, alike]
    if taken_share is not None:
        shares = taken_share(power_mw, cost * pkr_per_usd)
        for block, rent in enumerate(rents):
            weight = rent - rents[block + 1] if block + 1 < len(rents) else rent
            slope -= shares[:, block][:, None, :] * weight
    groups = min(GROUPS, hours)
    return ZoneOracle(zone, slope, offset, np.arange(groups) * hours // max(groups, 1))


def zone_oracles(problem: AllocationProblem) -> tuple[ZoneOracle, ...]:
    """One oracle for each zone, in the programme's order."""
    values = np.array([worth.surplus_value_usd_per_mwh for worth in problem.worths])
    return tuple(zone_oracle(zone, supply, values, problem.pkr_per_usd) for zone, supply in enumerate(problem.supplies))

"""The value of megawatts in a zone for a price taker, exactly, with supergradients: one vectorised look at each hour.

In an hour, classes with values v and capacities a meet blocks with costs k and sizes S. The best use is worth
min over p of  sum a (v - p)+  +  sum S (p - k)+  (linear programming duality; p is the price that clears the hour), and
the minimum lies at one of the values or costs. So the hour's value is the least of a few functions that are linear in
the capacities, and the slope of the least one is a supergradient.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from zakhira.planning.limits import USD_PER_MUSD
from zakhira.planning.oracle import Look
from zakhira.planning.problem import AllocationProblem, ZoneSupply
from zakhira.programme.series import Floats

GROUPS = 6
"""A zone's hours are cut into so many groups of like hours, each a piece of its own: 19 rounds instead of 48."""


@dataclass(frozen=True)
class ZoneOracle:
    """``slope`` [class, price, hour] and ``offset`` [price, hour] of the linear functions of one zone's hours.

    ``starts`` are the first hours of the groups, ``columns`` the columns of the zone with their ``classes``, and
    ``count`` is how many columns there are in all. ``scale`` takes a dollar of the horizon to millions a year.
    """

    slope: Floats
    offset: Floats
    starts: npt.NDArray[np.intp]
    columns: npt.NDArray[np.intp]
    classes: npt.NDArray[np.intp]
    count: int
    scale: float

    @property
    def pieces(self) -> int:
        """Groups of hours."""
        return len(self.starts)

    def look(self, power_mw: Floats) -> Look:
        """The operating value of MW [column]; capital is left out, and so is what a hall earns on firm supply."""
        classes, prices, hours = self.slope.shape
        totals = np.bincount(self.classes, power_mw[self.columns], classes)
        worth = (totals @ self.slope.reshape(classes, prices * hours)).reshape(prices, hours) + self.offset
        least, chosen = worth[0].copy(), np.zeros(hours, dtype=np.intp)
        for price in range(1, prices):
            better = worth[price] < least
            least[better] = worth[price][better]
            chosen[better] = price
        slopes = np.add.reduceat(self.slope[:, chosen, np.arange(hours)], self.starts, axis=1) * self.scale
        offsets = np.add.reduceat(self.offset[chosen, np.arange(hours)], self.starts) * self.scale
        by_column = np.zeros((self.pieces, self.count))
        by_column[:, self.columns] = slopes[self.classes].T
        return Look(float(least.sum()) * self.scale, offsets, by_column)


def zone_oracle(problem: AllocationProblem, zone: int, supply: ZoneSupply) -> ZoneOracle | None:
    """Prepare a zone; nothing comes of one without a column, or whose surplus is too dear for every class."""
    columns = np.array([index for index, column in enumerate(problem.columns) if column.zone == zone], dtype=np.intp)
    values = np.array([problem.worths[k].surplus_value_usd_per_mwh for k in problem.years[0].classes])
    cost = supply.plug.cost_pkr_per_mwh / problem.pkr_per_usd
    useful = ((supply.plug.power_mw > 0) & (cost < values.max(initial=0.0))).any(axis=1)
    if not len(columns) or not useful.any():
        return None
    alike = np.lexsort((supply.plug.power_mw.sum(axis=1), supply.run_share.sum(axis=0)))
    alike = alike[useful[alike]]
    slope, offset = _functions(values, supply.plug.power_mw[alike].T, cost[alike].T, supply.run_share[:, alike])
    groups = min(GROUPS, len(alike))
    return ZoneOracle(
        slope=slope,
        offset=offset,
        starts=np.arange(groups) * len(alike) // groups,
        columns=columns,
        classes=problem.years[0].class_of[columns],
        count=len(problem.columns),
        scale=problem.years[0].weight * problem.year_scale / USD_PER_MUSD,
    )


def _functions(values: Floats, power_mw: Floats, cost: Floats, run_share: Floats) -> tuple[Floats, Floats]:
    """Slopes [class, price, hour] and offsets [price, hour]; power and cost are [block, hour], values [class]."""
    classes, hours = run_share.shape
    distinct = np.unique(values)[::-1]
    price = np.vstack([np.broadcast_to(distinct[:, None], (len(distinct), hours)), cost[::-1]])
    offset = np.zeros_like(price)
    for block_mw, block_cost in zip(power_mw, cost, strict=True):
        offset += block_mw * np.maximum(price - block_cost, 0.0)
    slope = np.empty((classes, *price.shape))
    for index, value in enumerate(values):
        np.subtract(value, price, out=slope[index])
        np.maximum(slope[index], 0.0, out=slope[index])
        slope[index] *= run_share[index]
    return slope, offset


def zone_oracles(problem: AllocationProblem) -> tuple[ZoneOracle, ...]:
    """One oracle for each zone that has something to offer and something to grant."""
    found = (zone_oracle(problem, zone, supply) for zone, supply in enumerate(problem.supplies))
    return tuple(oracle for oracle in found if oracle is not None)

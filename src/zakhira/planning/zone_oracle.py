"""The value of megawatts in a zone for a price taker, exactly, with supergradients: one vectorised look at each hour.

In an hour, classes with values v and capacities a meet blocks with costs k and sizes S. The best use is worth
min over p of  sum a (v - p)+  +  sum S (p - k)+  (linear programming duality; p is the price that clears the hour), and
the minimum lies at one of the values or costs. So the hour's value is the least of a few functions that are linear in
the capacities, and the slope of the least one is a supergradient.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from zakhira.planning.duration_oracle import DurationOracle, duration_oracle
from zakhira.planning.limits import USD_PER_MUSD
from zakhira.planning.oracle import Look, ValueOracle
from zakhira.planning.problem import AllocationProblem
from zakhira.programme.series import Floats

EVEN_HOURS = 100
"""From so many hours alike on, duration curves answer quicker than the hours one by one."""
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


@dataclass(frozen=True)
class PriceTakerZone:
    """A zone's hours for a price taker.

    ``power_mw`` and ``cost_usd_per_mwh`` are [hour, block], ``run_share`` [class, hour]; ``values_usd_per_mwh`` [class]
    is what a MWh is worth; ``columns`` are the zone's and ``classes`` the class of each; ``count`` is how many columns
    there are in all; ``scale`` takes a dollar of these hours to millions a year.
    """

    power_mw: Floats
    cost_usd_per_mwh: Floats
    run_share: Floats
    values_usd_per_mwh: Floats
    columns: npt.NDArray[np.intp]
    classes: npt.NDArray[np.intp]
    count: int
    scale: float

    def part(self, hours: npt.NDArray[np.intp]) -> PriceTakerZone:
        """Some of the hours."""
        return replace(
            self,
            power_mw=self.power_mw[hours],
            cost_usd_per_mwh=self.cost_usd_per_mwh[hours],
            run_share=self.run_share[:, hours],
        )


def oracles_of_zone(zone: PriceTakerZone) -> tuple[ValueOracle, ...]:
    """What values a zone: duration curves where every class runs alike, and a look at each of the other hours.

    Nothing comes of a zone without a column, or whose surplus is too dear for every class.
    """
    dearest = zone.values_usd_per_mwh.max(initial=0.0)
    useful = np.flatnonzero(((zone.power_mw > 0) & (zone.cost_usd_per_mwh < dearest)).any(axis=1))
    if not len(zone.columns) or not len(useful):
        return ()
    kept = zone if len(useful) == len(zone.power_mw) else zone.part(useful)
    even = _even_hours(kept.run_share)
    if np.count_nonzero(even) < EVEN_HOURS:
        return (_hour_oracle(kept),)
    curves = _curves(kept if even.all() else kept.part(np.flatnonzero(even)))
    return (curves,) if even.all() else (curves, _hour_oracle(kept.part(np.flatnonzero(~even))))


def _even_hours(run_share: Floats) -> npt.NDArray[np.bool_]:
    """The hours in which every class may run as much as it ever does."""
    alike: npt.NDArray[np.bool_] = (run_share == run_share.max(axis=1, initial=0.0)[:, None]).all(axis=0)
    return alike


def _curves(zone: PriceTakerZone) -> DurationOracle:
    high = np.cumsum(zone.power_mw, axis=1)
    filled = np.nonzero(zone.power_mw > 0)
    return duration_oracle(
        values_usd_per_mwh=zone.values_usd_per_mwh,
        share=zone.run_share[:, 0],
        ends_mw=((high - zone.power_mw)[filled], high[filled]),
        cost_usd_per_mwh=zone.cost_usd_per_mwh[filled],
        columns=(zone.columns, zone.classes),
        count=zone.count,
        scale=zone.scale,
    )


def _hour_oracle(zone: PriceTakerZone) -> ZoneOracle:
    """Hours in groups of like ones."""
    alike = np.lexsort((zone.power_mw.sum(axis=1), zone.run_share.sum(axis=0)))
    power_mw, cost = zone.power_mw[alike].T, zone.cost_usd_per_mwh[alike].T
    slope, offset = _functions(zone.values_usd_per_mwh, power_mw, cost, zone.run_share[:, alike])
    groups = min(GROUPS, len(alike))
    return ZoneOracle(
        slope=slope,
        offset=offset,
        starts=np.arange(groups) * len(alike) // groups,
        columns=zone.columns,
        classes=zone.classes,
        count=zone.count,
        scale=zone.scale,
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


def zone_oracles(problem: AllocationProblem) -> tuple[ValueOracle, ...]:
    """The oracles of every zone that has something to offer and something to grant, for a price taker's year."""
    year = problem.years[0]
    values = np.array([problem.worths[k].surplus_value_usd_per_mwh for k in year.classes])
    zone_of = np.array([column.zone for column in problem.columns])
    found: list[ValueOracle] = []
    for number, supply in enumerate(problem.supplies):
        columns = np.flatnonzero(zone_of == number)
        zone = PriceTakerZone(
            power_mw=supply.plug.power_mw,
            cost_usd_per_mwh=supply.plug.cost_pkr_per_mwh / problem.pkr_per_usd,
            run_share=supply.run_share,
            values_usd_per_mwh=values,
            columns=columns,
            classes=year.class_of[columns],
            count=len(problem.columns),
            scale=year.weight * problem.year_scale / USD_PER_MUSD,
        )
        found.extend(oracles_of_zone(zone))
    return tuple(found)

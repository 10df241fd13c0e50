"""Where the surplus is and what it is worth: by local month and hour of day, for a zone or all of them."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np

from zakhira.kernel.interval import DAY_HOURS
from zakhira.planning.allocation import Plan
from zakhira.planning.problem import AllocationProblem
from zakhira.planning.zone_hours import Prices, marginal_usd_per_hash, power_of, zone_hours
from zakhira.programme.model import Programme
from zakhira.programme.series import Floats


@dataclass(frozen=True)
class HeatMap:
    """Mean MW of surplus and what a MWh of it is worth (best class less cost, at least nothing) [month, hour of day].

    ``months`` are like ``2026-01``; a cell without surplus is worth 0.
    """

    months: tuple[str, ...]
    surplus_mw: Floats
    worth_usd_per_mwh: Floats


def heat_map(programme: Programme, problem: AllocationProblem, plan: Plan, zone_id: str = "") -> HeatMap:
    """The reference surplus at the plug; what a hash is worth is its marginal revenue with the plan's work."""
    hours = programme.horizon
    zone = ZoneInfo(programme.time_zone)
    local = [hours.at(hour).astimezone(zone) for hour in range(hours.count)]
    months = tuple(sorted({f"{at:%Y-%m}" for at in local}))
    cell = np.array([months.index(f"{at:%Y-%m}") * DAY_HOURS + at.hour for at in local], dtype=np.intp)
    power_mw = power_of(programme, problem, plan)
    usd_per_hash = marginal_usd_per_hash(problem, power_mw)
    size = len(months) * DAY_HOURS
    mwh, usd = np.zeros(size), np.zeros(size)
    for number, each in enumerate(programme.zones):
        if zone_id in {"", each.id}:
            look = zone_hours(problem, power_mw, number, usd_per_hash)
            value = look.value_usd_per_mwh(Prices()).max(axis=0, initial=0.0)
            worth = look.power_mw * np.maximum(value - look.cost_usd_per_mwh, 0.0)
            mwh += np.bincount(cell[look.hours], look.power_mw.sum(axis=0), size)
            usd += np.bincount(cell[look.hours], worth.sum(axis=0), size)
    count = np.maximum(np.bincount(cell, minlength=size), 1)
    shape = (len(months), DAY_HOURS)
    mean = np.divide(usd, mwh, out=np.zeros(size), where=mwh > 0)
    return HeatMap(months, (mwh / count).reshape(shape), mean.reshape(shape))

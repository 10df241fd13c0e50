"""A year's surplus in every hour as full arrays, also where there is none: what lines, batteries and halls need."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np

from zakhira.compute.halls import load_profile
from zakhira.energy.surplus import surplus_at_plug
from zakhira.kernel.interval import HourRange
from zakhira.mining.machines import derate_share
from zakhira.planning.full.assembly import Places
from zakhira.planning.problem import AllocationProblem, OperatingYear
from zakhira.programme.model import Programme
from zakhira.programme.series import Floats, Series


@dataclass(frozen=True)
class HourlySupply:
    """Surplus at the plug ``power_mw`` and its ``cost_usd_per_mwh`` [zone, hour, block].

    ``run_share`` [zone, class, hour] is the most of a granted MW that may run: load share times what heat or load
    windows leave.
    """

    power_mw: Floats
    cost_usd_per_mwh: Floats
    run_share: Floats

    @property
    def shape(self) -> tuple[int, int, int]:
        """Zones, classes, hours."""
        zones, classes, hours = self.run_share.shape
        return zones, classes, hours


def hourly_supply(
    programme: Programme, series: Series, problem: AllocationProblem, year: OperatingYear, surplus_share: float
) -> HourlySupply:
    """Every hour of ``series`` for the classes of ``year``, with ``surplus_share`` of the surplus still there."""
    plugs = [surplus_at_plug(series, zone) for zone in programme.zones]
    profiles = {hall.id: load_profile(programme, hall, series.hours) for hall in programme.halls}
    shares = np.empty((len(programme.zones), len(year.classes), series.hours.count))
    for number, zone in enumerate(programme.zones):
        ambient_c = series.ambient_c[series.zones.index(zone.id)]
        for kind, position in enumerate(year.classes):
            worth = problem.worths[position]
            left = profiles[worth.class_id] if worth.machine is None else derate_share(worth.machine, ambient_c)
            shares[number, kind] = worth.load_share * left
    return HourlySupply(
        power_mw=np.array([plug.power_mw for plug in plugs]) * surplus_share,
        cost_usd_per_mwh=np.array([plug.cost_pkr_per_mwh for plug in plugs]) / problem.pkr_per_usd,
        run_share=shares,
    )


def local_months(programme: Programme, hours: HourRange) -> tuple[Places, tuple[str, ...]]:
    """The local month of each hour [hour] as a position among the months' names, such as 2026-01."""
    zone = ZoneInfo(programme.time_zone)
    names = [f"{hours.at(hour).astimezone(zone):%Y-%m}" for hour in range(hours.count)]
    found, place = np.unique(np.array(names), return_inverse=True)
    return np.asarray(place, dtype=np.intp), tuple(str(name) for name in found)

"""What a class of AI halls makes of a megawatt at the plug."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np

from zakhira.kernel.interval import HourRange
from zakhira.programme.model import HallClass, Programme
from zakhira.programme.series import Floats

KW_PER_MW = 1000.0


def load_share(hall: HallClass) -> float:
    """Mean load of a granted megawatt: the load follows the GPU-hours sold, and units that are down draw nothing."""
    return hall.sold_share * hall.availability_share


def gpu_hours_per_mwh(hall: HallClass) -> float:
    """GPU-hours that 1 MWh at the plug serves, facility included."""
    return KW_PER_MW / hall.kw_per_gpu


def revenue_usd_per_mwh(hall: HallClass) -> float:
    """Rental revenue of 1 MWh of load: 1,324 USD for 2.25 USD per GPU-hour and 1.7 kW per GPU."""
    return gpu_hours_per_mwh(hall) * hall.gpu_hour_usd


def capital_usd_per_mw(hall: HallClass) -> float:
    """Halls and GPUs for 1 MW at the plug."""
    return hall.capex_usd_per_mw


def load_profile(programme: Programme, hall: HallClass, hours: HourRange) -> Floats:
    """The load of each hour [hour] as a share of its mean over ``hours``: the class's load windows, in local time."""
    windows = [window for window in programme.load_windows if window.hall == hall.id]
    if not windows:
        return np.ones(hours.count)
    of_day = np.ones(24)
    for window in windows:
        span = (window.to_hour - window.from_hour) % 24 or 24
        of_day[(window.from_hour + np.arange(span)) % 24] = window.load_share
    zone = ZoneInfo(programme.time_zone)
    local = np.array([hours.at(hour).astimezone(zone).hour for hour in range(hours.count)], dtype=np.intp)
    profile: Floats = of_day[local] / of_day[local].mean()
    return profile

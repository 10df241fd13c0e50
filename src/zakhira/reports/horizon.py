"""The surplus of the whole horizon by local month and hour of day."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np

from zakhira.kernel.interval import DAY_HOURS, HourRange
from zakhira.programme.model import Programme
from zakhira.programme.series import Series
from zakhira.reports.facts import HorizonSurplus


def local_hours(hours: HourRange, zone: ZoneInfo) -> tuple[datetime, ...]:
    """The local time at the start of each hour; a change of the clock shows as it does on a wall."""
    return tuple(hours.at(i).astimezone(zone) for i in range(hours.count))


def horizon_surplus(programme: Programme, series: Series) -> HorizonSurplus:
    """Mean surplus at the plug (MW, after the zone's losses) for each zone, local month and local hour of day."""
    loss = {zone.id: zone.loss_share for zone in programme.zones}
    kept = np.array([1 - loss[zone] for zone in series.zones])
    plug_mw = series.surplus_mw.sum(axis=2) * kept[:, None]
    local = local_hours(series.hours, ZoneInfo(programme.time_zone))
    months = tuple(sorted({f"{at:%Y-%m}" for at in local}))
    place = {month: i for i, month in enumerate(months)}
    cell = np.array([place[f"{at:%Y-%m}"] * DAY_HOURS + at.hour for at in local], dtype=np.int64)
    size = len(months) * DAY_HOURS
    count = np.bincount(cell, minlength=size)
    sums = np.stack([np.bincount(cell, weights=row, minlength=size) for row in plug_mw])
    mean = sums / np.maximum(count, 1)
    return HorizonSurplus(
        zones=series.zones,
        months=months,
        mean_mw=mean.reshape(len(series.zones), len(months), DAY_HOURS),
        hours_in_month=tuple(int(n) for n in count.reshape(len(months), DAY_HOURS).sum(axis=1)),
    )

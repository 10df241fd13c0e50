"""Means over the hours of UTC that keep the energy, whatever the distance and the phase of the rows."""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

import numpy as np

from zakhira.kernel.interval import HourRange
from zakhira.programme.series import Floats

HOUR_S = 3600


@dataclass(frozen=True)
class RowGrid:
    """Intervals of ``step_s`` from ``first_s`` (seconds since 1970): the ``count`` that touch the horizon."""

    first_s: int
    step_s: int
    count: int

    @classmethod
    def over(cls, hours: HourRange, step_s: int, phase_s: int) -> RowGrid:
        """The intervals that touch ``hours``, where one starts ``phase_s`` after a multiple of ``step_s``."""
        start_s, end_s = int(hours.start.timestamp()), int(hours.end.timestamp())
        first_s = start_s - (start_s - phase_s) % step_s
        return cls(first_s, step_s, -((first_s - end_s) // step_s))

    @property
    def is_hourly(self) -> bool:
        """Whether the intervals are the hours of UTC."""
        return self.step_s == HOUR_S and self.first_s % HOUR_S == 0


def hourly_parts(values: Floats, grid: RowGrid, hours: HourRange) -> Floats:
    """``values`` [zone, interval, block] as equal parts of each hour, [zone, hour, part, block].

    A part is the longest time that both the intervals and the hours consist of: an interval that crosses the full hour
    gives each hour exactly the time it lies in.
    """
    into_s = int(hours.start.timestamp()) - grid.first_s
    part_s = gcd(grid.step_s, into_s, HOUR_S)
    fine = np.repeat(values, grid.step_s // part_s, axis=1)
    cut = fine[:, into_s // part_s : into_s // part_s + hours.count * HOUR_S // part_s]
    return np.asarray(cut.reshape(len(values), hours.count, HOUR_S // part_s, values.shape[2]), dtype=np.float64)


def mean_by_hour(parts: Floats) -> Floats:
    """The mean over the parts of each hour, [zone, hour, block]: MW over the hour hold the MWh of its parts."""
    return np.asarray(parts.mean(axis=2), dtype=np.float64)


def weighted_mean_by_hour(parts: Floats, weights: Floats) -> Floats:
    """The mean weighted with the energy of each part, so that an hour costs what its parts cost together.

    An hour without energy has the plain mean.
    """
    total = weights.sum(axis=2)
    spent = (parts * weights).sum(axis=2)
    weighted = np.divide(spent, total, out=mean_by_hour(parts), where=total > 0)
    # Rounding must not lift equal costs above, or drop them below, what each of them is.
    clipped: Floats = np.clip(weighted, parts.min(axis=2), parts.max(axis=2))
    return clipped


def in_merit_order(cost: Floats, surplus: Floats) -> tuple[Floats, Floats]:
    """The blocks of each hour, [zone, hour, block], by ascending cost; blocks of equal cost keep their order."""
    order = np.argsort(cost, axis=2, kind="stable")
    return np.take_along_axis(cost, order, axis=2), np.take_along_axis(surplus, order, axis=2)

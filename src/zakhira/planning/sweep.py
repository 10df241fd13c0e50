"""A sweep over years of surplus: each is met on its own, here or elsewhere, and the answers come back in order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from zakhira.planning.outlook_use import YearUse, part_use
from zakhira.planning.outlook_year import Meeting, YearOfSurplus
from zakhira.programme.series import Floats


@dataclass(frozen=True)
class PartSlopes:
    """What one year of surplus adds: ``slope_usd_per_mw`` [epoch or 1, zone, class] and ``value_usd`` [epoch]."""

    slope_usd_per_mw: Floats
    value_usd: Floats


class Sweep(Protocol):
    """The years of surplus of one year of work, asked together; every answer lists them in their own order.

    ``power_mw`` is [class, zone]; ``weights`` [year of surplus] holds the weights of its scenarios.
    """

    def values_usd(self, power_mw: Floats) -> list[Floats]:
        """The operating value of each scenario over the horizon [scenario], by year of surplus."""

    def slopes(self, power_mw: Floats, weights: list[Floats], *, by_epoch: bool) -> list[PartSlopes]:
        """What one more MW adds, by year of surplus."""

    def uses(self, power_mw: Floats, weights: list[Floats]) -> list[YearUse]:
        """What is used and mined, by year of surplus."""


class Engine(Protocol):
    """Where sweeps run."""

    def sweep(self, parts: tuple[YearOfSurplus, ...]) -> Sweep:
        """Take years of surplus over."""


@dataclass
class PartTask:
    """One year of surplus with its last meeting, so that the slopes at a point need no second meeting."""

    part: YearOfSurplus
    _at: Floats | None = field(default=None, init=False)
    _meeting: Meeting | None = field(default=None, init=False)

    def _meet(self, power_mw: Floats) -> Meeting:
        if self._meeting is None or self._at is None or not np.array_equal(self._at, power_mw):
            self._meeting, self._at = self.part.meet(power_mw), power_mw.copy()
        return self._meeting

    def values_usd(self, power_mw: Floats) -> Floats:
        """The operating value of each scenario [scenario]."""
        return self.part.by_scenario(self._meet(power_mw).value_usd)

    def slopes(self, power_mw: Floats, weights: Floats, *, by_epoch: bool) -> PartSlopes:
        """What one more MW adds, weighted over the scenarios."""
        meeting = self._meet(power_mw)
        classes, zones = power_mw.shape
        slope = self.part.slopes_usd(meeting, weights, zones, classes, by_epoch=by_epoch)
        return PartSlopes(slope, self.part.by_epoch(weights, meeting.value_usd))

    def use(self, power_mw: Floats, weights: Floats) -> YearUse:
        """What is used and mined, weighted over the scenarios."""
        return part_use(self.part, self._meet(power_mw), power_mw, weights)


@dataclass(frozen=True)
class LocalSweep:
    """One after the other, in this process."""

    tasks: tuple[PartTask, ...]

    def values_usd(self, power_mw: Floats) -> list[Floats]:
        """See :class:`Sweep`."""
        return [task.values_usd(power_mw) for task in self.tasks]

    def slopes(self, power_mw: Floats, weights: list[Floats], *, by_epoch: bool) -> list[PartSlopes]:
        """See :class:`Sweep`."""
        return [task.slopes(power_mw, mine, by_epoch=by_epoch) for task, mine in zip(self.tasks, weights, strict=True)]

    def uses(self, power_mw: Floats, weights: list[Floats]) -> list[YearUse]:
        """See :class:`Sweep`."""
        return [task.use(power_mw, mine) for task, mine in zip(self.tasks, weights, strict=True)]


class LocalEngine:
    """This process."""

    def sweep(self, parts: tuple[YearOfSurplus, ...]) -> Sweep:
        """Take years of surplus over."""
        return LocalSweep(tuple(PartTask(part) for part in parts))

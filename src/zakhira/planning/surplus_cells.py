"""A year's surplus as cells that fill up: how much of it lies within a reach of megawatts, and how fast that grows.

A slab is a cost block in an hour of a zone, from the end of the blocks before it to its own end. Slabs of the same
epoch, zone and cost form a group. In a group, hours in which every class may run alike see the same reach: sorted ends
and prefix sums answer for all of them at once (duration curves); the others are asked one by one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from zakhira.mining.epochs import Epochs
from zakhira.planning.problem import ZoneSupply
from zakhira.programme.series import Floats

Places = npt.NDArray[np.intp]
Counts = npt.NDArray[np.float32]
"""Small whole numbers, kept in half the memory."""

EVEN_HOURS = 24
"""So many hours alike are asked together; fewer are as quick one by one."""


@dataclass(frozen=True)
class Slabs:
    """Slabs sorted by group: ``low_mw`` and ``high_mw`` [slab], ``share`` [class, slab] of a granted MW that runs."""

    epoch: Places
    zone: Places
    cost_usd_per_mwh: Floats
    low_mw: Floats
    high_mw: Floats
    share: Floats

    def part(self, kept: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> Slabs:
        """Some of the slabs."""
        return Slabs(
            self.epoch[kept],
            self.zone[kept],
            self.cost_usd_per_mwh[kept],
            self.low_mw[kept],
            self.high_mw[kept],
            self.share[:, kept],
        )


def slabs_of(epochs: Epochs, supplies: tuple[ZoneSupply, ...], pkr_per_usd: float, worth_usd_per_mwh: float) -> Slabs:
    """Every slab of a year of surplus that is cheaper than what a MWh can be worth at all."""
    parts = []
    of_hours = epochs.of_hours()
    for number, supply in enumerate(supplies):
        cost = supply.plug.cost_pkr_per_mwh / pkr_per_usd
        high = np.cumsum(supply.plug.power_mw, axis=1)
        hour, block = np.nonzero((cost < worth_usd_per_mwh) & (supply.plug.power_mw > 0))
        parts.append(
            Slabs(
                epoch=of_hours[supply.hours[hour]],
                zone=np.full(len(hour), number, dtype=np.intp),
                cost_usd_per_mwh=cost[hour, block],
                low_mw=high[hour, block] - supply.plug.power_mw[hour, block],
                high_mw=high[hour, block],
                share=supply.run_share[:, hour],
            )
        )
    return Slabs(
        epoch=np.concatenate([part.epoch for part in parts]),
        zone=np.concatenate([part.zone for part in parts]),
        cost_usd_per_mwh=np.concatenate([part.cost_usd_per_mwh for part in parts]),
        low_mw=np.concatenate([part.low_mw for part in parts]),
        high_mw=np.concatenate([part.high_mw for part in parts]),
        share=np.concatenate([part.share for part in parts], axis=1),
    )


def one_after_the_other(years: list[Slabs], epochs: int) -> Slabs:
    """Several years' slabs, each year's epochs behind those of the years before it."""
    if len(years) == 1:
        return years[0]
    return Slabs(
        epoch=np.concatenate([slabs.epoch + number * epochs for number, slabs in enumerate(years)]),
        zone=np.concatenate([slabs.zone for slabs in years]),
        cost_usd_per_mwh=np.concatenate([slabs.cost_usd_per_mwh for slabs in years]),
        low_mw=np.concatenate([slabs.low_mw for slabs in years]),
        high_mw=np.concatenate([slabs.high_mw for slabs in years]),
        share=np.concatenate([slabs.share for slabs in years], axis=1),
    )


class Cells(Protocol):
    """Cells of some groups: ``zone`` and ``group`` [cell], ``share`` [class, cell]; groups ascend."""

    @property
    def zone(self) -> Places:
        """The zone of each cell."""

    @property
    def group(self) -> Places:
        """The group of each cell."""

    @property
    def share(self) -> Floats:
        """What runs of a granted MW."""

    def fill(self, reach_mw: Floats) -> tuple[Floats, Counts]:
        """MWh within ``reach_mw`` [reach, cell], and by how much they grow for each further MW."""


@dataclass(frozen=True)
class SingleCells:
    """One slab each."""

    zone: Places
    group: Places
    share: Floats
    low_mw: Floats
    high_mw: Floats

    def fill(self, reach_mw: Floats) -> tuple[Floats, Counts]:
        """MWh within the reach [reach, cell], and 1 where it ends inside the slab."""
        inside = (reach_mw >= self.low_mw) & (reach_mw < self.high_mw)
        return np.clip(reach_mw, self.low_mw, self.high_mw) - self.low_mw, inside.astype(np.float32)


@dataclass(frozen=True)
class Ends:
    """Sorted figures of some cells: ``values`` from ``first`` [cell + 1] on, and their running sums.

    A cell's sums begin with a 0, so that those of cell c begin at ``first[c] + c``.
    """

    first: Places
    values: Floats
    sums: Floats

    def within(self, reach_mw: Floats) -> tuple[Floats, Floats]:
        """The sum of min(value, reach) [reach, cell], and how many values lie above the reach."""
        passed = self._count_up_to(reach_mw)
        count = np.diff(self.first)
        above = (count - passed).astype(np.float64)
        return self.sums[self.first[:-1] + np.arange(len(count)) + passed] + above * reach_mw, above

    def _count_up_to(self, reach_mw: Floats) -> Places:
        """How many of each cell's values are at most the reach [reach, cell], by bisection in all cells at once."""
        low = np.broadcast_to(self.first[:-1], reach_mw.shape).copy()
        high = np.broadcast_to(self.first[1:], reach_mw.shape).copy()
        last = max(len(self.values) - 1, 0)
        for _ in range(int(np.max(np.diff(self.first), initial=0)).bit_length()):
            middle = (low + high) >> 1
            up = (self.values[np.minimum(middle, last)] <= reach_mw) & (low < high)
            low = np.where(up, middle + 1, low)
            high = np.where(up, high, middle)
        return low - self.first[:-1]


@dataclass(frozen=True)
class EvenCells:
    """Many slabs with one reach each; ``lows`` are those of ``stacked`` cells alone, elsewhere every low is 0."""

    zone: Places
    group: Places
    share: Floats
    highs: Ends
    stacked: Places
    lows: Ends

    def fill(self, reach_mw: Floats) -> tuple[Floats, Counts]:
        """MWh within the reach [reach, cell], and in how many slabs it ends."""
        filled, growth = self.highs.within(reach_mw)
        if len(self.stacked):
            under, begun = self.lows.within(reach_mw[:, self.stacked])
            filled[:, self.stacked] -= under
            growth[:, self.stacked] -= begun
        return filled, growth.astype(np.float32)


@dataclass(frozen=True)
class Groups:
    """Groups sorted by epoch [group], and the cells that they are made of."""

    epoch: Places
    zone: Places
    cost_usd_per_mwh: Floats
    cells: tuple[Cells, ...]


def groups_of(slabs: Slabs) -> Groups:
    """Sort slabs into groups and cells."""
    key = _share_key(slabs.share)
    order = np.lexsort((key, slabs.cost_usd_per_mwh, slabs.zone, slabs.epoch))
    slabs, key = slabs.part(order), key[order]
    new_group = _changes(slabs.epoch, slabs.zone, slabs.cost_usd_per_mwh)
    new_cell = new_group | _changes(key)
    group = np.cumsum(new_group) - 1
    firsts = np.flatnonzero(new_cell)
    size = np.diff(np.append(firsts, len(key)))
    even = np.repeat(size >= EVEN_HOURS, size)
    heads = np.flatnonzero(new_group)
    cells: list[Cells] = []
    if even.any():
        cells.append(_even_cells(slabs.part(even), group[even], size[size >= EVEN_HOURS]))
    if not even.all():
        rest = slabs.part(~even)
        cells.append(SingleCells(rest.zone, group[~even], rest.share, rest.low_mw, rest.high_mw))
    return Groups(slabs.epoch[heads], slabs.zone[heads], slabs.cost_usd_per_mwh[heads], tuple(cells))


def _share_key(share: Floats) -> Floats:
    """A number that is the same for hours in which every class may run alike."""
    weights = np.sqrt(np.arange(2.0, 2.0 + len(share)))
    key: Floats = (share * weights[:, None]).sum(axis=0)
    return key


def _changes(*columns: Places | Floats) -> npt.NDArray[np.bool_]:
    """True at the first of each run of equal entries."""
    changed = np.zeros(len(columns[0]), dtype=np.bool_)
    changed[:1] = True
    for column in columns:
        changed[1:] |= column[1:] != column[:-1]
    return changed


def _even_cells(slabs: Slabs, group: Places, size: Places) -> EvenCells:
    """Cells of ``size`` [cell] slabs each, one after the other."""
    heads = np.concatenate(([0], np.cumsum(size)[:-1])).astype(np.intp)
    stacked = np.maximum.reduceat(slabs.low_mw, heads) > 0
    return EvenCells(
        zone=slabs.zone[heads],
        group=group[heads],
        share=slabs.share[:, heads],
        highs=_ends(slabs.high_mw, size),
        stacked=np.flatnonzero(stacked),
        lows=_ends(slabs.low_mw[np.repeat(stacked, size)], size[stacked]),
    )


def _ends(values: Floats, size: Places) -> Ends:
    """Sort each cell's values and add them up."""
    cells = len(size)
    first = np.concatenate(([0], np.cumsum(size))).astype(np.intp)
    cell = np.repeat(np.arange(cells), size)
    ordered = values[np.lexsort((values, cell))]
    total = np.concatenate(([0.0], np.cumsum(ordered)))
    sums = np.zeros(len(ordered) + cells)
    sums[np.arange(len(ordered)) + cell + 1] = total[1:] - np.repeat(total[first[:-1]], size)
    return Ends(first, ordered, sums)

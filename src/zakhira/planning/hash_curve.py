"""The supply of hashes from one year's surplus: every MWh that a fleet could use, sorted by what its hashes cost.

In an hour classes stand in the order of service along the surplus, whose blocks ascend in cost. What falls together,
a fleet on a group of slabs, is an element: its hashes cost (cost of the slab + opex) / hashes per MWh each, whatever
the megawatts; these only change the amounts. So elements are sorted once, and prefix sums of an epoch's elements say
what any marginal revenue brings forth and what it costs.

A hall stands before a fleet until the fleet's margin passes the firm tariff, then behind it. That changes what the
fleet gets, by an amount that is an element too: its cost is the marginal revenue at which the two change places, where
the order makes no difference in value.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from zakhira.planning.merit import Merit, Regime
from zakhira.planning.surplus_cells import Cells, Counts, Groups
from zakhira.programme.series import Floats

Places = npt.NDArray[np.intp]


@dataclass(frozen=True)
class HashOrder:
    """The elements of a regime sorted by epoch and cost.

    An element's amount stands at ``place`` in the amounts [line, group] followed by the changes of place [line, epoch],
    laid flat. ``first`` [epoch + 1]. ``behind`` [line, group] is true where the fleet stands behind the halls when its
    element begins.
    """

    regime: Regime
    merit: Merit
    place: Places
    cost_usd_per_hash: Floats
    first: Places
    behind: npt.NDArray[np.bool_]
    hall_rent_usd_per_mwh: Floats
    """What a hall saves by a MWh of each group in place of firm supply [group]."""


def hash_order(groups: Groups, epochs: int, merit: Merit, regime: Regime) -> HashOrder:
    """Sort what a marginal revenue within the regime can bring forth."""
    lines = regime.lines
    count = len(groups.epoch)
    opex = np.array([line.opex_usd_per_mwh for line in lines]).reshape(-1, 1)
    hashes = np.array([line.hashes_per_mwh for line in lines]).reshape(-1, 1)
    passes = np.array([line.passes_usd_per_hash(merit.firm_usd_per_mwh) for line in lines]).reshape(-1, 1)
    cost = (groups.cost_usd_per_mwh + opex) / hashes if lines else np.zeros((0, count))
    behind = (cost < passes) & bool(merit.halls)
    change = np.broadcast_to(passes, (len(lines), epochs)) if merit.halls else np.full((len(lines), epochs), np.inf)
    every_cost = np.concatenate([cost.ravel(), change.ravel()])
    every_epoch = np.concatenate([np.tile(groups.epoch, len(lines)), np.tile(np.arange(epochs), len(lines))])
    kept = np.flatnonzero(every_cost < regime.high)
    order = kept[np.lexsort((every_cost[kept], every_epoch[kept]))]
    return HashOrder(
        regime=regime,
        merit=merit,
        place=order,
        cost_usd_per_hash=every_cost[order],
        first=np.searchsorted(every_epoch[order], np.arange(epochs + 1)),
        behind=behind,
        hall_rent_usd_per_mwh=np.maximum(merit.firm_usd_per_mwh - groups.cost_usd_per_mwh, 0.0)
        if merit.halls
        else np.zeros(count),
    )


@dataclass(frozen=True)
class HashCurve:
    """What MW bring forth in a regime.

    Reaches stack the fleets one after the other: row 0 is nothing, rows 1 to n the fleets in their order; then the
    halls alone, and n fleets behind the halls. ``filled_mwh`` [row, group] is what lies within each reach, ``growth``
    [row, cell], for each set of cells, by how much that grows with it. ``hashes`` and ``cost_usd`` [element + 1] are
    running sums over all epochs.
    """

    groups: Groups
    order: HashOrder
    growth: tuple[Counts, ...]
    filled_mwh: Floats
    hashes: Floats
    cost_usd: Floats
    hall_usd: Floats
    """What halls save when they are served first [epoch]."""

    @property
    def ahead_mwh(self) -> Floats:
        """What each fleet gets with no hall before it [line, group]."""
        return np.diff(self.filled_mwh[: len(self.filled_mwh) // 2], axis=0)

    @property
    def behind_mwh(self) -> Floats:
        """What each fleet gets behind the halls [line, group]."""
        return np.diff(self.filled_mwh[len(self.filled_mwh) // 2 :], axis=0)

    @property
    def hall_mwh(self) -> Floats:
        """What halls get after no fleet, after the first one, and so on [lines + 1, group]."""
        half = len(self.filled_mwh) // 2
        return self.filled_mwh[half:] - self.filled_mwh[:half]


def hash_curve(groups: Groups, order: HashOrder, power_mw: Floats) -> HashCurve:
    """The supply at ``power_mw`` [class, zone]."""
    lines = len(order.regime.lines)
    found = [cells.fill(_reaches(cells, order, power_mw)) for cells in groups.cells]
    filled = _by_group(tuple(mwh for mwh, _ in found), groups, 2 * lines + 2)
    ahead = np.diff(filled[: lines + 1], axis=0)
    behind = np.diff(filled[lines + 1 :], axis=0)
    amounts = _amounts(groups, order, ahead, behind)
    hashes = amounts[order.place]
    epochs = len(order.first) - 1
    return HashCurve(
        groups=groups,
        order=order,
        growth=tuple(growth for _, growth in found),
        filled_mwh=filled,
        hashes=np.concatenate(([0.0], np.cumsum(hashes))),
        cost_usd=np.concatenate(([0.0], np.cumsum(hashes * order.cost_usd_per_hash))),
        hall_usd=_by_epoch(groups, filled[lines + 1] * order.hall_rent_usd_per_mwh, epochs),
    )


def _by_epoch(groups: Groups, values: Floats, epochs: int) -> Floats:
    """Sum [group] to [epoch]."""
    return np.bincount(groups.epoch, values, epochs).astype(np.float64)


def _amounts(groups: Groups, order: HashOrder, ahead: Floats, behind: Floats) -> Floats:
    """Hashes of every element [line x group, then line x epoch]."""
    per_mwh = np.array([line.hashes_per_mwh for line in order.regime.lines]).reshape(-1, 1)
    epochs = len(order.first) - 1
    got = np.where(order.behind, behind, ahead)
    gained = np.where(order.behind, ahead - behind, 0.0)
    change = np.array([_by_epoch(groups, row, epochs) for row in gained]).reshape(len(gained), epochs)
    return np.concatenate([(got * per_mwh).ravel(), (np.maximum(change, 0.0) * per_mwh).ravel()])


def _reaches(cells: Cells, order: HashOrder, power_mw: Floats) -> Floats:
    """MW [row, cell] up to which each row of the stack reaches."""
    lines = order.regime.lines
    running = cells.share * power_mw[:, cells.zone]
    reach = np.zeros((2 * len(lines) + 2, running.shape[1]))
    for number, line in enumerate(lines):
        reach[number + 1] = reach[number] + sum_of(running, line.classes)
    halls = sum_of(running, order.merit.halls)
    reach[len(lines) + 1 :] = reach[: len(lines) + 1] + halls
    return reach


def sum_of(running: Floats, classes: tuple[int, ...]) -> Floats:
    """The sum of some rows."""
    if len(classes) == 1:
        only: Floats = running[classes[0]]
        return only
    return np.asarray(running[list(classes)].sum(axis=0), dtype=np.float64)


def _by_group(per_cell: tuple[Floats, ...], groups: Groups, rows: int) -> Floats:
    """Sum [row, cell] of every set of cells to [row, group]."""
    total = np.zeros((rows, len(groups.epoch)))
    for values, cells in zip(per_cell, groups.cells, strict=True):
        heads = np.flatnonzero(np.diff(cells.group, prepend=-1))
        total[:, cells.group[heads]] += np.add.reduceat(values, heads, axis=1)
    return total


@dataclass(frozen=True)
class Weights:
    """What elements [element] count for.

    ``used`` sums the scenarios that use one, ``revenue`` those times their marginal revenue, ``halls`` [epoch] all that
    meet the curve.
    """

    used: Floats
    revenue: Floats
    halls: Floats


def slopes_usd(curve: HashCurve, weights: Weights, keys: tuple[Places, ...], count: int, classes: int) -> Floats:
    """What one more MW adds [key, class]; ``keys`` tells for each set of cells where a cell's share is added."""
    order, groups = curve.order, curve.groups
    lines, epochs = len(order.regime.lines), len(order.first) - 1
    flat = np.zeros(lines * (len(groups.epoch) + epochs))
    flat[order.place] = weights.revenue - weights.used * order.cost_usd_per_hash
    per_mwh = np.array([line.hashes_per_mwh for line in order.regime.lines]).reshape(-1, 1)
    own = flat[: lines * len(groups.epoch)].reshape(lines, len(groups.epoch)) * per_mwh
    change = (flat[lines * len(groups.epoch) :].reshape(lines, epochs) * per_mwh)[:, groups.epoch]
    ahead = np.where(order.behind, change, own)
    behind = np.where(order.behind, own - change, 0.0)
    halls = order.hall_rent_usd_per_mwh * weights.halls[groups.epoch]
    nothing = np.zeros((1, len(groups.epoch)))
    of_ahead = ahead - np.vstack([ahead[1:], nothing]) if lines else ahead
    of_behind = np.vstack([halls, behind]) - np.vstack([behind, nothing])
    worth = np.vstack([nothing, of_ahead, of_behind])
    result = np.zeros((count, classes))
    for cells, growth, key in zip(groups.cells, curve.growth, keys, strict=True):
        gain = np.asarray(worth[:, cells.group] * growth, dtype=np.float64)
        _add_classes(result, cells, gain, order, key, count)
    return result


def _add_classes(result: Floats, cells: Cells, gain: Floats, order: HashOrder, key: Places, count: int) -> None:
    """A class gains what every reach gains that holds it: its own and those of all who stand after it."""
    lines = order.regime.lines
    both = gain[1 : len(lines) + 1] + gain[len(lines) + 2 :]
    after = np.cumsum(both[::-1], axis=0)[::-1] if len(lines) else both
    for number, line in enumerate(lines):
        _add_line(result, cells, line.classes, after[number], key, count)
    if order.merit.halls:
        _add_line(result, cells, order.merit.halls, gain[len(lines) + 1 :].sum(axis=0), key, count)


def _add_line(result: Floats, cells: Cells, classes: tuple[int, ...], gain: Floats, key: Places, count: int) -> None:
    for place in classes:
        result[:, place] += np.bincount(key, gain * cells.share[place], count)

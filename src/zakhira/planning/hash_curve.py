"""The supply of hashes from one year's surplus: every MWh that a fleet could use, sorted by what its hashes cost.

A row is an hour of a zone. There, classes stand in the order of service over the surplus's blocks in ascending cost;
what falls together, class g on block b, is an element: so many MWh whose hashes cost (cost of b + opex of g) / hashes
per MWh each. That order is fixed once; with MW given only the amounts change, so that prefix sums of the elements of an
epoch say what any marginal revenue brings forth, and what it costs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from zakhira.planning.merit import Line, Regime, increments_mw
from zakhira.planning.problem import OperatingYear
from zakhira.programme.series import Floats

Places = npt.NDArray[np.intp]


@dataclass(frozen=True)
class SurplusRows:
    """Zone-hours with surplus, sorted by epoch. ``size_mw`` [block, row] sums the blocks up to each one."""

    zone: Places
    epoch: Places
    size_mw: Floats
    cost_usd_per_mwh: Floats
    run_share: Floats
    """[class, row]"""
    first_row: Places
    """[epoch + 1]"""


def surplus_rows(year: OperatingYear, surplus_year: int, pkr_per_usd: float, worth_usd_per_mwh: float) -> SurplusRows:
    """The rows of a year of surplus that are cheaper than what a MWh can be worth at all."""
    zones, epochs, power, cost, share = [], [], [], [], []
    of_hours = year.epochs.of_hours()
    for number, supply in enumerate(year.supplies[surplus_year]):
        usd = supply.plug.cost_pkr_per_mwh / pkr_per_usd
        useful = np.where(usd < worth_usd_per_mwh, supply.plug.power_mw, 0.0)
        kept = np.flatnonzero(useful.any(axis=1))
        zones.append(np.full(len(kept), number, dtype=np.intp))
        epochs.append(of_hours[supply.hours[kept]])
        power.append(useful[kept])
        cost.append(usd[kept])
        share.append(supply.run_share[:, kept])
    epoch = np.concatenate(epochs)
    order = np.argsort(epoch, kind="stable")
    return SurplusRows(
        zone=np.concatenate(zones)[order],
        epoch=epoch[order],
        size_mw=np.cumsum(np.concatenate(power)[order], axis=1).T.copy(),
        cost_usd_per_mwh=np.concatenate(cost)[order].T.copy(),
        run_share=np.concatenate(share, axis=1)[:, order],
        first_row=np.searchsorted(epoch[order], np.arange(year.epochs.count + 1)),
    )


@dataclass(frozen=True)
class HashOrder:
    """The elements of a regime sorted by epoch and cost: ``place`` in the amounts [line, block, row] laid flat."""

    regime: Regime
    place: Places
    cost_usd_per_hash: Floats
    hashes_per_mwh: Floats
    first: Places
    """[epoch + 1]"""


def hash_order(rows: SurplusRows, regime: Regime) -> HashOrder:
    """Sort the elements that a marginal revenue within the regime can bring forth."""
    blocks, count = rows.size_mw.shape
    places, costs, hashes, epochs = [], [], [], []
    before = np.vstack([np.zeros((1, count)), rows.size_mw[:-1]])
    filled = rows.size_mw > before
    for number, line in enumerate(regime.lines):
        if line.is_hall:
            continue
        cost = (rows.cost_usd_per_mwh - line.fixed_usd_per_mwh) / line.hashes_per_mwh
        block, row = np.nonzero(filled & (cost < regime.high))
        places.append((number * blocks + block) * count + row)
        costs.append(cost[block, row])
        hashes.append(np.full(len(row), line.hashes_per_mwh))
        epochs.append(rows.epoch[row])
    if not places:
        nothing = np.zeros(0)
        return HashOrder(
            regime, nothing.astype(np.intp), nothing, nothing, np.zeros(len(rows.first_row), dtype=np.intp)
        )
    epoch, cost = np.concatenate(epochs), np.concatenate(costs)
    order = np.lexsort((cost, epoch))
    return HashOrder(
        regime=regime,
        place=np.concatenate(places)[order],
        cost_usd_per_hash=cost[order],
        hashes_per_mwh=np.concatenate(hashes)[order],
        first=np.searchsorted(epoch[order], np.arange(len(rows.first_row))),
    )


@dataclass(frozen=True)
class HashCurve:
    """What MW bring forth in a regime: hashes and their cost before each element, and what halls save.

    ``reach_mw`` [line, row] sums the lines up to each one; ``amount_mwh`` [line, block, row]; ``hashes`` and
    ``cost_usd`` [element + 1] are prefix sums over all epochs; ``hall_usd`` [epoch].
    """

    rows: SurplusRows
    order: HashOrder
    reach_mw: Floats
    amount_mwh: Floats
    hashes: Floats
    cost_usd: Floats
    hall_usd: Floats


def hash_curve(rows: SurplusRows, order: HashOrder, power_mw: Floats) -> HashCurve:
    """The supply at ``power_mw`` [class, zone]."""
    lines = order.regime.lines
    at_row = power_mw[:, rows.zone]
    reach = np.cumsum([increments_mw(line, rows.run_share, at_row) for line in lines], axis=0)
    amount = _overlaps(reach, rows.size_mw)
    hashes = amount.ravel()[order.place] * order.hashes_per_mwh
    hall_usd = np.zeros(len(rows.first_row) - 1)
    for number, line in enumerate(lines):
        if line.is_hall:
            saved = (amount[number] * hall_rent(rows, line)).sum(axis=0)
            hall_usd += _by_epoch(saved, rows.first_row)
    return HashCurve(
        rows=rows,
        order=order,
        reach_mw=reach,
        amount_mwh=amount,
        hashes=np.concatenate(([0.0], np.cumsum(hashes))),
        cost_usd=np.concatenate(([0.0], np.cumsum(hashes * order.cost_usd_per_hash))),
        hall_usd=hall_usd,
    )


def hall_rent(rows: SurplusRows, line: Line) -> Floats:
    """What a hall saves by a MWh of each block [block, row] in place of firm supply."""
    rent: Floats = np.maximum(line.fixed_usd_per_mwh - rows.cost_usd_per_mwh, 0.0)
    return rent


def _by_epoch(values: Floats, first: Places) -> Floats:
    """Sums between the firsts [epoch]; an epoch may be empty."""
    total = np.concatenate(([0.0], np.cumsum(values)))
    sums: Floats = total[first[1:]] - total[first[:-1]]
    return sums


def _overlaps(reach_mw: Floats, size_mw: Floats) -> Floats:
    """How much of each line [line] falls on each block [block] in each row, both given by their upper ends."""
    least = np.minimum(reach_mw[:, None, :], size_mw[None, :, :])
    least[:, 1:] -= least[:, :-1].copy()
    least[1:] -= least[:-1].copy()
    return least


def slopes_usd(
    curve: HashCurve, weight: Floats, revenue: Floats, hall_weight: Floats, key: Places, keys: int
) -> Floats:
    """What one more MW adds [key, class], given weights of what is brought forth.

    ``weight`` and ``revenue`` [element] are the summed weights of the scenarios that use an element, plain and times
    their marginal revenue; ``hall_weight`` [epoch] those of all scenarios in the regime; ``key`` [row] tells where a
    row's share is added.
    """
    rows, order = curve.rows, curve.order
    lines, blocks, count = curve.amount_mwh.shape
    worth = np.zeros((lines + 1, blocks + 1, count))
    flat = np.zeros(lines * blocks * count)
    flat[order.place] = (revenue - weight * order.cost_usd_per_hash) * order.hashes_per_mwh
    worth[:-1, :-1] = flat.reshape(lines, blocks, count)
    for number, line in enumerate(order.regime.lines):
        if line.is_hall:
            worth[number, :-1] = hall_rent(rows, line) * hall_weight[rows.epoch]
    step = worth[:-1] - worth[1:]
    step = step[:, :-1] - step[:, 1:]
    open_end = curve.reach_mw[:, None, :] < rows.size_mw[None, :, :]
    per_mw = np.where(open_end, step, 0.0).sum(axis=1)
    per_mw = np.cumsum(per_mw[::-1], axis=0)[::-1]
    result = np.zeros((keys, rows.run_share.shape[0]))
    for number, line in enumerate(order.regime.lines):
        for place in line.classes:
            result[:, place] = np.bincount(key, per_mw[number] * rows.run_share[place], keys)
    return result

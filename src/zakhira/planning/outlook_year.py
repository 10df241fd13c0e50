"""A year of work under every scenario: where marginal revenue meets the cost of hashes in each epoch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from zakhira.planning.hash_curve import HashCurve, HashOrder, Weights, hash_curve, hash_order, slopes_usd
from zakhira.planning.merit import Merit, merit_of, regimes_of
from zakhira.planning.network_answer import NetworkAnswer, network_answer
from zakhira.planning.problem import AllocationProblem, OperatingYear, ZoneSupply
from zakhira.planning.surplus_cells import Groups, groups_of, one_after_the_other, slabs_of
from zakhira.programme.series import Floats

Places = npt.NDArray[np.intp]

SIDE_BY_SIDE = 32
"""So many years of surplus with one scenario each are met together: fewer, larger arrays."""
WIDE = 1.0 + 1e-9
"""The range of marginal revenues is taken this much wider than the extremes."""


@dataclass(frozen=True)
class Meeting:
    """Where scenarios meet a year's curves, [scenario, epoch] of those that have this year of surplus.

    ``regime`` and ``place`` (elements before it are used in full) say where; ``usd_per_hash`` is the marginal revenue,
    ``hashes`` what is mined, ``value_usd`` the operating value, ``below`` the share of a mixture that belongs to the
    end of the regime below (two orders of service are worth the same where they meet).
    """

    curves: tuple[HashCurve, ...]
    network: NetworkAnswer
    regime: Places
    place: Places
    usd_per_hash: Floats
    hashes: Floats
    below: Floats
    value_usd: Floats


@dataclass(frozen=True)
class YearOfSurplus:
    """One year of surplus with the scenarios that have it; or several ``years`` side by side with one scenario each.

    Side by side the epochs of the years follow each other, and the network has a single row over all of them.
    """

    scenarios: Places
    network: NetworkAnswer
    groups: Groups
    orders: tuple[HashOrder, ...]
    epochs: int
    """Of one year."""
    years: int

    def spread(self, weights: Floats) -> Floats:
        """Weights [scenario] in the network's shape."""
        if self.years > 1:
            return np.repeat(weights, self.epochs)[None, :]
        return np.broadcast_to(weights[:, None], self.network.others_hashes.shape)

    def by_scenario(self, values: Floats) -> Floats:
        """Sums over the epochs [scenario] of what is in the network's shape."""
        return np.asarray(values.reshape(len(self.scenarios), self.epochs).sum(axis=1), dtype=np.float64)

    def by_epoch(self, weights: Floats, values: Floats) -> Floats:
        """Weighted sums over the scenarios [epoch] of what is in the network's shape."""
        return np.asarray(weights @ values.reshape(len(self.scenarios), self.epochs), dtype=np.float64)

    def meet(self, power_mw: Floats) -> Meeting:
        """Meet every scenario's marginal revenue at ``power_mw`` [class, zone]."""
        curves = tuple(hash_curve(self.groups, order, power_mw) for order in self.orders)
        shape = self.network.others_hashes.shape
        regime, place = np.full(shape, -1, dtype=np.intp), np.zeros(shape, dtype=np.intp)
        hashes, usd, below = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        for number in range(len(curves) - 1, -1, -1):
            curve = curves[number]
            low = curve.order.regime.low if number else -np.inf
            floor = _places_below(curve.order, low)
            base = curve.order.first[:-1]
            at_floor = np.broadcast_to(curve.hashes[floor] - curve.hashes[base], shape)
            todo = regime < 0
            above = todo & (self.network.marginal_usd_per_hash(at_floor) > low)
            found, mined, price = _meet_curve(curve, self.network, floor)
            regime[above], place[above] = number, found[above]
            hashes[above], usd[above] = mined[above], price[above]
            if number:
                lower = curves[number - 1]
                end = lower.order.first[1:]
                at_end = np.broadcast_to(lower.hashes[end] - lower.hashes[lower.order.first[:-1]], shape)
                mixed = todo & ~above & (self.network.marginal_usd_per_hash(at_end) >= low)
                wanted = self.network.hashes_at_marginal(np.full(shape, low))
                regime[mixed], place[mixed], usd[mixed] = number, np.broadcast_to(floor, shape)[mixed], low
                hashes[mixed] = np.clip(wanted, at_end, np.maximum(at_end, at_floor))[mixed]
                span = at_floor - at_end
                part = np.divide(at_floor - hashes, span, out=np.zeros(shape), where=mixed & (span > 0))
                below[mixed] = np.clip(part, 0.0, 1.0)[mixed]
        value = self._value_usd(curves, regime, place, usd, hashes)
        return Meeting(curves, self.network, regime, place, usd, hashes, below, value)

    def _value_usd(
        self, curves: tuple[HashCurve, ...], regime: Places, place: Places, usd: Floats, hashes: Floats
    ) -> Floats:
        """Revenue less the cost of surplus and work, and what halls save [scenario, epoch]."""
        value = self.network.epoch_btc * self.network.btc_usd * self.network.share(hashes) - usd * hashes
        for number, curve in enumerate(curves):
            base = np.broadcast_to(curve.order.first[:-1], regime.shape)
            here = regime == number
            end = np.where(here, place, base)
            before = usd * (curve.hashes[end] - curve.hashes[base]) - (curve.cost_usd[end] - curve.cost_usd[base])
            value += np.where(here, before + curve.hall_usd, 0.0)
        return value

    def slopes_usd(self, meeting: Meeting, weights: Floats, zones: int, classes: int, *, by_epoch: bool) -> Floats:
        """What one more MW adds [epoch or 1, zone, class], weighted over the scenarios."""
        groups = self.groups
        keys = tuple(
            groups.epoch[cells.group] % self.epochs * zones + cells.zone if by_epoch else cells.zone
            for cells in groups.cells
        )
        count = zones * self.epochs if by_epoch else zones
        total = np.zeros((count, classes))
        weight = self.spread(weights)
        for number, curve in enumerate(meeting.curves):
            here = np.where(meeting.regime == number, weight, 0.0)
            if not here.any():
                continue
            place = np.where(here > 0, meeting.place, 0)
            used = elements_weight(curve.order, place, here)
            revenue = elements_weight(curve.order, place, here * meeting.usd_per_hash)
            total += slopes_usd(curve, Weights(used, revenue, here.sum(axis=0)), keys, count, classes)
        return total.reshape(count // zones, zones, classes)


def elements_weight(order: HashOrder, place: Places, weight: Floats) -> Floats:
    """The summed weight [element] of the scenarios that use it: those of its epoch whose ``place`` lies behind it."""
    count = len(order.place)
    ends = np.bincount(place.ravel(), weight.ravel(), count + 1)
    behind = np.cumsum(ends[::-1])[::-1]
    epoch_of = np.repeat(np.arange(len(order.first) - 1), np.diff(order.first))
    per_epoch = weight.sum(axis=0)
    later = np.concatenate((np.cumsum(per_epoch[::-1])[::-1][1:], [0.0]))
    return np.asarray(np.maximum(behind[1:] - later[epoch_of], 0.0), dtype=np.float64)


def _places_below(order: HashOrder, low: float) -> Places:
    """For each epoch the first element whose hashes cost more than ``low``."""
    if low == -np.inf or len(order.place) == 0:
        return order.first[:-1]
    cheap = np.concatenate(([0], np.cumsum(order.cost_usd_per_hash <= low)))
    return np.asarray(order.first[:-1] + cheap[order.first[1:]] - cheap[order.first[:-1]], dtype=np.intp)


def _meet_curve(curve: HashCurve, network: NetworkAnswer, floor: Places) -> tuple[Places, Floats, Floats]:
    """By bisection, from ``floor`` to the end of each epoch: place, hashes and marginal revenue [scenario, epoch].

    An element is used, if only in part, as long as marginal revenue before it is above its cost.
    """
    shape = network.others_hashes.shape
    order, base = curve.order, curve.hashes[curve.order.first[:-1]]
    low = np.broadcast_to(floor, shape).copy()
    high = np.broadcast_to(order.first[1:], shape).copy()
    while (low < high).any():
        middle = (low + high) // 2
        reached = np.minimum(middle, max(len(order.place) - 1, 0))
        before = curve.hashes[reached] - base
        used = (network.marginal_usd_per_hash(before) > order.cost_usd_per_hash[reached]) & (low < high)
        low = np.where(used, middle + 1, low)
        high = np.where(used | (low >= high), high, middle)
    reached = curve.hashes[low] - base
    price = network.marginal_usd_per_hash(reached)
    if len(order.place) == 0:
        return low, reached, price
    last = np.maximum(low - 1, 0)
    cost = np.where(low > floor, order.cost_usd_per_hash[last], -np.inf)
    partly = price < cost
    wanted = network.hashes_at_marginal(np.where(partly, cost, network.first_usd_per_hash))
    part = np.clip(wanted, curve.hashes[last] - base, reached)
    return np.where(partly, last, low), np.where(partly, part, reached), np.where(partly, cost, price)


def years_of_surplus(problem: AllocationProblem, year: OperatingYear) -> tuple[YearOfSurplus, ...]:
    """Prepare every year of surplus that some scenario has; those with a single one side by side."""
    answer = network_answer(problem.outlook, year.phase, year.epochs, problem.response, problem.elasticity)
    merit = merit_of(problem, year)
    most = most_hashes_per_hour(problem, merit)
    numbers, counts = np.unique(problem.outlook.surplus_year, return_counts=True)
    alone = [int(number) for number in numbers[counts == 1]]
    batches: list[tuple[int, ...]] = [(int(number),) for number in numbers[counts > 1]]
    batches += [tuple(alone[first : first + SIDE_BY_SIDE]) for first in range(0, len(alone), SIDE_BY_SIDE)]
    return tuple(
        year_of_surplus(problem, year, batch, tuple(year.supplies[k] for k in batch), answer, merit, most)
        for batch in batches
    )


def year_of_surplus(
    problem: AllocationProblem,
    year: OperatingYear,
    numbers: tuple[int, ...],
    supplies: tuple[tuple[ZoneSupply, ...], ...],
    answer: NetworkAnswer,
    merit: Merit,
    most_hashes: float,
) -> YearOfSurplus:
    """Prepare a year of surplus with its scenarios, or several ``numbers`` with one each, on their ``supplies``.

    ``most_hashes`` an hour bounds what could ever be mined.
    """
    scenarios = np.concatenate([np.flatnonzero(problem.outlook.surplus_year == number) for number in numbers])
    network = answer.part(scenarios)
    high = float(network.first_usd_per_hash.max()) * WIDE
    low = float(network.marginal_usd_per_hash(most_hashes * year.epochs.hours.astype(np.float64)).min()) / WIDE
    dearest, count = merit.dearest_usd_per_mwh(high), year.epochs.count
    slabs = [slabs_of(year.epochs, each, problem.pkr_per_usd, dearest) for each in supplies]
    groups = groups_of(one_after_the_other(slabs, count))
    cheapest = float(groups.cost_usd_per_mwh.min(initial=0.0))
    regimes = regimes_of(merit, low, high, cheapest)
    orders = tuple(hash_order(groups, count * len(numbers), merit, regime) for regime in regimes)
    joined = network if len(numbers) == 1 else network.in_a_row()
    return YearOfSurplus(scenarios, joined, groups, orders, count, len(numbers))


def most_hashes_per_hour(problem: AllocationProblem, merit: Merit) -> float:
    """What the largest allocation of the best machines could mine in an hour."""
    most_mw = max(limit.capacity for limit in problem.limits if limit.name.startswith("cap"))
    return min(most_mw, 1e9) * max((line.hashes_per_mwh for line in merit.lines), default=0.0)

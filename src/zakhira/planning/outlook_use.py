"""What an allocation does in the mean of all scenarios: surplus used, its cost, coins and revenue by zone and class."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from zakhira.planning.hash_curve import HashCurve
from zakhira.planning.outlook_year import Meeting, Places, YearOfSurplus, elements_weight
from zakhira.programme.series import Floats


@dataclass(frozen=True)
class YearUse:
    """Means over the scenarios [zone, class] of a year's horizon, undiscounted."""

    surplus_mwh: Floats
    cost_usd: Floats
    btc: Floats
    coin_usd: Floats


def part_use(part: YearOfSurplus, meeting: Meeting, power_mw: Floats, weights: Floats) -> YearUse:
    """What one year of surplus gives at ``power_mw`` [class, zone], weighted over its scenarios."""
    use = YearUse(*(np.zeros(power_mw.shape[::-1]) for _ in range(4)))
    mine = part.spread(weights)
    for curve, place, share, partly in _shares(meeting):
        _add(use, part, meeting, curve, place, share * mine, partly=partly, power_mw=power_mw)
    return use


def sum_of_uses(uses: list[YearUse]) -> YearUse:
    """The sum over years of surplus."""
    return YearUse(
        surplus_mwh=np.sum([use.surplus_mwh for use in uses], axis=0),
        cost_usd=np.sum([use.cost_usd for use in uses], axis=0),
        btc=np.sum([use.btc for use in uses], axis=0),
        coin_usd=np.sum([use.coin_usd for use in uses], axis=0),
    )


def _shares(meeting: Meeting) -> Iterator[tuple[HashCurve, Places, Floats, bool]]:
    """Each curve with the places up to which it is used, and with which share; and whether the next one is in part."""
    for number, curve in enumerate(meeting.curves):
        here = (meeting.regime == number) & (meeting.below == 0.0)
        yield curve, np.where(here, meeting.place, 0), here.astype(np.float64), True
        mixed = np.where(meeting.regime == number, meeting.below, 0.0)
        upper = np.where((meeting.regime == number) & (meeting.below > 0.0), 1.0 - meeting.below, 0.0)
        if upper.any() or mixed.any():
            yield curve, np.where(upper > 0, meeting.place, 0), upper, False
            lower = meeting.curves[number - 1]
            end = np.broadcast_to(lower.order.first[1:], mixed.shape)
            yield lower, np.where(mixed > 0, end, 0), mixed, False


def _add(
    use: YearUse,
    part: YearOfSurplus,
    meeting: Meeting,
    curve: HashCurve,
    place: Places,
    weight: Floats,
    *,
    partly: bool,
    power_mw: Floats,
) -> None:
    """Add what a curve is used for by scenarios and epochs with these weights."""
    if not weight.any():
        return
    network = meeting.network
    coin = network.epoch_btc * network.share(meeting.hashes) / np.maximum(meeting.hashes, 1.0)
    order, elements = curve.order, len(curve.order.place)
    factors = (np.ones_like(coin), coin, coin * network.btc_usd)
    taken = [elements_weight(order, place, weight * factor) for factor in factors]
    if partly and elements:
        base = np.broadcast_to(order.first[:-1], place.shape)
        inside = (weight > 0) & (place < order.first[1:])
        at = np.minimum(place, elements - 1)
        size = curve.hashes[at + 1] - curve.hashes[at]
        done = meeting.hashes - (curve.hashes[at] - curve.hashes[base])
        reached = np.clip(done, 0.0, np.maximum(size, 0.0))
        filled = np.divide(reached, size, out=np.zeros_like(size), where=inside & (size > 0))
        parts = [np.bincount(at.ravel(), (filled * weight * factor).ravel(), elements) for factor in factors]
        taken = [whole + more for whole, more in zip(taken, parts, strict=True)]
    of_hall = weight.sum(axis=0)[part.groups.epoch]
    mined = [_by_line(curve, values) for values in taken]
    _add_halls(use, curve, taken[0], of_hall, power_mw)
    for number, line in enumerate(order.regime.lines):
        mwh, hashes = mined[0][number], line.hashes_per_mwh
        amounts = (mwh, mwh * part.groups.cost_usd_per_mwh, mined[1][number] * hashes, mined[2][number] * hashes)
        _add_classes(use, curve, line.classes, amounts, power_mw)


def _by_line(curve: HashCurve, values: Floats) -> Floats:
    """From what elements count for to MWh by [line, group]: their own, and what a change of place adds."""
    own, change = _laid_out(curve, values)
    behind = curve.order.behind
    first = np.where(behind, curve.behind_mwh, curve.ahead_mwh)
    gained = np.where(behind, curve.ahead_mwh - curve.behind_mwh, 0.0)
    result: Floats = own * first + change[:, curve.groups.epoch] * gained
    return result


def _laid_out(curve: HashCurve, values: Floats) -> tuple[Floats, Floats]:
    """From elements to [line, group] and [line, epoch]."""
    order, count = curve.order, len(curve.groups.epoch)
    lines, epochs = len(order.regime.lines), len(order.first) - 1
    flat = np.zeros(lines * (count + epochs))
    flat[order.place] = values
    return flat[: lines * count].reshape(lines, count), flat[lines * count :].reshape(lines, epochs)


def _add_halls(use: YearUse, curve: HashCurve, taken: Floats, of_hall: Floats, power_mw: Floats) -> None:
    """Halls get what they get first, less what each fleet takes that changes place with them."""
    halls = curve.order.merit.halls
    if not halls:
        return
    _, change = _laid_out(curve, taken)
    got = curve.hall_mwh
    mwh = got[0] * of_hall + (change[:, curve.groups.epoch] * np.diff(got, axis=0)).sum(axis=0)
    mwh = np.where(curve.order.hall_rent_usd_per_mwh > 0, mwh, 0.0)
    nothing = np.zeros_like(mwh)
    _add_classes(use, curve, halls, (mwh, mwh * curve.groups.cost_usd_per_mwh, nothing, nothing), power_mw)


def _add_classes(
    use: YearUse, curve: HashCurve, classes: tuple[int, ...], amounts: tuple[Floats, ...], power_mw: Floats
) -> None:
    """Share amounts [group] among the classes of a line pro rata to what they may run, and sum them by zone."""
    zones = use.surplus_mwh.shape[0]
    if not curve.groups.cells:
        return
    mean_share = sum(cells.share.mean(axis=1) for cells in curve.groups.cells)
    may_run = power_mw * np.asarray(mean_share).reshape(-1, 1)
    whole = may_run[list(classes)].sum(axis=0)
    for place in classes:
        share = np.divide(may_run[place], whole, out=np.zeros(zones), where=whole > 0)
        for total, amount in zip((use.surplus_mwh, use.cost_usd, use.btc, use.coin_usd), amounts, strict=True):
            total[:, place] += np.bincount(curve.groups.zone, amount, zones) * share

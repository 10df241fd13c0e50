"""What an allocation does in the mean of all scenarios: surplus used, its cost, coins and revenue by zone and class."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from zakhira.planning.hash_curve import HashCurve, hall_rent
from zakhira.planning.merit import increments_mw
from zakhira.planning.outlook_oracle import OutlookOracle
from zakhira.planning.outlook_year import Meeting, Places, YearOfSurplus, elements_weight
from zakhira.programme.series import Floats


@dataclass(frozen=True)
class YearUse:
    """Means over the scenarios [zone, class] of one year's horizon, undiscounted."""

    surplus_mwh: Floats
    cost_usd: Floats
    btc: Floats
    coin_usd: Floats


def uses_of(oracle: OutlookOracle, power_mw: Floats, weights: Floats | None = None) -> tuple[YearUse, ...]:
    """What MW [column] do in each year; ``weights`` [scenario] are the outlook's unless given."""
    looked = oracle.meet(power_mw)
    weight = oracle.problem.outlook.weights if weights is None else weights
    return tuple(
        _year_use(parts, meetings, totals, weight)
        for parts, meetings, totals in zip(oracle.years, looked.meetings, looked.totals, strict=True)
    )


def _year_use(
    parts: tuple[YearOfSurplus, ...], meetings: tuple[Meeting, ...], power_mw: Floats, weights: Floats
) -> YearUse:
    classes, zones = power_mw.shape
    use = YearUse(*(np.zeros((zones, classes)) for _ in range(4)))
    for part, meeting in zip(parts, meetings, strict=True):
        mine = np.broadcast_to(weights[part.scenarios][:, None], meeting.regime.shape)
        for curve, place, share, partly in _shares(meeting):
            _add(use, part, meeting, curve, place, share * mine, partly=partly, power_mw=power_mw)
    return use


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
        filled = np.where(inside & (size > 0), np.clip(done / np.maximum(size, 1e-300), 0.0, 1.0), 0.0)
        parts = [np.bincount(at.ravel(), (filled * weight * factor).ravel(), elements) for factor in factors]
        taken = [whole + more for whole, more in zip(taken, parts, strict=True)]
    mwh = curve.amount_mwh.ravel()[order.place]
    hashes = mwh * order.hashes_per_mwh
    shaped = [_spread(curve, each * values) for each, values in zip((mwh, hashes, hashes), taken, strict=True)]
    of_hall = weight.sum(axis=0)[part.rows.epoch]
    for number, line in enumerate(order.regime.lines):
        if line.is_hall:
            rent = hall_rent(part.rows, line)
            shaped[0][number] = np.where(rent > 0, curve.amount_mwh[number], 0.0) * of_hall
    _by_class(use, curve, shaped, power_mw)


def _spread(curve: HashCurve, values: Floats) -> Floats:
    """From elements to [line, block, row]."""
    flat = np.zeros(curve.amount_mwh.size)
    flat[curve.order.place] = values
    return flat.reshape(curve.amount_mwh.shape)


def _by_class(use: YearUse, curve: HashCurve, shaped: list[Floats], power_mw: Floats) -> None:
    """Share each line's amounts among its classes pro rata to what they may run, and sum by zone."""
    rows = curve.rows
    zones = use.surplus_mwh.shape[0]
    at_row = power_mw[:, rows.zone]
    for number, line in enumerate(curve.order.regime.lines):
        whole = increments_mw(line, rows.run_share, at_row)
        per_row = [amount[number].sum(axis=0) for amount in shaped]
        per_row.insert(1, (shaped[0][number] * rows.cost_usd_per_mwh).sum(axis=0))
        for place in line.classes:
            own = rows.run_share[place] * at_row[place]
            share = np.divide(own, whole, out=np.zeros_like(own), where=whole > 0)
            for total, amount in zip((use.surplus_mwh, use.cost_usd, use.btc, use.coin_usd), per_row, strict=True):
                total[:, place] += np.bincount(rows.zone, amount * share, zones)

"""Surplus at the plug: what arrives after a zone's losses, and what using a part of it costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zakhira.programme.model import Zone
from zakhira.programme.series import Floats, Series


@dataclass(frozen=True)
class PlugSurplus:
    """One zone's surplus at the plug, [hour, block], with the cost ascending by block."""

    power_mw: Floats
    cost_pkr_per_mwh: Floats


def surplus_at_plug(series: Series, zone: Zone) -> PlugSurplus:
    """Take the zone's losses off: 1 MWh at the plug needs 1 / (1 - loss) MWh at the bus and costs as much more."""
    index = series.zones.index(zone.id)
    kept = 1.0 - zone.loss_share
    return PlugSurplus(series.surplus_mw[index] * kept, series.cost_pkr_per_mwh[index] / kept)


def cheaper_than_mw(supply: PlugSurplus, price_pkr_per_mwh: float) -> Floats:
    """MW in each hour [hour] that cost less than ``price_pkr_per_mwh``."""
    cheaper: Floats = np.where(supply.cost_pkr_per_mwh < price_pkr_per_mwh, supply.power_mw, 0.0).sum(axis=1)
    return cheaper


def cost_of_first_pkr(supply: PlugSurplus, used_mw: Floats) -> Floats:
    """Cost in rupees of the cheapest ``used_mw`` [hour] of each hour; blocks are used in ascending cost.

    The cost between two amounts, of somebody who comes after others, is the difference of two calls.
    """
    before = np.cumsum(supply.power_mw, axis=1) - supply.power_mw
    taken = np.clip(used_mw[:, None] - before, 0.0, supply.power_mw)
    result: Floats = (taken * supply.cost_pkr_per_mwh).sum(axis=1)
    return result

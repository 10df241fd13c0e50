"""Break-even: at which price of power, coin, hashprice or GPU-hour the use of a zone's surplus flips.

A use is the class whose MW is worth most a year after capital. Its worth is monotone in each price, piecewise linear in
the hours, and found exactly, so that bisection finds where it meets nothing or the worth of another class.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from zakhira.mining.economics import hashprice_usd_per_ph_day
from zakhira.mining.network import HASHES_PER_EH
from zakhira.mining.retarget import difficulty_of_hashrate
from zakhira.planning.allocation import Plan
from zakhira.planning.problem import AllocationProblem
from zakhira.planning.zone_hours import (
    Prices,
    first_usd_per_hash,
    marginal_usd_per_hash,
    power_of,
    zone_hours,
)
from zakhira.programme.model import Programme
from zakhira.programme.series import Floats

REACH = 10.0
"""Prices are looked at from a tenth to ten times what they are; power from a tenth less to ten times the tariff."""
GRID_STEPS = 48
"""A flip between two steps of the grid that flips back unseen is not found; steps are a tenth of the price."""
HALVINGS = 40


@dataclass(frozen=True)
class Flip:
    """Where a use flips: the price (a share of today's, or USD/MWh on top of it) and what it flips to.

    ``becomes`` is the class that is best beyond, or empty where nothing pays there.
    """

    price: float
    becomes: str


@dataclass(frozen=True)
class ZoneBreakEven:
    """A zone's best class by the first MW alone in the zone, or (``at_plan``) by one more MW beside the plan's.

    ``best`` is empty where nothing pays. Of each price the nearest flip below and above today's, or None within reach.
    """

    zone: str
    at_plan: bool
    best: str
    worth_usd: float
    coin_below: Flip | None
    coin_above: Flip | None
    gpu_below: Flip | None
    gpu_above: Flip | None
    power_above: Flip | None
    power_below: Flip | None


@dataclass(frozen=True)
class Today:
    """The prices that shares are of: USD a coin, USD/PH/day, and rupees to the dollar."""

    btc_usd: float
    hashprice_usd_per_ph_day: float
    pkr_per_usd: float
    gpu_hour_usd: tuple[tuple[str, float], ...]


def today_of(programme: Programme) -> Today:
    """The programme's own prices; hashprice before our work."""
    network = programme.network
    difficulty = difficulty_of_hashrate(network.hashrate_eh_per_s * HASHES_PER_EH)
    hashprice = hashprice_usd_per_ph_day(difficulty, network.height + 1, network.fee_share, programme.prices.btc_usd)
    rents = tuple((hall.id, hall.gpu_hour_usd) for hall in programme.halls)
    return Today(programme.prices.btc_usd, hashprice, programme.prices.pkr_per_usd, rents)


def break_evens(programme: Programme, problem: AllocationProblem, plan: Plan) -> tuple[ZoneBreakEven, ...]:
    """For each zone with a site: by the first MW, and at the plan; the plan's first year on the reference surplus.

    The hashprice moves with the coin's price, with all other work as it is in the plan.
    """
    power_mw = power_of(programme, problem, plan)
    first, marginal = first_usd_per_hash(problem), marginal_usd_per_hash(problem, power_mw)
    tariff = programme.prices.firm_tariff_pkr_per_kwh * 1000 / programme.prices.pkr_per_usd
    found = []
    for zone in dict.fromkeys(column.zone for column in problem.columns):
        for at_plan, usd_per_hash in ((False, first), (True, marginal)):
            look = zone_hours(problem, power_mw, zone, usd_per_hash)
            worth = look.last_mw_usd if at_plan else look.first_mw_usd
            found.append(_zone(programme.zones[zone].id, problem, worth, tariff, at_plan=at_plan))
    return tuple(found)


def _zone(
    zone: str,
    problem: AllocationProblem,
    worth: Callable[[Prices], Floats],
    tariff_usd: float,
    *,
    at_plan: bool,
) -> ZoneBreakEven:
    names = [problem.worths[position].class_id for position in problem.years[0].classes]

    def best(prices: Prices) -> int:
        values = worth(prices)
        top = int(np.argmax(values))
        return top if values[top] > 0 else -1

    def flips(of: Callable[[float], Prices], places: Floats) -> Flip | None:
        return _flip(lambda at: best(of(at)), places, names)

    up, down = np.geomspace(1.0, REACH, GRID_STEPS), np.geomspace(1.0, 1.0 / REACH, GRID_STEPS)
    dearer, cheaper = np.linspace(0.0, REACH * tariff_usd, 4 * GRID_STEPS), np.linspace(0.0, -tariff_usd, GRID_STEPS)
    now = best(Prices())
    usual = Prices()
    return ZoneBreakEven(
        zone=zone,
        at_plan=at_plan,
        best=names[now] if now >= 0 else "",
        worth_usd=float(worth(usual).max(initial=-math.inf)),
        coin_below=flips(lambda at: replace(usual, coin_share=at), down),
        coin_above=flips(lambda at: replace(usual, coin_share=at), up),
        gpu_below=flips(lambda at: replace(usual, gpu_share=at), down),
        gpu_above=flips(lambda at: replace(usual, gpu_share=at), up),
        power_above=flips(lambda at: replace(usual, more_usd_per_mwh=at), dearer),
        power_below=flips(lambda at: replace(usual, more_usd_per_mwh=at), cheaper),
    )


def _flip(best: Callable[[float], int], places: Floats, names: list[str]) -> Flip | None:
    """The nearest place from the first one on at which the best use is another."""
    now, before = best(float(places[0])), float(places[0])
    for place in places[1:]:
        if best(float(place)) != now:
            low, high = before, float(place)
            for _ in range(HALVINGS):
                middle = (low + high) / 2
                low, high = (middle, high) if best(middle) == now else (low, middle)
            becomes = best(high)
            return Flip(high, names[becomes] if becomes >= 0 else "")
        before = float(place)
    return None

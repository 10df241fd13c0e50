"""Break-even: at which price of power, coin, hashprice or GPU-hour the use of a zone's surplus flips.

A use is the class whose MW is worth most a year after capital. Its worth is monotone in each price, piecewise linear in
the hours, and found exactly, so that bisection finds where it meets nothing or the worth of another class.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

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
"""Prices are looked at from a tenth to ten times what they are; power from a tariff less to 2.5 tariffs more."""
GRID_STEPS = 20
"""A use that flips and flips back between two steps of the grid is not found; a step is an eighth of the price."""
HALVINGS = 34


@dataclass(frozen=True)
class Flip:
    """Where a use flips: the price (a share of today's, or USD/MWh on top of it) and what it flips to.

    ``becomes`` is the class that is best beyond, or empty where nothing pays there.
    """

    price: float
    becomes: str


@dataclass(frozen=True)
class ZoneBreakEven:
    """A zone's best fleet or best hall (``kind`` is mining or AI), alone in the zone or (``at_plan``) beside the plan.

    Alone: by the first MW, of every class. At the plan: by one more MW, of the classes that the plan grants there.
    ``best`` is empty where nothing pays. The nearest flips below and above today's price of a coin (of a GPU-hour for
    halls) and of power, or None within reach.
    """

    zone: str
    kind: str
    at_plan: bool
    best: str
    worth_usd: float
    price_below: Flip | None
    price_above: Flip | None
    power_below: Flip | None
    power_above: Flip | None


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
    """Every zone with a site, in the plan's first year on the reference surplus.

    The hashprice moves with the coin's price, with all other work as it is in the plan.
    """
    power_mw = power_of(programme, problem, plan)
    first, marginal = first_usd_per_hash(problem), marginal_usd_per_hash(problem, power_mw)
    tariff = programme.prices.firm_tariff_pkr_per_kwh * 1000 / programme.prices.pkr_per_usd
    worths = [problem.worths[position] for position in problem.years[0].classes]
    found = []
    for zone in dict.fromkeys(column.zone for column in problem.columns):
        for kind, is_hall in (("mining", False), ("AI", True)):
            for at_plan, usd_per_hash in ((False, first), (True, marginal)):
                look = zone_hours(problem, power_mw, zone, usd_per_hash)
                places = [
                    place
                    for place, worth in enumerate(worths)
                    if worth.is_hall == is_hall and (not at_plan or look.granted_mw[place] > 0)
                ]
                if places:
                    names = {place: worths[place].class_id for place in places}
                    uses = _Uses(look.last_mw_usd if at_plan else look.first_mw_usd, names, is_hall=is_hall)
                    found.append(_zone(programme.zones[zone].id, kind, uses, tariff, at_plan=at_plan))
    return tuple(found)


@dataclass(frozen=True)
class _Uses:
    """The classes among which a zone's use is the best: their worth at prices, and their names by place."""

    worth: Callable[[Prices], Floats]
    names: Mapping[int, str]
    is_hall: bool

    def best(self, prices: Prices) -> str:
        """The class whose MW is worth most; nothing where none is worth anything."""
        values = self.worth(prices)
        top = max(self.names, key=lambda place: float(values[place]))
        return self.names[top] if values[top] > 0 else ""

    def at_price(self, share: float) -> str:
        """The best use where the coin, or the GPU-hour for halls, costs a share of today's price."""
        return self.best(Prices(gpu_share=share) if self.is_hall else Prices(coin_share=share))

    def at_power(self, more_usd_per_mwh: float) -> str:
        """The best use where surplus costs so much more."""
        return self.best(Prices(more_usd_per_mwh=more_usd_per_mwh))


def _zone(zone: str, kind: str, uses: _Uses, tariff_usd: float, *, at_plan: bool) -> ZoneBreakEven:
    up, down = np.geomspace(1.0, REACH, GRID_STEPS), np.geomspace(1.0, 1.0 / REACH, GRID_STEPS)
    values = uses.worth(Prices())
    return ZoneBreakEven(
        zone=zone,
        kind=kind,
        at_plan=at_plan,
        best=uses.best(Prices()),
        worth_usd=max(float(values[place]) for place in uses.names),
        price_below=_flip(uses.at_price, down),
        price_above=_flip(uses.at_price, up),
        power_below=_flip(uses.at_power, np.linspace(0.0, -tariff_usd, GRID_STEPS)),
        power_above=_flip(uses.at_power, np.linspace(0.0, REACH * tariff_usd / 4, 2 * GRID_STEPS)),
    )


def _flip(best: Callable[[float], str], places: Floats) -> Flip | None:
    """The nearest place from the first one on at which the best use is another."""
    now, before = best(float(places[0])), float(places[0])
    for place in places[1:]:
        if best(float(place)) != now:
            low, high = before, float(place)
            for _ in range(HALVINGS):
                middle = (low + high) / 2
                low, high = (middle, high) if best(middle) == now else (low, middle)
            return Flip(high, best(high))
        before = float(place)
    return None

"""Random programmes of 1 to 6 zones for the cross-checks of planning, with outlooks and years of surplus to match."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from example_programme import START, build_programme, machine
from zakhira.kernel.interval import HourRange
from zakhira.planning.outlook import Outlook
from zakhira.programme.model import HallClass, Licensee, Programme, Site, Zone
from zakhira.programme.series import Series

HALL_LIMIT_MW = 12.0


def random_case(
    seed: int, zones: int, hours: int, *, blocks: int = 2, budget: bool = True, derated: bool = True
) -> tuple[Programme, Series]:
    """A programme and its series: two fleets and a hall, limits of every kind that bind now and then."""
    rng = np.random.default_rng(seed)
    base = build_programme(hours)
    names = [f"z{number}" for number in range(zones)]
    machines = (
        machine("old", 19.0, float(rng.uniform(0.05, 0.6)), float(rng.uniform(10, 60))),
        machine("new", 13.0, float(rng.uniform(0.3, 3.0)), float(rng.uniform(5, 40))),
    )
    if not derated:
        machines = (replace(machines[0], derate_from_c=60.0, stop_at_c=70.0), machines[1])
        machines = (machines[0], replace(machines[1], derate_from_c=60.0, stop_at_c=70.0))
    hall = HallClass("h", "H", 1.7, 2.25, 0.7, float(rng.uniform(15e6, 60e6)), 25.0, 0.9998, 7.0, 1.0, HALL_LIMIT_MW)
    programme = replace(
        base,
        zones=tuple(Zone(name, name, 25.0, 68.0, name, 0.0, float(rng.uniform(10, 40))) for name in names),
        sites=tuple(
            Site(f"s{name}", f"l{n % 2}", name, float(rng.uniform(8, 30)), 0.2) for n, name in enumerate(names)
        ),
        licensees=tuple(Licensee(f"l{n}", f"L{n}", 20.0 * zones, "pool-a", 0.1, 0.05) for n in range(2)),
        machines=machines,
        halls=(hall,),
        prices=replace(base.prices, capital_budget_usd=float(rng.uniform(1e6, 6e6)) * zones if budget else 1e12),
        cap_mw=float(rng.uniform(5, 25)) * zones,
    )
    return programme, random_surplus(rng, programme, hours, blocks)


def random_surplus(rng: np.random.Generator, programme: Programme, hours: int, blocks: int) -> Series:
    """Surplus with hours without any, costs on both sides of what machines earn, and heat."""
    zones = len(programme.zones)
    surplus = rng.gamma(2.0, 6.0, (zones, hours, blocks))
    surplus[rng.random((zones, hours)) < 0.3] = 0.0
    cost = np.sort(rng.uniform(500.0, 26_000.0, (zones, hours, blocks)), axis=2)
    ambient = rng.choice([20.0, 38.0, 42.0, 45.0], size=(zones, hours))
    return Series(tuple(zone.id for zone in programme.zones), HourRange(START, hours), surplus, cost, ambient)


def random_outlook(
    rng: np.random.Generator,
    programme: Programme,
    count: int,
    epochs: int,
    *,
    phases: int = 1,
    surplus_years: int = 1,
    spread: float = 0.4,
) -> Outlook:
    """Scenarios around the programme's prices and network, with uneven weights."""
    weights = rng.uniform(0.5, 2.0, count)
    shape = (count, phases, epochs)
    return Outlook(
        weights=weights / weights.sum(),
        surplus_year=rng.integers(0, surplus_years, count),
        btc_usd=programme.prices.btc_usd * np.exp(rng.normal(0.0, spread, shape)),
        others_eh_per_s=programme.network.hashrate_eh_per_s * np.exp(rng.normal(0.0, spread / 2, shape)),
        gpu_factor=np.exp(rng.normal(0.0, 0.2, count)),
    )


def in_small_network(programme: Programme, share: float, response: str) -> Programme:
    """The same hashprice in a network so small that the whole cap is about ``share`` of it; and how it answers."""
    eh_per_s = programme.cap_mw * 1e6 / 1.06 / 17.5 * 1e12 / 1e18 / share
    scale = eh_per_s / programme.network.hashrate_eh_per_s
    return replace(
        programme,
        network=replace(programme.network, hashrate_eh_per_s=eh_per_s),
        prices=replace(programme.prices, btc_usd=programme.prices.btc_usd * scale),
        planning=replace(programme.planning, response=response),
    )

"""A year of surplus, generated from the facts of a power system: never set, it is what dispatch leaves over."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zakhira.energy.generation_dispatch import committed_mw, dispatch_regions, dispatch_with_minimum, evacuable_mw
from zakhira.energy.generation_surplus import MW_STEP, PlantCosts, plant_costs, surplus_blocks
from zakhira.energy.generation_units import units_ready
from zakhira.energy.generation_weather import (
    HOURS_PER_DAY,
    Calendar,
    Ints,
    ambient_c,
    calendar_of,
    demand_mw,
    hydro_mw,
    rooftop_mw,
    wind_share,
)
from zakhira.energy.power_system import REGIONS, PowerSystem
from zakhira.kernel.errors import InvalidInput
from zakhira.programme.series import Floats, Series

HYDRO = "hydro"
WIND = "wind"


class DemandNotServed(InvalidInput):
    """The plants of a power system are too small for its demand."""

    code = "ZK-ENERGY-120"


class SolarAboveUse(InvalidInput):
    """Rooftop solar makes more than a region uses: what the grid would do with it is not modelled."""

    code = "ZK-ENERGY-121"


@dataclass(frozen=True)
class SystemRun:
    """What the plants did: [plant, hour] in MW, ``flow_mw`` from south to north [hour], ``unserved_mw`` [region, hour].

    ``available_mw`` is what plants could give (units ready, fuel, water, wind), ``committed_mw`` what of it was running
    and could be carried away, ``output_mw`` what dispatch took. What is available and not taken is idle: the source of
    all surplus.
    """

    available_mw: Floats
    committed_mw: Floats
    output_mw: Floats
    flow_mw: Floats
    unserved_mw: Floats


@dataclass(frozen=True)
class GeneratedYear:
    """What the generator made: the load by region [region, hour], rooftop solar [hour], the plants' run, the series."""

    calendar: Calendar
    load_mw: Floats
    rooftop_mw: Floats
    run: SystemRun
    costs: PlantCosts
    series: Series


def available_power(system: PowerSystem, calendar: Calendar, load: Floats, seed: int) -> Floats:
    """What every plant could give, [plant, hour]: units ready, and what fuel, water or wind leaves of them."""
    units = units_ready(system, calendar.days, seed)[:, calendar.day]
    unit_mw = np.array([plant.unit_mw for plant in system.plants])
    limit = np.array(
        [
            system.technology(plant.technology).available_share * plant.fuel_limit_share * plant.capacity_mw
            for plant in system.plants
        ]
    )
    available: Floats = np.minimum(units * unit_mw[:, None], limit[:, calendar.month])
    kinds = np.array([plant.technology for plant in system.plants])
    available[kinds == WIND] *= wind_share(system, calendar, seed)
    water = available[kinds == HYDRO]
    capacity = water.sum(axis=0)
    share = water / np.maximum(capacity, 1e-9)
    available[kinds == HYDRO] = share * hydro_mw(system, calendar, load, capacity, seed)
    return available


def _committed(system: PowerSystem, calendar: Calendar, load: Floats, grid: Floats, costs: PlantCosts) -> Floats:
    """Capacity on the bars, [plant, hour]: decided for each day by the least-cost dispatch of its peak hour."""
    region = _regions(system)
    peak = load.sum(axis=0).reshape(-1, HOURS_PER_DAY).argmax(axis=1) + HOURS_PER_DAY * np.arange(calendar.days)
    output = np.zeros((len(system.plants), calendar.days))
    for month in range(len(system.months)):
        days = np.flatnonzero(calendar.month[peak] == month)
        at = peak[days]
        balance = dispatch_regions(grid[:, at], costs.full[:, month], region, load[:, at], system.corridor_mw)
        output[:, days] = balance.output_mw
    unit_mw = np.array([plant.unit_mw for plant in system.plants])
    committed = committed_mw(output, grid[:, peak], unit_mw, system.figures.reserve_share)
    hourly: Floats = np.minimum(committed[:, calendar.day], grid)
    free = np.array([system.technology(plant.technology).min_load_share == 0 for plant in system.plants])
    hourly[free] = grid[free]
    return hourly


def _regions(system: PowerSystem) -> Ints:
    return np.array([REGIONS.index(plant.region) for plant in system.plants], dtype=np.int64)


def _least(system: PowerSystem, calendar: Calendar, grid: Floats, committed: Floats) -> Floats:
    """What each plant runs at least, [plant, hour]: its units' technical minimum, and fuel that must be taken."""
    kinds = [system.technology(plant.technology) for plant in system.plants]
    minimum = committed * np.array([kind.min_load_share for kind in kinds])[:, None]
    take = np.array(
        [kind.must_take_share * plant.capacity_mw for kind, plant in zip(kinds, system.plants, strict=True)]
    )
    least: Floats = np.minimum(np.maximum(minimum, take[:, calendar.month]), grid)
    return least


def run_system(
    system: PowerSystem, calendar: Calendar, load: Floats, available: Floats, costs: PlantCosts
) -> SystemRun:
    """Commit units for each day's peak and dispatch every hour at least cost within the lines and the minimum loads."""
    grid = np.empty_like(available)
    for month in range(len(system.months)):
        hours = calendar.month == month
        grid[:, hours] = evacuable_mw(system, available[:, hours], costs.full[:, month])
    committed = _committed(system, calendar, load, grid, costs)
    least = _least(system, calendar, grid, committed)
    committed = np.maximum(committed, least)
    region = _regions(system)
    output, flow, unserved = np.empty_like(grid), np.empty(load.shape[1]), np.empty_like(load)
    for month in range(len(system.months)):
        hours = calendar.month == month
        steps = np.stack((least[:, hours], (committed - least)[:, hours], (grid - committed)[:, hours]))
        prices = np.stack((costs.headroom[:, month], costs.headroom[:, month], costs.full[:, month]))
        part = dispatch_with_minimum(steps, prices, region, load[:, hours], system.corridor_mw)
        output[:, hours], flow[hours], unserved[:, hours] = part.output_mw, part.flow_mw, part.unserved_mw
    return SystemRun(available, committed, output, flow, unserved)


def _require_served(calendar: Calendar, run: SystemRun) -> None:
    short = run.unserved_mw.sum(axis=0)
    if short.max() > MW_STEP:
        hour = calendar.hours.at(int(short.argmax()))
        raise DemandNotServed(
            f"{int((short > MW_STEP).sum())} hours lack power, most {short.max():.0f} MW at {hour.isoformat()}.",
            "Add plants, raise fuel limits or lower the demand of that month.",
        )


def _require_load(calendar: Calendar, load: Floats) -> None:
    least = load.min(axis=0)
    if least.min() < 0.0:
        hour = calendar.hours.at(int(least.argmin()))
        raise SolarAboveUse(
            f"In {int((least < 0.0).sum())} hours a region's load is below 0, least {least.min():.0f} MW at "
            f"{hour.isoformat()}.",
            "Lower the rooftop solar or raise the demand of that month.",
        )


def generate_year(system: PowerSystem, seed: int) -> GeneratedYear:
    """Generate the hourly year of a power system: the same seed gives the same year.

    Raises:
        DemandNotServed: in some hour the plants cannot meet the demand.
        SolarAboveUse: in some hour rooftop solar makes more than a region uses.
    """
    calendar = calendar_of(system)
    rooftop = rooftop_mw(system, calendar, seed)
    load = demand_mw(system, calendar, rooftop, seed)
    _require_load(calendar, load)
    costs = plant_costs(system)
    available = available_power(system, calendar, load.sum(axis=0), seed)
    run = run_system(system, calendar, load, available, costs)
    _require_served(calendar, run)
    running = np.maximum(run.committed_mw - run.output_mw, 0.0)
    cold = np.maximum(available - np.maximum(run.committed_mw, run.output_mw), 0.0)
    surplus_mw, block_cost = surplus_blocks(system, ((running, costs.headroom), (cold, costs.full)), calendar.month)
    noise_c = system.figures.temperature_noise_c
    ambient = np.array([ambient_c(zone, calendar, noise_c, seed) for zone in system.zones])
    zones = tuple(zone.id for zone in system.zones)
    series = Series(zones, calendar.hours, surplus_mw, block_cost, np.round(ambient, 1))
    return GeneratedYear(calendar, load, rooftop, run, costs, series)

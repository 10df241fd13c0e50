"""Idle power at each zone's plants, sorted into cost blocks: the surplus that the grid can offer there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from zakhira.energy.generation_weather import Ints
from zakhira.energy.power_system import PowerSystem
from zakhira.programme.series import Floats

BLOCKS = 3
PKR_PER_MWH_PER_PKR_PER_KWH = 1000.0
MW_STEP = 0.1
"""Series are rounded down to this, so that they compress and read well and never say more than there is."""


@dataclass(frozen=True)
class PlantCosts:
    """Marginal cost by plant and month in PKR/kWh.

    ``full`` is the fuel of a unit that starts for it, ``headroom`` that of a unit that runs already and goes up; both
    with variable operation and maintenance.
    """

    full: Floats
    headroom: Floats


def plant_costs(system: PowerSystem) -> PlantCosts:
    """The costs of every plant: the technology's fuel, the plant's offset, operation and maintenance."""
    full, headroom = [], []
    for plant in system.plants:
        technology = system.technology(plant.technology)
        fuel = np.maximum(technology.fuel_pkr_per_kwh + plant.cost_offset_pkr_per_kwh, 0.0)
        full.append(fuel + technology.variable_om_pkr_per_kwh)
        headroom.append(fuel * technology.headroom_cost_share + technology.variable_om_pkr_per_kwh)
    return PlantCosts(np.array(full), np.array(headroom))


def _block_edges(system: PowerSystem) -> tuple[float, ...]:
    figures = system.figures
    return (
        0.0,
        figures.block_1_below_pkr_per_kwh,
        figures.block_2_below_pkr_per_kwh,
        figures.offer_ceiling_pkr_per_kwh,
    )


def surplus_blocks(system: PowerSystem, idle: Sequence[tuple[Floats, Floats]], month: Ints) -> tuple[Floats, Floats]:
    """Sort idle power into three blocks of ascending cost: [zone, hour, block] in MW and in PKR/MWh.

    ``idle`` holds pairs of MW [plant, hour] and cost [plant, month]. Power goes to the block in whose range its cost
    lies (``block_1_below``, ``block_2_below``, ``offer_ceiling``: dearer power is not offered); a block costs the mean
    of what is in it, and an empty block the lower end of its range.
    """
    edges = _block_edges(system)
    zone_of = [plant.zone for plant in system.plants]
    surplus = np.zeros((len(system.zones), month.size, BLOCKS))
    spend = np.zeros_like(surplus)
    for index, zone in enumerate(system.zones):
        for row in (row for row, name in enumerate(zone_of) if name == zone.id):
            for power, cost in idle:
                hourly_cost = cost[row][month]
                for block in range(BLOCKS):
                    inside = (hourly_cost >= edges[block]) & (hourly_cost < edges[block + 1])
                    offered = np.where(inside, power[row], 0.0)
                    surplus[index, :, block] += offered
                    spend[index, :, block] += offered * hourly_cost
    rounded = np.round(np.floor(surplus / MW_STEP + 1e-6) * MW_STEP, 1)
    lowest = np.broadcast_to(np.array(edges[:BLOCKS]), surplus.shape)
    mean = np.divide(spend, surplus, out=lowest.copy(), where=rounded > 0)
    return rounded, np.round(mean * PKR_PER_MWH_PER_PKR_PER_KWH)

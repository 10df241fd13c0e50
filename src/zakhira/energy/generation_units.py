"""Which units stand ready on each day: planned and forced outages, drawn from the seed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from zakhira.energy.power_system import PowerSystem, Technology
from zakhira.kernel.ids import seeded_rng
from zakhira.programme.series import Floats


def _forced_days(rng: np.random.Generator, technology: Technology, days: int) -> npt.NDArray[np.bool_]:
    """Whether a unit is broken on each day: a two-state Markov chain with the given share and mean length."""
    share, length = technology.forced_outage_share, max(technology.forced_days, 1.0)
    fails = share / (length * max(1.0 - share, 1e-9))
    draws = rng.random(days + 1)
    broken = bool(draws[days] < share)
    out = np.empty(days, dtype=np.bool_)
    for day in range(days):
        broken = bool(draws[day] >= 1.0 / length if broken else draws[day] < fails)
        out[day] = broken
    return out


def _ready_by_unit(
    system: PowerSystem, technology: Technology, count: int, days: int, seed: int
) -> npt.NDArray[np.bool_]:
    """Whether each of ``count`` units of a technology works, [unit, day].

    Overhauls are spread over the season: each unit has a slot of its own, in an order and at a day drawn from the seed.
    """
    rng = seeded_rng(seed, "overhaul", technology.id)
    length = round(technology.planned_days)
    first, last = system.figures.planned_from_day, min(system.figures.planned_to_day, days) - length
    slots = (rng.permutation(count) + rng.random(count)) / max(count, 1)
    ready = np.empty((count, days), dtype=np.bool_)
    for unit in range(count):
        ready[unit] = ~_forced_days(seeded_rng(seed, "outage", technology.id, unit), technology, days)
        start = int(first + max(last - first, 0.0) * slots[unit])
        ready[unit, start : start + length] = False
    return ready


def units_ready(system: PowerSystem, days: int, seed: int) -> Floats:
    """Units of each plant that are neither broken nor in overhaul, [plant, day]."""
    ready = np.zeros((len(system.plants), days))
    for technology in system.technologies:
        own = [index for index, plant in enumerate(system.plants) if plant.technology == technology.id]
        counts = [system.plants[index].unit_count for index in own]
        owner = np.repeat(np.array(own, dtype=np.int64), np.array(counts, dtype=np.int64))
        np.add.at(ready, owner, _ready_by_unit(system, technology, owner.size, days, seed))
    return ready

"""Every hour of every zone: what classes use, what is taken of the surplus, lines and batteries."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from zakhira.planning.full.assembly import Places
from zakhira.planning.full.recourse import Recourse
from zakhira.planning.full.supply import HourlySupply
from zakhira.planning.problem import AllocationProblem, OperatingYear
from zakhira.programme.model import Programme
from zakhira.programme.series import Floats


@dataclass(frozen=True)
class HourColumns:
    """Columns of ``use`` [zone, class, hour] and ``taken`` [zone, hour, block] in MW.

    ``reach`` [zone, class, hour] are the rows that hold use within what stands; ``balance`` [zone, hour] those of the
    plug: what leaves it less what arrives is 0.
    """

    use: Places
    taken: Places
    reach: Places
    balance: Places


def add_hours(
    recourse: Recourse,
    problem: AllocationProblem,
    year: OperatingYear,
    standing: Places,
    supply: HourlySupply,
    usd_per_hash: Floats,
    scale: float,
) -> HourColumns:
    """Use within what stands, surplus within its blocks, and as much used as taken.

    ``usd_per_hash`` [hour] is what a hash earns by itself; ``scale`` takes a dollar of the horizon to the objective.
    """
    lp, (zones, classes, hours) = recourse.lp, supply.shape
    use, reach = lp.columns((zones, classes, hours)), lp.rows((zones, classes, hours), -math.inf, 0.0)
    recourse.worth(use, scale * value_usd_per_mwh(problem, year, usd_per_hash))
    lp.term(reach, use, 1.0)
    lp.term(reach, standing[:, :, None], -supply.run_share)
    taken = lp.columns(supply.power_mw.shape, supply.power_mw)
    recourse.worth(taken, -scale * supply.cost_usd_per_mwh)
    balance = lp.rows((zones, hours), 0.0, 0.0)
    lp.term(balance[:, None, :], use, 1.0)
    lp.term(balance[:, :, None], taken, -1.0)
    return HourColumns(use, taken, reach, balance)


def value_usd_per_mwh(problem: AllocationProblem, year: OperatingYear, usd_per_hash: Floats) -> Floats:
    """What a MWh is worth before its cost [class, hour]: a fleet's revenue less work, a hall's saved firm tariff."""
    values = []
    for position in year.classes:
        worth = problem.worths[position]
        if worth.is_hall:
            values.append(np.full(len(usd_per_hash), worth.surplus_value_usd_per_mwh))
        else:
            values.append(worth.hashes_per_mwh * usd_per_hash - worth.opex_usd_per_mwh)
    return np.array(values).reshape(len(year.classes), len(usd_per_hash))


def add_links(recourse: Recourse, programme: Programme, columns: HourColumns) -> None:
    """Flows each way within the line and within what may be wheeled; what is lost does not arrive."""
    lp, hours = recourse.lp, columns.balance.shape[1]
    place = {zone.id: number for number, zone in enumerate(programme.zones)}
    for link in programme.links:
        ends = place[link.from_zone], place[link.to_zone]
        for start, end in (ends, ends[::-1]):
            flow = lp.columns((hours,), min(link.limit_mw, link.wheeling_mw))
            lp.term(columns.balance[start], flow, 1.0)
            lp.term(columns.balance[end], flow, link.loss_share - 1.0)


def add_batteries(recourse: Recourse, programme: Programme, columns: HourColumns) -> None:
    """Energy from hour to hour, at the end as at the start; a cycle's loss in equal parts on the way in and out."""
    lp, hours = recourse.lp, columns.balance.shape[1]
    place = {zone.id: number for number, zone in enumerate(programme.zones)}
    for battery in programme.batteries:
        kept = math.sqrt(battery.round_trip_share)
        charge, discharge = (lp.columns((hours,), battery.power_mw) for _ in range(2))
        energy = lp.columns((hours,), battery.energy_mwh)
        lp.term(columns.balance[place[battery.zone]], charge, 1.0)
        lp.term(columns.balance[place[battery.zone]], discharge, -1.0)
        change = lp.rows((hours,), 0.0, 0.0)
        lp.term(change, energy, 1.0)
        lp.term(change, np.roll(energy, 1), -1.0)
        lp.term(change, charge, -kept)
        lp.term(change, discharge, 1.0 / kept)

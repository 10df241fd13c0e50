"""What serves a zone's halls beyond surplus: firm supply within its limit, backup, and what may stay unserved.

The value of a hall's MW counts all of its load as served by firm supply. So each MWh that comes from elsewhere, or is
not served, counts by its difference: the tariff saved, less fuel, or less lost revenue and penalty.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from zakhira.planning.full.assembly import Places
from zakhira.planning.full.hours import HourColumns
from zakhira.planning.full.recourse import Recourse
from zakhira.planning.full.supply import HourlySupply
from zakhira.planning.method import firm_limit_mw
from zakhira.planning.problem import AllocationProblem, OperatingYear
from zakhira.programme.model import HallClass, Programme
from zakhira.programme.series import Floats


@dataclass(frozen=True)
class Months:
    """The local month of each hour [hour] as a position among ``names``."""

    of_hour: Places
    names: tuple[str, ...]


@dataclass(frozen=True)
class HallColumns:
    """Columns in MW [zone, hour] of one hall class: ``place`` is its position in the year.

    ``service`` [zone, month] are the rows of its service level.
    """

    hall: HallClass
    place: int
    backup: Places
    unserved: Places
    paused: Places
    service: Places


def add_hall_supply(
    recourse: Recourse,
    programme: Programme,
    problem: AllocationProblem,
    year: OperatingYear,
    standing: Places,
    supply: HourlySupply,
    columns: HourColumns,
    months: Months,
    gpu_factor: float,
    scale: float,
) -> tuple[HallColumns, ...]:
    """Rows of every hall class of the year, and those of each zone's firm supply and backup."""
    lp, (zones, _, hours) = recourse.lp, supply.shape
    firm = lp.rows((zones, hours), -math.inf, np.array([[firm_limit_mw(zone)] for zone in programme.zones]))
    fuel_usd, backup_mw = _backups(programme)
    reserve = lp.rows((zones, hours), -math.inf, backup_mw[:, None])
    by_id = {hall.id: hall for hall in programme.halls}
    found = []
    for place, position in enumerate(year.classes):
        worth = problem.worths[position]
        if not worth.is_hall:
            continue
        hall, tariff = by_id[worth.class_id], worth.surplus_value_usd_per_mwh
        backup, unserved, paused = (lp.columns((zones, hours)) for _ in range(3))
        lost = worth.revenue_usd_per_mwh * gpu_factor - worth.opex_usd_per_mwh
        recourse.worth(backup, scale * (tariff - fuel_usd)[:, None])
        recourse.worth(unserved, scale * (tariff - lost - hall.unserved_usd_per_mwh))
        recourse.worth(paused, scale * (tariff - lost))
        lp.term(firm, standing[:, place, None], supply.run_share[:, place])
        lp.term(firm, columns.use[:, place], -1.0)
        lp.term(reserve, backup, 1.0)
        for other in (backup, unserved, paused):
            lp.term(columns.reach[:, place], other, 1.0)
            lp.term(firm, other, -1.0)
        service = _add_service(recourse, hall, standing[:, place], supply.run_share[:, place], unserved, months)
        _add_pauses(recourse, hall, standing[:, place], supply.run_share[:, place], worth.load_share, paused, months)
        found.append(HallColumns(hall, place, backup, unserved, paused, service))
    return tuple(found)


def _backups(programme: Programme) -> tuple[Floats, Floats]:
    """Cost of the fuel in USD/MWh and power in MW [zone]; no power where there is no backup."""
    fuel, power = np.zeros(len(programme.zones)), np.zeros(len(programme.zones))
    place = {zone.id: number for number, zone in enumerate(programme.zones)}
    for backup in programme.backups:
        fuel[place[backup.zone]], power[place[backup.zone]] = backup.fuel_usd_per_mwh, backup.power_mw
    return fuel, power


def _add_service(
    recourse: Recourse, hall: HallClass, standing: Places, run_share: Floats, unserved: Places, months: Months
) -> Places:
    """In each month of each zone no more may stay unserved than the service level leaves; pauses do not count."""
    lp, zones = recourse.lp, len(standing)
    rows = lp.rows((zones, len(months.names)), -math.inf, 0.0)
    lp.term(rows[:, months.of_hour], unserved, 1.0)
    load = np.array([np.bincount(months.of_hour, share, len(months.names)) for share in run_share])
    lp.term(rows, standing[:, None], -(1.0 - hall.service_share) * load)
    return rows


def _add_pauses(
    recourse: Recourse,
    hall: HallClass,
    standing: Places,
    run_share: Floats,
    load_share: float,
    paused: Places,
    months: Months,
) -> None:
    """Interruptions within the share of each hour's load, and within a month's events at the mean load.

    A relaxation of whole events: their energy is bounded, their number and length are not.
    """
    lp = recourse.lp
    hourly = lp.rows(paused.shape, -math.inf, 0.0)
    lp.term(hourly, paused, 1.0)
    lp.term(hourly, standing[:, None], -hall.interruptible_share * run_share)
    monthly = lp.rows((len(standing), len(months.names)), -math.inf, 0.0)
    lp.term(monthly[:, months.of_hour], paused, 1.0)
    event_hours = hall.events_per_month * hall.event_hours * hall.interruptible_share
    lp.term(monthly, standing[:, None], -event_hours * load_share)

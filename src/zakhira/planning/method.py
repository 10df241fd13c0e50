"""Which method plans a programme exactly: what the quick ones leave out, and where that matters."""

from __future__ import annotations

import math
from enum import Enum

import numpy as np

from zakhira.planning.problem import AllocationProblem
from zakhira.planning.whole import whole_of
from zakhira.programme.model import HallClass, Programme, Zone
from zakhira.programme.series import Floats

UNSAID_MW = 1e6
"""The default of a zone's firm supply: more than any grid has."""


class Feature(Enum):
    """What couples hours or columns beyond the surplus of an hour and the coins of an epoch."""

    LINKS = "lines between zones"
    BATTERIES = "batteries"
    HALL_SUPPLY = "firm supply, backup or unserved load of halls"
    WHOLE = "whole modules or sites with a fixed cost"


class Method(Enum):
    """How a programme is planned."""

    ZONES = "cutting planes with an exact look at each zone, price taker"
    OUTLOOK = "cutting planes or a level bundle over epochs and scenarios"
    COUPLED = "structured interior point over hours that lines and batteries couple"
    FULL = "full linear programme"


def features_of(programme: Programme, problem: AllocationProblem) -> frozenset[Feature]:
    """What a programme has of them, where it can change the plan."""
    found = set()
    if any(min(link.limit_mw, link.wheeling_mw) > 0 and link.loss_share < 1 for link in programme.links):
        found.add(Feature.LINKS)
    if any(min(battery.power_mw, battery.energy_mwh) > 0 for battery in programme.batteries):
        found.add(Feature.BATTERIES)
    if hall_supply_reasons(programme, problem):
        found.add(Feature.HALL_SUPPLY)
    if not whole_of(programme, problem).is_empty:
        found.add(Feature.WHOLE)
    return frozenset(found)


def method_for(programme: Programme, problem: AllocationProblem, risk_weight: float = 0.0) -> Method:
    """The quickest method that plans the programme exactly.

    The zone oracles and the outlook oracle take whole numbers too (:mod:`zakhira.planning.master_whole`); the coupled
    method takes a single certain year of the reference surplus without whole numbers, and something to grant.
    """
    features = features_of(programme, problem)
    certain = problem.outlook.count == 1 and len(problem.years) == 1
    same_coins = all(len(np.unique(year.epochs.btc_per_block)) == 1 for year in problem.years)
    if Feature.HALL_SUPPLY in features:
        return Method.FULL
    if features & {Feature.LINKS, Feature.BATTERIES}:
        outlook = problem.outlook
        plain = bool((outlook.surplus_year == 0).all() and (outlook.gpu_factor == 1.0).all() and problem.columns)
        alone = certain and plain and Feature.WHOLE not in features and risk_weight == 0
        return Method.COUPLED if alone else Method.FULL
    return Method.ZONES if certain and problem.response == "none" and same_coins else Method.OUTLOOK


def hall_supply_reasons(programme: Programme, problem: AllocationProblem) -> tuple[str, ...]:
    """Why halls may be served otherwise than from surplus and then from firm supply without end, in sentences."""
    halls = tuple(hall for hall in programme.halls if any(worth.class_id == hall.id for worth in problem.worths))
    found = [_tight(programme, problem, zone) for zone in range(len(programme.zones))] if halls else []
    tariff = max((worth.surplus_value_usd_per_mwh for worth in problem.worths if worth.is_hall), default=0.0)
    cheap = [backup.zone for backup in programme.backups if backup.power_mw > 0 and backup.fuel_usd_per_mwh < tariff]
    found += [f"Backup in {zone} is cheaper than firm supply." for zone in cheap if halls]
    found += [_shedding(hall, problem) for hall in halls]
    return tuple(reason for reason in found if reason)


def _tight(programme: Programme, problem: AllocationProblem, zone: int) -> str:
    most = hall_load_bound_mw(problem, zone)
    limit = firm_limit_mw(programme.zones[zone])
    if most <= limit:
        return ""
    return f"Halls in {programme.zones[zone].id} may need {most:.10g} MW, and its firm supply is {limit:.10g} MW."


def firm_limit_mw(zone: Zone) -> float:
    """A zone's firm supply; without end where nobody has said what it is."""
    return zone.firm_limit_mw if zone.firm_limit_mw < UNSAID_MW else math.inf


def hall_load_bound_mw(problem: AllocationProblem, zone: int) -> float:
    """The most load that the limits let halls have in a zone, in MW at its peak, in any phase."""
    most = 0.0
    for year in problem.years:
        at_work = year.class_of >= 0
        is_hall = np.array([column.zone == zone and problem.worths[column.worth].is_hall for column in problem.columns])
        here = (is_hall & at_work).astype(np.float64)
        if here.any():
            holding = [limit.capacity for limit in problem.limits if _holds(limit.unit, limit.coefficients, here)]
            most = max(most, min(holding, default=np.inf) * _peak_share(problem, zone))
    return most


def _holds(unit: str, coefficients: Floats, columns: Floats) -> bool:
    return unit == "MW" and bool((coefficients[columns > 0] > 0).all())


def _peak_share(problem: AllocationProblem, zone: int) -> float:
    """The largest load of a MW of any hall; by the windows in the hours with surplus, or the mean if that is more."""
    peak = 0.0
    for year in problem.years:
        for place, position in enumerate(year.classes):
            if problem.worths[position].is_hall:
                shares = [supply[zone].run_share[place].max(initial=0.0) for supply in year.supplies]
                peak = max(peak, problem.worths[position].load_share, *map(float, shares))
    return peak


def _shedding(hall: HallClass, problem: AllocationProblem) -> str:
    """Whether load that is not served could be worth more than load that firm supply serves."""
    worth = next(worth for worth in problem.worths if worth.class_id == hall.id)
    earned = worth.revenue_usd_per_mwh * float(problem.outlook.gpu_factor.min()) - worth.opex_usd_per_mwh
    tariff = worth.surplus_value_usd_per_mwh
    if hall.service_share < 1 and earned + hall.unserved_usd_per_mwh < tariff:
        return f"Load of {hall.id} that is not served costs less than firm supply."
    if hall.interruptible_share > 0 and earned < tariff:
        return f"Load of {hall.id} that is interrupted costs less than firm supply."
    return ""

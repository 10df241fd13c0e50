"""The whole linear programme: capacities once, and the hours of every year in every scenario."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zakhira.planning.full.assembly import Assembly, Places
from zakhira.planning.full.capacity import Capacity, add_capacity
from zakhira.planning.full.hall_supply import HallColumns, Months, add_hall_supply
from zakhira.planning.full.hours import HourColumns, add_batteries, add_hours, add_links
from zakhira.planning.full.network import Mined, add_mined
from zakhira.planning.full.recourse import Recourse
from zakhira.planning.full.risk import add_risk
from zakhira.planning.full.supply import HourlySupply, hourly_supply, local_months
from zakhira.planning.limits import USD_PER_MUSD
from zakhira.planning.method import Feature, features_of
from zakhira.planning.network_answer import NetworkAnswer, network_answer
from zakhira.planning.outlook_oracle import Risk, rents_of
from zakhira.planning.problem import AllocationProblem
from zakhira.planning.whole import Whole, whole_of
from zakhira.programme.model import Phase, Programme
from zakhira.programme.series import Floats, Series


@dataclass(frozen=True)
class Part:
    """One year of work in one scenario. ``mined`` is None for a price taker, and where no fleet works."""

    scenario: int
    year: int
    supply: HourlySupply
    columns: HourColumns
    halls: tuple[HallColumns, ...]
    network: NetworkAnswer
    mined: Mined | None
    scale: float


@dataclass(frozen=True)
class FullModel:
    """Everything that is in the programme, and where."""

    lp: Assembly
    problem: AllocationProblem
    capacity: Capacity
    recourses: tuple[Recourse, ...]
    parts: tuple[Part, ...]
    risk: Risk
    whole: Whole
    months: Months

    @property
    def mined(self) -> tuple[Mined, ...]:
        """The epochs of every part in which the network answers."""
        return tuple(part.mined for part in self.parts if part.mined is not None)


@dataclass(frozen=True)
class Grounds:
    """What the model is built from: the programme, its years of surplus, the phases that it is planned in."""

    programme: Programme
    every_series: tuple[Series, ...]
    phases: tuple[Phase, ...]
    problem: AllocationProblem
    risk: Risk
    held_mw: Floats | None = None
    """MW [column] that are given; chosen where there are none."""


def build_full(grounds: Grounds) -> FullModel:
    """Columns and rows of everything."""
    programme, problem = grounds.programme, grounds.problem
    lp, whole = Assembly(), whole_of(programme, problem)
    capacity = add_capacity(lp, problem, whole, grounds.held_mw)
    months = Months(*local_months(programme, grounds.every_series[0].hours))
    recourses, parts = [], []
    rents = rents_of(problem) / USD_PER_MUSD
    supplies: dict[tuple[int, int], HourlySupply] = {}
    for scenario, weight in enumerate(problem.outlook.weights):
        recourse = Recourse(lp, (1.0 - grounds.risk.weight) * float(weight))
        recourse.worth(capacity.power, (problem.outlook.gpu_factor[scenario] - 1.0) * rents)
        for year in range(len(problem.years)):
            key = (year, int(problem.outlook.surplus_year[scenario]))
            if key not in supplies:
                supplies[key] = _supply(grounds, *key)
            parts.append(_add_part(grounds, recourse, scenario, year, supplies[key], capacity.standing[year], months))
        recourses.append(recourse)
    add_risk(lp, tuple(recourses), problem.outlook.weights, grounds.risk)
    return FullModel(lp, problem, capacity, tuple(recourses), tuple(parts), grounds.risk, whole, months)


def _supply(grounds: Grounds, year: int, surplus_year: int) -> HourlySupply:
    share = grounds.phases[year].surplus_share if grounds.phases else 1.0
    problem = grounds.problem
    return hourly_supply(grounds.programme, grounds.every_series[surplus_year], problem, problem.years[year], share)


def _add_part(
    grounds: Grounds,
    recourse: Recourse,
    scenario: int,
    number: int,
    supply: HourlySupply,
    standing: Places,
    months: Months,
) -> Part:
    """The hours of a year in a scenario, with whatever couples them."""
    programme, problem = grounds.programme, grounds.problem
    year = problem.years[number]
    scale = year.weight * problem.year_scale / USD_PER_MUSD
    answer = network_answer(problem.outlook, year.phase, year.epochs, problem.response, problem.elasticity)
    network = answer.part(np.array([scenario], dtype=np.intp))
    alone = problem.response == "none"
    usd_per_hash: Floats = network.first_usd_per_hash[0] if alone else np.zeros(year.epochs.count)
    by_hour = usd_per_hash[year.epochs.of_hours()]
    columns = add_hours(recourse, problem, year, standing, supply, by_hour, scale)
    add_links(recourse, programme, columns)
    add_batteries(recourse, programme, columns)
    halls: tuple[HallColumns, ...] = ()
    if Feature.HALL_SUPPLY in features_of(programme, problem):
        factor = float(problem.outlook.gpu_factor[scenario])
        halls = add_hall_supply(recourse, programme, problem, year, standing, supply, columns, months, factor, scale)
    has_fleets = any(problem.worths[position].hashes_per_mwh > 0 for position in year.classes)
    answers = has_fleets and not alone
    mined = add_mined(recourse, problem, year, network, columns, scale) if answers else None
    return Part(scenario, number, supply, columns, halls, network, mined, scale)

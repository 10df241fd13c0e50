"""What may be granted megawatts, and the limits on their sums: cap, quotas, zones, connections, supply and budget."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from zakhira.kernel.errors import InvalidInput
from zakhira.planning.worth import ClassWorth
from zakhira.programme.model import Phase, Programme, Site
from zakhira.programme.series import Floats

USD_PER_MUSD = 1e6


class LimitNotPossible(InvalidInput):
    """A limit of the allocation is negative or not a number."""

    code = "ZK-PLANNING-001"


@dataclass(frozen=True)
class Column:
    """A class at a site: what may be granted megawatts. ``zone``, ``worth`` and ``phase`` are positions."""

    site: Site
    zone: int
    worth: int
    phase: int = 0


@dataclass(frozen=True)
class Limit:
    """``floor <= coefficients @ power_mw <= capacity``, with words for whoever asks what one more ``unit`` is worth."""

    name: str
    words: str
    unit: str
    capacity: float
    coefficients: Floats
    floor: float = 0.0


def years_at_work(worths: tuple[ClassWorth, ...], stages: tuple[Phase, ...]) -> Floats:
    """1 where a class works in a phase [phase, class]: built, past its lead and not worn out.

    A programme without phases plans for a year in which everything stands.
    """
    if len(stages) == 1:
        return np.ones((1, len(worths)))
    age = np.array([[stage.year - worth.built_year - worth.lead_years for worth in worths] for stage in stages])
    life = np.array([worth.life_years for worth in worths])
    result: Floats = ((age >= 0) & (age < life)).astype(np.float64)
    return result


def base_usd_per_mw(
    programme: Programme,
    worths: tuple[ClassWorth, ...],
    columns: tuple[Column, ...],
    stages: tuple[Phase, ...],
    *,
    build_up: bool,
) -> Floats:
    """What a MW [column] is worth without any surplus: a year of it, or its discounted years in a build-up.

    In a build-up capital is paid when it is bought, and what its yearly payments would not have repaid by the year
    after the last phase counts there at ``residual_share``.
    """
    if not build_up:
        return np.array([worths[column.worth].base_usd_per_mw for column in columns])
    discount = 1.0 + programme.prices.discount_share_per_year
    works = years_at_work(worths, stages)
    end = stages[-1].year + 1
    values = []
    for number, worth in enumerate(worths):
        earned = sum(
            works[phase, number] * worth.year_usd_per_mw * discount**-year for phase, year in _calendar(stages)
        )
        years_left = worth.life_years - max(0, end - worth.built_year - worth.lead_years)
        residual = programme.planning.residual_share * _unpaid_share(discount, years_left, worth.life_years)
        residual *= discount**-end
        values.append(earned - worth.capital_usd_per_mw * (discount**-worth.built_year - residual))
    return np.array([values[column.worth] for column in columns])


def _unpaid_share(discount: float, years_left: float, life_years: float) -> float:
    """What is left of a capital that is repaid over its life in equal yearly payments with interest."""
    if years_left <= 0:
        return 0.0
    if discount == 1.0:
        return years_left / life_years
    return float((1.0 - discount**-years_left) / (1.0 - discount**-life_years))


def _calendar(stages: tuple[Phase, ...]) -> Iterator[tuple[int, int]]:
    """Each phase with each year that it stands for."""
    for phase, stage in enumerate(stages):
        after = stages[phase + 1].year if phase + 1 < len(stages) else stage.year + 1
        for year in range(stage.year, after):
            yield phase, year


def limits_of(
    programme: Programme, worths: tuple[ClassWorth, ...], columns: tuple[Column, ...], stages: tuple[Phase, ...]
) -> tuple[Limit, ...]:
    """Every limit of every phase.

    Raises:
        LimitNotPossible: a limit is negative or not a number.
    """
    limits = [limit for phase in range(len(stages)) for limit in _of_phase(programme, worths, columns, stages, phase)]
    for limit in limits:
        if not limit.capacity >= 0:
            raise LimitNotPossible(f"{limit.words} is {limit.capacity} {limit.unit}.", "Give a limit of at least 0.")
    return tuple(limits)


def _of_phase(
    programme: Programme,
    worths: tuple[ClassWorth, ...],
    columns: tuple[Column, ...],
    stages: tuple[Phase, ...],
    phase: int,
) -> Iterator[Limit]:
    """What stands in a phase stays within MW limits; what is bought in it within the market and the budget."""
    end, when = (f"@{stages[phase].id}", f" in {stages[phase].id}") if len(stages) > 1 else ("", "")
    life = np.array([worths[column.worth].life_years for column in columns])
    age = np.array([stages[phase].year - stages[column.phase].year for column in columns])
    lead = np.array([worths[column.worth].lead_years for column in columns])
    stands = (age >= 0) & (age - lead < life)
    bought = np.array([column.phase == phase for column in columns])
    zone_of = np.array([column.zone for column in columns])
    owner = np.array([column.site.licensee for column in columns])
    site_id = np.array([column.site.id for column in columns])
    is_hall = np.array([worths[column.worth].is_hall for column in columns])

    def mw(name: str, words: str, capacity: float, mask: Floats, floor: float = 0.0) -> Limit:
        return Limit(f"{name}{end}", f"{words}{when}", "MW", capacity, mask.astype(np.float64), floor)

    yield mw("cap", "the programme's allocation", stages[phase].cap_mw, stands)
    for licensee in programme.licensees:
        words = f"{licensee.name}'s quota"
        yield mw(f"quota:{licensee.id}", words, licensee.quota_mw, stands & (owner == licensee.id))
    for index, zone in enumerate(programme.zones):
        yield mw(f"zone:{zone.id}", f"the zone {zone.name}", zone.max_mw, stands & (zone_of == index))
    for site in programme.sites:
        here = stands & (site_id == site.id)
        yield mw(f"connection:{site.id}", f"the connection of the site {site.id}", site.connection_mw, here)
        if site.hall_min_mw > 0:
            words = f"the AI capacity promised at the site {site.id}"
            yield mw(f"promise:{site.id}", words, site.connection_mw, here & is_hall, site.hall_min_mw)
    for index, worth in enumerate(worths):
        mask = bought & np.array([column.worth == index for column in columns])
        if mask.any():
            yield mw(f"class:{worth.class_id}", f"the supply of {worth.name}", worth.limit_mw, mask)
    capital = np.array([worths[column.worth].capital_usd_per_mw for column in columns]) / USD_PER_MUSD
    budget = stages[phase].capital_budget_usd / USD_PER_MUSD
    yield Limit(f"budget{end}", f"the capital budget{when}", "million USD", budget, capital * bought)

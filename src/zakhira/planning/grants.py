"""From MW by column to grants on a grid, and what they do by zone and class."""

from __future__ import annotations

import math

import numpy as np

from zakhira.planning.allocation import ClassResult, Grant
from zakhira.planning.outlook_use import YearUse
from zakhira.planning.problem import AllocationProblem, OperatingYear
from zakhira.planning.tags import weakest_tag
from zakhira.planning.worth import firm_tariff_usd_per_mwh
from zakhira.programme.model import Programme
from zakhira.programme.series import Floats

GRID_PER_MW = 2**30
"""Grants are multiples of 2^-30 MW (a milliwatt), so that their sums are exact in floating point."""
STEPS_PER_MW = 10**8
"""Grants are cut to a hundredth of a watt ..."""
NOISE_STEPS = 0.2
"""... unless they are so near below the next one that the difference is the solver's noise."""
NOTHING_MW = 1e-6
"""Less than a watt is no grant."""


def on_grid(problem: AllocationProblem, power_mw: Floats) -> Floats:
    """Cut MW to the grid and take from the largest what a limit would be exceeded by."""
    kept = np.floor(np.where(power_mw < NOTHING_MW, 0.0, power_mw) * STEPS_PER_MW + NOISE_STEPS) / STEPS_PER_MW
    rounded: Floats = np.round(kept * GRID_PER_MW) / GRID_PER_MW
    for limit in problem.limits:
        while (excess := float(limit.coefficients @ rounded) - limit.capacity) > 0:
            largest = int(np.argmax(rounded * (limit.coefficients > 0)))
            needed = math.ceil(excess / float(limit.coefficients[largest]) * GRID_PER_MW)
            rounded[largest] = max(0.0, rounded[largest] - max(needed, 1) / GRID_PER_MW)
    return rounded


def grants_of(programme: Programme, problem: AllocationProblem, power_mw: Floats) -> tuple[Grant, ...]:
    """A grant for each column that has MW."""
    grants = []
    for column, mw in zip(problem.columns, power_mw, strict=True):
        worth = problem.worths[column.worth]
        if mw > 0:
            grants.append(
                Grant(
                    site=column.site.id,
                    zone=programme.zones[column.zone].id,
                    licensee=column.site.licensee,
                    class_id=worth.class_id,
                    is_hall=worth.is_hall,
                    power_mw=float(mw),
                    phase=phase_name(programme, problem, column.phase),
                )
            )
    return tuple(grants)


def phase_name(programme: Programme, problem: AllocationProblem, phase: int) -> str:
    """The phase's name in a build-up; nothing where there is only one year."""
    return programme.phases[phase].id if len(problem.years) > 1 else ""


def results_of(
    programme: Programme, problem: AllocationProblem, power_mw: Floats, uses: tuple[YearUse, ...]
) -> tuple[ClassResult, ...]:
    """One result for each zone and class that has MW, and in a build-up for each phase; a year's work and money."""
    results = []
    for year, use in zip(problem.years, uses, strict=True):
        totals = problem.by_zone_and_class(power_mw, year)
        for zone, place in np.argwhere(totals > 0):
            results.append(_result(programme, problem, year, use, int(zone), int(place), float(totals[zone, place])))
    return tuple(results)


def _result(
    programme: Programme,
    problem: AllocationProblem,
    year: OperatingYear,
    use: YearUse,
    zone: int,
    place: int,
    mw: float,
) -> ClassResult:
    worth, scale = problem.worths[year.classes[place]], problem.year_scale
    surplus = scale * float(use.surplus_mwh[zone, place])
    load = mw * worth.load_share * problem.horizon_hours * scale if worth.is_hall else surplus
    firm = max(load - surplus, 0.0)
    energy = surplus + firm
    gpu_factor = float(problem.outlook.weights @ problem.outlook.gpu_factor)
    coin_usd = scale * float(use.coin_usd[zone, place])
    tariff = firm_tariff_usd_per_mwh(programme.prices)
    zone_id = programme.zones[zone].id
    return ClassResult(
        zone=zone_id,
        class_id=worth.class_id,
        is_hall=worth.is_hall,
        power_mw=mw,
        surplus_mwh=surplus,
        firm_mwh=firm,
        btc=scale * float(use.btc[zone, place]),
        gpu_hours=energy * worth.gpu_hours_per_mwh,
        revenue_usd=energy * worth.revenue_usd_per_mwh * gpu_factor if worth.is_hall else coin_usd,
        energy_cost_usd=scale * float(use.cost_usd[zone, place]) + firm * tariff,
        opex_usd=energy * worth.opex_usd_per_mwh,
        capital_usd=mw * worth.capital_usd_per_mw,
        annualised_capital_usd=mw * worth.annualised_capital_usd_per_mw,
        jobs=mw * worth.jobs_per_mw,
        tag=weakest_tag(programme, zone_id, worth.class_id),
        phase=phase_name(programme, problem, year.phase),
    )

"""From a programme and its series to the allocation, with its certificate and the price of each limit."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from zakhira.planning.allocation import Certificate, ClassResult, Grant, Plan, ShadowPrice
from zakhira.planning.cutting_planes import Bounds, Master, Progress, close_bounds
from zakhira.planning.evaluate import Use, firm_mwh, use_of
from zakhira.planning.halls_first import halls_come_first_at_a_loss, halls_first_oracles
from zakhira.planning.oracle import ZoneOracle, zone_oracles
from zakhira.planning.problem import AllocationProblem, build_problem
from zakhira.planning.solver import LinearSolver
from zakhira.planning.tags import weakest_tag
from zakhira.planning.tie_break import break_ties
from zakhira.planning.worth import firm_tariff_usd_per_mwh
from zakhira.programme.model import Programme
from zakhira.programme.series import Floats, Series

GRID_PER_MW = 2**30
"""Grants are multiples of 2^-30 MW (a milliwatt), so that their sums are exact in floating point."""
STEPS_PER_MW = 10**8
"""Grants are cut to a hundredth of a watt ..."""
NOISE_STEPS = 0.2
"""... unless they are so near below the next one that the difference is the solver's noise."""
NOTHING_MW = 1e-6
"""Less than a watt is no grant."""
WORTH_TELLING_USD = 0.5
"""A limit whose price is below this does not bind."""
METHOD = "cutting planes, a cut per zone and group of hours, exact in every hour; price taker, links unused"
CHORDS = "; halls first costs fleets value: bounded by chords, exact here"
CHORDS_LEFT_A_GAP = "; halls first costs fleets value: bounded by chords and by the economic order"
GAP_PROMISED_SHARE = 1e-7
"""A gap above this, after the grants are cut to the grid, is worth a second attempt."""


def plan_allocation(
    programme: Programme,
    series: Series,
    solver: LinearSolver,
    progress: Progress | None = None,
    clock: Callable[[], float] | None = None,
) -> Plan:
    """The best allocation of the programme's megawatts, for a price taker and without the links.

    ``progress`` is told the round and both bounds in USD a year; ``clock`` (seconds) times the certificate.

    Raises:
        LimitNotPossible, SeriesDoNotFit: the input.
        PlanInfeasible, PlanUnbounded, PlanNotFound: no allocation came out; or an error of the solver.
    """
    started = clock() if clock else 0.0
    problem = build_problem(programme, series)
    attempt, upper_usd, method = _solve(programme, problem, solver, progress)
    return Plan(
        programme_digest=programme.digest,
        cap_mw=programme.cap_mw,
        grants=_grants(programme, problem, attempt.power_mw),
        results=attempt.results,
        certificate=Certificate(
            method=method,
            lower_bound_usd=attempt.value_usd,
            upper_bound_usd=max(upper_usd, attempt.value_usd),
            rounds=attempt.bounds.rounds,
            seconds=clock() - started if clock else 0.0,
        ),
        shadow_prices=_shadow_prices(problem, attempt.bounds),
    )


@dataclass(frozen=True)
class _Attempt:
    """Grants [column] with what they do, halls first, and the bounds that they come from."""

    power_mw: Floats
    results: tuple[ClassResult, ...]
    value_usd: float
    bounds: Bounds


def _solve(
    programme: Programme, problem: AllocationProblem, solver: LinearSolver, progress: Progress | None
) -> tuple[_Attempt, float, str]:
    """The best attempt, the upper bound, and the method in words.

    In the economic order the problem is concave. Where halls first costs value, chords are tried before; if they leave
    a gap, the economic order gives a second upper bound and a second attempt.
    """
    if not halls_come_first_at_a_loss(problem.worths):
        attempt = _attempt(programme, problem, zone_oracles(problem), solver, progress)
        return attempt, attempt.bounds.upper_usd, METHOD
    first = _attempt(programme, problem, halls_first_oracles(problem, solver), solver, progress)
    if first.bounds.upper_usd - first.value_usd <= GAP_PROMISED_SHARE * max(1.0, abs(first.bounds.upper_usd)):
        return first, first.bounds.upper_usd, METHOD + CHORDS
    second = _attempt(programme, problem, zone_oracles(problem), solver, None)
    upper_usd = min(first.bounds.upper_usd, second.bounds.upper_usd)
    return max(first, second, key=lambda attempt: attempt.value_usd), upper_usd, METHOD + CHORDS_LEFT_A_GAP


def _attempt(
    programme: Programme,
    problem: AllocationProblem,
    oracles: tuple[ZoneOracle, ...],
    solver: LinearSolver,
    progress: Progress | None,
) -> _Attempt:
    """Close the bounds of these oracles, break ties, and see what the grants do."""
    master = Master(problem, oracles)
    bounds = close_bounds(master, solver, progress)
    power_mw = on_grid(problem, break_ties(master, solver, bounds).power_mw)
    totals = problem.by_zone_and_class(power_mw)
    results = _results(programme, problem, totals, use_of(problem, totals))
    return _Attempt(power_mw, results, math.fsum(result.value_usd for result in results), bounds)


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


def _grants(programme: Programme, problem: AllocationProblem, power_mw: Floats) -> tuple[Grant, ...]:
    grants = []
    for column, mw in zip(problem.columns, power_mw, strict=True):
        worth = problem.worths[column.worth]
        if mw > 0:
            zone = programme.zones[column.zone].id
            grants.append(Grant(column.site.id, zone, column.site.licensee, worth.class_id, worth.is_hall, float(mw)))
    return tuple(grants)


def _results(programme: Programme, problem: AllocationProblem, totals: Floats, use: Use) -> tuple[ClassResult, ...]:
    """One result for each zone and class with MW; work and money are scaled to a year."""
    firm = firm_mwh(problem, totals, use)
    tariff, year = firm_tariff_usd_per_mwh(programme.prices), problem.year_scale
    results = []
    for zone, index in np.argwhere(totals > 0):
        worth, mw = problem.worths[index], float(totals[zone, index])
        surplus, beyond = year * float(use.surplus_mwh[zone, index]), year * float(firm[zone, index])
        energy = surplus + beyond
        results.append(
            ClassResult(
                zone=programme.zones[zone].id,
                class_id=worth.class_id,
                is_hall=worth.is_hall,
                power_mw=mw,
                surplus_mwh=surplus,
                firm_mwh=beyond,
                btc=energy * worth.btc_per_mwh,
                gpu_hours=energy * worth.gpu_hours_per_mwh,
                revenue_usd=energy * worth.revenue_usd_per_mwh,
                energy_cost_usd=year * float(use.cost_usd[zone, index]) + beyond * tariff,
                opex_usd=energy * worth.opex_usd_per_mwh,
                capital_usd=mw * worth.capital_usd_per_mw,
                annualised_capital_usd=mw * worth.annualised_capital_usd_per_mw,
                jobs=mw * worth.jobs_per_mw,
                tag=weakest_tag(programme, programme.zones[zone].id, worth.class_id),
            )
        )
    return tuple(results)


def _shadow_prices(problem: AllocationProblem, bounds: Bounds) -> tuple[ShadowPrice, ...]:
    """The limits that bind, dearest first by what a hundredth more of them is worth."""
    binding = [
        (limit, float(dual))
        for limit, dual in zip(problem.limits, bounds.limit_duals_usd, strict=True)
        if dual > WORTH_TELLING_USD
    ]
    binding.sort(key=lambda pair: (-pair[1] * pair[0].capacity, pair[0].name))
    return tuple(
        ShadowPrice(
            limit.name,
            limit.unit,
            dual,
            f"One more {limit.unit} of {limit.words} is worth {round(dual):,} USD a year at the margin.",
        )
        for limit, dual in binding
    )

"""The allocation where lines and batteries couple the hours, by a structured interior point."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from zakhira.planning.allocation import Plan, ShadowPrice, Spread
from zakhira.planning.coupled.limits import CoupledInfeasible, CoupledUnbounded
from zakhira.planning.coupled_network import Joined, close_joined, use_joined
from zakhira.planning.grants import on_grid, results_of
from zakhira.planning.infeasible import broken_promises, endless_column
from zakhira.planning.licensee_floor import hold_back
from zakhira.planning.master import Progress
from zakhira.planning.outcome import Asked, Outcome, Searched, certificate_of, plan_of
from zakhira.planning.outlook_oracle import Risk
from zakhira.planning.outlook_use import YearUse
from zakhira.planning.plan import PlanRequest
from zakhira.planning.plan_full import rounding_usd
from zakhira.planning.problem import AllocationProblem, build_problem
from zakhira.planning.shadow import WORTH_TELLING_USD, shadow_prices_of
from zakhira.planning.solver import LinearSolver
from zakhira.programme.model import Programme
from zakhira.programme.series import Floats, Series

STOP_SHARE = 1e-5
"""The gap at which the bounds count as met; a full year may stall a little above it, and then says so."""
CLOSE_SHARE = 1e-4
"""A search that stalls below this is told with its gap; above it the plan counts as interrupted."""
NO_RISK = Risk(0.0, 1.0)
"""A certain year has no worst scenarios."""


def plan_coupled(
    programme: Programme,
    series: Series,
    solver: LinearSolver,
    progress: Progress | None = None,
    clock: Callable[[], float] | None = None,
    request: PlanRequest | None = None,
) -> Plan:
    """The best allocation with lines and batteries; the same arguments and answer as ``plan_allocation``.

    Surplus that is moved or stored belongs to nobody's block any more: the cost of all surplus, and each class's coins,
    are shared pro rata to the energy that is used. Licensees are held back by solving the hours again with fewer MW.

    Raises:
        LimitNotPossible, SeriesDoNotFit: the input.
        PlanInfeasible, PlanUnbounded: the limits contradict the promises, or bound nothing.
        CoupledInfeasible, CoupledUnbounded, NewtonFailed: no plan came out for another reason.
    """
    started = clock() if clock else 0.0
    asked = request or PlanRequest()
    problem = build_problem(programme, series, asked.outlook)
    stop_share = max(asked.stop_share, STOP_SHARE)
    try:
        joined = close_joined(programme, series, problem, solver, stop_share, progress)
    except CoupledInfeasible as error:
        raise broken_promises(problem, solver) or error from None
    except CoupledUnbounded as error:
        raise endless_column(problem, solver) or error from None
    free = _outcome(programme, problem, joined)

    def solve_at(power_mw: Floats) -> Outcome:
        held_mw = on_grid(problem, power_mw)
        if progress is not None:
            progress(joined.rounds, free.value_usd, joined.upper_usd)
        used = use_joined(programme, series, problem, solver, stop_share, held_mw)
        if used.interrupted:
            raise KeyboardInterrupt
        return _outcome(programme, problem, used)

    held = hold_back(programme, problem, free, solve_at)
    found, interrupted = held.outcome, joined.interrupted or held.interrupted or joined.gap_share > CLOSE_SHARE
    searched = Searched(_method(problem), joined.upper_usd, joined.rounds, interrupted)
    seconds = (clock() if clock else 0.0) - started
    return plan_of(
        Asked(programme, problem, NO_RISK),
        found,
        certificate_of(searched, found.value_usd, free.value_usd, held.held_back, seconds),
        shadow_prices_of(problem.limits, joined.limit_duals_usd[: len(problem.limits)])
        + _line_prices(programme, joined.link_rent_usd_per_mw),
    )


def _outcome(programme: Programme, problem: AllocationProblem, joined: Joined) -> Outcome:
    """What the MW do, cut to the grid, with what that rounding can cost taken off their value."""
    power_mw = on_grid(problem, joined.x_mw)
    lower_usd = joined.lower_usd - rounding_usd(problem, np.abs(joined.x_mw - power_mw))
    results = results_of(programme, problem, power_mw, (_use(problem, joined),))
    return Outcome(power_mw, lower_usd, Spread(*[lower_usd] * 5), results)


def _method(problem: AllocationProblem) -> str:
    words = {"none": "price taker", "share": "difficulty adjusts to our work", "elastic": "others leave as well"}
    return f"structured interior point over hours joined by lines and batteries; {words[problem.response]}"


def _use(problem: AllocationProblem, joined: Joined) -> YearUse:
    """What is used by zone and class, over the horizon."""
    total = joined.use_mwh.sum(axis=0)
    own: Floats = np.divide(joined.use_mwh, total, out=np.zeros_like(joined.use_mwh), where=total > 0)
    energy = float(joined.use_mwh.sum())
    cost: Floats = joined.use_mwh * (joined.cost_usd / energy if energy > 0 else 0.0)
    scale = problem.year_scale
    return YearUse(joined.use_mwh / scale, cost / scale, own * joined.class_btc / scale, own * joined.class_usd / scale)


def _line_prices(programme: Programme, rents_usd_per_mw: Floats) -> tuple[ShadowPrice, ...]:
    """What one more MW of each line is worth, dearest first."""
    names = {zone.id: zone.name for zone in programme.zones}
    told = [
        (link, float(rent))
        for link, rent in zip(programme.links, rents_usd_per_mw, strict=True)
        if rent > WORTH_TELLING_USD
    ]
    told.sort(key=lambda pair: -pair[1])
    return tuple(
        ShadowPrice(
            f"link:{link.from_zone}-{link.to_zone}",
            "MW",
            rent,
            f"One more MW of the line between {names[link.from_zone]} and {names[link.to_zone]} is worth"
            f" {round(rent):,} USD a year at the margin.",
        )
        for link, rent in told
    )

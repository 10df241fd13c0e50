"""The allocation of a price taker whose hours are coupled by lines and batteries, by a structured interior point."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from zakhira.planning.allocation import Basis, Certificate, Plan, ShadowPrice, Spread
from zakhira.planning.coupled.limits import CoupledInfeasible, CoupledUnbounded
from zakhira.planning.coupled.problem import CoupledAnswer, CoupledProblem, Ending
from zakhira.planning.coupled.solve import solve_coupled
from zakhira.planning.grants import grants_of, on_grid, results_of
from zakhira.planning.infeasible import broken_promises, endless_column
from zakhira.planning.master import Progress
from zakhira.planning.outlook_use import YearUse
from zakhira.planning.plan import SUMMED, PlanRequest
from zakhira.planning.plan_full import rounding_usd
from zakhira.planning.price_taker import coupled_problem
from zakhira.planning.problem import AllocationProblem, build_problem
from zakhira.planning.shadow import WORTH_TELLING_USD, shadow_prices_of
from zakhira.planning.solver import LinearSolver
from zakhira.planning.stakeholders import stakeholders_of
from zakhira.programme.model import Programme
from zakhira.programme.series import Floats, Series

COUPLED_METHOD = "structured interior point over hours joined by lines and batteries; price taker"
STOP_SHARE = 1e-5
"""The gap at which the bounds count as met; a full year may stall a little above it, and then says so."""
CLOSE_SHARE = 1e-4
"""A search that stalls below this is told with its gap; above it the plan counts as interrupted."""


def plan_coupled(
    programme: Programme,
    series: Series,
    solver: LinearSolver,
    progress: Progress | None = None,
    clock: Callable[[], float] | None = None,
    request: PlanRequest | None = None,
) -> Plan:
    """The best allocation with lines and batteries; the same arguments and answer as ``plan_allocation``.

    Surplus that is moved or stored belongs to nobody's block any more: the cost of all surplus is shared among classes
    pro rata to the energy that they use.

    Raises:
        LimitNotPossible, SeriesDoNotFit: the input.
        PlanInfeasible, PlanUnbounded: the limits contradict the promises, or bound nothing.
        CoupledInfeasible, CoupledUnbounded, NewtonFailed: no plan came out for another reason.
    """
    started = clock() if clock else 0.0
    asked = request or PlanRequest()
    problem = build_problem(programme, series)
    coupled = coupled_problem(programme, series, problem)
    try:
        answer = solve_coupled(coupled, solver, max(asked.stop_share, STOP_SHARE), progress, clock)
    except CoupledInfeasible as error:
        raise broken_promises(problem, solver) or error from None
    except CoupledUnbounded as error:
        raise endless_column(problem, solver) or error from None
    power_mw = on_grid(problem, answer.x_mw)
    lower = answer.lower_usd - rounding_usd(problem, np.abs(answer.x_mw - power_mw))
    results = results_of(programme, problem, power_mw, (_use(problem, coupled, answer),))
    duals = answer.limit_duals_usd[: len(problem.limits)]
    return Plan(
        programme_digest=programme.digest,
        cap_mw=programme.cap_mw,
        grants=grants_of(programme, problem, power_mw),
        results=results,
        certificate=Certificate(
            method=COUPLED_METHOD,
            lower_bound_usd=lower,
            upper_bound_usd=max(answer.upper_usd, lower),
            rounds=answer.rounds,
            seconds=(clock() if clock else 0.0) - started,
            interrupted=answer.ending is Ending.INTERRUPTED or answer.gap_share > CLOSE_SHARE,
        ),
        shadow_prices=shadow_prices_of(problem.limits, duals) + _line_prices(programme, answer),
        basis=Basis(programme.planning.objective, "none", problem.elasticity, 1, 0.0, 1.0, SUMMED),
        spread=Spread(lower, lower, lower, lower, lower),
        stakeholders=stakeholders_of(programme, problem, power_mw, results),
    )


def _use(problem: AllocationProblem, coupled: CoupledProblem, answer: CoupledAnswer) -> YearUse:
    """What is used by zone and class, over the horizon; the value of a MWh is the same in every hour."""
    worth = [problem.worths[position] for position in problem.years[0].classes]
    used = answer.use_mwh
    value = coupled.value_usd_per_mwh[:, 0] if coupled.value_usd_per_mwh.shape[1] else np.zeros(len(worth))
    cost_usd = float(coupled.base_usd_per_mw @ answer.x_mw + (used @ value).sum()) - answer.lower_usd
    total = float(used.sum())
    shared: Floats = used * (cost_usd / total if total > 0 else 0.0)
    btc = used * np.array([each.btc_per_mwh for each in worth])
    coin_usd = used * np.array([0.0 if each.is_hall else each.revenue_usd_per_mwh for each in worth])
    scale = problem.year_scale
    return YearUse(used / scale, shared / scale, btc / scale, coin_usd / scale)


def _line_prices(programme: Programme, answer: CoupledAnswer) -> tuple[ShadowPrice, ...]:
    """What one more MW of each line is worth, dearest first."""
    names = {zone.id: zone.name for zone in programme.zones}
    told = [
        (link, float(rent))
        for link, rent in zip(programme.links, answer.link_rent_usd_per_mw, strict=True)
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

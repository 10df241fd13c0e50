"""From a programme and its series to the allocation, with its certificate and the price of each limit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from zakhira.planning.allocation import Plan, Spread
from zakhira.planning.grants import on_grid, results_of
from zakhira.planning.licensee_floor import best_kept
from zakhira.planning.master import (
    GAP_STOP_SHARE,
    WHOLE_STOP_SHARE,
    Bounds,
    Master,
    PlanInfeasible,
    PlanUnbounded,
    Progress,
    close_bounds,
    master_of,
)
from zakhira.planning.oracle import ValueOracle
from zakhira.planning.outcome import Asked, Outcome, Searched, certificate_of, plan_of, spread_of
from zakhira.planning.outlook import Outlook
from zakhira.planning.outlook_oracle import OutlookOracle, Risk, outlook_oracle
from zakhira.planning.problem import AllocationProblem, build_problem
from zakhira.planning.shadow import shadow_prices_of
from zakhira.planning.solver import LinearSolver
from zakhira.planning.sweep import Engine
from zakhira.planning.tie_break import break_ties
from zakhira.planning.whole import Whole, whole_of
from zakhira.planning.zone_oracle import zone_oracles
from zakhira.programme.model import Phase, Programme
from zakhira.programme.series import Floats, Series


@dataclass(frozen=True)
class PlanRequest:
    """What is asked beyond the programme: scenarios, a build-up, another weight of risk, or a plan to stay near to.

    ``surplus_years`` are those beside the reference that the outlook's scenarios name. ``previous_mw`` [column] breaks
    ties; ``stop_share`` is the gap at which the bounds count as met; ``engine`` is where scenarios are swept.
    """

    outlook: Outlook | None = None
    surplus_years: tuple[Series, ...] = ()
    phases: tuple[Phase, ...] = ()
    risk: Risk | None = None
    previous_mw: Floats | None = None
    stop_share: float = GAP_STOP_SHARE
    engine: Engine | None = None


def plan_allocation(
    programme: Programme,
    series: Series,
    solver: LinearSolver,
    progress: Progress | None = None,
    clock: Callable[[], float] | None = None,
    request: PlanRequest | None = None,
) -> Plan:
    """The best allocation of the programme's megawatts.

    ``progress`` is told the round and both bounds in USD a year; ``clock`` (seconds) times the certificate. An
    interruption (KeyboardInterrupt) of a search that has an upper bound gives the best plan so far with its gap.

    Raises:
        LimitNotPossible, SeriesDoNotFit, OutlookNotPossible: the input.
        PlanInfeasible, PlanUnbounded, PlanNotFound: no allocation came out; or an error of the solver.
    """
    started = clock() if clock else 0.0
    asked = request or PlanRequest()
    problem = build_problem(programme, series, asked.outlook, asked.surplus_years, asked.phases)
    risk = asked.risk or Risk(programme.planning.risk_weight, programme.planning.risk_tail_share)
    scenarios = outlook_oracle(problem, risk, asked.engine)
    oracles, method = oracles_of(problem, scenarios)
    master = master_of(problem, oracles)
    whole = whole_of(programme, problem)
    method = method if whole.is_empty else f"{method}; whole numbers by branch and bound"
    stop_share = asked.stop_share if whole.is_empty else max(asked.stop_share, WHOLE_STOP_SHARE)
    bounds = _search(problem, master, whole, solver, progress, stop_share, stabilised=risk.weight > 0)
    met = bounds.met(stop_share)
    is_free = met and whole.is_empty
    chosen = break_ties(problem, master, solver, bounds, asked.previous_mw, stop_share) if is_free else bounds.best
    granted_mw = on_grid(problem, chosen.power_mw)
    floored = best_kept(programme, problem, scenarios, (granted_mw, on_grid(problem, bounds.best.power_mw)), whole.cut)
    power_mw = floored.power_mw
    free_usd = value_of(problem, scenarios, granted_mw, whole.cost_usd(granted_mw))[0]
    value_usd, spread = value_of(problem, scenarios, power_mw, whole.cost_usd(power_mw))
    results = results_of(programme, problem, power_mw, scenarios.uses(power_mw))
    seconds = (clock() if clock else 0.0) - started
    searched = Searched(method, bounds.upper_usd, bounds.rounds, interrupted=not met)
    return plan_of(
        Asked(programme, problem, risk, asked.phases),
        Outcome(power_mw, value_usd, spread, results),
        certificate_of(searched, value_usd, free_usd, floored.held_back, seconds),
        shadow_prices_of(problem.limits, bounds.limit_duals_usd),
        fixed_cost_usd=whole.cost_usd(power_mw),
    )


def _search(
    problem: AllocationProblem,
    master: Master,
    whole: Whole,
    solver: LinearSolver,
    progress: Progress | None,
    stop_share: float,
    *,
    stabilised: bool,
) -> Bounds:
    """Close the bounds, with whole numbers where there are any; where there is no plan, say why."""
    try:
        if whole.is_empty:
            return close_bounds(master, solver, progress, stop_share, stabilised=stabilised)
        from zakhira.planning.master_whole import close_whole_bounds  # noqa: PLC0415  # few programmes need it

        return close_whole_bounds(master, whole, solver, progress, stop_share, stabilised=stabilised)
    except (PlanInfeasible, PlanUnbounded) as error:
        from zakhira.planning.infeasible import why_no_plan  # noqa: PLC0415  # seldom needed

        raise why_no_plan(error, problem, solver) from None


def oracles_of(problem: AllocationProblem, scenarios: OutlookOracle) -> tuple[tuple[ValueOracle, ...], str]:
    """The quickest exact oracles for a problem, and the method in words."""
    year = problem.years[0]
    one_price = problem.response == "none" and problem.outlook.count == 1 and len(problem.years) == 1
    if one_price and len(np.unique(year.epochs.btc_per_block)) == 1:
        return zone_oracles(problem), "cutting planes, a cut per zone and group of hours; price taker"
    words = {
        "none": "price taker",
        "share": "difficulty adjusts to our work",
        "elastic": "difficulty adjusts and others leave",
    }
    cuts = "level bundle, one cut for all scenarios" if scenarios.risk.weight else "cutting planes, a cut per epoch"
    return (scenarios,), f"{cuts}; {words[problem.response]}"


def value_of(
    problem: AllocationProblem, oracle: OutlookOracle, power_mw: Floats, fixed_cost_usd: float = 0.0
) -> tuple[float, Spread]:
    """The objective in USD a year at MW [column], and how the net value spreads over the scenarios."""
    net_usd = float(problem.base_usd_per_mw @ power_mw) - fixed_cost_usd + oracle.scenario_usd(power_mw)
    return float(oracle.weights(net_usd) @ net_usd), spread_of(net_usd, problem.outlook.weights, oracle.risk)

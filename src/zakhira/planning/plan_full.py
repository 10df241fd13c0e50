"""The allocation by the full linear programme: slow, and exact with lines, batteries, backup and whole numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from zakhira.planning.allocation import ClassResult, Plan, Spread
from zakhira.planning.full.reading import FullYear, HallYear, years_of
from zakhira.planning.full_model import FullAnswer, solve_full
from zakhira.planning.grants import on_grid, results_of
from zakhira.planning.licensee_floor import hold_back
from zakhira.planning.master import Progress
from zakhira.planning.outcome import Asked, Outcome, Searched, certificate_of, plan_of, spread_of
from zakhira.planning.plan import PlanRequest
from zakhira.planning.problem import AllocationProblem
from zakhira.planning.shadow import shadow_prices_of
from zakhira.planning.solver import LinearSolver
from zakhira.planning.worth import HOURS_PER_YEAR, ClassWorth, firm_tariff_usd_per_mwh
from zakhira.programme.model import Programme
from zakhira.programme.series import Floats, Series

FULL_METHOD = "full linear programme"


def plan_in_full(
    programme: Programme,
    series: Series,
    solver: LinearSolver,
    progress: Progress | None = None,
    clock: Callable[[], float] | None = None,
    request: PlanRequest | None = None,
) -> Plan:
    """The best allocation, hour by hour in one programme; the same arguments and answer as ``plan_allocation``.

    Load that may be interrupted is bounded by its energy, not by whole events. Licensees are held back by solving the
    hours again with fewer MW. With whole numbers there are no shadow prices.

    Raises:
        LimitNotPossible, SeriesDoNotFit, OutlookNotPossible: the input.
        PlanInfeasible, PlanUnbounded: no allocation came out; or an error of the solver.
    """
    started = clock() if clock else 0.0
    asked = request or PlanRequest()
    answer = solve_full(programme, series, solver, asked, progress)
    problem, whole, free = answer.model.problem, answer.model.whole, _outcome(programme, answer)

    def solve_at(power_mw: Floats) -> Outcome:
        settled_mw = on_grid(problem, whole.cut(power_mw))
        if progress is not None:
            progress(answer.rounds, free.value_usd, answer.value_usd)
        used = solve_full(programme, series, solver, asked, held_mw=settled_mw)
        if used.interrupted:
            raise KeyboardInterrupt
        return _outcome(programme, used)

    held = hold_back(programme, problem, free, solve_at)
    found, interrupted = held.outcome, answer.interrupted or held.interrupted
    searched = Searched(method_words(answer), answer.value_usd, answer.rounds, interrupted)
    seconds = (clock() if clock else 0.0) - started
    return plan_of(
        Asked(programme, problem, answer.model.risk, asked.phases),
        found,
        certificate_of(searched, found.value_usd, free.value_usd, held.held_back, seconds),
        shadow_prices_of(problem.limits, answer.limit_duals_usd),
        fixed_cost_usd=whole.cost_usd(found.power_mw),
    )


def _outcome(programme: Programme, answer: FullAnswer) -> Outcome:
    """What the answer's MW do, cut to the grid, with what that rounding can cost taken off their value."""
    problem = answer.model.problem
    power_mw = on_grid(problem, answer.power_mw)
    lower_usd = answer.lower_usd - rounding_usd(problem, np.abs(answer.power_mw - power_mw))
    results = _results(programme, problem, power_mw, years_of(programme, answer.model, answer.primal))
    return Outcome(power_mw, lower_usd, _spread(answer), results)


def method_words(answer: FullAnswer) -> str:
    """The method, with what it approximates."""
    words = [FULL_METHOD]
    if answer.model.mined:
        words.append("tangents of the coins from above")
    if not answer.model.whole.is_empty:
        words.append("whole numbers by branch and bound")
    return ", ".join(words)


def _spread(answer: FullAnswer) -> Spread:
    problem = answer.model.problem
    fixed = float(problem.base_usd_per_mw @ answer.power_mw) - answer.model.whole.cost_usd(answer.power_mw)
    return spread_of(fixed + answer.scenario_usd, problem.outlook.weights, answer.model.risk)


def rounding_usd(problem: AllocationProblem, change_mw: Floats) -> float:
    """More than what so little change of the MW can cost: every hour at the dearest use of a MW, in every year."""
    network_usd = float(problem.outlook.btc_usd.max() / problem.outlook.others_eh_per_s.min())
    stated_usd = float(problem.outlook.btc_usd[0, 0, 0] / problem.outlook.others_eh_per_s[0, 0, 0])
    factor = max(1.0, network_usd / stated_usd, float(problem.outlook.gpu_factor.max()))
    most = sum(year.weight for year in problem.years) * HOURS_PER_YEAR * factor
    hourly = np.array([_dearest_usd_per_mwh(problem.worths[column.worth]) for column in problem.columns])
    return float(change_mw @ (np.abs(problem.base_usd_per_mw) + most * hourly))


def _dearest_usd_per_mwh(worth: ClassWorth) -> float:
    return max(worth.revenue_usd_per_mwh, worth.surplus_value_usd_per_mwh)


def _results(
    programme: Programme, problem: AllocationProblem, power_mw: Floats, years: tuple[FullYear, ...]
) -> tuple[ClassResult, ...]:
    """The results by zone and class, halls with where their load came from."""
    found = results_of(programme, problem, power_mw, tuple(year.use for year in years))
    keys = []
    for year, full in zip(problem.years, years, strict=True):
        totals = problem.by_zone_and_class(power_mw, year)
        keys += [(full.halls, problem.worths[year.classes[k]], int(z), int(k)) for z, k in np.argwhere(totals > 0)]
    return tuple(
        _with_supply(programme, problem, result, worth, halls, zone, kind) if result.is_hall else result
        for result, (halls, worth, zone, kind) in zip(found, keys, strict=True)
    )


def _with_supply(
    programme: Programme,
    problem: AllocationProblem,
    result: ClassResult,
    worth: ClassWorth,
    halls: HallYear,
    zone: int,
    kind: int,
) -> ClassResult:
    """A hall's result with its backup, and with what was not served."""
    scale, tariff = problem.year_scale, firm_tariff_usd_per_mwh(programme.prices)
    load, backup, fuel, unserved, penalty, revenue = (
        scale * float(each[zone, kind])
        for each in (
            halls.load_mwh,
            halls.backup_mwh,
            halls.fuel_usd,
            halls.unserved_mwh,
            halls.penalty_usd,
            halls.revenue_usd,
        )
    )
    served = load - unserved
    firm = max(served - result.surplus_mwh - backup, 0.0)
    surplus_usd = result.energy_cost_usd - result.firm_mwh * tariff
    return replace(
        result,
        firm_mwh=firm,
        gpu_hours=served * worth.gpu_hours_per_mwh,
        revenue_usd=revenue,
        energy_cost_usd=surplus_usd + firm * tariff + fuel,
        opex_usd=served * worth.opex_usd_per_mwh,
        backup_mwh=backup,
        unserved_mwh=unserved,
        penalty_usd=penalty,
    )

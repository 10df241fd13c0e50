"""The allocation as one plain linear programme over all hours: slow, and the reference for the quick methods.

Where the network answers to us, coins are concave: the programme starts with a few tangents from above and is given
more where its solution lies, until what its own use earns in truth comes near to what the tangents promise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from zakhira.planning.full.build import FullModel, Grounds, build_full
from zakhira.planning.full.network import tangent_rows
from zakhira.planning.full.shortage import why_not_served
from zakhira.planning.infeasible import why_no_plan
from zakhira.planning.limits import USD_PER_MUSD
from zakhira.planning.master import PlanInfeasible, PlanUnbounded, Progress, allowed_usd, require_optimal
from zakhira.planning.outlook_oracle import Risk, tail_weights
from zakhira.planning.plan import PlanRequest
from zakhira.planning.problem import build_problem
from zakhira.planning.solver import LinearSolution, LinearSolver
from zakhira.programme.model import Programme
from zakhira.programme.series import Floats, Series

MOST_ROUNDS = 60
"""Rounds of tangents; each halves the distance to the curve at least twice."""


@dataclass(frozen=True)
class FullAnswer:
    """The optimum as far as it is known: ``value_usd`` bounds it from above, ``lower_usd`` is what the use is worth.

    USD a year; ``power_mw`` [column]. A price taker's bounds differ by no more than what the solver leaves.
    ``limit_duals_usd`` [limit] are nothing with whole numbers; ``scenario_usd`` [scenario] leaves out what is the same
    in all of them; ``primal`` is the solution of ``model``.
    """

    value_usd: float
    power_mw: Floats
    lower_usd: float
    rounds: int
    limit_duals_usd: Floats
    scenario_usd: Floats
    model: FullModel
    primal: Floats
    interrupted: bool = False

    @property
    def gap_share(self) -> float:
        """(upper - lower) / max(1, |upper|)."""
        return (self.value_usd - self.lower_usd) / max(1.0, abs(self.value_usd))


def solve_full(
    programme: Programme,
    series: Series,
    solver: LinearSolver,
    request: PlanRequest | None = None,
    progress: Progress | None = None,
    held_mw: Floats | None = None,
) -> FullAnswer:
    """Solve the whole linear programme at once: scenarios, phases, lines, batteries, halls' supply and whole numbers.

    Interruptible load is relaxed to its energy. An interruption inside ``progress`` gives the best use so far. With
    ``held_mw`` [column] the MW are given and their best use is found; the limits then have no shadow prices.

    Raises:
        PlanInfeasible, PlanUnbounded: the solver's answer; or the errors of ``build_problem`` and the solver.
    """
    asked = request or PlanRequest()
    problem = build_problem(programme, series, asked.outlook, asked.surplus_years, asked.phases)
    risk = asked.risk or Risk(programme.planning.risk_weight, programme.planning.risk_tail_share)
    grounds = Grounds(programme, (series, *asked.surplus_years), asked.phases, problem, risk, held_mw)
    try:
        found = _refine(build_full(grounds), solver, asked.stop_share, progress)
    except PlanInfeasible as error:
        raise why_not_served(grounds, solver) or error from None
    except PlanUnbounded as error:
        raise why_no_plan(error, problem, solver) from None
    return found if held_mw is None else replace(found, power_mw=held_mw)


def _refine(model: FullModel, solver: LinearSolver, stop_share: float, progress: Progress | None) -> FullAnswer:
    """Solve and add tangents until the bounds meet."""
    loaded, best, upper, interrupted = solver.load(model.lp.program()), None, np.inf, False
    try:
        for rounds in range(1, MOST_ROUNDS + 1):
            solution = require_optimal(loaded.solve())
            upper = min(upper, solution.bound * USD_PER_MUSD)
            found = _answer(model, solution, upper, rounds)
            best = found if best is None or found.lower_usd >= best.lower_usd else best
            if progress is not None:
                progress(rounds, best.lower_usd, upper)
            if not model.mined or upper - best.lower_usd <= allowed_usd(upper, stop_share):
                break
            loaded.add_rows(tangent_rows(model.mined, solution.primal))
    except KeyboardInterrupt:
        if best is None:
            raise
        interrupted = True
    assert best is not None
    return replace(best, value_usd=upper, interrupted=interrupted)


def _answer(model: FullModel, solution: LinearSolution, upper_usd: float, rounds: int) -> FullAnswer:
    """A solution with what its own use is worth, its work earning what it earns in truth."""
    primal = solution.primal.copy()
    for mined in model.mined:
        primal[mined.earned] = mined.earned_at(np.maximum(primal[mined.work], 0.0))
    power = model.whole.rounded(np.maximum(primal[model.capacity.power], 0.0))
    values = np.array([recourse.value_musd(primal) for recourse in model.recourses]) * USD_PER_MUSD
    weights = tail_weights(values, model.problem.outlook.weights, model.risk)
    fixed = float(model.problem.base_usd_per_mw @ power) - model.whole.cost_usd(power)
    limits = model.capacity.limits
    return FullAnswer(
        value_usd=upper_usd,
        power_mw=power,
        lower_usd=fixed + float(weights @ values),
        rounds=rounds,
        limit_duals_usd=(solution.duals[limits] if len(solution.duals) else np.zeros(len(limits))) * USD_PER_MUSD,
        scenario_usd=values,
        model=model,
        primal=primal,
    )

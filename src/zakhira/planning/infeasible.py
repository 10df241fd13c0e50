"""Why there is no plan: which promise cannot be kept, by how much and because of what; or what nothing bounds."""

from __future__ import annotations

import math

import numpy as np

from zakhira.planning.limits import Limit
from zakhira.planning.master import PlanInfeasible, PlanUnbounded
from zakhira.planning.problem import AllocationProblem
from zakhira.planning.solver import LinearProgram, LinearSolver, SolverStatus, rows_of

NOTHING_MW = 1e-6
"""Less than a watt is not missing."""
DUAL_FLOOR = 1e-9


def why_no_plan(
    error: PlanInfeasible | PlanUnbounded, problem: AllocationProblem, solver: LinearSolver
) -> PlanInfeasible | PlanUnbounded:
    """The same error with its cause: a linear programme that lets promises give way, or one that looks for a way out.

    The error itself where no cause is found in the limits.
    """
    if isinstance(error, PlanUnbounded):
        return endless_column(problem, solver) or error
    return broken_promises(problem, solver) or error


def broken_promises(problem: AllocationProblem, solver: LinearSolver) -> PlanInfeasible | None:
    """Which promises the limits do not let anybody keep, by how few MW in all; None if all can be kept.

    Every other limit holds at no MW at all, so that promises alone can be what contradicts them.
    """
    count = len(problem.columns)
    promises = [limit for limit in problem.limits if limit.floor > 0]
    entries = [(-math.inf, limit.capacity, _terms(limit)) for limit in problem.limits]
    entries += [
        (promise.floor, math.inf, [*_terms(promise), (count + number, 1.0)]) for number, promise in enumerate(promises)
    ]
    columns = count + len(promises)
    objective = np.concatenate([np.zeros(count), -np.ones(len(promises))])
    program = LinearProgram(objective, np.zeros(columns), np.full(columns, math.inf), rows_of(entries))
    solution = solver.load(program).solve()
    if solution.status is not SolverStatus.OPTIMAL or -solution.objective <= NOTHING_MW:
        return None
    missing = solution.primal[count:]
    told = [
        f"{promise.words} is {promise.floor:.10g} MW, and {short:.6g} MW of it cannot be granted"
        for promise, short in zip(promises, missing, strict=True)
        if short > NOTHING_MW
    ]
    binding = [
        f"{limit.words} ({limit.capacity:.10g} {limit.unit})"
        for limit, dual in zip(problem.limits, solution.duals, strict=False)
        if dual > DUAL_FLOOR
    ]
    message = f"No allocation keeps the limits: {'; '.join(told)}. In the way: {', '.join(binding)}."
    return PlanInfeasible(message, f"Promise {missing.sum():.6g} MW less, or raise what is in the way.")


def _terms(limit: Limit) -> list[tuple[int, float]]:
    return [(int(index), float(limit.coefficients[index])) for index in np.flatnonzero(limit.coefficients)]


def endless_column(problem: AllocationProblem, solver: LinearSolver) -> PlanUnbounded | None:
    """The columns that may grow for ever and earn by merely standing: use is bounded by the surplus in any case."""
    entries = [(-math.inf, 0.0, _terms(limit)) for limit in problem.limits if math.isfinite(limit.capacity)]
    count = len(problem.columns)
    size = max(1.0, float(np.abs(problem.base_usd_per_mw).max(initial=0.0)))
    program = LinearProgram(problem.base_usd_per_mw / size, np.zeros(count), np.ones(count), rows_of(entries))
    solution = solver.load(program).solve()
    if solution.status is not SolverStatus.OPTIMAL or solution.objective <= DUAL_FLOOR:
        return None
    worst = int(np.argmax(solution.primal * problem.base_usd_per_mw))
    column = problem.columns[worst]
    worth = problem.worths[column.worth]
    usd = round(float(problem.base_usd_per_mw[worst]))
    holding = [limit.words for limit in problem.limits if limit.coefficients[worst] > 0]
    why = f"its capital costs {worth.capital_usd_per_mw:,.0f} USD/MW" if worth.capital_usd_per_mw < 0 else ""
    why = why or "it pays on firm supply"
    return PlanUnbounded(
        f"Nothing bounds the MW of {worth.name} at the site {column.site.id}: each earns {usd:,} USD a year without any"
        f" surplus ({why}), and {', '.join(holding)} are without end.",
        "Give one of them a finite limit, and look at the figures of the class.",
    )

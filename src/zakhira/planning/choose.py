"""One way in: plan a programme by the quickest exact method, or by the one that is asked for."""

from __future__ import annotations

from collections.abc import Callable

from zakhira.kernel.errors import InvalidInput
from zakhira.planning.allocation import Plan
from zakhira.planning.master import Progress
from zakhira.planning.method import Method, method_for
from zakhira.planning.plan import PlanRequest, plan_allocation
from zakhira.planning.problem import build_problem
from zakhira.planning.solver import LinearSolver
from zakhira.programme.model import Programme
from zakhira.programme.series import Series

AUTO, STRUCTURAL, FULL = "auto", "structural", "full"


class MethodNotExact(InvalidInput):
    """The structural method was asked for, and something in the programme is beyond it."""

    code = "ZK-PLANNING-008"


def plan_by(
    method: str,
    programme: Programme,
    series: Series,
    solver: LinearSolver,
    progress: Progress | None = None,
    clock: Callable[[], float] | None = None,
    request: PlanRequest | None = None,
) -> Plan:
    """The best allocation by ``auto``, ``structural`` or ``full``; the arguments are those of ``plan_allocation``.

    Raises:
        MethodNotExact: structural, where only the full linear programme is exact; and what the methods raise.
    """
    chosen = Method.FULL if method == FULL else _quickest(programme, series, request or PlanRequest())
    if chosen is Method.FULL:
        if method == STRUCTURAL:
            raise MethodNotExact(
                "The programme has lines, batteries, firm supply or whole numbers that only the full model joins.",
                "Use --method auto or full, or leave the feature out.",
            )
        from zakhira.planning.plan_full import plan_in_full  # noqa: PLC0415  # seldom needed, slow to load

        return plan_in_full(programme, series, solver, progress, clock, request)
    if chosen is Method.COUPLED:
        from zakhira.planning.plan_coupled import plan_coupled  # noqa: PLC0415  # seldom needed, slow to load

        return plan_coupled(programme, series, solver, progress, clock, request)
    return plan_allocation(programme, series, solver, progress, clock, request)


def _quickest(programme: Programme, series: Series, asked: PlanRequest) -> Method:
    problem = build_problem(programme, series, asked.outlook, asked.surplus_years, asked.phases)
    weight = asked.risk.weight if asked.risk else programme.planning.risk_weight
    found = method_for(programme, problem, weight)
    return Method.FULL if found is Method.COUPLED and asked.phases else found  # a phase has a surplus of its own

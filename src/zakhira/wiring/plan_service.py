"""``zakhira plan``: the allocation with HiGHS behind the planning room's protocol."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from zakhira.adapters.highs import HighsSolver
from zakhira.cli.answer import Progress
from zakhira.cli.services import PlanOrder
from zakhira.kernel.errors import InvalidInput
from zakhira.planning.allocation import Plan
from zakhira.planning.plan import PlanRequest
from zakhira.programme.model import Programme
from zakhira.programme.series import Series
from zakhira.reports.plan_beside import PlanBeside

if TYPE_CHECKING:
    from zakhira.planning.sweep import Engine

PLAN_STAGE = "closing the bounds"
SCENARIO_GAP_SHARE = 1e-5
"""Over scenarios bounds count as met here: a hundred times below what any figure of a scenario is known to."""


class NoPhases(InvalidInput):
    """A build-up was asked for, and the programme has no phases."""

    code = "ZK-PLAN-001"


def make_plan(programme: Programme, series: Series, progress: Progress, request: PlanRequest | None = None) -> Plan:
    """The allocation by the quickest exact method, telling each round how close the bounds are."""
    from zakhira.planning.choose import plan_by

    return plan_by("auto", programme, series, HighsSolver(), _teller(progress), time.perf_counter, request)


def as_ordered(order: PlanOrder, programme: Programme) -> Programme:
    """The programme with the response and the aim that were asked for."""
    own = programme.planning
    planning = replace(own, response=order.response or own.response, objective=order.objective or own.objective)
    return replace(programme, planning=planning)


def plan_as_ordered(order: PlanOrder, programme: Programme, series: Series, progress: Progress) -> Plan:
    """The allocation with the scenarios, phases, method and engine of an order.

    Raises:
        NoPhases: phases were asked for and there are none; or what reading scenarios and planning raise.
    """
    from zakhira.planning.choose import plan_by

    with _engine(order) as engine:
        request = replace(request_of(order, programme, series), engine=engine)
        tell = _teller(progress)
        if programme.planning.objective != "value":
            from zakhira.planning.objectives import plan_for

            aim = programme.planning.objective
            return plan_for(programme, series, HighsSolver(), aim, tell, time.perf_counter, request)
        return plan_by(order.method, programme, series, HighsSolver(), tell, time.perf_counter, request)


def request_of(order: PlanOrder, programme: Programme, series: Series) -> PlanRequest:
    """What an order asks of planning: scenarios, phases and the weight of risk."""
    if order.phases and not programme.phases:
        raise NoPhases("The programme has no [[phase]].", "Add phases to programme.toml, or leave --phases away.")
    request = PlanRequest(phases=programme.phases if order.phases else ())
    if order.risk is not None:
        from zakhira.planning.outlook_oracle import Risk

        request = replace(request, risk=Risk(order.risk[0], 1.0 - order.risk[1]))
    if not order.scenarios and order.scenario_file is None:
        return request
    return _with_scenarios(order, programme, series, request)


def _with_scenarios(order: PlanOrder, programme: Programme, series: Series, request: PlanRequest) -> PlanRequest:
    """Draw or read the scenarios, and load the years of surplus that they name."""
    from zakhira.adapters.surplus_years import load_surplus_years
    from zakhira.kernel.ids import seeded_rng
    from zakhira.planning.outlook_draw import draw_outlook, shape_of, year_weights

    if order.scenario_file is not None:
        from zakhira.adapters.outlook_file import read_outlook

        outlook = read_outlook(order.scenario_file, programme)
    else:
        epochs, phases = shape_of(programme)
        rng = seeded_rng(order.seed, "outlook")
        outlook = draw_outlook(programme, epochs, phases, year_weights(programme), order.scenarios, rng)
    years = load_surplus_years(order.folder, programme, series)[1:]
    return replace(request, outlook=outlook, surplus_years=years, stop_share=SCENARIO_GAP_SHARE)


def plan_beside(order: PlanOrder, programme: Programme, series: Series, plan: Plan) -> PlanBeside | None:
    """What stands beside the plan of a single certain year on a network that answers; None for any other plan."""
    several = order.phases or order.scenarios or order.scenario_file is not None
    if several or plan.basis.response == "none" or plan.aim is not None or not plan.grants:
        return None
    from zakhira.planning.own_share import against_retarget, own_share

    return PlanBeside(own_share(programme, series, HighsSolver(), plan), against_retarget(programme, series, plan))


@contextmanager
def _engine(order: PlanOrder) -> Iterator[Engine | None]:
    """Where scenarios run; None is this process."""
    if order.engine == "local":
        yield None
        return
    from zakhira.adapters.ray_engine import ray_engine

    with ray_engine(order.workers) as engine:
        yield engine


def _teller(progress: Progress) -> Callable[[int, float, float], None]:
    """Tells each round how close the bounds are."""

    def tell(rounds: int, lower_usd: float, upper_usd: float) -> None:
        gap = (upper_usd - lower_usd) / max(1.0, abs(upper_usd))
        progress(PLAN_STAGE, rounds, rounds, f"gap {gap:.1e}")

    return tell

"""``zakhira plan``: the allocation with HiGHS behind the planning room's protocol."""

from __future__ import annotations

import time

from zakhira.adapters.highs import HighsSolver
from zakhira.cli.services import Progress
from zakhira.planning.allocation import Plan
from zakhira.planning.plan import plan_allocation
from zakhira.programme.model import Programme
from zakhira.programme.series import Series

PLAN_STAGE = "closing the bounds"


def make_plan(programme: Programme, series: Series, progress: Progress) -> Plan:
    """The allocation, telling each round how close the bounds are."""

    def tell(rounds: int, lower_usd: float, upper_usd: float) -> None:
        gap = (upper_usd - lower_usd) / max(1.0, abs(upper_usd))
        progress(PLAN_STAGE, rounds, rounds, f"gap {gap:.1e}")

    return plan_allocation(programme, series, HighsSolver(), tell, time.perf_counter)

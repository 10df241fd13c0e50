"""What lies beside the certificate: what a price taker would have done, and what the steady state leaves out."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from zakhira.mining.steady_state import SettledAgainstSimulated, compare_with_retarget
from zakhira.planning.allocation import Plan
from zakhira.planning.master import close_bounds, master_of
from zakhira.planning.outlook_oracle import outlook_oracle
from zakhira.planning.problem import AllocationProblem, build_problem
from zakhira.planning.solver import LinearSolver
from zakhira.planning.zone_hours import marginal_usd_per_hash, power_of, zone_hours
from zakhira.planning.zone_oracle import zone_oracles
from zakhira.programme.model import Programme
from zakhira.programme.series import Floats, Series


@dataclass(frozen=True)
class OwnShare:
    """The plan of somebody who takes hashprice as given: what he expects a year, and what the network leaves him.

    ``plan_`` is the plan that knows better. Coins are all that is mined.
    """

    naive_mw: float
    naive_btc: float
    naive_usd: float
    left_btc: float
    left_usd: float
    plan_btc: float
    plan_usd: float

    @property
    def worth_usd(self) -> float:
        """What it is worth a year to know that our own work moves the network."""
        return self.plan_usd - self.left_usd


def own_share(programme: Programme, series: Series, solver: LinearSolver, plan: Plan) -> OwnShare:
    """Plan once more as a price taker, and see what the network makes of that plan (a single year, as it stands)."""
    problem = build_problem(programme, series)
    naive = replace(problem, response="none")
    bounds = close_bounds(master_of(naive, zone_oracles(naive)), solver)
    power_mw = bounds.best.power_mw
    answered = outlook_oracle(problem)
    left_usd = float(problem.base_usd_per_mw @ power_mw) + float(answered.scenario_usd(power_mw)[0])
    return OwnShare(
        naive_mw=float(power_mw.sum()),
        naive_btc=problem.year_scale * float(outlook_oracle(naive).uses(power_mw)[0].btc.sum()),
        naive_usd=bounds.best.value_usd,
        left_btc=problem.year_scale * float(answered.uses(power_mw)[0].btc.sum()),
        left_usd=left_usd,
        plan_btc=sum(result.btc for result in plan.results),
        plan_usd=plan.spread.mean_usd,
    )


def against_retarget(programme: Programme, series: Series, plan: Plan) -> SettledAgainstSimulated:
    """The plan's coins as settled, and as Bitcoin's own retarget rule pays them hour by hour (a single year)."""
    problem = build_problem(programme, series)
    hashes = hashes_by_hour(problem, power_of(programme, problem, plan))
    return compare_with_retarget(hashes, programme.network, problem.response, problem.elasticity)


def hashes_by_hour(problem: AllocationProblem, power_mw: Floats) -> Floats:
    """What the fleets work in each hour of the horizon [hour] at MW [column]."""
    usd_per_hash = marginal_usd_per_hash(problem, power_mw)
    per_mwh = np.array([problem.worths[position].hashes_per_mwh for position in problem.years[0].classes])
    total = np.zeros(problem.horizon_hours)
    for zone in range(len(problem.supplies)):
        hours = zone_hours(problem, power_mw, zone, usd_per_hash)
        if hours.granted_mw.any():
            used, _ = hours.used_mw()
            total[hours.hours] += per_mwh @ used
    return total

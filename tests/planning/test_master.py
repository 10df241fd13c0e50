"""The master's answers when a solver does not say optimal, and when bounds do not meet."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from example_programme import random_series
from zakhira.adapters.highs import HighsSolver
from zakhira.kernel.ids import seeded_rng
from zakhira.planning import master as master_room
from zakhira.planning import tie_break
from zakhira.planning.full_model import solve_full
from zakhira.planning.grants import on_grid
from zakhira.planning.master import PlanInfeasible, PlanNotFound, PlanUnbounded, close_bounds, master_of
from zakhira.planning.plan import plan_allocation
from zakhira.planning.problem import build_problem
from zakhira.planning.solver import LinearModel, LinearProgram, LinearSolution, Rows, SolverStatus
from zakhira.planning.tie_break import break_ties
from zakhira.planning.zone_oracle import zone_oracles
from zakhira.programme.model import Programme


class _Answering:
    """A solver that always gives one answer."""

    def __init__(self, status: SolverStatus) -> None:
        self.status = status

    def load(self, program: LinearProgram) -> LinearModel:
        """Take anything."""
        del program
        return self

    def add_rows(self, rows: Rows) -> None:
        """Take anything."""

    def solve(self) -> LinearSolution:
        """Give the one answer."""
        return LinearSolution(self.status, math.nan, np.empty(0), np.empty(0))


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        (SolverStatus.INFEASIBLE, PlanInfeasible, "ZK-PLANNING-003"),
        (SolverStatus.UNBOUNDED, PlanUnbounded, "ZK-PLANNING-004"),
    ],
)
def test_answers_without_a_plan_are_named(
    status: SolverStatus, error: type[Exception], code: str, programme: Programme
) -> None:
    """Infeasible and unbounded end the planning with their own errors, in the quick method and the full one."""
    series = random_series(seeded_rng(1, "x"), 3)
    with pytest.raises(error, match=code):
        plan_allocation(programme, series, _Answering(status))
    with pytest.raises(error, match=code):
        solve_full(programme, series, _Answering(status))


def test_nothing_bounds_an_endless_programme(programme: Programme, solver: HighsSolver) -> None:
    """Limits of infinity and a hall that pays on firm supply: a real solver finds no bound."""
    inf = math.inf
    endless = replace(
        programme,
        cap_mw=inf,
        zones=tuple(replace(zone, max_mw=inf) for zone in programme.zones),
        sites=tuple(replace(site, connection_mw=inf) for site in programme.sites),
        licensees=tuple(replace(item, quota_mw=inf) for item in programme.licensees),
        halls=tuple(replace(hall, limit_mw=inf, capex_usd_per_mw=1e6) for hall in programme.halls),
        prices=replace(programme.prices, capital_budget_usd=inf),
    )
    with pytest.raises(PlanUnbounded):
        plan_allocation(endless, random_series(seeded_rng(1, "x"), 3), solver)


def test_bounds_that_do_not_meet_are_an_error(
    programme: Programme, solver: HighsSolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Out of rounds: the message tells both bounds, and no plan comes out."""
    monkeypatch.setattr(master_room, "MAX_ROUNDS", 1)
    cheap = replace(programme, machines=tuple(replace(m, price_usd_per_th=0.5) for m in programme.machines))
    with pytest.raises(PlanNotFound, match=r"ZK-PLANNING-005 .* in 1 rounds"):
        plan_allocation(cheap, random_series(seeded_rng(3, "x"), 48), solver)


def test_zones_without_a_site_earn_nothing(programme: Programme, solver: HighsSolver) -> None:
    """A zone with surplus but no site is left alone, and so is its value in the master."""
    lonely = replace(programme, sites=programme.sites[:2])
    problem = build_problem(lonely, random_series(seeded_rng(5, "x"), 24))
    master = master_of(problem, zone_oracles(problem))
    bounds = close_bounds(master, solver)
    assert len(master.oracles) == 1
    assert bounds.best.power_mw.shape == (len(problem.columns),)


def test_tie_break_keeps_the_value(programme: Programme, solver: HighsSolver) -> None:
    """The plan chosen among equals is worth the best one's value to within the gap."""
    problem = build_problem(programme, random_series(seeded_rng(8, "x"), 48))
    master = master_of(problem, zone_oracles(problem))
    bounds = close_bounds(master, solver)
    tied = break_ties(problem, master, solver, bounds)
    assert bounds.upper_usd - tied.value_usd <= master_room.GAP_STOP_SHARE * max(1.0, abs(bounds.upper_usd))


def test_without_a_confirmed_tie_the_best_plan_stands(
    programme: Programme, solver: HighsSolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Out of rounds for ties, the plan is the best one found."""
    monkeypatch.setattr(tie_break, "TIE_ROUNDS", 0)
    problem = build_problem(programme, random_series(seeded_rng(8, "x"), 48))
    master = master_of(problem, zone_oracles(problem))
    bounds = close_bounds(master, solver)
    assert break_ties(problem, master, solver, bounds) is bounds.best


def test_rounding_never_exceeds_a_limit(programme: Programme) -> None:
    """Grants a hair above a limit are brought below it; noise below a watt becomes nothing."""
    problem = build_problem(programme, random_series(seeded_rng(8, "x"), 4))
    over = np.full(len(problem.columns), 5.0000001)
    over[0] = 1e-8
    rounded = on_grid(problem, over)
    assert rounded[0] == 0
    assert all(float(limit.coefficients @ rounded) <= limit.capacity for limit in problem.limits)
    assert (rounded >= 0).all()

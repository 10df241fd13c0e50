"""A build-up by hand: years that are planned together, machines that wear out, budgets by phase, the halving.

One site with 10 MW to grant, surplus without end at one cost, no interest: a MW that runs all year earns E, and costs K
once.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from example_programme import START, build_programme, machine
from zakhira.adapters.highs import HighsSolver
from zakhira.kernel.interval import HourRange
from zakhira.planning.allocation import Plan
from zakhira.planning.full_model import solve_full
from zakhira.planning.outlook_oracle import outlook_oracle
from zakhira.planning.plan import PlanRequest, plan_allocation, value_of
from zakhira.planning.problem import build_problem
from zakhira.planning.worth import class_worths
from zakhira.programme.model import MachineClass, Phase, Programme
from zakhira.programme.series import Series

CAP_MW = 10.0
COST_USD = 30.0
RUNS = 8760 * 0.95
ENDLESS = 1e12


def _fleet(capital_usd: float, life_years: float = 4.0, lead_years: int = 0) -> MachineClass:
    plain = machine("s21", 17.5, 0.0)
    return replace(plain, infrastructure_usd_per_mw=capital_usd, life_years=life_years, lead_years=lead_years)


def _programme(fleet: MachineClass, phases: tuple[Phase, ...], gain: float = 0.0) -> Programme:
    base = build_programme()
    return replace(
        base,
        zones=base.zones[1:],
        sites=base.sites[2:],
        machines=(fleet,),
        halls=(),
        cap_mw=CAP_MW,
        prices=replace(base.prices, discount_share_per_year=0.0, capital_budget_usd=ENDLESS),
        planning=replace(
            base.planning, efficiency_gain_per_year=gain, machine_price_fall_per_year=0.0, residual_share=0.0
        ),
        phases=phases,
    )


def _series(hours: int = 24, cost_usd: float = COST_USD) -> Series:
    flat = np.full((1, hours, 1), 100.0)
    return Series(("west",), HourRange(START, hours), flat, flat / 100 * cost_usd * 283.0, np.full((1, hours), 20.0))


def _earned_usd(built_year: int = 0, gain: float = 0.0, cost_usd: float = COST_USD) -> float:
    """E of a vintage: what a MW earns that runs in every hour of a year."""
    [worth] = class_worths(_programme(_fleet(0.0), (), gain), built_year)
    return RUNS * (worth.surplus_value_usd_per_mwh - cost_usd)


def _phase(name: str, year: int, surplus_share: float = 1.0, budget_usd: float = ENDLESS) -> Phase:
    return Phase(name, year, CAP_MW, budget_usd, surplus_share)


def _plan(programme: Programme, solver: HighsSolver, series: Series | None = None) -> Plan:
    """The joint plan, which the full linear programme confirms."""
    request = PlanRequest(phases=programme.phases)
    plan = plan_allocation(programme, series or _series(), solver, request=request)
    full = solve_full(programme, series or _series(), solver, request)
    assert plan.certificate.lower_bound_usd == pytest.approx(full.value_usd, rel=1e-6, abs=1.0)
    return plan


def _bought(plan: Plan) -> dict[str, float]:
    return {grant.phase: round(grant.power_mw, 5) for grant in plan.grants}


def test_year_by_year_never_buys_what_pays_back_in_two(solver: HighsSolver) -> None:
    """K = 1.5 E: in either year alone a MW loses 0.5 E, over both it gains 0.5 E. Joint: 10 x 0.5 E; alone: nothing."""
    earned = _earned_usd()
    programme = _programme(_fleet(1.5 * earned), (_phase("a", 0), _phase("b", 1)))
    joint = _plan(programme, solver)
    assert joint.certificate.lower_bound_usd == pytest.approx(10 * 0.5 * earned, rel=1e-6)
    assert _bought(joint) == {"a": 10.0}
    for phase in programme.phases:
        alone = plan_allocation(programme, _series(), solver, request=PlanRequest(phases=(replace(phase, year=0),)))
        assert alone.grants == ()


def test_year_by_year_buys_for_a_surplus_that_ends(solver: HighsSolver) -> None:
    """K = 2 E over four years is 0.5 E a year: the first year alone buys 10 MW and sees a gain of 5 E.

    But there is no surplus in the second year. Over both years each MW loses E: together nothing is bought, and what
    the first year alone would buy is worth -10 E.
    """
    earned = _earned_usd()
    programme = _programme(_fleet(2 * earned), (_phase("a", 0), _phase("b", 1, surplus_share=0.0)))
    first = plan_allocation(replace(programme, phases=()), _series(), solver)
    assert first.power_mw == pytest.approx(10.0)
    assert first.certificate.lower_bound_usd == pytest.approx(5 * earned, rel=1e-6)
    joint = _plan(programme, solver)
    assert joint.grants == ()
    problem = build_problem(programme, _series(), phases=programme.phases)
    greedy = np.array([10.0 if column.phase == 0 else 0.0 for column in problem.columns])
    assert value_of(problem, outlook_oracle(problem), greedy)[0] == pytest.approx(-10 * earned, rel=1e-6)


def test_year_by_year_fills_the_site_before_better_machines_come(solver: HighsSolver) -> None:
    """Machines of the second year use half the energy: E1 > 2 E0. K = 0.5 E0.

    Year by year the site is full after the first year: 10 (2 E0 - K). Together it waits: 10 (E1 - K), and that is more.
    """
    cost = 50.0
    old, new = _earned_usd(0, 0.5, cost), _earned_usd(1, 0.5, cost)
    assert 0 < 2 * old < new
    programme = _programme(_fleet(0.5 * old), (_phase("a", 0), _phase("b", 1)), gain=0.5)
    joint = _plan(programme, solver, _series(cost_usd=cost))
    assert _bought(joint) == {"b": 10.0}
    assert joint.certificate.lower_bound_usd == pytest.approx(10 * (new - 0.5 * old), rel=1e-6)
    alone = PlanRequest(phases=programme.phases[:1])
    first = plan_allocation(programme, _series(cost_usd=cost), solver, request=alone)
    assert first.power_mw == pytest.approx(10.0)
    assert joint.certificate.lower_bound_usd > 10 * (2 * old - 0.5 * old)


def test_machines_wear_out_and_are_bought_again(solver: HighsSolver) -> None:
    """A life of two years, three phases a year apart, K = 0.5 E: 10 MW in the first and again in the third."""
    earned = _earned_usd()
    programme = _programme(_fleet(0.5 * earned, 2.0), (_phase("a", 0), _phase("b", 1), _phase("c", 2)))
    # The halving falls into the third year: the price of coins doubles in its only scenario, so that E stays.
    problem = build_problem(programme, _series(), phases=programme.phases)
    outlook = replace(problem.outlook, btc_usd=problem.outlook.btc_usd * np.array([1.0, 1.0, 2.0])[None, :, None])
    request = PlanRequest(outlook, phases=programme.phases)
    plan = plan_allocation(programme, _series(), solver, request=request)
    assert _bought(plan) == {"a": 10.0, "c": 10.0}
    assert plan.certificate.lower_bound_usd == pytest.approx(10 * (2 - 0.5 + 1 - 0.5) * earned, rel=1e-6)
    full = solve_full(programme, _series(), solver, request)
    assert full.value_usd == pytest.approx(plan.certificate.upper_bound_usd, rel=1e-6)
    works = {result.phase: result.surplus_mwh for result in plan.results}
    assert works == pytest.approx({"a": 10 * RUNS, "b": 10 * RUNS, "c": 10 * RUNS}, rel=1e-6)


def test_what_is_ordered_late_never_works(solver: HighsSolver) -> None:
    """A lead of a year: ordered in the first year it works in the second; ordered in the second it never does."""
    earned = _earned_usd()
    programme = _programme(_fleet(0.5 * earned, lead_years=1), (_phase("a", 0), _phase("b", 1)))
    plan = _plan(programme, solver)
    assert _bought(plan) == {"a": 10.0}
    assert plan.certificate.lower_bound_usd == pytest.approx(10 * 0.5 * earned, rel=1e-6)


def test_a_budget_binds_by_phase(solver: HighsSolver) -> None:
    """K = 0.5 E and money for 4 MW in the first year: 6 MW come a year later. Shadow prices say which budget binds."""
    earned = _earned_usd()
    capital = 0.5 * earned
    phases = (_phase("a", 0, budget_usd=4 * capital), _phase("b", 1))
    plan = _plan(_programme(_fleet(capital), phases), solver)
    assert _bought(plan) == {"a": 4.0, "b": 6.0}
    assert plan.certificate.lower_bound_usd == pytest.approx((4 * 1.5 + 6 * 0.5) * earned, rel=1e-6)
    prices = {price.limit: price.value_usd for price in plan.shadow_prices}
    assert prices["budget@a"] == pytest.approx(earned / capital * 1e6, rel=1e-4)
    assert "budget@b" not in prices


@pytest.mark.parametrize("response", ["none", "share", "elastic"])
def test_the_halving_inside_the_horizon(response: str, solver: HighsSolver) -> None:
    """The halving comes after 24 of 48 hours; at 50 USD/MWh mining pays before it and not after it.

    10 MW run for half the year. Block 1,050,000 is the first with half the subsidy: hour 24 begins with it.
    """
    base = _programme(_fleet(1000.0), ())
    network = replace(base.network, height=1_050_000 - 1 - 24 * 6)
    programme = replace(base, network=network, planning=replace(base.planning, response=response))
    series = _series(48, 50.0)
    problem = build_problem(programme, series)
    assert problem.years[0].epochs.btc_per_block == pytest.approx([3.125 * 1.01, 1.5625 * 1.01])
    assert problem.years[0].epochs.hours.tolist() == [24, 24]
    plan, full = plan_allocation(programme, series, solver), solve_full(programme, series, solver)
    [result] = plan.results
    assert result.power_mw == pytest.approx(10.0)
    assert result.surplus_mwh == pytest.approx(10 * RUNS / 2)
    [worth] = class_worths(programme)
    assert result.btc == pytest.approx(10 * RUNS / 2 * worth.btc_per_mwh, rel=0.002)
    assert plan.certificate.lower_bound_usd == pytest.approx(full.value_usd, rel=1e-6)

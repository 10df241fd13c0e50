"""Halls beyond surplus, by hand: firm supply within its limit, backup, load that is not served, interruptions."""

from __future__ import annotations

import dataclasses
from dataclasses import replace

import numpy as np
import pytest

from example_programme import build_programme, build_series
from planning_cases import random_case
from zakhira.adapters.highs import HighsSolver
from zakhira.planning.full_model import solve_full
from zakhira.planning.method import Feature, Method, features_of, hall_load_bound_mw, method_for
from zakhira.planning.plan_full import plan_in_full
from zakhira.planning.problem import build_problem
from zakhira.planning.stakeholders import own_values_usd
from zakhira.planning.worth import capital_recovery_share, firm_tariff_usd_per_mwh
from zakhira.programme.model import Backup, Battery, HallClass, Link, LoadWindow, Programme
from zakhira.programme.series import Series

HOURS = 48
LOAD = 0.7 * 0.9998
REVENUE = 2.25 * 1000 / 1.7
OPEX = 25.0


def _halls_only(**changes: object) -> Programme:
    """One site in the east, one hall class, and nothing else that could be granted."""
    base = build_programme(HOURS)
    hall = dataclasses.replace(base.halls[0], limit_mw=100.0, **changes)  # type: ignore[arg-type]  # fields by name
    prices = replace(base.prices, capital_budget_usd=1e12)
    return replace(base, machines=(), halls=(hall,), sites=base.sites[:1], prices=prices)


def _series(surplus_mw: float = 0.0, cost: float = 1000.0) -> Series:
    return build_series(np.full((2, HOURS, 1), surplus_mw), np.full((2, HOURS, 1), cost), np.full((2, HOURS), 20.0))


def _capital_usd(hall: HallClass) -> float:
    """A year's capital of a MW."""
    return hall.capex_usd_per_mw * capital_recovery_share(0.1, hall.life_years)


def test_firm_supply_bounds_the_halls(solver: HighsSolver) -> None:
    """5 MW of firm supply and no surplus carry 5 / 0.69986 MW of halls: more would stand idle."""
    base = _halls_only()
    programme = replace(base, zones=tuple(replace(zone, firm_limit_mw=5.0) for zone in base.zones))
    plan = plan_in_full(programme, _series(), solver)
    [result] = plan.results
    tariff = firm_tariff_usd_per_mwh(programme.prices)
    assert result.power_mw == pytest.approx(5.0 / LOAD)
    value = 5.0 * 8760 * (REVENUE - OPEX - tariff) - 5.0 / LOAD * _capital_usd(programme.halls[0])
    assert plan.certificate.lower_bound_usd == pytest.approx(value, rel=1e-6)
    assert result.firm_mwh == pytest.approx(5.0 * 8760, rel=1e-6)
    assert (result.unserved_mwh, result.backup_mwh) == (0.0, 0.0)


def test_two_classes_share_a_zone(solver: HighsSolver) -> None:
    """The firm supply of a zone is one: with two classes of halls the better one has it."""
    base = _halls_only()
    better = replace(base.halls[0], id="b200", gpu_hour_usd=2.5)
    programme = replace(
        base,
        halls=(base.halls[0], better),
        zones=tuple(replace(zone, firm_limit_mw=5.0) for zone in base.zones),
    )
    [result] = plan_in_full(programme, _series(), solver).results
    assert result.class_id == "b200"
    assert result.firm_mwh == pytest.approx(5.0 * 8760, rel=1e-6)


def test_backup_stands_in(solver: HighsSolver) -> None:
    """2 MW of backup at 60 USD/MWh is cheaper than the tariff of 81: it runs first; at 300 it runs only on top."""
    base = _halls_only()
    tight = replace(base, zones=tuple(replace(zone, firm_limit_mw=5.0) for zone in base.zones))
    tariff = firm_tariff_usd_per_mwh(base.prices)
    for fuel, firm_limit in ((60.0, 1e6), (300.0, 5.0)):
        programme = replace(tight if firm_limit == 5.0 else base, backups=(Backup("east", 2.0, fuel),))
        plan = plan_in_full(programme, _series(), solver)
        [result] = plan.results
        assert result.backup_mwh == pytest.approx(2.0 * 8760, rel=1e-6)
        served = result.power_mw * LOAD * 8760
        assert result.firm_mwh == pytest.approx(served - 2.0 * 8760, rel=1e-6)
        assert result.energy_cost_usd == pytest.approx(2.0 * 8760 * fuel + result.firm_mwh * tariff, rel=1e-6)
        assert result.value_usd == pytest.approx(plan.certificate.lower_bound_usd, rel=1e-6)


@pytest.mark.parametrize(("penalty", "unserved_share"), [(0.0, 0.1), (40.0, 0.1), (60.0, 0.0)])
def test_load_that_costs_more_than_it_earns(penalty: float, unserved_share: float, solver: HighsSolver) -> None:
    """Promised halls that earn 58.8 USD/MWh, less 25 of work, at a tariff of 81.2: a tenth goes unserved.

    A MWh unserved saves 81.2 - 33.8 = 47.4 USD and costs the penalty. Served or not, the promise stands.
    """
    base = _halls_only(gpu_hour_usd=0.1, service_share=0.9, unserved_usd_per_mwh=penalty)
    programme = replace(base, sites=(replace(base.sites[0], hall_min_mw=4.0),))
    plan = plan_in_full(programme, _series(), solver)
    [result] = plan.results
    load = 4.0 * LOAD * 8760
    assert result.power_mw == pytest.approx(4.0)
    assert result.unserved_mwh == pytest.approx(unserved_share * load, abs=1e-3)
    assert result.penalty_usd == pytest.approx(unserved_share * load * penalty, abs=1e-2)
    assert result.revenue_usd == pytest.approx((1 - unserved_share) * load * 100 / 1.7)
    assert result.opex_usd == pytest.approx((1 - unserved_share) * load * OPEX)
    rent_usd = programme.licensees[0].rent_share * result.revenue_usd
    assert own_values_usd(plan.stakeholders)["alpha"] == pytest.approx(result.value_usd - rent_usd)
    assert result.value_usd == pytest.approx(plan.certificate.lower_bound_usd, abs=1.0)


def test_interruptions_by_their_energy(solver: HighsSolver) -> None:
    """Two events of three hours at a quarter of the load in the only month, where serving loses money."""
    base = _halls_only(gpu_hour_usd=0.1, service_share=1.0, interruptible_share=0.25, events_per_month=2)
    programme = replace(base, sites=(replace(base.sites[0], hall_min_mw=4.0),))
    [result] = plan_in_full(programme, _series(), solver).results
    assert result.unserved_mwh == pytest.approx(2 * 3 * 0.25 * 4.0 * LOAD * 8760 / HOURS)
    assert result.penalty_usd == 0.0


def test_the_service_level_holds_in_each_local_month(solver: HighsSolver) -> None:
    """From 26 January the 240 hours reach into February: a tenth of each month's load, and no more, is unserved."""
    base = _halls_only(gpu_hour_usd=0.1, service_share=0.9)
    start = base.horizon.start.replace(day=26)
    hours = replace(base.horizon, start=start, count=240)
    programme = replace(base, horizon=hours, sites=(replace(base.sites[0], hall_min_mw=4.0),))
    flat = np.zeros((2, 240, 1))
    series = Series(("east", "west"), hours, flat, flat + 1000.0, flat[:, :, 0] + 20.0)
    answer = solve_full(programme, series, solver)
    assert answer.model.months.names == ("2026-01", "2026-02")
    [part] = answer.model.parts
    unserved = answer.primal[part.halls[0].unserved][0]
    for month in range(2):
        here = answer.model.months.of_hour == month
        assert unserved[here].sum() == pytest.approx(0.1 * 4.0 * LOAD * here.sum())
    assert answer.gap_share <= 1e-9


def test_surplus_comes_before_firm_supply(solver: HighsSolver) -> None:
    """With 6 MW of surplus at 3.5 USD/MWh beside 5 MW of firm supply, halls of 11 / 0.69986 MW run."""
    base = _halls_only()
    programme = replace(base, zones=tuple(replace(zone, firm_limit_mw=5.0, loss_share=0.0) for zone in base.zones))
    [result] = plan_in_full(programme, _series(6.0), solver).results
    assert result.power_mw == pytest.approx(11.0 / LOAD)
    assert result.surplus_mwh == pytest.approx(6.0 * 8760, rel=1e-6)


@pytest.mark.parametrize("seed", range(2))
def test_results_add_up_where_everything_is_coupled(seed: int, solver: HighsSolver) -> None:
    """Lines, a battery, backup, scarce firm supply and windows: the results sum to the plan's value."""
    programme, series = random_case(seed, 3, 48)
    everything = replace(
        programme,
        links=(Link("z0", "z1", 6.0, 0.02, 4.0),),
        batteries=(Battery("z1", 4.0, 8.0, 0.85),),
        backups=(Backup("z0", 1.5, 60.0),),
        load_windows=(LoadWindow("h", 20, 6, 0.6),),
        zones=tuple(replace(zone, firm_limit_mw=2.0) for zone in programme.zones),
        halls=(replace(programme.halls[0], capex_usd_per_mw=12e6, service_share=0.95),),
    )
    plan = plan_in_full(everything, series, solver)
    assert plan.certificate.gap_share <= 1e-6
    total = sum(result.value_usd for result in plan.results)
    assert total == pytest.approx(plan.certificate.lower_bound_usd, rel=1e-6)
    assert sum(result.backup_mwh for result in plan.results) > 0
    without = solve_full(replace(everything, links=(), batteries=(), backups=()), series, solver)
    assert plan.certificate.upper_bound_usd > without.lower_usd


@pytest.mark.parametrize(
    ("changes", "method", "features"),
    [
        ({}, Method.ZONES, set()),
        ({"links": (Link("east", "west", 5.0, 0.02, 0.0),)}, Method.ZONES, set()),
        ({"links": (Link("east", "west", 5.0, 0.02),)}, Method.COUPLED, {Feature.LINKS}),
        ({"batteries": (Battery("east", 5.0, 10.0, 0.9),)}, Method.COUPLED, {Feature.BATTERIES}),
        ({"backups": (Backup("east", 5.0, 300.0),)}, Method.ZONES, set()),
        ({"backups": (Backup("east", 5.0, 60.0),)}, Method.FULL, {Feature.HALL_SUPPLY}),
    ],
)
def test_which_method_is_exact(changes: dict[str, object], method: Method, features: set[Feature]) -> None:
    """A line over which nothing may be wheeled couples nothing, and dear backup with firm supply never runs."""
    programme = dataclasses.replace(build_programme(HOURS), **changes)  # type: ignore[arg-type]  # fields by name
    problem = build_problem(programme, _series(5.0))
    assert features_of(programme, problem) == features
    assert method_for(programme, problem) is method


def test_which_method_is_exact_by_figures() -> None:
    """Scarce firm supply, halls that would rather not be served, whole numbers, risk and a network that answers."""
    base = build_programme(HOURS)
    problem = build_problem(base, _series(5.0))
    assert hall_load_bound_mw(problem, 0) == pytest.approx(10.0 * LOAD)

    def method(programme: Programme, risk_weight: float = 0.0) -> Method:
        return method_for(programme, build_problem(programme, _series(5.0)), risk_weight)

    def firm(mw: float) -> Programme:
        return replace(base, zones=tuple(replace(zone, firm_limit_mw=mw) for zone in base.zones))

    assert method(firm(7.0)) is Method.ZONES
    assert method(firm(6.9)) is Method.FULL
    shy = replace(base.halls[0], gpu_hour_usd=0.1)
    assert method(replace(base, halls=(replace(shy, service_share=1.0),))) is Method.ZONES
    assert method(replace(base, halls=(shy,))) is Method.FULL
    assert method(replace(base, halls=(replace(shy, unserved_usd_per_mwh=60.0),))) is Method.ZONES
    pausing = replace(shy, service_share=1.0, interruptible_share=0.2, events_per_month=1)
    assert method(replace(base, halls=(pausing,))) is Method.FULL
    assert method(replace(base, planning=replace(base.planning, response="share"))) is Method.OUTLOOK
    lined = replace(base, links=(Link("east", "west", 5.0, 0.02),))
    assert method(lined, 0.5) is Method.FULL
    assert method(replace(lined, sites=(replace(base.sites[0], fixed_cost_usd_per_year=1.0),))) is Method.FULL
    assert method(replace(base, sites=(replace(base.sites[0], fixed_cost_usd_per_year=1.0),))) is Method.ZONES


def test_the_coupled_method_is_not_asked_for_another_year() -> None:
    """With lines, a scenario of another year of surplus or another rent of GPUs is a matter for the full programme."""
    lined = replace(build_programme(HOURS), links=(Link("east", "west", 5.0, 0.02),))
    problem = build_problem(lined, _series(5.0))
    assert method_for(lined, problem) is Method.COUPLED
    for outlook in (
        replace(problem.outlook, gpu_factor=np.array([1.1])),
        replace(problem.outlook, surplus_year=np.array([1])),
    ):
        assert method_for(lined, replace(problem, outlook=outlook)) is Method.FULL
    bare = replace(lined, machines=(), halls=())
    assert method_for(bare, build_problem(bare, _series(5.0))) is Method.FULL

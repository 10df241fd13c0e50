"""Whole modules and sites with a fixed cost: the quick method, the full programme and counting agree."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from example_programme import build_programme, build_series, machine
from planning_cases import in_small_network, random_case, random_outlook
from zakhira.adapters.highs import HighsSolver
from zakhira.planning.allocation import Plan
from zakhira.planning.full_model import solve_full
from zakhira.planning.master import PlanInfeasible, master_of
from zakhira.planning.master_whole import close_whole_bounds
from zakhira.planning.outlook_oracle import Risk, outlook_oracle
from zakhira.planning.plan import PlanRequest, plan_allocation, value_of
from zakhira.planning.problem import build_problem
from zakhira.planning.whole import whole_of
from zakhira.planning.zone_oracle import zone_oracles
from zakhira.programme.model import Programme
from zakhira.programme.series import Series

GAP = 1e-6


def _whole_case(seed: int, zones: int, response: str) -> tuple[Programme, Series]:
    """Containers of 5 and of 3.3 MW, halls of any size, and sites that cost about what a few MW earn."""
    base, series = random_case(seed, zones, 36)
    programme, rng = in_small_network(base, 0.15, response), np.random.default_rng(seed)
    costs = rng.uniform(2e4, 3e5, len(base.sites))
    sites = tuple(
        replace(site, fixed_cost_usd_per_year=float(cost)) for site, cost in zip(base.sites, costs, strict=True)
    )
    machines = (replace(base.machines[0], module_mw=5.0), replace(base.machines[1], module_mw=3.3))
    return replace(programme, sites=sites, machines=machines), series


def _require_whole(programme: Programme, plan: Plan) -> None:
    size = {item.id: item.module_mw for item in programme.machines}
    for grant in plan.grants:
        if size.get(grant.class_id):
            modules = grant.power_mw / size[grant.class_id]
            assert modules == pytest.approx(round(modules), abs=1e-7)
    opened = {grant.site for grant in plan.grants}
    cost = sum(site.fixed_cost_usd_per_year for site in programme.sites if site.id in opened)
    assert plan.fixed_cost_usd == pytest.approx(cost)


@pytest.mark.parametrize("response", ["none", "elastic"])
@pytest.mark.parametrize(("seed", "zones"), [(0, 1), (1, 2), (5, 2), (2, 3)])
def test_cuts_and_the_full_programme_agree(seed: int, zones: int, response: str, solver: HighsSolver) -> None:
    """Both gaps are told, both bracket one optimum, modules are whole, and the value is the results less the sites."""
    programme, series = _whole_case(seed, zones, response)
    plan, full = plan_allocation(programme, series, solver), solve_full(programme, series, solver)
    size = max(1.0, abs(full.value_usd))
    assert plan.certificate.gap_share <= GAP
    assert full.gap_share <= GAP
    assert plan.certificate.upper_bound_usd == pytest.approx(full.value_usd, abs=2 * GAP * size)
    assert plan.certificate.lower_bound_usd == pytest.approx(full.lower_usd, abs=2 * GAP * size)
    _require_whole(programme, plan)
    total = sum(result.value_usd for result in plan.results) - plan.fixed_cost_usd
    assert total == pytest.approx(plan.certificate.lower_bound_usd, rel=1e-9, abs=1e-3)
    assert "whole numbers" in plan.certificate.method


def test_with_risk_and_scenarios(solver: HighsSolver) -> None:
    """The level bundle's cuts serve the mixed programme as well."""
    programme, series = _whole_case(0, 1, "share")
    request = PlanRequest(random_outlook(np.random.default_rng(1), programme, 2, 1), risk=Risk(0.5, 0.4))
    plan = plan_allocation(programme, series, solver, request=request)
    full = solve_full(programme, series, solver, request)
    assert plan.certificate.gap_share <= GAP
    assert plan.certificate.upper_bound_usd == pytest.approx(full.value_usd, rel=2 * GAP)
    _require_whole(programme, plan)


def test_counting_finds_nothing_better(solver: HighsSolver) -> None:
    """Three sites, containers of 4 MW: every combination of 0 to 3 containers is counted."""
    base = build_programme()
    sites = tuple(
        replace(site, connection_mw=12.0, fixed_cost_usd_per_year=cost)
        for site, cost in zip(base.sites, (9e5, 4e5, 6e5), strict=True)
    )
    cheap = replace(machine("s21", 17.5, 0.4), module_mw=4.0)
    programme = replace(base, sites=sites, machines=(cheap,), halls=(), cap_mw=25.0)
    rng = np.random.default_rng(11)
    surplus = rng.gamma(2.0, 4.0, (2, 24, 2))
    series = build_series(surplus, np.sort(rng.uniform(500, 12_000, (2, 24, 2)), axis=2), np.full((2, 24), 25.0))
    problem = build_problem(programme, series)
    oracle, whole = outlook_oracle(problem), whole_of(programme, problem)
    values = []
    for modules in itertools.product(range(4), repeat=3):
        mw = 4.0 * np.array(modules)
        if all(float(limit.coefficients @ mw) <= limit.capacity for limit in problem.limits):
            values.append(value_of(problem, oracle, mw, whole.cost_usd(mw))[0])
    plan = plan_allocation(programme, series, solver)
    assert plan.certificate.lower_bound_usd == pytest.approx(max(values), rel=1e-6)
    assert max(values) > 0
    assert 0 < len({grant.site for grant in plan.grants}) < 3


def test_modules_that_do_not_fit_are_named(solver: HighsSolver) -> None:
    """5 MW of AI are promised behind a connection of 15 MW, and halls come in blocks of 20 MW."""
    base = build_programme()
    sites = (replace(base.sites[0], hall_min_mw=5.0, connection_mw=15.0), *base.sites[1:])
    halls = tuple(replace(hall, module_mw=20.0, limit_mw=100.0) for hall in base.halls)
    prices = replace(base.prices, capital_budget_usd=1e10)
    programme = replace(base, sites=sites, halls=halls, prices=prices)
    series = build_series(np.full((2, 4, 1), 10.0), np.full((2, 4, 1), 1000.0), np.full((2, 4), 20.0))
    with pytest.raises(PlanInfeasible, match="not in whole modules"):
        plan_allocation(programme, series, solver)


def test_an_interruption_gives_a_whole_plan(solver: HighsSolver) -> None:
    """Ctrl-C once a plan with whole numbers is there: it is given with its gap; before that there is none to give."""
    programme, series = _whole_case(2, 3, "none")
    problem = build_problem(programme, series)
    master, whole = master_of(problem, zone_oracles(problem)), whole_of(programme, problem)
    relaxed = close_whole_bounds(master, whole, solver).rounds
    told: list[tuple[int, float, float]] = []

    def stop_at(last: int, *state: float) -> None:
        told.append((int(state[0]), state[1], state[2]))
        if state[0] >= last:
            raise KeyboardInterrupt

    bounds = close_whole_bounds(master, whole, solver, lambda *state: stop_at(relaxed, *state), 0.0)
    assert (whole.rounded(bounds.best.power_mw) == bounds.best.power_mw).all()
    assert bounds.best.value_usd <= bounds.upper_usd


@pytest.mark.parametrize(("seed", "hours"), [(2, 24), (67, 1)])
def test_nothing_slips_through_a_closed_site(seed: int, hours: int, solver: HighsSolver) -> None:
    """A site that is open by a millionth would let a few watts earn for nothing, and the bounds would never meet."""
    base, series = random_case(seed, 1, hours)
    programme = in_small_network(base, 0.5, "share")
    sites = tuple(replace(site, fixed_cost_usd_per_year=5e4) for site in programme.sites)
    machines = tuple(replace(item, module_mw=2.5) for item in programme.machines)
    plan = plan_allocation(replace(programme, sites=sites, machines=machines), series, solver)
    bounds = plan.certificate
    assert not bounds.interrupted
    assert 0.0 <= bounds.upper_bound_usd - bounds.lower_bound_usd <= max(GAP * bounds.upper_bound_usd, 0.01)
    assert bounds.rounds < 60


def test_what_is_open_and_what_is_whole(solver: HighsSolver) -> None:
    """A watt opens no site; noise is taken off modules; a site's most is the tightest limit that holds it."""
    del solver
    programme, series = _whole_case(1, 2, "none")
    problem = build_problem(programme, series)
    whole = whole_of(programme, problem)
    nothing = np.zeros(len(problem.columns))
    assert not whole.is_empty
    assert whole.cost_usd(nothing + 1e-9) == 0.0
    assert whole.cost_usd(nothing + 1.0) == pytest.approx(sum(site.cost_usd for site in whole.sites))
    sized = int(np.flatnonzero(whole.module_mw > 0)[0])
    almost = nothing.copy()
    almost[sized] = whole.module_mw[sized] * 2 + 1e-8
    assert whole.rounded(almost)[sized] == whole.module_mw[sized] * 2
    almost[sized] = whole.module_mw[sized] * 2.9
    assert whole.cut(almost)[sized] == whole.module_mw[sized] * 2
    for site, opened in zip(programme.sites, whole.sites, strict=True):
        zone = next(zone for zone in programme.zones if zone.id == site.zone)
        quota = next(item.quota_mw for item in programme.licensees if item.id == site.licensee)
        assert opened.most_mw == min(site.connection_mw, zone.max_mw, quota, programme.cap_mw)
    assert whole_of(build_programme(), build_problem(build_programme(), _plain())).is_empty


def _plain() -> Series:
    return build_series(np.full((2, 2, 1), 10.0), np.full((2, 2, 1), 1000.0), np.full((2, 2), 20.0))

"""The plan against brute force, against the full linear programme, and against hand computation."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from example_programme import START, build_programme, build_series, machine, random_series
from zakhira.adapters.highs import HighsSolver
from zakhira.kernel.ids import seeded_rng
from zakhira.kernel.interval import HourRange
from zakhira.planning.allocation import Plan
from zakhira.planning.full_model import solve_full
from zakhira.planning.limits import LimitNotPossible
from zakhira.planning.plan import plan_allocation
from zakhira.planning.problem import SeriesDoNotFit, build_problem
from zakhira.planning.worth import capital_recovery_share, class_worths
from zakhira.planning.zone_oracle import ZoneOracle, zone_oracles
from zakhira.programme.model import Assumption, Programme
from zakhira.programme.series import Series

MARGIN_NEVER_ABOVE_FIRM = 60_500.0
MARGIN_ABOVE_FIRM = 110_000.0


def _random_programme(seed: int, btc_usd: float) -> Programme:
    """The example with limits drawn so that each kind binds now and then."""
    rng = seeded_rng(seed, "programme")
    base = build_programme()
    sites = tuple(replace(site, connection_mw=float(rng.integers(0, 30))) for site in base.sites)
    licensees = tuple(replace(item, quota_mw=float(rng.integers(5, 40))) for item in base.licensees)
    machines = tuple(
        replace(item, limit_mw=float(rng.integers(2, 40)), price_usd_per_th=float(rng.uniform(0.1, 5)))
        for item in base.machines
    )
    prices = replace(base.prices, btc_usd=btc_usd, capital_budget_usd=float(rng.uniform(5e6, 2e8)))
    cap = float(rng.integers(10, 70))
    return replace(base, sites=sites, licensees=licensees, machines=machines, prices=prices, cap_mw=cap)


def _require_feasible(programme: Programme, plan: Plan) -> None:
    """Every limit of the programme holds for the grants, to the last bit for sums of MW."""
    capital = {worth.class_id: worth.capital_usd_per_mw for worth in class_worths(programme)}
    assert all(grant.power_mw > 0 for grant in plan.grants)
    assert plan.power_mw <= programme.cap_mw
    for zone in programme.zones:
        assert sum(g.power_mw for g in plan.grants if g.zone == zone.id) <= zone.max_mw
    for site in programme.sites:
        assert sum(g.power_mw for g in plan.grants if g.site == site.id) <= site.connection_mw
    for licensee in programme.licensees:
        assert sum(g.power_mw for g in plan.grants if g.licensee == licensee.id) <= licensee.quota_mw
    limits = {item.id: item.limit_mw for item in programme.machines} | {h.id: h.limit_mw for h in programme.halls}
    for class_id, limit_mw in limits.items():
        assert sum(g.power_mw for g in plan.grants if g.class_id == class_id) <= limit_mw
    spent = sum(g.power_mw * capital[g.class_id] for g in plan.grants)
    assert spent <= programme.prices.capital_budget_usd * (1 + 1e-12)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 10**6),
    hours=st.integers(1, 30),
    btc_usd=st.sampled_from([MARGIN_NEVER_ABOVE_FIRM, MARGIN_ABOVE_FIRM]),
)
def test_same_value_as_the_full_linear_programme(seed: int, hours: int, btc_usd: float, solver: HighsSolver) -> None:
    """Random limits, prices, heat and surplus: the quick method's bounds hold the plain programme's optimum."""
    programme = _random_programme(seed, btc_usd)
    series = random_series(seeded_rng(seed, "series"), hours)
    plan, full = plan_allocation(programme, series, solver), solve_full(programme, series, solver)
    size = max(1.0, abs(full.value_usd))
    _require_feasible(programme, plan)
    assert plan.certificate.upper_bound_usd == pytest.approx(full.value_usd, abs=2e-6 * size + 1)
    assert plan.certificate.lower_bound_usd == pytest.approx(full.value_usd, abs=2e-6 * size + 1)
    assert plan.certificate.gap_share <= 1e-7


def _value_by_hand(programme: Programme, series: Series, mw: dict[tuple[str, str], float]) -> float:
    """A year's value of MW by (zone, class), served megawatt by megawatt in plain loops, by what surplus is worth."""
    worths = sorted(class_worths(programme), key=lambda w: -w.surplus_value_usd_per_mwh)
    year = 8760 / series.hours.count
    total = 0.0
    for z, zone in enumerate(programme.zones):
        for hour in range(series.hours.count):
            blocks = [
                [float(mw_) * (1 - zone.loss_share), float(cost) / (1 - zone.loss_share) / programme.prices.pkr_per_usd]
                for mw_, cost in zip(series.surplus_mw[z, hour], series.cost_pkr_per_mwh[z, hour], strict=True)
            ]
            for worth in worths:
                heat = 1.0
                if worth.machine is not None:
                    heat = min(1.0, max(0.0, (47.0 - float(series.ambient_c[z, hour])) / 7.0))
                want = mw.get((zone.id, worth.class_id), 0.0) * worth.load_share * heat
                for block in blocks:
                    if block[1] < worth.surplus_value_usd_per_mwh:
                        taken = min(want, block[0])
                        total += year * taken * (worth.surplus_value_usd_per_mwh - block[1])
                        want -= taken
                        block[0] -= taken
        for worth in worths:
            total += mw.get((zone.id, worth.class_id), 0.0) * worth.base_usd_per_mw
    return total


@pytest.mark.parametrize("seed", range(6))
def test_no_point_of_a_grid_is_better(seed: int, solver: HighsSolver) -> None:
    """One zone, two classes, MW in steps of 1: brute force finds nothing above the plan's value."""
    base = build_programme()
    programme = replace(
        base,
        zones=base.zones[:1],
        sites=base.sites[:1],
        machines=(machine("s19", 21.5, 1.0, 9.0), machine("s21xp", 13.5, 3.0, 7.0)),
        halls=(),
        cap_mw=12.0,
    )
    series = random_series(seeded_rng(seed, "grid"), 12)
    series = Series(("east",), series.hours, series.surplus_mw[:1], series.cost_pkr_per_mwh[:1], series.ambient_c[:1])
    plan = plan_allocation(programme, series, solver)
    points = [(a, b) for a, b in itertools.product(range(10), range(8)) if a + b <= 12]
    values = [_value_by_hand(programme, series, {("east", "s19"): a, ("east", "s21xp"): b}) for a, b in points]
    assert max(values) <= plan.certificate.upper_bound_usd + 1e-3
    assert plan.certificate.lower_bound_usd >= max(values) - 1e-7 * abs(plan.certificate.upper_bound_usd) - 1e-3


@pytest.mark.parametrize("btc_usd", [MARGIN_NEVER_ABOVE_FIRM, MARGIN_ABOVE_FIRM])
@pytest.mark.parametrize("seed", range(5))
def test_stated_value_is_what_the_grants_do(seed: int, btc_usd: float, solver: HighsSolver) -> None:
    """Served by hand, hour by hour, the grants are worth what the certificate's lower bound says."""
    programme = _random_programme(seed, btc_usd)
    series = random_series(seeded_rng(seed, "hand"), 24)
    plan = plan_allocation(programme, series, solver)
    mw: dict[tuple[str, str], float] = {}
    for grant in plan.grants:
        mw[grant.zone, grant.class_id] = mw.get((grant.zone, grant.class_id), 0.0) + grant.power_mw
    assert plan.certificate.lower_bound_usd == pytest.approx(_value_by_hand(programme, series, mw), rel=1e-9, abs=1e-3)
    assert plan.certificate.lower_bound_usd == pytest.approx(sum(r.value_usd for r in plan.results), abs=1e-3)


def test_hand_computed_result(solver: HighsSolver) -> None:
    """One class, 10 MW of cheap surplus at the plug at noon alone: 10.526 MW granted at 95% availability use it all."""
    base = build_programme()
    programme = replace(
        base,
        machines=(machine("s21", 17.5, 0.01),),
        halls=(),
        zones=base.zones[1:],
        sites=base.sites[2:],
    )
    programme = replace(programme, machines=(replace(programme.machines[0], infrastructure_usd_per_mw=0.0),))
    surplus = np.zeros((1, 24, 1))
    surplus[0, 7] = 10.0
    series = Series(("west",), HourRange(START, 24), surplus, np.full((1, 24, 1), 2830.0), np.full((1, 24), 20.0))
    plan = plan_allocation(programme, series, solver)
    [grant], [result] = plan.grants, plan.results
    assert (grant.site, grant.licensee, grant.class_id, grant.is_hall) == ("alpha-west", "alpha", "s21", False)
    assert grant.power_mw == pytest.approx(10 / 0.95)
    assert result.surplus_mwh == pytest.approx(365 * 10.0)
    hashes = 10 * 3.6e9 / 1.06 / 17.5 * 1e12
    btc = 365 * hashes * 3.125 * 1.01 / (984e18 * 600)
    assert result.btc == pytest.approx(btc)
    assert result.revenue_usd == pytest.approx(btc * 60_500)
    assert result.energy_cost_usd == pytest.approx(365 * 10 * 10.0)
    assert result.opex_usd == pytest.approx(365 * 10 * 5.0)
    assert result.capital_usd == pytest.approx(10 / 0.95 * 1e6 / 1.06 / 17.5 * 0.01)
    assert result.annualised_capital_usd == pytest.approx(result.capital_usd * capital_recovery_share(0.1, 4.0))
    assert result.jobs == pytest.approx(5 / 0.95)
    assert not plan.shadow_prices


def test_halls_run_always_and_on_firm_supply_beyond_the_surplus(solver: HighsSolver) -> None:
    """A cheap hall alone, surplus at noon alone: its load runs in all hours, 23 of 24 on the firm tariff."""
    base = build_programme()
    programme = replace(base, machines=(), halls=(replace(base.halls[0], capex_usd_per_mw=1e5),), cap_mw=4.0)
    surplus = np.zeros((2, 24, 1))
    surplus[1, 7] = 100.0
    series = build_series(surplus, np.full((2, 24, 1), 2830.0), np.full((2, 24), 50.0))
    plan = plan_allocation(programme, series, solver)
    [result] = plan.results
    load = 4.0 * 0.7 * 0.9998
    assert (result.zone, result.power_mw) == ("west", 4.0)
    assert result.surplus_mwh == pytest.approx(365 * load)
    assert result.firm_mwh == pytest.approx(365 * 23 * load)
    assert result.gpu_hours == pytest.approx(365 * 24 * load * 1000 / 1.7)
    assert result.energy_cost_usd == pytest.approx(365 * load * (10 + 23 * 22_980 / 283))


def test_capital_recovery() -> None:
    """10% over 4 years repays with 0.31547 a year; without interest a quarter."""
    assert capital_recovery_share(0.1, 4.0) == pytest.approx(0.3154708)
    assert capital_recovery_share(0.0, 4.0) == 0.25


def test_no_surplus_no_plan(programme: Programme, solver: HighsSolver) -> None:
    """Without surplus, and with halls that do not pay on firm supply, nothing is granted."""
    dear = replace(programme, halls=(replace(programme.halls[0], capex_usd_per_mw=60e6),))
    nothing = build_series(np.zeros((2, 24, 3)), np.full((2, 24, 3), 1000.0), np.full((2, 24), 20.0))
    plan = plan_allocation(dear, nothing, solver)
    assert (plan.grants, plan.results, plan.shadow_prices, plan.power_mw) == ((), (), (), 0)
    assert plan.certificate.lower_bound_usd == plan.certificate.upper_bound_usd == 0


def test_same_input_same_plan(programme: Programme, solver: HighsSolver) -> None:
    """Twice the same, to the last bit, but for the clock; and the clock is used when one is given."""
    series = random_series(seeded_rng(4, "twice"), 24)
    first, again = plan_allocation(programme, series, solver), plan_allocation(programme, series, HighsSolver())
    assert first == again
    ticks = iter([10.0, 12.5])
    assert plan_allocation(programme, series, solver, clock=lambda: next(ticks)).certificate.seconds == 2.5


def test_equal_sites_share_evenly(programme: Programme, solver: HighsSolver) -> None:
    """Two sites that differ in nothing but their licensee get equal megawatts, though any split has the same value."""
    sites = tuple(replace(programme.sites[0], id=f"s-{who}", licensee=who) for who in ("alpha", "beta"))
    licensees = tuple(replace(item, quota_mw=30.0) for item in programme.licensees)
    cheap = machine("s21", 17.5, 0.1, 24.0)
    even = replace(programme, sites=sites, licensees=licensees, machines=(cheap,), halls=())
    surplus = np.full((2, 24, 1), 100.0)
    plan = plan_allocation(even, build_series(surplus, np.full((2, 24, 1), 100.0), np.full((2, 24), 20.0)), solver)
    assert [grant.power_mw for grant in plan.grants] == pytest.approx([12.0, 12.0], abs=3.0)
    assert plan.power_mw == 24.0


def test_progress_tells_bounds_that_close(programme: Programme, solver: HighsSolver) -> None:
    """Rounds count up, the lower bound never falls, the upper never rises, and they meet."""
    told: list[tuple[int, float, float]] = []
    series = random_series(seeded_rng(9, "progress"), 48)
    plan = plan_allocation(programme, series, solver, lambda *state: told.append(state))
    assert [state[0] for state in told] == list(range(1, plan.certificate.rounds + 1))
    assert all(a[1] <= b[1] and a[2] >= b[2] for a, b in itertools.pairwise(told))
    assert plan.certificate.gap_share <= 1e-7


def test_shadow_price_is_what_one_more_megawatt_brings(programme: Programme, solver: HighsSolver) -> None:
    """With a binding cap, the stated price is the gain from a little more cap, and the sentence says so."""
    tight = replace(programme, cap_mw=5.0, halls=(), machines=(machine("s21", 17.5, 0.2),))
    series = random_series(seeded_rng(2, "shadow"), 48)
    plan = plan_allocation(tight, series, solver)
    more = plan_allocation(replace(tight, cap_mw=5.01), series, solver)
    [price] = [item for item in plan.shadow_prices if item.limit == "cap"]
    gain = (more.certificate.lower_bound_usd - plan.certificate.lower_bound_usd) / 0.01
    assert price.unit == "MW"
    assert price.value_usd == pytest.approx(gain, rel=0.02)
    assert price.sentence.startswith("One more MW of the programme's allocation is worth ")


def test_impossible_limits_are_refused(programme: Programme, solver: HighsSolver) -> None:
    """A negative cap and a budget that is not a number: the message names the limit."""
    series = random_series(seeded_rng(1, "bad"), 2)
    with pytest.raises(LimitNotPossible, match=r"ZK-PLANNING-001 the programme's allocation is -1\.0 MW"):
        plan_allocation(replace(programme, cap_mw=-1.0), series, solver)
    prices = replace(programme.prices, capital_budget_usd=float("nan"))
    with pytest.raises(LimitNotPossible, match="budget"):
        plan_allocation(replace(programme, prices=prices), series, solver)


def test_series_must_fit(programme: Programme, solver: HighsSolver) -> None:
    """Another set of zones, or no hours."""
    series = random_series(seeded_rng(1, "fit"), 2)
    with pytest.raises(SeriesDoNotFit, match="ZK-PLANNING-002"):
        plan_allocation(replace(programme, zones=programme.zones[:1]), series, solver)
    with pytest.raises(SeriesDoNotFit, match="0 hours"):
        plan_allocation(programme, series.window(HourRange(START, 0)), solver)


def test_series_may_name_zones_in_another_order(programme: Programme, solver: HighsSolver) -> None:
    """The zones of a programme and of its series need not stand in one order."""
    series = random_series(seeded_rng(6, "order"), 24)
    turned = Series(
        ("west", "east"),
        series.hours,
        series.surplus_mw[::-1],
        series.cost_pkr_per_mwh[::-1],
        series.ambient_c[::-1],
    )
    assert plan_allocation(programme, series, solver) == plan_allocation(programme, turned, solver)


def _assumption(key: str, tag: str) -> Assumption:
    return Assumption(key, 1.0, "MW", None, None, "somewhere", date(2026, 6, 26), tag)


@pytest.mark.parametrize(
    ("assumptions", "tag"),
    [
        ((), "E"),
        ((_assumption("prices.btc_usd", "D"), _assumption("network.fee_share", "S")), "D"),
        ((_assumption("prices.btc_usd", "D"), _assumption("zone.east.loss_share", "K")), "K"),
        ((_assumption("prices.btc_usd", "D"), _assumption("zone.west.loss_share", "K")), "D"),
        ((_assumption("prices.btc_usd", "S"), _assumption("machine.s21.pue", "E")), "E"),
        ((_assumption("prices.btc_usd", "S"), _assumption("machine.s19.pue", "E"), _assumption("site", "E")), "S"),
        ((_assumption("prices.btc_usd", "S"), _assumption("hall.s21.pue", "E")), "E"),
    ],
)
def test_a_result_carries_its_weakest_tag(
    assumptions: tuple[Assumption, ...], tag: str, programme: Programme, solver: HighsSolver
) -> None:
    """Prices and network count always, a zone's and a class's figures where they belong."""
    cheap = tuple(machine(item.id, item.efficiency_j_per_th, 0.1) for item in programme.machines)
    tagged = replace(programme, assumptions=assumptions, machines=cheap, cap_mw=10.0, sites=programme.sites[:1])
    only = replace(tagged, halls=(), machines=tuple(replace(m, limit_mw=(m.id == "s21") * 10.0) for m in cheap))
    series = build_series(np.full((2, 2, 1), 100.0), np.full((2, 2, 1), 100.0), np.full((2, 2), 20.0))
    [result] = plan_allocation(only, series, solver).results
    assert (result.zone, result.class_id, result.tag) == ("east", "s21", tag)


def test_problem_keeps_only_hours_that_matter(programme: Programme) -> None:
    """Hours without surplus are left out of the arrays; so is, for a price taker, surplus dearer than any use."""
    surplus, cost = np.full((2, 4, 1), 10.0), np.full((2, 4, 1), 1000.0)
    surplus[0, 0], cost[0, 1] = 0.0, 1e6
    problem = build_problem(programme, build_series(surplus, cost, np.full((2, 4), 20.0)))
    assert [len(supply.plug.power_mw) for supply in problem.supplies] == [3, 4]
    assert [oracle.slope.shape[2] for oracle in zone_oracles(problem) if isinstance(oracle, ZoneOracle)] == [2, 4]
    assert problem.year_scale == 8760 / 4

"""The quick methods against the full linear programme: two ways to the same optimum."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from planning_cases import in_small_network, random_case, random_outlook, random_surplus
from zakhira.adapters.highs import HighsSolver
from zakhira.mining.epochs import epochs_of
from zakhira.planning.full_model import FullAnswer, solve_full
from zakhira.planning.method import Method, method_for
from zakhira.planning.outlook_oracle import Risk
from zakhira.planning.plan import PlanRequest, plan_allocation
from zakhira.planning.plan_coupled import plan_coupled
from zakhira.planning.plan_full import plan_in_full
from zakhira.planning.problem import build_problem
from zakhira.programme.model import Battery, Link, Phase, Programme
from zakhira.programme.series import Series

REL = 1e-6


def _require_same(programme: Programme, series: Series, request: PlanRequest, solver: HighsSolver) -> FullAnswer:
    """Both brackets hold the same value: each lower bound is below the other's upper one, and they are near."""
    quick = plan_allocation(programme, series, solver, request=request).certificate
    full = solve_full(programme, series, solver, request)
    size = REL * max(1.0, abs(full.value_usd))
    assert full.lower_usd <= full.value_usd + 1e-9 * max(1.0, abs(full.value_usd))
    assert full.gap_share <= REL
    assert quick.gap_share <= REL
    assert full.lower_usd <= quick.upper_bound_usd + size
    assert quick.lower_bound_usd <= full.value_usd + size
    assert quick.upper_bound_usd == pytest.approx(full.value_usd, abs=size)
    assert quick.lower_bound_usd == pytest.approx(full.lower_usd, abs=size)
    return full


@pytest.mark.parametrize("response", ["none", "share", "elastic"])
@pytest.mark.parametrize(
    ("seed", "zones", "hours", "blocks", "budget", "derated"),
    [
        (0, 1, 24, 1, False, False),
        (1, 2, 48, 2, True, True),
        (2, 3, 96, 3, True, False),
        (3, 4, 168, 1, True, True),
        (4, 5, 36, 3, False, True),
        (5, 6, 48, 2, True, True),
        (6, 1, 336, 3, False, True),
        (7, 2, 336, 1, True, False),
    ],
)
def test_one_certain_year(
    seed: int,
    zones: int,
    hours: int,
    blocks: int,
    budget: bool,  # noqa: FBT001  # a case
    derated: bool,  # noqa: FBT001  # a case
    response: str,
    solver: HighsSolver,
) -> None:
    """1 to 6 zones, 24 to 336 hours, with and without a budget that binds, heat, blocks; in each of three networks."""
    base, series = random_case(seed, zones, hours, blocks=blocks, budget=budget, derated=derated)
    programme = in_small_network(base, 0.15, response)
    full = _require_same(programme, series, PlanRequest(), solver)
    assert full.power_mw.sum() > 0


@pytest.mark.parametrize("response", ["none", "share", "elastic"])
@pytest.mark.parametrize("seed", range(4))
def test_scenarios_over_years_of_surplus(seed: int, response: str, solver: HighsSolver) -> None:
    """Four uneven scenarios of price, network, rent of GPUs and year of surplus; by the mean and by the worst 30%."""
    hours = 48
    base, series = random_case(seed, seed + 1, hours)
    programme, rng = in_small_network(base, 0.15, response), np.random.default_rng(seed)
    outlook = random_outlook(rng, programme, 4, epochs_of(base.network, hours).count, surplus_years=2)
    years = (random_surplus(rng, programme, hours, 2),)
    mean = _require_same(programme, series, PlanRequest(outlook, years), solver)
    cautious = _require_same(programme, series, PlanRequest(outlook, years, risk=Risk(0.7, 0.3)), solver)
    assert cautious.value_usd <= mean.value_usd + REL * abs(mean.value_usd)


@pytest.mark.parametrize("response", ["none", "elastic"])
@pytest.mark.parametrize("seed", range(2))
def test_a_build_up_under_scenarios(seed: int, response: str, solver: HighsSolver) -> None:
    """Three phases over six years with new vintages, less surplus from year to year, and two scenarios."""
    hours = 36
    base, series = random_case(seed, 2, hours)
    programme, rng = in_small_network(base, 0.15, response), np.random.default_rng(seed)
    cap, budget = programme.cap_mw, programme.prices.capital_budget_usd
    phases = (
        Phase("a", 0, 0.4 * cap, budget / 3),
        Phase("b", 2, 0.8 * cap, budget / 2, 0.9),
        Phase("c", 5, cap, budget, 0.8),
    )
    epochs = max(epochs_of(base.network, hours, phase.year).count for phase in phases)
    outlook = random_outlook(rng, programme, 2, epochs, phases=3)
    built = replace(programme, phases=phases)
    _require_same(built, series, PlanRequest(outlook, phases=phases), solver)


@pytest.mark.parametrize("seed", range(3))
def test_lines_and_batteries(seed: int, solver: HighsSolver) -> None:
    """Two lines, one of them without leave to wheel over it in full, and two batteries: the interior point agrees."""
    base, series = random_case(seed, 3, 72)
    programme = replace(
        base,
        links=(Link("z0", "z1", 6.0, 0.03, 4.0), Link("z1", "z2", 5.0, 0.02)),
        batteries=(Battery("z0", 3.0, 6.0, 0.88), Battery("z2", 2.0, 8.0, 0.8)),
    )
    assert method_for(programme, build_problem(programme, series)) is Method.COUPLED
    quick, full = plan_coupled(programme, series, solver), plan_in_full(programme, series, solver)
    assert full.certificate.gap_share <= REL
    assert quick.certificate.gap_share <= 2e-5
    size = max(1.0, abs(full.certificate.upper_bound_usd))
    assert quick.certificate.lower_bound_usd <= full.certificate.upper_bound_usd + REL * size
    assert quick.certificate.upper_bound_usd >= full.certificate.lower_bound_usd - REL * size
    alone = plan_allocation(base, series, solver).certificate.lower_bound_usd
    assert full.certificate.lower_bound_usd > alone + 1.0


def test_more_tangents_come_down_to_the_truth(solver: HighsSolver) -> None:
    """The tangents' bound falls from round to round and never passes below the truth, which rises."""
    base, series = random_case(3, 2, 48)
    programme = in_small_network(base, 0.5, "share")
    told: list[tuple[int, float, float]] = []
    full = solve_full(programme, series, solver, PlanRequest(stop_share=1e-9), lambda *state: told.append(state))
    exact = plan_allocation(programme, series, solver).certificate
    assert len(told) > 1
    for (_, low, high), (_, later_low, later_high) in itertools.pairwise(told):
        assert low <= later_low
        assert later_high <= high
    assert all(high >= exact.lower_bound_usd * (1 - 1e-9) for _, _, high in told)
    assert full.gap_share <= 1e-9


def test_an_interruption_gives_the_use_so_far(solver: HighsSolver) -> None:
    """Ctrl-C after the first round of tangents: both bounds, honestly apart, and the plan says that it was stopped."""
    base, series = random_case(3, 2, 48)
    programme = in_small_network(base, 2.0, "share")

    def stop(*_: float) -> None:
        raise KeyboardInterrupt

    plan = plan_in_full(programme, series, solver, stop, request=PlanRequest(stop_share=1e-12))
    best = plan_allocation(programme, series, solver).certificate
    assert plan.certificate.interrupted
    assert plan.certificate.lower_bound_usd <= best.upper_bound_usd
    assert plan.certificate.upper_bound_usd >= best.lower_bound_usd


def test_the_plan_of_the_full_programme_is_the_plan(solver: HighsSolver) -> None:
    """Grants, results, stakeholders, spread and shadow prices agree with the quick method's, and the clock is used."""
    programme, series = random_case(1, 3, 48)
    rng = np.random.default_rng(1)
    request = PlanRequest(random_outlook(rng, programme, 3, 1))
    ticks = iter([1.0, 4.0])
    full = plan_in_full(programme, series, solver, clock=lambda: next(ticks), request=request)
    quick = plan_allocation(programme, series, solver, request=request)
    assert full.certificate.seconds == 3.0
    assert full.certificate.method == "full linear programme"
    assert full.certificate.gap_share <= 1e-6
    assert full.spread.mean_usd == pytest.approx(quick.spread.mean_usd, rel=REL)
    assert full.spread.tail_mean_usd == pytest.approx(quick.spread.tail_mean_usd, rel=1e-3)
    total = sum(result.value_usd for result in full.results)
    assert total == pytest.approx(full.certificate.lower_bound_usd, rel=1e-6)
    prices = {price.limit: price.value_usd for price in quick.shadow_prices}
    assert prices
    assert {price.limit: price.value_usd for price in full.shadow_prices} == pytest.approx(prices, rel=1e-4)


def test_zones_may_stand_in_another_order(solver: HighsSolver) -> None:
    """The order of zones in the series does not matter to the full programme either."""
    programme, series = random_case(2, 2, 24)
    turned = Series(
        series.zones[::-1],
        series.hours,
        series.surplus_mw[::-1],
        series.cost_pkr_per_mwh[::-1],
        series.ambient_c[::-1],
    )
    one, other = (solve_full(programme, each, solver).value_usd for each in (series, turned))
    assert one == pytest.approx(other, rel=1e-9)


@pytest.mark.parametrize("response", ["none", "elastic"])
@pytest.mark.parametrize("kept", ["halls", "machines", "nothing"])
def test_programmes_without_a_kind(kept: str, response: str, solver: HighsSolver) -> None:
    """AI alone, mining alone, or nothing that could be granted: each method gives the same plan."""
    base, series = random_case(1, 2, 24)
    halls = tuple(replace(hall, capex_usd_per_mw=15e6) for hall in base.halls) if kept == "halls" else ()
    machines = base.machines if kept == "machines" else ()
    programme = in_small_network(replace(base, halls=halls, machines=machines), 0.2, response)
    full = _require_same(programme, series, PlanRequest(), solver)
    assert (full.value_usd > 1.0) == (kept != "nothing")
    assert all(result.is_hall == (kept == "halls") for result in plan_in_full(programme, series, solver).results)


def test_a_plan_worth_nothing_is_found_at_once(solver: HighsSolver) -> None:
    """Nothing pays: the bounds meet within a cent, though a millionth of a dollar may stay between them for ever."""
    base, series = random_case(4, 1, 30)
    machines = tuple(replace(item, price_usd_per_th=60.0) for item in base.machines)
    programme = in_small_network(replace(base, machines=machines, halls=()), 3.0, "share")
    plan = plan_allocation(programme, series, solver)
    assert plan.grants == ()
    assert not plan.certificate.interrupted
    assert 0.0 <= plan.certificate.upper_bound_usd <= 0.01

"""With lines and batteries, and in the full programme: whoever would lose is granted less, and told what it costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from example_programme import build_programme, random_series
from planning_cases import random_outlook
from zakhira.adapters.highs import HighsSolver
from zakhira.kernel.ids import seeded_rng
from zakhira.planning import plan_coupled, plan_full
from zakhira.planning.allocation import Plan
from zakhira.planning.choose import plan_by
from zakhira.planning.coupled_network import use_joined
from zakhira.planning.full.build import Grounds, build_full
from zakhira.planning.full_model import solve_full
from zakhira.planning.licensee_floor import LOSS_USD
from zakhira.planning.limits import USD_PER_MUSD
from zakhira.planning.method import Method, method_for
from zakhira.planning.outlook_oracle import Risk
from zakhira.planning.plan import PlanRequest
from zakhira.planning.problem import build_problem
from zakhira.planning.solver import SolverStatus
from zakhira.planning.stakeholders import kept_share, own_values_usd
from zakhira.programme.model import Battery, Link, Phase, Planning, Programme
from zakhira.programme.series import Series

MARKUP_USD_PER_MWH = 1000.0 / 283.0


def _greedy(losses: str, response: str = "none") -> Programme:
    """A line and a battery; mining pays for all together, but a royalty of 40% takes most of it."""
    base = build_programme()
    return replace(
        base,
        halls=(),
        licensees=tuple(replace(item, royalty_share=0.4) for item in base.licensees),
        prices=replace(base.prices, btc_usd=140_000.0),
        links=(Link("east", "west", 5.0, 0.02),),
        batteries=(Battery("east", 4.0, 8.0, 0.88),),
        planning=Planning(licensee_losses=losses, response=response),
    )


def _one_column(losses: str, response: str = "none") -> Programme:
    """The same with one licensee, who pays half of the coins, one site and one class: what is chosen is its MW."""
    base = _greedy(losses, response)
    return replace(
        base,
        machines=base.machines[1:2],
        licensees=(replace(base.licensees[0], royalty_share=0.5, quota_mw=60.0),),
        sites=(replace(base.sites[0], connection_mw=60.0),),
        prices=replace(base.prices, capital_budget_usd=1e9),
    )


def _series(seed: int, hours: int = 48) -> Series:
    return random_series(seeded_rng(seed, "series"), hours)


def _own_usd(programme: Programme, plan: Plan) -> float:
    """The least of the licensees' own values, checked to be that of the plan's own results."""
    found = own_values_usd(plan.stakeholders)
    assert set(found) == {licensee.id for licensee in programme.licensees if licensee.id in found}
    return min(found.values())


@pytest.mark.parametrize("response", ["none", "elastic"])
@pytest.mark.parametrize("method", ["auto", "full"])
@pytest.mark.parametrize("seed", [1, 3])
def test_nobody_loses(method: str, response: str, seed: int, solver: HighsSolver) -> None:
    """With losses allowed somebody loses; refused, nobody does, and the gap is the price of it and the search's gap."""
    programmes = {losses: _greedy(losses, response) for losses in ("allowed", "refused")}
    series = _series(seed)
    problem = build_problem(programmes["refused"], series)
    assert method_for(programmes["refused"], problem) is Method.COUPLED
    free, kept = (plan_by(method, each, series, solver) for each in programmes.values())
    assert _own_usd(programmes["allowed"], free) < -LOSS_USD
    assert _own_usd(programmes["refused"], kept) >= -LOSS_USD
    assert (free.certificate.held_back, kept.certificate.held_back) == ((), ("alpha",))
    told = kept.certificate
    assert told.floor_usd == pytest.approx(free.certificate.lower_bound_usd - told.lower_bound_usd)
    assert told.upper_bound_usd == pytest.approx(free.certificate.upper_bound_usd)
    assert told.search_gap_share <= 1.1e-5 < told.gap_share
    assert sum(result.value_usd for result in kept.results) == pytest.approx(told.lower_bound_usd, rel=1e-6)
    assert kept.spread.mean_usd == pytest.approx(told.lower_bound_usd, rel=1e-6)


@pytest.mark.parametrize("method", ["auto", "full"])
def test_who_does_not_lose_is_left_alone(method: str, solver: HighsSolver) -> None:
    """Where the best plan loses nobody anything, the rule changes nothing at all."""
    free, kept = (plan_by(method, _greedy(losses), _series(2), solver) for losses in ("allowed", "refused"))
    assert _own_usd(_greedy("refused"), free) > 0
    assert replace(kept.certificate, seconds=0.0) == replace(free.certificate, seconds=0.0)
    assert (kept.grants, kept.results) == (free.grants, free.results)


@pytest.mark.parametrize("response", ["none", "share"])
@pytest.mark.parametrize("method", ["auto", "full"])
def test_as_much_is_kept_as_brute_force_finds(method: str, response: str, solver: HighsSolver) -> None:
    """One column: every 40th part of the best MW is used at its best; what is kept is as much as loses nothing.

    The licensee's own value is written out here by hand, from the full programme's coins and costs.
    """
    programme, series = _one_column("refused", response), _series(3)
    free = plan_by(method, _one_column("allowed", response), series, solver)
    kept = plan_by(method, programme, series, solver)
    own = _own_by_hand(programme, series, solver)
    parts = [part for part in range(41) if own(free.power_mw * part / 40)[0] >= -LOSS_USD]
    most, next_mw = free.power_mw * max(parts) / 40, free.power_mw * (max(parts) + 1) / 40
    assert own(free.power_mw)[0] < -LOSS_USD
    assert 0 < max(parts) < 40
    assert most - free.power_mw / 400 <= kept.power_mw <= next_mw
    at_kept, value_usd = own(kept.power_mw)
    assert -2e-5 * abs(value_usd) - LOSS_USD <= at_kept <= 0.02 * abs(own(free.power_mw)[0]) + 2e-5 * abs(value_usd)
    assert kept.certificate.lower_bound_usd == pytest.approx(value_usd, rel=2e-5)


def _own_by_hand(programme: Programme, series: Series, solver: HighsSolver) -> Callable[[float], tuple[float, float]]:
    """The only licensee's own value and the value for all in USD a year, where MW are used as is best for all."""
    problem = build_problem(programme, series)
    [worth], [pool], [licensee] = problem.worths, programme.pools[:1], programme.licensees

    def own(power_mw: float) -> tuple[float, float]:
        answer = solve_full(programme, series, solver, held_mw=np.array([power_mw]))
        [part] = answer.model.parts
        hashes = (answer.primal[part.columns.use] * worth.hashes_per_mwh).sum()
        coin_usd = float((part.network.epoch_btc * part.network.share(np.array([[hashes]]))).sum()) * 140_000.0
        mwh, kept = float(answer.primal[part.columns.use].sum()), kept_share(pool)
        taken_usd = float((answer.primal[part.columns.taken] * part.supply.cost_usd_per_mwh).sum())
        mine = coin_usd * (1.0 - kept) * (1.0 - licensee.royalty_share) - taken_usd
        mine -= mwh * (MARKUP_USD_PER_MWH + worth.opex_usd_per_mwh)
        return mine * problem.year_scale - power_mw * worth.annualised_capital_usd_per_mw, answer.lower_usd

    return own


@pytest.mark.parametrize("method", ["auto", "full"])
@pytest.mark.parametrize("seed", [1, 3])
def test_the_programme_with_the_rule_as_a_row_lies_between_the_bounds(
    method: str, seed: int, solver: HighsSolver
) -> None:
    """One column of a price taker: "does not lose" is a row of the full programme, whose optimum the bounds hold.

    The row may also use the hours otherwise than is best for all: it reaches at least as much as fewer MW do.
    """
    programme, series = _one_column("refused"), _series(seed)
    plan = plan_by(method, programme, series, solver)
    problem = build_problem(programme, series)
    [worth], [licensee] = problem.worths, programme.licensees
    model = build_full(Grounds(programme, (series,), (), problem, Risk(0.0, 1.0)))
    [part], lp = model.parts, model.lp
    row = lp.rows((1,), 0.0, np.inf)
    after = (1.0 - kept_share(programme.pools[0])) * (1.0 - licensee.royalty_share)
    earned = worth.revenue_usd_per_mwh * after - MARKUP_USD_PER_MWH - worth.opex_usd_per_mwh
    scale = problem.year_scale / USD_PER_MUSD
    lp.term(row, part.columns.use, scale * earned)
    lp.term(row, part.columns.taken, -scale * part.supply.cost_usd_per_mwh)
    lp.term(row, model.capacity.power, -worth.annualised_capital_usd_per_mw / USD_PER_MUSD)
    solution = solver.load(lp.program()).solve()
    assert solution.status is SolverStatus.OPTIMAL
    best_usd, told = solution.objective * USD_PER_MUSD, plan.certificate
    assert told.held_back == ("alpha",)
    assert told.lower_bound_usd <= best_usd * (1 + 1e-6) <= told.upper_bound_usd * (1 + 2e-6)
    assert best_usd < told.upper_bound_usd - 0.1 * told.floor_usd


@pytest.mark.parametrize("response", ["none", "share", "elastic"])
def test_given_megawatts_are_used_alike_by_both_methods(response: str, solver: HighsSolver) -> None:
    """Any MW: the structured method and the full programme use them equally well, within their gaps."""
    programme, series = _greedy("allowed", response), _series(4)
    problem, rng = build_problem(programme, series), seeded_rng(4, "given")
    for power_mw in (rng.uniform(0.0, 8.0, len(problem.columns)), np.zeros(len(problem.columns))):
        joined = use_joined(programme, series, problem, solver, 1e-6, power_mw)
        full = solve_full(programme, series, solver, held_mw=power_mw)
        slack = 1e-6 * max(1.0, abs(full.value_usd))
        assert joined.lower_usd <= full.value_usd + slack
        assert full.lower_usd <= joined.upper_usd + slack
        assert joined.gap_share <= 1e-5
        assert np.array_equal(joined.x_mw, power_mw)
        assert np.array_equal(full.power_mw, power_mw)


def test_whole_modules_stay_whole(solver: HighsSolver) -> None:
    """Containers of 5 MW and a cost of 1,000 USD an open site: fewer containers, and still nobody loses."""
    base = _greedy("refused")
    programme = replace(
        base,
        machines=tuple(replace(item, module_mw=5.0) for item in base.machines),
        sites=tuple(replace(site, fixed_cost_usd_per_year=1000.0) for site in base.sites),
    )
    for each in (programme, replace(programme, links=(), batteries=())):
        plan = plan_by("auto", each, _series(3), solver)
        assert plan.certificate.held_back
        assert _own_usd(each, plan) >= -LOSS_USD
        assert plan.power_mw > 0
        assert all(grant.power_mw % 5.0 == 0 for grant in plan.grants)
        assert plan.fixed_cost_usd == 1000.0 * len({grant.site for grant in plan.grants})


def test_scenarios_with_a_line(solver: HighsSolver) -> None:
    """Three scenarios, half of the weight on the worst: nobody loses in the mean, and the aim is that of the bounds."""
    series = _series(3, 24)
    plans = []
    for losses in ("allowed", "refused"):
        programme = _greedy(losses, "share")
        epochs = build_problem(programme, series).years[0].epochs.count
        outlook = random_outlook(seeded_rng(3, "outlook"), programme, 3, epochs)
        request = PlanRequest(outlook=outlook, risk=Risk(0.5, 0.5))
        plans.append(plan_by("auto", programme, series, solver, request=request))
    free, kept = plans
    assert kept.certificate.method.startswith("full")
    assert _own_usd(programme, free) < -LOSS_USD
    assert _own_usd(programme, kept) >= -LOSS_USD
    assert kept.power_mw > 0
    assert kept.certificate.upper_bound_usd == pytest.approx(free.certificate.upper_bound_usd)
    aim_usd = 0.5 * kept.spread.mean_usd + 0.5 * kept.spread.tail_mean_usd
    assert kept.certificate.lower_bound_usd == pytest.approx(aim_usd, rel=1e-6)


def test_a_build_up_at_risk(solver: HighsSolver) -> None:
    """Two phases with a line: in no year of either does a licensee lose, and the value is that of the spread."""
    programme = replace(_greedy("refused"), batteries=())
    phases = (Phase("first", 0, 30.0, 40e6), Phase("second", 1, 60.0, 40e6))
    free, kept = (
        plan_by(
            "auto",
            replace(programme, phases=phases, planning=Planning(licensee_losses=losses)),
            _series(3, 24),
            solver,
            request=PlanRequest(phases=phases, risk=Risk(0.5, 0.5)),
        )
        for losses in ("allowed", "refused")
    )
    assert _own_usd(programme, free) < -LOSS_USD
    assert _own_usd(programme, kept) >= -LOSS_USD
    assert kept.power_mw > 0
    assert kept.certificate.lower_bound_usd <= free.certificate.lower_bound_usd
    assert kept.spread.mean_usd == pytest.approx(kept.certificate.lower_bound_usd, rel=1e-6)


@pytest.mark.parametrize("method", ["auto", "full"])
def test_somebody_stops_it(method: str, solver: HighsSolver) -> None:
    """Stopped while licensees are held back: the best plan for all, which says that it is not finished."""
    programme, series = _greedy("refused"), _series(3)
    bounds: list[tuple[float, float]] = []

    def stop_at_the_same(_round: int, lower: float, upper: float) -> None:
        if bounds and bounds[-1] == (lower, upper):
            raise KeyboardInterrupt
        bounds.append((lower, upper))

    plan = plan_by(method, programme, series, solver, stop_at_the_same)
    assert plan.certificate.interrupted
    assert plan.certificate.held_back == ()
    assert plan.certificate.floor_usd == 0.0
    assert _own_usd(programme, plan) < -LOSS_USD


@pytest.mark.parametrize(
    ("method", "module", "name"), [("auto", plan_coupled, "use_joined"), ("full", plan_full, "solve_full")]
)
def test_somebody_stops_one_of_the_solutions(
    method: str, module: ModuleType, name: str, solver: HighsSolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A solution that ended early says nothing about who loses: no further one is tried."""
    solve, ended = getattr(module, name), []

    def stopped(*args: object, **given: object) -> object:
        found = solve(*args, **given)
        if name == "solve_full" and "held_mw" not in given:
            return found
        ended.append(name)
        return replace(found, interrupted=True)

    monkeypatch.setattr(module, name, stopped)
    plan = plan_by(method, _greedy("refused"), _series(3), solver)
    assert ended == [name]
    assert plan.certificate.interrupted
    assert plan.certificate.held_back == ()


def test_what_is_promised_stays(solver: HighsSolver) -> None:
    """Promised AI capacity is granted although its licensee loses by it; their machines, which earn, stay too."""
    base = _greedy("refused")
    hall = replace(build_programme().halls[0], gpu_hour_usd=0.1)
    sites = (replace(base.sites[0], hall_min_mw=3.0), *base.sites[1:])
    plan = plan_by("auto", replace(base, halls=(hall,), sites=sites), _series(3), solver)
    assert sum(grant.power_mw for grant in plan.grants if grant.is_hall) == pytest.approx(3.0)
    assert own_values_usd(plan.stakeholders)["alpha"] < -LOSS_USD
    assert [grant for grant in plan.grants if grant.licensee == "alpha" and not grant.is_hall]

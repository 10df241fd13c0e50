"""Aims beside the net value, and the frontier between two of them."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from example_programme import build_programme, build_series, random_series
from zakhira.adapters.highs import HighsSolver
from zakhira.kernel.ids import seeded_rng
from zakhira.planning.frontier import NotTwoAims, frontier_of
from zakhira.planning.objectives import AIMS, AimBeyondMethod, Search, most_of, plan_for, search_of
from zakhira.planning.plan import plan_allocation
from zakhira.planning.stakeholders import own_values_usd
from zakhira.programme.model import Planning, Programme
from zakhira.programme.series import Floats


def _programme(response: str = "none") -> Programme:
    """The example where mining pays in the best hours alone, and nothing but mining can."""
    base = build_programme(48)
    licensees = tuple(replace(item, royalty_share=0.1, pool="pool-b") for item in base.licensees)
    return replace(
        base,
        halls=(),
        licensees=licensees,
        prices=replace(base.prices, btc_usd=110_000.0),
        planning=Planning(response=response, licensee_losses="allowed"),
    )


def _search(programme: Programme, solver: HighsSolver, aim: str, seed: int = 1) -> Search:
    return search_of(programme, random_series(seeded_rng(seed, "series"), 48), solver, {aim: 1.0})


@pytest.mark.parametrize("response", ["none", "elastic"])
@pytest.mark.parametrize("aim", ["coins", "energy", "jobs"])
def test_the_most_of_an_aim_keeps_a_net_value_and_its_bound(aim: str, response: str, solver: HighsSolver) -> None:
    """More of the aim than the plan of best value has, no net loss, and within a thousandth of the bound."""
    programme = _programme(response)
    search = _search(programme, solver, aim)
    found, value = most_of(search), most_of(replace(search, aims={"value": 1.0}))
    assert found.point.net_usd >= -1.0
    assert found.point.by_aim[aim] >= value.point.by_aim[aim] - 1e-6
    assert found.point.by_aim[aim] <= found.upper * (1 + 1e-12)
    assert found.upper <= found.point.by_aim[aim] * 1.003


def test_energy_is_bought_until_nothing_is_left(solver: HighsSolver) -> None:
    """One class, one zone: 20 free MW and 20 MW at twice what a MWh is worth; the free ones pay for half of the others.

    Without capital the margin v of each free MWh pays for one MWh that costs 2 v and brings v: all 20 MW at that price
    could be run, so that a price of 3 v is used to have a half: 20 + 10 MW.
    """
    base = _programme()
    only = replace(
        base.machines[1], price_usd_per_th=0.0001, infrastructure_usd_per_mw=0.0, availability_share=1.0, limit_mw=1e3
    )
    programme = replace(
        base,
        machines=(only,),
        sites=(replace(base.sites[2], connection_mw=40.0),),
        licensees=(replace(base.licensees[0], quota_mw=40.0),),
    )
    search = search_of(programme, build_series(*_flat(0.0)), solver, {"energy": 1.0})
    value = search.problem.worths[0].surplus_value_usd_per_mwh
    search = search_of(programme, build_series(*_flat(3 * value * 283.0)), solver, {"energy": 1.0})
    found = most_of(search)
    assert found.point.by_aim["energy"] / 8760 == pytest.approx(30.0, rel=1e-4)
    assert found.upper / 8760 == pytest.approx(30.0, rel=1e-4)


def _flat(cost_pkr: float) -> tuple[Floats, Floats, Floats]:
    cost = np.broadcast_to(np.array([0.0, cost_pkr]), (2, 48, 2)).copy()
    return np.full((2, 48, 2), 20.0), cost, np.full((2, 48), 20.0)


@pytest.mark.parametrize("aim", AIMS)
def test_the_plan_says_what_it_has_most_of(aim: str, solver: HighsSolver) -> None:
    """The aim of the plan is what its own results and stakeholders sum to."""
    series = random_series(seeded_rng(2, "series"), 48)
    plan = plan_for(_programme(), series, solver, aim)
    assert plan.aim is not None
    assert plan.aim.value <= plan.aim.upper_bound
    sums = {
        "value": sum(r.value_usd for r in plan.results),
        "coins": next(one.btc for one in plan.stakeholders if one.kind == "programme"),
        "energy": sum(r.surplus_mwh for r in plan.results),
        "jobs": sum(r.jobs for r in plan.results),
    }
    assert plan.aim.value == pytest.approx(sums[aim], rel=1e-9)
    assert sums["value"] >= -1.0


def test_the_aim_of_value_is_the_plan_of_best_value(solver: HighsSolver) -> None:
    """Both ways to the best net value give the same."""
    programme, series = _programme(), random_series(seeded_rng(2, "series"), 48)
    plan, best = plan_for(programme, series, solver, "value"), plan_allocation(programme, series, solver)
    assert plan.aim is not None
    assert plan.aim.value == pytest.approx(best.certificate.lower_bound_usd, rel=2e-6)


def test_no_licensee_loses_for_an_aim(solver: HighsSolver) -> None:
    """With losses refused there is less of the aim and the bound stays."""
    series = random_series(seeded_rng(2, "series"), 48)
    base = _programme()
    dear = tuple(replace(item, royalty_share=share) for item, share in zip(base.licensees, (0.0, 0.4), strict=True))
    rules = (replace(base, licensees=dear, planning=Planning(licensee_losses=rule)) for rule in ("allowed", "refused"))
    free, kept = (plan_for(programme, series, solver, "energy") for programme in rules)
    assert min(own_values_usd(free.stakeholders).values()) < -1.0
    assert min(own_values_usd(kept.stakeholders).values()) >= -1.0
    assert free.aim is not None
    assert kept.aim is not None
    assert 0 < kept.aim.value <= free.aim.value
    assert kept.aim.upper_bound == pytest.approx(free.aim.upper_bound)


@pytest.mark.parametrize("aims", [("value", "coins"), ("value", "energy"), ("energy", "jobs")])
@pytest.mark.parametrize("seed", [1, 3])
def test_the_frontier_is_monotone(aims: tuple[str, str], seed: int, solver: HighsSolver) -> None:
    """Along the frontier the first aim falls and the second rises; no net value is negative."""
    frontier = frontier_of(_search(_programme(), solver, "value", seed), *aims, points=6)
    firsts, seconds = ([getattr(p, name) for p in frontier.points] for name in ("first", "second"))
    assert len(firsts) >= (1 if aims == ("energy", "jobs") else 3)
    assert all(one > two for one, two in pairwise(firsts))
    assert all(one < two for one, two in pairwise(seconds))
    assert all(p.net_usd >= -1.0 for p in frontier.points)
    assert all(p.gap_share <= 5e-3 for p in frontier.points)
    slopes = np.diff(seconds) / -np.diff(firsts)
    assert all(two <= one * (1 + 1e-3) for one, two in pairwise(slopes))


@pytest.mark.parametrize("aims", [("coins", "coins"), ("coins", "glory")])
def test_a_frontier_needs_two_aims(aims: tuple[str, str], solver: HighsSolver) -> None:
    """Unknown or equal aims are told with those that there are."""
    with pytest.raises(NotTwoAims) as caught:
        frontier_of(_search(_programme(), solver, "value"), *aims, points=3)
    assert "energy" in caught.value.remedy


def test_whole_modules_are_not_planned_for_an_aim(solver: HighsSolver) -> None:
    """What an aim's method cannot keep is refused by name, not left out in silence."""
    base = _programme()
    programme = replace(base, machines=tuple(replace(item, module_mw=5.0) for item in base.machines))
    with pytest.raises(AimBeyondMethod) as caught:
        _search(programme, solver, "coins")
    assert "whole modules" in caught.value.message

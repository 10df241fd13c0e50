"""The optimum of the share against a fine grid, and answers that do not depend on what does not matter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from example_programme import START, build_programme, machine
from planning_cases import random_case
from zakhira.adapters.highs import HighsSolver
from zakhira.kernel.interval import HourRange
from zakhira.planning.allocation import Plan
from zakhira.planning.plan import plan_allocation
from zakhira.planning.problem import build_problem
from zakhira.programme.model import Programme
from zakhira.programme.series import Floats, Series


def _small_network(limit_mw: float, eh_per_s: float) -> tuple[Programme, Series]:
    """One zone with surplus for everybody at 8 USD/MWh; the stated hashprice in a network of a few hundred MW."""
    base = build_programme()
    fleets = (machine("old", 21.5, 2.0), replace(machine("new", 13.5, 12.0), limit_mw=limit_mw))
    programme = replace(
        base,
        zones=(replace(base.zones[1], max_mw=1000.0),),
        sites=(replace(base.sites[2], connection_mw=1000.0),),
        licensees=tuple(replace(item, quota_mw=1000.0) for item in base.licensees),
        machines=fleets,
        halls=(),
        cap_mw=1000.0,
        network=replace(base.network, hashrate_eh_per_s=eh_per_s),
        prices=replace(base.prices, btc_usd=60_500.0 * eh_per_s / 984.0, capital_budget_usd=1e12),
        planning=replace(base.planning, response="share"),
    )
    flat = np.full((1, 24, 1), 2000.0)
    series = Series(("west",), HourRange(START, 24), flat, flat / 2000 * 8 * 283.0, np.full((1, 24), 20.0))
    return programme, series


def _grid_value_usd(programme: Programme, series: Series, old: Floats, new: Floats) -> Floats:
    """A year's value of MW of both fleets that run in every hour, from the formula B N q / (1 + q)."""
    problem = build_problem(programme, series)
    runs = 8760 * 0.95
    work: Floats = np.zeros(np.broadcast(old, new).shape)
    cost: Floats = np.zeros(np.broadcast(old, new).shape)
    for worth, mw in zip(problem.worths, (old, new), strict=True):
        work = work + worth.hashes_per_mwh * mw * 0.95 / (programme.network.hashrate_eh_per_s * 1e18 * 3600)
        cost = cost + mw * (runs * (8.0 + worth.opex_usd_per_mwh) + worth.annualised_capital_usd_per_mw)
    prize = 8760 * 6 * 3.125 * 1.01 * programme.prices.btc_usd
    value: Floats = prize * work / (1.0 + work) - cost
    return value


@pytest.mark.parametrize("limit_mw", [0.0, 30.0, 500.0])
def test_the_share_against_a_fine_grid(limit_mw: float, solver: HighsSolver) -> None:
    """Difficulty answers to us: the best MW lie inside, far below the cap, and below a price taker's."""
    programme, series = _small_network(limit_mw, 8.0)
    plan = plan_allocation(programme, series, solver)
    old, new = np.linspace(0.0, 400.0, 4001)[:, None], np.linspace(0.0, limit_mw, 301)[None, :]
    values = _grid_value_usd(programme, series, old, new)
    row, column = np.unravel_index(int(values.argmax()), values.shape)
    mw = {grant.class_id: grant.power_mw for grant in plan.grants}
    assert plan.certificate.upper_bound_usd >= values.max() * (1 - 1e-9)
    assert plan.certificate.lower_bound_usd == pytest.approx(values.max(), rel=1e-5)
    assert mw.get("old", 0.0) == pytest.approx(old[row, 0], abs=2.0)
    assert mw.get("new", 0.0) == pytest.approx(new[0, column], abs=2.0)
    assert 0 < sum(mw.values()) < 900
    taker = replace(programme, planning=replace(programme.planning, response="none"))
    assert plan_allocation(taker, series, solver).power_mw > sum(mw.values())


def _by_site(plan: Plan) -> dict[tuple[str, str], float]:
    return {(grant.site, grant.class_id): grant.power_mw for grant in plan.grants}


@pytest.mark.parametrize("seed", range(4))
def test_twice_the_same_and_in_any_order(seed: int, solver: HighsSolver) -> None:
    """The same file twice gives the same plan to the last bit; with sites, zones or machines turned, the same value."""
    programme, series = random_case(seed, 3, 48)
    plan, again = plan_allocation(programme, series, solver), plan_allocation(programme, series, HighsSolver())
    assert plan == again
    turned = replace(
        programme, sites=programme.sites[::-1], zones=programme.zones[::-1], machines=programme.machines[::-1]
    )
    other = plan_allocation(turned, series, solver)
    assert other.certificate.lower_bound_usd == pytest.approx(plan.certificate.lower_bound_usd, rel=1e-7)
    assert other.power_mw == pytest.approx(plan.power_mw, rel=1e-3)


def test_equal_sites_stay_even_when_they_change_places(solver: HighsSolver) -> None:
    """Three equal sites in a zone: a third each, to a quarter of what one can hold, in whatever order they stand."""
    base, series = random_case(3, 1, 48)
    site = replace(base.sites[0], connection_mw=6.0)
    zones = (replace(base.zones[0], max_mw=30.0),)
    sites = tuple(replace(site, id=f"s{number}") for number in range(3))
    programme = replace(base, sites=sites, zones=zones, halls=(), cap_mw=10.0)
    for order in ((0, 1, 2), (2, 0, 1)):
        plan = plan_allocation(replace(programme, sites=tuple(sites[n] for n in order)), series, solver)
        totals = [sum(mw for (name, _), mw in _by_site(plan).items() if name == item.id) for item in sites]
        assert sum(totals) == pytest.approx(10.0, abs=1e-3)
        assert max(totals) - min(totals) <= 6.0 / 4 + 1e-6

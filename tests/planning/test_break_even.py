"""Prices at which a zone's use flips, against a closed form; the heat map against sums of its own series."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from example_programme import build_programme, build_series, random_series
from zakhira.adapters.highs import HighsSolver
from zakhira.kernel.ids import seeded_rng
from zakhira.planning.break_even import ZoneBreakEven, break_evens, today_of
from zakhira.planning.heat_map import heat_map
from zakhira.planning.plan import plan_allocation
from zakhira.planning.problem import build_problem
from zakhira.programme.model import Programme
from zakhira.programme.series import Series


def _one_class() -> Programme:
    """S21 alone at a price at which it pays, no heat, no loss in the west."""
    base = build_programme(48)
    only = replace(base.machines[1], price_usd_per_th=2.0)
    return replace(base, machines=(only,), halls=(), prices=replace(base.prices, btc_usd=100_000.0))


def _flat(cost_pkr: float = 2830.0) -> Series:
    return build_series(np.full((2, 48, 1), 30.0), np.full((2, 48, 1), cost_pkr), np.full((2, 48), 20.0))


def _found(programme: Programme, series: Series, solver: HighsSolver) -> dict[tuple[str, str, bool], ZoneBreakEven]:
    plan = plan_allocation(programme, series, solver)
    return {
        (one.zone, one.kind, one.at_plan): one for one in break_evens(programme, build_problem(programme, series), plan)
    }


def test_one_class_on_flat_surplus(solver: HighsSolver) -> None:
    """The worth is 8,760 h x availability x (value - 10 USD) less capital: each price follows from it."""
    programme, series = _one_class(), _flat()
    worth = build_problem(programme, series).worths[0]
    one = _found(programme, series, solver)["west", "mining", False]
    needed = worth.annualised_capital_usd_per_mw / (8760 * 0.95)
    share = (needed + 10.0 + worth.opex_usd_per_mwh) / worth.revenue_usd_per_mwh
    assert one.best == "s21"
    assert one.worth_usd == pytest.approx(8760 * 0.95 * (worth.surplus_value_usd_per_mwh - 10.0 - needed))
    assert one.price_below is not None
    assert one.price_below.price == pytest.approx(share, rel=1e-9)
    assert one.price_below.becomes == ""
    assert one.power_above is not None
    assert one.power_above.price == pytest.approx(worth.surplus_value_usd_per_mwh - 10.0 - needed, rel=1e-9)
    assert one.price_above is one.power_below is None


def test_another_class_becomes_better(solver: HighsSolver) -> None:
    """A frugal and dear class overtakes a cheap one where both are worth the same; the worths are equal there."""
    base = _one_class()
    cheap, frugal = replace(base.machines[0], id="cheap"), replace(base.machines[0], id="frugal")
    frugal = replace(frugal, efficiency_j_per_th=15.0, price_usd_per_th=8.0)
    programme = replace(base, machines=(replace(cheap, price_usd_per_th=1.0), frugal))
    one = _found(programme, _flat(), solver)["west", "mining", False]
    flip = one.price_above if one.best == "cheap" else one.price_below
    assert flip is not None
    assert {one.best, flip.becomes} == {"cheap", "frugal"}
    prices = replace(programme.prices, btc_usd=programme.prices.btc_usd * flip.price)
    worths = build_problem(replace(programme, prices=prices), _flat()).worths
    values = [8760 * 0.95 * (w.surplus_value_usd_per_mwh - 10.0) - w.annualised_capital_usd_per_mw for w in worths]
    assert values[0] == pytest.approx(values[1], rel=1e-9)


def test_at_the_plan_the_next_mw_earns_less_than_the_first(solver: HighsSolver) -> None:
    """What is granted takes the best hours: one more MW is worth no more than the first, and flips no later."""
    base = build_programme(48)
    programme = replace(base, prices=replace(base.prices, btc_usd=140_000.0))
    found = _found(programme, random_series(seeded_rng(3, "series"), 48), solver)
    at_plan = [key for key in found if key[2]]
    assert at_plan
    for zone, kind, _ in at_plan:
        assert found[zone, kind, True].worth_usd <= found[zone, kind, False].worth_usd + 1e-6


def test_hashprice_is_that_of_the_facts() -> None:
    """28.68 USD/PH/day were seen on 2026-06-26 at D = 133.87T, which is 958 EH/s; the example states 984 EH/s."""
    today = today_of(build_programme())
    assert today.hashprice_usd_per_ph_day * 984.0 / 958.0 == pytest.approx(28.68, rel=5e-3)


def test_the_heat_map_sums_to_the_surplus(solver: HighsSolver) -> None:
    """Mean MW by cell times its hours is the surplus at the plug; a flat zone is worth the same everywhere."""
    programme, series = _one_class(), _flat()
    plan = plan_allocation(programme, series, solver)
    problem = build_problem(programme, series)
    found = heat_map(programme, problem, plan)
    assert found.surplus_mw.sum() * 2 == pytest.approx(48 * (30.0 + 27.0))
    west = heat_map(programme, problem, plan, "west")
    kept = west.surplus_mw > 0
    assert west.surplus_mw[kept] == pytest.approx(30.0)
    assert west.worth_usd_per_mwh[kept] == pytest.approx(problem.worths[0].surplus_value_usd_per_mwh - 10.0)

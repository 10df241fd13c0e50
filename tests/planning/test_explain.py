"""Why a zone got what it got: the story's sums are the plan's, and its margins those of a hand-made zone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from example_programme import build_programme, build_series, random_series
from zakhira.adapters.highs import HighsSolver
from zakhira.kernel.ids import seeded_rng
from zakhira.planning.explain import UnknownZone, ZoneStory, explain_zone
from zakhira.planning.outlook_oracle import outlook_oracle
from zakhira.planning.plan import plan_allocation
from zakhira.planning.problem import build_problem
from zakhira.planning.zone_hours import Prices, marginal_usd_per_hash, power_of, zone_hours
from zakhira.programme.model import Programme
from zakhira.reports.explain_summary import band_table, class_table, explain_headline, explain_reasons, margin_table


def _rich(response: str = "none") -> Programme:
    base = build_programme(48)
    planning = replace(base.planning, response=response)
    return replace(base, planning=planning, prices=replace(base.prices, btc_usd=140_000.0))


@pytest.mark.parametrize("response", ["none", "elastic"])
@pytest.mark.parametrize("seed", [1, 4])
def test_the_story_adds_up_to_the_plan(response: str, seed: int, solver: HighsSolver) -> None:
    """MW, energy used and surplus by cost are those of the plan's own results."""
    programme, series = _rich(response), random_series(seeded_rng(seed, "series"), 48)
    plan, problem = plan_allocation(programme, series, solver), build_problem(programme, series)
    for zone in ("east", "west"):
        story = explain_zone(programme, problem, plan, zone)
        for one in story.classes:
            mine = [r for r in plan.results if (r.zone, r.class_id) == (zone, one.class_id)]
            assert one.power_mw == pytest.approx(sum(r.power_mw for r in mine), abs=1e-9)
            assert one.used_mwh == pytest.approx(sum(r.surplus_mwh for r in mine), rel=1e-3, abs=1.0)
            assert one.run_hours <= one.paying_hours + 1e-9
        assert sum(b.surplus_mwh for b in story.bands) == pytest.approx(story.surplus_mwh)
        used = sum(one.used_mwh for one in story.classes)
        assert sum(b.used_mwh for b in story.bands) == pytest.approx(used)


@pytest.mark.parametrize("seed", [1, 4])
def test_no_other_use_would_add_anything(seed: int, solver: HighsSolver) -> None:
    """At an optimum one more MW gains nothing after its limits' prices, and the last one is worth at least nothing."""
    programme, series = _rich(), random_series(seeded_rng(seed, "series"), 48)
    plan, problem = plan_allocation(programme, series, solver), build_problem(programme, series)
    for zone in ("east", "west"):
        story = explain_zone(programme, problem, plan, zone)
        for one in story.classes:
            assert np.isnan(one.next_mw_usd) or one.gain_usd <= 2.0
            assert np.isnan(one.last_mw_usd) or one.last_mw_usd >= -2.0


def _flat(solver: HighsSolver) -> ZoneStory:
    base = _rich()
    only = replace(base.machines[1], price_usd_per_th=0.1)
    programme = replace(base, machines=(only,), halls=(), cap_mw=10.0)
    surplus = np.full((2, 48, 2), 20.0)
    cost = np.broadcast_to(np.array([2830.0, 2e5]), (2, 48, 2)).copy()
    series = build_series(surplus, cost, np.full((2, 48), 20.0))
    plan = plan_allocation(programme, series, solver)
    return explain_zone(programme, build_problem(programme, series), plan, "west")


def test_a_hand_made_zone(solver: HighsSolver) -> None:
    """West without loss: 20 MW at 10 USD/MWh and 20 MW far too dear in every hour; its margin is worth less 10."""
    story = _flat(solver)
    (one,) = story.classes
    assert story.surplus_hours == pytest.approx(8760)
    assert story.surplus_mwh == pytest.approx(40 * 8760)
    assert one.margin_usd_per_mwh == pytest.approx([one.value_usd_per_mwh - 10.0] * 24)
    assert story.bands[0].surplus_mwh == pytest.approx(20 * 8760)
    assert story.bands[0].from_usd == pytest.approx(10.0)
    assert story.bands[-1].used_mwh == 0.0
    words = " ".join(explain_reasons(story))
    assert "cap" in words
    assert "The next best use here is one more MW of s21" in words
    assert "West got" in explain_headline(story)
    for table in (class_table(story), margin_table(story), band_table(story)):
        assert table.rows


def test_the_clearing_price_is_the_hours_dual(solver: HighsSolver) -> None:
    """What one more MW of each class adds by the clearing price is what the oracle's supergradient says."""
    programme, series = _rich(), random_series(seeded_rng(9, "series"), 48)
    plan, problem = plan_allocation(programme, series, solver), build_problem(programme, series)
    power_mw = power_of(programme, problem, plan) + 0.137
    usd = marginal_usd_per_hash(problem, power_mw)
    slope = outlook_oracle(problem).look(power_mw).slope_musd_per_mw.sum(axis=0) * 1e6 + problem.base_usd_per_mw
    for zone in range(2):
        found = zone_hours(problem, power_mw, zone, usd).last_mw_usd(Prices())
        for index, column in enumerate(problem.columns):
            if column.zone == zone:
                assert found[problem.years[0].class_of[index]] == pytest.approx(slope[index], rel=1e-9, abs=1e-3)


def test_an_unknown_zone_is_told(solver: HighsSolver) -> None:
    """The zones that there are stand in the remedy."""
    programme, series = _rich(), random_series(seeded_rng(1, "series"), 48)
    plan, problem = plan_allocation(programme, series, solver), build_problem(programme, series)
    with pytest.raises(UnknownZone) as caught:
        explain_zone(programme, problem, plan, "north")
    assert "east, west" in caught.value.remedy

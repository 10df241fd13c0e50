"""Sections of a plan's page: what they say follows from the figures, phases are not added, an aim is told as one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from reports.sample_run import sample_plan, sample_programme
from reports.test_numbers import plain
from zakhira.mining.steady_state import SettledAgainstSimulated
from zakhira.planning.allocation import Aim, Plan, Stakeholder
from zakhira.planning.break_even import Flip, Today, ZoneBreakEven
from zakhira.planning.heat_map import HeatMap
from zakhira.planning.own_share import OwnShare
from zakhira.reports.plan_beside import PlanBeside, beside_section
from zakhira.reports.plan_sections import bound_share, certificate_section, certificate_state, plan_section
from zakhira.reports.plan_summary import plan_summary
from zakhira.reports.plot_spec import BarPlot, Role
from zakhira.reports.value_sections import (
    break_even_section,
    heat_section,
    plan_map_section,
    stake_section,
    stake_table,
)

PROGRAMME = sample_programme()
PLAN = sample_plan(PROGRAMME)
TODAY = Today(60000.0, 28.0, 283.0, ())
SHARE = OwnShare(1596.0, 14046.0, 155e6, 13130.0, 99.5e6, 7411.0, 120.6e6)


def build_up() -> Plan:
    """The sample plan standing in two phases, each result a million dearer in the second."""
    first = tuple(replace(result, phase="one") for result in PLAN.results)
    second = tuple(replace(result, phase="two", revenue_usd=result.revenue_usd + 1e6) for result in PLAN.results)
    parties = tuple(
        Stakeholder("licensee", "a", "Alpha", phase, (("coins", usd),), 1.0)
        for phase, usd in (("one", 1e6), ("two", 2e6))
    )
    return replace(PLAN, results=first + second, stakeholders=parties)


def bars_of(plot: object) -> BarPlot:
    """The plot, which is one of bars."""
    assert isinstance(plot, BarPlot)
    return plot


def test_years_of_a_build_up_are_not_added() -> None:
    """Sentence, bars, parties and map are of the last phase's year, the headline of the discounted sum."""
    plan = build_up()
    assert plain(plan_summary(plan).headline).endswith("over all phases, discounted.")
    section = plan_section(plan, PROGRAMME, "s")
    assert "a year in phase two" in section.title
    held = sum(result.power_mw > 0 for result in PLAN.results)
    once = sum(bar.value for bar in bars_of(plan_section(PLAN, PROGRAMME, "s").plot).bars)
    assert sum(bar.value for bar in bars_of(section.plot).bars) == pytest.approx(once + held)
    assert plan_map_section(plan, PROGRAMME, {}, "s").tables == plan_map_section(PLAN, PROGRAMME, {}, "s").tables
    assert [bar.value for bar in bars_of(stake_section(plan, PROGRAMME, "s").plot).bars] == [2.0]
    sums = [row.cells[:2] for row in stake_table(plan).rows if row.cells[0].startswith("all")]
    assert sums == [("all, one", "1.00"), ("all, two", "2.00")]


def test_the_bounds_are_of_what_was_maximised() -> None:
    """Of an aim they are in its unit, of a weighted tail they say so, and nothing is claimed of value beside them."""
    aim = Aim("coins", "BTC", 579.0, 1174.7)
    section = certificate_section(replace(PLAN, aim=aim), "s")
    assert plain(section.title) == "The plan has 579 BTC of coins, and no plan has more than 1 174.7 BTC"
    assert [row.cells[1] for row in section.tables[0].rows][:2] == ["579.00", "1\u202f174.70"]
    assert "No limit binds" not in " ".join(section.paragraphs)
    risky = replace(PLAN, basis=replace(PLAN.basis, risk_weight=0.25, risk_tail_share=0.1, scenarios=50))
    assert "75% of the mean and 25% of the mean of the worst 10%" in certificate_section(risky, "s").tables[0].caption
    assert "mean of 50 scenarios" in plan_summary(risky).headline


def test_bounds_that_meet_are_told_without_a_share() -> None:
    """What floating point leaves is no gap; what is one is kept."""
    proof = PLAN.certificate
    met = replace(PLAN, certificate=replace(proof, upper_bound_usd=proof.lower_bound_usd * (1 + 1e-15)))
    assert certificate_state(met).sentence == "The plan is the best possible: its bounds meet."
    assert certificate_section(met, "s").title == "No other plan beats this one"
    assert (bound_share(6e-15), plain(bound_share(6e-8))) == ("0%", "0.000 006%")


def test_a_price_taker_is_drawn_beside_the_plan() -> None:
    """Three bars with their MW; a difference of nothing is told as nothing."""
    beside = PlanBeside(SHARE, SettledAgainstSimulated(np.array([100.0]), np.array([101.0])))
    section = beside_section(beside, 757.6, "s", estimate=True)
    assert plain(section.title) == "Treating our own share honestly is worth USD 21.1 million a year"
    bars = bars_of(section.plot).bars
    assert [bar.value for bar in bars] == [155.0, 99.5, 120.6]
    assert all(bar.estimate for bar in bars)
    assert [plain(row.cells[1]) for row in section.tables[0].rows] == ["1 596.0", "1 596.0", "757.6"]
    same = replace(beside, share=replace(SHARE, left_usd=SHARE.plan_usd + 1e-9))
    assert "too small" in beside_section(same, 757.6, "s", estimate=True).title


def test_break_evens_name_zones_and_classes_beside_today() -> None:
    """In the page by name, with today's price as the first bar; a plan without mining says so."""
    zone, machine = PROGRAMME.zones[0], PROGRAMME.machines[0]
    one = ZoneBreakEven(zone.id, "mining", True, machine.id, 1000.0, Flip(0.75, ""), None, None, None)
    section = break_even_section((one,), TODAY, PLAN, PROGRAMME, "s")
    assert "25% under today's" in section.title
    assert machine.name in section.title
    bars = bars_of(section.plot).bars
    assert [bar.value for bar in bars] == [60000.0, 45000.0]
    assert bars[0].role is Role.SHED
    assert section.tables[0].rows[0].cells[0] == zone.name
    first = break_even_section((replace(one, at_plan=False),), TODAY, PLAN, PROGRAMME, "s")
    assert first.title.startswith("The plan mines nowhere")
    assert first.plot is None


def test_the_heat_map_is_told_by_its_darkest_cell() -> None:
    """The cell of the title is the one that the plot names, not the one with the most surplus."""
    worth, surplus = np.full((2, 24), 50.0), np.full((2, 24), 10.0)
    worth[1, 13], surplus[0, 3] = 70.0, 1000.0
    title = plain(heat_section(HeatMap(("2026-01", "2026-02"), surplus, worth), "s").title)
    assert title.startswith("A MWh of surplus is worth most in 2026-02 at 13:00: USD 70, against USD 50.1")

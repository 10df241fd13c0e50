"""A frontier told: its message says what the way costs and buys, its plot stands where the figures are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from reports.test_numbers import plain
from zakhira.adapters.programme_folder import load_programme
from zakhira.planning.frontier import Frontier, FrontierPoint
from zakhira.reports.document import Mood
from zakhira.reports.frontier_report import (
    frontier_plot,
    frontier_report,
    frontier_state,
    frontier_table,
    frontier_title,
)

SMALL = Path(__file__).parents[2] / "programmes" / "small"


def point(first: float, second: float, gap_share: float = 0.0, power_mw: float = 40.0) -> FrontierPoint:
    """A plan that grants so many MW."""
    return FrontierPoint(first, second, 1e6, gap_share, np.array([power_mw / 2, power_mw / 2]))


VALUE_COINS = Frontier("value", "coins", (point(8.58e6, 15.99), point(8.36e6, 17.04), point(4.38e6, 17.46, 0.012)))


def test_the_message_says_what_the_way_costs() -> None:
    """The difference of the ends, each in its own unit."""
    title = plain(frontier_title(VALUE_COINS))
    assert title == "Going from the most value to the most coins costs USD 4.2 million a year and buys 1.47 BTC a year"
    jobs = Frontier("jobs", "energy", (point(1030.0, 5e6), point(1029.0, 6e6)))
    assert "costs" not in frontier_title(jobs), "a thousandth of the jobs is no price"
    jobs = Frontier("jobs", "energy", (point(1030.0, 5e6), point(30.0, 6e6)))
    assert plain(frontier_title(jobs)).endswith("costs 1 000 jobs and buys 1 000 GWh a year")


def test_one_plan_with_the_most_of_both_is_told_as_such() -> None:
    """A frontier of a single point has no price."""
    alone = Frontier("energy", "coins", (point(2e6, 30.0),))
    assert plain(frontier_title(alone)) == (
        "One plan has as good as the most of both: energy 2 000 GWh a year, coins 30 BTC a year"
    )


def test_net_value_is_not_said_twice() -> None:
    """It is a column of its own only where value is no aim; a gap of floating point is none."""
    assert [column.name for column in frontier_table(VALUE_COINS).columns] == ["value", "coins", "granted", "within"]
    other = Frontier("energy", "jobs", (point(2e6, 30.0, 6e-15),))
    assert [column.name for column in frontier_table(other).columns][2] == "net value"
    assert frontier_table(other).rows[0].cells == ("2\u202f000.0", "30", "1.00", "40.0", "0%")


def test_the_points_stand_where_their_figures_are() -> None:
    """In the units of the axes, ends named by their aim, each with its MW."""
    plot = frontier_plot(VALUE_COINS, estimate=True)
    assert [x for x, _, _ in plot.points] == pytest.approx([8.58, 8.36, 4.38])
    assert [y for _, y, _ in plot.points] == [15.99, 17.04, 17.46]
    assert [plain(label) for _, _, label in plot.points] == ["most value: 40 MW", "40 MW", "most coins: 40 MW"]
    assert (plot.x_words, plot.y_words, plot.estimate) == ("value, USD mln/a", "coins, BTC/a", True)


def test_the_worst_point_speaks_for_all() -> None:
    """One point that is not closed leaves the frontier open."""
    assert frontier_state(VALUE_COINS).mood is Mood.OPEN
    assert "1.2%" in frontier_state(VALUE_COINS).sentence
    assert frontier_state(Frontier("value", "coins", VALUE_COINS.points[:2])).mood is Mood.GOOD


def test_the_page_of_a_frontier() -> None:
    """Message first, the most of each aim as figures, plot and table with their source, and what is left out."""
    programme, _ = load_programme(SMALL)
    report = frontier_report(VALUE_COINS, programme, ", without x", "zakhira plan small", "1.0")
    assert report.headline == f"{frontier_title(VALUE_COINS)}."
    assert [plain(f"{figure.value} {figure.unit}") for figure in report.figures] == ["8.58 USD mln/a", "17.46 BTC/a"]
    section = report.section("frontier")
    assert section.plot == frontier_plot(VALUE_COINS, estimate=True)
    assert section.tables == (frontier_table(VALUE_COINS),)
    assert "without x" in section.paragraphs[0]
    assert "2026-01-01" in section.source
    assert "[E]" in section.source

"""A plot as a file of its own carries its message and its source; a trade stands where its figures are."""

from __future__ import annotations

import struct
from dataclasses import replace
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from zakhira.adapters.plots import draw_plot, draw_png, framed_svg
from zakhira.adapters.plots.lines import _named, _trade_limits, shade_floor
from zakhira.reports.plot_spec import Bar, BarPlot, Role, TradePlot

SVG = "{http://www.w3.org/2000/svg}"
BARS = BarPlot("b", "Message & more", "d", "MW", "power", (Bar("a", 3.0, "3 MW", Role.AI),))
TRADE = TradePlot(
    "t", "A trade", "d", "value, USD", "coins, BTC", ((9.0, 1.0, "first"), (1.0, 5.0, "last")), Role.COINS
)


def _box(svg: str) -> list[float]:
    box = ET.fromstring(svg).get("viewBox")  # noqa: S314  # our own drawing
    assert box is not None
    return [float(part) for part in box.split()]


def test_a_file_has_message_and_source_around_the_picture() -> None:
    """Both are text outside of what the page shows, within the enlarged box."""
    alone = framed_svg(draw_plot(BARS), BARS.title, "Source: a test. [E]")
    _, top, width, height = _box(alone)
    before = _box(draw_plot(BARS))
    assert (before[0], width) == (0.0, before[2])
    texts = {"".join(text.itertext()): text for text in ET.fromstring(alone).iter(f"{SVG}text")}  # noqa: S314
    assert top < float(texts["Message & more"].get("y", "0")) < 0
    assert before[3] < float(texts["Source: a test. [E]"].get("y", "0")) < top + height
    assert "Message & more" not in {
        "".join(text.itertext())
        for text in ET.fromstring(draw_plot(BARS)).iter(f"{SVG}text")  # noqa: S314
    }


def test_a_long_message_takes_lines_and_height() -> None:
    """Nothing of it is cut off."""
    long = "word " * 60
    assert _box(framed_svg(draw_plot(BARS), long, ""))[3] > _box(framed_svg(draw_plot(BARS), "word", ""))[3] + 15
    shapes = [
        struct.unpack(">II", draw_png(replace(BARS, title=title), source)[16:24])
        for title, source in (("word", ""), (long, ""), (long, "Source: a test."))
    ]
    assert shapes[0][0] == shapes[1][0] == shapes[2][0]
    assert shapes[0][1] < shapes[1][1] < shapes[2][1]


def test_a_trade_names_its_ends_and_marks_an_estimate() -> None:
    """Both axes carry their unit; an estimate is dashed and tagged."""
    drawn = draw_plot(TRADE)
    assert all(words in drawn for words in ("first", "last", "value, USD", "coins, BTC"))
    assert "[E]" not in drawn
    guess = draw_plot(replace(TRADE, estimate=True))
    assert "first [E]" in guess
    assert "stroke-dasharray" in guess


@pytest.mark.parametrize(
    "points", [(), ((0.0, 0.0, "none"),), ((2.0, 3.0, "one"),), ((2.0, 3.0, "a"), (2.0, 3.0, "b"))]
)
def test_a_trade_of_little_is_drawn(points: tuple[tuple[float, float, str], ...]) -> None:
    """No point, one point, the same point twice."""
    assert draw_plot(replace(TRADE, points=points)).startswith("<svg")


def test_labels_that_would_touch_are_left_out() -> None:
    """The ends are named in any case."""
    crowd = np.array([[1.0, 0.0], [0.95, 0.02], [0.5, 0.5], [0.02, 0.97], [0.0, 1.0]])
    assert sorted(_named(crowd)) == [0, 2, 4]


def test_axes_begin_at_zero_where_that_is_near() -> None:
    """Far from zero they begin below the least, else nothing could be told apart."""
    assert _trade_limits(np.array([9.0, 1.0])) == (0.0, 9.0)
    low, high = _trade_limits(np.array([100.0, 101.0]))
    assert 99 < low < 100
    assert 101 < high < 102
    assert _trade_limits(np.array([-5.0, 10.0]))[0] == -5.0


@pytest.mark.parametrize(
    ("values", "floor"),
    [([[0.0, 9.0]], 0.0), ([[53.0, 69.0]], 50.0), ([[61.0, 64.0]], 61.0), ([[7.0, 7.0]], 0.0), ([[4.0, 9.0]], 0.0)],
)
def test_shades_tell_near_figures_apart(values: list[list[float]], floor: float) -> None:
    """They begin at zero unless all cells lie in the upper half."""
    assert shade_floor(np.array(values)) == pytest.approx(floor)

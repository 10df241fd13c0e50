"""Plots are SVG that stands alone, says what it shows, and is the same every time."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from reports.sample_run import sample_run
from reports.test_numbers import plain
from zakhira.adapters.plots import draw_plot
from zakhira.adapters.plots.look import ESTIMATE_PATTERN, STYLES
from zakhira.adapters.plots.schematic import _items, _move_apart
from zakhira.reports.plot_spec import (
    Bar,
    BarPlot,
    Disc,
    GridPlot,
    Layer,
    LinePlot,
    MapLink,
    MapPlot,
    PairPlot,
    PlotSpec,
    Role,
    StackPlot,
)
from zakhira.reports.run_report import run_report

SVG = "{http://www.w3.org/2000/svg}"


def plots_of_a_run() -> list[PlotSpec]:
    """Every plot of the sample report: one of each kind at least."""
    return [section.plot for section in run_report(sample_run(days=9)).sections if section.plot is not None]


PLOTS = plots_of_a_run()


@pytest.fixture(scope="module")
def drawn() -> dict[str, str]:
    """Every plot of the sample report, drawn."""
    return {spec.id: draw_plot(spec) for spec in PLOTS}


def parse(svg: str) -> ET.Element:
    """The picture as a tree."""
    return ET.fromstring(svg)  # noqa: S314  # our own drawing


def words(svg: str) -> str:
    """All text that the picture shows."""
    return "\n".join("".join(text.itertext()) for text in parse(svg).iter(f"{SVG}text"))


def test_the_sample_has_every_kind() -> None:
    """Otherwise the tests below would miss one."""
    assert {type(spec) for spec in PLOTS} == {StackPlot, LinePlot, BarPlot, MapPlot, PairPlot, GridPlot}


@pytest.mark.parametrize("spec", PLOTS, ids=lambda spec: spec.id)
def test_a_plot_says_what_it_shows(spec: PlotSpec, drawn: dict[str, str]) -> None:
    """Title and description are there, referred to by the root, and the text of the picture is text."""
    root = parse(drawn[spec.id])
    title, description = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None
    assert description is not None
    assert (title.text, description.text) == (spec.title, spec.description)
    assert root.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
    assert root.get("role") == "img"
    assert root.get("viewBox")
    assert words(drawn[spec.id]).strip()


@pytest.mark.parametrize("spec", PLOTS, ids=lambda spec: spec.id)
def test_a_plot_is_the_same_every_time(spec: PlotSpec, drawn: dict[str, str]) -> None:
    """No date, no random id: drawn again it is the same text."""
    assert draw_plot(spec) == drawn[spec.id]
    assert "<metadata" not in drawn[spec.id]


def test_plots_of_one_page_do_not_mix(drawn: dict[str, str]) -> None:
    """Ids are unique over all plots, every reference has its target, and no style reaches beyond a plot."""
    ids = [found for svg in drawn.values() for found in re.findall(r'\sid="([^"]+)"', svg)]
    assert len(ids) == len(set(ids))
    for svg in drawn.values():
        own = set(re.findall(r'\sid="([^"]+)"', svg))
        targets = set(re.findall(r"url\(#([^)]+)\)", svg)) | set(re.findall(r'href="#([^"]+)"', svg))
        assert targets <= own
        assert "<style" not in svg
        assert "<image" not in svg
        assert re.sub(r'xmlns="[^"]+"', "", svg).count("http") == 0


def test_the_page_decides_ink_and_paper(drawn: dict[str, str]) -> None:
    """Stand-in colours have all become variables of the page with a fallback."""
    for svg in drawn.values():
        assert "var(--muted, #595959)" in svg
        assert not re.search(r"#(01){3}|#(02){3}|#(03){3}|#(04){3}", svg)


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("role", list(Role), ids=lambda role: role.value)
def test_labels_on_fills_are_readable(role: Role) -> None:
    """4.5:1 or better (WCAG 2.2, 1.4.3)."""
    light, dark = sorted((_luminance(STYLES[role].fill), _luminance(STYLES[role].text)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_neighbours_differ_without_colour() -> None:
    """Layers that touch differ by pattern or by lightness."""
    for one, other in ((Role.AI, Role.MINING), (Role.MINING, Role.SURPLUS), (Role.COINS, Role.INTAKE)):
        a, b = STYLES[one], STYLES[other]
        assert a.pattern != b.pattern or abs(_luminance(a.fill) - _luminance(b.fill)) > 0.2
    assert ESTIMATE_PATTERN not in {style.pattern for style in STYLES.values()}


def test_an_estimate_looks_like_one() -> None:
    """The same bar as an estimate is drawn otherwise and marked [E]; dollars are no formula."""
    bar = Bar("value, $5 and $6", 3.0, "USD 3", Role.MONEY)
    sure = BarPlot("b", "t", "d", "USD", "value", (bar,))
    guess = replace(sure, bars=(replace(bar, estimate=True),))
    assert "[E]" not in words(draw_plot(sure))
    assert "USD 3 [E]" in words(draw_plot(guess))
    assert "value, $5 and $6" in words(draw_plot(sure))
    line = LinePlot("l", "t", "d", "day", ("1", "2"), "MW", "y", (Layer("guess", Role.AI, (1.0, 2.0), estimate=True),))
    assert "stroke-dasharray" in draw_plot(line)
    assert "guess [E]" in words(draw_plot(line))


def test_a_thin_layer_is_named_in_a_legend() -> None:
    """Thick layers carry their name; a thin one and one over few bars are named above the plot."""
    labels = tuple("abcdef")
    thick, thin = Layer("thick", Role.AI, (9.0,) * 6), Layer("thin", Role.MINING, (0.1,) * 6)
    spec = StackPlot("s", "t", "d", "x", labels, "MW", "y", (thick, thin))
    assert {"thick", "thin"} <= set(words(draw_plot(spec)).split("\n"))
    few = replace(spec, x_labels=("a", "b"), layers=(Layer("thick", Role.AI, (9.0, 9.0)),))
    assert "thick" in words(draw_plot(few))


@pytest.mark.parametrize(
    "spec",
    [
        StackPlot("e1", "t", "d", "x", (), "MW", "y", ()),
        StackPlot("e2", "t", "d", "x", ("a",), "MW", "y", (Layer("l", Role.AI, (0.0,)),)),
        LinePlot("e3", "t", "d", "x", ("a",), "MW", "y", (Layer("l", Role.AI, (0.0,)),)),
        LinePlot("e4", "t", "d", "x", ("a",), "MW", "y", ()),
        BarPlot("e5", "t", "d", "MW", "x", (Bar("none", 0.0, "0", Role.AI),)),
        BarPlot("e6", "t", "d", "MW", "x", (Bar("below", -3.0, "-3", Role.AI),)),
        MapPlot("e7", "t", "d", (), ()),
        MapPlot("e8", "t", "d", (Disc("A", 0.0, 0.0, 0.0, 0.0, 0.0),), ()),
        GridPlot("e9", "t", "d", "r", ("a",), "c", ("b",), "MW", ((0.0,),)),
        PairPlot("e10", "t", "d", "one", "two", (("same", 100.0),)),
    ],
    ids=lambda spec: spec.id,
)
def test_nothing_to_show_is_drawn_as_nothing(spec: PlotSpec) -> None:
    """Empty and zero data draw without a fault."""
    assert draw_plot(spec).startswith("<svg")


def test_discs_do_not_cover_one_another() -> None:
    """Zones at one place are moved apart, with their names; the same every time."""
    discs = tuple(Disc(f"Zone {i}", 67.0 + 0.01 * (i % 3), 24.8, 100.0 * (i + 1), 10.0, 250.0) for i in range(9))
    items = _items(MapPlot("m", "t", "d", discs, ()))
    _move_apart(items)
    for i, one in enumerate(items):
        for other in items[i + 1 :]:
            apart = ((one.x - other.x) ** 2 + (one.y - other.y) ** 2) ** 0.5
            assert apart >= one.radius + other.radius


def test_a_link_carries_its_limit_where_there_is_room() -> None:
    """Far zones have the limit on the line between them, near ones leave it to the table; provinces are left out."""
    near, far = (Disc(f"{name}, Province", at, 30.0, 100.0, 0.0, 50.0) for name, at in (("Near", 60.1), ("Far", 70.0)))
    here = Disc("Here, Province", 60.0, 30.0, 100.0, 0.0, 50.0)
    links = (MapLink(here.label, near.label, 41.0), MapLink(here.label, far.label, 52.0))
    shown = plain(words(draw_plot(MapPlot("m", "t", "d", (here, near, far), links))))
    assert "52 MW" in shown
    assert "41 MW" not in shown
    assert "Here\n100 MW" in shown
    assert "Province" not in shown


def test_areas_are_in_proportion() -> None:
    """Twice the MW has twice the area."""
    small, large = _items(MapPlot("m", "t", "d", (Disc("a", 60, 30, 100, 0, 0), Disc("b", 70, 35, 150, 50, 0)), ()))
    assert (large.radius / small.radius) ** 2 == pytest.approx(2)

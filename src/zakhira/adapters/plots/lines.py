"""Lines over time, pairs of figures to compare, and a grid of values."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.ticker import FuncFormatter, MaxNLocator

from zakhira.adapters.plots.axes import category_axis, value_axis
from zakhira.adapters.plots.look import GRID, INK, MUTED, PAPER, SMALL_PT, STYLES
from zakhira.programme.series import Floats
from zakhira.reports.numbers import prose
from zakhira.reports.plot_spec import GridPlot, LinePlot, PairPlot, Role, TradePlot

LABEL_GAP_SHARE = 0.06
MARKERS = ("o", "s", "^", "D")
SHADES = ("#f4f8fb", "#56B4E9", "#00456b")
"""From none to most, in one hue whose lightness falls all the way: the order is seen without colour."""
SHADE_STEPS = 24
NEAR_SHARE = 0.5
"""Figures of which the least is this share of the most are told apart on a scale that does not begin at zero."""
TRADE_LABEL = (0.2, 0.07)
"""What a label of a trade takes of the plot's width and height: a nearer one is left to the table."""


def draw_lines(axes: Axes, spec: LinePlot) -> None:
    """Lines from zero with a name at their end; an estimate is dashed and marked."""
    x = np.arange(len(spec.x_labels))
    highest = max((max(line.values, default=0.0) for line in spec.lines), default=0.0)
    top = max(highest, *(value for _, value, _ in spec.points), 1e-9) * 1.12
    for marker, line in zip(MARKERS, spec.lines, strict=False):
        style = STYLES[line.role]
        axes.plot(
            x,
            line.values,
            color=style.fill,
            linewidth=2.0,
            linestyle=(0, (4, 2)) if line.estimate else "solid",
            marker=marker,
            markersize=3.5,
            drawstyle="steps-mid" if spec.stepped else "default",
        )
    for place, value, label in spec.points:
        axes.plot([place], [value], marker="D", markersize=7, color=PAPER, markeredgecolor=INK, markeredgewidth=1.4)
        under = value < highest / 2 or value < max(other for _, other, _ in spec.points)
        axes.annotate(
            label,
            (place, value),
            (0, -9 if under else 9),
            textcoords="offset points",
            ha="center",
            va="top" if under else "bottom",
            fontsize=SMALL_PT,
        )
    _name_lines(axes, spec, top)
    axes.set_ylim(0, top)
    category_axis(axes, spec.x_name, spec.x_labels)
    value_axis(axes, spec.y_name, spec.unit)


def _name_lines(axes: Axes, spec: LinePlot, top: float) -> None:
    """Names at the right end, moved apart where two lines end close together."""
    ends = sorted(((line.values[-1], line) for line in spec.lines if line.values), key=lambda pair: pair[0])
    at = -np.inf
    for value, line in ends:
        at = max(value, at + LABEL_GAP_SHARE * top)
        words = f"{line.label} [E]" if line.estimate else line.label
        axes.annotate(
            words,
            (len(line.values) - 1, value),
            (len(line.values) - 0.2, at),
            annotation_clip=False,
            va="center",
            fontsize=SMALL_PT,
            color=INK,
            arrowprops={"arrowstyle": "-", "color": STYLES[line.role].fill, "linewidth": 1.2},
        )


def draw_pairs(axes: Axes, spec: PairPlot) -> None:
    """A mark for each pair on a scale where 100 is equal."""
    y = np.arange(len(spec.pairs))[::-1]
    style = STYLES[Role.SURPLUS]
    shares = [share for _, share in spec.pairs]
    reach = max(2.0, *(abs(share - 100) for share in shares)) * 1.35
    axes.axvline(100, color=INK, linewidth=1.0)
    for place, share in zip(y, shares, strict=True):
        axes.plot([100, share], [place, place], color=style.pattern_colour, linewidth=1.6)
        axes.plot([share], [place], marker="o", markersize=6, color=style.fill, markeredgecolor=INK)
        right = share >= 100  # noqa: PLR2004  # 100 is equal
        axes.annotate(
            f"{prose(share, 4)}%",
            (share, place),
            (7 if right else -7, 0),
            textcoords="offset points",
            ha="left" if right else "right",
            va="center",
            fontsize=SMALL_PT,
        )
    axes.set_yticks(list(map(float, y)), [label for label, _ in spec.pairs], color=INK)
    axes.set_ylim(-0.7, len(spec.pairs) - 0.3)
    axes.set_xlim(100 - reach, 100 + reach)
    value_axis(axes, f"{spec.second_name} as a share of {spec.first_name}", "% (100 is equal)", horizontal=True)
    axes.spines["left"].set_visible(False)


def shade_floor(values: Floats) -> float:
    """Where the shades begin: at 0, or just below the least where all cells are so near one another that none differs.

    Shades are read by their order and by the bar beside them, so that they need no zero as areas do.
    """
    least, most = float(values.min(initial=0.0)), float(values.max(initial=0.0))
    if values.size == 0 or values.min() < NEAR_SHARE * most or values.min() == values.max():
        return min(0.0, least)
    span = most - float(values.min())
    step = 10.0 ** math.floor(math.log10(span))
    return float(math.floor(float(values.min()) / step) * step)


def draw_grid(axes: Axes, spec: GridPlot) -> None:
    """Cells shaded by value, the largest named."""
    values = np.array(spec.values)
    shades = LinearSegmentedColormap.from_list("zakhira", list(SHADES), N=SHADE_STEPS)
    top = max(float(values.max(initial=0.0)), 1e-9)
    mesh = axes.pcolormesh(values, cmap=shades, vmin=shade_floor(values), vmax=top, edgecolors=PAPER, linewidth=0.6)
    axes.set_yticks([i + 0.5 for i in range(len(spec.row_labels))], list(spec.row_labels))
    places = range(0, len(spec.column_labels), 2)
    axes.set_xticks([i + 0.5 for i in places], [spec.column_labels[i] for i in places])
    axes.invert_yaxis()
    axes.tick_params(length=0)
    axes.set_xlabel(spec.column_name)
    axes.set_title(f"{spec.row_name}; shade: {spec.unit}")
    row, column = np.unravel_index(int(np.argmax(values)), values.shape)
    late = column > values.shape[1] // 2
    axes.annotate(
        f"{prose(float(values[row, column]), 4)} {spec.unit}",
        (column if late else column + 1, row + 0.5),
        (-12 if late else 12, 0),
        textcoords="offset points",
        ha="right" if late else "left",
        va="center",
        fontsize=SMALL_PT,
        color=INK,
        bbox={"facecolor": PAPER, "edgecolor": MUTED, "linewidth": 0.5, "pad": 2},
        arrowprops={"arrowstyle": "-", "color": INK, "linewidth": 0.8},
    )
    for spine in axes.spines.values():
        spine.set_color(GRID)
    figure = axes.get_figure()
    assert figure is not None, "axes stand in a figure"
    bar = figure.colorbar(mesh, ax=axes, pad=0.01, fraction=0.03)
    assert bar.solids is not None, "a colour bar of cells has its cells"
    bar.solids.set_rasterized(False)  # a picture inside the picture would not be SVG
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0)
    bar.ax.yaxis.set_major_formatter(lambda value, _: prose(value, 6))


def draw_trade(axes: Axes, spec: TradePlot) -> None:
    """Points where both figures place them; the ends are always named, and those between where there is room."""
    style = STYLES[spec.role]
    xs, ys = (np.array([point[i] for point in spec.points], dtype=float) for i in (0, 1))
    (left, right), (low, high) = _trade_limits(xs), _trade_limits(ys)
    axes.plot(
        xs,
        ys,
        color=style.fill,
        linewidth=2.0,
        linestyle=(0, (4, 2)) if spec.estimate else "solid",
        marker="o",
        markersize=5,
    )
    places = np.column_stack([(xs - left) / (right - left), (ys - low) / (high - low)])
    for i in _named(places):
        words = f"{spec.points[i][2]} [E]" if spec.estimate else spec.points[i][2]
        axes.annotate(
            words, (xs[i], ys[i]), (6, 5), textcoords="offset points", va="bottom", fontsize=SMALL_PT, color=INK
        )
    axes.set_xlim(left, right + 0.25 * (right - left))
    axes.set_ylim(low, high + 0.12 * (high - low))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]))
        axis.set_major_formatter(FuncFormatter(lambda value, _: prose(value, 6)))
    axes.grid(visible=True)
    axes.tick_params(length=0)
    axes.set_xlabel(spec.x_words)
    axes.set_title(spec.y_words)


def _trade_limits(values: Floats) -> tuple[float, float]:
    """From zero, or from a little below the least where that lies far from zero."""
    least, most = float(values.min(initial=np.inf)), float(values.max(initial=-np.inf))
    if not values.size:
        return 0.0, 1.0
    if least < NEAR_SHARE * most:
        return min(0.0, least), max(most, least + 1e-9)
    margin = 0.08 * (most - least) or 0.1 * abs(most) or 1.0
    return least - margin, most + margin


def _named(places: Floats) -> list[int]:
    """The ends, and of the points between those that stand clear of all named before [point, (x, y)]."""
    named: list[int] = []
    for i in dict.fromkeys((0, len(places) - 1, *range(1, len(places) - 1))):
        apart = [np.abs(places[i] - places[other]) for other in named]
        if 0 <= i < len(places) and all(dx >= TRADE_LABEL[0] or dy >= TRADE_LABEL[1] for dx, dy in apart):
            named.append(i)
    return named

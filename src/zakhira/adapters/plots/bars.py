"""Bars: stacked over categories, and horizontal ones with their value in words."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from zakhira.adapters.plots.axes import category_axis, value_axis
from zakhira.adapters.plots.look import ESTIMATE_PATTERN, INK, PAPER, SMALL_PT, STYLES, TEXT_PT, Style
from zakhira.programme.series import Floats
from zakhira.reports.plot_spec import BarPlot, Layer, StackPlot

LABEL_SHARE = 0.09
"""A layer must be this share of the plot's height to carry its label inside."""
LABEL_BARS = 3
"""... over so many neighbouring bars."""
LETTERS_ACROSS = 115
"""So many letters of a label fill the width of a plot."""
WRAP_LETTERS = 44


def _pattern(layer_pattern: str, *, estimate: bool) -> str:
    return ESTIMATE_PATTERN if estimate else layer_pattern


def _name(layer: Layer) -> str:
    return f"{layer.label} [E]" if layer.estimate else layer.label


def draw_stack(axes: Axes, spec: StackPlot) -> None:
    """Layers from zero upwards; a layer is named inside where it is thick enough, else in a legend."""
    count = len(spec.x_labels)
    x = np.arange(count)
    below = np.zeros(count)
    stack = np.sum([layer.values for layer in spec.layers], axis=0) if spec.layers else np.zeros(count)
    line_top = max(spec.line.values, default=0.0) if spec.line else 0.0
    top = max(float(stack.max(initial=0.0)), line_top, 1e-9) * 1.1
    unnamed = []
    for layer in spec.layers:
        style = STYLES[layer.role]
        values = np.array(layer.values)
        pattern = _pattern(style.pattern, estimate=layer.estimate)
        axes.bar(
            x,
            values,
            width=0.94,
            bottom=below,
            facecolor=style.fill,
            edgecolor=PAPER,
            linewidth=0.7,
            hatch=pattern,
            hatchcolor=style.pattern_colour,
        )
        if not _label_inside(axes, layer, below, values, top):
            unnamed.append(_key(layer, style, pattern))
        below = below + values
    if spec.line is not None:
        _draw_level(axes, spec.line, stack, top)
    axes.set_ylim(0, top)
    category_axis(axes, spec.x_name, spec.x_labels)
    value_axis(axes, spec.y_name, spec.unit)
    if unnamed:
        axes.legend(
            handles=unnamed,
            frameon=False,
            loc="lower right",
            bbox_to_anchor=(1.0, 1.0),
            borderaxespad=0.1,
            ncols=len(unnamed),
            fontsize=SMALL_PT,
            labelcolor=INK,
        )


def _key(layer: Layer, style: Style, pattern: str) -> Patch:
    return Patch(
        label=_name(layer),
        facecolor=style.fill,
        edgecolor=PAPER,
        linewidth=0.5,
        hatch=pattern,
        hatchcolor=style.pattern_colour,
    )


def _label_inside(axes: Axes, layer: Layer, below: Floats, values: Floats, top: float) -> bool:
    """Write the name where the layer is thickest over a few neighbouring bars; whether there was room."""
    if len(values) < LABEL_BARS:
        return False
    span = max(LABEL_BARS, round(len(values) * len(layer.label) / LETTERS_ACROSS))
    if span > len(values):
        return False
    low = np.array([below[i : i + span].max() for i in range(len(values) - span + 1)])
    high = np.array([(below + values)[i : i + span].min() for i in range(len(values) - span + 1)])
    room = high - low
    best = int(np.argmax(room))
    if room[best] < LABEL_SHARE * top:
        return False
    style = STYLES[layer.role]
    box = {"facecolor": style.fill, "edgecolor": "none", "pad": 1.5}
    axes.text(
        best + (span - 1) / 2,
        (low[best] + high[best]) / 2,
        _name(layer),
        color=style.text,
        ha="center",
        va="center",
        fontsize=TEXT_PT,
        bbox=box,
    )
    return True


def _draw_level(axes: Axes, line: Layer, stack: Floats, top: float) -> None:
    x = np.arange(len(line.values))
    axes.plot(x, line.values, color=INK, linewidth=1.2, dashes=(5, 3))
    gap = np.array(line.values) - stack
    left = gap[: len(gap) // 3 or 1].min() >= gap[-(len(gap) // 3 or 1) :].min()
    place, side = (-0.4, "left") if left else (len(line.values) - 0.6, "right")
    value = line.values[0] if left else line.values[-1]
    box = {"facecolor": PAPER, "edgecolor": "none", "pad": 1.0, "alpha": 0.85}
    axes.text(place, value + 0.02 * top, _name(line), color=INK, ha=side, va="bottom", fontsize=SMALL_PT, bbox=box)


def draw_bars(axes: Axes, spec: BarPlot) -> None:
    """Horizontal bars from zero; the value in words stands at the end of each."""
    y = np.arange(len(spec.bars))[::-1]
    values = [bar.value for bar in spec.bars]
    for place, bar in zip(y, spec.bars, strict=True):
        style = STYLES[bar.role]
        axes.barh(
            place,
            bar.value,
            height=0.7,
            facecolor=style.fill,
            edgecolor=PAPER,
            linewidth=0.7,
            hatch=_pattern(style.pattern, estimate=bar.estimate),
            hatchcolor=style.pattern_colour,
        )
        axes.annotate(
            bar.text + (" [E]" if bar.estimate else ""),
            (max(bar.value, 0.0), place),
            (5, 0),
            textcoords="offset points",
            va="center",
            fontsize=SMALL_PT,
        )
    names = ["\n".join(textwrap.wrap(bar.label, WRAP_LETTERS)) for bar in spec.bars]
    axes.set_yticks(list(map(float, y)), names, fontsize=SMALL_PT, color=INK)
    _value_limits(axes, values, [len(bar.text) + 4 * bar.estimate for bar in spec.bars])
    axes.axvline(0, color=INK, linewidth=0.8)
    value_axis(axes, spec.x_name, spec.unit, horizontal=True)
    axes.spines["left"].set_visible(False)


def _value_limits(axes: Axes, values: Sequence[float], letters: Sequence[int]) -> None:
    """Leave room to the right for the words at the end of the longest bars (about 110 letters fill the plot)."""
    low, high = min(0.0, *values), max(0.0, *values)
    span = max(high - low, 1e-9)
    need = max((max(value, 0.0) - low) / span + n / 75 for value, n in zip(values, letters, strict=True))
    axes.set_xlim(low - 0.02 * span * (low < 0), low + span * max(need, 1.02))

"""What the axes of all plots share: units in words, grouped digits, ticks that do not crowd."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from zakhira.reports.numbers import prose

MOST_LABELS = 16


def value_axis(axes: Axes, name: str, unit: str, *, horizontal: bool = False) -> None:
    """An axis of values in ``unit``, its name above the plot (or below it), with light lines across."""
    axis = axes.xaxis if horizontal else axes.yaxis
    axis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: prose(value, 6)))
    axes.grid(visible=True, axis="x" if horizontal else "y")
    if horizontal:
        axes.set_xlabel(f"{name}, {unit}")
    else:
        axes.set_title(f"{name}, {unit}")
    axes.tick_params(length=0)


def category_axis(axes: Axes, name: str, labels: Sequence[str]) -> None:
    """An axis of categories at 0, 1, 2 ..., of which as many are named as fit."""
    step = max(1, -(-len(labels) // MOST_LABELS))
    places = range(0, len(labels), step)
    axes.set_xticks(list(places), [labels[i] for i in places])
    axes.set_xlim(-0.6, max(len(labels), 1) - 0.4)
    axes.set_xlabel(name)

"""Draw a plot: the same data gives the same bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zakhira.adapters.plots.look import SETTINGS, WIDTH_IN
from zakhira.reports.plot_spec import BarPlot, GridPlot, LinePlot, MapPlot, PairPlot, PlotSpec, StackPlot, TradePlot

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_HEIGHTS_IN = {StackPlot: 3.9, LinePlot: 3.6, GridPlot: 3.8, MapPlot: 7.4, TradePlot: 4.2}
_ROW_IN = 0.42
_MARGIN_IN = 0.8


def draw_plot(spec: PlotSpec) -> str:
    """The plot as SVG text with ``<title>`` and ``<desc>``; text stays text, and nothing depends on the day."""
    import matplotlib as mpl  # loading it takes half a second that only a drawing is worth
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    from zakhira.adapters.plots.svg import svg_text

    settings = {**SETTINGS, "svg.hashsalt": f"zakhira {spec.id}"}
    with mpl.rc_context(settings):  # type: ignore[arg-type]  # its stub lists every key as a literal
        figure = Figure(figsize=(WIDTH_IN, height_in(spec)), layout="constrained")
        FigureCanvasSVG(figure)
        draw_on(figure.add_subplot(), spec)
        return svg_text(figure, spec)


def height_in(spec: PlotSpec) -> float:
    """How high a plot is drawn."""
    if isinstance(spec, BarPlot):
        return _MARGIN_IN + _ROW_IN * len(spec.bars)
    if isinstance(spec, PairPlot):
        return _MARGIN_IN + 0.75 * _ROW_IN * len(spec.pairs)
    return _HEIGHTS_IN[type(spec)]


def draw_on(axes: Axes, spec: PlotSpec) -> None:
    """Draw a plot on axes."""
    from zakhira.adapters.plots import bars, lines, schematic

    match spec:
        case StackPlot():
            bars.draw_stack(axes, spec)
        case BarPlot():
            bars.draw_bars(axes, spec)
        case LinePlot():
            lines.draw_lines(axes, spec)
        case PairPlot():
            lines.draw_pairs(axes, spec)
        case GridPlot():
            lines.draw_grid(axes, spec)
        case TradePlot():
            lines.draw_trade(axes, spec)
        case MapPlot():
            schematic.draw_map(axes, spec)

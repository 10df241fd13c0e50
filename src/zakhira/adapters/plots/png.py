"""A plot as PNG on white paper: the same drawing as the SVG, with the page's light colours in place."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

from zakhira.adapters.plots.frame import POINTS_PER_INCH, TITLE_PT, framing
from zakhira.adapters.plots.look import GRID, INK, MUTED, PAPER, SETTINGS, SMALL_PT, WIDTH_IN
from zakhira.reports.plot_spec import PlotSpec

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LIGHT = {INK: "#1a1a1a", MUTED: "#595959", GRID: "#d9d9d9", PAPER: "#ffffff"}
DOTS_PER_INCH = 150
_PARTS = ("color", "facecolor", "edgecolor", "markeredgecolor", "markerfacecolor", "hatchcolor")


def draw_png(spec: PlotSpec, source: str = "") -> bytes:
    """The plot as the bytes of a PNG file, which stands alone: its message above it, its source below."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from zakhira.adapters.plots.draw import draw_on, height_in

    with mpl.rc_context(SETTINGS):  # type: ignore[arg-type]  # its stub lists every key as a literal
        title, height = framing(spec.title, source)
        figure = Figure(figsize=(WIDTH_IN, height_in(spec) + height / POINTS_PER_INCH), layout="constrained")
        FigureCanvasAgg(figure)
        draw_on(figure.add_subplot(), spec)
        figure.suptitle("\n".join(title), x=0.01, ha="left", fontsize=TITLE_PT, fontweight="bold", color=INK)
        if source:
            figure.supxlabel(source, x=0.01, ha="left", fontsize=SMALL_PT, color=MUTED)
        figure.draw_without_rendering()
        _lighten(figure)
        out = BytesIO()
        figure.savefig(out, format="png", dpi=DOTS_PER_INCH, facecolor=LIGHT[PAPER], metadata={"Software": None})
        return out.getvalue()


def _lighten(figure: Figure) -> None:
    """Put the light page's colours where stand-ins are."""
    from matplotlib.colors import to_rgba
    from matplotlib.text import Annotation, Text

    swap = {to_rgba(stand_in)[:3]: to_rgba(light)[:3] for stand_in, light in LIGHT.items()}
    artists = figure.findobj()
    for text in (artist for artist in artists if isinstance(artist, Text)):
        beside = (text.get_bbox_patch(), text.arrow_patch if isinstance(text, Annotation) else None)
        artists += [patch for patch in beside if patch is not None]
    for artist in artists:
        for part in _PARTS:
            getter, setter = getattr(artist, f"get_{part}", None), getattr(artist, f"set_{part}", None)
            if getter is None or setter is None:
                continue
            now = getter()
            if isinstance(now, np.ndarray) and now.ndim == 2:  # noqa: PLR2004  # a row of colour for each element
                setter([(*swap.get(tuple(row[:3]), tuple(row[:3])), row[3]) for row in now])
            elif isinstance(now, str | tuple | np.ndarray) and len(now) and str(now) not in {"none", "auto"}:
                red, green, blue, alpha = to_rgba(now if isinstance(now, str) else tuple(now))
                if (red, green, blue) in swap:
                    setter((*swap[red, green, blue], alpha))

"""A schematic map: discs at their coordinates, moved apart where they would cover one another."""

from __future__ import annotations

import math
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.patches import Circle, Wedge

from zakhira.adapters.plots.look import GRID, INK, MUTED, PAPER, SMALL_PT, STYLES
from zakhira.reports.numbers import power
from zakhira.reports.plot_spec import Disc, MapPlot, Role

CANVAS_PT = (640.0, 500.0)
MARGIN_PT = 70.0
LARGEST_RADIUS_PT = 40.0
WIDEST_LINK_PT = 9.0
LABEL_HEIGHT_PT = 24.0
LETTER_PT = 5.2
GAP_PT = 5.0
MOVED_PT = 8.0
"""From here on a disc is said to have been moved, and a thread leads to its place."""
LINK_LABEL_PT = 80.0
"""A shorter stretch of a link between two discs has no room for its limit, which stands in the table."""
MOST_STRETCH = 1.7
"""A scheme may be so much wider than a map: zones along a north-south line would leave no room for names."""
MOST_ROUNDS = 400


@dataclass
class _Item:
    """A disc on the canvas, in points; ``home`` is its true place."""

    disc: Disc
    home: tuple[float, float]
    x: float
    y: float
    radius: float
    ring: float

    @property
    def reach(self) -> float:
        return max(self.radius, self.ring, 3.0)

    @property
    def half_width(self) -> float:
        letters = max(len(_short(self.disc)), len(_words(self.disc)))
        return max(self.reach, letters * LETTER_PT / 2) + GAP_PT

    @property
    def half_height(self) -> float:
        return self.reach + LABEL_HEIGHT_PT / 2 + GAP_PT

    @property
    def middle(self) -> float:
        """The middle of disc and label together."""
        return self.y - LABEL_HEIGHT_PT / 2


def _short(disc: Disc) -> str:
    """The name of the place without the province behind it."""
    return disc.label.split(",", 1)[0]


def _words(disc: Disc) -> str:
    return power(disc.total_mw) if disc.total_mw > 0 else "nothing allocated"


def _items(spec: MapPlot) -> list[_Item]:
    """Project degrees to points (equirectangular, widened by up to MOST_STRETCH) and give each disc its size."""
    latitudes = [disc.latitude_deg for disc in spec.discs]
    shrink = math.cos(math.radians(sum(latitudes) / len(latitudes)))
    xs = [disc.longitude_deg * shrink for disc in spec.discs]
    width, height = CANVAS_PT[0] - 2 * MARGIN_PT, CANVAS_PT[1] - 2 * MARGIN_PT
    span_x, span_y = max(xs) - min(xs), max(latitudes) - min(latitudes)
    scale = min(width / max(span_x, 1e-6), height / max(span_y, 1e-6), 400.0)
    across = min(width / max(span_x, 1e-6), MOST_STRETCH * scale)
    left, low = (CANVAS_PT[0] - span_x * across) / 2, (CANVAS_PT[1] - span_y * scale) / 2
    largest = max(max(disc.total_mw, disc.mean_surplus_mw) for disc in spec.discs) or 1.0
    items = []
    for disc, x in zip(spec.discs, xs, strict=True):
        home = (left + (x - min(xs)) * across, low + (disc.latitude_deg - min(latitudes)) * scale)
        radius = LARGEST_RADIUS_PT * math.sqrt(disc.total_mw / largest)
        ring = LARGEST_RADIUS_PT * math.sqrt(disc.mean_surplus_mw / largest)
        items.append(_Item(disc, home, *home, radius, ring))
    return items


def _move_apart(items: list[_Item]) -> None:
    """Push overlapping pairs apart along the axis on which they overlap less, until none does."""
    for _ in range(MOST_ROUNDS):
        moved = False
        for i, one in enumerate(items):
            for other in items[i + 1 :]:
                over_x = one.half_width + other.half_width - abs(one.x - other.x)
                over_y = one.half_height + other.half_height - abs(one.middle - other.middle)
                if over_x <= 0 or over_y <= 0:
                    continue
                moved = True
                if over_x < over_y:
                    step = math.copysign(over_x / 2 + 0.1, one.x - other.x or 1.0)
                    one.x, other.x = one.x + step, other.x - step
                else:
                    step = math.copysign(over_y / 2 + 0.1, one.middle - other.middle or 1.0)
                    one.y, other.y = one.y + step, other.y - step
        if not moved:
            return


def draw_map(axes: Axes, spec: MapPlot) -> None:
    """Links below, threads to true places, then discs with their names."""
    axes.set_axis_off()
    axes.set_aspect("equal")
    if not spec.discs:
        return
    items = _items(spec)
    _move_apart(items)
    _draw_links(axes, spec, {item.disc.label: item for item in items})
    for item in items:
        if math.dist((item.x, item.y), item.home) > MOVED_PT:
            axes.plot(*zip((item.x, item.y), item.home, strict=True), color=MUTED, linewidth=0.7, zorder=1)
            axes.plot(*item.home, marker="x", markersize=4, color=MUTED, zorder=1)
        _draw_disc(axes, item)
    left = min(min(item.x - item.half_width, item.home[0]) for item in items)
    right = max(max(item.x + item.half_width, item.home[0]) for item in items)
    low = min(min(item.middle - item.half_height, item.home[1]) for item in items)
    high = max(max(item.middle + item.half_height, item.home[1]) for item in items)
    axes.set_xlim(left, right)
    axes.set_ylim(low - 30, high)
    _draw_key(axes, left, low - 16, halls=any(disc.ai_mw > 0 for disc in spec.discs))


def _draw_links(axes: Axes, spec: MapPlot, items: dict[str, _Item]) -> None:
    widest = max((link.limit_mw for link in spec.links), default=1.0)
    for link in spec.links:
        a, b = items[link.from_label], items[link.to_label]
        axes.plot(
            [a.x, b.x],
            [a.y, b.y],
            color=GRID,
            linewidth=max(1.0, WIDEST_LINK_PT * link.limit_mw / widest),
            solid_capstyle="round",
            zorder=0,
        )
        apart = math.dist((a.x, a.y), (b.x, b.y))
        if apart - a.reach - b.reach < LINK_LABEL_PT:
            continue
        share = (a.reach + apart - b.reach) / 2 / apart
        axes.text(
            a.x + share * (b.x - a.x),
            a.y + share * (b.y - a.y),
            power(link.limit_mw),
            fontsize=SMALL_PT - 1,
            color=MUTED,
            ha="center",
            va="center",
            bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 0.8},
            zorder=1.5,
        )


def _draw_disc(axes: Axes, item: _Item) -> None:
    mining, ai, surplus = STYLES[Role.MINING], STYLES[Role.AI], STYLES[Role.SURPLUS]
    disc = item.disc
    centre = (item.x, item.y)
    axes.add_patch(
        Circle(
            centre,
            max(item.ring, 1.0),
            fill=False,
            edgecolor=surplus.fill,
            linewidth=1.6,
            linestyle=(0, (3, 2)),
            zorder=3,
        )
    )
    if disc.total_mw > 0:
        turn = 360 * disc.ai_mw / disc.total_mw
        if disc.mining_mw > 0:
            axes.add_patch(
                Wedge(
                    centre,
                    item.radius,
                    90,
                    90 + 360 - turn,
                    facecolor=mining.fill,
                    edgecolor=PAPER,
                    hatch=mining.pattern,
                    hatchcolor=mining.pattern_colour,
                    linewidth=0.8,
                    zorder=2,
                )
            )
        if disc.ai_mw > 0:
            axes.add_patch(
                Wedge(
                    centre,
                    item.radius,
                    90 - turn,
                    90,
                    facecolor=ai.fill,
                    edgecolor=PAPER,
                    hatch=ai.pattern,
                    hatchcolor=ai.pattern_colour,
                    linewidth=0.8,
                    zorder=2,
                )
            )
    else:
        axes.plot(*centre, marker="o", markersize=4, color=PAPER, markeredgecolor=MUTED, zorder=2)
    below = item.y - item.reach - 2
    axes.text(
        item.x,
        below,
        f"{_short(disc)}\n{_words(disc)}",
        ha="center",
        va="top",
        fontsize=SMALL_PT,
        color=INK,
        linespacing=1.15,
        zorder=4,
        bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 0.6, "alpha": 0.85},
    )


def _draw_key(axes: Axes, left: float, y: float, *, halls: bool) -> None:
    mining, ai, surplus = STYLES[Role.MINING], STYLES[Role.AI], STYLES[Role.SURPLUS]
    x = left + 10
    parts = [("mining", mining), ("AI halls", ai)] if halls else [("mining", mining)]
    for words, style in parts:
        axes.add_patch(
            Circle(
                (x, y),
                6,
                facecolor=style.fill,
                edgecolor=PAPER,
                hatch=style.pattern,
                hatchcolor=style.pattern_colour,
                linewidth=0.5,
            )
        )
        axes.text(x + 10, y, words, va="center", fontsize=SMALL_PT, color=INK)
        x += 26 + LETTER_PT * len(words)
    axes.add_patch(Circle((x, y), 6, fill=False, edgecolor=surplus.fill, linewidth=1.6, linestyle=(0, (3, 2))))
    axes.text(
        x + 10, y, "mean surplus; x: true place of a disc that was moved", va="center", fontsize=SMALL_PT, color=INK
    )

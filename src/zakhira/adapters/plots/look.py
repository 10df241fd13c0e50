"""The look of plots: colours of the Okabe-Ito set, patterns that carry the same meaning without colour, and sizes."""

from __future__ import annotations

from dataclasses import dataclass

from zakhira.reports.plot_spec import Role


@dataclass(frozen=True)
class Style:
    """How a role is filled: ``text`` is readable on ``fill`` (4.5:1 or better), ``pattern`` is matplotlib's hatch."""

    fill: str
    text: str
    pattern: str
    pattern_colour: str
    dash: tuple[float, ...] = ()


DARK, LIGHT = "#1a1a1a", "#ffffff"

STYLES = {
    Role.SURPLUS: Style("#56B4E9", DARK, "", "#2b7aa8"),
    Role.MINING: Style("#E69F00", DARK, "..", "#8a5f00", (5, 2)),
    Role.AI: Style("#0072B2", LIGHT, "xx", "#7fc3ea"),
    Role.SHED: Style("#999999", DARK, "\\\\", "#666666", (5, 2)),
    Role.COINS: Style("#D55E00", DARK, "", "#8a3d00"),
    Role.INTAKE: Style("#F2B58A", DARK, "..", "#a35413", (2, 2)),
    Role.MONEY: Style("#009E73", DARK, "oo", "#00593f", (1, 2)),
    Role.CLAIMS: Style("#CC79A7", DARK, "||", "#8a4a6c", (3, 1, 1, 1)),
}
"""Okabe and Ito, Color Universal Design (2008); intake is a tint of the colour of coins."""

ESTIMATE_PATTERN = "////"
"""An estimate is hatched, whatever its role."""

INK, MUTED, GRID, PAPER = "#010101", "#020202", "#030303", "#040404"
"""Stand-ins that become the page's own colours, so that one picture serves light, dark and print."""

PAGE_COLOURS = {
    INK: "var(--ink, #1a1a1a)",
    MUTED: "var(--muted, #595959)",
    GRID: "var(--grid, #d9d9d9)",
    PAPER: "var(--paper, #ffffff)",
}

WIDTH_IN = 9.2
TEXT_PT = 9.0
SMALL_PT = 8.0

SETTINGS: dict[str, object] = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": TEXT_PT,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": MUTED,
    "axes.titlecolor": MUTED,
    "axes.titlesize": SMALL_PT,
    "axes.labelsize": SMALL_PT,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": SMALL_PT,
    "ytick.labelsize": SMALL_PT,
    "text.parse_math": False,
    "hatch.linewidth": 0.5,
    "axes.unicode_minus": True,
}
"""matplotlib's settings while a plot is drawn; they are put back afterwards."""

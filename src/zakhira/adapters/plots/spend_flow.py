"""The picture of a transaction as SVG: strands as wide as their amounts, with words on both sides."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from zakhira.adapters.plots.frame import framed_svg
from zakhira.adapters.plots.look import INK, MUTED, PAGE_COLOURS, PAPER, STYLES
from zakhira.reports.numbers import btc, percent, with_unit
from zakhira.reports.plot_spec import Role
from zakhira.reports.spend_picture import Kind, SpendPicture, Strand

WIDTH = 900.0
FLOW_HEIGHT = 240.0
"""Height of all that moves, in the units of the drawing."""
LEAST_HEIGHT = 2.0
"""A strand is never thinner, so that a small fee is seen."""
PITCH = 54.0
"""Room for the three lines of words beside a strand."""
GAP = 10.0
LEFT_WORDS, LEFT_BAR, TRUNK, RIGHT_BAR, RIGHT_WORDS = 212.0, 222.0, 412.0, 602.0, 626.0
BAR_WIDTH, TRUNK_WIDTH = 14.0, 14.0
LINE_PT, SMALL_PT = 12.0, 11.0
DATA_LINE, DATA_LETTERS = 14.0, 40
"""Words of data stand below what flows, in lines of so many letters: a hash of 64 takes two."""
ADDRESS_LETTERS = 31
"""Half of the longest address: it stands in whole, in two lines, since a shortened one can be imitated."""
_FONT = "var(--plot-font, sans-serif)"
_MONO = "var(--mono, ui-monospace, monospace)"
_STYLES = {
    Kind.COIN: STYLES[Role.COINS],
    Kind.CHANGE: STYLES[Role.INTAKE],
    Kind.PAID: STYLES[Role.CLAIMS],
    Kind.FEE: STYLES[Role.SHED],
    Kind.STRANGE: STYLES[Role.MINING],
}
"""Ours has the colours of coins, what leaves has that of claims; patterns and words say the same without colour."""
_STROKES = {
    Kind.CHANGE: '<circle cx="3" cy="3" r="1.2" fill="{ink}"/>',
    Kind.PAID: '<path d="M3 0v6" stroke="{ink}" stroke-width="1"/>',
    Kind.FEE: '<path d="M0 0l6 6" stroke="{ink}" stroke-width="1"/>',
    Kind.STRANGE: '<path d="M0 0l6 6M6 0l-6 6" stroke="{ink}" stroke-width="1.4"/>',
}
_HEADS = {
    Kind.COIN: "Coin",
    Kind.PAID: "Paid",
    Kind.CHANGE: "Comes back",
    Kind.FEE: "Fee",
    Kind.STRANGE: "✗ NOT APPROVED",
}
_ALONE = (
    "<style>svg.spend{--ink:#1a1a1a;--muted:#595959;--paper:#ffffff}"
    "@media (prefers-color-scheme:dark){svg.spend{--ink:#eceff1;--muted:#b0b7bd;--paper:#14171a}}</style>"
)
"""The page's colours for a picture that stands alone; see report.css."""


@dataclass(frozen=True)
class _Placed:
    """A strand with where its bar lies and where its band meets the trunk."""

    strand: Strand
    top: float
    height: float
    trunk_top: float
    trunk_height: float


def _placed(strands: Sequence[Strand], picture: SpendPicture, height: float) -> list[_Placed]:
    """Bars from top to bottom with room for words, in the middle of the drawing's height."""
    heights = [max(LEAST_HEIGHT, picture.share(strand) * FLOW_HEIGHT) for strand in strands]
    steps = [max(PITCH, bar + GAP) for bar in heights]
    y = (height - sum(steps)) / 2
    trunk = (height - FLOW_HEIGHT) / 2
    found = []
    for strand, bar, step in zip(strands, heights, steps, strict=True):
        share = picture.share(strand) * FLOW_HEIGHT
        found.append(_Placed(strand, y + (step - bar) / 2, bar, trunk, share))
        y += step
        trunk += share
    return found


def _height(strands: Sequence[Strand], picture: SpendPicture) -> float:
    return sum(max(PITCH, max(LEAST_HEIGHT, picture.share(strand) * FLOW_HEIGHT) + GAP) for strand in strands)


def _band(item: _Placed, bar_x: float, trunk_x: float) -> str:
    """The strand between its bar and the trunk; the same curve above and below."""
    middle = (bar_x + trunk_x) / 2
    low, trunk_low = item.top + item.height, item.trunk_top + max(item.trunk_height, 0.5)
    path = (
        f"M{bar_x:g} {item.top:.2f}C{middle:g} {item.top:.2f} {middle:g} {item.trunk_top:.2f} {trunk_x:g} "
        f"{item.trunk_top:.2f}V{trunk_low:.2f}C{middle:g} {trunk_low:.2f} {middle:g} {low:.2f} {bar_x:g} {low:.2f}Z"
    )
    return f'<path d="{path}" fill="{_STYLES[item.strand.kind].fill}" fill-opacity="0.5"/>'


def _bar(item: _Placed, x: float, prefix: str) -> str:
    box = f'x="{x:g}" y="{item.top:.2f}" width="{BAR_WIDTH:g}" height="{item.height:.2f}"'
    drawn = f'<rect {box} fill="{_STYLES[item.strand.kind].fill}"/>'
    if item.strand.kind in _STROKES and item.height > LEAST_HEIGHT:
        drawn += f'<rect {box} fill="url(#{prefix}-{item.strand.kind.name.lower()})"/>'
    return drawn


def _line(words: str, x: float, y: float, anchor: str, style: str) -> str:
    return f'<text x="{x:g}" y="{y:.2f}" text-anchor="{anchor}" style="{style}">{escape(words)}</text>'


def _place_lines(place: str) -> tuple[tuple[str, bool], ...]:
    """Words as they are, an address in whole over two lines; whether each is an address."""
    if " " in place or len(place) <= ADDRESS_LETTERS:
        return ((place, " " not in place),)
    return ((place[:ADDRESS_LETTERS], True), (place[ADDRESS_LETTERS:], True))


def _words(item: _Placed, picture: SpendPicture, x: float, anchor: str) -> str:
    """Kind and share, the amount, and the place, beside the middle of the bar."""
    strand = item.strand
    ink, muted = PAGE_COLOURS[INK], PAGE_COLOURS[MUTED]
    head = f"{_HEADS[strand.kind]} {with_unit(btc(strand.amount_sats), 'BTC')}"
    lines = [(head, f"font: 600 {LINE_PT:g}px {_FONT}; fill: {ink}; font-variant-numeric: tabular-nums")]
    places = _place_lines(strand.place)
    for words, is_address in places:
        lines.append((words, f"font: {SMALL_PT:g}px {_MONO if is_address else _FONT}; fill: {muted}"))
    if strand.kind is not Kind.FEE and len(places) == 1:
        lines.append((percent(picture.share(strand)), f"font: {SMALL_PT:g}px {_FONT}; fill: {muted}"))
    y = item.top + item.height / 2 - (len(lines) - 1) * 7 + 4
    return "".join(_line(words, x, y + 14 * number, anchor, style) for number, (words, style) in enumerate(lines))


def _data_lines(picture: SpendPicture) -> list[str]:
    words = [*(f"Data: {line}" for line in picture.data[:1]), *picture.data[1:]]
    return [part for line in words for part in textwrap.wrap(line, DATA_LETTERS)]


def _data(picture: SpendPicture, y: float) -> str:
    """What an output of 0 sat says, without a strand: nothing flows there."""
    style = f"font: {SMALL_PT:g}px {_FONT}; fill: {PAGE_COLOURS[INK]}"
    return "".join(
        _line(words, RIGHT_WORDS, y + DATA_LINE * number, "start", style)
        for number, words in enumerate(_data_lines(picture), 1)
    )


def _patterns(prefix: str) -> str:
    drawn = "".join(
        f'<pattern id="{prefix}-{kind.name.lower()}" width="6" height="6" patternUnits="userSpaceOnUse">'
        f"{stroke.format(ink=_STYLES[kind].pattern_colour)}</pattern>"
        for kind, stroke in _STROKES.items()
    )
    return f"<defs>{drawn}</defs>"


def draw_spend(picture: SpendPicture) -> str:
    """The picture as one ``<svg>`` for a page, in the page's own colours; the same data gives the same bytes."""
    height = max(_height(picture.coins, picture), _height(picture.outputs, picture), FLOW_HEIGHT) + 2 * GAP
    left, right = _placed(picture.coins, picture, height), _placed(picture.outputs, picture, height)
    parts = [_patterns(picture.id)]
    parts += [_band(item, LEFT_BAR + BAR_WIDTH, TRUNK) for item in left]
    parts += [_band(item, RIGHT_BAR, TRUNK + TRUNK_WIDTH) for item in right]
    parts.append(
        f'<rect x="{TRUNK:g}" y="{(height - FLOW_HEIGHT) / 2:.2f}" width="{TRUNK_WIDTH:g}" height="{FLOW_HEIGHT:g}" '
        f'fill="{PAGE_COLOURS[INK]}"/>'
    )
    for item in left:
        parts += [_bar(item, LEFT_BAR, picture.id), _words(item, picture, LEFT_WORDS, "end")]
    for item in right:
        parts += [_bar(item, RIGHT_BAR, picture.id), _words(item, picture, RIGHT_WORDS, "start")]
    parts.append(_data(picture, height))
    below = DATA_LINE * len(_data_lines(picture)) + (GAP if picture.data else 0)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:g} {height + below:g}" class="plot spend" '
        f'role="img" aria-labelledby="{picture.id}-title {picture.id}-desc">'
        f'<title id="{picture.id}-title">{escape(picture.title)}</title>'
        f'<desc id="{picture.id}-desc">{escape(picture.description)}</desc>{"".join(parts)}</svg>'
    )


def framed_spend(picture: SpendPicture) -> str:
    """The picture as a file of its own: its message above, its source below, on paper that follows light and dark."""
    framed = framed_svg(draw_spend(picture), picture.title, picture.source)
    head, mark, rest = framed.partition("</desc>")
    paper = f'<rect x="-50%" y="-50%" width="200%" height="200%" fill="{PAGE_COLOURS[PAPER]}"/>'
    return f"{head}{mark}{_ALONE}{paper}{rest}\n"

"""A plot that leaves its page: its message above it and its source below, as the page has them around it."""

from __future__ import annotations

import re
import textwrap
from html import escape

from zakhira.adapters.plots.look import INK, MUTED, PAGE_COLOURS, SMALL_PT

TITLE_PT = 11.0
POINTS_PER_INCH = 72.0
TITLE_LETTERS = 96
"""So many letters of a message fill the width of a plot."""
LINE_PT, MARGIN_PT, SOURCE_PT = 15.0, 8.0, 18.0
_BOX = re.compile(r'viewBox="0 0 (?P<width>[0-9.]+) (?P<height>[0-9.]+)"')
_FONT = "var(--plot-font, sans-serif)"


def framing(title: str, source: str) -> tuple[list[str], float]:
    """The lines of the message, and the points of height that it and the source take."""
    lines = textwrap.wrap(title, TITLE_LETTERS)
    return lines, MARGIN_PT + LINE_PT * len(lines) + (SOURCE_PT if source else 0.0)


def framed_svg(svg: str, title: str, source: str) -> str:
    """A drawn plot as a file of its own: the page's picture, higher by its message and its source."""
    lines, more = framing(title, source)
    box = _BOX.search(svg)
    assert box is not None, "a drawn plot says how large it is"
    above = MARGIN_PT + LINE_PT * len(lines)
    high = float(box["height"])
    texts = [
        _text(line, i * LINE_PT - above + LINE_PT, TITLE_PT, INK, "font-weight: bold") for i, line in enumerate(lines)
    ]
    if source:
        texts.append(_text(source, high + SOURCE_PT - LINE_PT / 3, SMALL_PT, MUTED))
    sized = svg.replace(box[0], f'viewBox="0 {-above:g} {box["width"]} {high + more:g}"', 1)
    body, _, _ = sized.rpartition("</svg>")
    return f"{body}{''.join(texts)}</svg>"


def _text(words: str, y: float, size_pt: float, ink: str, more: str = "") -> str:
    style = f"font-size: {size_pt:g}px; font-family: {_FONT}; fill: {PAGE_COLOURS[ink]}; {more}".rstrip("; ")
    return f'<text x="8" y="{y:g}" style="{style}">{escape(words)}</text>'

"""A4 pages with the look of our reports: type, colours, boxes and codes; nothing here knows what a vault is."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from pathlib import Path

from fpdf import FPDF
from fpdf.enums import MethodReturnValue, XPos, YPos
from fpdf.fonts import TTFFont

from zakhira.adapters.qr.symbol import QUIET_MODULES, Modules
from zakhira.reports.document import Mood

MARGIN_MM, WIDTH_MM, PAGE_HEIGHT_MM = 16.0, 178.0, 297.0
BOTTOM_MM = 20.0
"""What the foot of a page takes."""
POINT_MM = 25.4 / 72
INK, MUTED, GRID, PANEL = (26, 26, 26), (89, 89, 89), (217, 217, 217), (245, 246, 247)
WARN_PAPER, WARN_LINE = (255, 247, 230), (178, 106, 0)
MOODS = {
    Mood.GOOD: ((0, 99, 63), "\u2713"),
    Mood.BAD: ((163, 0, 27), "\u2717"),
    Mood.OPEN: ((122, 75, 0), "\u25cb"),
}
"""Colour and sign of a state: those of report.css."""
UNKNOWN_LETTER = "\u25a1"
_LINE = 1.35
_FACES = {
    ("sans", ""): "DejaVuSans.ttf",
    ("sans", "B"): "DejaVuSans-Bold.ttf",
    ("mono", ""): "DejaVuSansMono.ttf",
    ("mono", "B"): "DejaVuSansMono-Bold.ttf",
}


@cache
def font_folder() -> Path:
    """Where DejaVu lies: matplotlib, which draws our plots, ships it. Matplotlib itself is not loaded."""
    found = importlib.util.find_spec("matplotlib")
    assert found is not None, "matplotlib is a declared dependency"
    assert found.submodule_search_locations, "matplotlib is a package"
    return Path(found.submodule_search_locations[0]) / "mpl-data" / "fonts" / "ttf"


class Page(FPDF):
    """A document of A4 pages; lengths are millimetres, sizes of type points."""

    def __init__(self, title: str, made_at: datetime, foot: str, mark: str = "") -> None:
        super().__init__("portrait", "mm", "A4")
        self._foot, self._mark = foot, mark
        self.has_unknown_letters = False
        for (family, style), file in _FACES.items():
            self.add_font(family, style, font_folder() / file)
        self.set_margins(MARGIN_MM, MARGIN_MM, MARGIN_MM)
        self.set_auto_page_break(auto=False)
        self.c_margin = 0
        self.set_title(title)
        self.set_lang("en")
        self.set_creation_date(made_at)
        self.add_page()

    def header(self) -> None:
        """A word across the page, under everything, where it must not be mistaken for the real thing."""
        if not self._mark:
            return
        self.set_font("sans", "B", 120)
        self.set_text_color(238, 238, 238)
        with self.rotation(52, WIDTH_MM / 2 + MARGIN_MM, PAGE_HEIGHT_MM / 2):
            width = self.get_string_width(self._mark)
            self.text(WIDTH_MM / 2 + MARGIN_MM - width / 2, PAGE_HEIGHT_MM / 2 + 15, self._mark)

    def footer(self) -> None:
        """What sheet it is, and which page of how many."""
        self.set_xy(MARGIN_MM, PAGE_HEIGHT_MM - 14)
        self.type("sans", "", 7, MUTED)
        self.cell(WIDTH_MM, 4, self._foot)
        # The count of pages is put in at the end: a line that ends at the margin would be set by its stand-in's width.
        self.set_xy(MARGIN_MM + WIDTH_MM - 15, PAGE_HEIGHT_MM - 14)
        self.cell(15, 4, f"page {self.page_no()} of {{nb}}")

    def type(self, family: str, style: str, size_pt: float, colour: tuple[int, int, int] = INK) -> None:
        """The type of what follows."""
        self.set_font(family, style, size_pt)
        self.set_text_color(*colour)

    def printable(self, text: str) -> str:
        """The text with a box for each letter that the type lacks, and a note to self that there was one."""
        font = self.fonts["sans"]
        assert isinstance(font, TTFFont), "the type is loaded from a file"
        shown = "".join(letter if ord(letter) in font.cmap else UNKNOWN_LETTER for letter in text)
        self.has_unknown_letters |= shown != text
        return shown

    def lines(self, text: str, width_mm: float) -> int:
        """How many lines a text takes in the type that is set."""
        found = self.multi_cell(width_mm, 1, self.printable(text), dry_run=True, output=MethodReturnValue.LINES)
        assert isinstance(found, list), "lines were asked for"
        return max(1, len(found))

    def line_mm(self, factor: float = _LINE) -> float:
        """The height of a line of the type that is set."""
        return self.font_size_pt * POINT_MM * factor

    def words(self, text: str, left_mm: float, width_mm: float, factor: float = _LINE) -> None:
        """A text from the present height down, wrapped; the pen ends below it."""
        self.set_x(left_mm)
        self.multi_cell(
            width_mm, self.line_mm(factor), self.printable(text), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT
        )

    def down(self, height_mm: float) -> None:
        """Some room."""
        self.set_y(self.get_y() + height_mm)

    def keep(self, height_mm: float) -> None:
        """A new page, unless so much room is left on this one."""
        if self.get_y() + height_mm > PAGE_HEIGHT_MM - BOTTOM_MM:
            self.add_page()
            self.set_y(MARGIN_MM)

    def heading(self, text: str, *, keep_mm: float) -> None:
        """A section's message, with so much of the section on the same page."""
        self.down(5)
        self.keep(keep_mm + 8)
        self.type("sans", "B", 11.5)
        self.words(text, MARGIN_MM, WIDTH_MM)
        self.down(1.5)

    @contextmanager
    def panel(self, height_mm: float, fill: tuple[int, int, int], line: tuple[int, int, int]) -> Iterator[None]:
        """A band with a bar at its left; what is written inside begins at its top and ends below it."""
        top = self.get_y()
        self.set_fill_color(*fill)
        self.rect(MARGIN_MM, top, WIDTH_MM, height_mm, style="F")
        self.set_fill_color(*line)
        self.rect(MARGIN_MM, top, 1.2, height_mm, style="F")
        yield
        self.set_y(top + height_mm)

    def qr(self, modules: Modules, left_mm: float, top_mm: float, side_mm: float) -> None:
        """A symbol with its quiet zone on white, each run of dark modules as one bar."""
        size = side_mm / (len(modules) + 2 * QUIET_MODULES)
        self.set_fill_color(255, 255, 255)
        self.rect(left_mm, top_mm, side_mm, side_mm, style="F")
        self.set_fill_color(0, 0, 0)
        for y, row in enumerate(modules):
            for start, run in _runs(row):
                x = left_mm + (start + QUIET_MODULES) * size
                self.rect(x, top_mm + (y + QUIET_MODULES) * size, run * size, size, style="F")

    def table(  # type: ignore[override]  # fpdf2's own table is not used: rows here have rules and no boxes
        self,
        heads: Sequence[str],
        widths_mm: Sequence[float],
        rows: Sequence[Sequence[str]],
        mono: frozenset[int] = frozenset(),
    ) -> None:
        """Rows under thin rules; ``mono`` are the columns of codes. Heads are repeated on a new page."""
        self._row(heads, widths_mm, frozenset(), is_head=True)
        for row in rows:
            height = self._row_height(row, widths_mm, mono)
            before = self.page_no()
            self.keep(height + 2)
            if self.page_no() != before:
                self._row(heads, widths_mm, frozenset(), is_head=True)
            self._row(row, widths_mm, mono, is_head=False)

    def _cell_type(self, *, is_mono: bool, is_head: bool) -> None:
        if is_head:
            self.type("sans", "B", 7.5, MUTED)
        else:
            self.type("mono" if is_mono else "sans", "", 8)

    def _row_height(self, row: Sequence[str], widths_mm: Sequence[float], mono: frozenset[int]) -> float:
        heights = []
        for column, (text, width) in enumerate(zip(row, widths_mm, strict=True)):
            self._cell_type(is_mono=column in mono, is_head=False)
            heights.append(self.lines(text, width - 2) * self.line_mm())
        return max(heights) + 2.4

    def _row(self, row: Sequence[str], widths_mm: Sequence[float], mono: frozenset[int], *, is_head: bool) -> None:
        top = self.get_y()
        height = self._row_height(row, widths_mm, mono)
        left = MARGIN_MM
        for column, (text, width) in enumerate(zip(row, widths_mm, strict=True)):
            self._cell_type(is_mono=column in mono, is_head=is_head)
            self.set_y(top + 1.2)
            self.words(text, left, width - 2)
            left += width
        self.set_draw_color(*(MUTED if is_head else GRID))
        self.set_line_width(0.2)
        self.line(MARGIN_MM, top + height, MARGIN_MM + WIDTH_MM, top + height)
        self.set_y(top + height)


def _runs(row: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """Where each run of dark modules begins, and how long it is."""
    start = -1
    for x, dark in enumerate((*row, False)):
        if dark and start < 0:
            start = x
        elif not dark and start >= 0:
            yield start, x - start
            start = -1

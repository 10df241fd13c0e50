"""The backup sheet of a vault on A4: code and text of the descriptor, who holds which key, and how to restore.

The same sheet gives the same bytes: the date of the file is that of the sheet, and nothing else varies.
"""

from __future__ import annotations

from zakhira.adapters.pdf.codes import SheetCode, sheet_codes
from zakhira.adapters.pdf.page import (
    GRID,
    INK,
    MARGIN_MM,
    MOODS,
    MUTED,
    PANEL,
    UNKNOWN_LETTER,
    WARN_LINE,
    WARN_PAPER,
    WIDTH_MM,
    Page,
)
from zakhira.reports.backup_sheet import BackupSheet, descriptor_parts, letter_groups
from zakhira.reports.document import Figure

CODE_MM, PAIR_MM = 76.0, 84.0
"""The side of a code that stands alone, and of one of several."""
_GAP_MM = 5.0
_DESCRIPTOR_PT = 7.4
_KEY_HEADS = ("Signer", "Held by", "Site", "Device (firmware)", "Fingerprint", "Path")
_KEY_WIDTHS_MM = (25.0, 27.0, 27.0, 49.0, 22.0, 28.0)
_ADDRESS_WIDTHS_MM = (25.0, 153.0)


def backup_pdf(sheet: BackupSheet) -> bytes:
    """The sheet as a PDF."""
    foot = f"Vault {sheet.vault} \u00b7 descriptor #{sheet.checksum} \u00b7 made {sheet.made_text}"
    page = Page(f"Backup sheet of vault {sheet.vault}", sheet.made_at, foot, "DRILL" if sheet.is_drill else "")
    _draw_head(page, sheet)
    _draw_figures(page, sheet.figures)
    _draw_states(page, sheet)
    _draw_descriptor(page, sheet)
    _draw_warnings(page, sheet)
    _draw_keys(page, sheet)
    _draw_addresses(page, sheet)
    _draw_steps(page, sheet)
    if page.has_unknown_letters:
        page.down(3)
        page.type("sans", "", 7.5, MUTED)
        page.words(f"{UNKNOWN_LETTER} stands for a letter that this sheet's type does not have.", MARGIN_MM, WIDTH_MM)
    return bytes(page.output())


def _draw_head(page: Page, sheet: BackupSheet) -> None:
    page.set_y(MARGIN_MM - 2)
    page.type("sans", "B", 8.5, MUTED)
    page.cell(WIDTH_MM, 5, f"Backup sheet of a vault \u00b7 purpose: {page.printable(sheet.purpose)}")
    page.set_xy(MARGIN_MM, MARGIN_MM - 2)
    page.type("sans", "", 8.5, MUTED)
    page.cell(WIDTH_MM, 5, f"{sheet.made_text} \u00b7 Zakhira {sheet.program_version}", align="R")
    page.set_y(MARGIN_MM + 5)
    page.type("sans", "B", 24)
    page.words(sheet.vault, MARGIN_MM, WIDTH_MM, 1.2)
    page.down(1.5)
    page.type("sans", "", 11)
    page.words(sheet.headline, MARGIN_MM, WIDTH_MM, 1.4)
    page.down(3)


def _draw_figures(page: Page, figures: tuple[Figure, ...]) -> None:
    """At most four figures beside one another, in boxes that share their lines."""
    top, width, height = page.get_y(), WIDTH_MM / len(figures), 19.0
    page.set_draw_color(*GRID)
    page.set_line_width(0.25)
    for number, figure in enumerate(figures):
        left = MARGIN_MM + number * width
        page.rect(left, top, width, height)
        page.set_y(top + 2)
        page.type("sans", "", 7.5, MUTED)
        page.words(figure.label, left + 1.5, width - 3)
        page.type("sans", "B", 13.5)
        page.words(f"{figure.value} {figure.unit}".strip(), left + 1.5, width - 3, 1.3)
        page.type("sans", "", 7.5, MUTED)
        page.words(figure.note, left + 1.5, width - 3)
    page.set_y(top + height + 3)


def _draw_states(page: Page, sheet: BackupSheet) -> None:
    for state in sheet.states:
        colour, sign = MOODS[state.mood]
        page.type("sans", "", 9)
        left, width = MARGIN_MM + 36, WIDTH_MM - 39
        height = page.lines(state.sentence, width) * page.line_mm() + 3.4
        with page.panel(height, PANEL, colour):
            top = page.get_y() + 1.7
            page.set_y(top)
            page.type("sans", "B", 9, colour)
            page.words(f"{sign} {state.word}", MARGIN_MM + 3.5, 32)
            page.set_y(top)
            page.type("sans", "", 9)
            page.words(state.sentence, left, width)
        page.down(1.2)


def _draw_descriptor(page: Page, sheet: BackupSheet) -> None:
    codes = sheet_codes(sheet.descriptor)
    side = CODE_MM if len(codes) == 1 else PAIR_MM
    page.heading("With this text every address of the vault is found again", keep_mm=side + 6)
    if len(codes) == 1:
        top = page.get_y()
        _draw_code(page, codes[0], MARGIN_MM, top, CODE_MM)
        page.set_y(top)
        _draw_text(page, sheet, MARGIN_MM + CODE_MM + _GAP_MM, WIDTH_MM - CODE_MM - _GAP_MM)
        page.set_y(max(page.get_y(), top + CODE_MM + 6))
        return
    for at in range(0, len(codes), 2):
        page.keep(side + 8)
        top = page.get_y()
        for place, code in enumerate(codes[at : at + 2]):
            _draw_code(page, code, MARGIN_MM + place * (WIDTH_MM - PAIR_MM), top, PAIR_MM)
        page.set_y(top + PAIR_MM + 8)
    page.keep(20)
    _draw_text(page, sheet, MARGIN_MM, WIDTH_MM)


def _draw_code(page: Page, code: SheetCode, left_mm: float, top_mm: float, side_mm: float) -> None:
    page.qr(code.modules, left_mm, top_mm, side_mm)
    page.set_draw_color(*GRID)
    page.set_line_width(0.25)
    page.rect(left_mm, top_mm, side_mm, side_mm)
    page.set_y(top_mm + side_mm + 1)
    page.type("sans", "", 7.5, MUTED)
    page.words(code.caption, left_mm, side_mm)


def _draw_text(page: Page, sheet: BackupSheet, left_mm: float, width_mm: float) -> None:
    """The descriptor in groups of five letters, as wide as they fit."""
    page.type("mono", "", _DESCRIPTOR_PT)
    letter_mm = page.get_string_width("0")
    groups = int((width_mm + letter_mm) / (6 * letter_mm))
    for part in descriptor_parts(sheet.descriptor):
        for line in letter_groups(part, groups):
            page.type("mono", "", _DESCRIPTOR_PT)
            page.keep(page.line_mm())
            page.words(line, left_mm, width_mm)
        page.down(1.1)
    page.down(1.5)
    page.type("sans", "", 7.5, MUTED)
    page.words(
        f"{len(sheet.descriptor)} letters; blanks do not count. It ends with #{sheet.checksum}.", left_mm, width_mm
    )


def _draw_warnings(page: Page, sheet: BackupSheet) -> None:
    page.type("sans", "", 9)
    width = WIDTH_MM - 8
    heights = [page.lines(text, width) * page.line_mm() + 1.4 for text in sheet.warnings]
    page.down(4)
    page.keep(sum(heights) + 12)
    with page.panel(sum(heights) + 10, WARN_PAPER, WARN_LINE):
        page.down(2)
        page.type("sans", "B", 10)
        page.words("Know this before you keep it", MARGIN_MM + 4, width)
        page.down(0.8)
        for text in sheet.warnings:
            page.type("sans", "", 9)
            page.words(text, MARGIN_MM + 4, width)
            page.down(1.4)


def _draw_keys(page: Page, sheet: BackupSheet) -> None:
    for is_recovery, title in ((False, "Who holds which key"), (True, "Who holds which recovery key")):
        keys = [key for key in sheet.keys if key.is_recovery == is_recovery]
        if not keys:
            continue
        page.heading(title, keep_mm=30)
        rows = [(k.signer, k.holder, k.site, k.device, k.fingerprint, k.path or "master key") for k in keys]
        page.table(_KEY_HEADS, _KEY_WIDTHS_MM, rows, frozenset({4, 5}))


def _draw_addresses(page: Page, sheet: BackupSheet) -> None:
    page.heading("The first addresses: whoever restores must find the same", keep_mm=34)
    rows = [(found.place, found.address) for found in sheet.addresses]
    page.table(("Place", "Address"), _ADDRESS_WIDTHS_MM, rows, frozenset({1}))


def _draw_steps(page: Page, sheet: BackupSheet) -> None:
    page.heading("To restore", keep_mm=24)
    for number, step in enumerate(sheet.steps, start=1):
        page.type("sans", "", 9.5)
        height = page.lines(step, WIDTH_MM - 9) * page.line_mm()
        page.keep(height + 2)
        top = page.get_y()
        page.type("sans", "B", 9.5, INK)
        page.words(f"{number}", MARGIN_MM, 8)
        page.set_y(top)
        page.type("sans", "", 9.5)
        page.words(step, MARGIN_MM + 8, WIDTH_MM - 9)
        page.down(1.5)

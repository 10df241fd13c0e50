"""QR symbols (ISO/IEC 18004) of frames: their capacity, their SVG and their pixels; always dark on light."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import segno

from zakhira.adapters.qr.refusals import BadFrameSize

DEFAULT_VERSION = 20
"""97 x 97 modules: a telephone and a device's small camera read it from a screen; larger ones are harder (BBQr.md)."""
MAX_VERSION = 40
QUIET_MODULES = 4
"""The light margin that ISO/IEC 18004 asks for."""
_ERROR_LEVEL = "L"
"""A screen neither tears nor stains; BBQr asks for the lowest level."""
_LETTERS = (
    25, 47, 77, 114, 154, 195, 224, 279, 335, 395, 468, 535, 619, 667, 758, 854, 938, 1046, 1153, 1249,
    1352, 1460, 1588, 1704, 1853, 1990, 2132, 2223, 2369, 2520, 2677, 2840, 3009, 3183, 3351, 3537, 3729,
    3927, 4087, 4296,
)  # fmt: skip
"""Letters of the alphanumeric set in versions 1 to 40 at level L (ISO/IEC 18004, table 7)."""
_CAPTION_MODULES = 7

Modules = tuple[tuple[bool, ...], ...]


def frame_letters(version: int) -> int:
    """Letters of the alphanumeric set that a QR code of this version holds at level L; raises BadFrameSize."""
    if not 1 <= version <= MAX_VERSION:
        raise BadFrameSize(f"There is no QR version {version}.", f"Use 1 to {MAX_VERSION}.")
    return _LETTERS[version - 1]


def frame_modules(frames: Sequence[str]) -> tuple[Modules, ...]:
    """The symbols of these frames, all of one version so that an animation does not jump.

    Raises:
        BadFrameSize: a frame does not fit the largest symbol.
    """
    longest = max(map(len, frames))
    version = next((size for size in range(1, MAX_VERSION + 1) if frame_letters(size) >= longest), 0)
    if version == 0:
        raise BadFrameSize(f"A frame of {longest} letters fits no QR code.", "Use shorter frames.")
    return tuple(
        tuple(
            tuple(bool(module) for module in row)
            for row in segno.make(
                frame, error=_ERROR_LEVEL, mode="alphanumeric", version=version, boost_error=False, micro=False
            ).matrix
        )
        for frame in frames
    )


def _path(modules: Modules) -> str:
    """Runs of dark modules as one path."""
    strokes = []
    for y, row in enumerate(modules):
        x = 0
        while x < len(row):
            run = 0
            while x + run < len(row) and row[x + run]:
                run += 1
            if run:
                strokes.append(f"M{x + QUIET_MODULES} {y + QUIET_MODULES}h{run}v1h-{run}z")
            x += run or 1
    return "".join(strokes)


def frame_svg(modules: Modules, title: str, description: str, caption: str) -> str:
    """One symbol as an SVG that stands alone: dark on light in any theme, since a reader needs it so."""
    side = len(modules) + 2 * QUIET_MODULES
    height = side + _CAPTION_MODULES
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {height}" role="img"'
        ' aria-labelledby="qr-title qr-desc" class="qr">'
        f'<title id="qr-title">{escape(title)}</title><desc id="qr-desc">{escape(description)}</desc>'
        f'<rect width="{side}" height="{height}" fill="#ffffff"/>'
        f'<path d="{_path(modules)}" fill="#000000" shape-rendering="crispEdges"/>'
        f'<text x="{side / 2:g}" y="{side + 3}" text-anchor="middle" font-family="sans-serif" font-size="4.5"'
        f' fill="#1a1a1a">{escape(caption)}</text></svg>\n'
    )

"""The QR codes of a backup sheet: the plain descriptor where one code carries it, BBQr where it takes several.

A plain code is read by any telephone in twenty years; only a descriptor that is too long for one code that a camera
still reads from paper is split (BBQr, plain text, kind ``U``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import segno

from zakhira.adapters.qr.bbqr import PREFIX, split_bbqr
from zakhira.adapters.qr.collect import join_frames
from zakhira.adapters.qr.message import Kind, Message
from zakhira.adapters.qr.reading import read_codes
from zakhira.adapters.qr.refusals import MixedFrames
from zakhira.adapters.qr.symbol import Modules, frame_letters, frame_modules

ERROR_LEVEL = "M"
"""Paper tears and stains: 15% of a symbol may be lost (ISO/IEC 18004)."""
MAX_PLAIN_BYTES = 1370
"""Version 30 at level M (ISO/IEC 18004, table 7): 137 modules, half a millimetre each in print."""
FRAME_VERSION = 20
"""97 modules: BBQr's frames have the lowest level of correction, so they are made coarser."""


@dataclass(frozen=True)
class SheetCode:
    """A code with what stands under it."""

    caption: str
    text: str
    modules: Modules


def sheet_codes(descriptor: str) -> tuple[SheetCode, ...]:
    """The code, or the codes, that carry a descriptor."""
    if len(descriptor.encode()) <= MAX_PLAIN_BYTES:
        matrix = segno.make(descriptor, error=ERROR_LEVEL, mode="byte", boost_error=False, micro=False).matrix
        modules = tuple(tuple(bool(module) for module in row) for row in matrix)
        return (SheetCode("The descriptor as plain text", descriptor, modules),)
    frames = split_bbqr(Message(Kind.TEXT, descriptor.encode()), frame_letters(FRAME_VERSION))
    return tuple(
        SheetCode(f"BBQr code {number} of {len(frames)}; scan all, in any order", frame, modules)
        for number, (frame, modules) in enumerate(zip(frames, frame_modules(frames), strict=True), start=1)
    )


def read_sheet_codes(pictures: Iterable[bytes]) -> str:
    """The descriptor of a sheet's photographs or scans, in any order; the text is not checked further.

    Raises:
        NotAnImage, NoCodeFound: a picture cannot be read.
        MixedFrames: the codes are of different sheets.
        MissingFrames and what else :func:`zakhira.adapters.qr.collect.join_frames` raises of BBQr.
    """
    texts = [text for picture in pictures for text in read_codes(picture)]
    if not any(text.startswith(PREFIX) for text in texts) and texts:
        if len(set(texts)) > 1:
            raise MixedFrames("The pictures show codes of different sheets.", "Give the pictures of one sheet.")
        return texts[0]
    return join_frames(texts).data.decode("utf-8", "replace")

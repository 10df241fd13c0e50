"""A message as files that a screen can show: an SVG for each frame and one animated picture of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Literal

from PIL import Image

from zakhira.adapters.qr.bbqr import split_bbqr
from zakhira.adapters.qr.message import Message
from zakhira.adapters.qr.refusals import UnwritableFrames
from zakhira.adapters.qr.symbol import (
    DEFAULT_VERSION,
    QUIET_MODULES,
    Modules,
    frame_letters,
    frame_modules,
    frame_svg,
)
from zakhira.adapters.qr.ur import split_ur

FRAME_MILLISECONDS = 250
"""What BBQr.md recommends; devices are tuned for it."""
PIXELS_PER_MODULE = 6
ANIMATION_NAME = "frames.gif"

Protocol = Literal["bbqr", "ur"]


@dataclass(frozen=True)
class Frames:
    """The texts of a message's codes, with what a person is told about them."""

    protocol: Protocol
    subject: str
    """what the codes carry, in a few words: ``PSBT of spend 12``"""
    texts: tuple[str, ...]

    @cached_property
    def symbols(self) -> tuple[Modules, ...]:
        """Each frame's QR symbol, all of one version."""
        return frame_modules(self.texts)

    def title(self, number: int) -> str:
        """The title of frame ``number`` (from 1)."""
        return f"QR code {number} of {len(self.texts)}: {self.subject}"


def make_frames(message: Message, protocol: Protocol, subject: str, version: int = DEFAULT_VERSION) -> Frames:
    """The message as frames of at most this QR version (1 to 40).

    Raises:
        MessageTooLong, BadFrameSize: as their names say.
    """
    letters = frame_letters(version)
    texts = split_bbqr(message, letters) if protocol == "bbqr" else split_ur(message, letters)
    return Frames(protocol, subject, texts)


def frame_pictures(frames: Frames) -> tuple[str, ...]:
    """Each frame as SVG text."""
    count = len(frames.texts)
    name = "BBQr" if frames.protocol == "bbqr" else "UR"
    return tuple(
        frame_svg(
            modules,
            frames.title(number),
            f"Frame {number} of {count} in {name}; hold the reading device's camera to each frame, in any order.",
            f"{number} of {count}",
        )
        for number, modules in enumerate(frames.symbols, start=1)
    )


def _bitmap(modules: Modules, pixels_per_module: int) -> Image.Image:
    """One symbol with its quiet zone, in black and white."""
    side = len(modules)
    small = Image.new("1", (side + 2 * QUIET_MODULES,) * 2, 1)
    small.putdata(_margined(modules))
    return small.resize((small.width * pixels_per_module,) * 2, Image.Resampling.NEAREST)


def _margined(modules: Modules) -> Sequence[int]:
    side = len(modules) + 2 * QUIET_MODULES
    margin, blank = [1] * QUIET_MODULES, [1] * side
    rows = [blank] * QUIET_MODULES
    rows += [[*margin, *(0 if module else 1 for module in row), *margin] for row in modules]
    rows += [blank] * QUIET_MODULES
    return [pixel for row in rows for pixel in row]


def animation(frames: Frames, pixels_per_module: int = PIXELS_PER_MODULE) -> bytes:
    """All frames as one GIF that repeats without end, a quarter of a second each."""
    pictures = [_bitmap(modules, pixels_per_module) for modules in frames.symbols]
    out = BytesIO()
    pictures[0].save(
        out,
        format="GIF",
        save_all=True,
        append_images=pictures[1:],
        duration=FRAME_MILLISECONDS,
        loop=0,
        optimize=False,
    )
    return out.getvalue()


def write_frames(frames: Frames, folder: Path) -> tuple[Path, ...]:
    """Write an SVG for each frame and the animation into the folder; returns the animation's path first.

    Raises:
        UnwritableFrames: the folder cannot be written.
    """
    digits = len(str(len(frames.texts)))
    paths = [folder / ANIMATION_NAME]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        paths[0].write_bytes(animation(frames))
        for number, picture in enumerate(frame_pictures(frames), start=1):
            paths.append(folder / f"frame-{number:0{digits}d}.svg")
            paths[-1].write_text(picture, encoding="utf-8")
    except OSError as error:
        raise UnwritableFrames(f"{folder} cannot be written: {error.strerror}.", "Check folder and disk.") from None
    return tuple(paths)

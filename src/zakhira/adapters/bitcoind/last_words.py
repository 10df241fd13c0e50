"""What a bitcoind that ended said last, and which of the known troubles that was."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Self

_TAIL_BYTES = 8192
_SHOWN_LINES = 6


class Trouble(Enum):
    """The troubles that are told apart."""

    DISK_FULL = "disk full"
    PORT_TAKEN = "port taken"
    FUTURE_BLOCKS = "blocks from the future"
    DAMAGED = "damaged files"
    UNKNOWN = "unknown"


_PHRASES = {
    Trouble.DISK_FULL: ("Disk space is too low", "No space left on device", "Disk space is low"),
    Trouble.PORT_TAKEN: ("Unable to bind", "Unable to start HTTP server"),
    Trouble.FUTURE_BLOCKS: ("appears to be from the future",),
    Trouble.DAMAGED: (
        "rebuild",
        "Corrupted block database",
        "Error opening block database",
        "Error loading block database",
        "Error initializing block database",
        "Fatal LevelDB error",
        "Corruption:",
    ),
}
"""The phrases of bitcoind's own log that tell them, in the order in which they are looked for."""


@dataclass(frozen=True)
class LastWords:
    """The last lines of output and log, and the trouble that they tell of."""

    text: str
    trouble: Trouble

    @classmethod
    def read(cls, output: Path, log: Path) -> Self:
        """Read the ends of both files; a missing one says nothing."""
        said = _tail(output)
        logged = _tail(log)
        whole = "\n".join((*said, *logged))
        known = (trouble for trouble, phrases in _PHRASES.items() if any(phrase in whole for phrase in phrases))
        lines = [*said, *(line for line in logged if "rror" in line or "arning" in line)] or logged
        return cls(" | ".join(lines[-_SHOWN_LINES:]) or "(nothing)", next(known, Trouble.UNKNOWN))


def _tail(path: Path) -> list[str]:
    with contextlib.suppress(OSError), path.open("rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - _TAIL_BYTES))
        return [line.strip() for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    return []

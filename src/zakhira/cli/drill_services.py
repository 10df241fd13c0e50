"""What the drill command asks for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from zakhira.cli.answer import Answer, Progress

DRILL_NAMES = ("lost-key", "lost-site", "coerced-officer", "fee-spike", "reorg", "node-down", "insider")


@dataclass(frozen=True)
class DrillOrder:
    """Which drill, under which programme's policy, and where the report goes; None: nowhere."""

    drill: str
    programme: Path
    out: Path | None


class DrillServices(Protocol):
    """Drills."""

    def play(self, order: DrillOrder, progress: Progress) -> Answer:
        """Carry the drill out and write its report."""

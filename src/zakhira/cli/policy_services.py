"""What the commands of policies ask of the program."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from zakhira.cli.answer import Answer, Progress


@dataclass(frozen=True)
class SimulationOrder:
    """What shall be replayed under another policy: the spends of a reserve of the last days, or a file of cases."""

    place: Path
    """a programme folder or a reserve: the policy that is in force"""
    changed: Path
    """a programme folder, a reserve or a policy as JSON: the policy that it is compared with"""
    days: int = 90
    cases: Path | None = None
    """a CSV or JSON file of cases; None: the spends of the reserve"""
    plot: Path | None = None
    """an SVG or PNG file to draw the answers into"""


class PolicyServices(Protocol):
    """``zakhira policy``: what can be said of a policy without changing anything."""

    def show(self, place: Path) -> Answer:
        """The rules, statutes, people and lists of a policy."""

    def check(self, place: Path, *, is_strict: bool) -> Answer:
        """What is wrong with a policy; raises Faults where something is, with ``is_strict`` for warnings too."""

    def diff(self, old: Path, new: Path) -> Answer:
        """What changed from one policy to another, and which questions are answered otherwise."""

    def explain(self, place: Path, spend: str, case: Path | None) -> Answer:
        """Which rule decides a spend of a reserve, or each case of a file, and why."""

    def simulate(self, order: SimulationOrder, progress: Progress) -> Answer:
        """What the answers would have been under a changed policy."""

"""What a comparison of the books with the world comes to: a line for each thing compared, and every difference."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from zakhira.kernel.money import Amount, Commodity


class Part(Enum):
    """What the books are held against."""

    CHAIN = "chain"
    METERS = "meters"
    BANK = "bank"


@dataclass(frozen=True)
class Difference:
    """One thing that the world and the books tell differently; what a side does not have is an amount of 0.

    ``key`` names it within its part and never changes while it lasts: an outpoint, a day of a meter, an entry of a
    statement. With an ``explanation`` it is the ordinary course of things; without one it becomes a case.
    """

    part: Part
    key: str
    subject: str
    """the vault, the licensee or zone, the bank account"""
    what: str
    """a sentence"""
    world: Amount
    books: Amount
    explanation: str = ""
    is_grave: bool = False
    """it halts payouts whatever its amount"""

    @property
    def gap(self) -> Amount:
        """By how much the world has more than the books."""
        return self.world - self.books


@dataclass(frozen=True)
class Line:
    """What was compared: world - books is the sum of the gaps of the subject's differences, to the least unit."""

    subject: str
    world: Amount
    books: Amount
    compared: int
    """things looked at: coins, days, payments"""


@dataclass(frozen=True)
class Findings:
    """What one part came to. ``is_whole`` is false where the world could not be asked: then no case is closed."""

    part: Part
    lines: tuple[Line, ...]
    differences: tuple[Difference, ...]
    notes: tuple[str, ...] = ()
    """what else must be said, in sentences: a gap between statements, an account without any"""
    is_whole: bool = True

    @property
    def explained(self) -> tuple[Difference, ...]:
        """Differences of the ordinary course of things."""
        return tuple(item for item in self.differences if item.explanation)

    @property
    def unexplained(self) -> tuple[Difference, ...]:
        """Differences that become cases."""
        return tuple(item for item in self.differences if not item.explanation)

    def untied(self) -> tuple[str, ...]:
        """Subjects of which world - books is not the sum of the differences: none, or the comparison is wrong."""
        return tuple(
            line.subject
            for line in self.lines
            if (line.world - line.books).units
            != sum(item.gap.units for item in self.differences if item.subject == line.subject)
        )


def gap_sum(differences: Iterable[Difference], commodity: Commodity) -> Amount:
    """The sum of the gaps in one commodity."""
    return Amount(sum(item.gap.units for item in differences if item.gap.commodity is commodity), commodity)

"""What the master asks: the value of megawatts in pieces that are each concave, with supergradients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from zakhira.programme.series import Floats


@dataclass(frozen=True)
class Look:
    """What an oracle says of MW [column].

    ``value_musd`` is what a feasible use of these MW is worth, in millions of USD a year: a lower bound of the truth.
    ``offset_musd`` [piece] + ``slope_musd_per_mw`` [piece, column] @ MW is at least the value of the piece at any MW.
    """

    value_musd: float
    offset_musd: Floats
    slope_musd_per_mw: Floats


class ValueOracle(Protocol):
    """A concave value of MW [column] beside their base, as a sum of pieces that are concave each."""

    @property
    def pieces(self) -> int:
        """How many pieces."""

    def look(self, power_mw: Floats) -> Look:
        """The value at a point with a cut for each piece."""

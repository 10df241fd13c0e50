"""One scenario: what is decided after it is known, and what it is worth."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from zakhira.planning.full.assembly import Assembly, Places
from zakhira.programme.series import Floats


@dataclass
class Recourse:
    """The columns that a scenario's value is made of, in millions of USD a year.

    ``weight`` is what a million of it counts in the objective as a part of the mean; its part in the worst scenarios
    is the matter of :mod:`zakhira.planning.full.risk`.
    """

    lp: Assembly
    weight: float
    _parts: list[tuple[Places, Floats]] = field(default_factory=list)

    def worth(self, columns: Places, value_musd: Floats | float) -> None:
        """Let one of each column add ``value_musd`` to the scenario; the two are broadcast together."""
        place, number = np.broadcast_arrays(columns, np.asarray(value_musd, dtype=np.float64))
        self._parts.append((place.ravel(), number.ravel()))
        self.lp.worth(place, self.weight * number)

    def add_to(self, row: Places) -> None:
        """Add the scenario's value to a row."""
        for place, number in self._parts:
            self.lp.term(row, place, number)

    def value_musd(self, primal: Floats) -> float:
        """The scenario's value at a point."""
        return sum(float(number @ primal[place]) for place, number in self._parts)

"""Who is served first: what a MWh of surplus is worth to each class, as a line in the marginal revenue of a hash."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from zakhira.planning.problem import AllocationProblem, OperatingYear
from zakhira.programme.series import Floats


@dataclass(frozen=True)
class Line:
    """Classes to whom a MWh is worth ``hashes x marginal revenue + fixed``: fleets alike, or all halls together."""

    hashes_per_mwh: float
    fixed_usd_per_mwh: float
    classes: tuple[int, ...]

    @property
    def is_hall(self) -> bool:
        """Halls mine nothing: to them surplus is worth the firm tariff that it saves."""
        return self.hashes_per_mwh == 0.0

    def value_usd_per_mwh(self, usd_per_hash: float) -> float:
        """What a MWh is worth at this marginal revenue."""
        return self.hashes_per_mwh * usd_per_hash + self.fixed_usd_per_mwh


@dataclass(frozen=True)
class Regime:
    """Marginal revenues from ``low`` to ``high`` USD per hash between which the order of service stays the same."""

    low: float
    high: float
    lines: tuple[Line, ...]
    """In the order of service."""


def lines_of(problem: AllocationProblem, year: OperatingYear) -> tuple[Line, ...]:
    """The classes of a year by their line."""
    found: dict[tuple[float, float], list[int]] = {}
    for place, position in enumerate(year.classes):
        worth = problem.worths[position]
        fixed = worth.surplus_value_usd_per_mwh if worth.is_hall else -worth.opex_usd_per_mwh
        found.setdefault((worth.hashes_per_mwh, fixed), []).append(place)
    return tuple(Line(hashes, fixed, tuple(classes)) for (hashes, fixed), classes in found.items())


def regimes_of(lines: tuple[Line, ...], low: float, high: float, cheapest_usd_per_mwh: float) -> tuple[Regime, ...]:
    """Cut ``low`` to ``high`` where two lines cross at a value above the cheapest surplus; ascending."""
    edges = {low, high}
    for number, one in enumerate(lines):
        for other in lines[:number]:
            if one.hashes_per_mwh != other.hashes_per_mwh:
                cross = (other.fixed_usd_per_mwh - one.fixed_usd_per_mwh) / (one.hashes_per_mwh - other.hashes_per_mwh)
                if low < cross < high and one.value_usd_per_mwh(cross) > cheapest_usd_per_mwh:
                    edges.add(cross)
    ends = sorted(edges)
    spans = list(pairwise(ends)) or [(low, high)]
    return tuple(Regime(first, last, _in_order(lines, (first + last) / 2)) for first, last in spans)


def _in_order(lines: tuple[Line, ...], usd_per_hash: float) -> tuple[Line, ...]:
    return tuple(sorted(lines, key=lambda line: -line.value_usd_per_mwh(usd_per_hash)))


def increments_mw(line: Line, run_share: Floats, power_mw: Floats) -> Floats:
    """What a line's classes may run [row]: ``run_share`` and ``power_mw`` are [class, row]."""
    return np.asarray(
        sum((run_share[place] * power_mw[place] for place in line.classes), np.zeros(run_share.shape[1])),
        dtype=np.float64,
    )

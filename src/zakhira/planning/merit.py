"""Who is served first: what a MWh of surplus is worth to each class, as a line in the marginal revenue of a hash."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from zakhira.planning.problem import AllocationProblem, OperatingYear


@dataclass(frozen=True)
class Line:
    """Fleets alike, to whom a MWh is worth ``hashes x marginal revenue - opex``; ``classes`` are positions."""

    hashes_per_mwh: float
    opex_usd_per_mwh: float
    classes: tuple[int, ...]

    def worth_usd_per_mwh(self, usd_per_hash: float) -> float:
        """What a MWh is worth at this marginal revenue."""
        return self.hashes_per_mwh * usd_per_hash - self.opex_usd_per_mwh

    def passes_usd_per_hash(self, firm_usd_per_mwh: float) -> float:
        """The marginal revenue from which surplus is worth more to the fleets than to a hall on firm supply."""
        return (firm_usd_per_mwh + self.opex_usd_per_mwh) / self.hashes_per_mwh


@dataclass(frozen=True)
class Merit:
    """The lines of the fleets, and the halls with the firm tariff that surplus saves them."""

    lines: tuple[Line, ...]
    halls: tuple[int, ...]
    firm_usd_per_mwh: float

    def dearest_usd_per_mwh(self, usd_per_hash: float) -> float:
        """The most that a MWh is worth to anybody at this marginal revenue."""
        worths = [line.worth_usd_per_mwh(usd_per_hash) for line in self.lines]
        return max([*worths, self.firm_usd_per_mwh if self.halls else 0.0, 0.0])


@dataclass(frozen=True)
class Regime:
    """Marginal revenues from ``low`` to ``high`` USD per hash at which fleets are served in the order of ``lines``."""

    low: float
    high: float
    lines: tuple[Line, ...]


def merit_of(problem: AllocationProblem, year: OperatingYear) -> Merit:
    """The classes of a year by what they make of surplus."""
    fleets: dict[tuple[float, float], list[int]] = {}
    halls = []
    firm = 0.0
    for place, position in enumerate(year.classes):
        worth = problem.worths[position]
        if worth.is_hall:
            halls.append(place)
            firm = worth.surplus_value_usd_per_mwh
        else:
            fleets.setdefault((worth.hashes_per_mwh, worth.opex_usd_per_mwh), []).append(place)
    lines = tuple(Line(hashes, opex, tuple(classes)) for (hashes, opex), classes in fleets.items())
    return Merit(lines, tuple(halls), firm)


def regimes_of(merit: Merit, low: float, high: float, cheapest_usd_per_mwh: float) -> tuple[Regime, ...]:
    """Cut ``low`` to ``high`` where two lines cross at a worth above the cheapest surplus; ascending."""
    edges = {low, high}
    for number, one in enumerate(merit.lines):
        for other in merit.lines[:number]:
            if one.hashes_per_mwh != other.hashes_per_mwh:
                rise = one.hashes_per_mwh - other.hashes_per_mwh
                cross = (one.opex_usd_per_mwh - other.opex_usd_per_mwh) / rise
                if low < cross < high and one.worth_usd_per_mwh(cross) > cheapest_usd_per_mwh:
                    edges.add(cross)
    ends = sorted(edges)
    spans = list(pairwise(ends)) or [(low, high)]
    return tuple(Regime(first, last, _in_order(merit.lines, (first + last) / 2)) for first, last in spans)


def _in_order(lines: tuple[Line, ...], usd_per_hash: float) -> tuple[Line, ...]:
    return tuple(sorted(lines, key=lambda line: -line.worth_usd_per_mwh(usd_per_hash)))

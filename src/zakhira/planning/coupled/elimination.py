"""Symmetric factors of one small sparse matrix per hour, all hours at once: the graph of links gives the pattern."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zakhira.planning.coupled.problem import Link
from zakhira.programme.series import Floats

Entries = dict[tuple[int, int], Floats]


@dataclass(frozen=True)
class Pattern:
    """An order of elimination, and for each pivot the zones behind it that it touches (with fill)."""

    order: tuple[int, ...]
    touched: tuple[tuple[int, ...], ...]


def pattern_of(zones: int, links: tuple[Link, ...]) -> Pattern:
    """Eliminate the zone with the fewest neighbours first: a path or a tree of links then has no fill."""
    neighbours: list[set[int]] = [set() for _ in range(zones)]
    for link in links:
        neighbours[link.zone_a].add(link.zone_b)
        neighbours[link.zone_b].add(link.zone_a)
    left, order, touched = set(range(zones)), [], []
    while left:
        pivot = min(left, key=lambda zone: (len(neighbours[zone]), zone))
        left.remove(pivot)
        behind = neighbours[pivot]
        for zone in behind:
            neighbours[zone] = (neighbours[zone] | behind) - {zone, pivot}
        order.append(pivot)
        touched.append(tuple(sorted(behind)))
    return Pattern(tuple(order), tuple(touched))


@dataclass(frozen=True)
class HourFactor:
    """``L D L'`` of each hour's matrix: ``below[i, j]`` [hour] for a pivot j, a later zone i; pivots [zone, hour]."""

    pattern: Pattern
    pivots: Floats
    below: Entries

    def solve(self, right: Floats) -> Floats:
        """The solution [zone, hour] for a right-hand side [zone, hour]."""
        found = right.copy()
        steps = tuple(zip(self.pattern.order, self.pattern.touched, strict=True))
        for pivot, later in steps:
            for zone in later:
                found[zone] -= self.below[zone, pivot] * found[pivot]
        found /= self.pivots
        for pivot, later in reversed(steps):
            for zone in later:
                found[pivot] -= self.below[zone, pivot] * found[zone]
        return found

    def inverse(self) -> Entries:
        """The entries of the inverse, both triangles, for zones that are joined by links.

        Takahashi's recursion from the last pivot to the first, over all pairs instead of the pattern's alone.
        """
        found: Entries = {}
        steps = tuple(zip(self.pattern.order, self.pattern.touched, strict=True))
        done: list[int] = []
        for pivot, later in reversed(steps):
            for zone in done:
                terms = [self.below[middle, pivot] * found[middle, zone] for middle in later if (middle, zone) in found]
                if terms:
                    found[pivot, zone] = found[zone, pivot] = -sum(terms[1:], start=terms[0])
            own = 1.0 / self.pivots[pivot]
            for middle in later:
                own = own - self.below[middle, pivot] * found[middle, pivot]
            found[pivot, pivot] = own
            done.append(pivot)
        return found


def factor_hours(pattern: Pattern, diagonal: Floats, links: Entries) -> HourFactor:
    """Factor symmetric positive definite matrices given by ``diagonal`` [zone, hour] and ``links`` (i, j) [hour]."""
    pivots = diagonal.copy()
    rest: Entries = {}
    for (first, second), value in links.items():
        for key in ((first, second), (second, first)):
            rest[key] = rest[key] + value if key in rest else value
    below: Entries = {}
    for pivot, later in zip(pattern.order, pattern.touched, strict=True):
        np.maximum(pivots[pivot], PIVOT_FLOOR * diagonal[pivot], out=pivots[pivot])
        for number, zone in enumerate(later):
            entry = rest[zone, pivot]
            share = below[zone, pivot] = entry / pivots[pivot]
            pivots[zone] -= share * entry
            for other in later[:number]:
                change = share * rest[other, pivot]
                for key in ((zone, other), (other, zone)):
                    rest[key] = rest[key] - change if key in rest else -change
    return HourFactor(pattern, pivots, below)


PIVOT_FLOOR = 1e-14
"""A pivot below this part of its diagonal is rounding."""

"""The frontier between two aims: supported points by weights, each with its bound, halfway where most is open.

Points are found as in the dichotomic scheme of Cohon (1978): the weights of the next optimum are the normal of the line
through two neighbours, so that it lies furthest beyond that line, or shows that nothing does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from zakhira.kernel.errors import InvalidInput
from zakhira.planning.objectives import AIMS, Found, Point, Search, most_of
from zakhira.programme.series import Floats

TINY_WEIGHT = 1e-6
"""Of the other aim at an end of the frontier, relative to what both come to: the best end among equals."""
BEYOND_SHARE = 1e-6
"""A point must lie this share beyond the line to be a new one."""


class NotTwoAims(InvalidInput):
    """A frontier lies between two different aims that there are."""

    code = "ZK-PLANNING-023"


@dataclass(frozen=True)
class FrontierPoint:
    """A plan on the frontier: both aims in their units, net value, and how far its weighted sum could be surpassed."""

    first: float
    second: float
    net_usd: float
    gap_share: float
    power_mw: Floats


@dataclass(frozen=True)
class Frontier:
    """Points from the most of ``first_aim`` to the most of ``second_aim``."""

    first_aim: str
    second_aim: str
    points: tuple[FrontierPoint, ...]


def frontier_of(search: Search, first_aim: str, second_aim: str, points: int) -> Frontier:
    """At most so many points (at least 2). All keep a net value of at least 0.

    Raises:
        NotTwoAims: an aim is unknown, or both are the same.
    """
    if first_aim == second_aim or first_aim not in AIMS or second_aim not in AIMS:
        raise NotTwoAims(f"{first_aim},{second_aim} are not two aims.", f"Give two of {', '.join(AIMS)}.")
    aims = first_aim, second_aim
    one, two = (most_of(replace(search, aims={aim: 1.0})).point for aim in aims)
    sizes = [max(abs(one.by_aim[aim]), abs(two.by_aim[aim]), 1e-9) for aim in aims]
    found = [
        _weighted(search, aims, (1.0 / sizes[0], TINY_WEIGHT / sizes[1])),
        _weighted(search, aims, (TINY_WEIGHT / sizes[0], 1.0 / sizes[1])),
    ]
    closed: set[tuple[float, float]] = set()
    while len(found) < points:
        spans = [(i, _span(found[i], found[i + 1], sizes)) for i in range(len(found) - 1)]
        open_spans = [
            (i, size) for i, size in spans if _key(found[i], found[i + 1]) not in closed and size > BEYOND_SHARE
        ]
        if not open_spans:
            break
        at, _ = max(open_spans, key=lambda pair: pair[1])
        left, right = found[at], found[at + 1]
        weights = (right.second - left.second, left.first - right.first)
        new = _weighted(search, aims, weights)
        line = weights[0] * left.first + weights[1] * left.second
        size = weights[0] * sizes[0] + weights[1] * sizes[1]
        inside = right.first < new.first < left.first and left.second < new.second < right.second
        if inside and weights[0] * new.first + weights[1] * new.second > line + BEYOND_SHARE * size:
            found.insert(at + 1, new)
        else:
            closed.add(_key(left, right))
    return Frontier(first_aim, second_aim, _monotone(found))


def _span(left: FrontierPoint, right: FrontierPoint, sizes: list[float]) -> float:
    """How much lies between two neighbours; nothing where one is no worse in both."""
    return min((left.first - right.first) / sizes[0], (right.second - left.second) / sizes[1])


def _key(left: FrontierPoint, right: FrontierPoint) -> tuple[float, float]:
    return left.first, right.first


def _weighted(search: Search, aims: tuple[str, str], weights: tuple[float, float]) -> FrontierPoint:
    """The optimum of a weighted sum of the two aims."""
    found = _kept(search, dict(zip(aims, weights, strict=True)))
    total = sum(weight * found.point.by_aim[aim] for aim, weight in zip(aims, weights, strict=True))
    gap = max(0.0, found.upper - total) / max(1e-300, abs(found.upper))
    point = found.point
    return FrontierPoint(point.by_aim[aims[0]], point.by_aim[aims[1]], point.net_usd, gap, point.power_mw)


def _kept(search: Search, weights: dict[str, float]) -> Found:
    """The optimum at these weights; with the net value among the aims it may fall below 0, and is then kept at 0."""
    found = most_of(replace(search, aims=weights))
    if found.point.net_usd >= 0 or "value" not in weights:
        return found
    rest = {aim: weight for aim, weight in weights.items() if aim != "value"}
    kept = most_of(replace(search, aims=rest))
    total = _sum(kept.point, weights)
    return Found(replace(kept.point, aim=total), max(found.upper, total), found.solves + kept.solves)


def _sum(point: Point, weights: dict[str, float]) -> float:
    return sum(weight * point.by_aim[aim] for aim, weight in weights.items())


def _monotone(points: list[FrontierPoint]) -> tuple[FrontierPoint, ...]:
    """The points that no other one is at least as good as in both aims, the most of the first aim first."""
    kept: list[FrontierPoint] = []
    for point in sorted(points, key=lambda each: (-each.first, -each.second)):
        if not kept or point.second > kept[-1].second:
            kept.append(point)
    return tuple(kept)

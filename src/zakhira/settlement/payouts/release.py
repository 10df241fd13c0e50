"""A release in parts: a few rows first, then more, then the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

SHARES_PER_MILLE = (10, 100, 1000)
"""How much of the rows is out after each part: one in a hundred, one in ten, all [E]. What is wrong with all of them
shows in the first."""


@dataclass(frozen=True)
class Part:
    """Rows ``start`` to before ``end``; ``number`` counts from 1."""

    number: int
    start: int
    end: int


def parts_of(rows: int, shares_per_mille: Sequence[int] = SHARES_PER_MILLE) -> tuple[Part, ...]:
    """The parts of so many rows (at least 1): each has at least one row, and the last ends with the last row."""
    ends = sorted({max(1, rows * share // 1000) for share in shares_per_mille} | {rows})
    starts = (0, *ends[:-1])
    return tuple(Part(number, start, end) for number, (start, end) in enumerate(zip(starts, ends, strict=True), 1))

"""Stretches of writes held against their entries: between which instants do those lie?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import LiteralString, Self

import numpy as np
from psycopg import Connection
from psycopg.rows import TupleRow

from zakhira.adapters.postgres.verifying.columns import Numbers, whole_numbers
from zakhira.adapters.postgres.verifying.findings import Findings
from zakhira.adapters.postgres.verifying.page import BEFORE_ALL, NEVER

_STRETCHES: LiteralString = """
SELECT array_send(array_agg(first)), array_send(array_agg(through)), array_send(array_agg(first_at)),
       array_send(array_agg(last_at))
FROM (SELECT * FROM zakhira.stretch ORDER BY through) AS ordered
"""


@dataclass(frozen=True)
class Stretches:
    """Every stretch as the store has it, and as what was followed so far has it; one element for each."""

    first: Numbers
    through: Numbers
    """numbers of writes, the last with it"""
    first_at: Numbers
    last_at: Numbers
    earliest: Numbers
    latest: Numbers

    @classmethod
    def read(cls, connection: Connection[TupleRow]) -> Self:
        """What the store says, and nothing followed yet."""
        row = connection.cursor(binary=True).execute(_STRETCHES).fetchone()
        assert row is not None, "an aggregate always answers"
        first, through, first_at, last_at = (whole_numbers(column, 8) for column in row)
        count = len(through)
        return cls(first, through, first_at, last_at, np.full(count, NEVER), np.full(count, BEFORE_ALL))

    def follow(self, found: Findings) -> None:
        """Take in a page; writes behind the last stretch are in none."""
        places = np.searchsorted(self.through, [write.number for write in found.writes])
        inside = places < len(self.through)
        np.minimum.at(self.earliest, places[inside], found.earliest[inside])
        np.maximum.at(self.latest, places[inside], found.latest[inside])

    def breaks(self) -> Iterator[str]:
        """Stretches that leave out numbers, or whose entries lie elsewhere in time, after every page was followed."""
        wrong = (self.first_at != self.earliest) | (self.last_at != self.latest)
        wrong |= self.first != np.append([0], self.through)[:-1] + 1
        for number in self.through[wrong].tolist():
            yield f"stretch to write {number}: it does not begin where the store says, or it lies elsewhere in time."

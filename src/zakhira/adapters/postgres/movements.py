"""What was allowed to move, summed by the database over its indexes: no history is read for a decision."""

from __future__ import annotations

from datetime import datetime
from typing import LiteralString

from psycopg import Connection
from psycopg.rows import TupleRow

from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.controls.engine.movements import Moved
from zakhira.kernel.interval import require_utc
from zakhira.kernel.money import Commodity

# Of one destination a matter has one row; otherwise its first row stands for the matter.
_SUM: LiteralString = """
SELECT coalesce(sum(units), 0)::bigint, count(*) FILTER (WHERE %(each)s OR ordinal = 1)
FROM zakhira.movement WHERE commodity = %(commodity)s AND at > %(since)s AND at <= %(until)s AND id <> %(but)s
    AND (%(actions)s::text[] = '{}' OR action = ANY(%(actions)s))
"""
_WAITING: LiteralString = """
SELECT coalesce(sum(units), 0)::bigint FROM zakhira.movement
WHERE commodity = %(commodity)s AND is_waiting AND id <> %(but)s
"""
_SCOPES: dict[str, LiteralString] = {
    "vault": "AND vault = %(key)s",
    "destination": "AND destination = %(key)s",
    "purpose": "AND purpose = %(key)s",
    "programme": "",
    "lot purpose": "AND action = 'spend' AND lot_purposes @> ARRAY[%(key)s::text]",
}


class PostgresMovements:
    """Implements :class:`zakhira.flows.ports.movement_store.MovementStore` over the connection of the books."""

    def __init__(self, books: PostgresBooks) -> None:
        self._books = books

    def moved(
        self,
        commodity: Commodity,
        since: datetime,
        until: datetime,
        *,
        scope: str,
        key: str = "",
        but: str = "",
        actions: tuple[str, ...] = (),
    ) -> Moved:
        """What was allowed in ``since < at <= until``; see the Protocol."""
        given = {
            "commodity": commodity.value,
            "since": require_utc(since),
            "until": require_utc(until),
            "key": key,
            "but": but,
            "actions": list(actions),
            "each": scope == "destination",
        }

        def summed(connection: Connection[TupleRow]) -> Moved:
            row = connection.execute(_SUM + _SCOPES[scope], given).fetchone()
            assert row is not None, "a sum has a row"
            return Moved(*row)

        return self._books.ask(summed)

    def waiting(self, commodity: Commodity, *, scope: str, key: str = "", but: str = "") -> int:
        """What allowed matters will still take; see the port."""
        given = {"commodity": commodity.value, "key": key, "but": but}

        def summed(connection: Connection[TupleRow]) -> int:
            row = connection.execute(_WAITING + _SCOPES[scope], given).fetchone()
            assert row is not None, "a sum has a row"
            return int(row[0])

        return self._books.ask(summed)

"""What stands behind the claims in coin, and the deficits that were found, read from the tables."""

from __future__ import annotations

from typing import LiteralString

from psycopg import Connection
from psycopg.rows import TupleRow

from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.flows.ports.backing_store import Deficit
from zakhira.flows.ports.ledger_books import Backing
from zakhira.kernel.money import Commodity

# Coins that nobody has judged yet are of unknown origin as well: both kinds stand behind nothing.
_BACKING: LiteralString = """
SELECT proven_units, own_change_units, suspense_units + unjudged_units, encumbered_units, held_units, outgoing_units,
       demand_units, term_units, is_halted
FROM zakhira.backing WHERE commodity = %s
"""
_DEFICITS: LiteralString = """
SELECT number, commodity, sequence, at, claims_units, available_units, demand_units, on_demand_units, by_units
FROM zakhira.deficit ORDER BY number DESC LIMIT %s
"""


def read_backing(connection: Connection[TupleRow], commodity: Commodity) -> Backing | None:
    """The row of a coin; None for what is no coin."""
    row = connection.execute(_BACKING, (commodity.value,)).fetchone()
    return None if row is None else Backing(commodity, *row)


def read_deficits(connection: Connection[TupleRow], limit: int) -> tuple[Deficit, ...]:
    """The last deficits, the newest first."""
    rows = connection.execute(_DEFICITS, (limit,))
    return tuple(Deficit(row[0], Commodity(row[1]), *row[2:]) for row in rows)


class PostgresBacking:
    """Implements :class:`zakhira.flows.ports.backing_store.BackingStore` over the connection of the books."""

    def __init__(self, books: PostgresBooks) -> None:
        self._books = books

    def backing(self, commodity: Commodity) -> Backing | None:
        """What stands behind the claims in a coin now; None for what is no coin."""
        return self._books.ask(lambda connection: read_backing(connection, commodity))

    def deficits(self, limit: int = 20) -> tuple[Deficit, ...]:
        """The last deficits, the newest first."""
        return self._books.ask(lambda connection: read_deficits(connection, limit))

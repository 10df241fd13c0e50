"""The followed chain and the history of spends, computed anew from their own rows alone, in the order of numbers."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import LiteralString

from psycopg import Connection
from psycopg.rows import TupleRow

from zakhira.adapters.postgres.reading import read_shown_chain
from zakhira.adapters.postgres.rows import audit_from, event_from
from zakhira.flows.governing.acts import AUTHORITY_ACT
from zakhira.flows.movement_record import MOVEMENT
from zakhira.flows.ports.books import Record, StoredWrite
from zakhira.flows.ports.books_check import decode_body
from zakhira.flows.ports.coin_events import BrokenChainEvent
from zakhira.flows.ports.coin_fold import ChainFold, fold_breaks
from zakhira.flows.ports.spend_history import history_breaks
from zakhira.flows.spending.spend import TREASURY_SPEND

_AT_ONCE = 1_000
_EVENTS: LiteralString = """
SELECT event.sequence, audit.key, event.kind, event.height, event.block_hash, event.previous_hash, event.outpoint,
       event.vault, event.branch, event.place, event.amount_sats, event.script_hex, event.is_coinbase, event.spent_by
FROM zakhira.chain_event AS event JOIN zakhira.audit ON audit.sequence = event.sequence
ORDER BY event.sequence, event.ordinal
"""
_HISTORY: LiteralString = """
SELECT audit.sequence, audit.key, audit.actor, audit.action, audit.at, audit.content_hash, audit.leaf_hash,
       told.records
FROM zakhira.audit JOIN LATERAL (
    SELECT array_agg(ARRAY[record.kind, record.id, record.body::text] ORDER BY record.ordinal) AS records
    FROM zakhira.record WHERE record.sequence = audit.sequence AND record.kind = ANY (%(kinds)s)) AS told ON true
WHERE audit.sequence > %(after)s AND audit.sequence IN (
    SELECT DISTINCT record.sequence FROM zakhira.record
    WHERE record.kind = ANY (%(kinds)s) AND record.sequence > %(after)s ORDER BY 1 LIMIT %(most)s)
ORDER BY audit.sequence
"""
_LATEST: LiteralString = """
SELECT sequence, key, actor, action, at, content_hash, leaf_hash FROM zakhira.audit ORDER BY at DESC LIMIT 1
"""


def read_event_breaks(connection: Connection[TupleRow]) -> tuple[list[tuple[int, str]], list[str]]:
    """Events that do not follow, with the numbers of their writes; and where the store shows another chain."""
    fold, breaks = ChainFold(), []
    with connection.cursor("events") as rows:
        rows.itersize = _AT_ONCE
        rows.execute(_EVENTS)
        for (number, key), of_write in groupby(rows, key=itemgetter(0, 1)):
            try:
                fold.add([event_from(row[2:]) for row in of_write])
            except BrokenChainEvent as error:
                breaks.append((number, f"write {number} ({key}): {error.message}"))
    shown = read_shown_chain(connection)
    return breaks, fold_breaks(fold, shown.blocks, shown.coins)


def read_history_breaks(connection: Connection[TupleRow]) -> tuple[str, ...]:
    """What :func:`history_breaks` says of all writes."""
    return history_breaks(_Telling(connection))


class _Telling:
    """The writes that tell of spends, movements and acts, and the latest of all; read anew whenever they are asked."""

    def __init__(self, connection: Connection[TupleRow]) -> None:
        self._connection = connection

    def __iter__(self) -> Iterator[StoredWrite]:
        kinds, after = [TREASURY_SPEND, MOVEMENT, AUTHORITY_ACT], 0
        while rows := self._some(kinds, after):
            for *of_write, records in rows:
                told = tuple(Record(kind, id_, decode_body(body)) for kind, id_, body in records or ())
                yield StoredWrite(audit_from(tuple(of_write)), (), told)
            after = rows[-1][0]
        for row in self._connection.execute(_LATEST).fetchall():
            yield StoredWrite(audit_from(row), (), ())

    def _some(self, kinds: list[str], after: int) -> list[TupleRow]:
        given = {"kinds": kinds, "after": after, "most": _AT_ONCE}
        return self._connection.execute(_HISTORY, given).fetchall()

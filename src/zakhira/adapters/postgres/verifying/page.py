"""What stands in the ledger's tables for a stretch of writes, read as columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import LiteralString, NamedTuple

import numpy as np
import polars as pl
from psycopg import Connection
from psycopg.rows import TupleRow

from zakhira.adapters.postgres.rows import event_from
from zakhira.adapters.postgres.verifying.columns import (
    Numbers,
    Texts,
    pool_of,
    unpair,
    whole_numbers,
)
from zakhira.flows.ports.books import Record
from zakhira.flows.ports.books_check import decode_body
from zakhira.flows.ports.coin_events import CoinEvent
from zakhira.kernel.money import Commodity

COMMODITIES = tuple(Commodity)
"""Their codes in columns are their places here, from 1; 0 is none of them."""
POSTINGS_AT_ONCE = 200_000
"""A chunk of so many postings takes about 200 MB while it is checked, and its arrays outgrow what a call costs."""
RECORD_WEIGHT = 100
"""A record may be as large as so many postings."""
_WRITES_AT_ONCE = 20_000

_WRITES: LiteralString = """
SELECT sequence, key, content_hash, entry_count, posting_count, record_count, event_count FROM zakhira.audit
WHERE sequence > %s ORDER BY sequence LIMIT %s
"""
# Of what a transfer does not tell whole no commodity is known.
_CODES = " ".join(f"WHEN '{commodity.value}' THEN {code}" for code, commodity in enumerate(COMMODITIES, 1))
_POSTINGS = f"""
SELECT array_send(array_agg((sequence - %(first)s) * 4294967296 + account)), array_send(array_agg(coalesce(units, 0))),
       array_send(array_agg(entry_ordinal * 4294967296 + ordinal)), array_send(array_agg(day)),
       array_send(array_agg(CASE WHEN units IS NULL THEN 0 ELSE CASE commodity {_CODES} ELSE 0 END END)),
       count(lot_outpoint) + count(lot_source) + count(cost_units) + count(cost_commodity)
FROM (SELECT * FROM zakhira.posted WHERE sequence BETWEEN %(first)s AND %(last)s
      ORDER BY sequence, entry_ordinal, ordinal) AS ordered
""".encode()  # noqa: S608 - names of this program's commodities
_DETAILS: LiteralString = """
SELECT place, lot_outpoint, lot_source, cost_units, cost_commodity FROM (
    SELECT row_number() OVER (ORDER BY sequence, entry_ordinal, ordinal) - 1 AS place, posting.*
    FROM zakhira.posted AS posting
    WHERE sequence BETWEEN %(first)s AND %(last)s) AS numbered
WHERE num_nulls(lot_outpoint, lot_source, cost_units, cost_commodity) < 4
ORDER BY place
"""
_ENTRIES: LiteralString = r"""
SELECT array_send(array_agg((sequence - %(first)s) * 4294967296 + ordinal)), array_send(array_agg(at)),
       array_send(array_agg(posting_count)), string_agg(textsend(id), '\000'::bytea),
       string_agg(textsend(narration), '\000'::bytea), string_agg(textsend(evidence), '\000'::bytea), count(reverses)
FROM (SELECT * FROM zakhira.entry WHERE sequence BETWEEN %(first)s AND %(last)s ORDER BY sequence, ordinal) AS ordered
"""
_REVERSALS: LiteralString = """
SELECT place, reverses FROM (
    SELECT row_number() OVER (ORDER BY sequence, ordinal) - 1 AS place, reverses FROM zakhira.entry
    WHERE sequence BETWEEN %(first)s AND %(last)s) AS numbered
WHERE reverses IS NOT NULL ORDER BY place
"""
_RECORDS: LiteralString = """
SELECT sequence, kind, id, body::text FROM zakhira.record WHERE sequence BETWEEN %(first)s AND %(last)s
ORDER BY sequence, ordinal
"""
_EVENTS: LiteralString = """
SELECT sequence, kind, height, block_hash, previous_hash, outpoint, vault, branch, place, amount_sats, script_hex,
       is_coinbase, spent_by
FROM zakhira.chain_event WHERE sequence BETWEEN %(first)s AND %(last)s
ORDER BY sequence, ordinal
"""
_FIRST_DAY = date(2000, 1, 1)
"""From which PostgreSQL counts microseconds and days."""
_DAY_SECONDS = 86_400
_SECOND_MICROSECONDS = 1_000_000
DAY_MICROSECONDS = _DAY_SECONDS * _SECOND_MICROSECONDS
NEVER, BEFORE_ALL = int(np.iinfo(np.int64).max), int(np.iinfo(np.int64).min)
"""``infinity`` and ``-infinity`` as PostgreSQL sends them."""
_MAX_SPAN = 1 << 30


class WriteRow(NamedTuple):
    """What an audit entry says of its write's content."""

    number: int
    key: str
    content_hash: str
    entries: int
    postings: int
    records: int
    events: int

    @property
    def weight(self) -> int:
        """How large the write is, in postings."""
        return 1 + self.entries + self.postings + RECORD_WEIGHT * (self.records + self.events)

    @property
    def name(self) -> str:
        """How sentences call it."""
        return f"write {self.number} ({self.key})"


class Detail(NamedTuple):
    """Lot and cost of one posting."""

    outpoint: str | None
    source: str | None
    cost_units: int | None
    cost_commodity: str | None


@dataclass(frozen=True)
class Postings:
    """Postings in the order of write, entry and place."""

    write_offset: Numbers
    """number of the write less that of the page's first"""
    entry: Numbers
    ordinal: Numbers
    account: Numbers
    units: Numbers
    day: Numbers
    commodity: Numbers
    details: dict[int, Detail] = field(default_factory=dict)


@dataclass(frozen=True)
class Entries:
    """Entries in the order of write and place."""

    key: Numbers
    """offset of the write * 2^32 + place"""
    at: Numbers
    """microseconds since 2000"""
    postings: Numbers
    ids: Texts
    narrations: Texts
    evidences: Texts
    reverses: dict[int, str] = field(default_factory=dict)

    @property
    def days(self) -> Numbers:
        """On which day each of them is dated, as PostgreSQL counts days."""
        return self.at // DAY_MICROSECONDS

    def instants(self) -> pl.Series:
        """When each of them happened, as ``exact_utc_text`` writes it: put together from days, seconds, fractions."""
        days, within = np.divmod(self.at, DAY_MICROSECONDS)
        seconds, fractions = np.divmod(within, _SECOND_MICROSECONDS)
        return _gathered(days, _date) + _times().gather(seconds) + _gathered(fractions, _end)


@dataclass(frozen=True)
class Page:
    """All that stands under the numbers from ``first`` to ``last``. ``writes`` are in order, and never none."""

    writes: list[WriteRow]
    postings: Postings
    entries: Entries
    records: dict[int, list[Record]]
    events: dict[int, list[CoinEvent]]

    @property
    def first(self) -> int:
        """The number of its first write."""
        return self.writes[0].number


def read_spans(connection: Connection[TupleRow], most: int = POSTINGS_AT_ONCE) -> Iterator[list[WriteRow]]:
    """All writes by number, in stretches of about ``most`` postings, or of one write if that is larger."""
    span: list[WriteRow] = []
    weight, after = 0, 0
    while rows := connection.execute(_WRITES, (after, _WRITES_AT_ONCE)).fetchall():
        for row in map(WriteRow._make, rows):
            if span and (weight + row.weight > most or row.number - span[0].number >= _MAX_SPAN):
                yield span
                span, weight = [], 0
            span.append(row)
            weight += row.weight
        after = rows[-1][0]
    if span:
        yield span


def read_page(connection: Connection[TupleRow], writes: list[WriteRow]) -> Page:
    """The page of these writes; inside a transaction of the caller's."""
    given = {"first": writes[0].number, "last": writes[-1].number}
    records = {
        number: [Record(kind, id_, decode_body(body)) for _, kind, id_, body in rows]
        for number, rows in groupby(connection.execute(_RECORDS, given), key=itemgetter(0))
    }
    events = {
        number: [event_from(row[1:]) for row in rows]
        for number, rows in groupby(connection.execute(_EVENTS, given), key=itemgetter(0))
    }
    return Page(writes, _postings(connection, given), _entries(connection, given), records, events)


def _postings(connection: Connection[TupleRow], given: dict[str, int]) -> Postings:
    row = connection.cursor(binary=True).execute(_POSTINGS, given).fetchone()
    assert row is not None, "an aggregate always answers"
    accounts, units, places, days, commodities, details = row
    offset, account = unpair(whole_numbers(accounts, 8))
    entry, ordinal = unpair(whole_numbers(places, 8))
    found: dict[int, Detail] = {}
    if details:
        found = {place: Detail(*rest) for place, *rest in connection.execute(_DETAILS, given)}
    return Postings(
        offset,
        entry,
        ordinal,
        account,
        whole_numbers(units, 8),
        whole_numbers(days, 4),
        whole_numbers(commodities, 4),
        found,
    )


def _entries(connection: Connection[TupleRow], given: dict[str, int]) -> Entries:
    row = connection.cursor(binary=True).execute(_ENTRIES, given).fetchone()
    assert row is not None, "an aggregate always answers"
    keys, at, counts, ids, narrations, evidences, reversals = row
    key = whole_numbers(keys, 8)
    found: dict[int, str] = dict(connection.execute(_REVERSALS, given).fetchall()) if reversals else {}
    ids_, told, proven = (Texts(texts, len(key)) for texts in (ids, narrations, evidences))
    return Entries(key, whole_numbers(at, 8), whole_numbers(counts, 4), ids_, told, proven, found)


def _gathered(values: Numbers, text: Callable[[int], str]) -> pl.Series:
    """The text of each value; one that stands in many places is written once."""
    there, places = np.unique(values, return_inverse=True)
    return pool_of(map(text, there.tolist())).gather(places)


def _date(day: int) -> str:
    try:
        return (_FIRST_DAY + timedelta(days=day)).isoformat()
    except OverflowError:
        return "beyond the years that a date can tell, "


def _end(microseconds: int) -> str:
    return f".{microseconds:06d}Z" if microseconds else "Z"


@cache
def _times() -> pl.Series:
    """Every second of a day."""
    return pool_of(f"T{at // 3600:02d}:{at // 60 % 60:02d}:{at % 60:02d}" for at in range(_DAY_SECONDS))

"""What accounts held as of two dates, and what was posted between two instants, out of a ledger of any length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import LiteralString

from psycopg import Connection
from psycopg.rows import TupleRow

from zakhira.flows.ports.ledger_books import AsOf
from zakhira.kernel.interval import require_utc

_ONE_BY_ONE: LiteralString = (
    "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL enable_seqscan = off; "
    "SET LOCAL work_mem = '64MB'"
)
"""However the tables have grown since they were last analysed, rows are looked up by their keys."""
_PLACED: LiteralString = """
SELECT int8range(stretch.first, stretch.through + 1) AS numbers, stretch.first_at, stretch.last_at FROM zakhira.stretch
UNION ALL
SELECT int8range(coalesce(max(stretch.through), 0) + 1, NULL), '-infinity', 'infinity' FROM zakhira.stretch
"""
"""Stretches of the writes' numbers, and between which instants their entries lie; behind the last all is open."""
# Whole days come from the sums by day of busy accounts, and from postings behind what is rolled up. Of other accounts
# either the postings before are added up or those since are taken off the balance of now, whichever are fewer. Of the
# day in which the instant falls each entry's own time is looked at where a stretch holds some before it and some since.
_AT: LiteralString = f"""
WITH known AS MATERIALIZED (
    SELECT CASE WHEN %(known)s::timestamptz IS NULL THEN 9223372036854775806
                ELSE zakhira.number_before(%(known)s) END AS number),
bound AS (
    SELECT coalesce(max(stretch.through) FILTER (WHERE stretch.first_at < %(midnight)s::timestamptz), 0) + 1
               AS last_before,
           coalesce(min(stretch.first) FILTER (WHERE stretch.last_at >= %(midnight)s::timestamptz),
                    max(stretch.through) + 1, 1) AS first_since,
           coalesce(max(stretch.through), 0) + 1 AS top
    FROM zakhira.stretch),
way AS MATERIALIZED (
    SELECT is_back, CASE WHEN is_back THEN int8multirange(int8range(first_since, NULL))
        ELSE int8multirange(int8range(1, last_before), int8range(top, NULL)) * int8multirange(int8range(1, known))
        END AS numbers
    FROM (
        SELECT bound.last_before, bound.top, known.number + 1 AS known,
               least(bound.first_since, known.number + 1) AS first_since,
               least(bound.last_before, known.number) > bound.top - least(bound.first_since, known.number) AS is_back
        FROM bound CROSS JOIN known) AS ways),
day AS MATERIALIZED (
    SELECT range_agg(placed.numbers) FILTER (WHERE placed.last_at < %(before)s::timestamptz)
               * int8multirange(int8range(1, known.number + 1)) AS before,
           range_agg(placed.numbers) FILTER (WHERE placed.last_at >= %(before)s::timestamptz)
               * int8multirange(int8range(1, known.number + 1)) AS mixed
    FROM ({_PLACED}) AS placed CROSS JOIN known
    WHERE placed.first_at < %(before)s::timestamptz AND placed.last_at >= %(midnight)s::timestamptz
    GROUP BY known.number)
SELECT account.code, account.commodity,
       CASE WHEN way.is_back AND rolled.through = 0 THEN balance.units - coalesce(behind.units, 0)
            ELSE coalesce(rolled.units, 0) + coalesce(behind.units, 0) END
       + CASE WHEN %(rest)s THEN (
           SELECT coalesce(sum(posting.units), 0) FROM day CROSS JOIN unnest(day.before) AS span (numbers)
           CROSS JOIN LATERAL zakhira.posted_between(
               account.number, lower(span.numbers), upper(span.numbers)) AS posting
           WHERE posting.day = %(day)s::date) + (
           SELECT coalesce(sum(posting.units), 0) FROM day CROSS JOIN unnest(day.mixed) AS span (numbers)
           CROSS JOIN LATERAL zakhira.posted_between(
               account.number, lower(span.numbers), upper(span.numbers)) AS posting
           JOIN zakhira.entry ON entry.sequence = posting.sequence AND entry.ordinal = posting.entry_ordinal
           WHERE posting.day = %(day)s::date AND entry.at < %(before)s::timestamptz) ELSE 0 END
FROM zakhira.account JOIN zakhira.balance ON balance.account = account.number CROSS JOIN known CROSS JOIN way
CROSS JOIN LATERAL (
    SELECT sum(rollup.units) FILTER (WHERE rollup.day < %(day)s::date) AS units,
           coalesce(max(rollup.through), 0) AS through
    FROM zakhira.rollup WHERE rollup.account = account.number AND rollup.through <= known.number) AS rolled
CROSS JOIN LATERAL (
    SELECT sum(posting.units) AS units
    FROM unnest(CASE WHEN rolled.through = 0 THEN way.numbers
                ELSE int8multirange(int8range(rolled.through + 1, known.number + 1)) END) AS span (numbers)
    CROSS JOIN LATERAL zakhira.posted_between(account.number, lower(span.numbers), upper(span.numbers)) AS posting
    WHERE (posting.day < %(day)s::date AND posting.sequence <= known.number)
        <> (way.is_back AND rolled.through = 0)) AS behind
WHERE account.code = ANY(%(codes)s)
"""  # noqa: S608 - a part of this file
# Only what lies in a stretch that holds something of the period is looked at.
_LINES: LiteralString = f"""
WITH span AS MATERIALIZED (
    SELECT lower(one.numbers) AS first, upper(one.numbers) AS behind
    FROM (SELECT unnest(range_agg(placed.numbers)) AS numbers FROM ({_PLACED}) AS placed
          WHERE placed.first_at < %(end)s AND placed.last_at >= %(start)s) AS one),
posted AS MATERIALIZED ( -- in the order in which their entries lie on disk
    SELECT posting.* FROM unnest(%(numbers)s::integer[]) AS wanted (number) CROSS JOIN span
    CROSS JOIN LATERAL zakhira.posted_between(wanted.number, span.first, span.behind) AS posting
    WHERE posting.day BETWEEN %(first_day)s AND %(last_day)s
    ORDER BY posting.sequence, posting.entry_ordinal)
SELECT posted.account, entry.id, entry.at, audit.written_at, entry.narration, entry.evidence,
       posted.commodity, posted.units, posted.lot_outpoint, posted.lot_source, posted.cost_units,
       posted.cost_commodity
FROM posted
JOIN zakhira.entry ON entry.sequence = posted.sequence AND entry.ordinal = posted.entry_ordinal
JOIN zakhira.audit ON audit.sequence = posted.sequence
WHERE entry.at >= %(start)s AND entry.at < %(end)s
ORDER BY posted.account, entry.at, posted.sequence, posted.entry_ordinal, posted.ordinal
"""  # noqa: S608 - a part of this file
_NUMBERS: LiteralString = "SELECT number, code FROM zakhira.account WHERE code = ANY(%s)"
_NEVER = "infinity"
"""The day and the instant after all others, as PostgreSQL calls them."""


def read_balances(connection: Connection[TupleRow], codes: Sequence[str], as_of: AsOf) -> list[TupleRow]:
    """Code, commodity and least units of these accounts as of two dates."""
    before = None if as_of.before is None else require_utc(as_of.before)
    midnight = None if before is None else before.replace(hour=0, minute=0, second=0, microsecond=0)
    given = {
        "codes": list(codes),
        "known": None if as_of.known_before is None else require_utc(as_of.known_before),
        "before": before,
        "midnight": midnight or _NEVER,
        "day": midnight.date() if midnight else _NEVER,
        "rest": before != midnight,
    }
    return _looked_up(connection, _AT, given)


def read_lines(
    connection: Connection[TupleRow], codes: Sequence[str], start: datetime, end: datetime
) -> tuple[list[TupleRow], dict[int, str]]:
    """The postings of entries dated ``start`` to before ``end`` on these accounts, and their codes by number."""
    names = {int(number): str(code) for number, code in connection.execute(_NUMBERS, (list(codes),))}
    given = {
        "start": require_utc(start),
        "end": require_utc(end),
        "first_day": start.date(),
        "last_day": end.date(),
        "numbers": list(names),
    }
    return _looked_up(connection, _LINES, given), names


def _looked_up(connection: Connection[TupleRow], query: LiteralString, given: Mapping[str, object]) -> list[TupleRow]:
    with connection.transaction():
        connection.execute(_ONE_BY_ONE)
        return connection.execute(query, given).fetchall()

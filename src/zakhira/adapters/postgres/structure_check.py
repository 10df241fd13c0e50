"""What the tables say beside what is hashed: rows that must be there, counts, and what accounts are kept in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import LiteralString

from psycopg import Connection
from psycopg.rows import TupleRow

from zakhira.adapters.postgres.derived_check import read_derived_breaks
from zakhira.adapters.postgres.guard_check import read_guard_breaks
from zakhira.kernel.money import Commodity

_ONE_ROW: tuple[tuple[LiteralString, LiteralString], ...] = (
    ("audit_head", "SELECT count(*) FROM zakhira.audit_head"),
    ("sealing", "SELECT count(*) FROM zakhira.sealing"),
)
_UNKNOWN_ACCOUNTS: LiteralString = """
SELECT 'account ' || code, commodity FROM zakhira.account WHERE commodity <> ALL (%(known)s)
ORDER BY 1
"""
_UNKNOWN: LiteralString = """
SELECT 'account ' || code, commodity FROM zakhira.account WHERE commodity <> ALL (%(known)s)
UNION ALL
SELECT 'posting ' || ordinal || ' of entry ' || entry_ordinal || ' of write ' || sequence, commodity
FROM zakhira.posting WHERE commodity <> ALL (%(known)s)
UNION ALL
SELECT 'entry ' || ordinal || ' of write ' || sequence,
       CASE num_nulls(account, other, units, commodity) WHEN 0 THEN commodity END
FROM zakhira.entry WHERE commodity <> ALL (%(known)s) OR num_nulls(account, other, units, commodity) BETWEEN 1 AND 3
ORDER BY 1
"""
_COUNTS: LiteralString = """
SELECT 'write ' || audit.sequence || ' (' || audit.key || ')', told.what, told.due, told.found
FROM zakhira.audit
LEFT JOIN (SELECT sequence, count(*) AS found, min(record_count) AS low, max(record_count) AS high
           FROM zakhira.record GROUP BY sequence) AS records ON records.sequence = audit.sequence
LEFT JOIN (SELECT sequence, count(*) AS found, min(event_count) AS low, max(event_count) AS high
           FROM zakhira.chain_event GROUP BY sequence) AS events ON events.sequence = audit.sequence
CROSS JOIN LATERAL (VALUES
    ('records', audit.record_count, coalesce(records.found, 0), records.low, records.high),
    ('events', audit.event_count, coalesce(events.found, 0), events.low, events.high)
) AS told (what, due, found, low, high)
WHERE told.due <> told.found OR told.low <> told.found OR told.high <> told.found
ORDER BY 1, 2
"""
_GUARDS: LiteralString = """
SELECT lot.outpoint, lot.account FROM zakhira.lot LEFT JOIN zakhira.account ON account.code = lot.account
WHERE lot.guarded IS DISTINCT FROM (account.kind = 'asset')
ORDER BY lot.account, lot.outpoint
"""
_AHEAD: LiteralString = """
SELECT sealing.done_through, CASE WHEN number.is_called THEN number.last_value ELSE 0 END
FROM zakhira.sealing, zakhira.write_number AS number
"""


def read_unreadable(connection: Connection[TupleRow]) -> tuple[str, ...]:
    """Rows without which nothing of the store can be computed anew, in sentences; nothing if all are there."""
    return tuple(_unreadable(connection, _UNKNOWN))


def read_unreadable_accounts(connection: Connection[TupleRow]) -> tuple[str, ...]:
    """The same of accounts alone, which are few."""
    return tuple(_unreadable(connection, _UNKNOWN_ACCOUNTS))


def _unreadable(connection: Connection[TupleRow], question: LiteralString) -> Iterator[str]:
    known = [commodity.value for commodity in Commodity]
    for name, commodity in connection.execute(question, {"known": known}):
        if commodity is None:
            yield f"{name}: its transfer is not told whole."
        else:
            yield f"{name}: it is kept in {commodity!r}, which is none of {', '.join(known)}."


def read_structure_breaks(connection: Connection[TupleRow]) -> tuple[str, ...]:
    """Everything beside the hashed content that does not hold, in sentences; nothing if all is well.

    Entries and postings are counted where they are read, by ``verifying.entry_rules``.
    """
    own = (*_rows(connection), *_commodities(connection), *_counts(connection), *_guards(connection))
    return (*own, *read_derived_breaks(connection), *read_guard_breaks(connection))


def _rows(connection: Connection[TupleRow]) -> Iterator[str]:
    for table, question in _ONE_ROW:
        row = connection.execute(question).fetchone()
        if row != (1,):
            yield f"{table}: its one row is gone: where the chain ends, or was sealed, is told nowhere."
    for done, drawn in connection.execute(_AHEAD):
        if done > drawn:
            yield f"sealing: it says that writes are sealed up to number {done}, and the last number drawn is {drawn}."


def _commodities(connection: Connection[TupleRow]) -> Iterator[str]:
    shown: dict[str, int] = dict(connection.execute("SELECT code, decimals FROM zakhira.commodity").fetchall())
    due = {commodity.value: commodity.decimals for commodity in Commodity}
    for code in sorted(shown.keys() | due.keys()):
        if shown.get(code) != due.get(code):
            yield f"commodity {code}: the store gives it {shown.get(code)} decimals, the program {due.get(code)}."


def _counts(connection: Connection[TupleRow]) -> Iterator[str]:
    for name, what, due, found in connection.execute(_COUNTS):
        yield f"{name}: it says that it holds {due} {what}, {found} are there, or they say otherwise themselves."


def _guards(connection: Connection[TupleRow]) -> Iterator[str]:
    for outpoint, account in connection.execute(_GUARDS):
        yield f"lot {outpoint} of {account}: whether it may go below zero is not what its account says."

"""Writes of transfers, one or several in one transaction, by one row of the database's own view for them.

A transfer is an entry that moves an amount from one account to another, without a lot or a cost, and takes nothing
back: most entries are. The database looks at all of them at once, and refuses them as a whole where something is not in
order, without saying what; :func:`writing.insert_write` says it of one write.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from zakhira.adapters.postgres.rows import Column, audit_columns, entry_columns, int4s, int8s
from zakhira.adapters.postgres.writing import Found, PreparedWrite, insert_write
from zakhira.flows.ports.books import Write
from zakhira.kernel.money import Commodity

SIDES = 2
_INSERT = b"INSERT INTO zakhira.transfers VALUES (%b)" % b", ".join([b"%s"] * 17)


def moved_commodity(write: Write) -> Commodity | None:
    """What its transfers move; None where it holds anything else than transfers of one commodity.

    The view has one amount for each, so that what does not balance is none: it goes the longer way and is refused.
    """
    if write.records or write.coin_events or not write.entries or not write.entries[0].postings:
        return None
    commodity = write.entries[0].postings[0].amount.commodity
    for entry in write.entries:
        if entry.reverses or len(entry.postings) != SIDES:
            return None
        first, second = entry.postings
        one, other = first.amount, second.amount
        if one.units != -other.units or one.commodity is not commodity or other.commodity is not commodity:
            return None
        if first.lot is not None or second.lot is not None or first.cost is not None or second.cost is not None:
            return None
    return commodity


def transfers_statement(
    group: Sequence[PreparedWrite], numbers: Mapping[str, int], commodity: Commodity
) -> tuple[bytes, tuple[Column | None, ...]]:
    """What writes all of these in one transaction, or none. ``numbers`` are those of their accounts by code.

    They are valid and hold transfers of one commodity alone (:func:`moved_commodity`). The database refuses them when
    the key of one is used, or when two of them bring one account near a bound: written one by one it is told which.
    """
    return _INSERT, _columns(group, numbers, commodity)


def insert_one(connection: Connection[TupleRow], prepared: PreparedWrite, numbers: Mapping[str, int]) -> Found | None:
    """Write one write, as transfers if it holds nothing else; or say what stands under its key.

    The connection commits by itself. Why transfers are refused, or that they were made before, the longer way tells.
    """
    commodity = moved_commodity(prepared.write)
    if commodity is not None:
        try:
            connection.execute(*transfers_statement([prepared], numbers, commodity))
        except psycopg.OperationalError:  # the connection is lost, or another is in the way
            raise
        except psycopg.Error:
            pass
        else:
            return None
    return insert_write(connection, prepared, numbers)


def _columns(
    group: Sequence[PreparedWrite], numbers: Mapping[str, int], commodity: Commodity
) -> tuple[Column | None, ...]:
    entries = [entry for one in group for entry in one.write.entries]
    pairs = [entry.postings for entry in entries]
    counts = [len(one.write.entries) for one in group]
    return (
        *audit_columns([one.audit for one in group]),
        int4s(counts),
        int4s([place for place, count in enumerate(counts, 1) for _ in range(count)]),
        int4s([ordinal for count in counts for ordinal in range(1, count + 1)]),
        *entry_columns(entries)[:4],
        int4s([numbers.get(first.account, 0) for first, _ in pairs]),
        int4s([numbers.get(second.account, 0) for _, second in pairs]),
        int8s([first.amount.units for first, _ in pairs]),
        commodity.value,
    )

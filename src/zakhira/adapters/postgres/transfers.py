"""Writes of transfers, one or several in one transaction, by one row of the database's own view for them.

The database looks at all of them at once, and refuses them as a whole where something is not in order, without saying
what; :func:`writing.insert_write` says it of one write.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from zakhira.adapters.postgres.accounts import KnownAccounts
from zakhira.adapters.postgres.rows import Column, audit_columns, entry_columns, int4s, int8s
from zakhira.adapters.postgres.writing import PreparedWrite
from zakhira.ledger.transfers import Transfers

Statement = tuple[bytes, tuple[Column | None, ...]]
"""A query and its parameters"""
_INSERT = b"INSERT INTO zakhira.transfers VALUES (%b)" % b", ".join([b"%s"] * 17)


def transfers_statement(group: Sequence[PreparedWrite], accounts: KnownAccounts) -> Statement | None:
    """What writes all of these in one transaction, or none of them.

    The database refuses them when the key of one is used, or when two of them bring one account near a bound: written
    one by one it is told which. None where they are not transfers of one commodity, or an account is not known or does
    not take it.
    """
    transfers = _joined([one.transfers for one in group])
    if transfers is None:
        return None
    firsts = accounts.open_to(transfers.commodity, transfers.accounts)
    seconds = accounts.open_to(transfers.commodity, transfers.others)
    if firsts is None or seconds is None:
        return None
    entries = [entry for one in group for entry in one.write.entries]
    counts = [len(one.write.entries) for one in group]
    columns = (
        *audit_columns([one.audit for one in group]),
        int4s(counts),
        int4s([place for place, count in enumerate(counts, 1) for _ in range(count)]),
        int4s([ordinal for count in counts for ordinal in range(1, count + 1)]),
        *entry_columns(entries),
        int4s(firsts),
        int4s(seconds),
        int8s(transfers.units),
        transfers.commodity.value,
    )
    return _INSERT, columns


def insert_transfers(connection: Connection[TupleRow], prepared: PreparedWrite, accounts: KnownAccounts) -> bool:
    """Write one write as transfers, and say whether that was done; if not, the longer way tells why.

    The connection commits by itself. Raises psycopg.OperationalError: it is lost, or another is in the way.
    """
    if prepared.transfers is None:
        return False
    statement = transfers_statement([prepared], accounts)
    if statement is None:
        accounts.learn(connection, prepared.write.entries)
        statement = transfers_statement([prepared], accounts)
    if statement is None:
        return False
    try:
        connection.execute(*statement)
    except psycopg.OperationalError:
        raise
    except psycopg.Error:
        return False
    return True


def _joined(parts: Sequence[Transfers | None]) -> Transfers | None:
    given = [part for part in parts if part is not None]
    if len(given) < len(parts) or len({part.commodity for part in given}) != 1:
        return None
    if len(given) == 1:
        return given[0]
    flat = chain.from_iterable
    return Transfers(
        given[0].commodity,
        list(flat(part.accounts for part in given)),
        list(flat(part.others for part in given)),
        list(flat(part.units for part in given)),
    )

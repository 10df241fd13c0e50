"""One write into the tables by one call of the database's own function, in a transaction of its own.

Writers do not stand in one line, but two that touch the same thing do: a write first locks the names of all that it
touches (lots, records, what it reverses), in one order, and draws its number after. So of two writes that
touch one thing the one with the smaller number is committed first. A write that touches very much stands alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from zlib import crc32

from psycopg import Connection
from psycopg.rows import TupleRow

from zakhira.adapters.postgres.rows import (
    entry_columns,
    event_rows,
    int4s,
    posting_columns,
    record_rows,
    shape_columns,
)
from zakhira.controls.chain.audit import AuditEntry, make_entry
from zakhira.flows.ports.books import Write
from zakhira.flows.ports.books_check import require_storable
from zakhira.ledger.transfers import Transfers, as_transfers

MANY = 64
"""A write that touches more names than this stands alone: locks live in the server's shared memory."""
_WRITE = """
SELECT number, found_content, found_leaf FROM zakhira.write(
    %s, %s, %s, %s, %s, %s, %s::int[], %s, %s, %s, %s,
    %s::text[], %s::timestamptz[], %s::text[], %s::text[], %s::int[], %s::text[],
    %s::int[], %s::int[], %s::int[], %s::bigint[], %s::date[], %s::text[],
    %s::text[], %s::text[], %s::bigint[], %s::text[], %s::json, %s::json)
"""
_NO_ENTRIES = (None,) * 6
_NO_POSTINGS = (None,) * 10


@dataclass(frozen=True)
class PreparedWrite:
    """A write whose texts were looked at, with its entry for the audit chain."""

    write: Write
    audit: AuditEntry
    transfers: Transfers | None
    """its entries, if it holds nothing but transfers"""


def prepare(write: Write) -> PreparedWrite:
    """Hash what it says. Raises what :func:`require_storable` raises."""
    content = require_storable(write)
    audit = make_entry(0, write.key, write.actor, write.action, write.at, content)
    is_of_entries_alone = not (write.records or write.coin_events)
    return PreparedWrite(write, audit, as_transfers(write.entries) if is_of_entries_alone else None)


@dataclass(frozen=True)
class Found:
    """What stands under the key of a write already."""

    content_hash: str
    leaf_hash: str


def insert_write(connection: Connection[TupleRow], prepared: PreparedWrite, numbers: Mapping[str, int]) -> Found | None:
    """Write it, or say what stands under its key. ``numbers`` are those of its accounts by code.

    The connection commits by itself, so that this is one round trip; the database checks everything again.
    """
    write, audit = prepared.write, prepared.audit
    names = touched_names(write)
    row = connection.execute(
        _WRITE,
        (
            audit.key,
            audit.actor,
            audit.action,
            audit.at,
            audit.content_hash,
            audit.leaf_hash,
            None if names is None else int4s(names),
            len(write.entries),
            sum([len(entry.postings) for entry in write.entries]),
            len(write.records),
            len(write.coin_events),
            *((*entry_columns(write.entries), *shape_columns(write.entries)) if write.entries else _NO_ENTRIES),
            *(posting_columns(write.entries, numbers) if write.entries else _NO_POSTINGS),
            record_rows(write) if write.records else None,
            event_rows(write) if write.coin_events else None,
        ),
    ).fetchone()
    assert row is not None, "a function returns a row"
    number, content, leaf = row
    return Found(content, leaf) if number is None else None


def touched_names(write: Write) -> list[int] | None:
    """All that the write touches, as sorted 32-bit numbers; two names with one number only wait for one another.

    None for a write that stands alone. Keys and entries have no name of their own: that none stands twice is the
    indexes' to tell, and they let the second wait for the first.
    """
    names = {f"record {record.kind} {record.id}" for record in write.records}
    names |= {f"entry {entry.reverses}" for entry in write.entries if entry.reverses}
    names |= {
        f"lot {one.account} {one.lot.outpoint}"
        for entry in write.entries
        for one in entry.postings
        if one.lot is not None
    }
    return None if len(names) > MANY else sorted({crc32(name.encode()) - 2**31 for name in names})

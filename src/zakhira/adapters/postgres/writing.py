"""One write into the tables: audit entry first, then entries, postings, records and events, a statement for each.

Writers do not stand in one line, but two that touch the same thing do: a write first locks the names of all that it
touches (its key, the entries' ids, lots, records), in one order, and draws its number after. So of two writes that
touch one thing the one with the smaller number is committed first. A write that touches very much stands alone.
"""

from __future__ import annotations

from zlib import crc32

from psycopg import Connection
from psycopg.rows import TupleRow

from zakhira.adapters.postgres.rows import entry_rows, event_rows, posting_rows, record_rows
from zakhira.controls.chain.audit import AuditEntry
from zakhira.flows.ports.books import Write

MANY = 64
"""A write that touches more names than this stands alone: locks live in the server's shared memory."""
_ALONE, _NAME, _CHAIN_FACTS = 0x7A6B6C, 0x7A6B6E, 2053861742
"""Advisory locks: of the writers as a whole, of a name, and of facts of the chain (as in the migration)."""
_LOCK_NAMES = """
SELECT pg_advisory_xact_lock_shared(%s, 0), (
    SELECT count(pg_advisory_xact_lock(%s, given.name)) FROM unnest(%s::int[]) AS given (name))
"""
_AUDIT = """
INSERT INTO zakhira.audit (
    key, actor, action, at, content_hash, leaf_hash, entry_count, record_count, event_count)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_ENTRIES = """
INSERT INTO zakhira.entry (sequence, entry_count, ordinal, posting_count, id, at, narration, evidence)
SELECT currval('zakhira.write_number'), %s, given.* FROM json_to_recordset(%s::json) AS given (
    ordinal integer, posting_count integer, id text, at timestamptz, narration text, evidence text)
"""
_POSTINGS = """
INSERT INTO zakhira.posting (
    sequence, entry_ordinal, ordinal, posting_count, account, commodity, units, lot_outpoint, lot_source)
SELECT currval('zakhira.write_number'), given.* FROM json_to_recordset(%s::json) AS given (
    entry_ordinal integer, ordinal integer, posting_count integer, account text, commodity text, units bigint,
    lot_outpoint text, lot_source text)
"""
_RECORDS = """
INSERT INTO zakhira.record (sequence, record_count, ordinal, kind, id, body)
SELECT currval('zakhira.write_number'), %s, given.*
FROM json_to_recordset(%s::json) AS given (ordinal integer, kind text, id text, body jsonb)
"""
_EVENTS = """
INSERT INTO zakhira.chain_event (
    sequence, event_count, ordinal, kind, height, block_hash, previous_hash, outpoint, vault, branch, place,
    amount_sats, script_hex, is_coinbase, spent_by)
SELECT currval('zakhira.write_number'), %s, given.* FROM json_to_recordset(%s::json) AS given (
    ordinal integer, kind text, height integer, block_hash text, previous_hash text, outpoint text, vault text,
    branch smallint, place integer, amount_sats bigint, script_hex text, is_coinbase boolean, spent_by text)
ORDER BY given.ordinal
"""


def lock_touched(connection: Connection[TupleRow], write: Write) -> None:
    """Wait until nobody else writes what this write touches, and keep others from it until the transaction ends."""
    names = _names(write)
    if len(names) > MANY:
        connection.execute("SELECT pg_advisory_xact_lock(%s, 0)", (_ALONE,))
    else:
        connection.execute(_LOCK_NAMES, (_ALONE, _NAME, names))
    if write.coin_events:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_CHAIN_FACTS,))


def insert_write(connection: Connection[TupleRow], write: Write, audit: AuditEntry) -> None:
    """Insert the write inside the caller's transaction; the database checks it again, at the latest at commit."""
    with connection.pipeline():
        connection.execute(
            _AUDIT,
            (
                audit.key,
                audit.actor,
                audit.action,
                audit.at,
                audit.content_hash,
                audit.leaf_hash,
                len(write.entries),
                len(write.records),
                len(write.coin_events),
            ),
        )
        if write.entries:
            connection.execute(_ENTRIES, (len(write.entries), entry_rows(write)))
            connection.execute(_POSTINGS, (posting_rows(write),))
        if write.records:
            connection.execute(_RECORDS, (len(write.records), record_rows(write)))
        if write.coin_events:
            connection.execute(_EVENTS, (len(write.coin_events), event_rows(write)))


def _names(write: Write) -> list[int]:
    """All that the write touches, as sorted 32-bit numbers; two names with one number only wait for one another."""
    names = {f"key {write.key}"}
    names |= {f"record {record.kind} {record.id}" for record in write.records}
    for entry in write.entries:
        names.add(f"entry {entry.id}")
        names |= {f"lot {one.account} {one.lot.outpoint}" for one in entry.postings if one.lot is not None}
    return sorted({crc32(name.encode()) - 2**31 for name in names})

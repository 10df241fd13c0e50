"""One write into the tables: audit entry first, then entries, postings, records and events, a statement for each."""

from __future__ import annotations

from psycopg import Connection
from psycopg.rows import TupleRow

from zakhira.adapters.postgres.rows import entry_rows, event_rows, posting_rows, record_rows
from zakhira.controls.audit import AuditEntry
from zakhira.flows.ports.books import Write

_AUDIT = """
INSERT INTO zakhira.audit (
    sequence, key, actor, action, at, content_hash, previous_hash, hash, entry_count, record_count,
    event_count)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_ENTRIES = """
INSERT INTO zakhira.entry (sequence, entry_count, ordinal, posting_count, id, at, narration, evidence)
SELECT %s, %s, given.* FROM json_to_recordset(%s::json) AS given (
    ordinal integer, posting_count integer, id text, at timestamptz, narration text, evidence text)
"""
_POSTINGS = """
INSERT INTO zakhira.posting (
    sequence, entry_ordinal, ordinal, posting_count, account, commodity, units, lot_outpoint, lot_source)
SELECT %s, given.* FROM json_to_recordset(%s::json) AS given (
    entry_ordinal integer, ordinal integer, posting_count integer, account text, commodity text, units bigint,
    lot_outpoint text, lot_source text)
"""
_RECORDS = """
INSERT INTO zakhira.record (sequence, record_count, ordinal, kind, id, body)
SELECT %s, %s, given.* FROM json_to_recordset(%s::json) AS given (ordinal integer, kind text, id text, body jsonb)
"""
_EVENTS = """
INSERT INTO zakhira.chain_event (
    sequence, event_count, ordinal, kind, height, block_hash, previous_hash, outpoint, vault, branch, place,
    amount_sats, script_hex, is_coinbase, spent_by)
SELECT %s, %s, given.* FROM json_to_recordset(%s::json) AS given (
    ordinal integer, kind text, height integer, block_hash text, previous_hash text, outpoint text, vault text,
    branch smallint, place integer, amount_sats bigint, script_hex text, is_coinbase boolean, spent_by text)
ORDER BY given.ordinal
"""


def insert_write(connection: Connection[TupleRow], write: Write, audit: AuditEntry) -> None:
    """Insert the write inside the caller's transaction; the database checks it again, at the latest at commit."""
    with connection.pipeline():
        connection.execute(
            _AUDIT,
            (
                audit.sequence,
                audit.key,
                audit.actor,
                audit.action,
                audit.at,
                audit.content_hash,
                audit.previous_hash,
                audit.hash,
                len(write.entries),
                len(write.records),
                len(write.coin_events),
            ),
        )
        if write.entries:
            connection.execute(_ENTRIES, (audit.sequence, len(write.entries), entry_rows(write)))
            connection.execute(_POSTINGS, (audit.sequence, posting_rows(write)))
        if write.records:
            connection.execute(_RECORDS, (audit.sequence, len(write.records), record_rows(write)))
        if write.coin_events:
            connection.execute(_EVENTS, (audit.sequence, len(write.coin_events), event_rows(write)))

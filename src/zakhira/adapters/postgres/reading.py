"""What is read back from the tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from psycopg import Connection
from psycopg.rows import TupleRow

from zakhira.adapters.postgres.rows import audit_from, coin_from, entries_from, event_from, lot_from
from zakhira.controls.chain.audit import AuditEntry
from zakhira.flows.ports.books import LotBalance, Record, StoredWrite
from zakhira.flows.ports.books_check import ShownChain, decode_body
from zakhira.flows.ports.coin_events import CoinEvent
from zakhira.kernel.canonical import Json
from zakhira.kernel.money import Amount, Commodity
from zakhira.ledger.entry import Entry

_ENTRIES = """
SELECT entry.sequence, entry.ordinal, entry.id, entry.at, entry.narration, entry.evidence, entry.reverses,
       account.code, posting.commodity, posting.units, posting.lot_outpoint, posting.lot_source,
       posting.cost_units, posting.cost_commodity
FROM zakhira.entry JOIN zakhira.posted AS posting
    ON posting.sequence = entry.sequence AND posting.entry_ordinal = entry.ordinal
JOIN zakhira.account ON account.number = posting.account
WHERE %(numbers)s::bigint[] IS NULL OR entry.sequence = ANY(%(numbers)s)
ORDER BY posting.sequence, posting.entry_ordinal, posting.ordinal
"""
_AUDIT = """
SELECT sequence, key, actor, action, at, content_hash, leaf_hash FROM zakhira.audit
WHERE %(numbers)s::bigint[] IS NULL OR sequence = ANY(%(numbers)s)
ORDER BY sequence
"""
_WRITE = """
SELECT sequence, key, actor, action, at, content_hash, leaf_hash FROM zakhira.audit WHERE key = %s
"""
_NEWEST_RECORD = """
SELECT body::text FROM zakhira.record WHERE kind = %s AND id = %s ORDER BY sequence DESC, ordinal DESC LIMIT 1
"""
_VERSIONS = """
SELECT body::text FROM zakhira.record WHERE kind = %s AND id = %s ORDER BY sequence, ordinal
"""
_NEWEST_OF = """
SELECT wanted.id, newest.body FROM unnest(%s::text[]) AS wanted (id) CROSS JOIN LATERAL (
    SELECT record.body::text AS body FROM zakhira.record WHERE record.kind = %s AND record.id = wanted.id
    ORDER BY record.sequence DESC, record.ordinal DESC LIMIT 1
) AS newest
"""
_NEWEST_RECORDS = """
WITH span AS (
    SELECT id, min(ARRAY[sequence, ordinal]) AS first, max(ARRAY[sequence, ordinal]) AS last
    FROM zakhira.record WHERE kind = %s GROUP BY id
)
SELECT span.id, record.body::text
FROM span JOIN zakhira.record ON record.sequence = span.last[1] AND record.ordinal = span.last[2]
ORDER BY span.first
"""
_BALANCES = """
SELECT account.code, account.commodity, coalesce(balance.units, 0)
FROM zakhira.account LEFT JOIN zakhira.balance ON balance.account = account.number
ORDER BY account.code COLLATE "C"
"""
_LOTS = """
SELECT account, outpoint, source, units FROM zakhira.lot
WHERE units <> 0 AND (%(account)s::text IS NULL OR account = %(account)s)
ORDER BY account COLLATE "C", outpoint COLLATE "C"
"""
_RECORDS = """
SELECT sequence, kind, id, body::text FROM zakhira.record
WHERE %(numbers)s::bigint[] IS NULL OR sequence = ANY(%(numbers)s)
ORDER BY sequence, ordinal
"""
_EVENTS = """
SELECT sequence, kind, height, block_hash, previous_hash, outpoint, vault, branch, place, amount_sats, script_hex,
       is_coinbase, spent_by
FROM zakhira.chain_event
WHERE %(numbers)s::bigint[] IS NULL OR sequence = ANY(%(numbers)s)
ORDER BY sequence, ordinal
"""
_COINS = """
SELECT outpoint, vault, branch, place, amount_sats, script_hex, height, block_hash, is_coinbase, spent_by,
       spent_height, spent_hash
FROM zakhira.coin
"""


def find_write(connection: Connection[TupleRow], key: str) -> AuditEntry | None:
    """The audit entry of the write with this key."""
    row = connection.execute(_WRITE, (key,)).fetchone()
    return None if row is None else audit_from(row)


def read_latest(connection: Connection[TupleRow], kind: str, record_id: str) -> Json | None:
    """The newest body of a record."""
    row = connection.execute(_NEWEST_RECORD, (kind, record_id)).fetchone()
    return None if row is None else decode_body(row[0])


def read_versions(connection: Connection[TupleRow], kind: str, record_id: str) -> tuple[Json, ...]:
    """Every body of a record, the oldest first."""
    return tuple(decode_body(body) for (body,) in connection.execute(_VERSIONS, (kind, record_id)))


def read_bodies(connection: Connection[TupleRow], kind: str, record_ids: Sequence[str]) -> Mapping[str, Json]:
    """The newest bodies of those of these records that there are."""
    rows = connection.execute(_NEWEST_OF, (list(record_ids), kind)).fetchall()
    return {record_id: decode_body(body) for record_id, body in rows}


def read_records(connection: Connection[TupleRow], kind: str) -> Mapping[str, Json]:
    """The newest bodies of a kind by id, in the order in which ids were first written."""
    return {id_: decode_body(body) for id_, body in connection.execute(_NEWEST_RECORDS, (kind,))}


def read_balances(connection: Connection[TupleRow]) -> Mapping[str, Amount]:
    """Every account's balance, by code."""
    return {code: Amount(units, Commodity[name]) for code, name, units in connection.execute(_BALANCES)}


def read_lots(connection: Connection[TupleRow], account: str | None) -> tuple[LotBalance, ...]:
    """The lots that are not used up, of one account or of all, by account and outpoint."""
    return tuple(lot_from(row) for row in connection.execute(_LOTS, {"account": account}))


def read_entries(connection: Connection[TupleRow]) -> tuple[Entry, ...]:
    """Every entry by the number of its write."""
    return tuple(entry for _, entry in entries_from(connection.execute(_ENTRIES, {"numbers": None})))


def read_audit(connection: Connection[TupleRow]) -> tuple[AuditEntry, ...]:
    """The audit entry of every write by number."""
    return tuple(audit_from(row) for row in connection.execute(_AUDIT, {"numbers": None}))


def read_shown_chain(connection: Connection[TupleRow]) -> ShownChain:
    """The followed chain as the tables show it."""
    rows = connection.execute("SELECT height, hash FROM zakhira.followed_block")
    blocks = {int(height): str(found) for height, found in rows}
    return ShownChain(blocks, tuple(coin_from(row) for row in connection.execute(_COINS)))


def read_writes(connection: Connection[TupleRow], numbers: Sequence[int] | None = None) -> list[StoredWrite]:
    """The writes with these numbers, or all, by number; inside a transaction of the caller's."""
    given = {"numbers": None if numbers is None else list(numbers)}
    entries: defaultdict[int, list[Entry]] = defaultdict(list)
    for sequence, entry in entries_from(connection.execute(_ENTRIES, given)):
        entries[sequence].append(entry)
    records: defaultdict[int, list[Record]] = defaultdict(list)
    for sequence, kind, id_, body in connection.execute(_RECORDS, given):
        records[sequence].append(Record(kind, id_, decode_body(body)))
    events: defaultdict[int, list[CoinEvent]] = defaultdict(list)
    for sequence, *fields in connection.execute(_EVENTS, given):
        events[sequence].append(event_from(tuple(fields)))
    return [
        StoredWrite(
            audit, tuple(entries[audit.sequence]), tuple(records[audit.sequence]), tuple(events[audit.sequence])
        )
        for audit in map(audit_from, connection.execute(_AUDIT, given))
    ]

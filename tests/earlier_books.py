"""Writes as the programs of earlier versions made them, row by row, for tests of what becomes of their data."""

from __future__ import annotations

import json

from psycopg import Connection
from psycopg.rows import TupleRow

from zakhira.adapters.postgres.rows import event_rows, record_rows
from zakhira.controls.chain.audit import make_entry
from zakhira.flows.ports.books import Write, input_hash
from zakhira.kernel.canonical import Json, content_hash
from zakhira.kernel.interval import exact_utc_text


def _entry_rows(one: Write) -> str:
    """Entries as the program of that version handed them to the database."""
    return json.dumps(
        [
            {
                "ordinal": ordinal,
                "posting_count": len(entry.postings),
                "id": entry.id,
                "at": exact_utc_text(entry.at),
                "narration": entry.narration,
                "evidence": entry.evidence,
            }
            for ordinal, entry in enumerate(one.entries, 1)
        ]
    )


def _posting_rows(one: Write) -> str:
    """Postings as the program of that version handed them to the database."""
    return json.dumps(
        [
            {
                "entry_ordinal": place,
                "ordinal": ordinal,
                "posting_count": len(entry.postings),
                "account": posting.account,
                "commodity": posting.amount.commodity.value,
                "units": posting.amount.units,
                "lot_outpoint": None if posting.lot is None else posting.lot.outpoint,
                "lot_source": None if posting.lot is None else posting.lot.source,
            }
            for place, entry in enumerate(one.entries, 1)
            for ordinal, posting in enumerate(entry.postings, 1)
        ]
    )


_TABLES = (
    (
        "entry",
        _entry_rows,
        "ordinal integer, posting_count integer, id text, at timestamptz, narration text, evidence text",
    ),
    (
        "posting",
        _posting_rows,
        (
            "entry_ordinal integer, ordinal integer, posting_count integer, account text, commodity text, "
            "units bigint, lot_outpoint text, lot_source text"
        ),
    ),
    ("record", record_rows, "ordinal integer, kind text, id text, body jsonb"),
    (
        "chain_event",
        event_rows,
        (
            "ordinal integer, kind text, height integer, block_hash text, previous_hash text, outpoint text, "
            "vault text, branch smallint, place integer, amount_sats bigint, script_hex text, is_coinbase boolean, "
            "spent_by text"
        ),
    ),
)
_COUNTS = {"entry": "entry_count", "record": "record_count", "chain_event": "event_count"}


def commit_in_line(
    connection: Connection[TupleRow], number: int, before: str, one: Write, *, has_events: bool = True
) -> str:
    """Write it as the program did up to version 4; returns the hash of its audit entry.

    Version 1 knew no events of the chain.
    """
    fields: dict[str, Json] = {
        "sequence": number,
        "key": one.key,
        "actor": one.actor,
        "action": one.action,
        "at": exact_utc_text(one.at),
        "content_hash": input_hash(one.entries, one.records, one.coin_events),
        "previous_hash": before,
    }
    counts = {"entry": len(one.entries), "record": len(one.records), "chain_event": len(one.coin_events)}
    if not has_events:
        del counts["chain_event"]
    with connection.transaction():
        columns = ", ".join((*fields, "hash", *(_COUNTS[table] for table in counts)))
        values = (*fields.values(), content_hash(fields), *counts.values())
        marks = ", ".join(["%s"] * len(values))
        connection.execute(f"INSERT INTO zakhira.audit ({columns}) VALUES ({marks})".encode(), values)  # noqa: S608 - names from this file
        _insert_rows(connection, number, one, counts)
    return content_hash(fields)


def commit_sealed(connection: Connection[TupleRow], one: Write) -> None:
    """Write it as the program did from version 5 to 8, when writes began to be sealed afterwards."""
    content = input_hash(one.entries, one.records, one.coin_events)
    entry = make_entry(0, one.key, one.actor, one.action, one.at, content)
    counts = {"entry": len(one.entries), "record": len(one.records), "chain_event": len(one.coin_events)}
    with connection.transaction():
        row = connection.execute(
            "INSERT INTO zakhira.audit (key, actor, action, at, content_hash, leaf_hash, entry_count, record_count, "
            "event_count) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING sequence",
            (one.key, one.actor, one.action, one.at, content, entry.leaf_hash, *counts.values()),
        ).fetchone()
        assert row is not None
        _insert_rows(connection, row[0], one, counts)


def _insert_rows(connection: Connection[TupleRow], number: int, one: Write, counts: dict[str, int]) -> None:
    for table, rows_of, columns in _TABLES:
        if table == "chain_event" and table not in counts:
            continue
        names = ", ".join(part.split()[0] for part in columns.split(", "))
        count = f"{counts[table]} AS {_COUNTS[table]}, " if table in counts else ""
        count_name = f"{_COUNTS[table]}, " if table in counts else ""
        query = (
            f"INSERT INTO zakhira.{table} (sequence, {count_name}{names}) SELECT {number}, {count}{names} "  # noqa: S608 - names from this file
            f"FROM json_to_recordset(%s::json) AS given ({columns})"
        )
        connection.execute(query.encode(), (rows_of(one),))

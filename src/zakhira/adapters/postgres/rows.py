"""Rows of the books to and from the program's types."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter

from psycopg.rows import TupleRow

from zakhira.controls.audit import AuditEntry
from zakhira.flows.ports.books import LotBalance, Write
from zakhira.flows.ports.books_check import encode_body
from zakhira.kernel.canonical import Json
from zakhira.kernel.interval import exact_utc_text
from zakhira.kernel.money import Amount, Commodity, sats
from zakhira.ledger.entry import Entry, Lot, Posting


def audit_from(row: TupleRow) -> AuditEntry:
    """An audit entry from its columns without the counts."""
    sequence, key, actor, action, at, content_hash, previous_hash, hash_ = row
    return AuditEntry(sequence, key, actor, action, _utc(at), content_hash, previous_hash, hash_)


def lot_from(row: TupleRow) -> LotBalance:
    """A lot from account, outpoint, source, units."""
    account, outpoint, source, units = row
    return LotBalance(account, Lot(outpoint, source), sats(units))


def entries_from(rows: Iterable[TupleRow]) -> Iterator[tuple[int, Entry]]:
    """Entries with the number of their write, from rows of entries joined to postings, in order."""
    for (sequence, _), group in groupby(rows, key=itemgetter(0, 1)):
        of_entry = list(group)
        _, _, id_, at, narration, evidence, *_ = of_entry[0]
        postings = tuple(_posting(*row[6:]) for row in of_entry)
        yield sequence, Entry(id_, _utc(at), narration, evidence, postings)


def entry_rows(write: Write) -> str:
    """The entries as a JSON list, one object for each row."""
    rows = [
        {
            "ordinal": ordinal,
            "posting_count": len(entry.postings),
            "id": entry.id,
            "at": exact_utc_text(entry.at),
            "narration": entry.narration,
            "evidence": entry.evidence,
        }
        for ordinal, entry in enumerate(write.entries, 1)
    ]
    return json.dumps(rows)


def posting_rows(write: Write) -> str:
    """The postings as a JSON list, one object for each row."""
    rows = [
        {
            "entry_ordinal": entry_ordinal,
            "ordinal": ordinal,
            "posting_count": len(entry.postings),
            "account": posting.account,
            "commodity": posting.amount.commodity.value,
            "units": posting.amount.units,
            "lot_outpoint": None if posting.lot is None else posting.lot.outpoint,
            "lot_source": None if posting.lot is None else posting.lot.source,
        }
        for entry_ordinal, entry in enumerate(write.entries, 1)
        for ordinal, posting in enumerate(entry.postings, 1)
    ]
    return json.dumps(rows)


def record_rows(write: Write) -> str:
    """The records as a JSON list, one object for each row."""
    rows: list[Json] = [
        {"ordinal": ordinal, "kind": record.kind, "id": record.id, "body": record.body}
        for ordinal, record in enumerate(write.records, 1)
    ]
    return encode_body(rows)


def _posting(account: str, commodity: str, units: int, outpoint: str | None, source: str | None) -> Posting:
    lot = None if outpoint is None or source is None else Lot(outpoint, source)
    return Posting(account, Amount(units, Commodity[commodity]), lot)


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC)

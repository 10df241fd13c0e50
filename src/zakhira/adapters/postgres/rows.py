"""Rows of the books to and from the program's types."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import groupby
from operator import itemgetter

from psycopg.rows import TupleRow

from zakhira.adapters.postgres.packed import Packed, pack_days, pack_instants, pack_int4, pack_int8, pack_texts
from zakhira.controls.chain.audit import AuditEntry, Seal
from zakhira.flows.ports.books import LotBalance, Write
from zakhira.flows.ports.books_check import encode_body
from zakhira.flows.ports.coin_events import CoinEvent, CoinEventKind, WatchedCoin
from zakhira.kernel.canonical import Json
from zakhira.kernel.interval import exact_utc_text
from zakhira.kernel.money import Amount, Commodity, sats
from zakhira.ledger.entry import Entry, Lot, Posting

Column = Packed | str
"""An array of one value for each row, in binary form or as text."""
LONG = 48
"""From so many values on the binary form is the faster [E]."""
_DAY = len("2026-05-01")
_COMMODITIES = {one.value: one for one in Commodity}
_instant = lru_cache(1 << 16)(exact_utc_text)


def audit_from(row: TupleRow) -> AuditEntry:
    """An audit entry from its columns without the counts."""
    sequence, key, actor, action, at, content_hash, leaf_hash = row
    return AuditEntry(sequence, key, actor, action, _utc(at), content_hash, leaf_hash)


def seal_from(row: TupleRow) -> Seal:
    """A seal from position, sequence, previous_hash, hash."""
    position, sequence, previous_hash, hash_ = row
    return Seal(position, sequence, previous_hash.hex(), hash_.hex())


def lot_from(row: TupleRow) -> LotBalance:
    """A lot from account, outpoint, source, units."""
    account, outpoint, source, units = row
    return LotBalance(account, Lot(outpoint, source), sats(units))


def entries_from(rows: Iterable[TupleRow]) -> Iterator[tuple[int, Entry]]:
    """Entries with the number of their write, from rows of entries joined to postings, in order."""
    for (sequence, _), group in groupby(rows, key=itemgetter(0, 1)):
        of_entry = list(group)
        _, _, id_, at, narration, evidence, reverses, *_ = of_entry[0]
        postings = tuple(posting_from(row[7:]) for row in of_entry)
        yield sequence, Entry(id_, _utc(at), narration, evidence, postings, reverses or "")


def audit_columns(audits: Sequence[AuditEntry]) -> tuple[Column, ...]:
    """Keys, actors, actions, dates, hashes of contents and of headers: each as an array."""
    return (
        _texts([audit.key for audit in audits]),
        _texts([audit.actor for audit in audits]),
        _texts([audit.action for audit in audits]),
        _instants([audit.at for audit in audits]),
        _texts([audit.content_hash for audit in audits]),
        _texts([audit.leaf_hash for audit in audits]),
    )


def entry_columns(entries: Sequence[Entry]) -> tuple[Column, ...]:
    """Ids, instants, narrations, evidences: each as an array."""
    return (
        _texts([entry.id for entry in entries]),
        _instants([entry.at for entry in entries]),
        _texts([entry.narration for entry in entries]),
        _texts([entry.evidence for entry in entries]),
    )


def shape_columns(entries: Sequence[Entry]) -> tuple[Column | None, ...]:
    """Counts of postings, and what is reversed: each as an array. None where nothing is."""
    return (
        int4s([len(entry.postings) for entry in entries]),
        _texts([entry.reverses for entry in entries]) if [entry for entry in entries if entry.reverses] else None,
    )


def posting_columns(entries: Sequence[Entry], numbers: Mapping[str, int]) -> tuple[Column | None, ...]:
    """Places, ordinals, accounts, units, days, commodities, lots and costs, each as an array.

    ``numbers`` are those of the accounts by code. A column of lots or costs that nobody uses is None.
    """
    postings = [posting for entry in entries for posting in entry.postings]
    amounts = [posting.amount for posting in postings]
    return (
        int4s([place for place, entry in enumerate(entries, 1) for _ in entry.postings]),
        int4s([ordinal for entry in entries for ordinal in range(1, len(entry.postings) + 1)]),
        int4s([numbers.get(posting.account, 0) for posting in postings]),
        int8s([amount.units for amount in amounts]),
        _days([entry.at for entry in entries for _ in entry.postings]),
        _texts([amount.commodity._value_ for amount in amounts]),
        *_lot_columns(postings),
        *_cost_columns(postings),
    )


def _lot_columns(postings: Sequence[Posting]) -> tuple[str | None, str | None]:
    if not [posting for posting in postings if posting.lot is not None]:
        return None, None
    return (
        _texts_or_null([None if posting.lot is None else posting.lot.outpoint for posting in postings]),
        _texts_or_null([None if posting.lot is None else posting.lot.source for posting in postings]),
    )


def _cost_columns(postings: Sequence[Posting]) -> tuple[str | None, str | None]:
    if not [posting for posting in postings if posting.cost is not None]:
        return None, None
    return (
        _plain(["NULL" if posting.cost is None else str(posting.cost.units) for posting in postings]),
        _plain(["NULL" if posting.cost is None else posting.cost.commodity.value for posting in postings]),
    )


def int4s(numbers: Sequence[int]) -> Column:
    """Whole numbers of 32 bits as an array."""
    return pack_int4(numbers) if len(numbers) >= LONG else _plain([str(number) for number in numbers])


def int8s(numbers: Sequence[int]) -> Column:
    """Whole numbers of 64 bits as an array."""
    return pack_int8(numbers) if len(numbers) >= LONG else _plain([str(number) for number in numbers])


def _days(instants: Sequence[datetime]) -> Column:
    return pack_days(instants) if len(instants) >= LONG else _plain([_instant(at)[:_DAY] for at in instants])


def _instants(instants: Sequence[datetime]) -> Column:
    return pack_instants(instants) if len(instants) >= LONG else _plain([_instant(at) for at in instants])


def _texts(items: Sequence[str]) -> Column:
    return pack_texts(items) if len(items) >= LONG else _texts_or_null(items)


def _plain(items: Sequence[str]) -> str:
    """An array of what needs no quotes: numbers, days, instants, names of commodities."""
    return "{" + ",".join(items) + "}"


def _texts_or_null(items: Sequence[str | None]) -> str:
    """An array of texts, quoted as PostgreSQL reads them (8.15.6, array input and output syntax)."""
    return "{" + ",".join(["NULL" if item is None else _quoted(item) for item in items]) + "}"


def _quoted(text: str) -> str:
    if "\\" in text or '"' in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def record_rows(write: Write) -> str:
    """The records as a JSON list, one object for each row."""
    rows: list[Json] = [
        {"ordinal": ordinal, "kind": record.kind, "id": record.id, "body": record.body}
        for ordinal, record in enumerate(write.records, 1)
    ]
    return encode_body(rows)


def event_rows(write: Write) -> str:
    """The chain's events as a JSON list, one object for each row."""
    return json.dumps([{"ordinal": ordinal, **event.as_json()} for ordinal, event in enumerate(write.coin_events, 1)])


def event_from(row: TupleRow) -> CoinEvent:
    """An event from its columns without sequence and counts; what a kind does not use is NULL."""
    kind, height, block_hash, previous_hash, outpoint, vault, branch, place, amount_sats, script_hex, *rest = row
    is_coinbase, spent_by = rest
    return CoinEvent(
        CoinEventKind(kind),
        height,
        block_hash,
        previous_hash=previous_hash or "",
        outpoint=outpoint or "",
        vault=vault or "",
        branch=branch or 0,
        place=place or 0,
        amount_sats=amount_sats or 0,
        script_hex=script_hex or "",
        is_coinbase=bool(is_coinbase),
        spent_by=spent_by or "",
    )


def coin_from(row: TupleRow) -> WatchedCoin:
    """A coin from the columns of ``zakhira.coin``, in their order."""
    outpoint, vault, branch, place, amount_sats, script_hex, height, block_hash, is_coinbase, *spent = row
    spent_by, spent_height, spent_hash = spent
    return WatchedCoin(
        outpoint,
        vault,
        branch,
        place,
        amount_sats,
        script_hex,
        height,
        block_hash,
        is_coinbase,
        spent_by or "",
        -1 if spent_height is None else spent_height,
        spent_hash or "",
    )


def posting_from(row: TupleRow) -> Posting:
    """A posting from account, commodity, units, lot_outpoint, lot_source, cost_units, cost_commodity."""
    account, commodity, units, outpoint, source, cost_units, cost_commodity = row
    lot = None if outpoint is None or source is None else Lot(outpoint, source)
    cost = None if cost_units is None else Amount(cost_units, _COMMODITIES[cost_commodity])
    return Posting(account, Amount(units, _COMMODITIES[commodity]), lot, cost)


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC)

"""Rows of the books to and from the program's types."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import groupby
from json.encoder import encode_basestring_ascii as quoted
from operator import itemgetter

from psycopg.rows import TupleRow

from zakhira.controls.chain.audit import AuditEntry, Seal
from zakhira.flows.ports.books import LotBalance, Write
from zakhira.flows.ports.books_check import encode_body
from zakhira.flows.ports.coin_events import CoinEvent, CoinEventKind, WatchedCoin
from zakhira.kernel.canonical import Json
from zakhira.kernel.interval import exact_utc_text
from zakhira.kernel.money import Amount, Commodity, sats
from zakhira.ledger.entry import Entry, Lot, Posting

_DAY = len("2026-05-01")
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


def entry_rows(entries: Sequence[Entry]) -> str:
    """The entries as a JSON list, one object for each row."""
    return "[" + ",".join([_entry_row(ordinal, entry) for ordinal, entry in enumerate(entries, 1)]) + "]"


def _entry_row(ordinal: int, entry: Entry) -> str:
    reverses = f',"reverses":{quoted(entry.reverses)}' if entry.reverses else ""
    return (
        f'{{"ordinal":{ordinal},"posting_count":{len(entry.postings)},"id":{quoted(entry.id)},'
        f'"at":"{_instant(entry.at)}","narration":{quoted(entry.narration)},"evidence":{quoted(entry.evidence)}{reverses}}}'
    )


def posting_rows(entries: Sequence[Entry], numbers: Mapping[str, int]) -> str:
    """The postings as a JSON list, one object for each row; ``numbers`` are those of the accounts by code."""
    rows = [
        _posting_row(place, ordinal, posting, numbers.get(posting.account, 0), day)
        for place, entry in enumerate(entries, 1)
        for day in (_instant(entry.at)[:_DAY],)
        for ordinal, posting in enumerate(entry.postings, 1)
    ]
    return "[" + ",".join(rows) + "]"


def _posting_row(place: int, ordinal: int, posting: Posting, account: int, day: str) -> str:
    amount, lot, cost = posting.amount, posting.lot, posting.cost
    told_lot = "" if lot is None else f',"lot_outpoint":{quoted(lot.outpoint)},"lot_source":{quoted(lot.source)}'
    told_cost = "" if cost is None else f',"cost_units":{cost.units},"cost_commodity":"{cost.commodity.value}"'
    return (
        f'{{"entry_ordinal":{place},"ordinal":{ordinal},"account":{account},"units":{amount.units},"day":"{day}",'
        f'"commodity":"{amount.commodity._value_}"{told_lot}{told_cost}}}'
    )


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
    cost = None if cost_units is None else Amount(cost_units, Commodity[cost_commodity])
    return Posting(account, Amount(units, Commodity[commodity]), lot, cost)


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC)

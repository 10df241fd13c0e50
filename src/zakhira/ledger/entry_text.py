"""Entries as canonical JSON, written piece by piece: the same bytes as the general encoder, many times as fast."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from json.encoder import encode_basestring as quoted

from zakhira.kernel.interval import exact_utc_text
from zakhira.ledger.entry import Entry, Posting
from zakhira.ledger.transfers import SIDES

_KEPT = 1 << 16
_instant = lru_cache(_KEPT)(exact_utc_text)


def entries_text(entries: Iterable[Entry]) -> str:
    """The canonical JSON (RFC 8785) of a list of :meth:`Entry.as_json`; keys stand in the order of their letters.

    Raises:
        NotUtc: an entry is not dated in UTC.
    """
    return "[" + ",".join([_entry(entry) for entry in entries]) + "]"


def _entry(entry: Entry) -> str:
    postings = entry.postings
    if len(postings) == SIDES and not entry.reverses:
        one, other = postings
        if one.lot is None and other.lot is None and one.cost is None and other.cost is None:
            # Most entries are such: in one piece they take two thirds of the time.
            given, taken = one.amount, other.amount
            return (
                f'{{"at":"{_instant(entry.at)}","evidence":{quoted(entry.evidence)},"id":{quoted(entry.id)},'
                f'"narration":{quoted(entry.narration)},"postings":[{{"account":{quoted(one.account)},'
                f'"commodity":"{given.commodity._value_}","lot":null,"units":"{given.units}"}},'
                f'{{"account":{quoted(other.account)},"commodity":"{taken.commodity._value_}","lot":null,'
                f'"units":"{taken.units}"}}]}}'
            )
    reverses = f',"reverses":{quoted(entry.reverses)}' if entry.reverses else ""
    return (
        f'{{"at":"{_instant(entry.at)}","evidence":{quoted(entry.evidence)},"id":{quoted(entry.id)},'
        f'"narration":{quoted(entry.narration)},"postings":[{",".join(map(_posting, postings))}]{reverses}}}'
    )


def _posting(posting: Posting) -> str:
    """One with or without a lot and a cost."""
    amount, lot, cost = posting.amount, posting.lot, posting.cost
    told_lot = "null" if lot is None else f'{{"outpoint":{quoted(lot.outpoint)},"source":{quoted(lot.source)}}}'
    told_cost = "" if cost is None else f'"cost":{{"commodity":"{cost.commodity.value}","units":"{cost.units}"}},'
    return (
        f'{{"account":{quoted(posting.account)},"commodity":"{amount.commodity._value_}",{told_cost}'
        f'"lot":{told_lot},"units":"{amount.units}"}}'
    )

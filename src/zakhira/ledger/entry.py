"""Entries of the ledger: balanced per commodity, in whole least units, each coin posting with its lot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import cast

import msgspec
from msgspec.structs import replace

from zakhira.kernel.canonical import Json
from zakhira.kernel.interval import exact_utc_text, parse_exact_utc
from zakhira.kernel.money import Amount, Commodity


class Lot(msgspec.Struct, frozen=True, gc=False):
    """Where a coin came from: the outpoint that holds it (``txid:vout``) and the source in words."""

    outpoint: str
    source: str


class Posting(msgspec.Struct, frozen=True, gc=False):
    """An amount on an account: positive debits, negative credits.

    A posting in BTC on an asset account has its lot. ``cost`` is what the posted amount was worth when it came in, for
    whoever values it later.
    """

    account: str
    amount: Amount
    lot: Lot | None = None
    cost: Amount | None = None

    def as_json(self) -> Json:
        """Plain data for the canonical encoding; a cost stands in it only where there is one."""
        told: dict[str, Json] = {
            "account": self.account,
            "commodity": self.amount.commodity.value,
            "units": str(self.amount.units),
            "lot": None if self.lot is None else {"outpoint": self.lot.outpoint, "source": self.lot.source},
        }
        if self.cost is not None:
            told["cost"] = {"commodity": self.cost.commodity.value, "units": str(self.cost.units)}
        return told


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One transaction of the ledger. ``evidence`` names the document it rests on: a txid, a settlement, a meter day.

    ``at`` is when it happened (the event date); when it was entered is known by its write. ``reverses`` is the id of
    the entry that it takes back, whole.
    """

    id: str
    at: datetime
    narration: str
    evidence: str
    postings: tuple[Posting, ...]
    reverses: str = ""

    def as_json(self) -> Json:
        """Plain data for the canonical encoding. Units are text, as a JSON number holds only 53 bits for sure."""
        told: dict[str, Json] = {
            "id": self.id,
            "at": exact_utc_text(self.at),
            "narration": self.narration,
            "evidence": self.evidence,
            "postings": [posting.as_json() for posting in self.postings],
        }
        if self.reverses:
            told["reverses"] = self.reverses
        return told


def entry_of(told: Json) -> Entry:
    """The entry that :meth:`Entry.as_json` wrote."""
    fields = cast("Mapping[str, str]", told)
    postings = cast("Sequence[Mapping[str, Json]]", fields["postings"])
    at = parse_exact_utc(fields["at"])
    return Entry(
        fields["id"],
        at,
        fields["narration"],
        fields["evidence"],
        tuple(map(_posting_of, postings)),
        fields.get("reverses", ""),
    )


def _posting_of(told: Mapping[str, Json]) -> Posting:
    lot, cost = cast("Mapping[str, str] | None", told["lot"]), cast("Mapping[str, str] | None", told.get("cost"))
    return Posting(
        str(told["account"]),
        _amount_of(cast("Mapping[str, str]", told)),
        None if lot is None else Lot(lot["outpoint"], lot["source"]),
        None if cost is None else _amount_of(cost),
    )


def _amount_of(told: Mapping[str, str]) -> Amount:
    return Amount(int(told["units"]), Commodity(told["commodity"]))


def reversal(entry: Entry, entry_id: str, at: datetime, because: str, evidence: str) -> Entry:
    """The entry that takes ``entry`` back, whole, and says why and on what evidence."""
    postings = tuple(replace(posting, amount=-posting.amount) for posting in entry.postings)
    return Entry(entry_id, at, because, evidence, postings, reverses=entry.id)

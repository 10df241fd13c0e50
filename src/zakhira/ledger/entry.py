"""Entries of the ledger: balanced per commodity, in whole least units, each coin posting with its lot."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from zakhira.kernel.canonical import Json
from zakhira.kernel.interval import exact_utc_text
from zakhira.kernel.money import Amount


@dataclass(frozen=True)
class Lot:
    """Where a coin came from: the outpoint that holds it (``txid:vout``) and the source in words."""

    outpoint: str
    source: str


@dataclass(frozen=True)
class Posting:
    """An amount on an account: positive debits, negative credits. A posting in BTC always has its lot."""

    account: str
    amount: Amount
    lot: Lot | None = None


@dataclass(frozen=True)
class Entry:
    """One transaction of the ledger. ``evidence`` names the document it rests on: a txid, a settlement, a meter day."""

    id: str
    at: datetime
    narration: str
    evidence: str
    postings: tuple[Posting, ...]

    def as_json(self) -> Json:
        """Plain data for the canonical encoding. Units are text, as a JSON number holds only 53 bits for sure."""
        return {
            "id": self.id,
            "at": exact_utc_text(self.at),
            "narration": self.narration,
            "evidence": self.evidence,
            "postings": [
                {
                    "account": posting.account,
                    "commodity": posting.amount.commodity.value,
                    "units": str(posting.amount.units),
                    "lot": None
                    if posting.lot is None
                    else {"outpoint": posting.lot.outpoint, "source": posting.lot.source},
                }
                for posting in self.postings
            ],
        }

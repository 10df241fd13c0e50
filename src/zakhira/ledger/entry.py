"""Entries of the ledger: balanced per commodity, in whole least units, each coin posting with its lot."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

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

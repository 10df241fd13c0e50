"""What coins that arrive, get lost or are spent by strangers come to in the ledger."""

from __future__ import annotations

from datetime import datetime

from zakhira.flows.coin_papers import (
    ANNOUNCED,
    SUSPENSE_ACCOUNT,
    UNEXPLAINED_ACCOUNT,
    CoinPaper,
    arrivals_account,
    vault_account,
)
from zakhira.kernel.ids import derive_id
from zakhira.kernel.money import sats
from zakhira.ledger.entry import Entry, Lot, Posting
from zakhira.programme.model import AccountSpec

STANDING_ACCOUNTS = (
    AccountSpec(SUSPENSE_ACCOUNT, "BTC", "liability", claim="suspense"),
    AccountSpec(UNEXPLAINED_ACCOUNT, "BTC", "expense"),
)
"""Accounts that judging may always need."""


def accounts_of(vault: str, paper: CoinPaper) -> tuple[AccountSpec, ...]:
    """The accounts that a coin's arrival is posted to."""
    held = AccountSpec(vault_account(vault), "BTC", "asset")
    return (
        (held, AccountSpec(arrivals_account(paper.purpose), "BTC", "income")) if paper.state == ANNOUNCED else (held,)
    )


def _against(paper: CoinPaper) -> str:
    return arrivals_account(paper.purpose) if paper.state == ANNOUNCED else SUSPENSE_ACCOUNT


def _move(vault: str, amount_sats: int, paper: CoinPaper, against: str) -> tuple[Posting, ...]:
    lot = Lot(paper.outpoint, paper.source)
    return (Posting(vault_account(vault), sats(amount_sats), lot), Posting(against, sats(-amount_sats), lot))


def _txid(outpoint: str) -> str:
    return outpoint.partition(":")[0]


def arrival_entry(vault: str, amount_sats: int, paper: CoinPaper, losses: int, at: datetime) -> tuple[Entry, ...]:
    """A coin that arrived, as income of its purpose or in suspense; nothing for a coin of nothing.

    ``losses`` counts how often the coin was taken away before: each arrival has an entry of its own.
    """
    if not amount_sats:
        return ()
    words = f"Arrival for {paper.purpose}: {paper.source}" if paper.state == ANNOUNCED else f"Suspense: {paper.source}"
    id_ = derive_id("entry", "coin arrival", paper.outpoint, losses)
    return (Entry(id_, at, words, _txid(paper.outpoint), _move(vault, amount_sats, paper, _against(paper))),)


def loss_entry(vault: str, amount_sats: int, paper: CoinPaper, losses: int, at: datetime) -> tuple[Entry, ...]:
    """The arrival taken back, for a reorganisation took the coin away."""
    if not amount_sats:
        return ()
    words = f"Taken away by a reorganisation: {paper.source}"
    id_ = derive_id("entry", "coin loss", paper.outpoint, losses)
    return (Entry(id_, at, words, _txid(paper.outpoint), _move(vault, -amount_sats, paper, _against(paper))),)


def settlement_entry(amount_sats: int, paper: CoinPaper, losses: int, at: datetime) -> tuple[Entry, ...]:
    """A coin that leaves suspense for the purpose on its new paper; the coin itself stays in its vault."""
    if not amount_sats:
        return ()
    lot = Lot(paper.outpoint, paper.source)
    postings = (
        Posting(SUSPENSE_ACCOUNT, sats(amount_sats), lot),
        Posting(arrivals_account(paper.purpose), sats(-amount_sats), lot),
    )
    id_ = derive_id("entry", "coin settlement", paper.outpoint, losses)
    return (Entry(id_, at, f"Settled from suspense: {paper.source}", _txid(paper.outpoint), postings),)


def unexplained_entry(
    vault: str,
    amount_sats: int,
    paper: CoinPaper,
    spent_by: str,
    count: int,
    at: datetime,
    *,
    is_taken_back: bool = False,
) -> tuple[Entry, ...]:
    """A coin that a transaction spent which is not ours, or that spend taken back; ``count`` tells which time it is."""
    if not amount_sats:
        return ()
    what = "Unexplained spend taken back by a reorganisation" if is_taken_back else "UNEXPLAINED SPEND"
    id_ = derive_id("entry", "unexplained spend", paper.outpoint, count, int(is_taken_back))
    moved = amount_sats if is_taken_back else -amount_sats
    return (Entry(id_, at, f"{what}: {paper.source}", spent_by, _move(vault, moved, paper, UNEXPLAINED_ACCOUNT)),)

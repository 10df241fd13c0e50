"""Coins of the vaults that a stranger's transaction spent: recorded, booked and told at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from zakhira.flows.coin_entries import accounts_of, arrival_entry, unexplained_entry
from zakhira.flows.coin_papers import COIN_PAPER, LOST, OWN_TRANSACTION, CoinPaper, paper_of
from zakhira.flows.ports.books import Books, Record, Write
from zakhira.flows.ports.books_errors import Overdrawn
from zakhira.flows.ports.coin_events import WatchedCoin
from zakhira.flows.treasury import Treasury
from zakhira.kernel.canonical import Json
from zakhira.ledger.entry import Entry

UNEXPLAINED_SPEND = "unexplained spend"
"""Kind of the records of these coins; the id is the outpoint."""


@dataclass(frozen=True)
class UnexplainedSpend:
    """A coin of a vault that a stranger's transaction spent: its keys are in other hands, or a record is missing."""

    outpoint: str
    vault: str
    amount_sats: int
    spent_by: str
    height: int
    is_standing: bool = True
    """False once a reorganisation took the spending transaction back"""
    is_booked: bool = True
    """False while the ledger does not hold the coin, so that nothing can leave it"""
    count: int = 1
    """which time it is that the coin was spent so"""

    @property
    def record(self) -> Record:
        """The record of this spend."""
        body: Json = {
            "vault": self.vault,
            "amount_sats": self.amount_sats,
            "spent_by": self.spent_by,
            "height": self.height,
            "is_standing": self.is_standing,
            "is_booked": self.is_booked,
            "count": self.count,
        }
        return Record(UNEXPLAINED_SPEND, self.outpoint, body)


def unexplained_of(outpoint: str, body: Json) -> UnexplainedSpend:
    """The spend that :attr:`UnexplainedSpend.record` wrote."""
    told = cast("Mapping[str, Json]", body)
    return UnexplainedSpend(
        outpoint,
        str(told["vault"]),
        cast("int", told["amount_sats"]),
        str(told["spent_by"]),
        cast("int", told["height"]),
        bool(told["is_standing"]),
        bool(told["is_booked"]),
        cast("int", told["count"]),
    )


def unexplained_spends(books: Books) -> tuple[UnexplainedSpend, ...]:
    """Every spend that nobody can explain and that stands, in the order in which they were first seen."""
    found = (unexplained_of(outpoint, body) for outpoint, body in books.records(UNEXPLAINED_SPEND).items())
    return tuple(spend for spend in found if spend.is_standing)


def find_unexplained(
    books: Books, coins: Sequence[WatchedCoin], past_ends: Mapping[str, int]
) -> tuple[tuple[WatchedCoin, UnexplainedSpend], ...]:
    """Which of these spent coins nobody can explain and nobody has recorded yet."""
    own = books.bodies(OWN_TRANSACTION, sorted({coin.spent_by for coin in coins}))
    before = books.bodies(UNEXPLAINED_SPEND, [coin.outpoint for coin in coins])
    found = []
    for coin in coins:
        if coin.spent_by in own or coin.spent_height <= past_ends.get(coin.vault, -1):
            continue
        known = unexplained_of(coin.outpoint, before[coin.outpoint]) if coin.outpoint in before else None
        if known is None or not known.is_standing or known.spent_by != coin.spent_by:
            count = 1 if known is None else known.count + 1
            spend = UnexplainedSpend(
                coin.outpoint, coin.vault, coin.amount_sats, coin.spent_by, coin.spent_height, count=count
            )
            found.append((coin, spend))
    return tuple(found)


def record_unexplained(
    treasury: Treasury, spend: UnexplainedSpend, fresh: CoinPaper | None, losses: int
) -> UnexplainedSpend:
    """Write the spend with its entry; ``fresh`` is the paper of a coin that had none, which is credited first.

    What the ledger does not hold cannot leave it: then the spend is recorded all the same, and booked later.
    """
    paper = fresh or _paper(treasury.books, spend.outpoint)
    if paper is not None:
        arrival: tuple[Entry, ...] = ()
        if fresh is not None:
            treasury.books.open_accounts(accounts_of(spend.vault, fresh))
            arrival = arrival_entry(spend.vault, spend.amount_sats, fresh, losses, treasury.now)
        entries = (*arrival, *_entry(treasury, spend, paper))
        records = (spend.record,) if fresh is None else (fresh.record, spend.record)
        try:
            _commit(treasury, spend, "unexplained spend", entries, records)
        except Overdrawn:
            pass
        else:
            return spend
    unbooked = replace(spend, is_booked=False)
    _commit(treasury, unbooked, "unexplained spend, not booked", (), (unbooked.record,))
    return unbooked


def book_unbooked(treasury: Treasury) -> None:
    """Book what was recorded before the ledger held the coin, where it does by now."""
    for spend in unexplained_spends(treasury.books):
        paper = None if spend.is_booked else _paper(treasury.books, spend.outpoint)
        if paper is not None:
            booked = replace(spend, is_booked=True)
            try:
                _commit(treasury, booked, "book unexplained spend", _entry(treasury, spend, paper), (booked.record,))
            except Overdrawn:
                continue


def take_back(treasury: Treasury) -> tuple[str, ...]:
    """Reverse the entries of spends that a reorganisation took back; the coins."""
    taken_back = []
    for spend in unexplained_spends(treasury.books):
        coin = treasury.coins.coin(spend.outpoint)
        if coin is not None and coin.spent_by == spend.spent_by:
            continue
        paper = _paper(treasury.books, spend.outpoint) if spend.is_booked else None
        entries = () if paper is None else _entry(treasury, spend, paper, is_taken_back=True)
        after = replace(spend, is_standing=False)
        _commit(treasury, after, "unexplained spend taken back", entries, (after.record,))
        taken_back.append(spend.outpoint)
    return tuple(taken_back)


def _paper(books: Books, outpoint: str) -> CoinPaper | None:
    body = books.latest(COIN_PAPER, outpoint)
    paper = None if body is None else paper_of(outpoint, body)
    return None if paper is None or paper.state == LOST else paper


def _entry(
    treasury: Treasury, spend: UnexplainedSpend, paper: CoinPaper, *, is_taken_back: bool = False
) -> tuple[Entry, ...]:
    return unexplained_entry(
        spend.vault,
        spend.amount_sats,
        paper,
        spend.spent_by,
        spend.count,
        treasury.now,
        is_taken_back=is_taken_back,
    )


def _commit(
    treasury: Treasury,
    spend: UnexplainedSpend,
    action: str,
    entries: tuple[Entry, ...],
    records: tuple[Record, ...],
) -> None:
    key = f"unexplained/{spend.outpoint}/{spend.count}/{action}"
    treasury.books.commit(Write(key, "watcher", action, treasury.now, entries=entries, records=records))

"""The followed chain read from the twin of the books."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from zakhira.flows.ports.coin_events import WatchedCoin
from zakhira.flows.ports.coin_store import (
    PAGE_COINS,
    BlockChanges,
    CoinSum,
    Depth,
    FollowedSpan,
    PaperedCoin,
    VaultStatus,
)
from zakhira.kernel.canonical import Json
from zakhira.simulator.books import SimulatedBooks


class SimulatedCoins:
    """Implements :class:`zakhira.flows.ports.coin_store.CoinStore` over the twin's fold."""

    def __init__(self, books: SimulatedBooks) -> None:
        self._books = books

    def span(self) -> FollowedSpan | None:
        """The followed chain, or None before its first block."""
        tip = self._books.fold.tip
        return None if tip is None else FollowedSpan(min(self._books.fold.blocks), *tip)

    def followed_hashes(self, heights: Sequence[int]) -> Mapping[int, str]:
        """The hash of the followed block at each of these heights that has one."""
        blocks = self._books.fold.blocks
        return {height: blocks[height] for height in heights if height in blocks}

    def changes(self, height: int) -> BlockChanges:
        """Coins that the followed block at this height created and spent, by outpoint."""
        by_outpoint = sorted(self._coins(), key=lambda coin: coin.outpoint)
        return BlockChanges(
            tuple(coin for coin in by_outpoint if coin.height == height),
            tuple(coin for coin in by_outpoint if coin.spent_height == height),
        )

    def unspent_outpoints(self) -> Sequence[str]:
        """The outpoints of all unspent coins of all vaults."""
        return [coin.outpoint for coin in self._coins() if not coin.spent_by]

    def last_places(self) -> Mapping[tuple[str, int], int]:
        """The last place of each vault and branch that ever had a coin on the followed chain."""
        last: dict[tuple[str, int], int] = {}
        for coin in self._coins():
            last[coin.vault, coin.branch] = max(coin.place, last.get((coin.vault, coin.branch), 0))
        return last

    def coin(self, outpoint: str) -> WatchedCoin | None:
        """One coin, spent or not."""
        return self._books.fold.coins.get(outpoint)

    def coins_at(self, vault: str, branch: int, place: int) -> tuple[WatchedCoin, ...]:
        """Every coin at one address, spent ones included, by height and outpoint."""
        return _ordered(c for c in self._coins() if (c.vault, c.branch, c.place) == (vault, branch, place))

    def page(self, vault: str, after: tuple[int, str] = (-1, ""), limit: int = PAGE_COINS) -> tuple[WatchedCoin, ...]:
        """Unspent coins of a vault by height and outpoint, those behind ``after``, up to a limit."""
        held = _ordered(coin for coin in self._coins() if coin.vault == vault and not coin.spent_by)
        return tuple(coin for coin in held if (coin.height, coin.outpoint) > after)[:limit]

    def status(self, vault: str, depth: Depth) -> VaultStatus:
        """The unspent coins of a vault, summed by how deep they lie."""
        span = self.span()
        height = -1 if span is None else span.height
        settled, pending, immature = [], [], []
        for coin in self._coins():
            if coin.vault != vault or coin.spent_by:
                continue
            if coin.is_coinbase and coin.confirmations_at(height) < depth.coinbase_confirmations:
                immature.append(coin)
            elif coin.confirmations_at(height) < depth.needed(coin.amount_sats, is_coinbase=False):
                pending.append(coin)
            else:
                settled.append(coin)
        return VaultStatus(vault, height, _sum(settled), _sum(pending), _sum(immature))

    def unjudged(self, kind: str, depth: Depth, after: tuple[int, str], limit: int) -> tuple[WatchedCoin, ...]:
        """Coins behind ``after`` that lie deep enough and have no record of this kind, or one that they were lost."""
        span = self.span()
        if span is None:
            return ()
        judged = {
            outpoint
            for outpoint, body in self._books.records(kind).items()
            if cast("Mapping[str, Json]", body)["state"] != "lost"
        }
        found = _ordered(
            coin
            for coin in self._coins()
            if coin.outpoint not in judged
            and (coin.height, coin.outpoint) > after
            and coin.confirmations_at(span.height) >= depth.needed(coin.amount_sats, is_coinbase=coin.is_coinbase)
        )
        return found[:limit]

    def spent_after(self, after: tuple[int, str], limit: int) -> tuple[WatchedCoin, ...]:
        """Spent coins by the height of their spend and outpoint, those behind ``after``, up to a limit."""
        spent = [coin for coin in self._coins() if coin.spent_by and (coin.spent_height, coin.outpoint) > after]
        return tuple(sorted(spent, key=lambda coin: (coin.spent_height, coin.outpoint)))[:limit]

    def earlier_arrivals(self, outpoints: Sequence[str], limit: int) -> Mapping[str, int]:
        """How many coins came to the same address before each of these, counted up to ``limit``."""
        counts: dict[str, int] = {}
        wanted = set(outpoints)
        for late in (coin for coin in self._coins() if coin.outpoint in wanted):
            there = self.coins_at(late.vault, late.branch, late.place)
            counts[late.outpoint] = min(limit, [coin.outpoint for coin in there].index(late.outpoint))
        return counts

    def papered(
        self, vault: str, kind: str, states: Sequence[str], depth: Depth, lots: Sequence[str] = ()
    ) -> Sequence[PaperedCoin]:
        """The unspent coins of a vault whose newest record of this kind has one of these states, in any order."""
        tip = self._books.fold.tip
        papers = cast("Mapping[str, Mapping[str, Json]]", self._books.records(kind))
        found = []
        for coin in self._coins():
            paper = papers.get(coin.outpoint)
            if tip is None or coin.vault != vault or coin.spent_by or paper is None or paper["state"] not in states:
                continue
            needed = depth.needed(coin.amount_sats, is_coinbase=coin.is_coinbase)
            told = cast("Sequence[str]", paper["lots"])
            found.append(
                PaperedCoin(
                    coin.outpoint,
                    coin.amount_sats,
                    coin.height if coin.confirmations_at(tip[0]) >= needed else 0,
                    str(paper["purpose"]),
                    str(paper["hold_until"]),
                    told[0],
                    not lots or set(told) <= set(lots),
                )
            )
        return found

    def _coins(self) -> Iterable[WatchedCoin]:
        return self._books.fold.coins.values()


def _ordered(coins: Iterable[WatchedCoin]) -> tuple[WatchedCoin, ...]:
    return tuple(sorted(coins, key=lambda coin: (coin.height, coin.outpoint)))


def _sum(coins: Sequence[WatchedCoin]) -> CoinSum:
    return CoinSum(len(coins), sum(coin.amount_sats for coin in coins))

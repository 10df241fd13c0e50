"""What can be asked of the followed chain: its tip, the coins of a vault, and what a block had done.

Nothing is written here: coins change by the events of a :class:`zakhira.flows.ports.books.Write` alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from zakhira.flows.ports.coin_events import WatchedCoin

PAGE_COINS = 100
"""Coins on a page, unless asked otherwise."""


@dataclass(frozen=True)
class FollowedSpan:
    """The followed chain: the first height that was ever connected, and the tip."""

    first_height: int
    height: int
    hash: str


@dataclass(frozen=True)
class Depth:
    """How deep a coin must lie before it counts: ``confirmations[i]`` from ``amounts_sats[i]`` on, ascending from 0."""

    amounts_sats: tuple[int, ...]
    confirmations: tuple[int, ...]
    coinbase_confirmations: int

    def needed(self, amount_sats: int, *, is_coinbase: bool) -> int:
        """Confirmations that a coin of this amount needs."""
        steps = zip(self.amounts_sats, self.confirmations, strict=True)
        by_amount = max(count for amount, count in steps if amount <= amount_sats)
        return max(by_amount, self.coinbase_confirmations) if is_coinbase else by_amount


@dataclass(frozen=True)
class CoinSum:
    """A number of coins and what they hold."""

    count: int
    sats: int


@dataclass(frozen=True)
class VaultStatus:
    """The unspent coins of a vault at the followed tip."""

    vault: str
    height: int
    settled: CoinSum
    """deep enough"""
    pending: CoinSum
    """not deep enough yet"""
    immature: CoinSum
    """of a coinbase below 100 confirmations; not among the pending"""


class PaperedCoin(NamedTuple):
    """An unspent coin with what its newest paper says, as far as choosing needs it; there may be a hundred thousand."""

    outpoint: str
    amount_sats: int
    settled_height: int
    """its block if it lies deep enough, else 0"""
    purpose: str
    hold_until: str
    """ISO date, or empty"""
    lot: str
    """the first of its lots"""
    is_of_lots: bool
    """whether all its lots are among those that were asked for; true where none were"""


@dataclass(frozen=True)
class BlockChanges:
    """What a followed block did to coins of ours, in the state that they are in now."""

    created: tuple[WatchedCoin, ...]
    spent: tuple[WatchedCoin, ...]


class CoinStore(Protocol):
    """The present of the followed chain. Every method may raise DatabaseUnreachable."""

    def span(self) -> FollowedSpan | None:
        """The followed chain, or None before its first block."""

    def followed_hashes(self, heights: Sequence[int]) -> Mapping[int, str]:
        """The hash of the followed block at each of these heights that has one."""

    def changes(self, height: int) -> BlockChanges:
        """Coins that the followed block at this height created and spent, by outpoint."""

    def unspent_outpoints(self) -> Sequence[str]:
        """The outpoints of all unspent coins of all vaults."""

    def last_places(self) -> Mapping[tuple[str, int], int]:
        """The last place of each vault and branch that ever had a coin on the followed chain."""

    def coin(self, outpoint: str) -> WatchedCoin | None:
        """One coin, spent or not."""

    def coins_at(self, vault: str, branch: int, place: int) -> tuple[WatchedCoin, ...]:
        """Every coin at one address, spent ones included, by height and outpoint."""

    def page(self, vault: str, after: tuple[int, str] = (-1, ""), limit: int = PAGE_COINS) -> tuple[WatchedCoin, ...]:
        """Unspent coins of a vault by height and outpoint, up to a limit, behind ``after`` (the last one seen)."""

    def status(self, vault: str, depth: Depth) -> VaultStatus:
        """The unspent coins of a vault, summed by how deep they lie."""

    def unjudged(self, kind: str, depth: Depth, after: tuple[int, str], limit: int) -> tuple[WatchedCoin, ...]:
        """Coins behind ``after`` that lie deep enough, with no record of ``kind``, by height and outpoint, to a limit.

        A record whose newest body has the state ``lost`` counts as none: the coin is back.
        """

    def spent_after(self, after: tuple[int, str], limit: int) -> tuple[WatchedCoin, ...]:
        """Spent coins by the height of their spend and outpoint, those behind ``after``, up to a limit."""

    def earlier_arrivals(self, outpoints: Sequence[str], limit: int) -> Mapping[str, int]:
        """How many coins came to the same address before each of these, counted up to ``limit``."""

    def papered(
        self, vault: str, kind: str, states: Sequence[str], depth: Depth, lots: Sequence[str] = ()
    ) -> Sequence[PaperedCoin]:
        """The unspent coins of a vault whose newest record of ``kind`` has one of these states, in any order."""

"""Coins as selection sees them, what is asked of it, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from zakhira.custody.fee import FeeTerms, input_fee
from zakhira.custody.standardness import MAX_STANDARD_WEIGHT, output_weight

SEARCH_TRIES = 100_000
"""Steps of branch and bound before the best so far is taken (Bitcoin Core's TOTAL_TRIES)."""


@dataclass(frozen=True)
class SpendableCoin:
    """A coin as selection sees it."""

    outpoint: str
    amount_sats: int
    purpose: str
    lot_hold_until: date | None
    """The first day on which the coin's lot may leave the vaults; None where there is no hold."""
    height: int
    """0: not in a block yet."""
    input_weight: int
    """Of the input that spends it, its witness included."""
    is_own_unconfirmed_change: bool = False
    vault: str = ""
    lot: str = ""


@dataclass(frozen=True)
class ChangeCost:
    """The output that takes what is left, and what spending it later weighs."""

    script_bytes: int
    input_weight: int
    dust_sats: int

    def least_sats(self, terms: FeeTerms) -> int:
        """The least change worth making: relayed, and worth more than spending it will cost."""
        return max(self.dust_sats, self.later_fee_sats(terms) + 1)

    def now_fee_sats(self, terms: FeeTerms) -> int:
        """What having the output costs now."""
        return input_fee(terms.rate_sat_per_kvb, output_weight(self.script_bytes))

    def later_fee_sats(self, terms: FeeTerms) -> int:
        """What spending it later is taken to cost."""
        return input_fee(terms.long_term_sat_per_kvb, self.input_weight)


@dataclass(frozen=True)
class CoinRequest:
    """What the coins are for and which may be taken.

    ``inputs`` names coins: all of them are taken, and others only if ``may_add_coins``. ``may_move_held`` is for moves
    that stay inside the vaults, where the hold goes with the coin. ``may_spend_unconfirmed_change`` lets the vault's
    own change be spent before it is in a block; arrivals never are.
    """

    target_sats: int
    """The sum of the payments."""
    output_script_bytes: tuple[int, ...]
    """Length of each payment's script, and of each that holds data."""
    change: ChangeCost
    terms: FeeTerms
    on: date
    vault: str
    purpose: str = ""
    """Empty: the purpose that all usable coins have."""
    lots: frozenset[str] = frozenset()
    """Empty: any lot."""
    inputs: tuple[str, ...] = ()
    may_add_coins: bool = False
    may_move_held: bool = False
    may_spend_unconfirmed_change: bool = False
    max_weight: int = MAX_STANDARD_WEIGHT
    tries: int = SEARCH_TRIES
    """Steps of branch and bound."""


@dataclass(frozen=True)
class Selection:
    """The coins chosen and what becomes of their sum: payments + ``change_sats`` (0: none) + ``fee_sats``."""

    coins: tuple[SpendableCoin, ...]
    purpose: str
    change_sats: int
    fee_sats: int
    weight: int
    hold_until: date | None
    """The latest hold among the coins: change carries it, since in it the lots are merged."""
    waste_sats: int
    """Fees now above fees later, plus what making change costs, or plus what goes to the fee instead of change."""
    method: str
    """branch and bound, largest first, largest first with change, one coin, random draw, or named"""
    is_exhausted: bool
    """Every combination without change was looked at or ruled out."""

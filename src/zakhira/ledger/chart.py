"""The chart of accounts: a tree by code, one commodity each, with bounds in the natural sign of each kind."""

from __future__ import annotations

from dataclasses import dataclass

from zakhira.kernel.money import COINS, MAX_UNITS, Amount, Commodity
from zakhira.programme.model import AccountSpec

CREDIT_KINDS = frozenset({"liability", "income", "equity"})
"""Kinds whose balances are shown with the sign turned: what is owed, earned or put in is a positive number."""
FLOORED_KINDS = frozenset({"asset", "liability"})
"""Kinds that never fall below 0 in their natural sign unless their account says so."""
DEMAND, TERM, SUSPENSE = "demand", "term", "suspense"
SUSPENSE_ACCOUNT = "liabilities:suspense"
"""Coins of unknown origin, which back nothing until somebody says what they are."""


@dataclass(frozen=True)
class Bounds:
    """The least and the most that an account may hold, in stored units (debits positive)."""

    least: int
    most: int


def bounds_of(spec: AccountSpec) -> Bounds:
    """The bounds of an account in stored units; without a bound, what 63 bits hold."""
    low = 0 if spec.kind in FLOORED_KINDS and spec.overdraft != "allowed" else -MAX_UNITS
    high = MAX_UNITS if spec.ceiling is None else spec.ceiling.units
    return Bounds(-high, -low) if spec.kind in CREDIT_KINDS else Bounds(low, high)


def claim_of(spec: AccountSpec) -> str:
    """``demand`` (unless it says otherwise), ``term`` or ``suspense`` for a liability in coin; blank for all others."""
    if spec.kind != "liability" or Commodity[spec.commodity] not in COINS:
        return ""
    return DEMAND if spec.claim == "none" else spec.claim


def natural(amount: Amount, kind: str) -> Amount:
    """The amount in the natural sign of its account's kind."""
    return -amount if kind in CREDIT_KINDS else amount


def is_under(code: str, branch: str) -> bool:
    """Whether an account is ``branch`` itself or below it in the tree; everything is below the blank branch."""
    return not branch or code == branch or code.startswith(f"{branch}:")

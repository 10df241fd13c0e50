"""Why a spend cannot be funded, priced, batched or bumped: one class per cause, each with its code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from zakhira.kernel.errors import InvalidInput, OutsideFailure, Refused


@dataclass(frozen=True)
class Shortfall:
    """What is missing for a payment, and where the vault's other coins are. Every amount is in satoshi."""

    missing_sats: int
    spendable_sats: int
    """What the coins that may be spent are worth after the fees of spending them."""
    on_hold: tuple[tuple[date, int], ...] = ()
    """Sums under a hold, by the date from which they are free, soonest first."""
    other_purposes: tuple[tuple[str, int], ...] = ()
    unconfirmed_sats: int = 0
    other_lots_sats: int = 0
    not_worth_sats: int = 0
    """Coins that cost more to spend at this fee rate than they hold."""

    def __str__(self) -> str:
        """Where the rest is, in one sentence; empty if there is no rest."""
        parts = [f"{sats} sat on hold until {until.isoformat()}" for until, sats in self.on_hold]
        parts += [f"{sats} sat held for {purpose}" for purpose, sats in self.other_purposes]
        others = (
            (self.unconfirmed_sats, "not confirmed"),
            (self.other_lots_sats, "in other lots"),
            (self.not_worth_sats, "in coins that cost more to spend than they hold"),
        )
        parts += [f"{sats} sat {where}" for sats, where in others if sats]
        return f" There are also {', '.join(parts)}." if parts else ""


class NotEnoughCoins(Refused):
    """The coins that may be spent do not cover the payments and their fee; ``shortfall`` says by how much."""

    code = "ZK-CUSTODY-120"

    def __init__(self, message: str, remedy: str, shortfall: Shortfall) -> None:
        self.shortfall = shortfall
        super().__init__(message, remedy)


class MixedPurposes(Refused):
    """Coins of several purposes would be spent together; ``sums_sats`` has what each purpose holds."""

    code = "ZK-CUSTODY-121"

    def __init__(self, message: str, remedy: str, sums_sats: Sequence[tuple[str, int]]) -> None:
        self.sums_sats = tuple(sums_sats)
        super().__init__(message, remedy)


class CoinOnHold(Refused):
    """A coin that was named is still under its hold."""

    code = "ZK-CUSTODY-122"


class UnusableInput(Refused):
    """A coin that was named is not there, not confirmed, or of another vault or lot than the spend."""

    code = "ZK-CUSTODY-123"


class FeeAboveCeiling(Refused):
    """The fee or the fee rate that is needed lies above the ceiling."""

    code = "ZK-CUSTODY-124"


class NoFeeEstimate(OutsideFailure):
    """The node gives no estimate for the confirmation target."""

    code = "ZK-CUSTODY-125"


class BadPayment(InvalidInput):
    """A payment that no node would relay, or that is asked for twice."""

    code = "ZK-CUSTODY-126"


class ReplacementRefused(Refused):
    """Nodes would not take the replacement (BIP-125); ``rules`` has the numbers of the rules that it breaks."""

    code = "ZK-CUSTODY-127"

    def __init__(self, message: str, remedy: str, rules: Sequence[int]) -> None:
        self.rules = tuple(rules)
        super().__init__(message, remedy)


class NoSharedInput(Refused):
    """A bump would leave an earlier version valid beside it: both could confirm."""

    code = "ZK-CUSTODY-128"


class PackageRefused(Refused):
    """Nodes would not take the child: the package is too long, too large or has too little to give."""

    code = "ZK-CUSTODY-129"

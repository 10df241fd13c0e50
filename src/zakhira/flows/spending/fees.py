"""The fee rate of a spend: a target or a rate by hand, the node's estimates, and the ceilings that hold."""

from __future__ import annotations

from dataclasses import dataclass

from zakhira.custody.coin import Instruction
from zakhira.custody.fee import VBYTES_PER_KVB, FeeLimits, FeeTerms, choose_rate, require_rate
from zakhira.flows.treasury import Treasury, policy_in_force

LATER_TARGET_BLOCKS = 1_008
"""What a coin costs later is taken from the slowest estimate (a week)."""
LATER_SAT_PER_KVB = 10_000
"""What spending a coin later is taken to cost without an estimate: 10 sat/vB, Bitcoin Core's default of
``-consolidatefeerate``."""


@dataclass(frozen=True)
class FeeWish:
    """How fast a spend shall confirm, or at what rate by hand (sat/kvB), which then counts alone."""

    target_blocks: int = 6
    rate_sat_per_kvb: int = 0


def limits_of(treasury: Treasury, instruction: Instruction) -> FeeLimits:
    """The ceilings that hold: of the fee the lower of the instruction's and the policy's."""
    return FeeLimits(
        min(instruction.fee_limit_sats, policy_in_force(treasury).fee_limit_sats),
        instruction.fee_rate_limit_sat_per_vb * VBYTES_PER_KVB,
    )


def fee_terms(treasury: Treasury, limits: FeeLimits, wish: FeeWish) -> FeeTerms:
    """The rate to pay now, never below what the mempool takes, and what a later spend is taken to pay.

    Raises:
        FeeAboveCeiling: the rate that is needed is above the ceiling.
        NoFeeEstimate: the node has no estimate for the target and no rate was given.
        BadFeeRate: the target or the rate is none.
    """
    rules = treasury.mempool.mempool_rules()
    later = treasury.mempool.fee_estimates(LATER_TARGET_BLOCKS)
    later_rate = later[max(later)] if later else LATER_SAT_PER_KVB
    if wish.rate_sat_per_kvb:
        rate = max(wish.rate_sat_per_kvb, rules.mempool_min_sat_per_kvb)
    else:
        rate = choose_rate(
            treasury.mempool.fee_estimates(wish.target_blocks),
            wish.target_blocks,
            limits,
            rules.mempool_min_sat_per_kvb,
        ).rate_sat_per_kvb
    require_rate(rate, limits)
    return FeeTerms(rate, later_rate, limits)

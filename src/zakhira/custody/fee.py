"""Fee rates as whole satoshi per 1,000 virtual bytes: from the node's estimates, between floor and ceilings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from zakhira.custody.refusals import BadFeeRate
from zakhira.custody.spend_refusals import FeeAboveCeiling, NoFeeEstimate
from zakhira.custody.standardness import virtual_bytes
from zakhira.custody.weight import SEGWIT_SCALE
from zakhira.kernel.money import SATS_PER_BTC

VBYTES_PER_KVB = 1000
MIN_RELAY_SAT_PER_KVB = 1_000
"""What every node relays: 1 sat/vB (Bitcoin Core to 29, DEFAULT_MIN_RELAY_TX_FEE; 100 from 30 on)."""
MAX_TARGET_BLOCKS = 1_008
"""The furthest target of ``estimatesmartfee`` (one week)."""


@dataclass(frozen=True)
class FeeLimits:
    """The ceilings of a spend: both must be kept."""

    fee_limit_sats: int
    rate_limit_sat_per_kvb: int

    def __post_init__(self) -> None:
        if self.fee_limit_sats < 1 or self.rate_limit_sat_per_kvb < 1:
            raise BadFeeRate(
                f"A ceiling of {self.fee_limit_sats} sat and {written_rate(self.rate_limit_sat_per_kvb)} allows no "
                "fee at all.",
                "Give both ceilings above 0.",
            )


@dataclass(frozen=True)
class FeeTerms:
    """At which rate a spend pays, what a later spend is taken to pay, and the ceilings."""

    rate_sat_per_kvb: int
    long_term_sat_per_kvb: int
    """What spending a coin later is taken to cost: the waste metric weighs today's rate against it."""
    limits: FeeLimits

    def __post_init__(self) -> None:
        if self.rate_sat_per_kvb < 1 or self.long_term_sat_per_kvb < 0:
            raise BadFeeRate(f"A fee rate of {written_rate(self.rate_sat_per_kvb)} is not relayed.", "Use at least 1.")
        require_rate(self.rate_sat_per_kvb, self.limits)


@dataclass(frozen=True)
class FeeChoice:
    """A fee rate and where it comes from."""

    rate_sat_per_kvb: int
    target_blocks: int
    estimate_blocks: int
    """The target that the node's estimate is for; never slower than what was asked."""
    basis: str
    """estimate, min relay or mempool minimum"""


def rate_from_sat_per_vb(sat_per_vb: Decimal | int) -> int:
    """A rate in sat/vB as sat/kvB, rounded up so that it is never below what was meant.

    Raises:
        BadFeeRate: it is not a finite number above 0.
    """
    exact = Decimal(sat_per_vb)
    if not exact.is_finite() or exact <= 0:
        raise BadFeeRate(f"{sat_per_vb} sat/vB is no fee rate.", "Give a number above 0.")
    return int((exact * VBYTES_PER_KVB).to_integral_value(rounding=ROUND_CEILING))


def rate_from_btc_per_kvb(btc_per_kvb: Decimal) -> int:
    """The unit of the node's RPC (``estimatesmartfee``, ``mempoolminfee``) as sat/kvB, rounded up."""
    return rate_from_sat_per_vb(btc_per_kvb * SATS_PER_BTC / VBYTES_PER_KVB)


def written_rate(rate_sat_per_kvb: int) -> str:
    """A rate as people say it: ``12.5 sat/vB``."""
    whole, part = divmod(rate_sat_per_kvb, VBYTES_PER_KVB)
    return f"{whole}.{part:03d}".rstrip("0").rstrip(".") + " sat/vB"


def fee_for_weight(rate_sat_per_kvb: int, weight: int) -> int:
    """The fee in satoshi that a weight pays at a rate: its whole virtual bytes, rounded up."""
    return -(-rate_sat_per_kvb * virtual_bytes(weight) // VBYTES_PER_KVB)


def input_fee(rate_sat_per_kvb: int, input_weight: int) -> int:
    """What one more input costs in satoshi, at most: quarters of a virtual byte are counted, then rounded up."""
    return -(-rate_sat_per_kvb * input_weight // (VBYTES_PER_KVB * SEGWIT_SCALE))


def rate_of(fee_sats: int, weight: int) -> int:
    """The rate in sat/kvB that a fee pays for a weight, rounded up."""
    return -(-fee_sats * VBYTES_PER_KVB // virtual_bytes(weight))


def choose_rate(
    estimates_sat_per_kvb: Mapping[int, int],
    target_blocks: int,
    limits: FeeLimits,
    mempool_min_sat_per_kvb: int = 0,
    min_relay_sat_per_kvb: int = MIN_RELAY_SAT_PER_KVB,
) -> FeeChoice:
    """The rate for a target from the node's estimates by target (blocks to sat/kvB), at least what nodes take.

    The estimate of the nearest target that is not slower counts, since it confirms in time as well. A rate above the
    ceiling is refused and not cut: what is cut confirms late without anybody having said so.

    Raises:
        NoFeeEstimate: no estimate for this target or a faster one.
        FeeAboveCeiling: the rate that is needed is above the ceiling.
        BadFeeRate: a target outside 1..1008 or an estimate that is not above 0.
    """
    if not 1 <= target_blocks <= MAX_TARGET_BLOCKS:
        raise BadFeeRate(f"A target of {target_blocks} blocks is not known.", f"Use 1 to {MAX_TARGET_BLOCKS}.")
    if any(rate < 1 for rate in estimates_sat_per_kvb.values()):
        raise BadFeeRate("The node's estimates hold a rate of 0 or less.", "Name a fee rate by hand.")
    usable = [blocks for blocks in estimates_sat_per_kvb if blocks <= target_blocks]
    if not usable:
        raise NoFeeEstimate(
            f"The node has no fee estimate for {target_blocks} blocks or fewer.",
            "Wait until it has seen more blocks, or name a fee rate by hand.",
        )
    nearest = max(usable)
    rate, basis = max(
        (estimates_sat_per_kvb[nearest], "estimate"),
        (min_relay_sat_per_kvb, "min relay"),
        (mempool_min_sat_per_kvb, "mempool minimum"),
        key=lambda item: item[0],
    )
    require_rate(rate, limits)
    return FeeChoice(rate, target_blocks, nearest, basis)


def require_rate(rate_sat_per_kvb: int, limits: FeeLimits) -> None:
    """Refuse a rate above the ceiling.

    Raises:
        FeeAboveCeiling: the rate is above ``limits.rate_limit_sat_per_kvb``.
    """
    if rate_sat_per_kvb > limits.rate_limit_sat_per_kvb:
        raise FeeAboveCeiling(
            f"A fee rate of {written_rate(rate_sat_per_kvb)} is needed, above the ceiling of "
            f"{written_rate(limits.rate_limit_sat_per_kvb)}.",
            "Wait for a cheaper hour, take a slower target, or have the ceiling raised.",
        )


def require_fee(fee_sats: int, weight: int, limits: FeeLimits) -> None:
    """Refuse a fee above either ceiling; the rate's is what the limit would pay for this weight, in whole satoshi.

    Raises:
        FeeAboveCeiling: the fee or its rate is above a ceiling.
    """
    if fee_sats > limits.fee_limit_sats:
        raise FeeAboveCeiling(
            f"The fee of {fee_sats} sat is above the ceiling of {limits.fee_limit_sats} sat by "
            f"{fee_sats - limits.fee_limit_sats} sat.",
            "Pay at a lower rate, pay fewer at once, or have the ceiling raised.",
        )
    if fee_sats > fee_for_weight(limits.rate_limit_sat_per_kvb, weight):
        require_rate(rate_of(fee_sats, weight), limits)

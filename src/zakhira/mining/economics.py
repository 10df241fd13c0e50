"""What work is worth: subsidy, expected coins, hashprice and the price of power that breaks even."""

from __future__ import annotations

from zakhira.kernel.money import SATS_PER_BTC
from zakhira.mining.retarget import HASHES_PER_DIFFICULTY

HALVING_BLOCKS = 210_000
"""consensus.nSubsidyHalvingInterval of the main network."""
FIRST_SUBSIDY_SATS = 50 * SATS_PER_BTC
LAST_HALVING = 64
"""From here the subsidy is nothing (validation.cpp: GetBlockSubsidy)."""
HASHES_PER_PETAHASH_DAY = 1e15 * 86_400
JOULE_PER_MWH = 3.6e9


def subsidy_sats(height: int) -> int:
    """New coins of the block at ``height``, in satoshi (validation.cpp: GetBlockSubsidy)."""
    halvings = height // HALVING_BLOCKS
    return FIRST_SUBSIDY_SATS >> halvings if halvings < LAST_HALVING else 0


def reward_sats_per_hash(difficulty: float, height: int, fee_share: float) -> float:
    """Expected satoshi for one hash on the block at ``height``: (subsidy + fees) / (D x 2^32).

    ``fee_share`` is the fees as a share of the subsidy.
    """
    return subsidy_sats(height) * (1.0 + fee_share) / (difficulty * HASHES_PER_DIFFICULTY)


def hashprice_usd_per_ph_day(difficulty: float, height: int, fee_share: float, btc_usd: float) -> float:
    """Revenue of one petahash per second over a day, in US dollars."""
    return HASHES_PER_PETAHASH_DAY * reward_sats_per_hash(difficulty, height, fee_share) / SATS_PER_BTC * btc_usd


def break_even_usd_per_mwh(hashprice: float, efficiency_j_per_th: float, pue: float) -> float:
    """The price of energy at the plug that eats all revenue: hashprice / (0.024 x J/TH x PUE).

    ``hashprice`` in USD per PH/s and day; other costs are left out.
    """
    return hashprice / (0.024 * efficiency_j_per_th * pue)

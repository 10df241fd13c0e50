"""Subsidy, hashprice and break-even, held against published figures."""

from __future__ import annotations

import pytest

from zakhira.mining.economics import (
    break_even_usd_per_mwh,
    hashprice_usd_per_ph_day,
    reward_sats_per_hash,
    subsidy_sats,
)

PKR_PER_USD = 283.0


@pytest.mark.parametrize(
    ("height", "sats"),
    [
        (0, 5_000_000_000),
        (209_999, 5_000_000_000),
        (210_000, 2_500_000_000),
        (840_000, 312_500_000),
        (1_049_999, 312_500_000),
        (1_050_000, 156_250_000),
        (32 * 210_000, 1),
        (33 * 210_000, 0),
        (64 * 210_000, 0),
        (10**9, 0),
    ],
)
def test_subsidy_halves(height: int, sats: int) -> None:
    """The subsidy of a block, at the edges of halvings and at the end."""
    assert subsidy_sats(height) == sats


def test_all_coins_sum_to_the_known_total() -> None:
    """All subsidies sum to 20,999,999.9769 BTC (Bitcoin Core, validation_tests.cpp)."""
    assert sum(210_000 * subsidy_sats(210_000 * halving) for halving in range(70)) == 2_099_999_997_690_000


def test_hashprice_of_june_2026() -> None:
    """28.68 USD per PH/s and day at D = 133.87 T, 60,500 USD and fees of 1% (2026-06-26)."""
    assert hashprice_usd_per_ph_day(133.87e12, 955_584, 0.01, 60_500) == pytest.approx(28.68, rel=1e-3)


@pytest.mark.parametrize(
    ("efficiency", "pue", "pkr_per_kwh"),
    [(21.2, 1.06, 15.1), (17.5, 1.06, 18.2), (13.5, 1.06, 23.6), (9.7, 1.04, 33.5)],
)
def test_break_even_price_of_power(efficiency: float, pue: float, pkr_per_kwh: float) -> None:
    """The published break-even prices at 28.68 USD per PH/s and day, in rupees per kWh."""
    assert break_even_usd_per_mwh(28.68, efficiency, pue) * PKR_PER_USD / 1000 == pytest.approx(pkr_per_kwh, abs=0.06)


def test_reward_is_a_block_per_its_expected_hashes() -> None:
    """D x 2^32 hashes are worth one subsidy and its fees."""
    assert reward_sats_per_hash(1000.0, 840_000, 0.5) * 1000 * 2**32 == pytest.approx(468_750_000)

"""Compact targets and the retarget rule, held against Bitcoin Core's own cases."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zakhira.mining.retarget import (
    EPOCH_BLOCKS,
    POW_LIMIT,
    TARGET_TIMESPAN_S,
    BadCompactTarget,
    BadHashrate,
    bits_of_hashrate,
    bits_of_target,
    difficulty_of_bits,
    difficulty_of_hashrate,
    next_bits,
    target_of_bits,
)

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "bitcoin_core_pow.json").read_text())


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: str(case["name"]))
def test_core_cases(case: dict[str, str | int]) -> None:
    """Each of Core's four retarget cases gives Core's compact target."""
    first, last = int(case["first_block_time_s"]), int(case["last_block_time_s"])
    assert next_bits(int(str(case["bits"]), 16), first, last) == int(str(case["next_bits"]), 16)
    assert (int(case["last_height"]) + 1) % EPOCH_BLOCKS == 0


def test_compact_encodings() -> None:
    """Known pairs of compact and full targets, the sign bit's extra byte included (Core, arith_uint256_tests.cpp)."""
    assert target_of_bits(0x1D00FFFF) == 0xFFFF << 208
    assert target_of_bits(0x01120000 | 0x3456) == 0x12
    assert target_of_bits(0x02123456) == 0x1234
    assert target_of_bits(0x04123456) == 0x12345600
    assert target_of_bits(0x05009234) == 0x92340000
    assert bits_of_target(0x80) == 0x02008000
    assert bits_of_target(0x92340000) == 0x05009234
    assert difficulty_of_bits(0x1D00FFFF) == 1.0
    assert difficulty_of_bits(0x1B0404CB) == pytest.approx(16307.420938523983, rel=1e-15)


@pytest.mark.parametrize("bits", [0, 0x04923456, 0x00123456, 0x01003456, 0xFF123456, 0x23000001, 0x21010000])
def test_bad_compact_targets_are_refused(bits: int) -> None:
    """Zero, negative and overflowing targets: no block could meet them."""
    with pytest.raises(BadCompactTarget, match="ZK-MINING-001"):
        target_of_bits(bits)


@pytest.mark.parametrize("target", [0, -1, 2**256])
def test_bad_targets_are_refused(target: int) -> None:
    """A target lies in 1 to 2^256 - 1."""
    with pytest.raises(BadCompactTarget):
        bits_of_target(target)


@given(st.integers(1, 2**256 - 1))
def test_compact_form_cuts_and_is_stable(target: int) -> None:
    """The compact form never makes a target easier, loses at most 2^-15 of it, and is its own compact form."""
    bits = bits_of_target(target)
    back = target_of_bits(bits)
    assert back <= target < back + max(1, back >> 15) + 1
    assert bits_of_target(back) == bits


@given(st.integers(2**100, POW_LIMIT), st.integers(-(10**7), 10**8))
def test_retarget_stays_within_a_factor_of_four(target: int, timespan_s: int) -> None:
    """Whatever the clocks say, one epoch changes the target by at most four, and never beyond the network's limit."""
    bits = bits_of_target(target)
    old, new = target_of_bits(bits), target_of_bits(next_bits(bits, 0, timespan_s))
    assert old // 4 * 0.9999 <= new <= min(old * 4, POW_LIMIT)


def test_two_weeks_leave_the_target_as_it_is() -> None:
    """A timespan of exactly two weeks keeps the compact target."""
    assert next_bits(0x170217AA, 10**9, 10**9 + TARGET_TIMESPAN_S) == 0x170217AA


def test_difficulty_of_a_hashrate() -> None:
    """984 EH/s stands at 137.46 T, 958.3 EH/s at the 133.87 T of 2026-06-26; the compact form is within 2^-15."""
    assert difficulty_of_hashrate(984e18) == pytest.approx(137.463e12, rel=1e-5)
    assert difficulty_of_hashrate(958.286e18) == pytest.approx(133.87e12, rel=1e-4)
    assert difficulty_of_bits(bits_of_hashrate(984e18)) == pytest.approx(difficulty_of_hashrate(984e18), rel=2**-15)


@pytest.mark.parametrize("rate", [0.0, -1.0, float("inf"), float("nan")])
def test_impossible_hashrates_are_refused(rate: float) -> None:
    """No difficulty comes from no work."""
    with pytest.raises(BadHashrate, match="ZK-MINING-002"):
        difficulty_of_hashrate(rate)

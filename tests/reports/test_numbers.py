"""How numbers are written for a person."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zakhira.kernel.money import MAX_MONEY_SATS, Amount, Commodity, parse_amount
from zakhira.reports import numbers
from zakhira.reports.numbers import MINUS, THIN_SPACE


def plain(text: str) -> str:
    """The text with ordinary spaces and minus, so that a test can be read."""
    return text.replace(THIN_SPACE, " ").replace(MINUS, "-")


def ungroup(text: str) -> str:
    """The text as a machine reads it."""
    return text.replace(THIN_SPACE, "").replace(MINUS, "-")


@pytest.mark.parametrize(
    ("write", "value", "text"),
    [
        (numbers.whole, 0, "0"),
        (numbers.whole, -1234, "-1 234"),
        (numbers.whole, 12345678, "12 345 678"),
        (numbers.prose, 0.0, "0"),
        (numbers.prose, 1987.4, "1 987"),
        (numbers.prose, 12.345, "12.3"),
        (numbers.prose, 0.00123456, "0.001 23"),
        (numbers.prose, -0.5, "-0.5"),
        (numbers.prose, math.nan, "\u2013"),
        (numbers.fixed, math.inf, "\u2013"),
        (numbers.fixed, -0.001, "0"),
        (numbers.fixed, 1234.5, "1 234"),
        (numbers.scaled, 999_999.0, "999 999"),
        (numbers.scaled, 12_345_678.0, "12.3 million"),
        (numbers.scaled, -2.5e12, "-2.5 trillion"),
        (numbers.power, 43.5, "43.5 MW"),
        (numbers.energy, 950.0, "950 MWh"),
        (numbers.energy, 123_456.0, "123 GWh"),
        (numbers.energy, 1_230_000.0, "1.23 TWh"),
        (numbers.energy, 0.0, "0 MWh"),
        (numbers.percent, 0.0, "0%"),
        (numbers.percent, 1e-9, "0.000 000 1%"),
        (numbers.percent, 0.00052, "0.052%"),
        (numbers.percent, 0.052, "5.2%"),
        (numbers.percent, 0.61, "61%"),
        (numbers.percent, 0.99986, "99.98%"),
        (numbers.percent, 0.998, "99.8%"),
        (numbers.percent, 1.0, "100%"),
        (numbers.percent, -0.055, "-5.5%"),
        (numbers.btc, 12_345_678, "0.123 456 78"),
        (numbers.btc, -1, "-0.000 000 01"),
        (numbers.btc, 123_456_789_012, "1 234.567 890 12"),
        (numbers.btc_prose, 1_234_567_890, "12.35 BTC"),
        (numbers.usd, 15_800_000.0, "USD 15.8 million"),
        (numbers.pkr, 1.23e9, "PKR 1.23 billion (123 crore)"),
        (numbers.pkr, 2e6, "PKR 2 million"),
        (numbers.hour_text, 24, "00:00"),
    ],
)
def test_written(write: Callable[[float], str], value: float, text: str) -> None:
    """Each way of writing, on the values at which it could go wrong."""
    assert plain(write(value)) == text


@given(st.integers(-MAX_MONEY_SATS, MAX_MONEY_SATS))
def test_coins_are_exact(units: int) -> None:
    """BTC as written reads back to the same satoshis, and a whole number to itself."""
    assert parse_amount(f"{ungroup(numbers.btc(units))} BTC").units == units
    assert int(ungroup(numbers.whole(units))) == units


@given(st.sampled_from(Commodity), st.integers(-(10**15), 10**15))
def test_amounts_are_exact(commodity: Commodity, units: int) -> None:
    """An amount in a column reads back to the same least units."""
    text = ungroup(numbers.amount(Amount(units, commodity)))
    assert parse_amount(f"{text} {commodity.unit}").units == units


@given(st.floats(0, 1))
def test_a_share_is_never_rounded_to_nothing_or_to_all(share: float) -> None:
    """0% is said of nothing alone, and 100% of no less than the whole (to a hundred-millionth)."""
    value = float(ungroup(numbers.percent(share)).removesuffix("%"))
    assert (value == 0) == (share == 0)
    assert value < 100 or share >= 1 - 1e-8
    assert value == pytest.approx(100 * share, rel=0.51, abs=0.51)


@given(st.floats(-1e15, 1e15))
def test_prose_keeps_three_digits(value: float) -> None:
    """What is said differs from the value by less than a two-hundredth part, and whole numbers stay whole."""
    assert float(ungroup(numbers.prose(value))) == pytest.approx(value, rel=0.00501)


def test_local_time_carries_its_offset() -> None:
    """An instant reads in the programme's zone, with east and west offsets."""
    at = datetime(2025, 12, 31, 19, tzinfo=UTC)
    assert plain(numbers.local_time(at, ZoneInfo("Asia/Karachi"))) == "2026-01-01 00:00 +05:00"
    assert plain(numbers.local_time(at, ZoneInfo("America/St_Johns"))) == "2025-12-31 15:30 -03:30"

"""Amounts carry their unit, and two units never mix."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zakhira.kernel.money import (
    MAX_UNITS,
    Amount,
    BadAmount,
    Commodity,
    MixedCommodities,
    parse_amount,
    sats,
    split_units,
)

UNITS = st.integers(-MAX_UNITS // 4, MAX_UNITS // 4)
COMMODITIES = st.sampled_from(Commodity)


@pytest.mark.parametrize(
    ("text", "units", "commodity"),
    [
        ("0.5 BTC", 50_000_000, Commodity.BTC),
        ("500 sat", 500, Commodity.BTC),
        ("1 sats", 1, Commodity.BTC),
        ("1000 PKR", 100_000, Commodity.PKR),
        ("-12.50 USD", -1250, Commodity.USD),
        (" 0.00000001 BTC ", 1, Commodity.BTC),
        ("-0.50 PKR", -50, Commodity.PKR),
        ("1.5 MWh", 1_500_000, Commodity.WH),
        ("1000.5000000000000000000000000000000 PKR", 100_050, Commodity.PKR),
        ("92233720368547758.07 PKR", MAX_UNITS, Commodity.PKR),
        ("-92233720368.54775807 BTC", -MAX_UNITS, Commodity.BTC),
    ],
)
def test_amounts_are_read_in_least_units(text: str, units: int, commodity: Commodity) -> None:
    """A text with its unit becomes a whole count of least units."""
    assert parse_amount(text) == Amount(units, commodity)


@pytest.mark.parametrize(
    "text",
    [
        *("620000", "BTC", "1,000 PKR", "1 EUR", "0.5 sat", "0.001 PKR", "1e3 BTC", "NaN BTC", "", "1 BTC PKR"),
        "1000.0000000000000000000000000000001 PKR",
        "9223372036854775807.000000000001 Wh",
        "92233720368547758.08 PKR",
        "\u0661\u0660\u0660\u0660 PKR",
        "1.\u0665 PKR",
    ],
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    """No unit, an unknown unit or too many decimals: refused with its code."""
    with pytest.raises(BadAmount, match="ZK-KERNEL-011"):
        parse_amount(text)


@given(UNITS, COMMODITIES)
def test_what_is_written_reads_back(units: int, commodity: Commodity) -> None:
    """Writing and reading is exact for every amount."""
    amount = Amount(units, commodity)
    assert parse_amount(str(amount)) == amount


@given(UNITS, UNITS)
def test_arithmetic_is_that_of_integers(a: int, b: int) -> None:
    """Sum, difference, sign and order follow the counts of least units."""
    assert (sats(a) + sats(b)).units == a + b
    assert (sats(a) - sats(b)).units == a - b
    assert (-sats(a)).units == -a
    assert (sats(a) < sats(b)) == (a < b)
    assert (sats(a) <= sats(b)) == (a <= b)


def test_bitcoin_and_rupees_never_mix() -> None:
    """Every operation on two commodities is refused."""
    coins, rupees = sats(620_000), Amount(620_000, Commodity.PKR)
    for mix in (lambda: coins + rupees, lambda: coins - rupees, lambda: coins < rupees, lambda: coins <= rupees):
        with pytest.raises(MixedCommodities, match="ZK-KERNEL-010"):
            mix()


@pytest.mark.parametrize("units", [1.0, True, 2**63, -(2**63)])
def test_only_whole_counts_that_fit_are_amounts(units: int) -> None:
    """A float, a bool or a number beyond 63 bits is no amount."""
    with pytest.raises(BadAmount):
        Amount(units, Commodity.BTC)


@given(st.integers(0, 10**15), st.lists(st.integers(0, 10**6), min_size=1, max_size=9).filter(any))
def test_a_split_loses_nothing(total: int, weights: list[int]) -> None:
    """Parts sum to the total, and each is within one unit of its exact share."""
    parts = split_units(total, weights)
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - total * weight / sum(weights)) < 1 + total * 1e-15


@pytest.mark.parametrize(("total", "weights"), [(-1, [1]), (1, [0]), (1, [2, -1])])
def test_a_split_that_makes_no_sense_is_refused(total: int, weights: list[int]) -> None:
    """Negative totals, negative weights and weights that vanish are refused."""
    with pytest.raises(BadAmount):
        split_units(total, weights)

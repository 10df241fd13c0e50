"""What is shown of the ledger: signs and units, texts that no sheet computes, a balance for each day."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zakhira.kernel.money import MAX_UNITS, Amount, Commodity, parse_amount
from zakhira.ledger.periods import Period
from zakhira.ledger.statement import AccountStatement, Movement
from zakhira.wiring.ledger_answers import written
from zakhira.wiring.payout_answers import amount_text
from zakhira.wiring.statement_answers import balance_plot, statement_csv

MAY = Period(date(2026, 5, 1), date(2026, 5, 4))


def pkr(paisa: int) -> Amount:
    """Paisa."""
    return Amount(paisa, Commodity.PKR)


def moved(day: int, paisa: int, balance: int, narration: str = "Fees") -> Movement:
    """A movement."""
    return Movement("e", datetime(2026, 5, day, 23, tzinfo=UTC), narration, "letter", pkr(paisa), None, pkr(balance))


STATEMENT = AccountStatement(
    "assets:cash",
    Commodity.PKR,
    "asset",
    pkr(100),
    pkr(50),
    pkr(0),
    pkr(150),
    (moved(2, 30, 130), moved(2, 20, 150)),
)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (pkr(-50), "-0.50 PKR"),
        (pkr(-123_456_789), "-1,234,567.89 PKR"),
        (Amount(1_500_000, Commodity.WH), "1,500,000 Wh"),
        (Amount(1, Commodity.BTC), "0.00000001 BTC"),
    ],
)
def test_amounts_as_they_are_written(amount: Amount, text: str) -> None:
    """With sign, groups and unit, of the ledger and of payouts alike."""
    assert written(amount) == amount_text(amount) == text


@given(st.integers(-MAX_UNITS, MAX_UNITS), st.sampled_from(Commodity))
def test_what_is_written_can_be_read(units: int, commodity: Commodity) -> None:
    """Groups are all that is added."""
    assert parse_amount(written(Amount(units, commodity)).replace(",", "")) == Amount(units, commodity)


def test_no_text_is_computed_by_a_sheet() -> None:
    """A narration that begins like a formula is text in the file."""
    bad = replace(
        STATEMENT, movements=(moved(2, 30, 130, "=HYPERLINK(1)"), moved(3, 1, 1, "@x"), moved(4, 1, 1, "fine"))
    )
    rows = list(csv.DictReader(statement_csv((bad,)).decode().splitlines()))
    assert [row["narration"] for row in rows] == ["opening", "'=HYPERLINK(1)", "'@x", "fine", "closing"]
    assert [row["amount"] for row in rows][1] == "0.30 PKR"


def test_a_balance_for_each_day() -> None:
    """At the end of the day: the last of its movements, or what was there before."""
    plot = balance_plot(STATEMENT, MAY)
    assert plot.x_labels == ("1", "2", "3", "4")
    assert plot.lines[0].values == (1.0, 1.5, 1.5, 1.5)
    assert plot.unit == "PKR"

"""A statement ties its opening, its movements and its closing together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zakhira.kernel.interval import NotUtc
from zakhira.kernel.money import Amount, Commodity
from zakhira.ledger.balances import fold_balances
from zakhira.ledger.entry import Entry, Posting
from zakhira.ledger.statement import BadPeriod, statement
from zakhira.programme.model import AccountSpec

START = datetime(2026, 1, 1, tzinfo=UTC)
DUE, SOLD = "assets:receivable:energy", "income:energy"
SPECS = (AccountSpec(DUE, "PKR", "asset"), AccountSpec(SOLD, "PKR", "income"))


def pkr(paisa: int) -> Amount:
    """An amount in paisa."""
    return Amount(paisa, Commodity.PKR)


def invoice(day: int, paisa: int) -> Entry:
    """Energy of a day, invoiced (or credited when negative)."""
    postings = (Posting(DUE, pkr(paisa)), Posting(SOLD, pkr(-paisa)))
    return Entry(f"energy-{day}-{paisa}", START + timedelta(days=day), f"Energy of day {day}", f"day {day}", postings)


def test_opening_movements_closing() -> None:
    """Of invoices on days 0, 1, 2 and 3, days 1 and 2 open with the first and end before the last."""
    entries = [invoice(2, 30), invoice(0, 100), invoice(1, 20), invoice(1, -5), invoice(3, 1000)]
    made = statement(entries, SPECS, START + timedelta(days=1), START + timedelta(days=3))
    due = made.account(DUE)
    assert (due.opening, due.debits, due.credits, due.closing) == (pkr(100), pkr(50), pkr(5), pkr(145))
    assert [movement.balance for movement in due.movements] == [pkr(120), pkr(115), pkr(145)]
    assert [movement.evidence for movement in due.movements] == ["day 1", "day 1", "day 2"]
    sold = made.account(SOLD)
    assert (sold.kind, sold.opening, sold.debits, sold.credits, sold.closing) == (
        "income",
        pkr(-100),
        pkr(5),
        pkr(50),
        pkr(-145),
    )


def test_an_account_that_is_not_in_it() -> None:
    """Asking for another account is a mistake of the caller."""
    with pytest.raises(KeyError):
        statement([], SPECS, START, START).account("assets:nowhere")


def test_a_period_runs_forwards_and_in_utc() -> None:
    """The end before the start, or a bound without a zone, is refused."""
    with pytest.raises(BadPeriod):
        statement([], SPECS, START, START - timedelta(seconds=1))
    with pytest.raises(NotUtc):
        statement([], SPECS, START, datetime(2026, 1, 2))  # noqa: DTZ001 - a naive instant is the case here


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(-(10**12), 10**12).filter(bool)), max_size=30),
    st.integers(0, 10),
    st.integers(0, 10),
)
def test_statements_join_without_a_gap(days: list[tuple[int, int]], cut: int, end: int) -> None:
    """Cut anywhere, the first part's closing is the second part's opening, and the last closing is the balance."""
    cut, end = sorted((cut, end))
    entries = [invoice(day, paisa) for day, paisa in days]
    first = statement(entries, SPECS, START, START + timedelta(days=cut))
    second = statement(entries, SPECS, START + timedelta(days=cut), START + timedelta(days=end))
    until = fold_balances([e for e in entries if e.at < START + timedelta(days=end)], SPECS)
    for code in (DUE, SOLD):
        one, two = first.account(code), second.account(code)
        assert one.closing == two.opening
        assert two.closing == two.opening + two.debits - two.credits
        assert two.closing == until[code]

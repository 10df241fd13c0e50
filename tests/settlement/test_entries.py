"""Entries of a day, a royalty and a sweep: balanced, with lots that open and close."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zakhira.kernel.money import Commodity
from zakhira.ledger.entry import Entry, Lot
from zakhira.settlement.day import LicenseeDay, SettledDay, ZoneEnergy
from zakhira.settlement.entries import (
    COLD,
    INTAKE,
    NotAnAmount,
    SweepUnbalanced,
    entries_for_day,
    meter_day,
    royalty_entry,
    sweep_entry,
)

AT = datetime(2026, 1, 5, 19, tzinfo=UTC)


def _sums(entry: Entry) -> Counter[Commodity]:
    sums: Counter[Commodity] = Counter()
    for posting in entry.postings:
        sums[posting.amount.commodity] += posting.amount.units
        assert posting.amount.units != 0
        assert (posting.lot is not None) == (posting.amount.commodity is Commodity.BTC)
    return sums


def test_a_days_invoices() -> None:
    """Energy and rent for who owes them, nothing for who does not; ids differ and do not change."""
    days = (
        LicenseeDay("alpha", "p", 264.0, 1e20, 9, 8, 1, 7, 78_000_000, 28_235.3, 317_647),
        LicenseeDay("beta", "p", 0.0, 0.0, 0, 0, 0, 0, 0, 0.0, 0),
        LicenseeDay("gamma", "p", 1.0, 1e18, 1, 1, 0, 1, 5, 0.0, 0),
    )
    entries = entries_for_day(SettledDay(4, 1e14, 955_584, days), AT)
    assert [len(entry.postings) for entry in entries] == [2, 2, 2]
    assert all(not any(_sums(entry).values()) for entry in entries)
    assert [posting.account for posting in entries[0].postings] == ["assets:receivable:energy", "income:energy"]
    assert [posting.account for posting in entries[1].postings] == ["assets:receivable:rent", "income:rent"]
    assert [str(entry.postings[0].amount) for entry in entries] == ["780000.00 PKR", "3176.47 USD", "0.05 PKR"]
    assert entries[0].evidence == "settlement:4:alpha"
    assert len({entry.id for entry in entries}) == 3
    assert entries == entries_for_day(SettledDay(4, 1e14, 955_584, days), AT)


def test_energy_goes_from_each_zones_surplus_to_the_licensees_use() -> None:
    """In watt-hours, by zone, resting on the day of the meters; nobody without energy has an entry."""
    zones = (ZoneEnergy("east", 240_000_001), ZoneEnergy("west", 23_999_999))
    days = (
        LicenseeDay("alpha", "p", 264.0, 1e20, 9, 8, 1, 7, 0, 0.0, 0, zones),
        LicenseeDay("beta", "p", 0.0, 0.0, 0, 0, 0, 0, 0, 0.0, 0),
    )
    (entry,) = entries_for_day(SettledDay(4, 1e14, 955_584, days), AT)
    assert [(posting.account, str(posting.amount)) for posting in entry.postings] == [
        ("expenses:energy:alpha", "264000000 Wh"),
        ("income:surplus:east", "-240000001 Wh"),
        ("income:surplus:west", "-23999999 Wh"),
    ]
    assert not any(_sums(entry).values())
    assert entry.evidence == meter_day(4, "alpha") == "meter-day:0004:alpha"


@given(st.integers(1, 10**12), st.integers(0, 100))
def test_a_royalty_opens_its_lot_and_owes_the_community(amount: int, percent: int) -> None:
    """Whatever the amount and share, the entry balances, and the vault gets all of it."""
    lot = Lot("ab" * 32 + ":1", "royalty alpha day 4")
    entry = royalty_entry("alpha", 4, lot, amount, percent / 100, AT)
    by_account = {posting.account: posting.amount.units for posting in entry.postings}
    assert not any(_sums(entry).values())
    assert by_account[INTAKE] == amount == -by_account["income:royalty"]
    assert by_account.get("expenses:community", 0) == amount * percent // 100
    assert by_account.get("liabilities:community", 0) == -(amount * percent // 100)
    assert entry.evidence == "ab" * 32
    assert {posting.lot for posting in entry.postings} == {lot}


@given(st.lists(st.integers(1, 10**10), min_size=1, max_size=12), st.data())
def test_a_sweep_closes_its_inputs_exactly(amounts: list[int], data: st.DataObject) -> None:
    """Each input lot leaves the intake whole, fees sum to the fee, and the cold vault gets the rest."""
    fee = data.draw(st.integers(0, sum(amounts) - 1))
    inputs = [(Lot(f"{index:064x}:0", "royalty"), amount) for index, amount in enumerate(amounts)]
    cold = Lot("cd" * 32 + ":0", "sweep s1")
    entry = sweep_entry("s1", inputs, cold, fee, AT)
    assert not any(_sums(entry).values())
    left = [(p.lot, -p.amount.units) for p in entry.postings if p.account == INTAKE]
    fees = [p for p in entry.postings if p.account == "expenses:network-fees"]
    assert left == inputs
    assert sum(p.amount.units for p in fees) == fee
    assert {p.lot for p in fees} <= {lot for lot, _ in inputs}
    [arrived] = [p for p in entry.postings if p.account == COLD]
    assert (arrived.amount.units, arrived.lot) == (sum(amounts) - fee, cold)
    assert entry.evidence == "cd" * 32


def test_impossible_amounts_are_refused() -> None:
    """A royalty of nothing, a sweep of nothing, a negative fee, and a fee that eats everything."""
    lot = Lot("ab" * 32 + ":1", "royalty")
    with pytest.raises(NotAnAmount, match="ZK-SETTLEMENT-003"):
        royalty_entry("alpha", 4, lot, 0, 0.05, AT)
    with pytest.raises(NotAnAmount):
        sweep_entry("s", [], lot, 0, AT)
    with pytest.raises(NotAnAmount):
        sweep_entry("s", [(lot, 100)], lot, -1, AT)
    with pytest.raises(SweepUnbalanced, match="ZK-SETTLEMENT-004"):
        sweep_entry("s", [(lot, 100)], lot, 100, AT)

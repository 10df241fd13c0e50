"""Pools pay what is worth an output, and nothing is lost while it waits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from zakhira.settlement.day import LicenseeDay, SettledDay
from zakhira.settlement.due import MIN_PAYMENT_SATS, Due, dues_of_day


def settled(day: int, royalty_sats: int, licensee_sats: int) -> SettledDay:
    """A day of one licensee."""
    paid = royalty_sats + licensee_sats
    line = LicenseeDay("l", "p", 1.0, 1.0, paid, paid, royalty_sats, licensee_sats, 0, 0.0, 0)
    return SettledDay(day, 1.0, 1, (line,))


def test_a_good_day_is_paid_at_once() -> None:
    """Both amounts are above the least payment."""
    dues = dues_of_day({}, settled(0, 5_000, 45_000))
    assert dues.pay == (Due("l", "p", 5_000, 45_000),)
    assert not dues.carry


def test_dust_waits_for_the_next_day() -> None:
    """A royalty too small for an output takes the licensee's share along, and both leave together."""
    first = dues_of_day({}, settled(0, MIN_PAYMENT_SATS - 1, 9_000))
    assert first.pay == ()
    second = dues_of_day(first.carry, settled(1, 1, 0))
    assert second.pay == (Due("l", "p", MIN_PAYMENT_SATS, 9_000),)


def test_a_day_without_work_owes_nothing() -> None:
    """No amounts, no payment, nothing to carry."""
    dues = dues_of_day({}, settled(0, 0, 0))
    assert dues.pay == ()
    assert not dues.carry


@given(st.lists(st.tuples(st.integers(0, 3_000), st.integers(0, 30_000)), max_size=20))
def test_nothing_is_lost(amounts: list[tuple[int, int]]) -> None:
    """Paid and carried together are what was settled, and no payment is dust."""
    carry: dict[str, Due] = {}
    royalty = share = 0
    for day, (one, other) in enumerate(amounts):
        dues = dues_of_day(carry, settled(day, one, other))
        carry = dict(dues.carry)
        for due in dues.pay:
            assert all(paid == 0 or paid >= MIN_PAYMENT_SATS for paid in (due.royalty_sats, due.licensee_sats))
            royalty, share = royalty + due.royalty_sats, share + due.licensee_sats
    left = carry.get("l", Due("l", "p", 0, 0))
    assert royalty + left.royalty_sats == sum(one for one, _ in amounts)
    assert share + left.licensee_sats == sum(other for _, other in amounts)

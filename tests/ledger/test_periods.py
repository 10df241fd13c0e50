"""Periods close in order, when they are over, and for good."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zakhira.kernel.canonical import Json
from zakhira.ledger.faults import BadPeriodRecord, PeriodClosed, PeriodNotOver, PeriodOutOfOrder
from zakhira.ledger.periods import (
    Period,
    period_body,
    period_of,
    require_next,
    require_open,
    require_over,
)

MAY = Period(date(2026, 5, 1), date(2026, 5, 31))
MIDNIGHT = datetime(2026, 6, 1, tzinfo=UTC)


def test_what_is_written_is_read_back() -> None:
    """A period survives its record."""
    assert period_of("2026-05-31", period_body(MAY, "month closed")) == MAY


BAD: list[tuple[str, Json]] = [
    ("2026-05-31", {"first": "2026-06-01", "because": "x"}),
    ("2026-05-31", {"first": "2026-05-01"}),
    ("2026-05-31", {"first": "2026-05-01", "because": " "}),
    ("2026-05-31", {"first": 5, "because": "x"}),
    ("2026-05-31", ["2026-05-01"]),
    ("20260531", {"first": "2026-05-01", "because": "x"}),
    ("2026-W22-7", {"first": "2026-05-01", "because": "x"}),
    ("2026-02-30", {"first": "2026-02-01", "because": "x"}),
]


@pytest.mark.parametrize(("last", "body"), BAD)
def test_records_that_say_no_period(last: str, body: Json) -> None:
    """Another spelling of a day, no reason, or the end before the beginning."""
    with pytest.raises(BadPeriodRecord):
        period_of(last, body)


def test_days_follow_one_another() -> None:
    """The first period may begin anywhere, the next begins the day after, and none lies in what is closed."""
    require_next(MAY, None)
    require_next(MAY, date(2026, 4, 30))
    for closed in (date(2026, 4, 29), date(2026, 5, 1), MAY.last, date(2027, 1, 1)):
        with pytest.raises(PeriodOutOfOrder):
            require_next(MAY, closed)


def test_a_period_is_over_at_midnight() -> None:
    """Not a microsecond before."""
    require_over(MAY, MIDNIGHT)
    with pytest.raises(PeriodNotOver):
        require_over(MAY, MIDNIGHT - timedelta(microseconds=1))


@given(st.integers(-(10**12), 10**12))
def test_closed_is_what_lies_before_midnight(microseconds: int) -> None:
    """An entry of that instant is open exactly from the next midnight on."""
    at = MIDNIGHT + timedelta(microseconds=microseconds)
    require_open(at, None, "e")
    if microseconds >= 0:
        require_open(at, MAY.last, "e")
    else:
        with pytest.raises(PeriodClosed):
            require_open(at, MAY.last, "e")

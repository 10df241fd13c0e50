"""Hours and instants are UTC, always."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from zakhira.kernel.errors import InvalidInput
from zakhira.kernel.interval import (
    HOUR,
    HourRange,
    NotUtc,
    exact_utc_text,
    parse_exact_utc,
    parse_utc,
    require_utc,
    utc_text,
)

START = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_range_knows_its_hours() -> None:
    """Index and instant are inverse inside the range, and outside it the index says so."""
    hours = HourRange(START, 48)
    assert hours.end == datetime(2026, 1, 3, tzinfo=UTC)
    assert hours.index_of(hours.at(17) + timedelta(minutes=59)) == 17
    assert hours.index_of(START - HOUR) == -1
    assert hours.index_of(hours.end) == 48


@pytest.mark.parametrize("instant", [datetime(2026, 1, 1), START.astimezone(timezone(5 * HOUR))])  # noqa: DTZ001
def test_only_utc_is_accepted(instant: datetime) -> None:
    """A naive instant or one of another zone is refused."""
    with pytest.raises(NotUtc, match="ZK-KERNEL-020"):
        require_utc(instant)


def test_a_negative_count_is_refused() -> None:
    """There is no range of fewer than no hours."""
    with pytest.raises(InvalidInput):
        HourRange(START, -1)


def test_text_reads_back() -> None:
    """The written form is exact to the second."""
    assert parse_utc(utc_text(START)) == START
    for one in (START, START + timedelta(microseconds=1), datetime(1, 1, 2, tzinfo=UTC)):
        assert parse_exact_utc(exact_utc_text(one)) == one


@pytest.mark.parametrize("text", ["2026-01-01", "2026-01-01T00:00:00+05:00", "2026-13-01T00:00:00Z", ""])
def test_another_form_is_refused(text: str) -> None:
    """Only the one written form is read."""
    with pytest.raises(NotUtc):
        parse_utc(text)


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-01T00:00:00",
        "2026-01-01T05:00:00+05:00",
        "2026-01-01T00:00:00+00:00",
        "2026-01-01T00:00:00.5Z",
        "2026-01-01T00:00:00.000000Z",
        "2026-01-01 00:00:00Z",
        "2026-13-01T00:00:00Z",
        "0001-01-01T00:00:00+23:00",
        "",
    ],
)
def test_another_exact_form_is_refused(text: str) -> None:
    """Of the forms that say an instant only the one is read that is written."""
    with pytest.raises(NotUtc):
        parse_exact_utc(text)

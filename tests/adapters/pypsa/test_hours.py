"""Snapshots as hours of UTC: clocks of every zone, and nothing that is no hour."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from zakhira.adapters.pypsa.hours import SnapshotsNotHours, TimeZoneUnknown, hours_of


def clock(first: str, count: int, step_minutes: int = 60) -> list[object]:
    """Snapshots without a zone, as PyPSA has them."""
    start = datetime.fromisoformat(first)
    return [start + number * timedelta(minutes=step_minutes) for number in range(count)]


@pytest.mark.parametrize(
    ("zone", "first_utc"),
    [
        ("UTC", datetime(2026, 1, 1, tzinfo=UTC)),
        ("Asia/Karachi", datetime(2025, 12, 31, 19, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2025, 12, 31, 23, tzinfo=UTC)),
    ],
)
def test_the_clock_of_a_zone(zone: str, first_utc: datetime) -> None:
    """A day of snapshots begins at midnight of its zone."""
    hours = hours_of(clock("2026-01-01T00:00", 24), zone)
    assert (hours.start, hours.count) == (first_utc, 24)


@pytest.mark.parametrize(
    ("snapshots", "message"),
    [
        (["now"] * 24, "no times"),
        (clock("2026-01-01T00:00", 23), "23 snapshots"),
        (clock("2026-01-01T00:00", 8785), "8785 snapshots"),
        (clock("2026-01-01T00:00", 48, step_minutes=30), r"0\.5 hours"),
        (clock("2026-01-01T00:00", 48, step_minutes=180), "3 hours"),
        (clock("2026-01-01T00:15", 24), "no full hour"),
        (clock("2026-01-01T00:00", 24) + clock("2026-01-02T05:00", 24), "6 hours"),
    ],
)
def test_what_is_no_hour_is_refused(snapshots: list[object], message: str) -> None:
    """Other resolutions and gaps are refused, and the import of series is pointed to."""
    with pytest.raises(SnapshotsNotHours, match=message):
        hours_of(snapshots, "UTC")


def test_a_clock_that_jumps_is_refused() -> None:
    """A year of plain hours is no clock of Berlin: in March it skips an hour."""
    with pytest.raises(SnapshotsNotHours, match="0 hours in Europe/Berlin"):
        hours_of(clock("2026-03-28T00:00", 72), "Europe/Berlin")


def test_a_half_hour_zone_is_refused() -> None:
    """The clock of India begins its hours at half past an hour of UTC."""
    with pytest.raises(SnapshotsNotHours, match="no full hour of UTC"):
        hours_of(clock("2026-01-01T00:00", 24), "Asia/Kolkata")


@pytest.mark.parametrize("name", ["Asia/Lahor", "Asia", "../UTC", ""])
def test_an_unknown_zone_is_named(name: str) -> None:
    """A name that is none, a folder's name, a path."""
    with pytest.raises(TimeZoneUnknown, match=repr(name)):
        hours_of(clock("2026-01-01T00:00", 24), name)

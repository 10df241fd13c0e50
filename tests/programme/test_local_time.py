"""Clock readings: what is a time, and which hours daylight saving skips or repeats."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zakhira.programme.local_time import local_offsets, local_text, read_clock
from zakhira.programme.series_columns import NO_NUMBER

NEW_YEAR_S = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("text", "wall_s", "offset_s"),
    [
        ("2026-01-01T00:00:00Z", 0, 0),
        ("2026-01-01 00:00", 0, NO_NUMBER),
        ("2026-01-01T05:30+05:00", 5 * 3600 + 1800, 5 * 3600),
        ("2026-01-01 05:30:00 +0530", 5 * 3600 + 1800, 5 * 3600 + 1800),
        ("2026-01-01T00:00:00.000-03", 0, -3 * 3600),
    ],
)
def test_a_time_is_read_with_its_offset(text: str, wall_s: int, offset_s: int) -> None:
    """ISO 8601 with date, hour and minute; the offset may be missing."""
    assert read_clock(text) == (NEW_YEAR_S + wall_s, offset_s)


@pytest.mark.parametrize(
    "text",
    [
        *("", "2026-01-01", "01/02/2026 00:00", "2026-01-01T24:00", "2026-02-29 00:00", "2026-W01-1T00:00"),
        *("2026-01-01T00:00:00.5Z", "2026-01-01T00", "٢٠٢٦-01-01 00:00", "46023.5", "2026-01-01 00:00 PKT"),
    ],
)
def test_what_is_no_time_to_the_second_is_not_guessed(text: str) -> None:
    """Days without an hour, days or months in doubt, hours past 23, fractions and names of zones are no times."""
    assert read_clock(text) is None


def test_a_form_tells_which_is_the_day() -> None:
    """The planner's own form, with or without offset; what does not fit it is no time."""
    assert read_clock("02.01.2026 03:00", "%d.%m.%Y %H:%M") == (NEW_YEAR_S + 27 * 3600, NO_NUMBER)
    assert read_clock("01.01.2026 03:00 +0500", "%d.%m.%Y %H:%M %z") == (NEW_YEAR_S + 3 * 3600, 5 * 3600)
    assert read_clock("2026-01-01 03:00", "%d.%m.%Y %H:%M") is None
    assert read_clock("2026-01-01 03:00", "%Q") is None


@given(
    at=st.integers(0, 2 * 366 * 96),
    zone=st.sampled_from(
        ("Europe/Berlin", "Asia/Karachi", "Asia/Kathmandu", "America/St_Johns", "Australia/Lord_Howe")
    ),
)
def test_every_instant_is_one_of_the_passes_of_its_local_time(at: int, zone: str) -> None:
    """From UTC to the wall and back: the instant is the earlier or the later pass, and no local time is skipped."""
    clock = ZoneInfo(zone)
    instant = datetime(2025, 1, 1, tzinfo=UTC) + at * timedelta(minutes=15)
    wall = instant.astimezone(clock).replace(tzinfo=UTC)
    wall_s = np.array([int(wall.timestamp())])
    earlier, later = local_offsets(wall_s, clock)
    assert int(instant.timestamp()) in {int(wall_s[0] - earlier[0]), int(wall_s[0] - later[0])}
    assert earlier[0] >= later[0]


def test_berlin_skips_an_hour_in_spring_and_repeats_one_in_autumn() -> None:
    """02:30 on 2026-03-29 does not exist; 02:30 on 2026-10-25 happens twice (EU directive 2000/84/EC)."""
    walls = [datetime(2026, 3, 29, 2, 30, tzinfo=UTC), datetime(2026, 10, 25, 2, 30, tzinfo=UTC)]
    wall_s = np.array([int(wall.timestamp()) for wall in walls])
    earlier, later = local_offsets(wall_s, ZoneInfo("Europe/Berlin"))
    assert earlier.tolist() == [3600, 7200]
    assert later.tolist() == [7200, 3600]


@pytest.mark.parametrize(
    ("zone", "text"),
    [
        ("Asia/Karachi", "2026-01-01 05:00+05"),
        ("Asia/Kathmandu", "2026-01-01 05:45+0545"),
        ("UTC", "2026-01-01 00:00+00"),
        ("America/New_York", "2025-12-31 19:00-05"),
    ],
)
def test_local_text_carries_the_offset(zone: str, text: str) -> None:
    """A reader sees whose clock it is."""
    assert local_text(NEW_YEAR_S, ZoneInfo(zone)) == text

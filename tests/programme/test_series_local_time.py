"""A planner's rows by local time: changed clocks, clocks between the hours, offsets, and times at a row's end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner_example import ALL_REPAIRS, START, Row, codes, imported, sound, told, utc_rows
from zakhira.kernel.interval import HourRange, utc_text
from zakhira.programme.planner_table import Repair, Told

YEAR = 8760


def local_year(zone: str, hours: HourRange, *, fold: bool) -> list[Row]:
    """A row for each hour with its local time alone; without ``fold`` as a clock that is never changed shows it."""
    clock = ZoneInfo(zone)
    first = hours.start.astimezone(clock).replace(tzinfo=None)
    rows = []
    for hour in range(hours.count):
        local = hours.at(hour).astimezone(clock).replace(tzinfo=None) if fold else first + hour * timedelta(hours=1)
        rows.append(("a", f"{local:%Y-%m-%d %H:%M}", 1.0, float(hour), 5.0))
    return rows


BERLIN = HourRange(datetime(2025, 12, 31, 23, tzinfo=UTC), YEAR)


@pytest.mark.parametrize("backwards", [False, True])
def test_a_year_of_berlin_with_both_passes_has_8760_hours(backwards: bool) -> None:  # noqa: FBT001
    """23 and 25 hours are in the rows: of the two of 02:00 the earlier is first, or last in a file that runs back."""
    rows = local_year("Europe/Berlin", BERLIN, fold=True)
    given_rows = rows[::-1] if backwards else rows
    _, faults = imported(given_rows, told(time_zone="Europe/Berlin"), BERLIN, ("a",))
    assert codes(faults) == {82}
    assert all("--repair dst" in fault.remedy for fault in faults)
    series = sound(given_rows, told(Repair.DST, time_zone="Europe/Berlin"), BERLIN, ("a",))
    assert series.figures["surplus_mw"][0, :, 0].tolist() == [float(hour) for hour in range(YEAR)]
    (entry,) = series.repaired
    assert (entry.what, entry.count, entry.before) == ("in order", 2, entry.after)


def test_a_year_of_berlin_with_24_rows_a_day_has_8760_hours() -> None:
    """The hour that spring skips is removed, the row of the hour that autumn repeats stands for both: both are said."""
    rows = local_year("Europe/Berlin", BERLIN, fold=False)
    _, faults = imported(rows, told(time_zone="Europe/Berlin"), BERLIN, ("a",))
    assert codes(faults) == {81, 82}
    series = sound(rows, told(Repair.DST, time_zone="Europe/Berlin"), BERLIN, ("a",))
    spring = BERLIN.index_of(datetime(2026, 3, 29, 1, tzinfo=UTC))
    autumn = BERLIN.index_of(datetime(2026, 10, 25, 0, tzinfo=UTC))
    values = series.figures["surplus_mw"][0, :, 0]
    assert values[spring - 1 : spring + 1].tolist() == [spring - 1.0, spring + 1.0]
    assert values[autumn] == values[autumn + 1] == autumn + 1.0
    assert [(entry.what, entry.count) for entry in series.repaired] == [("removed", 1), ("used twice", 1)]


def test_a_time_that_happens_twice_and_is_given_three_times_is_refused() -> None:
    """Two passes and three rows: one is too many, whatever is told."""
    rows = local_year("Europe/Berlin", BERLIN, fold=True)
    again = next(row for row in rows if row[1] == "2026-10-25 02:00")
    order = Told(repairs=ALL_REPAIRS, time_zone="Europe/Berlin")
    series, faults = imported([*rows, again], order, BERLIN, ("a",))
    assert series is None
    assert 82 in codes(faults)


def test_offsets_in_the_text_need_no_zone_and_no_repair() -> None:
    """02:00+02:00 and 02:00+01:00 are two hours, whatever zone is told for the rest."""
    clock = ZoneInfo("Europe/Berlin")
    rows = [("a", BERLIN.at(hour).astimezone(clock).isoformat(), 1.0, float(hour), 5.0) for hour in range(YEAR)]
    series = sound(rows, told(time_zone="Asia/Karachi"), BERLIN, ("a",))
    assert series.repaired == ()
    assert series.figures["surplus_mw"][0, :, 0].tolist() == [float(hour) for hour in range(YEAR)]


def test_a_local_time_without_a_zone_is_one_fault_that_counts_them() -> None:
    """All 24 rows of the file want --time-zone."""
    rows = [(zone, time.removesuffix("Z"), *rest) for zone, time, *rest in utc_rows(zones=("a",), blocks=1)]
    series, faults = imported(rows, Told(repairs=ALL_REPAIRS), zones=("a",))  # type: ignore[arg-type]
    assert series is None
    assert codes(faults) == {80}
    assert "24 in all" in faults[0].message
    assert sound(rows, told(time_zone="UTC"), zones=("a",)).repaired == ()  # type: ignore[arg-type]


@pytest.mark.parametrize(("zone", "past_min"), [("Asia/Kolkata", 30), ("Asia/Kathmandu", 15)])
def test_clocks_between_the_hours_are_resampled_by_the_minute(zone: str, past_min: int) -> None:
    """Rows of a local hour give each hour of UTC their minutes in it; that takes the word."""
    first = START - timedelta(minutes=60 - past_min)
    clock = ZoneInfo(zone)
    times = [first + hour * timedelta(hours=1) for hour in range(25)]
    rows = [("a", f"{time.astimezone(clock):%Y-%m-%d %H:%M}", 1.0, 10.0 * at, 5.0) for at, time in enumerate(times)]
    _, faults = imported(rows, told(time_zone=zone), zones=("a",))
    assert codes(faults) == {84}
    assert f"start {past_min} minutes past" in faults[0].message
    series = sound(rows, told(Repair.RESAMPLE, time_zone=zone), zones=("a",))
    assert series.phase_s == past_min * 60
    share = (60 - past_min) / 60
    expected = [10.0 * hour * (1 - share) + 10.0 * (hour + 1) * share for hour in range(24)]
    assert series.figures["surplus_mw"][0, :, 0].tolist() == pytest.approx(expected)


def test_times_at_the_end_of_a_row_are_moved_to_its_start() -> None:
    """The row of 01:00 is that of the hour before it."""
    rows = [
        (zone, utc_text(datetime.fromisoformat(time) + timedelta(hours=1)), *rest) for zone, time, *rest in utc_rows()
    ]
    series = sound(rows, Told(stamps_end=True))  # type: ignore[arg-type]
    assert series.figures["surplus_mw"].tolist() == sound(utc_rows(), told()).figures["surplus_mw"].tolist()


def test_zones_whose_clocks_differ_are_not_taken_for_finer_rows() -> None:
    """Hourly rows at the full hour in one zone and at half past in the other: the one that differs is refused."""
    rows = utc_rows(blocks=1)
    rows = [(zone, time.replace(":00:00Z", ":30:00Z") if zone == "b" else time, *rest) for zone, time, *rest in rows]  # type: ignore[misc]
    rows += utc_rows(zones=("a",))[1::2]
    series, faults = imported(rows, Told(repairs=ALL_REPAIRS))
    assert series is None
    assert 61 in codes(faults)
    assert all(
        fault.message.startswith("b, ")
        for fault in faults
        if fault.code.endswith("061") and "more" not in fault.message
    )


@settings(max_examples=40)
@given(
    zone=st.sampled_from(
        ("Europe/Berlin", "America/New_York", "Australia/Sydney", "Australia/Lord_Howe", "Asia/Karachi", "Africa/Cairo")
    ),
    day=st.integers(0, 362),
    step_min=st.sampled_from((5, 15, 30)),
)
def test_local_times_come_back_to_the_instants_they_were(zone: str, day: int, step_min: int) -> None:
    """Any two days of the year, from noon, as the clocks of a zone show them in their order: the same series."""
    hours = HourRange(START + timedelta(days=day, hours=12), 48)
    clock = ZoneInfo(zone)
    start = hours.start.astimezone(clock).replace(hour=12, minute=0).astimezone(UTC).replace(minute=0)
    hours = HourRange(start, 48)
    rows = utc_rows(hours, step_min, ("a",), 1)
    local = [
        (name, f"{datetime.fromisoformat(time).astimezone(clock):%Y-%m-%d %H:%M}", *rest) for name, time, *rest in rows
    ]
    wanted = sound(rows, told(Repair.RESAMPLE), hours, ("a",))
    order = told(Repair.RESAMPLE, Repair.DST, time_zone=zone)
    series = sound(local, order, hours, ("a",))  # type: ignore[arg-type]
    assert series.figures["surplus_mw"].tolist() == wanted.figures["surplus_mw"].tolist()

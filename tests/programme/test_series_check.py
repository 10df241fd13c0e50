"""Series columns against zones and horizon: whatever is wrong with one row is found, and sound columns are kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zakhira.kernel.errors import Fault
from zakhira.kernel.interval import HourRange
from zakhira.programme.dictionary import Dictionary
from zakhira.programme.faults import Cause
from zakhira.programme.series import Series
from zakhira.programme.series_check import check_series
from zakhira.programme.series_columns import FAULTS_PER_KIND, NO_NUMBER, SeriesColumns

ZONES = ("a", "b")
HOURS = HourRange(datetime(2026, 1, 1, tzinfo=UTC), 30)
BLOCKS = 3
START_S = int(HOURS.start.timestamp())


def columns(zones: tuple[str, ...] = ZONES, hours: int = HOURS.count, blocks: int = BLOCKS) -> SeriesColumns:
    """Sound surplus columns: MW and cost tell zone, hour and block."""
    zone, hour, block = (part.reshape(-1) for part in np.indices((len(zones), hours, blocks)))
    return SeriesColumns(
        file="s.csv",
        has_lines=True,
        names=("zone", "start_utc", "block", "surplus_mw", "cost_pkr_per_mwh"),
        zone_names=zones,
        zone=zone,
        start_s=START_S + 3600 * hour,
        block=block + 1,
        numbers={"surplus_mw": 1000.0 * zone + hour + block / 10, "cost_pkr_per_mwh": 1000.0 * block + hour},
    )


def ambient(zones: tuple[str, ...] = ZONES, hours: int = HOURS.count) -> SeriesColumns:
    """Sound temperatures."""
    zone, hour = (part.reshape(-1) for part in np.indices((len(zones), hours)))
    return SeriesColumns(
        file="t.csv",
        has_lines=True,
        names=("zone", "start_utc", "ambient_c"),
        zone_names=zones,
        zone=zone,
        start_s=START_S + 3600 * hour,
        block=np.full(len(zone), NO_NUMBER),
        numbers={"ambient_c": 10.0 * zone + hour / 10},
    )


def check(
    surplus: SeriesColumns, dictionary: Dictionary, hours: HourRange = HOURS
) -> tuple[Series | None, list[Fault]]:
    return check_series(surplus, ambient(hours=hours.count), ZONES, hours, dictionary)


def rows(surplus: SeriesColumns, chosen: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> SeriesColumns:
    """The rows ``chosen``, in this order."""
    return replace(
        surplus,
        zone=surplus.zone[chosen],
        start_s=surplus.start_s[chosen],
        block=surplus.block[chosen],
        numbers={name: values[chosen] for name, values in surplus.numbers.items()},
    )


def test_sound_columns_become_the_series(dictionary: Dictionary) -> None:
    series, faults = check(columns(), dictionary)
    assert faults == []
    assert series is not None
    assert series.surplus_mw.shape == (2, 30, 3)
    assert series.surplus_mw[1, 7, 2] == pytest.approx(1007.2)
    assert series.cost_pkr_per_mwh[0, 4, 1] == 1004
    assert series.ambient_c[1, 5] == 10.5


@given(st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(dictionary: Dictionary, random: Random) -> None:
    order = list(range(len(columns().zone)))
    random.shuffle(order)
    series, faults = check(rows(columns(), np.array(order)), dictionary)
    sound, _ = check(columns(), dictionary)
    assert faults == []
    assert series is not None
    assert sound is not None
    assert np.array_equal(series.surplus_mw, sound.surplus_mw)
    assert np.array_equal(series.cost_pkr_per_mwh, sound.cost_pkr_per_mwh)


def test_the_order_of_zones_is_that_of_the_programme(dictionary: Dictionary) -> None:
    turned = replace(columns(), zone_names=("b", "a"))
    series, faults = check(turned, dictionary)
    assert faults == []
    assert series is not None
    assert series.surplus_mw[0, 7, 2] == pytest.approx(1007.2)


@given(st.data())
def test_one_row_that_is_missing_is_one_gap(dictionary: Dictionary, data: st.DataObject) -> None:
    """The fault stands at the row before in the same zone and block; it names zone, block and hour."""
    surplus = columns()
    row = data.draw(st.integers(0, len(surplus.zone) - 1))
    _, faults = check(rows(surplus, np.delete(np.arange(len(surplus.zone)), row)), dictionary)
    assert [fault.code for fault in faults] == [Cause.GAP.code]
    hour = (surplus.start_s[row] - START_S) // 3600
    wanted = f"zone {ZONES[surplus.zone[row]]!r}, block {surplus.block[row]}: {HOURS.at(int(hour)):%Y-%m-%dT%H:%M:%SZ}."
    assert wanted in faults[0].message
    assert faults[0].line == (row - BLOCKS + 2 if hour else row + BLOCKS + 1)


@given(st.data())
def test_one_row_given_twice_is_found_at_its_second_place(dictionary: Dictionary, data: st.DataObject) -> None:
    surplus = columns()
    count = len(surplus.zone)
    row = data.draw(st.integers(0, count - 1))
    _, faults = check(rows(surplus, np.append(np.arange(count), row)), dictionary)
    assert [(fault.code, fault.line) for fault in faults] == [(Cause.REPEATED_HOUR.code, count + 2)]


@given(st.data())
def test_one_bad_number_is_found_in_its_row(dictionary: Dictionary, data: st.DataObject) -> None:
    surplus = columns()
    row = data.draw(st.integers(0, len(surplus.zone) - 1))
    bad, cause = data.draw(
        st.sampled_from(
            [
                (np.nan, Cause.CELL_NOT_FINITE),
                (np.inf, Cause.CELL_NOT_FINITE),
                (-np.inf, Cause.CELL_NOT_FINITE),
                (-0.1, Cause.NEGATIVE_SURPLUS),
                (2e6, Cause.CELL_OUT_OF_RANGE),
            ]
        )
    )
    values = surplus.numbers["surplus_mw"].copy()
    values[row] = bad
    _, faults = check(replace(surplus, numbers={**surplus.numbers, "surplus_mw": values}), dictionary)
    assert [(fault.code, fault.line, fault.key) for fault in faults] == [(cause.code, row + 2, "surplus_mw")]


@given(st.integers(0, 59), st.integers(1, 2))
def test_a_block_that_costs_less_than_the_one_before_is_found(dictionary: Dictionary, slot: int, block: int) -> None:
    surplus = columns()
    row = slot * BLOCKS + block
    cost = surplus.numbers["cost_pkr_per_mwh"].copy()
    cost[row] = cost[row - 1] - 1
    _, faults = check(replace(surplus, numbers={**surplus.numbers, "cost_pkr_per_mwh": cost}), dictionary)
    assert [(fault.code, fault.line) for fault in faults] == [(Cause.COST_DESCENDS.code, row + 2)]
    assert f"Block {block + 1} of" in faults[0].message


def test_blocks_of_equal_cost_are_no_fault(dictionary: Dictionary) -> None:
    surplus = columns()
    level = {**surplus.numbers, "cost_pkr_per_mwh": np.full(len(surplus.zone), 5.0)}
    assert check(replace(surplus, numbers=level), dictionary)[1] == []


def test_a_run_of_missing_hours_is_one_gap_for_each_block(dictionary: Dictionary) -> None:
    surplus = columns()
    hour = (surplus.start_s - START_S) // 3600
    kept = np.flatnonzero((surplus.zone != 0) | (hour < 10) | (hour >= 14))
    _, faults = check(rows(surplus, kept), dictionary)
    assert [fault.code for fault in faults] == [Cause.GAP.code] * BLOCKS
    assert (
        "4 hours are missing for the zone 'a', block 1: 2026-01-01T10:00:00Z to 2026-01-01T14:00:00Z."
        in faults[0].message
    )


def test_many_gaps_are_listed_up_to_a_limit_and_counted(dictionary: Dictionary) -> None:
    surplus = columns()
    hour = (surplus.start_s - START_S) // 3600
    _, faults = check(rows(surplus, np.flatnonzero((hour % 2 == 0) | (hour > 28))), dictionary)
    assert len(faults) == FAULTS_PER_KIND + 1
    gaps = 2 * BLOCKS * 14
    assert any(f"{gaps - FAULTS_PER_KIND} more gaps" in fault.message for fault in faults)


def test_many_bad_cells_are_listed_up_to_a_limit_and_counted(dictionary: Dictionary) -> None:
    surplus = columns()
    values = np.full(len(surplus.zone), -1.0)
    _, faults = check(replace(surplus, numbers={**surplus.numbers, "surplus_mw": values}), dictionary)
    assert len(faults) == FAULTS_PER_KIND + 1
    assert f"{len(values) - FAULTS_PER_KIND} more faults" in faults[-1].message
    assert faults[-1].line == FAULTS_PER_KIND + 2


@pytest.mark.parametrize(("shift", "first_row"), [(-5, 0), (5, 25 * BLOCKS)])
def test_another_horizon_is_one_fault_that_tells_both(dictionary: Dictionary, shift: int, first_row: int) -> None:
    surplus = columns()
    _, faults = check(replace(surplus, start_s=surplus.start_s + shift * 3600), dictionary)
    assert [(fault.code, fault.line) for fault in faults] == [(Cause.OTHER_HORIZON.code, first_row + 2)]
    start = HOURS.start + timedelta(hours=shift)
    assert f"covers {start:%Y-%m-%dT%H:%M:%SZ} to" in faults[0].message
    assert f"{5 * BLOCKS * 2} rows are outside" in faults[0].message


def test_a_series_that_ends_early_is_another_horizon(dictionary: Dictionary) -> None:
    _, faults = check(columns(hours=20), dictionary)
    assert [fault.code for fault in faults] == [Cause.OTHER_HORIZON.code]
    assert "2026-01-01T20:00:00Z, the programme" in faults[0].message


def test_a_year_that_no_calendar_holds_is_told_in_seconds(dictionary: Dictionary) -> None:
    surplus = columns()
    _, faults = check(replace(surplus, start_s=np.full(len(surplus.zone), 3600 * 10**12)), dictionary)
    assert {fault.code for fault in faults} == {Cause.OTHER_HORIZON.code}
    assert "s after 1970" in faults[0].message


def test_half_hours_are_refused(dictionary: Dictionary) -> None:
    surplus = columns()
    start_s = surplus.start_s.copy()
    start_s[4] += 1800
    _, faults = check(replace(surplus, start_s=start_s), dictionary)
    assert {fault.code for fault in faults} == {Cause.OFF_HOUR.code, Cause.GAP.code}
    assert any(fault.line == 6 and "2026-01-01T01:30:00Z" in fault.message for fault in faults)


@pytest.mark.parametrize("block", [0, 21, -1])
def test_a_block_that_is_not_possible_is_refused(dictionary: Dictionary, block: int) -> None:
    surplus = columns()
    blocks = surplus.block.copy()
    blocks[2] = block
    _, faults = check(replace(surplus, block=blocks), dictionary)
    assert (Cause.BAD_BLOCK.code, 4) in [(fault.code, fault.line) for fault in faults]


def test_no_block_that_is_possible_leaves_no_series(dictionary: Dictionary) -> None:
    surplus = columns()
    series, faults = check(replace(surplus, block=np.zeros_like(surplus.block)), dictionary)
    assert series is None
    assert {fault.code for fault in faults} == {Cause.BAD_BLOCK.code}


def test_a_zone_without_rows_and_a_zone_that_nobody_knows(dictionary: Dictionary) -> None:
    _, faults = check(replace(columns(), zone_names=("a", "bb")), dictionary)
    assert [(fault.code, fault.line) for fault in faults] == [
        (Cause.MISSING_ZONE.code, 0),
        (Cause.UNKNOWN_ZONE.code, 30 * BLOCKS + 2),
    ]
    assert "90 rows are of the zone 'bb'." in faults[1].message


def test_many_unknown_zones_are_listed_up_to_a_limit(dictionary: Dictionary) -> None:
    surplus = columns()
    names = tuple(f"z{number}" for number in range(len(surplus.zone)))
    _, faults = check(replace(surplus, zone_names=names, zone=np.arange(len(names))), dictionary)
    unknown = [fault for fault in faults if fault.code == Cause.UNKNOWN_ZONE.code]
    assert len(unknown) == FAULTS_PER_KIND + 1
    assert f"{len(names) - FAULTS_PER_KIND} more zones" in unknown[-1].message


def test_no_rows(dictionary: Dictionary) -> None:
    _, faults = check(rows(columns(), np.array([], dtype=np.int64)), dictionary)
    assert [fault.code for fault in faults] == [Cause.NO_ROWS.code]


def test_faults_of_both_files_are_reported_together(dictionary: Dictionary) -> None:
    surplus, air = columns(), ambient()
    hot = {"ambient_c": np.full(len(air.zone), 99.0)}
    negative = {**surplus.numbers, "surplus_mw": np.full(len(surplus.zone), -1.0)}
    _, faults = check_series(replace(surplus, numbers=negative), replace(air, numbers=hot), ZONES, HOURS, dictionary)
    assert {fault.file for fault in faults} == {"s.csv", "t.csv"}
    assert faults == sorted(faults)


def test_rows_of_parquet_are_told_in_the_message(dictionary: Dictionary) -> None:
    surplus = columns()
    values = surplus.numbers["surplus_mw"].copy()
    values[41] = -3
    bad = replace(surplus, has_lines=False, file="s.parquet", numbers={**surplus.numbers, "surplus_mw": values})
    _, faults = check(bad, dictionary)
    assert [(fault.line, fault.message) for fault in faults] == [(0, "Row 42: -3 MW is not possible.")]

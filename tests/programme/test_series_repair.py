"""A planner's rows: what is irregular is a fault that names its repair, and is mended, and said, only when told."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner_example import (
    ALL_REPAIRS,
    DICTIONARY,
    HOURS,
    START,
    ZONES,
    Row,
    codes,
    imported,
    long_table,
    sound,
    told,
    utc_rows,
)
from zakhira.kernel.interval import HourRange, utc_text
from zakhira.programme.planner_table import Kind, Repair, Told
from zakhira.programme.series_columns import FAULTS_PER_KIND
from zakhira.programme.series_repair import import_series

NAN = math.nan


def energy_mwh(rows: list[Row], step_h: float = 1.0) -> float:
    """What the rows hold together."""
    return sum(row[3] for row in rows) * step_h


def test_sound_rows_become_the_series_and_nothing_is_repaired() -> None:
    """Every figure in its place, in the zones' order of the programme."""
    rows = utc_rows(zones=("b", "a"))
    series = sound(rows, told())
    assert series.repaired == ()
    assert (series.resolution_s, series.phase_s, series.rows_read) == (3600, 0, len(rows))
    assert series.figures["surplus_mw"].shape == (2, 24, 2)
    for zone, time, block, mw, cost in rows:
        hour = HOURS.index_of(datetime.fromisoformat(time))
        at = (ZONES.index(zone), hour, int(block) - 1)
        assert (series.figures["surplus_mw"][at], series.figures["cost_pkr_per_mwh"][at]) == (mw, cost)


def test_faults_of_every_kind_come_together() -> None:
    """An unreadable time hides neither a negative surplus nor a row given twice; what it leaves out is no gap."""
    rows = utc_rows()
    rows[5] = (*rows[5][:3], -1.0, rows[5][4])
    rows[9] = (rows[9][0], "noon", *rows[9][2:])
    _, faults = imported([*rows, rows[20]], told())
    assert codes(faults) == {55, 57, 64}


@settings(max_examples=20)
@given(order=st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(order: object) -> None:
    """Rows in any order are the same series."""
    rows = utc_rows(HourRange(START, 5))
    shuffled = list(rows)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    hours = HourRange(START, 5)
    first, second = sound(rows, told(), hours), sound(shuffled, told(), hours)
    assert first.figures["surplus_mw"].tolist() == second.figures["surplus_mw"].tolist()


@pytest.mark.parametrize("step_min", [5, 10, 15, 20, 30])
def test_finer_rows_are_refused_and_resampled_when_told(step_min: int) -> None:
    """The fault names the word; the mean keeps the energy, which the report says."""
    rows = utc_rows(step_min=step_min)
    series, faults = imported(rows, told())
    assert series is None
    assert codes(faults) == {84}
    assert "--repair resample" in faults[0].remedy
    series = sound(rows, told(Repair.RESAMPLE))
    assert series.figures["surplus_mw"].sum() == pytest.approx(energy_mwh(rows, step_min / 60), rel=1e-12)
    assert [(entry.zone, entry.repair, entry.count) for entry in series.repaired] == [
        (zone, Repair.RESAMPLE, 2 * 24 * 60 // step_min) for zone in ZONES
    ]
    assert [entry.after for entry in series.repaired] == pytest.approx([entry.before for entry in series.repaired])


@pytest.mark.parametrize("step_min", [7, 45, 120, 1440])
def test_a_distance_that_no_hour_is_made_of_is_refused(step_min: int) -> None:
    """Neither 45 minutes nor a day can be a row."""
    times = [utc_text(START + at * timedelta(minutes=step_min)) for at in range(20)]
    series, faults = imported([("a", time, 1, 1, 1) for time in times], Told(repairs=ALL_REPAIRS))
    assert series is None
    assert codes(faults) == {83}


def test_another_resolution_than_told_is_refused() -> None:
    """Hourly rows are not taken for rows of 15 minutes with gaps; and one row alone tells none."""
    _, faults = imported(utc_rows(), Told(resolution_s=900, repairs=ALL_REPAIRS))
    assert codes(faults) == {83}
    assert "by 1h, not by 15m" in faults[0].message
    hour = HourRange(START, 1)
    row = utc_rows(hour, zones=("a",), blocks=1)
    assert codes(imported(row, told(), hour, ("a",))[1]) == {83}
    assert sound(row, Told(resolution_s=3600), hour, ("a",)).figures["surplus_mw"].tolist() == [[[10.0]]]


def test_a_row_beside_the_others_is_refused_whatever_is_told() -> None:
    """07:20 among full hours: no repair knows what it means."""
    rows = utc_rows()
    rows[10] = (rows[10][0], "2026-01-01T05:20:00Z", *rows[10][2:])
    series, faults = imported(rows, told())
    assert series is None
    assert codes(faults) == {61}
    assert faults[0].line == 12
    assert codes(imported(rows, Told(repairs=ALL_REPAIRS))[1]) == {61}


def test_rows_that_start_at_odd_seconds_are_refused() -> None:
    """Every hour at seven seconds past is no zone's clock."""
    rows = [(zone, time.replace(":00Z", ":07Z"), *rest) for zone, time, *rest in utc_rows()]
    assert 61 in codes(imported(rows, Told(repairs=ALL_REPAIRS))[1])  # type: ignore[arg-type]


@pytest.mark.parametrize("empty", [False, True])
def test_a_gap_is_refused_and_filled_on_a_straight_line_when_told(empty: bool) -> None:  # noqa: FBT001
    """Two hours without rows, or with empty cells: the line from the row before to the row after."""
    rows = [("a", utc_text(HOURS.at(hour)), 1.0, 10.0 * hour, 5.0) for hour in range(24)]
    damaged = [
        (*row[:3], NAN, NAN) if empty and hour in {4, 5} else row
        for hour, row in enumerate(rows)
        if empty or hour not in {4, 5}
    ]
    series, faults = imported(damaged, told(), zones=("a",))
    assert series is None
    assert codes(faults) == {63}
    assert "2026-01-01T04:00:00Z to 2026-01-01T06:00:00Z" in faults[0].message
    assert "--repair gaps" in faults[0].remedy
    assert faults[0].line == (6 if empty else 5)
    series = sound(damaged, told(Repair.GAPS), zones=("a",))
    assert series.figures["surplus_mw"][0, :, 0].tolist() == pytest.approx([10.0 * hour for hour in range(24)])
    (entry,) = series.repaired
    assert entry.count == 2
    assert entry.after - entry.before == pytest.approx(90)
    assert (entry.first_s, entry.last_s) == tuple(int(HOURS.at(hour).timestamp()) for hour in (4, 5))


@given(first=st.integers(1, 20), length=st.integers(1, 3), limit=st.sampled_from((0.5, 1.0, 2.0, 3.0)))
def test_a_gap_longer_than_allowed_is_never_filled(first: int, length: int, limit: float) -> None:
    """Up to the limit it is filled; above it is a fault, whatever is told."""
    times = {utc_text(HOURS.at(first + at)) for at in range(length) if first + at < 23}
    rows = [row for row in utc_rows() if row[1] not in times]
    series, faults = imported(rows, Told(repairs=ALL_REPAIRS, max_gap_hours=limit))
    if len(times) > limit:
        assert series is None
        assert codes(faults) == {86}
    else:
        assert series is not None
        assert sum(entry.count for entry in series.repaired) == len(times) * len(ZONES) * 2


@pytest.mark.parametrize("hour", [0, 23])
def test_nothing_is_made_up_beyond_the_rows(hour: int) -> None:
    """The first or the last hour is missing in one zone: there is no line to put it on."""
    rows = [row for row in utc_rows() if row[:2] != ("b", utc_text(HOURS.at(hour)))]
    series, faults = imported(rows, Told(repairs=ALL_REPAIRS))
    assert series is None
    assert codes(faults) == {62}
    assert all("b, block" in fault.message for fault in faults)


def test_a_zone_or_a_block_without_rows_is_refused() -> None:
    """A zone has none at all; a block is in one zone alone."""
    assert codes(imported(utc_rows(zones=("a",)), Told(repairs=ALL_REPAIRS))[1]) == {60}
    rows = [row for row in utc_rows() if row[0] == "a" or row[2] == 1]
    assert codes(imported(rows, Told(repairs=ALL_REPAIRS))[1]) == {62}


def test_the_same_row_again_is_refused_and_dropped_when_told() -> None:
    """Both places are named; the energy before counts the row twice."""
    rows = utc_rows()
    again = [*rows, rows[7]]
    series, faults = imported(again, told())
    assert series is None
    assert codes(faults) == {64}
    assert faults[0].line == len(again) + 1
    assert "p.csv line 9" in faults[0].message
    series = sound(again, told(Repair.DUPLICATES))
    (entry,) = series.repaired
    assert entry.before - entry.after == pytest.approx(rows[7][3])
    assert series.figures["surplus_mw"].sum() == pytest.approx(energy_mwh(rows))


@pytest.mark.parametrize("change", [(99.0, None), (None, 99.0), (NAN, None)])
def test_a_row_again_with_other_figures_is_refused_whatever_is_told(change: tuple[float | None, float | None]) -> None:
    """Another MW, another cost, or an empty cell: which row is right cannot be told."""
    rows = utc_rows()
    zone, time, block, mw, cost = rows[7]
    other = (zone, time, block, mw if change[0] is None else change[0], cost if change[1] is None else change[1])
    series, faults = imported([*rows, other], Told(repairs=ALL_REPAIRS))
    assert series is None
    assert codes(faults) == {85}


def test_a_negative_surplus_is_refused_and_set_to_0_when_told() -> None:
    """-3 MW for an hour: 3 MWh less before than after."""
    rows = utc_rows()
    rows[7] = (*rows[7][:3], -3.0, rows[7][4])
    series, faults = imported(rows, told())
    assert series is None
    assert codes(faults) == {57}
    assert "-3 MW" in faults[0].message
    series = sound(rows, told(Repair.NEGATIVE))
    (entry,) = series.repaired
    assert entry.count == 1
    assert entry.after - entry.before == pytest.approx(3)


def test_rows_outside_the_horizon_are_refused_and_left_out_when_told() -> None:
    """One fault tells what the file covers and what the programme does."""
    rows = utc_rows(HourRange(START - timedelta(hours=2), 30))
    series, faults = imported(rows, told())
    assert series is None
    assert codes(faults) == {62}
    assert len(faults) == 1
    assert "24 rows in all" in faults[0].message
    series = sound(rows, told(Repair.HORIZON))
    inside = [row for row in rows if utc_text(START) <= row[1] < utc_text(HOURS.end)]
    assert series.figures["surplus_mw"].sum() == pytest.approx(energy_mwh(inside))
    assert codes(imported(utc_rows(HourRange(START + timedelta(days=400), 24)), Told(repairs=ALL_REPAIRS))[1]) == {62}


@pytest.mark.parametrize(
    ("place", "value", "code"),
    [(2, 0, 66), (2, 1.5, 66), (2, 21, 66), (2, NAN, 55), (0, "", 55), (1, "", 55), (1, "noon", 55), (0, "c", 59)],
)
def test_a_row_without_zone_time_or_block_is_refused_whatever_is_told(place: int, value: object, code: int) -> None:
    """What a row is about is never guessed."""
    rows = utc_rows()
    changed = list(rows[9])
    changed[place] = value
    rows[9] = tuple(changed)  # type: ignore[assignment]
    series, faults = imported(rows, Told(repairs=ALL_REPAIRS))
    assert series is None
    assert codes(faults) == {code}
    assert {fault.line for fault in faults} == {11}


@pytest.mark.parametrize(
    ("column", "value", "code"), [(3, math.inf, 56), (3, 2e6, 58), (4, -2e6, 58), (4, math.inf, 56)]
)
def test_an_impossible_number_is_refused_whatever_is_told(column: int, value: float, code: int) -> None:
    """Infinity, or more than there can be: neither is a gap."""
    rows = utc_rows()
    changed = list(rows[9])
    changed[column] = value
    rows[9] = tuple(changed)  # type: ignore[assignment]
    series, faults = imported(rows, Told(repairs=ALL_REPAIRS))
    assert series is None
    assert codes(faults) == {code}


def test_costs_that_descend_are_refused_whatever_is_told() -> None:
    """Block 2 may not cost less than block 1 in the planner's own rows."""
    rows = [(*row[:4], 1.0) if row[2] == 2 and row[1] == utc_text(START) else row for row in utc_rows()]
    series, faults = imported(rows, Told(repairs=ALL_REPAIRS))
    assert series is None
    assert codes(faults) == {65}
    assert len(faults) == len(ZONES)


def test_blocks_whose_means_descend_change_places_and_it_is_said() -> None:
    """Block 1 has its energy in the dear half of the hour, block 2 in the cheap one."""
    hours = HourRange(START, 1)
    half = utc_text(START + timedelta(minutes=30))
    rows = [
        ("a", utc_text(START), 1.0, 0.0, 10.0),
        ("a", utc_text(START), 2.0, 8.0, 20.0),
        ("a", half, 1.0, 4.0, 30.0),
        ("a", half, 2.0, 0.0, 40.0),
    ]
    series = sound(rows, told(Repair.RESAMPLE), hours, ("a",))
    assert series.figures["cost_pkr_per_mwh"].tolist() == [[[20.0, 30.0]]]
    assert series.figures["surplus_mw"].tolist() == [[[4.0, 2.0]]]
    assert [entry.what for entry in series.repaired] == ["mean", "sorted"]
    assert series.repaired[1].after == pytest.approx(6)


def test_several_files_are_one_series() -> None:
    """A file a zone: rows and faults keep their own file."""
    rows = utc_rows()
    first = long_table([row for row in rows if row[0] == "a"], "a.csv")
    second = long_table([row for row in rows if row[0] == "b"][:-1], "b.csv")
    series, faults = import_series([first, second], told(), ZONES, HOURS, DICTIONARY)
    assert series is None
    assert {fault.file for fault in faults} == {"b.csv"}
    whole = long_table([row for row in rows if row[0] == "b"], "b.csv")
    series, faults = import_series([first, whole], told(), ZONES, HOURS, DICTIONARY)
    assert faults == []
    assert series is not None
    assert series.rows_read == len(rows)


def test_temperatures_have_means_and_may_be_below_zero() -> None:
    """-5 °C is no fault; rows of half an hour are averaged; the report has means."""
    rows = utc_rows(step_min=30, blocks=1)
    table = long_table([(*row[:3], -5.0 + 2 * (at % 2), 0.0) for at, row in enumerate(rows)])
    ambient = replace(table, names=("zone", "time", "ambient_c"), cells={"ambient_c": table.cells["surplus_mw"]})
    order = Told(kind=Kind.AMBIENT, repairs=frozenset({Repair.RESAMPLE}))
    series, faults = import_series([ambient], order, ZONES, HOURS, DICTIONARY)
    assert faults == []
    assert series is not None
    assert np.unique(series.figures["ambient_c"]).tolist() == [-4.0]
    assert [(entry.before, entry.after) for entry in series.repaired] == [(-4.0, -4.0)] * 2


def test_many_faults_of_a_kind_are_listed_up_to_a_limit_and_counted() -> None:
    """Fifty negative cells: twenty with their place, and how many more."""
    rows = [(*row[:3], -1.0, row[4]) if at < 50 else row for at, row in enumerate(utc_rows())]
    _, faults = imported(rows, told())
    assert len(faults) == FAULTS_PER_KIND + 1
    assert "30 more" in faults[-1].message


DAMAGES = ("drop", "repeat", "differ", "empty", "infinite", "negative", "shift", "stranger", "outside", "text")


def damaged(rows: list[Row], kind: str, at: int) -> list[Row]:
    """The rows with one damage at row ``at``."""
    zone, time, block, mw, cost = rows[at]
    later = utc_text(datetime.fromisoformat(time) + timedelta(minutes=20))
    changed: dict[str, list[Row]] = {
        "drop": [],
        "repeat": [rows[at], rows[at]],
        "differ": [rows[at], (zone, time, block, mw + 1, cost)],
        "empty": [(zone, time, block, NAN, cost)],
        "infinite": [(zone, time, block, math.inf, cost)],
        "negative": [(zone, time, block, -mw - 1, cost)],
        "shift": [(zone, later, block, mw, cost)],
        "stranger": [("elsewhere", time, block, mw, cost)],
        "outside": [rows[at], (zone, utc_text(HOURS.end), block, mw, cost)],
        "text": [(zone, f"{time}?", block, mw, cost)],
    }
    return [*rows[:at], *changed[kind], *rows[at + 1 :]]


@given(kinds=st.lists(st.sampled_from(DAMAGES), min_size=1, max_size=3), data=st.data())
def test_no_damage_is_accepted_in_silence(kinds: list[str], data: st.DataObject) -> None:
    """Whatever is done to the rows: without repairs it is a fault; with all of them it is one, or is reported."""
    rows = utc_rows(blocks=1)
    places = st.lists(st.integers(0, len(rows) - 1), min_size=len(kinds), max_size=len(kinds), unique=True)
    for kind, at in zip(kinds, sorted(data.draw(places), reverse=True), strict=True):
        rows = damaged(rows, kind, at)
    series, faults = imported(rows, told())
    assert series is None
    assert faults
    series, faults = imported(rows, Told(repairs=ALL_REPAIRS))
    assert (series is None) == bool(faults)
    if series is not None:
        assert series.repaired
        assert np.isfinite(series.figures["surplus_mw"]).all()
        assert (series.figures["surplus_mw"] >= 0).all()


@given(words=st.sets(st.sampled_from(sorted(Repair, key=str))), data=st.data())
def test_a_damage_is_mended_by_its_own_word_alone(words: set[Repair], data: st.DataObject) -> None:
    """Each damage that a repair knows goes through exactly when its word is among those told."""
    needed = {
        "drop": Repair.GAPS,
        "repeat": Repair.DUPLICATES,
        "empty": Repair.GAPS,
        "negative": Repair.NEGATIVE,
        "outside": Repair.HORIZON,
    }
    kind = data.draw(st.sampled_from(sorted(needed)))
    rows = damaged(utc_rows(blocks=1), kind, data.draw(st.integers(1, 22)))
    series, faults = imported(rows, told(*words))
    assert (series is not None) == (needed[kind] in words)
    if series is None:
        assert any(f"--repair {needed[kind].value}" in fault.remedy for fault in faults)
    else:
        assert {entry.repair for entry in series.repaired} == {needed[kind]}


def test_hours_beside_quarters_are_no_gaps() -> None:
    """Half the rows an hour apart, half 15 minutes: a line between the hours would not keep their energy."""
    hours = HourRange(START, 96)
    rows = utc_rows(HourRange(START, 48), zones=("a",), blocks=1)
    rows += utc_rows(HourRange(START + timedelta(hours=48), 48), step_min=15, zones=("a",), blocks=1)
    series, faults = imported(rows, Told(repairs=ALL_REPAIRS), hours, ("a",))
    assert series is None
    assert codes(faults) == {83}
    assert "48 of 239 rows" in faults[0].message


def test_empty_lines_say_nothing() -> None:
    """A row without anything is no row; one with a figure and no time is a fault."""
    rows = utc_rows()
    assert sound([*rows, ("", "", NAN, NAN, NAN)], told()).repaired == ()
    assert codes(imported([*rows, ("", "", NAN, 1.0, NAN)], told())[1]) == {55}


@pytest.mark.parametrize("kind", [Kind.SURPLUS, Kind.AMBIENT])
def test_columns_of_the_wrong_type_or_of_none_are_refused(kind: Kind) -> None:
    """In both forms: times that are numbers, figures that are texts, zones that are numbers, and many strangers."""
    table = long_table(utc_rows())
    for name in ("time", "zone", "surplus_mw"):
        wrong = replace(
            table, mistyped={name: "Int64 values"}, cells={key: c for key, c in table.cells.items() if key != name}
        )
        series, faults = import_series([wrong], Told(kind=kind, repairs=ALL_REPAIRS), ZONES, HOURS, DICTIONARY)
        assert series is None
        assert 54 in codes(faults)
    wide = replace(table, names=("time", "a", "b"), zone_names=(), cells={}, mistyped={"a": "String values"})
    series, faults = import_series([wide], Told(kind=kind, costs_pkr_per_mwh=(1.0,)), ZONES, HOURS, DICTIONARY)
    assert series is None
    assert codes(faults) == {54}
    strangers = [(f"z{at}", *row[1:]) for at, row in enumerate(utc_rows())]
    _, faults = imported(strangers, told())
    assert sum(fault.code.endswith("059") for fault in faults) == FAULTS_PER_KIND + 1

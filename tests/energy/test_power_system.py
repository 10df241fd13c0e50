"""Reading the tables of a power system: what is right is read as written, what is wrong is named with its place."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zakhira.energy.power_system import PowerSystem
from zakhira.energy.power_system_reader import (
    BAD_MONTHS,
    BAD_PROVENANCE,
    COLUMNS,
    MISSING_FIGURE,
    MISSING_TABLE,
    NOT_A_NUMBER,
    OUT_OF_RANGE,
    TWICE,
    UNKNOWN_FIGURE,
    UNKNOWN_REFERENCE,
    WRONG_COLUMNS,
    Row,
    Table,
)
from zakhira.energy.power_system_tables import read_power_system
from zakhira.kernel.errors import Fault, Faults

FOLDER = Path(__file__).parents[2] / "programmes" / "pakistan-2000mw" / "system"
Tables = dict[str, Table]


def committed_tables() -> Tables:
    """The committed tables as text."""
    tables = {}
    for file in COLUMNS:
        reader = csv.reader(io.StringIO((FOLDER / file).read_text()))
        columns = tuple(next(reader))
        rows = tuple(Row(reader.line_num, dict(zip(columns, cells, strict=True))) for cells in reader)
        tables[file] = Table(file, columns, rows)
    return tables


def line_of(table: Table, wanted: dict[str, str]) -> int:
    """The line of the first row with these cells."""
    return next(row.line for row in table.rows if wanted.items() <= row.cells.items())


def changed(tables: Tables, file: str, line: int, **cells: str) -> Tables:
    """The tables with some cells of one row changed."""
    table = tables[file]
    rows = tuple(Row(row.line, {**row.cells, **cells}) if row.line == line else row for row in table.rows)
    return {**tables, file: Table(file, table.columns, rows)}


def without(tables: Tables, file: str, **wanted: str) -> Tables:
    """The tables without the rows that hold these cells."""
    table = tables[file]
    rows = tuple(row for row in table.rows if not wanted.items() <= row.cells.items())
    assert len(rows) < len(table.rows), "nothing was taken away"
    return {**tables, file: Table(file, table.columns, rows)}


def faults_of(tables: Tables) -> tuple[Fault, ...]:
    """What reading the tables finds wrong."""
    with pytest.raises(Faults) as caught:
        read_power_system(tables)
    return caught.value.faults


def test_the_committed_facts_are_read_as_written(system: PowerSystem) -> None:
    """Plants, a monthly override, a limit and a figure's provenance arrive with their values."""
    plants = {plant.id: plant for plant in system.plants}
    assert system.months[0] == "2025-07"
    assert system.months[-1] == "2026-06"
    assert plants["ssrl"].capacity_mw == 1320
    assert plants["ssrl"].unit_mw == 660
    assert plants["sahiwal"].fuel_limit_share[1] == 0.56
    assert plants["sahiwal"].fuel_limit_share[6] == 1.0
    assert system.technology("imported-coal").fuel_pkr_per_kwh[6] == 13.48
    assert system.corridor_mw == 3100
    assert system.winter_shape.mean() == pytest.approx(1.0)
    net_metered = next(a for a in system.assumptions if a.key == "system.rooftop_net_metered_mw")
    assert (net_metered.value, net_metered.tag, net_metered.date) == (6035, "S", date(2025, 12, 31))


def test_every_figure_carries_a_tag_and_a_source(system: PowerSystem) -> None:
    """No figure of the sample comes from nowhere; estimates that say low and high lie between them."""
    assert len(system.assumptions) > 300
    for assumption in system.assumptions:
        assert assumption.tag in {"S", "D", "K", "E"}
        assert assumption.source
        if assumption.low is not None and assumption.high is not None:
            assert assumption.low <= assumption.value <= assumption.high, assumption.key


@pytest.mark.parametrize("file", sorted(COLUMNS))
def test_a_missing_table_is_named(file: str) -> None:
    tables = committed_tables()
    del tables[file]
    assert (file, MISSING_TABLE) in {(fault.file, fault.code) for fault in faults_of(tables)}


def test_columns_are_checked_both_ways() -> None:
    """A column with another unit is both an unknown one and a missing one."""
    tables = committed_tables()
    table = tables["transmission.csv"]
    columns = tuple("limit_kw" if column == "limit_mw" else column for column in table.columns)
    faults = faults_of({**tables, "transmission.csv": Table("transmission.csv", columns, table.rows)})
    assert {(f.key, f.line) for f in faults if f.code == WRONG_COLUMNS} == {("limit_kw", 1), ("limit_mw", 1)}


@pytest.mark.parametrize(
    ("file", "row", "cells", "code", "key"),
    [
        ("plants.csv", {"plant": "lucky"}, {"capacity_mw": "660 MW"}, NOT_A_NUMBER, "capacity_mw"),
        ("plants.csv", {"plant": "lucky"}, {"capacity_mw": "nan"}, NOT_A_NUMBER, "capacity_mw"),
        ("plants.csv", {"plant": "lucky"}, {"capacity_mw": "-1"}, OUT_OF_RANGE, "capacity_mw"),
        ("plants.csv", {"plant": "lucky"}, {"unit_count": "0"}, OUT_OF_RANGE, "unit_count"),
        ("plants.csv", {"plant": "lucky"}, {"plant": "ssrl"}, TWICE, "plant"),
        ("plants.csv", {"plant": "lucky"}, {"plant": "nuclear"}, TWICE, "plant"),
        ("plants.csv", {"plant": "lucky"}, {"zone": "qasim"}, UNKNOWN_REFERENCE, "zone"),
        ("plants.csv", {"plant": "lucky"}, {"region": "west"}, UNKNOWN_REFERENCE, "region"),
        ("zones.csv", {"zone": "hub"}, {"zone": "sahiwal"}, TWICE, "sahiwal"),
        ("zones.csv", {"zone": "hub"}, {"latitude_deg": "124.9"}, OUT_OF_RANGE, "latitude_deg"),
        ("figures.csv", {"attribute": "reserve_share"}, {"value": "1.5"}, OUT_OF_RANGE, "value"),
        ("figures.csv", {"attribute": "reserve_share"}, {"attribute": "reserve_mw"}, UNKNOWN_FIGURE, "reserve_mw"),
        ("figures.csv", {"attribute": "reserve_share"}, {"tag": "X"}, BAD_PROVENANCE, "tag"),
        ("figures.csv", {"attribute": "reserve_share"}, {"source": " "}, BAD_PROVENANCE, "tag"),
        ("figures.csv", {"attribute": "reserve_share"}, {"date": "March"}, BAD_PROVENANCE, "date"),
        ("figures.csv", {"attribute": "reserve_share"}, {"low": "little"}, NOT_A_NUMBER, "low"),
        ("demand_shape.csv", {"hour": "3"}, {"winter_share": "0"}, OUT_OF_RANGE, "winter_share"),
        ("transmission.csv", {"to": "north"}, {"to": "east"}, UNKNOWN_REFERENCE, "to"),
        ("transmission.csv", {"to": ""}, {"from": "nowhere"}, UNKNOWN_REFERENCE, "from"),
        ("published.csv", {"quantity": "month_gwh"}, {"quantity": "week_gwh"}, UNKNOWN_REFERENCE, "quantity"),
        ("published.csv", {"quantity": "month_gwh"}, {"period": "2024-01"}, UNKNOWN_REFERENCE, "period"),
        ("published.csv", {"quantity": "month_gwh"}, {"subject": "tidal"}, UNKNOWN_REFERENCE, "subject"),
        ("published.csv", {"quantity": "profile_mw"}, {"subject": "24"}, UNKNOWN_REFERENCE, "subject"),
        ("published.csv", {"quantity": "month_gwh"}, {"value": "0"}, OUT_OF_RANGE, "value"),
        ("published.csv", {"quantity": "month_gwh"}, {"basis": "guess"}, UNKNOWN_REFERENCE, "basis"),
    ],
)
def test_a_wrong_cell_is_named_with_its_line(
    file: str, row: dict[str, str], cells: dict[str, str], code: str, key: str
) -> None:
    """One cell of a sound table is spoilt: the fault names file, line, column and cause."""
    tables = committed_tables()
    line = line_of(tables[file], row)
    faults = faults_of(changed(tables, file, line, **cells))
    lines = [fault.line for fault in faults if (fault.file, fault.code, fault.key) == (file, code, key)]
    # a name that now stands twice is found in its second row
    assert lines == [line] or (code == TWICE and len(lines) == 1)


def test_a_figure_that_is_missing_is_asked_for() -> None:
    """A scalar, a whole month's series and an hour of the shape: each is named."""
    tables = committed_tables()
    tables = without(tables, "figures.csv", subject="system", attribute="reserve_share")
    tables = without(tables, "monthly.csv", subject="system", attribute="wind_share", month="2026-02")
    tables = without(tables, "demand_shape.csv", hour="7")
    found = {(fault.file, fault.key) for fault in faults_of(tables) if fault.code == MISSING_FIGURE}
    assert found == {("figures.csv", "reserve_share"), ("figures.csv", "wind_share"), ("demand_shape.csv", "hour")}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda tables: without(tables, "monthly.csv", month="2026-06"),
        lambda tables: without(tables, "monthly.csv", month="2026-01"),
        lambda tables: changed(tables, "monthly.csv", 2, month="July"),
    ],
)
def test_months_are_twelve_in_a_row(spoil: Callable[[Tables], Tables]) -> None:
    assert BAD_MONTHS in {fault.code for fault in faults_of(spoil(committed_tables()))}


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(sorted(COLUMNS)), st.data())
def test_any_spoilt_cell_is_read_or_named(file: str, data: st.DataObject) -> None:
    """Whatever stands in one cell, reading ends in a system or in faults that name places, never otherwise."""
    tables = committed_tables()
    row = data.draw(st.sampled_from(tables[file].rows))
    column = data.draw(st.sampled_from(COLUMNS[file]))
    text = data.draw(st.one_of(st.text(max_size=6), st.floats().map(str), st.just("")))
    try:
        system = read_power_system(changed(tables, file, row.line, **{column: text}))
    except Faults as error:
        named = [fault.file in COLUMNS and bool(fault.remedy) for fault in error.faults]
    else:
        named = [len(system.months) == 12]
    assert all(named)

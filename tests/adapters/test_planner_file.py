"""A planner's CSV and Parquet as they are: what can be read is read, what cannot is told apart from what is empty."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import BytesIO

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zakhira.adapters.planner_file import FileForm, encode_series, read_planner_table
from zakhira.adapters.programme_folder import load_dictionary
from zakhira.adapters.series_file import read_series_columns
from zakhira.kernel.errors import Fault
from zakhira.kernel.interval import HourRange
from zakhira.programme.planner_table import Kind, PlannerTable, Told
from zakhira.programme.series_columns import NO_NUMBER, SeriesColumns
from zakhira.programme.series_repair import import_series

HOURS = HourRange(datetime(2026, 1, 1, tzinfo=UTC), 3)
START_S = int(HOURS.start.timestamp())


def table_of(text: str, form: FileForm = FileForm()) -> PlannerTable:  # noqa: B008  # it is frozen
    """The text as a CSV file, which must be readable."""
    table = read_planner_table(text.encode(), "p.csv", form)
    assert isinstance(table, PlannerTable), table
    return table


def parquet_of(frame: pl.DataFrame) -> PlannerTable:
    """The frame as a Parquet file, which must be readable."""
    buffer = BytesIO()
    frame.write_parquet(buffer)
    table = read_planner_table(buffer.getvalue(), "p.parquet", FileForm())
    assert isinstance(table, PlannerTable), table
    return table


def test_cells_are_numbers_empty_or_unreadable() -> None:
    """NaN and infinity are numbers that the checks refuse; text is unreadable; only nothing and space are empty."""
    values = ("1.5", "", " ", " 2 ", "nan", "inf", "n/a", "1,5", "1_0")
    quoted = "\n".join(f'2026-01-01 00:00,"{value}"' for value in values)
    cells = table_of(f"time,a\n{quoted}\n").cells["a"]
    assert cells.empty.tolist() == [False, True, True, *[False] * 6]
    assert cells.unreadable.rows.tolist() == [6, 7, 8]
    assert cells.unreadable.texts == ("n/a", "1,5", "1_0")
    assert cells.values[[0, 3]].tolist() == [1.5, 2.0]
    assert np.isnan(cells.values[4])
    assert np.isinf(cells.values[5])


def test_a_decimal_comma_leaves_no_point_in_a_number() -> None:
    """With --decimal-comma 1.234 may be a thousand and more: it is not read as 1 and a bit."""
    text = "time;a\n2026-01-01 00:00;1,5\n2026-01-01 01:00;1.234\n2026-01-01 02:00;1.234,5\n2026-01-01 03:00;-7\n"
    cells = table_of(text, FileForm(";", decimal_comma=True)).cells["a"]
    assert cells.values[[0, 3]].tolist() == [1.5, -7.0]
    assert cells.unreadable.rows.tolist() == [1, 2]


def test_times_and_zones_are_told_apart_once() -> None:
    """Each distinct text once; -1 where a cell is empty; space around is no part of it."""
    table = table_of("zone,start_local,surplus_mw\nb, 2026-01-01 00:00,1\n,2026-01-01 00:00 ,2\na,,3\nb,noon,4\n")
    assert table.time_column == "start_local"
    assert table.time_texts == ("2026-01-01 00:00", "noon")
    assert table.time.tolist() == [0, 0, -1, 1]
    assert table.zone_names == ("b", "a")
    assert table.zone.tolist() == [0, -1, 1, 0]
    assert table.typed_s is None


def test_the_column_of_times_may_be_named() -> None:
    """A name of the planner's own; a name that no column has leaves none."""
    text = "Datum,time,a\n2026-01-01 00:00,x,1\n"
    assert table_of(text, FileForm(time_column="Datum")).time_texts == ("2026-01-01 00:00",)
    assert table_of(text, FileForm(time_column="when")).time.tolist() == [-1]


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Karachi"])
def test_typed_times_are_seconds_of_their_clock(unit: pl._typing.TimeUnit, zone: str | None) -> None:
    """With a zone they are instants, without one the reading of a clock; a fraction of a second is unreadable."""
    first = datetime(2026, 1, 1)  # noqa: DTZ001  # a clock's reading
    times = pl.Series([first, None, first + timedelta(hours=1), first, first + timedelta(milliseconds=500)])
    column = times.cast(pl.Datetime(unit)).dt.replace_time_zone("UTC")
    column = column.dt.convert_time_zone(zone) if zone else column.dt.replace_time_zone(None)
    table = parquet_of(pl.DataFrame({"time": column, "a": [1.0, 2.0, 3.0, 4.0, 5.0]}))
    assert table.typed_s is not None
    assert table.typed_utc == (zone is not None)
    assert table.time.tolist()[1] == -1
    seconds = [int(table.typed_s[code]) for code in table.time.tolist() if code >= 0]
    assert seconds == [START_S, START_S + 3600, START_S, NO_NUMBER]


def test_a_time_that_no_calendar_holds_is_unreadable() -> None:
    """A timestamp of the year 200,000, as a wrong unit gives it, is a fault and no crash."""
    ticks = pl.Series([START_S, START_S * 3600], dtype=pl.Int64) * 1000
    frame = pl.DataFrame({"time": ticks.cast(pl.Datetime("ms")), "a": [1.0, 2.0]})
    table = parquet_of(frame)
    _, faults = import_series(
        [table], Told(time_zone="Asia/Karachi", costs_pkr_per_mwh=(1.0,)), ("a",), HOURS, load_dictionary()
    )
    assert "ZK-PROGRAMME-055" in {fault.code for fault in faults}


def test_an_empty_cell_of_parquet_is_empty_and_nan_is_not() -> None:
    """Null is a gap, NaN a number that is refused."""
    frame = pl.DataFrame({"time": ["2026-01-01 00:00"] * 3, "a": [1.0, None, float("nan")], "b": [1, 2, None]})
    table = parquet_of(frame)
    assert table.cells["a"].empty.tolist() == [False, True, False]
    assert table.cells["b"].empty.tolist() == [False, False, True]
    assert not table.has_lines


def test_columns_of_another_type_are_told() -> None:
    """Days are no times, texts no numbers, numbers no zones."""
    day = datetime(2026, 1, 1, tzinfo=UTC).date()
    table = parquet_of(pl.DataFrame({"time": [day], "zone": [1], "surplus_mw": ["1"]}))
    assert set(table.mistyped) == {"time", "zone", "surplus_mw"}
    assert table.cells == {}
    assert table.time.tolist() == [-1]


@pytest.mark.parametrize(
    ("content", "file"),
    [(b"", "p.csv"), (b"a,b\n1,2,3\n", "p.csv"), (b"a\n\xff\xfe\n", "p.csv"), (b"PAR1 no", "p.parquet")],
)
def test_a_file_that_cannot_be_read_is_a_fault(content: bytes, file: str) -> None:
    """Nothing in it, more cells than columns, another encoding, a damaged Parquet file."""
    fault = read_planner_table(content, file, FileForm())
    assert isinstance(fault, Fault)
    assert fault.code == "ZK-PROGRAMME-050"
    assert "--delimiter" in fault.remedy


@given(
    values=st.lists(st.floats(0, 1e6), min_size=12, max_size=12),
    ending=st.sampled_from(("csv", "parquet")),
)
def test_what_is_encoded_is_read_back_to_the_last_bit(values: list[float], ending: str) -> None:
    """Figures, zones, hours and blocks survive both forms of the programme's file."""
    figures = {"surplus_mw": np.array(values).reshape(2, 3, 2), "cost_pkr_per_mwh": np.arange(12.0).reshape(2, 3, 2)}
    content = encode_series(Kind.SURPLUS, ("b", "a"), HOURS, figures, f"s.{ending}")
    columns = read_series_columns(content, f"s.{ending}")
    assert isinstance(columns, SeriesColumns)
    assert columns.names == ("zone", "start_utc", "block", "surplus_mw", "cost_pkr_per_mwh")
    assert [columns.zone_names[code] for code in columns.zone.tolist()] == ["b"] * 6 + ["a"] * 6
    assert columns.start_s.tolist() == [START_S + 3600 * hour for hour in (0, 0, 1, 1, 2, 2)] * 2
    assert columns.block.tolist() == [1, 2] * 6
    assert columns.numbers["surplus_mw"].tolist() == values


def test_temperatures_have_no_block() -> None:
    """The other series of a programme."""
    content = encode_series(Kind.AMBIENT, ("a",), HOURS, {"ambient_c": np.array([[[1.0], [-2.5], [3.0]]])}, "t.csv")
    assert content.decode().splitlines()[:3] == [
        "zone,start_utc,ambient_c",
        "a,2026-01-01T00:00:00Z,1.0",
        "a,2026-01-01T01:00:00Z,-2.5",
    ]

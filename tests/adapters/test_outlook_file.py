"""Scenario files on disk: written and read back to the last bit, and what a planner may hand in by mistake."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from example_programme import build_programme
from zakhira.adapters.outlook_file import OutlookFileUnreadable, OutlookNotWritten, read_outlook, write_outlook
from zakhira.kernel.errors import Faults
from zakhira.kernel.ids import seeded_rng
from zakhira.planning.outlook import Outlook
from zakhira.planning.outlook_draw import draw_outlook, shape_of, year_weights
from zakhira.planning.outlook_file import BAD_CELL, UNKNOWN_YEAR, WEIGHTS, WRONG_COLUMNS
from zakhira.programme.model import Phase, Planning, Programme, SurplusYear


@pytest.fixture(scope="module")
def programme() -> Programme:
    """A quarter of a year in two phases, a dry and a wet year beside the reference."""
    years = (SurplusYear("dry", "Dry", "dry.csv", 0.25), SurplusYear("wet", "Wet", "wet.csv", 0.25))
    phases = (Phase("one", 0, 30.0, 1e8), Phase("two", 2, 60.0, 1e8))
    return replace(build_programme(2190), planning=Planning(), surplus_years=years, phases=phases)


@pytest.fixture(scope="module")
def outlook(programme: Programme) -> Outlook:
    epochs, phases = shape_of(programme)
    return draw_outlook(programme, epochs, phases, year_weights(programme), 12, seeded_rng(1, "outlook"))


@pytest.mark.parametrize("name", ["s.csv", "s.parquet"])
def test_what_is_written_is_read_back(tmp_path: Path, outlook: Outlook, programme: Programme, name: str) -> None:
    """Every number to the last bit, in both forms; no draft is left."""
    write_outlook(tmp_path / name, outlook, programme)
    back = read_outlook(tmp_path / name, programme)
    for field in ("weights", "surplus_year", "btc_usd", "others_eh_per_s", "gpu_factor"):
        assert np.array_equal(getattr(back, field), getattr(outlook, field)), field
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_scenarios_of_the_reference_alone(tmp_path: Path) -> None:
    """A column of empty surplus years, as a programme without any has it."""
    plain = replace(build_programme(400), planning=Planning())
    epochs, phases = shape_of(plain)
    drawn = draw_outlook(plain, epochs, phases, (1.0,), 4, seeded_rng(1, "x"))
    for name in ("s.csv", "s.parquet"):
        write_outlook(tmp_path / name, drawn, plain)
        assert read_outlook(tmp_path / name, plain).surplus_year.tolist() == [0, 0, 0, 0]
    pl.read_parquet(tmp_path / "s.parquet").with_columns(surplus_year=None).write_parquet(tmp_path / "n.parquet")
    assert read_outlook(tmp_path / "n.parquet", plain).count == 4


@pytest.mark.parametrize(
    ("change", "code", "key", "line"),
    [
        (lambda text: text.replace(",wet,", ",moist,", 1), UNKNOWN_YEAR, "surplus_year", 0),
        (lambda text: text.replace("60500.0", "much", 1), BAD_CELL, "btc_usd", 2),
        (lambda text: text.replace("60500.0", "", 1), BAD_CELL, "btc_usd", 2),
        (lambda text: text.replace("60500.0", "nan", 1), BAD_CELL, "btc_usd", 2),
        (lambda text: text.replace("0.08333333333333333", "0.08"), WEIGHTS, "weight", 0),
        (lambda text: text.replace("gpu_factor", "gpu", 1), WRONG_COLUMNS, "gpu_factor", 0),
    ],
)
def test_faults_of_a_csv_file_name_file_and_line(
    tmp_path: Path, outlook: Outlook, programme: Programme, change: Callable[[str], str], code: str, key: str, line: int
) -> None:
    path = tmp_path / "s.csv"
    write_outlook(path, outlook, programme)
    text = path.read_text()
    assert change(text) != text
    path.write_text(change(text))
    with pytest.raises(Faults) as caught:
        read_outlook(path, programme)
    found = [fault for fault in caught.value.faults if (fault.code, fault.key) == (code, key)]
    assert found, caught.value.faults
    assert found[0].file == str(path)
    assert not line or found[0].line == line


def test_columns_of_another_type_are_no_numbers(tmp_path: Path, outlook: Outlook, programme: Programme) -> None:
    """Dates for prices and lists for years in a Parquet file: faults of their cells, never a crash."""
    path = tmp_path / "s.parquet"
    write_outlook(path, outlook, programme)
    frame = pl.read_parquet(path)
    frame.with_columns(
        btc_usd=pl.lit("2026-01-01").str.to_date(), surplus_year=pl.concat_list(pl.col("epoch"))
    ).write_parquet(path)
    with pytest.raises(Faults) as caught:
        read_outlook(path, programme)
    assert {(fault.code, fault.key) for fault in caught.value.faults} >= {
        (BAD_CELL, "btc_usd"),
        (UNKNOWN_YEAR, "surplus_year"),
    }
    assert "'2026-01-01' is not a number" in str(caught.value.faults)


def test_files_that_are_none(tmp_path: Path, programme: Programme) -> None:
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 nothing")
    (tmp_path / "empty.csv").write_text("")
    for name in ("gone.csv", "bad.parquet", "empty.csv", "sheet.xlsx"):
        with pytest.raises(OutlookFileUnreadable, match=name):
            read_outlook(tmp_path / name, programme)


def test_a_refused_write_says_so(tmp_path: Path, outlook: Outlook, programme: Programme) -> None:
    with pytest.raises(OutlookNotWritten, match="No such file"):
        write_outlook(tmp_path / "nowhere" / "s.csv", outlook, programme)
    with pytest.raises(OutlookFileUnreadable, match="neither"):
        write_outlook(tmp_path / "s.txt", outlook, programme)
    assert not list(tmp_path.iterdir())
    (tmp_path / "s.csv").mkdir()
    with pytest.raises(OutlookNotWritten):
        write_outlook(tmp_path / "s.csv", outlook, programme)
    with pytest.raises(OutlookNotWritten):
        write_outlook(Path(__file__) / "s.csv", outlook, programme)
    assert [path.name for path in tmp_path.iterdir()] == ["s.csv"]


def test_a_thousand_scenarios_of_another_programme_are_told_once(tmp_path: Path, programme: Programme) -> None:
    """Half a year's scenarios for a programme of a quarter: one fault about the horizon, not thousands about rows."""
    longer = replace(build_programme(4380), planning=Planning(), surplus_years=programme.surplus_years)
    longer = replace(longer, phases=programme.phases)
    epochs, phases = shape_of(longer)
    drawn = draw_outlook(longer, epochs, phases, (0.5, 0.25, 0.25), 1000, seeded_rng(1, "x"))
    write_outlook(tmp_path / "s.parquet", drawn, longer)
    with pytest.raises(Faults) as caught:
        read_outlook(tmp_path / "s.parquet", programme)
    assert len(caught.value.faults) == 1
    assert f"{epochs} epochs" in caught.value.faults[0].message

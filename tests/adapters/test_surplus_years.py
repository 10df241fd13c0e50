"""Surplus years on disk: what is read, what is wrong in which file and row, and what the digest covers."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from zakhira.adapters import surplus_years
from zakhira.adapters.power_system_years import YearsDiffer, generate_years, write_years
from zakhira.adapters.programme_folder import load_programme
from zakhira.adapters.surplus_years import FilesChanged, load_surplus_years
from zakhira.kernel.errors import Fault, Faults
from zakhira.programme.faults import Cause
from zakhira.programme.series import Series

ROOT = Path(__file__).parents[2]
SMALL = ROOT / "programmes" / "small"
SAMPLE = ROOT / "programmes" / "pakistan-2000mw"
YEARS = """
[[surplus_year]]
id = "dry"
name = "Dry"
file = "series/dry.csv"
weight_share = 0.25

[[surplus_year]]
id = "wet"
name = "Wet"
file = "series/wet.parquet"
weight_share = 0.25
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The small programme with a dry year (half the surplus) in CSV and a wet one (twice) in Parquet."""
    folder = Path(shutil.copytree(SMALL, tmp_path / "p"))
    with (folder / "programme.toml").open("a") as file:
        file.write(YEARS)
    frame = pl.read_csv(folder / "series/surplus.csv").with_columns(pl.col("surplus_mw").cast(pl.Float64))
    frame.with_columns(pl.col("surplus_mw") / 2).write_csv(folder / "series/dry.csv")
    instants = pl.col("start_utc").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_zone="UTC")
    wet = frame.with_columns(pl.col("surplus_mw") * 2, pl.col("cost_pkr_per_mwh").cast(pl.Float64), instants)
    wet.write_parquet(folder / "series/wet.parquet")
    return folder


def load(folder: Path) -> tuple[Series, ...]:
    programme, series = load_programme(folder)
    return load_surplus_years(folder, programme, series)


def faults_of(folder: Path) -> tuple[Fault, ...]:
    with pytest.raises(Faults) as caught:
        load(folder)
    return caught.value.faults


def change_wet(folder: Path, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
    path = folder / "series/wet.parquet"
    change(pl.read_parquet(path)).write_parquet(path)


def test_the_reference_comes_first_then_the_years_in_the_order_of_the_file(folder: Path) -> None:
    reference, dry, wet = load(folder)
    assert np.array_equal(dry.surplus_mw, reference.surplus_mw / 2)
    assert np.array_equal(wet.surplus_mw, reference.surplus_mw * 2)
    assert dry.ambient_c is reference.ambient_c
    assert (dry.zones, dry.hours) == (reference.zones, reference.hours)


def test_plain_rows_are_read_as_those_read_one_by_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The short way for files in the generator's order gives what the long way gives, and shuffled rows as well."""
    short = load(folder)
    change_wet(folder, lambda frame: frame.sample(fraction=1.0, shuffle=True, seed=1))
    shuffled = load(folder)
    monkeypatch.setattr(surplus_years, "_read_plain", lambda *_: None)
    for ours, theirs, slow in zip(short, shuffled, load(folder), strict=True):
        assert np.array_equal(ours.surplus_mw, theirs.surplus_mw)
        assert np.array_equal(ours.surplus_mw, slow.surplus_mw)
        assert np.array_equal(ours.cost_pkr_per_mwh, slow.cost_pkr_per_mwh)


@pytest.mark.parametrize("name", surplus_years.KEYS)
@pytest.mark.parametrize("row", [0, -1])
def test_an_empty_key_is_not_what_the_generator_writes(folder: Path, name: str, row: int) -> None:
    """A zone, hour or block that is missing in the first or the last row is told as a fault, never taken as read."""

    def without(frame: pl.DataFrame) -> pl.DataFrame:
        here = pl.int_range(pl.len()) == row % frame.height
        return frame.with_columns(pl.when(~here).then(pl.col(name)).alias(name))

    change_wet(folder, without)
    assert {fault.file for fault in faults_of(folder)} == {str(folder / "series/wet.parquet")}


@pytest.mark.parametrize(("cost", "falls"), [([1, 2, 0, 5], False), ([1, 1, 1, 1], False), ([1, 2, 5, 4], True)])
def test_costs_fall_within_an_hour_alone(cost: list[float], falls: bool) -> None:  # noqa: FBT001  # a figure of the case
    """Two hours of two blocks: from the last block of an hour to the first of the next a cost may fall."""
    assert surplus_years._falls_within_an_hour(np.array(cost, dtype=np.float64).reshape(1, 2, 2)) is falls


def test_a_programme_without_years_has_the_reference_alone() -> None:
    programme, series = load_programme(SMALL)
    assert load_surplus_years(SMALL, programme, series) == (series,)


@pytest.mark.parametrize(
    ("change", "cause", "words"),
    [
        (lambda f: f.filter(pl.col("zone") != "north"), Cause.MISSING_ZONE, "'north'"),
        (lambda f: f.with_columns(pl.lit(None).cast(pl.Float64).alias("surplus_mw")), Cause.CELL_NOT_FINITE, ""),
        (lambda f: f.with_columns(pl.lit(float("nan")).alias("cost_pkr_per_mwh")), Cause.CELL_NOT_FINITE, ""),
        (lambda f: f.with_columns(-pl.col("surplus_mw")), Cause.NEGATIVE_SURPLUS, ""),
        (lambda f: f.with_columns(pl.col("surplus_mw") * 1e9), Cause.CELL_OUT_OF_RANGE, ""),
        (lambda f: f.with_columns(pl.col("start_utc").dt.offset_by("1y")), Cause.OTHER_HORIZON, "2027"),
        (lambda f: f.slice(1), Cause.GAP, ""),
        (lambda f: f.rename({"surplus_mw": "surplus"}), Cause.COLUMN_UNIT, ""),
        (lambda f: f.with_columns(-pl.col("cost_pkr_per_mwh") - pl.col("block")), Cause.COST_DESCENDS, "Block 2"),
    ],
)
def test_faults_of_a_year_name_its_file(
    folder: Path, change: Callable[[pl.DataFrame], pl.DataFrame], cause: Cause, words: str
) -> None:
    """Another horizon, NaN, a missing zone and the like: the same faults as in the year of reference, in its file."""
    change_wet(folder, lambda frame: change(frame.with_columns(pl.col("block").cast(pl.Int64))))
    found = [fault for fault in faults_of(folder) if fault.code == cause.code]
    assert found
    assert found[0].file == str(folder / "series/wet.parquet")
    assert words in found[0].message


def test_faults_of_all_years_are_collected(folder: Path) -> None:
    (folder / "series/wet.parquet").write_bytes(b"no parquet")
    text = (folder / "series/dry.csv").read_text()
    (folder / "series/dry.csv").write_text(re.sub(r"[\d.]+,(\d+)\n$", r"much,\1\n", text))
    found = {(Path(fault.file).name, fault.code, fault.line > 0) for fault in faults_of(folder)}
    assert found == {
        ("dry.csv", Cause.UNREADABLE_CELL.code, True),
        ("wet.parquet", Cause.SERIES_UNREADABLE.code, False),
    }


def test_a_missing_file_is_a_fault_at_its_line(folder: Path) -> None:
    """The programme itself does not load: its digest could not name the years."""
    (folder / "series/dry.csv").unlink()
    with pytest.raises(Faults) as caught:
        load_programme(folder)
    fault = caught.value.faults[0]
    assert (fault.code, fault.key) == (Cause.SERIES_MISSING.code, "surplus_year.dry.file")
    assert "dry.csv" in (folder / "programme.toml").read_text().splitlines()[fault.line - 1]


def test_the_digest_covers_the_years(folder: Path) -> None:
    before, _ = load_programme(folder)
    with (folder / "series/dry.csv").open("a") as file:
        file.write("\n")
    after, _ = load_programme(folder)
    assert before.digest != after.digest


def test_files_that_change_between_two_readings_are_noticed(folder: Path) -> None:
    programme, series = load_programme(folder)
    change_wet(folder, lambda frame: frame.with_columns(pl.col("surplus_mw") + 1))
    with pytest.raises(FilesChanged) as caught:
        load_surplus_years(folder, programme, series)
    assert caught.value.code == "ZK-PROGRAMME-104"


def test_a_year_with_more_blocks_widens_the_others(folder: Path) -> None:
    """The added block of the other years offers nothing, at the cost of the last block."""
    change_wet(
        folder,
        lambda f: pl.concat([f, f.filter(block=2).with_columns(pl.lit(3, f["block"].dtype).alias("block"))]),
    )
    reference, dry, wet = load(folder)
    assert wet.surplus_mw.shape == reference.surplus_mw.shape == dry.surplus_mw.shape
    assert wet.surplus_mw.shape[2] == 3
    assert (dry.surplus_mw[:, :, 2] == 0).all()
    assert np.array_equal(dry.cost_pkr_per_mwh[:, :, 2], dry.cost_pkr_per_mwh[:, :, 1])


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """The sample's programme file and facts, without its series."""
    shutil.copytree(SAMPLE / "system", tmp_path / "system")
    shutil.copy(SAMPLE / "programme.toml", tmp_path)
    return tmp_path


def test_the_committed_years_are_what_the_generator_makes(tmp_path: Path) -> None:
    """Written again with the committed seed, every year equals its committed file up to rounding, and is small."""
    years = generate_years(SAMPLE, 2026)
    programme, series = load_programme(SAMPLE)
    committed = load_surplus_years(SAMPLE, programme, series)[1:]
    assert [year.id for year, _ in years.others] == [year.id for year in programme.surplus_years]
    for (_, made), theirs in zip(years.others, committed, strict=True):
        assert (made.series.surplus_mw != theirs.surplus_mw).sum() <= theirs.surplus_mw.size * 1e-5
        assert np.abs(made.series.surplus_mw - theirs.surplus_mw).max() <= 0.1 + 1e-9
    assert years.files == tuple(year.file for year in programme.surplus_years)
    assert all((SAMPLE / name).stat().st_size < 300_000 for name in years.files)
    some = replace(years, others=years.others[:1], files=years.files[:1])
    first = write_years(tmp_path, some)[0].read_bytes()
    assert write_years(tmp_path, some)[0].read_bytes() == first


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("system/years.csv", "\ndry,Dry,", "\narid,Dry,", "'arid' of system/years.csv"),
        ("system/years.csv", "\nwet,Wet,1.15,1,1,0.1", "\nwet,Wet,1.15,1,1,0.09", "weighs 0.09"),
        ("programme.toml", "surplus-wet.parquet", "surplus-wet.csv", "no Parquet"),
    ],
)
def test_years_that_the_programme_names_otherwise_are_refused(
    sample: Path, file: str, old: str, new: str, words: str
) -> None:
    text = (sample / file).read_text()
    assert old in text
    (sample / file).write_text(text.replace(old, new, 1))
    with pytest.raises(YearsDiffer, match=words) as caught:
        generate_years(sample, 2026)
    assert caught.value.code == "ZK-ENERGY-134"


def test_a_system_without_years_says_so(sample: Path) -> None:
    (sample / "system/years.csv").unlink()
    with pytest.raises(YearsDiffer, match="no years"):
        generate_years(sample, 2026)


def test_bad_cells_of_the_years_table_are_named(sample: Path) -> None:
    path = sample / "system/years.csv"
    path.write_text(path.read_text().replace("\ndry,Dry,0.85,1,1,0.1,E", "\ndry,Dry,wet,1,-1,0.1,X", 1))
    with pytest.raises(Faults) as caught:
        generate_years(sample, 2026)
    assert {(fault.file, fault.line, fault.key) for fault in caught.value.faults} >= {
        ("years.csv", 3, "hydro_factor"),
        ("years.csv", 3, "solar_factor"),
        ("years.csv", 3, "tag"),
    }

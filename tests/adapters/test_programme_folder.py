"""Programme folders on disk: what is missing, unreadable or damaged, and what the digest covers."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
import pytest

from zakhira.adapters import programme_folder
from zakhira.adapters.programme_folder import (
    FileUnreadable,
    FolderMissing,
    ProgrammeFileMissing,
    digest_of,
    load_dictionary,
    load_programme,
)
from zakhira.kernel.errors import Fault, Faults
from zakhira.programme.dictionary import parse_dictionary
from zakhira.programme.faults import Cause

ROOT = Path(__file__).parent.parent.parent
SMALL = ROOT / "programmes" / "small"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the small programme that may be damaged."""
    return Path(shutil.copytree(SMALL, tmp_path / "p"))


def faults_of(folder: Path) -> tuple[Fault, ...]:
    with pytest.raises(Faults) as raised:
        load_programme(folder)
    return raised.value.faults


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_the_surplus_of_the_small_programme_is_what_its_readme_computes() -> None:
    """South 2,240 MWh and north 3,360 MWh in the week at the bus, 5,555.2 MWh at the plug."""
    programme, series = load_programme(SMALL)
    week_mwh = series.surplus_mw.sum(axis=(1, 2))
    assert week_mwh.tolist() == [2240, 3360]
    losses = np.array([zone.loss_share for zone in programme.zones])
    assert (week_mwh * (1 - losses)).sum() == pytest.approx(5555.2)
    midday = series.surplus_mw[0].sum(axis=1).reshape(7, 24) > 0
    assert np.flatnonzero(midday.all(axis=0)).tolist() == list(range(8, 16))
    assert "5,555.2 MWh at the plug" in (SMALL / "README.md").read_text()


def test_the_small_programme_can_be_made_again(tmp_path: Path) -> None:
    """The script writes the very files that are there."""
    spec = {"__name__": "make", "__file__": str(ROOT / "scripts" / "make_small_programme.py")}
    exec(compile((ROOT / "scripts/make_small_programme.py").read_text(), "make", "exec"), spec)  # noqa: S102
    spec["FOLDER"] = tmp_path  # type: ignore[assignment]
    text = (SMALL / "programme.toml").read_text()
    (tmp_path / "programme.toml").write_text(re.sub(r'(public_key|xpub) = "[^"]+"', r'\1 = ""', text))
    make: Callable[[], None] = spec["main"]  # type: ignore[assignment]
    make()
    for name in ("programme.toml", "series/surplus.csv", "series/ambient.csv", "trust.keys"):
        assert (tmp_path / name).read_bytes() == (SMALL / name).read_bytes(), name


def test_trusted_keys_are_those_of_officers() -> None:
    programme, _ = load_programme(SMALL)
    lines = [line.split() for line in (SMALL / "trust.keys").read_text().splitlines() if not line.startswith("#")]
    officers = {officer.id: officer.public_key for officer in programme.policy.officers}
    assert lines
    assert all(officers[name] == key for name, key in lines)


def test_the_dictionary_that_ships_is_the_one_in_the_source() -> None:
    path = ROOT / "src/zakhira/programme/dictionary.csv"
    assert load_dictionary() == parse_dictionary(path.read_bytes())


def test_a_folder_that_is_not_there_a_file_and_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(FolderMissing, match="does not exist"):
        load_programme(tmp_path / "nothing")
    (tmp_path / "file").write_text("")
    with pytest.raises(FolderMissing, match="is a file"):
        load_programme(tmp_path / "file")
    with pytest.raises(ProgrammeFileMissing):
        load_programme(tmp_path)


def test_a_file_that_the_system_refuses_to_read(folder: Path) -> None:
    """A folder in the file's place stands for a lost permission, which root would not notice."""
    (folder / "series/ambient.csv").unlink()
    (folder / "series/ambient.csv").mkdir()
    with pytest.raises(FileUnreadable, match="ambient"):
        load_programme(folder)


def test_a_missing_series_is_a_fault_at_the_line_that_names_it(folder: Path) -> None:
    (folder / "series/ambient.csv").unlink()
    (folder / "series/surplus.csv").unlink()
    faults = faults_of(folder)
    lines = (folder / "programme.toml").read_text().splitlines()
    assert [(fault.code, fault.key) for fault in faults] == [
        (Cause.SERIES_MISSING.code, "series.surplus"),
        (Cause.SERIES_MISSING.code, "series.ambient"),
    ]
    assert [lines[fault.line - 1].split()[0] for fault in faults] == ["surplus", "ambient"]


def test_faults_of_the_programme_file_name_the_file_as_it_was_given(folder: Path) -> None:
    change(folder / "programme.toml", "max_mw = 30", "max_kw = 30")
    faults = faults_of(folder)
    assert {fault.file for fault in faults} == {str(folder / "programme.toml")}
    assert faults[0].code == Cause.WRONG_UNIT.code


def test_a_key_that_the_drills_phrase_does_not_give(folder: Path) -> None:
    """Another phrase: every key in the file is another. Another officer's key: that one."""
    path = folder / "programme.toml"
    key = load_programme(folder)[0].policy.officers[1].public_key
    change(path, key, "ab" * 32)
    faults = faults_of(folder)
    assert [(fault.code, fault.key) for fault in faults] == [
        (Cause.DRILL_KEY_DIFFERS.code, "officer.treasury-2.public_key")
    ]
    assert "ab" * 32 in path.read_text().splitlines()[faults[0].line - 1]
    assert key in faults[0].remedy
    change(path, 'phrase = "', 'phrase = "another ')
    faults = faults_of(folder)
    assert len(faults) == 5 + 3 + 5
    assert {fault.code for fault in faults} == {Cause.DRILL_KEY_DIFFERS.code}
    lines = path.read_text().splitlines()
    assert all(re.match("public_key|xpub", lines[fault.line - 1]) for fault in faults)


@pytest.mark.parametrize("name", ["programme.toml", "series/surplus.csv", "series/ambient.csv"])
def test_the_digest_covers_every_file(folder: Path, name: str) -> None:
    before, _ = load_programme(folder)
    again, _ = load_programme(folder)
    assert before.digest == again.digest
    assert re.fullmatch("[0-9a-f]{64}", before.digest)
    comment = "\n# a comment\n" if name.endswith(".toml") else "\n"
    path = folder / name
    path.write_text(path.read_text() + comment if name.endswith(".toml") else path.read_text().replace("26", "26.0", 1))
    if name.endswith(".csv"):
        change(path, "26.0", "26")
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    after, _ = load_programme(folder)
    assert after.digest != before.digest


def test_the_digest_tells_where_one_file_ends_and_the_next_begins() -> None:
    assert digest_of([("a", b"xy"), ("b", b"z")]) != digest_of([("a", b"x"), ("b", b"yz")])
    assert digest_of([("ab", b"x")]) != digest_of([("a", b"bx")])
    assert digest_of([("a", b"x")]) == hashlib.sha256(b"1:a:1:x").hexdigest()


def replace_line(text: str, number: int, new: str | None) -> str:
    lines = text.splitlines()
    lines[number - 1 : number] = [] if new is None else [new]
    return "\n".join(lines) + "\n"


EMPTIED = ("zone", "start_utc", "block", "surplus_mw", "cost_pkr_per_mwh")
SURPLUS_HEAD = "zone,start_utc,block,surplus_mw,cost_pkr_per_mwh"


@pytest.mark.parametrize(
    ("line", "new", "cause", "key", "at"),
    [
        (1, SURPLUS_HEAD.replace("surplus_mw", "surplus"), Cause.COLUMN_UNIT, "surplus", 1),
        (1, SURPLUS_HEAD.replace("surplus_mw", "surplus_kw"), Cause.COLUMN_UNIT, "surplus_kw", 1),
        (1, SURPLUS_HEAD.replace("cost_pkr_per_mwh", "cost_usd_per_mwh"), Cause.COLUMN_UNIT, "cost_usd_per_mwh", 1),
        (1, SURPLUS_HEAD.replace("block", "blok"), Cause.EXTRA_COLUMN, "blok", 1),
        (1, SURPLUS_HEAD.replace("block", "blok"), Cause.MISSING_COLUMN, "block", 1),
        (1, SURPLUS_HEAD.replace("zone", "place"), Cause.MISSING_COLUMN, "zone", 1),
        (1, SURPLUS_HEAD.replace("start_utc", "start"), Cause.MISSING_COLUMN, "start_utc", 1),
        (5, "south,2026-01-04T20:00:00Z,2,-1,5600", Cause.NEGATIVE_SURPLUS, "surplus_mw", 5),
        (5, "south,2026-01-04T20:00:00Z,2,NaN,5600", Cause.CELL_NOT_FINITE, "surplus_mw", 5),
        (5, "south,2026-01-04T20:00:00Z,2,,5600", Cause.CELL_NOT_FINITE, "surplus_mw", 5),
        (5, 'south,2026-01-04T20:00:00Z,2,"1,5",5600', Cause.UNREADABLE_CELL, "surplus_mw", 5),
        (5, "south,2026-01-04T20:00:00Z,2,5 MW,5600", Cause.UNREADABLE_CELL, "surplus_mw", 5),
        (5, "south,2026-01-04 20:00,2,0,5600", Cause.UNREADABLE_CELL, "start_utc", 5),
        (5, "south,2026-02-30T20:00:00Z,2,0,5600", Cause.UNREADABLE_CELL, "start_utc", 5),
        (5, "south,,2,0,5600", Cause.UNREADABLE_CELL, "start_utc", 5),
        (5, "south,2026-01-04T20:00:00Z,second,0,5600", Cause.UNREADABLE_CELL, "block", 5),
        (5, "south,2026-01-04T20:00:00Z,,0,5600", Cause.UNREADABLE_CELL, "block", 5),
        (5, ",2026-01-04T20:00:00Z,2,0,5600", Cause.UNREADABLE_CELL, "zone", 5),
        (5, "south,2026-01-04T20:00:00Z,0,0,5600", Cause.BAD_BLOCK, "block", 5),
        (5, "south,2026-01-04T20:15:00Z,2,0,5600", Cause.OFF_HOUR, "start_utc", 5),
        (5, "South,2026-01-04T20:00:00Z,2,0,5600", Cause.UNKNOWN_ZONE, "zone", 5),
        (5, "south,2026-01-04T20:00:00Z,2,0,2799", Cause.COST_DESCENDS, "cost_pkr_per_mwh", 5),
        (5, "south,2026-01-04T20:00:00Z,2,0,1e9", Cause.CELL_OUT_OF_RANGE, "cost_pkr_per_mwh", 5),
        (5, "south,2026-01-04T19:00:00Z,2,0,5600", Cause.REPEATED_HOUR, "start_utc", 5),
        (5, None, Cause.GAP, "start_utc", 3),
        (5, "", Cause.GAP, "start_utc", 3),
        (5, "south,2025-01-04T19:00:00Z,2,0,5600", Cause.OTHER_HORIZON, "start_utc", 5),
        (5, "south,2026-01-04T20:00:00Z,2,0,5600,9", Cause.SERIES_UNREADABLE, "", 0),
    ],
)
def test_each_fault_of_a_series_is_found_at_its_line(
    folder: Path, line: int, new: str | None, cause: Cause, key: str, at: int
) -> None:
    path = folder / "series/surplus.csv"
    path.write_text(replace_line(path.read_text(), line, new))
    found = [fault for fault in faults_of(folder) if fault.code == cause.code and fault.key == key]
    assert [(fault.file, fault.line) for fault in found] == [(str(path), at)]
    assert found[0].remedy


def test_a_blank_line_does_not_shift_the_lines_after_it(folder: Path) -> None:
    path = folder / "series/surplus.csv"
    text = replace_line(path.read_text(), 9, "\n" + path.read_text().splitlines()[8].replace(",0,", ",-1,"))
    path.write_text(text)
    found = [fault for fault in faults_of(folder) if fault.code == Cause.NEGATIVE_SURPLUS.code]
    assert [text.splitlines()[fault.line - 1] for fault in found] == [text.splitlines()[9]]


def test_a_zone_without_rows(folder: Path) -> None:
    path = folder / "series/ambient.csv"
    path.write_text("".join(line for line in path.open() if not line.startswith("north")))
    faults = faults_of(folder)
    assert [(fault.code, fault.file) for fault in faults] == [(Cause.MISSING_ZONE.code, str(path))]


@pytest.mark.parametrize(
    "content", [b"", b"zone,start_utc,ambient_c\n", b"\xff\xfe\x00garbage\n", b"PAR1 nonsense PAR1"]
)
def test_a_series_that_holds_nothing_sensible(folder: Path, content: bytes) -> None:
    (folder / "series/ambient.csv").write_bytes(content)
    codes = {fault.code for fault in faults_of(folder)}
    assert codes <= {
        *(Cause.SERIES_UNREADABLE.code, Cause.NO_ROWS.code, Cause.MISSING_COLUMN.code, Cause.EXTRA_COLUMN.code)
    }


def as_parquet(folder: Path, name: str, make: Callable[[pl.DataFrame], pl.DataFrame] = lambda frame: frame) -> Path:
    """Turn a CSV series of the copy into Parquet."""
    path = folder / "series" / f"{name}.csv"
    instants = pl.col("start_utc").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_zone="UTC")
    target = path.with_suffix(".parquet")
    make(pl.read_csv(path).with_columns(instants)).write_parquet(target)
    path.unlink()
    change(folder / "programme.toml", f"series/{name}.csv", f"series/{name}.parquet")
    return target


def test_parquet_gives_the_same_series(folder: Path) -> None:
    _, wanted = load_programme(folder)
    as_parquet(folder, "surplus", lambda frame: frame.with_columns(pl.col("zone").cast(pl.Categorical)))
    as_parquet(folder, "ambient", lambda frame: frame.with_columns(pl.col("ambient_c").cast(pl.Float32)))
    _, found = load_programme(folder)
    assert np.array_equal(found.surplus_mw, wanted.surplus_mw)
    assert np.array_equal(found.cost_pkr_per_mwh, wanted.cost_pkr_per_mwh)
    assert np.array_equal(found.ambient_c, wanted.ambient_c)


@pytest.mark.parametrize(
    ("key", "expression"),
    [
        ("start_utc", pl.col("start_utc").dt.replace_time_zone(None)),
        ("start_utc", pl.col("start_utc").dt.convert_time_zone("Asia/Karachi")),
        ("start_utc", pl.col("start_utc").cast(pl.String)),
        ("surplus_mw", pl.col("surplus_mw").cast(pl.String)),
        ("block", pl.col("block").cast(pl.Float64)),
        ("zone", pl.lit(1).alias("zone")),
    ],
)
def test_parquet_columns_of_the_wrong_type(folder: Path, key: str, expression: pl.Expr) -> None:
    path = as_parquet(folder, "surplus", lambda frame: frame.with_columns(expression))
    assert [(fault.code, fault.file, fault.key) for fault in faults_of(folder)] == [
        (Cause.COLUMN_TYPE.code, str(path), key)
    ]


def test_parquet_tells_rows_and_not_lines(folder: Path) -> None:
    def damage(frame: pl.DataFrame) -> pl.DataFrame:
        row = pl.int_range(pl.len())
        return frame.with_columns(
            pl.when(row == 6).then(None).otherwise(pl.col("surplus_mw")).alias("surplus_mw"),
            pl.when(row == 9).then(pl.col("start_utc") + pl.duration(milliseconds=5)).otherwise(pl.col("start_utc")),
        )

    as_parquet(folder, "surplus", damage)
    faults = faults_of(folder)
    assert {(fault.code, fault.line, fault.key, fault.message.partition(":")[0]) for fault in faults} == {
        (Cause.CELL_NOT_FINITE.code, 0, "surplus_mw", "Row 7"),
        (Cause.UNREADABLE_CELL.code, 0, "start_utc", "Row 10"),
        (Cause.GAP.code, 0, "start_utc", "Row 8"),
    }


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
@pytest.mark.parametrize("dtype", [pl.UInt8, pl.Int32, pl.UInt64])
def test_parquet_of_every_width_is_read_and_empty_cells_are_found(
    folder: Path, unit: Literal["ms", "us", "ns"], dtype: type[pl.DataType]
) -> None:
    def narrow(frame: pl.DataFrame) -> pl.DataFrame:
        at = pl.col("start_utc").dt.cast_time_unit(unit)
        return frame.with_columns(at, pl.col("block").cast(dtype), pl.col("surplus_mw").cast(pl.Decimal(10, 1)))

    path = as_parquet(folder, "surplus", narrow)
    assert load_programme(folder)[1].surplus_mw.sum() == 5600
    row = pl.int_range(pl.len())
    holes = [pl.when(row != number).then(pl.col(name)).alias(name) for number, name in enumerate(EMPTIED)]
    pl.read_parquet(path).with_columns(holes).write_parquet(path)
    found = {
        (fault.key, fault.message.partition(":")[0]) for fault in faults_of(folder) if fault.code != Cause.GAP.code
    }
    assert found == {(name, f"Row {number + 1}") for number, name in enumerate(EMPTIED)}


@pytest.mark.parametrize("keep", [0, 4, 100, -1])
def test_parquet_that_was_cut_off(folder: Path, keep: int) -> None:
    path = as_parquet(folder, "surplus")
    path.write_bytes(path.read_bytes()[:keep])
    assert [fault.code for fault in faults_of(folder)] == [Cause.SERIES_UNREADABLE.code]


def test_parquet_with_a_byte_changed_gives_faults_or_a_series(folder: Path) -> None:
    """Whatever a damaged disk hands over, polars' own failures do not come through."""
    path = as_parquet(folder, "ambient")
    sound = path.read_bytes()
    rng = np.random.default_rng(7)
    for at in rng.integers(0, len(sound), 40).tolist():
        damaged = bytearray(sound)
        damaged[at] ^= 0x55
        path.write_bytes(bytes(damaged))
        try:
            load_programme(folder)
        except Faults as faults:
            assert faults.faults  # noqa: PT017 - either outcome is right


def test_instants_before_the_epoch_are_read(folder: Path) -> None:
    """No clock is assumed: 1969 is another horizon, not a failure."""
    start = datetime(1969, 12, 31, 19, tzinfo=UTC)
    hours = pl.datetime_range(start, start.replace(hour=23), "1h", eager=True)
    frame = pl.DataFrame({"zone": ["south"] * len(hours), "start_utc": hours, "ambient_c": [1.0] * len(hours)})
    as_parquet(folder, "ambient", lambda _frame: frame)
    codes = {fault.code for fault in faults_of(folder)}
    assert codes == {Cause.OTHER_HORIZON.code, Cause.MISSING_ZONE.code}


def test_polars_is_not_loaded_to_name_the_module() -> None:
    """Commands that read no series start at once."""
    assert not hasattr(programme_folder, "pl")
    assert not hasattr(programme_folder, "polars")

"""Power system files: the committed series are what the generator writes, and bad files are named."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from zakhira.adapters.power_system_files import (
    AMBIENT_FILE,
    CALIBRATION_FILE,
    PROFILE_FILE,
    SURPLUS_FILE,
    CalibrationUnreadable,
    Generated,
    NoPowerSystem,
    SeriesNotWritten,
    calibration_csv,
    generate_series,
    load_calibration,
    load_power_system,
    profile_csv,
    write_series,
)
from zakhira.adapters.programme_folder import load_programme
from zakhira.kernel.errors import Faults

FOLDER = Path(__file__).parents[2] / "programmes" / "pakistan-2000mw"
SEED = 2026
MOST_BYTES = 4_000_000


@pytest.fixture(scope="module")
def generated() -> Generated:
    """The sample's series, generated again from its committed facts and seed."""
    return generate_series(FOLDER, SEED)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the sample without the series of its reference."""
    shutil.copytree(FOLDER / "system", tmp_path / "system")
    (tmp_path / "series").mkdir()
    for year in (FOLDER / "series").glob("surplus-*.parquet"):
        shutil.copy(year, tmp_path / "series")
    shutil.copy(FOLDER / "programme.toml", tmp_path)
    return tmp_path


def test_the_committed_series_are_what_the_generator_makes(generated: Generated) -> None:
    """Regenerated with the committed seed, the series equal the committed files.

    Processors may round sines and exponentials differently in the last place; a value on the edge of rounding may then
    fall to the other side. So a millionth of the values may differ, by one step of rounding.
    """
    _, committed = load_programme(FOLDER)
    series = generated.year.series
    assert committed.zones == series.zones
    assert committed.hours == series.hours
    for ours, theirs, step in (
        (series.surplus_mw, committed.surplus_mw, 0.1),
        (series.cost_pkr_per_mwh, committed.cost_pkr_per_mwh, 1.0),
        (series.ambient_c, committed.ambient_c, 0.1),
    ):
        assert (ours != theirs).sum() <= ours.size * 1e-5
        assert np.abs(ours - theirs).max() <= step + 1e-9


def test_the_committed_comparison_is_that_of_the_series(generated: Generated) -> None:
    assert (FOLDER / CALIBRATION_FILE).read_bytes() == calibration_csv(generated.calibration)
    assert (FOLDER / PROFILE_FILE).read_bytes() == profile_csv(generated.calibration)


def test_the_committed_series_are_small() -> None:
    assert sum((FOLDER / name).stat().st_size for name in (SURPLUS_FILE, AMBIENT_FILE)) < MOST_BYTES


def test_what_is_written_is_read_back(folder: Path, generated: Generated) -> None:
    """Written into a fresh folder, the programme loads with equal series, and the comparison comes back."""
    paths = write_series(folder, generated)
    assert sorted(path.relative_to(folder).as_posix() for path in paths) == sorted(
        (SURPLUS_FILE, AMBIENT_FILE, CALIBRATION_FILE, PROFILE_FILE)
    )
    assert not list(folder.rglob("*.new"))
    _, series = load_programme(folder)
    assert np.array_equal(series.surplus_mw, generated.year.series.surplus_mw)
    assert np.array_equal(series.cost_pkr_per_mwh, generated.year.series.cost_pkr_per_mwh)
    assert np.array_equal(series.ambient_c, generated.year.series.ambient_c)
    back = load_calibration(folder)
    assert back is not None
    assert [row.label for row in back.rows] == [row.label for row in generated.calibration.rows]
    assert back.published_profile_mw == generated.calibration.published_profile_mw
    assert back.profile_month == "2026-01"
    assert back.profile_mw == pytest.approx(generated.calibration.profile_mw, abs=0.06)
    assert all(row.within for row in back.rows)


def test_a_second_write_gives_the_same_bytes(folder: Path, generated: Generated) -> None:
    """Nothing of the clock or of the run goes into the files."""
    first = {path: path.read_bytes() for path in write_series(folder, generated)}
    assert {path: path.read_bytes() for path in write_series(folder, generate_series(folder, SEED))} == first


def test_a_programme_without_facts_has_no_generator(tmp_path: Path) -> None:
    with pytest.raises(NoPowerSystem) as caught:
        generate_series(tmp_path, SEED)
    assert caught.value.code == "ZK-ENERGY-131"


@pytest.mark.parametrize(
    ("file", "change", "code", "line"),
    [
        ("plants.csv", lambda text: text.replace(",660,", ",660,,", 1), "ZK-ENERGY-130", 2),
        ("plants.csv", lambda text: text.replace(",660,", ",many,", 1), "ZK-ENERGY-103", 2),
        ("zones.csv", lambda text: "", "ZK-ENERGY-102", 1),  # noqa: ARG005  # the text goes
    ],
)
def test_bad_tables_are_named(folder: Path, file: str, change: Callable[[str], str], code: str, line: int) -> None:
    """A row with too many cells, a word for a number, an empty file: a fault with file and line."""
    path = folder / "system" / file
    path.write_text(change(path.read_text()))
    with pytest.raises(Faults) as caught:
        load_power_system(folder)
    assert (file, code, line) in {(fault.file, fault.code, fault.line) for fault in caught.value.faults}


def test_a_table_that_is_not_utf8_is_named(folder: Path) -> None:
    (folder / "system" / "zones.csv").write_bytes(b"\xff\xfe\x00z")
    with pytest.raises(Faults) as caught:
        load_power_system(folder)
    assert [fault.code for fault in caught.value.faults] == ["ZK-ENERGY-130"]


def test_a_missing_table_is_named(folder: Path) -> None:
    (folder / "system" / "monthly.csv").unlink()
    with pytest.raises(Faults) as caught:
        load_power_system(folder)
    assert "ZK-ENERGY-101" in {fault.code for fault in caught.value.faults}


def test_a_refused_write_leaves_nothing_behind(folder: Path, generated: Generated) -> None:
    """Something stands where the series folder should be: an error that says so, and no draft left."""
    shutil.rmtree(folder / "series")
    (folder / "series").write_text("in the way")
    with pytest.raises(SeriesNotWritten) as caught:
        write_series(folder, generated)
    assert caught.value.code == "ZK-ENERGY-132"
    assert not list(folder.rglob("*.new"))
    assert not (folder / CALIBRATION_FILE).exists()


def test_no_comparison_is_no_error(tmp_path: Path) -> None:
    assert load_calibration(tmp_path) is None


@pytest.mark.parametrize(
    "spoil", [lambda text: text.replace("label", "name", 1), lambda text: text.replace("9140", "x")]
)
def test_a_spoilt_comparison_is_refused(tmp_path: Path, spoil: Callable[[str], str]) -> None:
    shutil.copy(FOLDER / PROFILE_FILE, tmp_path)
    (tmp_path / CALIBRATION_FILE).write_text(spoil((FOLDER / CALIBRATION_FILE).read_text()))
    with pytest.raises(CalibrationUnreadable) as caught:
        load_calibration(tmp_path)
    assert caught.value.code == "ZK-ENERGY-133"


def test_the_sample_says_what_was_announced() -> None:
    """Twelve zones, quotas that fill the cap of 2,000 MW, more connections than quota, trusted keys of its officers."""
    programme, series = load_programme(FOLDER)
    assert len(programme.zones) == len(series.zones) == 12
    assert programme.cap_mw == sum(licensee.quota_mw for licensee in programme.licensees) == 2000
    for licensee in programme.licensees:
        sites = [site for site in programme.sites if site.licensee == licensee.id]
        assert sum(site.connection_mw for site in sites) > licensee.quota_mw
    keys = {officer.id: officer.public_key for officer in programme.policy.officers}
    trusted = [line.split() for line in (FOLDER / "trust.keys").read_text().splitlines() if not line.startswith("#")]
    assert len(trusted) == 3
    assert all(keys[officer] == key for officer, key in trusted)

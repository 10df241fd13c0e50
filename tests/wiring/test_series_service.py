"""zakhira series import over a programme folder: shown first, written whole when told, refused with every place."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from zakhira.adapters.programme_folder import load_programme
from zakhira.cli.answer import Answer
from zakhira.cli.commands import zakhira
from zakhira.cli.series_commands import REPAIRS, RESOLUTIONS
from zakhira.cli.services import SeriesImport
from zakhira.kernel.errors import Faults
from zakhira.kernel.interval import utc_text
from zakhira.programme.planner_table import RESOLUTIONS_S, Repair
from zakhira.wiring.series_service import (
    ClockZoneUnknown,
    PlannerFileUnreadable,
    SeriesNotReplaced,
    UnevenOptions,
)
from zakhira.wiring.series_service import (
    import_files as import_with_progress,
)
from zakhira.wiring.services import ProgramServices

SMALL = Path(__file__).resolve().parents[2] / "programmes" / "small"
START = datetime(2026, 1, 4, 19, tzinfo=UTC)
LOCAL = START + timedelta(hours=5)

Save = Callable[[str], Path]


@pytest.fixture
def programme(tmp_path: Path) -> Path:
    """The small programme, one week of two zones, to be changed."""
    return Path(shutil.copytree(SMALL, tmp_path / "small"))


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Save a planner's text as planner.csv."""

    def write(text: str) -> Path:
        path = tmp_path / "planner.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def import_files(order: SeriesImport) -> Answer:
    """The import without anybody who watches."""
    return import_with_progress(order, lambda _stage, _done, _total, _note: None)


def wide(hours: int = 168, step_min: int = 60, head: str = "time,south,north") -> str:
    """Local times without offset and a column for each zone."""
    lines = [head]
    for at in range(hours * 60 // step_min):
        local = LOCAL + at * timedelta(minutes=step_min)
        lines.append(f"{local:%Y-%m-%d %H:%M},{at % 5},{at % 7 + 0.5}")
    return "\n".join(lines) + "\n"


def cli(*words: str) -> Result:
    """The command line over the real services."""
    return CliRunner().invoke(zakhira, ["series", "import", *words], obj=ProgramServices(), standalone_mode=False)


def faults_of(order: SeriesImport) -> list[str]:
    """The faults that an import ends with, as a user reads them."""
    with pytest.raises(Faults) as caught:
        import_files(order)
    return [str(fault) for fault in caught.value.faults]


@pytest.mark.parametrize("file", ["surplus", "ambient"])
def test_a_programmes_own_series_is_imported_as_it_is(programme: Path, file: str) -> None:
    """What the programme has is what a planner may give: nothing to repair, and the same series after."""
    before = load_programme(programme)[1]
    answer = import_files(SeriesImport((programme / f"series/{file}.csv",), programme, kind=file, write=True))
    assert answer.facts["repairs"] == []
    assert answer.facts["written"] is True
    after = load_programme(programme)[1]
    for name in ("surplus_mw", "cost_pkr_per_mwh", "ambient_c"):
        assert getattr(before, name).tolist() == getattr(after, name).tolist()


def test_nothing_is_written_unless_told(programme: Path, save: Save) -> None:
    """The answer says what would be done; the folder is as it was, and after --write the series is the planner's."""
    path = programme / "series/surplus.csv"
    before = path.read_bytes()
    words = (str(save(wide(step_min=15))), "--programme", str(programme), "--time-zone", "Asia/Karachi")
    more = ("--cost-pkr-per-mwh", "2800", "--repair", "resample", "--json")
    dry = cli(*words, *more)
    assert dry.exit_code == 0, dry.stderr
    assert path.read_bytes() == before
    facts = json.loads(dry.stdout)
    assert (facts["written"], facts["rows_read"], facts["resolution_minutes"]) == (False, 672, 15)
    done = cli(*words, *more, "--write")
    assert done.exit_code == 0
    assert json.loads(done.stdout) == {**facts, "written": True}
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["ambient.csv", "surplus.csv"]
    series = load_programme(programme)[1]
    assert series.surplus_mw.sum(axis=(1, 2)).tolist() == pytest.approx([z["energy_mwh"] for z in facts["zones"]])
    assert set(series.cost_pkr_per_mwh.ravel().tolist()) == {2800.0}


def test_people_read_what_was_repaired(programme: Path, save: Save) -> None:
    """The table of repairs, the totals, and what to do next, in 100 columns."""
    text = wide().replace("2026-01-05 09:00,4,", "2026-01-05 09:00,,").replace(",2,", ",-2,", 1)
    words = (str(save(text)), "--programme", str(programme), "--time-zone", "Asia/Karachi", "--cost-pkr-per-mwh", "1")
    shown = cli(*words, "--repair", "gaps,negative")
    assert shown.exit_code == 0, shown.stderr
    assert "gaps: filled" in shown.stdout
    assert "negative: set to 0" in shown.stdout
    assert "1 of 336 figures (0.30%) are interpolated, not measured." in shown.stdout
    assert "2026-01-05 09:00+05" in shown.stdout
    assert "Add --write to replace" in " ".join(shown.stdout.split())
    assert max(map(len, shown.stdout.splitlines())) <= 100
    refused = cli(*words)
    assert refused.exit_code == 2
    assert refused.stdout == ""
    assert "add --repair gaps" in refused.stderr
    assert "add --repair negative" in refused.stderr


def test_parquet_stays_parquet(programme: Path) -> None:
    """A programme that names a Parquet file gets one, whatever the planner's form is."""
    toml = programme / "programme.toml"
    toml.write_text(toml.read_text().replace("series/surplus.csv", "series/surplus.parquet"))
    old = programme / "series/surplus.csv"
    import_files(SeriesImport((old,), programme, write=True))
    assert (programme / "series/surplus.parquet").read_bytes()[:4] == b"PAR1"
    old.unlink()
    load_programme(programme)


def test_blocks_and_costs_go_with_their_files(programme: Path, tmp_path: Path) -> None:
    """One file a block, each with its cost; their order on the command line is the order of the options."""
    paths = []
    for name in ("cheap", "dear"):
        paths.append(tmp_path / f"{name}.csv")
        paths[-1].write_text(wide())
    order = SeriesImport(
        tuple(paths), programme, time_zone="Asia/Karachi", blocks=(1, 2), costs_pkr_per_mwh=(100.0, 900.0), write=True
    )
    import_files(order)
    series = load_programme(programme)[1]
    assert series.cost_pkr_per_mwh[0, 0].tolist() == [100.0, 900.0]
    for given in ({"blocks": (1, 2, 3)}, {"costs_pkr_per_mwh": (1.0, 2.0, 3.0)}):
        uneven = SeriesImport(tuple(paths), programme, **given)
        with pytest.raises(UnevenOptions):
            import_files(uneven)


def test_a_spreadsheet_of_another_land(programme: Path, save: Save) -> None:
    """Semicolons, decimal commas, days first, a name of its own for the times, which end the hour, and units."""
    lines = ["Datum;south_mw;north_mw"]
    for hour in range(168):
        local = LOCAL + timedelta(hours=hour + 1)
        lines.append(f"{local:%d.%m.%Y %H:%M};{hour % 3},5;1")
    words = ["--programme", str(programme), "--time-zone", "Asia/Karachi", "--cost-pkr-per-mwh", "2800", "--write"]
    form = ["--delimiter", ";", "--decimal-comma", "--time-column", "Datum", "--time-format", "%d.%m.%Y %H:%M"]
    done = cli(str(save("\n".join(lines))), *words, *form, "--stamp", "end")
    assert done.exit_code == 0, done.stderr
    assert load_programme(programme)[1].surplus_mw[0, :3, 0].tolist() == [0.5, 1.5, 2.5]


@pytest.mark.parametrize(
    ("text", "code", "hint"),
    [
        (wide(head="when,south,north"), "087", "--time-column"),
        (wide().replace(",", ";"), "087", "--delimiter"),
        (wide(head="time,south,elsewhere"), "059", ""),
        (wide(head="time,south_kw,north"), "053", "another unit than mw"),
        (wide(head="time,south,south_mw"), "087", "has two columns"),
        ("time\n2026-01-05 00:00\n", "087", "beside the times"),
        ("time,south,north\n", "067", "no rows"),
        ("zone,time,surplus_mw,extra,cost_pkr_per_mwh\nsouth,2026-01-05 00:00,1,1,1\n", "052", "extra"),
        ("zone,time,surplus_kw,cost_pkr_per_mwh\nsouth,2026-01-05 00:00,1,1\n", "053", "surplus_mw"),
        ("zone,time,cost_pkr_per_mwh\nsouth,2026-01-05 00:00,1\n", "051", "surplus_mw"),
        ("zone,surplus_mw,cost_pkr_per_mwh\nsouth,1,1\n", "087", "--time-column"),
        (wide().replace("2026-01-05 03:00,3,", "2026-01-05 03:00,three,"), "055", "line 5"),
        (wide().replace("2026-01-05 03:00,3,", "2026-01-05 03:00,nan,"), "056", "line 5"),
        (wide().replace("2026-01-05 03:00", "3 am"), "055", "line 5"),
    ],
)
def test_what_cannot_be_repaired_is_told_with_its_place(
    programme: Path, save: Save, text: str, code: str, hint: str
) -> None:
    """Headers, units and text are the planner's to mend, whatever is told; the programme's file is not touched."""
    before = (programme / "series/surplus.csv").read_bytes()
    costs = () if "cost_pkr_per_mwh" in text.partition("\n")[0] else (2800.0,)
    order = SeriesImport(
        (save(text),), programme, time_zone="Asia/Karachi", repairs=REPAIRS, costs_pkr_per_mwh=costs, write=True
    )
    faults = faults_of(order)
    assert any(fault.startswith(f"ZK-PROGRAMME-{code}") and hint in fault for fault in faults), faults
    assert (programme / "series/surplus.csv").read_bytes() == before


def test_a_cost_must_be_told_once(programme: Path, save: Save) -> None:
    """A column a zone has none; a column of costs and the option are two."""
    assert "--cost-pkr-per-mwh" in faults_of(SeriesImport((save(wide()),), programme))[0]
    own = programme / "series/surplus.csv"
    both = faults_of(SeriesImport((own,), programme, costs_pkr_per_mwh=(1.0,), blocks=(1,)))
    assert [fault.partition("Leave ")[2] for fault in both] == ["--block out.", "--cost-pkr-per-mwh out."]


def test_a_cost_that_is_not_possible_is_refused_before_it_is_written(programme: Path, save: Save) -> None:
    """The file that would be written is read back and checked as the programme's own."""
    order = SeriesImport((save(wide()),), programme, time_zone="Asia/Karachi", costs_pkr_per_mwh=(1e9,), write=True)
    before = (programme / "series/surplus.csv").read_bytes()
    assert all(fault.startswith("ZK-PROGRAMME-058") for fault in faults_of(order))
    assert (programme / "series/surplus.csv").read_bytes() == before


def test_options_that_cannot_be_followed(programme: Path, tmp_path: Path, save: Save) -> None:
    """A file that is not there, a folder, a damaged one, a zone that does not exist, words that are none."""
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(PlannerFileUnreadable):
            import_files(SeriesImport((path,), programme))
    for zone in ("Asia/Nowhere", "Asia", "../etc"):
        with pytest.raises(ClockZoneUnknown):
            import_files(SeriesImport((save(wide()),), programme, time_zone=zone))
    assert faults_of(SeriesImport((save(""),), programme))[0].startswith("ZK-PROGRAMME-050")
    for option in (("--repair", "gaps,magic"), ("--max-gap-hours", "nan"), ("--cost-pkr-per-mwh", "inf")):
        refused = CliRunner().invoke(zakhira, ["series", "import", "x.csv", "--programme", str(programme), *option])
        assert refused.exit_code == 2
        assert option[0] in refused.stderr


def test_a_folder_that_refuses_leaves_the_series_as_it_was(programme: Path) -> None:
    """A folder stands where the new file would be drafted: an error, no draft, the old series."""
    path = programme / "series/surplus.csv"
    before = path.read_bytes()
    (programme / "series/surplus.csv.new").mkdir()
    (programme / "series/surplus.csv.new/x").touch()
    with pytest.raises(SeriesNotReplaced):
        import_files(SeriesImport((path,), programme, write=True))
    assert path.read_bytes() == before


def test_a_calibration_of_other_series_is_pointed_out(programme: Path) -> None:
    """The comparison of a generated series says nothing of an imported one."""
    (programme / "calibration.csv").write_text("x\n")
    answer = import_files(SeriesImport((programme / "series/surplus.csv",), programme))
    assert any("calibration.csv" in note for note in answer.tables[-1].notes)


def test_hours_of_a_clock_between_the_hours_are_explained(programme: Path, save: Save) -> None:
    """Rows of an Indian clock: each hour of UTC has half of two of them, and the answer says so."""
    first = START - timedelta(minutes=30)
    rows = [f"{first + hour * timedelta(hours=1):%Y-%m-%dT%H:%M}Z,{hour},1" for hour in range(169)]
    text = "\n".join(["time,south,north", *rows])
    order = SeriesImport((save(text),), programme, repairs=("resample",), costs_pkr_per_mwh=(1.0,))
    answer = import_files(order)
    assert answer.facts["minutes_past_the_hour"] == 30
    assert any("30 minutes of one row and 30 of the next" in note for note in answer.tables[-1].notes)
    assert answer.facts["horizon_start_utc"] == utc_text(START)


def test_the_words_of_the_command_are_those_of_the_program() -> None:
    """Every repair and every resolution can be told."""
    assert set(REPAIRS) == {repair.value for repair in Repair}
    assert set(RESOLUTIONS) == set(RESOLUTIONS_S)


def test_a_clock_that_is_never_changed_is_pointed_out(programme: Path, save: Save) -> None:
    """24 rows on every day of a year in Berlin: dst mends it, and the answer says what else it may be."""
    toml = programme / "programme.toml"
    text = (
        toml.read_text()
        .replace("2026-01-04T19:00:00Z", "2025-12-31T23:00:00Z")
        .replace("Asia/Karachi", "Europe/Berlin")
    )
    toml.write_text(text.replace("horizon_hours = 168", "horizon_hours = 8760"))
    first = datetime(2026, 1, 1, tzinfo=UTC)
    rows = [f"{first + at * timedelta(hours=1):%Y-%m-%d %H:%M},{at % 9},1" for at in range(8760)]
    path = save("\n".join(["time,south,north", *rows]))
    order = SeriesImport((path,), programme, time_zone="Europe/Berlin", repairs=("dst",), costs_pkr_per_mwh=(1.0,))
    answer = import_files(order)
    assert answer.facts["horizon_hours"] == 8760
    assert any("Etc/GMT-1" in note for note in answer.tables[-1].notes)
    fixed = SeriesImport((path,), programme, time_zone="Etc/GMT-1", costs_pkr_per_mwh=(1.0,))
    assert import_files(fixed).facts["repairs"] == []

"""Power system facts read from CSV, and the generated series written as Parquet beside the programme."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zakhira.energy.calibration import Calibration, CalibrationRow, calibrate
from zakhira.energy.generation import GeneratedYear, generate_year
from zakhira.energy.power_system import PowerSystem
from zakhira.energy.power_system_reader import COLUMNS, MAY_BE_ABSENT, Row, Table
from zakhira.energy.power_system_tables import read_power_system
from zakhira.kernel.errors import Fault, Faults, InvalidInput, OutsideFailure
from zakhira.kernel.interval import HourRange
from zakhira.programme.series import Series

SYSTEM_FOLDER = "system"
SURPLUS_FILE = "series/surplus.parquet"
AMBIENT_FILE = "series/ambient.parquet"
CALIBRATION_FILE = "calibration.csv"
PROFILE_FILE = "load_profile.csv"
UNREADABLE = "ZK-ENERGY-130"
"""A table of the power system cannot be read as CSV in UTF-8."""
COMPRESSION_LEVEL = 12
_CALIBRATION_COLUMNS = (
    "label",
    "unit",
    "published",
    "generated",
    "difference_share",
    "tag",
    "source",
    "date",
    "basis",
    "tolerance_share",
)
_PROFILE_COLUMNS = ("month", "hour", "generated_mw", "published_mw")


class NoPowerSystem(InvalidInput):
    """The programme folder holds no facts of a power system to generate series from."""

    code = "ZK-ENERGY-131"


class SeriesNotWritten(OutsideFailure):
    """The generated files could not be written."""

    code = "ZK-ENERGY-132"


class CalibrationUnreadable(InvalidInput):
    """calibration.csv or its profile is not what the generator writes."""

    code = "ZK-ENERGY-133"


@dataclass(frozen=True)
class Generated:
    """What :func:`generate_series` made: the system, the year, the comparison."""

    system: PowerSystem
    year: GeneratedYear
    calibration: Calibration


def _read_table(path: Path) -> Table | Fault | None:
    """One CSV file as text in named columns; nothing if it does not exist."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        return Fault(path.name, 0, "", UNREADABLE, f"The file cannot be read: {error}.", "Save it as CSV in UTF-8.")
    reader = csv.reader(io.StringIO(text))
    columns = tuple(next(reader, ()))
    rows = []
    for cells in reader:
        if len(cells) != len(columns):
            message = f"The row has {len(cells)} cells for {len(columns)} columns."
            return Fault(path.name, reader.line_num, "", UNREADABLE, message, "Quote cells that hold a comma.")
        rows.append(Row(reader.line_num, dict(zip(columns, cells, strict=True))))
    return Table(path.name, columns, tuple(rows))


def load_power_system(folder: Path) -> PowerSystem:
    """Read the facts in ``folder``/system.

    Raises:
        NoPowerSystem: there is no such folder.
        Faults: ZK-ENERGY-101 to 110 and 130, everything found.
    """
    system = folder / SYSTEM_FOLDER
    if not system.is_dir():
        raise NoPowerSystem(
            f"{system} does not exist.", "Only a programme with facts of a power system has a generator."
        )
    read = [_read_table(system / file) for file in (*COLUMNS, *MAY_BE_ABSENT)]
    faults = [table for table in read if isinstance(table, Fault)]
    if faults:
        raise Faults(faults)
    return read_power_system({table.file: table for table in read if isinstance(table, Table)})


def generate_series(folder: Path, seed: int) -> Generated:
    """Generate the series of the programme in ``folder`` from its power system; nothing is written.

    Raises:
        NoPowerSystem, Faults: the facts are missing or wrong.
        DemandNotServed: the plants are too small for the demand.
    """
    system = load_power_system(folder)
    year = generate_year(system, seed)
    return Generated(system, year, calibrate(system, year))


def surplus_parquet(series: Series) -> bytes:
    """A surplus file as it is written beside a programme: zone by zone, hour by hour, block by block."""
    import polars as pl  # takes 0.2 s to load: only commands that touch series pay for it

    zones, count, blocks = series.surplus_mw.shape
    frame = pl.DataFrame(
        {
            "zone": np.repeat(np.array(series.zones), count * blocks),
            "start_utc": np.tile(np.repeat(_epoch_us(series.hours), blocks), zones),
            "block": np.tile(np.arange(1, blocks + 1, dtype=np.int64), zones * count),
            "surplus_mw": series.surplus_mw.ravel(),
            "cost_pkr_per_mwh": series.cost_pkr_per_mwh.ravel(),
        }
    )
    return _parquet(frame)


def ambient_parquet(series: Series) -> bytes:
    """The temperature of a series as a Parquet file of a programme."""
    import polars as pl

    zones, count = series.ambient_c.shape
    frame = pl.DataFrame(
        {
            "zone": np.repeat(np.array(series.zones), count),
            "start_utc": np.tile(_epoch_us(series.hours), zones),
            "ambient_c": series.ambient_c.ravel(),
        }
    )
    return _parquet(frame)


def _epoch_us(hours: HourRange) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    first = int(hours.start.timestamp())
    return (first + 3600 * np.arange(hours.count, dtype=np.int64)) * 1_000_000


def _parquet(frame: object) -> bytes:
    import polars as pl

    assert isinstance(frame, pl.DataFrame)
    buffer = io.BytesIO()
    typed = frame.with_columns(pl.col("start_utc").cast(pl.Datetime("us", "UTC")))
    typed.write_parquet(buffer, compression="zstd", compression_level=COMPRESSION_LEVEL, statistics=False)
    return buffer.getvalue()


def _csv(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue().encode()


def calibration_csv(calibration: Calibration) -> bytes:
    """The comparison as it stands in calibration.csv: figures to six significant digits."""
    return _csv(
        _CALIBRATION_COLUMNS,
        (
            (
                row.label,
                row.unit,
                f"{row.published:.6g}",
                f"{row.generated:.6g}",
                f"{row.difference_share:.4f}",
                row.tag,
                row.source,
                row.date,
                row.basis,
                f"{row.tolerance_share:g}",
            )
            for row in calibration.rows
        ),
    )


def profile_csv(calibration: Calibration) -> bytes:
    """The mean day of the calibration's month with the published points."""
    published = dict(calibration.published_profile_mw)
    rows = (
        (calibration.profile_month, hour, f"{value:.1f}", f"{published[hour]:g}" if hour in published else "")
        for hour, value in enumerate(calibration.profile_mw)
    )
    return _csv(_PROFILE_COLUMNS, rows)


def write_series(folder: Path, generated: Generated) -> tuple[Path, ...]:
    """Write both series, the comparison and the profile into the programme folder; each file is replaced whole.

    Raises:
        SeriesNotWritten: the disk or the folder refuses.
    """
    files = {
        SURPLUS_FILE: surplus_parquet(generated.year.series),
        AMBIENT_FILE: ambient_parquet(generated.year.series),
        CALIBRATION_FILE: calibration_csv(generated.calibration),
        PROFILE_FILE: profile_csv(generated.calibration),
    }
    return write_files(folder, files)


def write_files(folder: Path, files: Mapping[str, bytes]) -> tuple[Path, ...]:
    """Write files into the programme folder: all drafts first, so that a full disk leaves the old ones in place.

    Raises:
        SeriesNotWritten: the disk or the folder refuses.
    """
    paths = {folder / name: content for name, content in files.items()}
    drafts: dict[Path, Path] = {}
    try:
        for path, content in paths.items():
            path.parent.mkdir(exist_ok=True)
            drafts[path] = path.with_name(path.name + ".new")
            drafts[path].write_bytes(content)
        for path, draft in drafts.items():
            draft.replace(path)
    except OSError as error:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)
        raise SeriesNotWritten(f"{error}.", "Make room or give leave to write, and run the command again.") from None
    return tuple(paths)


def load_calibration(folder: Path) -> Calibration | None:
    """Read the comparison that was written with the series; nothing where the programme has none.

    Raises:
        CalibrationUnreadable: a file is there and is not what :func:`write_series` writes.
    """
    path, profile_path = folder / CALIBRATION_FILE, folder / PROFILE_FILE
    if not path.exists() or not profile_path.exists():
        return None
    tables = [_read_table(path), _read_table(profile_path)]
    for table, columns in zip(tables, (_CALIBRATION_COLUMNS, _PROFILE_COLUMNS), strict=True):
        if not isinstance(table, Table) or table.columns != columns:
            raise CalibrationUnreadable(
                f"{path} or {PROFILE_FILE} has other columns than expected.", "Generate the series again."
            )
    first, second = (table.rows for table in tables if isinstance(table, Table))
    try:
        rows = tuple(_row(row.cells) for row in first)
        profile = tuple(float(row.cells["generated_mw"]) for row in second)
        points = tuple(
            (int(row.cells["hour"]), float(row.cells["published_mw"])) for row in second if row.cells["published_mw"]
        )
    except ValueError as error:
        raise CalibrationUnreadable(f"{path}: {error}.", "Generate the series again.") from None
    return Calibration(rows, second[0].cells["month"] if second else "", profile, points)


def _row(cells: Mapping[str, str]) -> CalibrationRow:
    return CalibrationRow(
        cells["label"],
        cells["unit"],
        float(cells["published"]),
        float(cells["generated"]),
        float(cells["difference_share"]),
        cells["tag"],
        cells["source"],
        cells["date"],
        cells["basis"],
        float(cells["tolerance_share"]),
    )

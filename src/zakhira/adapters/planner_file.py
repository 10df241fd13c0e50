"""A planner's CSV or Parquet as columns, and the hourly series encoded for a programme: polars reads and writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

from zakhira.adapters.power_system_files import COMPRESSION_LEVEL
from zakhira.kernel.errors import Fault
from zakhira.kernel.interval import HourRange
from zakhira.programme.faults import Cause
from zakhira.programme.planner_table import TIME_COLUMNS, Cells, Kind, PlannerTable
from zakhira.programme.series import Floats
from zakhira.programme.series_columns import FAULTS_PER_KIND, NO_NUMBER, Ints, Unreadable

if TYPE_CHECKING:
    import polars as pl

TICKS_PER_SECOND = {"ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
INSTANT = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True)
class FileForm:
    """How a planner's files are written: what parts the cells of CSV, and the mark before decimals in it."""

    delimiter: str = ","
    decimal_comma: bool = False
    time_column: str = ""


def read_planner_table(content: bytes, file: str, form: FileForm) -> PlannerTable | Fault:
    """Read a planner's file as it is; what its columns and cells mean is left to the programme room."""
    import polars as pl  # takes 0.2 s to load: only commands that read series pay for it

    is_csv = not file.lower().endswith(".parquet")
    try:
        if is_csv:
            frame = pl.read_csv(BytesIO(content), infer_schema=False, separator=form.delimiter)
        else:
            frame = pl.read_parquet(BytesIO(content))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        # A panic of polars' reader (a BaseException) means a damaged file as well.
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        remedy = "Write it as plain CSV or Parquet, and tell what parts the cells of CSV with --delimiter."
        return Cause.SERIES_UNREADABLE.fault(file, 0, "", f"The file cannot be read: {reason}.", remedy)
    known = [name for name in TIME_COLUMNS if name in frame.columns]
    time_column = form.time_column or (known[0] if known else "")
    times = _times(frame[time_column]) if time_column in frame.columns else _Times((), _none(frame))
    zones = _coded(frame["zone"]) if "zone" in frame.columns and _is_text(frame["zone"]) else ((), _none(frame))
    others = [name for name in frame.columns if name not in {time_column, "zone"}]
    good = [name for name in others if is_csv or frame[name].dtype.is_numeric()]
    wrong = [name for name in others if name not in good]
    wrong += [time_column] if times.mistyped else []
    wrong += ["zone"] if "zone" in frame.columns and not _is_text(frame["zone"]) else []
    return PlannerTable(
        file=file,
        has_lines=is_csv,
        names=tuple(frame.columns),
        rows=frame.height,
        time_column=time_column,
        time=times.codes,
        time_texts=times.texts,
        typed_s=times.typed_s,
        typed_utc=times.typed_utc,
        zone_names=zones[0],
        zone=zones[1],
        cells={name: _cells(frame[name], decimal_comma=form.decimal_comma) for name in good},
        mistyped={name: f"{frame[name].dtype} values" for name in wrong},
    )


@dataclass(frozen=True)
class _Times:
    """A column of times: its distinct texts, each row's number among them, and seconds where the file has a type."""

    texts: tuple[str, ...]
    codes: Ints
    typed_s: Ints | None = None
    typed_utc: bool = False
    mistyped: bool = False


def _none(frame: pl.DataFrame) -> Ints:
    return np.full(frame.height, -1, dtype=np.int64)


def _is_text(column: pl.Series) -> bool:
    import polars as pl

    return column.dtype == pl.String or isinstance(column.dtype, pl.Categorical | pl.Enum)


def _times(column: pl.Series) -> _Times:
    import polars as pl

    if _is_text(column):
        return _Times(*_coded(column))
    if not isinstance(column.dtype, pl.Datetime):
        return _Times((), np.full(len(column), -1, dtype=np.int64), mistyped=True)
    has_zone = column.dtype.time_zone is not None
    plain = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None) if has_zone else column
    distinct = plain.drop_nulls().unique().sort()
    ticks, units = distinct.to_physical().to_numpy().astype(np.int64), TICKS_PER_SECOND[column.dtype.time_unit]
    seconds = np.where(ticks % units == 0, ticks // units, NO_NUMBER)
    texts = distinct.dt.to_string("%Y-%m-%dT%H:%M:%S%.f" + ("Z" if has_zone else ""))
    empty = plain.is_null().to_numpy()
    codes = np.searchsorted(ticks, plain.to_physical().fill_null(0).to_numpy()).astype(np.int64)
    codes[empty] = -1
    return _Times(tuple(texts.to_list()), codes, seconds, has_zone)


def _coded(column: pl.Series) -> tuple[tuple[str, ...], Ints]:
    """The distinct texts in order of appearance, and each row's number among them; -1 where there is only space."""
    import polars as pl

    stripped = _stripped(column)
    names = stripped.drop_nulls().unique(maintain_order=True)
    codes = stripped.cast(pl.Enum(names)).to_physical().cast(pl.Int64).fill_null(-1)
    return tuple(names.to_list()), codes.to_numpy().astype(np.int64)


def _stripped(column: pl.Series) -> pl.Series:
    """Texts without space around them; null where nothing else is there."""
    import polars as pl

    stripped = column.cast(pl.String).str.strip_chars()
    return stripped.replace("", None)


def _cells(column: pl.Series, *, decimal_comma: bool) -> Cells:
    """A column of numbers. With a decimal comma a point is no part of a number: it may part thousands."""
    import polars as pl

    if column.dtype.is_numeric():
        values = column.cast(pl.Float64)
        nothing = Unreadable(np.array([], dtype=np.int64), ())
        return Cells(_floats(values), column.is_null().to_numpy(), nothing)
    texts = _stripped(column)
    readable = texts
    if decimal_comma:
        readable = texts.str.replace_all(".", "?", literal=True).str.replace(",", ".", literal=True)
    values = readable.cast(pl.Float64, strict=False)
    lost = (values.is_null() & texts.is_not_null()).arg_true()
    shown = tuple(texts.gather(lost.head(FAULTS_PER_KIND)).to_list())
    return Cells(_floats(values), texts.is_null().to_numpy(), Unreadable(lost.to_numpy().astype(np.int64), shown))


def _floats(column: pl.Series) -> Floats:
    return column.to_numpy().astype(np.float64)  # polars gives NaN for an empty cell


def encode_series(
    kind: Kind, zones: tuple[str, ...], hours: HourRange, figures: Mapping[str, Floats], file: str
) -> bytes:
    """Hourly figures [zone, hour, block] as the bytes of a programme's series file: CSV or Parquet by its ending."""
    import polars as pl

    count, blocks = next(iter(figures.values())).shape[1:]
    start_us = (int(hours.start.timestamp()) + 3600 * np.arange(count, dtype=np.int64)) * 1_000_000
    frame = pl.DataFrame(
        {
            "zone": np.repeat(np.array(zones), count * blocks),
            "start_utc": np.tile(np.repeat(start_us, blocks), len(zones)),
            "block": np.tile(np.arange(1, blocks + 1, dtype=np.int64), len(zones) * count),
            **{name: figures[name].ravel() for name in kind.columns},
        }
    ).with_columns(pl.col("start_utc").cast(pl.Datetime("us", "UTC")))
    if kind is Kind.AMBIENT:
        frame = frame.drop("block")
    buffer = BytesIO()
    if file.endswith(".csv"):
        frame.write_csv(buffer, datetime_format=INSTANT)
    else:
        frame.write_parquet(buffer, compression="zstd", compression_level=COMPRESSION_LEVEL, statistics=False)
    return buffer.getvalue()

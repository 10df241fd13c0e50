"""Series files, CSV or Parquet, as columns of numbers: polars reads, the programme room judges."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

from zakhira.kernel.errors import Fault
from zakhira.programme.faults import Cause
from zakhira.programme.series import Floats
from zakhira.programme.series_columns import FAULTS_PER_KIND, NO_NUMBER, NO_ZONE, Ints, SeriesColumns, Unreadable

if TYPE_CHECKING:
    import polars as pl

INSTANT = "%Y-%m-%dT%H:%M:%SZ"
TICKS_PER_SECOND = {"ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
KNOWN = ("zone", "start_utc", "block")
"""Columns with a meaning of their own; every other column is one of numbers."""


def read_series_columns(content: bytes, file: str) -> SeriesColumns | Fault:
    """Read a series file. Whatever can be told apart row by row is left to the checks of the programme room."""
    import polars as pl  # takes 0.2 s to load: only commands that read series pay for it

    is_csv = file.endswith(".csv")
    try:
        frame = pl.read_csv(BytesIO(content), infer_schema=False) if is_csv else pl.read_parquet(BytesIO(content))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        # A panic of polars' reader (a BaseException) means a damaged file as well.
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        return Cause.SERIES_UNREADABLE.fault(file, 0, "", f"The file cannot be read: {reason}.")
    return _text_columns(frame, file) if is_csv else _typed_columns(frame, file)


def _text_columns(frame: pl.DataFrame, file: str) -> SeriesColumns:
    """Columns of a CSV file, where every cell is text."""
    import polars as pl

    unreadable: dict[str, Unreadable] = {}

    def read(name: str, cast: pl.Expr) -> pl.Series:
        parsed = frame.select(cast).to_series()
        lost = (parsed.is_null() & frame[name].is_not_null()).arg_true()
        if len(lost):
            texts = tuple(frame[name].gather(lost.head(FAULTS_PER_KIND)).to_list())
            unreadable[name] = Unreadable(lost.to_numpy().astype(np.int64), texts)
        return parsed

    start_s, block = _absent(frame), _absent(frame)
    if "start_utc" in frame.columns:
        instants = pl.col("start_utc").str.to_datetime(INSTANT, time_unit="us", time_zone="UTC", strict=False)
        start_s = _integers(read("start_utc", instants).dt.epoch("s"))
    if "block" in frame.columns:
        block = _integers(read("block", pl.col("block").cast(pl.Int64, strict=False)))
    numbers = {
        name: _floats(read(name, pl.col(name).cast(pl.Float64, strict=False)))
        for name in frame.columns
        if name not in KNOWN
    }
    zone_names, zone = _zones(frame)
    return SeriesColumns(file, True, tuple(frame.columns), zone_names, zone, start_s, block, numbers, unreadable)


def _typed_columns(frame: pl.DataFrame, file: str) -> SeriesColumns:
    """Columns of a Parquet file, which have types."""
    import polars as pl

    mistyped = {name: text for name, dtype in frame.schema.items() if (text := _wrong_type(name, dtype))}
    good = frame.drop(mistyped)
    start_s, block = _absent(frame), _absent(frame)
    unreadable: dict[str, Unreadable] = {}
    if "start_utc" in good.columns:
        start_s, fractions = _seconds(good["start_utc"])
        if len(fractions):
            texts = tuple(good["start_utc"].gather(fractions[:FAULTS_PER_KIND]).cast(pl.String).to_list())
            start_s[fractions] = NO_NUMBER
            unreadable["start_utc"] = Unreadable(fractions, texts)
    if "block" in good.columns:
        block = _integers(good["block"].cast(pl.Int64, strict=False))
    numbers = {name: _floats(good[name]) for name in good.columns if name not in KNOWN}
    zone_names, zone = _zones(good)
    names = tuple(frame.columns)
    return SeriesColumns(file, False, names, zone_names, zone, start_s, block, numbers, unreadable, mistyped)


def _seconds(instants: pl.Series) -> tuple[Ints, Ints]:
    """Whole seconds since 1970, and the rows of instants that are none."""
    import polars as pl

    assert isinstance(instants.dtype, pl.Datetime), "the type was checked before"
    units = TICKS_PER_SECOND[instants.dtype.time_unit]
    ticks = _integers(instants.to_physical())
    seconds = ticks // units
    fractions = np.flatnonzero((seconds * units != ticks) & (ticks != NO_NUMBER))
    return np.where(ticks == NO_NUMBER, NO_NUMBER, seconds), fractions


def _wrong_type(name: str, dtype: pl.DataType) -> str:
    """What a column of the wrong type holds, in words; nothing if the type is right."""
    import polars as pl

    if name == "zone":
        right = dtype == pl.String or isinstance(dtype, pl.Categorical | pl.Enum)
    elif name == "start_utc":
        right = isinstance(dtype, pl.Datetime) and dtype.time_zone == "UTC"
    elif name == "block":
        right = dtype.is_integer()
    else:
        right = dtype.is_numeric()
    return "" if right else f"{dtype} values"


def _absent(frame: pl.DataFrame) -> Ints:
    return np.full(frame.height, NO_NUMBER, dtype=np.int64)


def _integers(column: pl.Series) -> Ints:
    filled = column.fill_null(NO_NUMBER) if column.null_count() else column
    return filled.to_numpy().astype(np.int64)


def _floats(column: pl.Series) -> Floats:
    return column.to_numpy().astype(np.float64)  # polars gives NaN for an empty cell


def _zones(frame: pl.DataFrame) -> tuple[tuple[str, ...], Ints]:
    """The names of zones in order of appearance, and each row's number among them."""
    import polars as pl

    if "zone" not in frame.columns:
        return (), np.full(frame.height, NO_ZONE, dtype=np.int64)
    column = frame["zone"]
    names = column.cast(pl.String).drop_nulls().unique(maintain_order=True)
    codes = column.cast(pl.Enum(names)).to_physical()
    filled = codes.cast(pl.Int64).fill_null(NO_ZONE) if codes.null_count() else codes
    return tuple(names.to_list()), filled.to_numpy().astype(np.int64)

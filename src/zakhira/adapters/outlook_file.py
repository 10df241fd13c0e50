"""Scenario files, CSV or Parquet: polars reads and writes, the planning room judges."""

from __future__ import annotations

from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zakhira.kernel.errors import Faults, InvalidInput, OutsideFailure
from zakhira.planning.outlook import Outlook
from zakhira.planning.outlook_draw import shape_of
from zakhira.planning.outlook_file import (
    COLUMNS,
    FAULTS_PER_KIND,
    LABELS,
    NO_LABEL,
    NUMBERS,
    Labels,
    OutlookColumns,
    check_outlook,
)
from zakhira.programme.model import Programme

if TYPE_CHECKING:
    import polars as pl

ENDINGS = (".csv", ".parquet")


class OutlookFileUnreadable(InvalidInput):
    """A scenario file is not there, cannot be read, or is neither CSV nor Parquet."""

    code = "ZK-PLANNING-071"


class OutlookNotWritten(OutsideFailure):
    """A scenario file could not be written."""

    code = "ZK-PLANNING-072"


def read_outlook(path: Path, programme: Programme) -> Outlook:
    """A planner's own scenarios, a row for each scenario, phase and epoch (:data:`COLUMNS`).

    Raises:
        OutlookFileUnreadable: there is no such file of rows and columns.
        Faults: ZK-PLANNING-061 to 067, everything found, with file and row.
    """
    import polars as pl  # takes 0.2 s to load: only commands that read tables pay for it

    is_csv = _require_ending(path) == ".csv"
    try:
        content = path.read_bytes()
        frame = pl.read_csv(BytesIO(content), infer_schema=False) if is_csv else pl.read_parquet(BytesIO(content))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise OutlookFileUnreadable(f"{path} cannot be read: {reason}.", "Name a scenario file.") from None
    epochs, phases = shape_of(programme)
    years = tuple(year.id for year in programme.surplus_years)
    outlook, faults = check_outlook(_columns(frame, str(path), has_lines=is_csv), years, len(phases), epochs)
    if outlook is None:
        raise Faults(faults)
    return outlook


def write_outlook(path: Path, outlook: Outlook, programme: Programme) -> None:
    """Write scenarios so that :func:`read_outlook` gives them back to the last bit; the file is replaced whole.

    Raises:
        OutlookFileUnreadable: the name ends neither in .csv nor in .parquet.
        OutlookNotWritten: the disk or the folder refuses.
    """
    is_csv = _require_ending(path) == ".csv"
    frame, buffer = _frame(outlook, programme), BytesIO()
    if is_csv:
        frame.write_csv(buffer)
    else:
        frame.write_parquet(buffer, compression="zstd", statistics=False)
    draft = path.with_name(path.name + ".new")
    try:
        draft.write_bytes(buffer.getvalue())
        draft.replace(path)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise OutlookNotWritten(
            f"{path}: {error.strerror or type(error).__name__}.", "Make room or choose another folder, and repeat."
        ) from None


def _require_ending(path: Path) -> str:
    if path.suffix not in ENDINGS:
        message = f"The name {path.name!r} ends neither in .csv nor in .parquet."
        raise OutlookFileUnreadable(message, "Name a CSV or Parquet file.")
    return path.suffix


def _frame(outlook: Outlook, programme: Programme) -> pl.DataFrame:
    import polars as pl

    count, phases, epochs = outlook.btc_usd.shape
    each = phases * epochs
    years = pl.Series([None, *(year.id for year in programme.surplus_years)], dtype=pl.String)
    return pl.DataFrame(
        {
            "scenario": np.repeat(np.arange(1, count + 1), each),
            "weight": np.repeat(outlook.weights, each),
            "surplus_year": years.gather(np.repeat(outlook.surplus_year, each)),
            "phase": np.tile(np.repeat(np.arange(1, phases + 1), epochs), count),
            "epoch": np.tile(np.arange(1, epochs + 1), count * phases),
            "btc_usd": outlook.btc_usd.ravel(),
            "others_eh_per_s": outlook.others_eh_per_s.ravel(),
            "gpu_factor": np.repeat(outlook.gpu_factor, each),
        }
    )


def _columns(frame: pl.DataFrame, file: str, *, has_lines: bool) -> OutlookColumns:
    """The columns that are known, as numbers and labels; a cell that is none is NaN, with its text beside."""
    import polars as pl

    known = [name for name in COLUMNS if name in frame.columns]
    labels = {name: _labels(frame[name]) for name in known if name in LABELS}
    numbers, texts = {}, {}
    for name in known:
        if name not in NUMBERS:
            continue
        column = _plain(frame[name])
        parsed = column.cast(pl.Float64, strict=False)
        numbers[name] = parsed.to_numpy().astype(np.float64)
        lost = (parsed.is_null() & column.is_not_null()).arg_true().head(FAULTS_PER_KIND)
        texts[name] = dict(zip(lost.to_list(), column.gather(lost).cast(pl.String).to_list(), strict=True))
    return OutlookColumns(file, has_lines, tuple(frame.columns), labels, numbers, texts)


def _plain(column: pl.Series) -> pl.Series:
    """A column of numbers or text as it is; of dates, lists and the like as text, which then is no number."""
    import polars as pl

    if column.dtype.is_numeric() or column.dtype in {pl.String, pl.Null}:
        return column
    return pl.Series(column.name, [None if cell is None else str(cell) for cell in column.to_list()], dtype=pl.String)


def _labels(column: pl.Series) -> Labels:
    import polars as pl

    text = _plain(column).cast(pl.String)
    filled = text.set(text == "", None) if (text == "").any() else text
    names = filled.drop_nulls().unique(maintain_order=True)
    codes = filled.cast(pl.Enum(names)).to_physical().cast(pl.Int64).fill_null(NO_LABEL)
    return Labels(tuple(names.to_list()), codes.to_numpy().astype(np.intp))

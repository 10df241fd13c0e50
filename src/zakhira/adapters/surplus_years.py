"""The surplus years of a programme from their files, each held against the same rules as the year of reference."""

from __future__ import annotations

from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zakhira.adapters.programme_folder import digest_of, load_dictionary, read_parts
from zakhira.adapters.series_file import read_series_columns
from zakhira.kernel.errors import Fault, Faults, OutsideFailure
from zakhira.programme.dictionary import Dictionary
from zakhira.programme.model import Programme
from zakhira.programme.series import Floats, Series
from zakhira.programme.series_check import check_file

if TYPE_CHECKING:
    import polars as pl

TABLE = "surplus series"
KEYS = ("zone", "start_utc", "block")
FIGURES = ("surplus_mw", "cost_pkr_per_mwh")
HOUR_US = 3_600_000_000


class FilesChanged(OutsideFailure):
    """The programme's files are no longer those that its digest names: they changed between two readings."""

    code = "ZK-PROGRAMME-104"


def load_surplus_years(folder: Path, programme: Programme, reference: Series) -> tuple[Series, ...]:
    """The reference first, then each [[surplus_year]] in the order of the file, with the reference's temperatures.

    ``programme`` and ``reference`` are those that ``load_programme`` gave for ``folder``. All years get as many cost
    blocks as the one that has most: an added block offers 0 MW.

    Raises:
        FilesChanged: a file of the programme changed since ``programme`` was loaded.
        Faults: with every fault of every year's file.
    """
    parts = read_parts(folder, programme)
    if digest_of(parts) != programme.digest:
        raise FilesChanged(
            f"The files in {folder} changed while they were read.", "Repeat the command when nobody writes them."
        )
    dictionary = load_dictionary()
    plain = _plain_rows(reference)
    years, faults = [reference], []
    for name, content in parts[3:]:
        year = _read_plain(content, plain, reference, dictionary) if name.endswith(".parquet") else None
        if year is None:
            year, more = _read_checked(content, str(folder / name), reference, dictionary)
            faults += more
        if year is not None:
            years.append(year)
    if faults:
        raise Faults(faults)
    return _with_equal_blocks(years)


@dataclass(frozen=True)
class _Rows:
    """The rows of a file as the generator writes it, as its key columns: zone by zone, hour by hour, block by block."""

    zone: pl.Series
    start_utc: pl.Series
    block: pl.Series

    @property
    def keys(self) -> tuple[pl.Series, ...]:
        """The columns in the order of a file."""
        return self.zone, self.start_utc, self.block


def _plain_rows(reference: Series) -> _Rows:
    import polars as pl

    zones, hours, blocks = reference.surplus_mw.shape
    start_us = int(reference.hours.start.timestamp()) * 1_000_000 + HOUR_US * np.arange(hours, dtype=np.int64)
    instants = pl.Series(np.tile(np.repeat(start_us, blocks), zones)).cast(pl.Datetime("us", "UTC"))
    places = pl.Series(np.repeat(np.arange(zones, dtype=np.uint32), hours * blocks))
    numbers = pl.Series(np.tile(np.arange(1, blocks + 1, dtype=np.int64), zones * hours))
    return _Rows(pl.Series(reference.zones, dtype=pl.String()).gather(places), instants, numbers)


def _has_rows(frame: pl.DataFrame, rows: _Rows) -> bool:
    """Whether the frame has the right columns and exactly these rows; an empty cell equals nothing."""
    import polars as pl

    types = (*(key.dtype for key in rows.keys), pl.Float64(), pl.Float64())
    if dict(frame.schema) != dict(zip((*KEYS, *FIGURES), types, strict=True)):
        return False
    return all(frame[name].equals(key, null_equal=False) for name, key in zip(KEYS, rows.keys, strict=True))


def _read_plain(content: bytes, rows: _Rows, reference: Series, dictionary: Dictionary) -> Series | None:
    """A file with exactly these rows and no fault at all, five times faster; None if it is any other file."""
    import polars as pl

    try:
        frame = pl.read_parquet(BytesIO(content))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError):
        return None
    if not _has_rows(frame, rows):
        return None
    shape = reference.surplus_mw.shape
    figures: list[Floats] = [frame[name].to_numpy().reshape(shape) for name in FIGURES]
    table = dictionary.table(TABLE)
    for name, values in zip(FIGURES, figures, strict=True):
        attribute = table.attribute(name)
        assert attribute is not None, f"the dictionary has no {name}"
        least, most = float(values.min()), float(values.max())  # NaN if any is
        if not (np.isfinite(least) and np.isfinite(most) and attribute.admits(least) and attribute.admits(most)):
            return None
    if _falls_within_an_hour(figures[1]):
        return None
    return replace(reference, surplus_mw=figures[0], cost_pkr_per_mwh=figures[1])


def _falls_within_an_hour(cost_pkr_per_mwh: Floats) -> bool:
    """Whether any block of an hour [zone, hour, block] is cheaper than the one before: one pass over all rows."""
    flat, blocks = cost_pkr_per_mwh.reshape(-1), cost_pkr_per_mwh.shape[2]
    falls = np.zeros(flat.shape, dtype=np.bool_)
    np.less(flat[1:], flat[:-1], out=falls[1:])
    return bool(falls.reshape(-1, blocks)[:, 1:].any())


def _read_checked(
    content: bytes, file: str, reference: Series, dictionary: Dictionary
) -> tuple[Series | None, list[Fault]]:
    """Any file, row by row: the year, or what is wrong with it."""
    columns = read_series_columns(content, file)
    if isinstance(columns, Fault):
        return None, [columns]
    figures, faults = check_file(columns, TABLE, reference.zones, reference.hours, dictionary)
    if figures is None:
        return None, faults
    return replace(reference, surplus_mw=figures["surplus_mw"], cost_pkr_per_mwh=figures["cost_pkr_per_mwh"]), []


def _with_equal_blocks(years: list[Series]) -> tuple[Series, ...]:
    most = max(year.surplus_mw.shape[2] for year in years)
    return tuple(_with_blocks(year, most) for year in years)


def _with_blocks(year: Series, blocks: int) -> Series:
    """The year with blocks of 0 MW at the last block's cost added, so that years can be stacked."""
    missing = blocks - year.surplus_mw.shape[2]
    if missing == 0:
        return year
    empty = np.zeros((*year.surplus_mw.shape[:2], missing))
    cost = np.repeat(year.cost_pkr_per_mwh[:, :, -1:], missing, axis=2)
    return replace(
        year,
        surplus_mw=np.concatenate((year.surplus_mw, empty), axis=2),
        cost_pkr_per_mwh=np.concatenate((year.cost_pkr_per_mwh, cost), axis=2),
    )

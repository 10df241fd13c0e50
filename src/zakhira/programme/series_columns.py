"""A series file as columns, and the checks of its header and of single cells."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

from zakhira.kernel.errors import Fault
from zakhira.kernel.interval import utc_text
from zakhira.programme.dictionary import Attribute, TableSpec
from zakhira.programme.faults import Cause
from zakhira.programme.record import closest
from zakhira.programme.series import Floats
from zakhira.programme.unit_names import unit_mistake
from zakhira.programme.value import shown

FAULTS_PER_KIND = 20
"""Faults of one kind that are listed for one file; the rest is counted."""

NO_NUMBER = np.iinfo(np.int64).min
"""Stands for an instant or a block that could not be read."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NO_ZONE = -1

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Unreadable:
    """Rows of a column whose cells could not be read, with the texts of the first FAULTS_PER_KIND of them."""

    rows: Ints
    texts: tuple[str, ...]


@dataclass(frozen=True)
class SeriesColumns:
    """A series file in long form, one array element a row.

    ``names`` are the columns of the header. ``zone`` indexes ``zone_names`` (NO_ZONE where empty), ``start_s`` are
    seconds since 1970 in UTC and ``block`` is a number (NO_NUMBER where empty or unreadable), ``numbers`` hold NaN
    where a cell is empty or unreadable. ``unreadable`` tells by column which cells are not empty and could not be read.
    A column of the wrong type is in ``mistyped`` with the type it has.
    """

    file: str
    has_lines: bool
    names: tuple[str, ...]
    zone_names: tuple[str, ...]
    zone: Ints
    start_s: Ints
    block: Ints
    numbers: Mapping[str, Floats]
    unreadable: Mapping[str, Unreadable] = field(default_factory=dict)
    mistyped: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SeriesPlace:
    """Where faults of one file are noted: lines in a CSV file, row numbers in the message for Parquet."""

    columns: SeriesColumns
    faults: list[Fault]

    def note(self, cause: Cause, row: int | None, key: str, message: str, remedy: str = "") -> None:
        """Note a fault in row ``row`` (counted from 0), in the header (-1), or nowhere (None)."""
        line = 0
        if self.columns.has_lines and row is not None:
            line = row + 2
        elif row is not None and row >= 0:
            message = f"Row {row + 1}: {message}"
        self.faults.append(cause.fault(self.columns.file, line, key, message, remedy))

    def note_rows(
        self, cause: Cause, rows: Flags | Ints, key: str, say: Callable[[int], str], remedy: str = ""
    ) -> None:
        """Note a fault for each row (a mask or row numbers), at most FAULTS_PER_KIND, and how many more there are."""
        found = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        for row in found[:FAULTS_PER_KIND].tolist():
            self.note(cause, row, key, say(row), remedy)
        if len(found) > FAULTS_PER_KIND:
            more = f"{len(found) - FAULTS_PER_KIND} more faults of this kind from here on."
            self.note(cause, int(found[FAULTS_PER_KIND]), key, more, remedy)


def at_text(start_s: int) -> str:
    """Seconds since 1970 as text; an instant beyond the calendar as the number."""
    try:
        return utc_text(EPOCH + timedelta(seconds=start_s))
    except OverflowError:
        return f"{start_s} s after 1970"


def header_faults(place: SeriesPlace, table: TableSpec) -> bool:
    """Check the names and types of the columns. Returns whether the cells can be looked at."""
    names = place.columns.names
    expected = {attribute.name: attribute for attribute in table.attributes}
    missing = {name: attribute for name, attribute in expected.items() if name not in names}
    for name in names:
        if name in expected:
            continue
        meant = unit_mistake(name, missing.values())
        if meant is not None:
            del missing[meant.name]
            remedy = f"Convert it to {meant.unit} and name the column {meant.name!r}."
            message = f"The column {name!r} has not the unit {meant.unit} of {meant.name!r}."
            place.note(Cause.COLUMN_UNIT, -1, name, message, remedy)
        else:
            remedy = closest(name, tuple(expected))
            place.note(Cause.EXTRA_COLUMN, -1, name, f"The series knows no column {shown(name)}.", remedy)
    for attribute in missing.values():
        message = f"The column {attribute.name!r} is missing: {attribute.description}."
        place.note(Cause.MISSING_COLUMN, -1, attribute.name, message)
    for name, found in place.columns.mistyped.items():
        place.note(Cause.COLUMN_TYPE, -1, name, f"The column {name!r} holds {found}.")
    return not place.faults


def cell_faults(place: SeriesPlace, attributes: Iterable[Attribute]) -> None:
    """Check every cell by itself: readable, finite, in range."""
    columns = place.columns
    for attribute in attributes:
        name = attribute.name
        rows = _unreadable_cells(place, name)
        if name in columns.numbers:
            _number_faults(place, attribute, columns.numbers[name], rows)
        elif name != "zone":
            empty = (columns.start_s if name == "start_utc" else columns.block) == NO_NUMBER
            empty[rows] = False
            place.note_rows(Cause.UNREADABLE_CELL, empty, name, lambda _row: "The cell is empty.")


def _unreadable_cells(place: SeriesPlace, name: str) -> Ints:
    found = place.columns.unreadable.get(name)
    if found is None:
        return np.array([], dtype=np.int64)
    texts = dict(zip(found.rows.tolist(), found.texts, strict=False))
    place.note_rows(Cause.UNREADABLE_CELL, found.rows, name, lambda row: f"{shown(texts[row])} cannot be read.")
    return found.rows


def _number_faults(place: SeriesPlace, attribute: Attribute, values: Floats, unreadable: Ints) -> None:
    name = attribute.name
    odd = ~np.isfinite(values)
    odd[unreadable] = False
    place.note_rows(Cause.CELL_NOT_FINITE, odd, name, lambda row: f"{values[row]:g} is not a number to compute with.")
    finite = np.isfinite(values)
    low = attribute.minimum.value if attribute.minimum else -np.inf
    high = attribute.maximum.value if attribute.maximum else np.inf

    def say(row: int) -> str:
        return f"{values[row]:g} {attribute.unit} is not possible."

    below = Cause.NEGATIVE_SURPLUS if name == "surplus_mw" else Cause.CELL_OUT_OF_RANGE
    remedy = f"Give a number {attribute.range_text}."
    place.note_rows(below, finite & (values < low), name, say, "" if below is Cause.NEGATIVE_SURPLUS else remedy)
    place.note_rows(Cause.CELL_OUT_OF_RANGE, finite & (values > high), name, say, remedy)

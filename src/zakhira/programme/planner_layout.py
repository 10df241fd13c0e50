"""A planner's files as rows: one row a time in long form, or a column a zone in wide form."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from zakhira.kernel.errors import Fault
from zakhira.programme.dictionary import Dictionary, TableSpec
from zakhira.programme.faults import Cause
from zakhira.programme.planner_rows import Findings, Rows
from zakhira.programme.planner_table import COST, TIME_COLUMNS, Cells, Kind, PlannerTable, Told
from zakhira.programme.record import closest
from zakhira.programme.series import Floats
from zakhira.programme.series_columns import (
    FAULTS_PER_KIND,
    NO_NUMBER,
    Flags,
    Ints,
    SeriesColumns,
    SeriesPlace,
    header_faults,
)
from zakhira.programme.value import shown

_UNIT_ENDING = {Kind.SURPLUS: "_mw", Kind.AMBIENT: "_c"}
T = TypeVar("T", int, float)
_EMPTY = np.array([], dtype=np.int64)


@dataclass(frozen=True)
class _Part:
    """The rows of one file, or of one column of a wide file."""

    row: Ints
    zone: Ints
    block: Ints
    time: Ints
    figures: dict[str, Floats]


def lay_out(
    tables: Sequence[PlannerTable], told: Told, zones: tuple[str, ...], dictionary: Dictionary, findings: Findings
) -> Rows | None:
    """The rows of all files with known zones, times and blocks; None if a header says too little or too much.

    Cells that are no possible number are noted in ``findings`` and stand as 0, so that the checks to come are not
    misled by them; a row without zone, time or block is noted and left out.
    """
    spec = dictionary.table(told.kind.table)
    before = len(findings.faults)
    wide = ["zone" not in table.names for table in tables]
    for number, table in enumerate(tables):
        _check_time_column(findings, number, table)
        if wide[number]:
            _check_wide_header(findings, number, table, told, zones)
        else:
            findings.faults += _long_header(table, told, spec)
    if len(findings.faults) > before:
        return None
    parts: list[list[_Part]] = []
    for number, table in enumerate(tables):
        if not table.rows:
            findings.note(Cause.NO_ROWS, number, None, "", "The file has no rows.")
        form = _wide_parts if wide[number] else _long_parts
        parts.append(list(form(findings, number, table, told, zones, spec)))
    return _joined(tables, parts, zones, told.kind)


def _check_time_column(findings: Findings, number: int, table: PlannerTable) -> None:
    if table.time_column in table.names and table.time_column not in table.mistyped:
        return
    if table.time_column in table.mistyped:
        message = f"The column {table.time_column!r} holds {table.mistyped[table.time_column]}, no times."
        findings.note(Cause.COLUMN_TYPE, number, -1, table.time_column, message)
        return
    hint = f"Name it with --time-column; known are {', '.join(TIME_COLUMNS)}."
    if len(table.names) == 1 and any(mark in table.names[0] for mark in ";\t,"):
        hint = "Tell what parts the cells with --delimiter."
    message = f"No column of {shown(', '.join(table.names))} is one of times."
    findings.note(Cause.LAYOUT, number, -1, "", message, hint)


def _long_header(table: PlannerTable, told: Told, spec: TableSpec) -> list[Fault]:
    """Faults of the header of a file in long form, where the options may stand for columns."""
    names = ["start_utc" if name == table.time_column else name for name in table.names]
    names += [] if "start_utc" in names else ["start_utc"]
    if told.kind is Kind.SURPLUS:
        names += [] if "block" in names else ["block"]
        names += [COST] if told.costs_pkr_per_mwh and COST not in names else []
    mistyped = {name: text for name, text in table.mistyped.items() if name != table.time_column}
    columns = SeriesColumns(
        table.file, table.has_lines, tuple(names), (), _EMPTY, _EMPTY, _EMPTY, {}, mistyped=mistyped
    )
    place = SeriesPlace(columns, [])
    header_faults(place, spec)
    for name, given in (("block", told.blocks), (COST, told.costs_pkr_per_mwh)):
        if given and name in table.names:
            option = f"--{name.replace('_', '-')}"
            message = f"The file has a column {name!r}, and {option} was given as well."
            place.note(Cause.LAYOUT, -1, name, message, f"Leave {option} out.")
    return place.faults


def _zone_of(name: str, kind: Kind, zones: tuple[str, ...]) -> int:
    """The zone that a column of a wide file is of; -1 for none."""
    bare = name if name in zones else name.removesuffix(_UNIT_ENDING[kind])
    return zones.index(bare) if bare in zones else -1


def _check_wide_header(
    findings: Findings, number: int, table: PlannerTable, told: Told, zones: tuple[str, ...]
) -> None:
    if told.kind is Kind.SURPLUS and not told.costs_pkr_per_mwh:
        message = "The file has a column for each zone and none for the cost."
        findings.note(Cause.LAYOUT, number, -1, COST, message, "Add --cost-pkr-per-mwh.")
    names = [name for name in table.names if name != table.time_column]
    if not names:
        findings.note(Cause.LAYOUT, number, -1, "", "The file has no column beside the times.", "Add one for a zone.")
    for name in names:
        zone = _zone_of(name, told.kind, zones)
        if name in table.mistyped:
            findings.note(
                Cause.COLUMN_TYPE, number, -1, name, f"The column {name!r} holds {table.mistyped[name]}, no numbers."
            )
        elif zone < 0 and name.rpartition("_")[0] in zones:
            ending = _UNIT_ENDING[told.kind]
            message = f"The column {name!r} of {name.rpartition('_')[0]!r} has another unit than {ending[1:]}."
            findings.note(Cause.COLUMN_UNIT, number, -1, name, message)
        elif zone < 0:
            message = f"The column {name!r} is no zone of the programme."
            findings.note(Cause.UNKNOWN_ZONE, number, -1, name, message, closest(name, zones))
        elif [_zone_of(other, told.kind, zones) for other in names].count(zone) > 1:
            findings.note(Cause.LAYOUT, number, -1, name, f"The zone {zones[zone]!r} has two columns.", "Keep one.")


def _per_file(given: tuple[T, ...], number: int, default: T) -> T:
    """The item for a file: there is one for all, one for each, or none."""
    if not given:
        return default
    return given[number] if len(given) > 1 else given[0]


def _wide_parts(
    findings: Findings, number: int, table: PlannerTable, told: Told, zones: tuple[str, ...], spec: TableSpec
) -> Iterator[_Part]:
    timed = _timed(findings, number, table)
    findings.lost |= len(timed) + int(table.blank.sum()) < table.rows
    for name, cells in table.cells.items():
        figures = {
            told.kind.value_column: _figures(findings, number, table, cells, spec, told.kind.value_column, name)[timed]
        }
        if told.kind is Kind.SURPLUS:
            figures[COST] = np.full(len(timed), _per_file(told.costs_pkr_per_mwh, number, 0.0))
        zone = np.full(len(timed), _zone_of(name, told.kind, zones))
        block = np.full(len(timed), _per_file(told.blocks, number, 1) - 1)
        yield _Part(timed, zone, block, table.time[timed], figures)


def _long_parts(
    findings: Findings, number: int, table: PlannerTable, told: Told, zones: tuple[str, ...], spec: TableSpec
) -> Iterator[_Part]:
    timed = _timed(findings, number, table)
    zone = _zones(findings, number, table, zones)
    block = _blocks(findings, number, table, told, spec)
    figures = {
        name: _figures(findings, number, table, table.cells[name], spec, name, name)
        if name in table.cells
        else np.full(table.rows, _per_file(told.costs_pkr_per_mwh, number, 0.0))
        for name in told.kind.columns
    }
    good = timed[(zone[timed] >= 0) & (block[timed] >= 0)]
    findings.lost |= len(good) + int(table.blank.sum()) < table.rows
    chosen = {name: values[good] for name, values in figures.items()}
    yield _Part(good, zone[good], block[good], table.time[good], chosen)


def _timed(findings: Findings, number: int, table: PlannerTable) -> Ints:
    """The rows that have a time in their cell."""
    _note_empty(findings, number, table, table.time < 0, table.time_column)
    return np.flatnonzero(table.time >= 0)


def _zones(findings: Findings, number: int, table: PlannerTable, zones: tuple[str, ...]) -> Ints:
    """The programme's number of each row's zone; -1 for none."""
    known = np.array([zones.index(name) if name in zones else -1 for name in (*table.zone_names, "")])
    _note_empty(findings, number, table, table.zone < 0, "zone")
    strangers = [index for index, name in enumerate(table.zone_names) if name not in zones]
    for index in strangers[:FAULTS_PER_KIND]:
        rows = np.flatnonzero(table.zone == index)
        message = f"{len(rows)} row{'s are' if len(rows) > 1 else ' is'} of the zone {shown(table.zone_names[index])}."
        remedy = closest(table.zone_names[index], zones)
        findings.note(Cause.UNKNOWN_ZONE, number, int(rows[0]), "zone", message, remedy)
    if len(strangers) > FAULTS_PER_KIND:
        message = f"{len(strangers) - FAULTS_PER_KIND} more zones that the programme does not know."
        findings.note(Cause.UNKNOWN_ZONE, number, None, "zone", message)
    return known[table.zone].astype(np.int64)


def _blocks(findings: Findings, number: int, table: PlannerTable, told: Told, spec: TableSpec) -> Ints:
    """Each row's block counted from 0; -1 for none."""
    cells, attribute = table.cells.get("block"), spec.attribute("block")
    if cells is None or attribute is None:
        return np.full(table.rows, _per_file(told.blocks, number, 1) - 1)
    last = int(attribute.maximum.value) if attribute.maximum else 1
    good = (cells.values >= 1) & (cells.values <= last) & (np.floor(cells.values) == cells.values)
    _note_unreadable(findings, number, table, cells, "block")
    _note_empty(findings, number, table, cells.empty, "block")
    bad = ~good & ~cells.empty
    bad[cells.unreadable.rows] = False
    _note_cells(
        findings, Cause.BAD_BLOCK, number, table, np.flatnonzero(bad), "block", f"is not one of the blocks 1 to {last}."
    )
    return np.where(good, cells.values - 1, -1).astype(np.int64)


def _figures(
    findings: Findings, number: int, table: PlannerTable, cells: Cells, spec: TableSpec, column: str, key: str
) -> Floats:
    """The column's figures, NaN where a cell is empty and 0 where it holds no possible number, which is noted."""
    attribute = spec.attribute(column)
    assert attribute is not None, f"the dictionary has no column {column}"
    _note_unreadable(findings, number, table, cells, key)
    odd = ~np.isfinite(cells.values) & ~cells.empty
    odd[cells.unreadable.rows] = False
    message = "is no number to compute with, and is not repaired."
    _note_cells(findings, Cause.CELL_NOT_FINITE, number, table, np.flatnonzero(odd), key, message)
    low = attribute.minimum.value if attribute.minimum and column != Kind.SURPLUS.value_column else -np.inf
    high = attribute.maximum.value if attribute.maximum else np.inf
    outside = np.isfinite(cells.values) & ((cells.values < low) | (cells.values > high))
    message = f"{attribute.unit} is not possible: give a number {attribute.range_text}."
    _note_cells(findings, Cause.CELL_OUT_OF_RANGE, number, table, np.flatnonzero(outside), key, message)
    wrong = odd | outside
    wrong[cells.unreadable.rows] = True
    findings.spoiled |= bool(wrong.any())
    return np.where(wrong, 0.0, cells.values)


def _note_unreadable(findings: Findings, number: int, table: PlannerTable, cells: Cells, key: str) -> None:
    found = cells.unreadable
    for row, text in zip(found.rows.tolist(), found.texts, strict=False):
        message = f"{_at(table, row, key)}: {shown(text)} is no number, and is not repaired."
        findings.note(Cause.UNREADABLE_CELL, number, row, key, message)
    if len(found.rows) > len(found.texts):
        more = f"{len(found.rows) - len(found.texts)} more cells that are no number from here on."
        findings.note(Cause.UNREADABLE_CELL, number, int(found.rows[len(found.texts)]), key, more)


def _at(table: PlannerTable, row: int, key: str) -> str:
    """The zone and the time of a row in words, as far as it has them."""
    zone = key
    if "zone" in table.names:
        zone = table.zone_names[int(table.zone[row])] if table.zone[row] >= 0 else "no zone"
    return f"{zone}, {table.time_texts[int(table.time[row])] if table.time[row] >= 0 else 'no time'}"


def _note_empty(findings: Findings, number: int, table: PlannerTable, empty: Flags, key: str) -> None:
    rows = np.flatnonzero(empty & ~table.blank)
    _note_cells(findings, Cause.UNREADABLE_CELL, number, table, rows, key, "the cell is empty.")


def _note_cells(
    findings: Findings, cause: Cause, number: int, table: PlannerTable, rows: Ints, key: str, message: str
) -> None:
    for row in rows[:FAULTS_PER_KIND].tolist():
        cells = table.cells.get(key)
        value = f"{cells.values[row]:g} " if cells is not None and not cells.empty[row] else ""
        findings.note(cause, number, row, key, f"{_at(table, row, key)}: {value}{message}")
    if len(rows) > FAULTS_PER_KIND:
        more = f"{len(rows) - FAULTS_PER_KIND} more faults of this kind from here on."
        findings.note(cause, number, int(rows[FAULTS_PER_KIND]), key, more)


def _joined(
    tables: Sequence[PlannerTable], parts: Sequence[Sequence[_Part]], zones: tuple[str, ...], kind: Kind
) -> Rows:
    """The parts of all files as rows, whose times index the times of all files."""
    firsts = np.cumsum([0, *(len(table.time_texts) for table in tables)])
    flat = [(number, part) for number, of_file in enumerate(parts) for part in of_file]

    def join(arrays: list[Ints]) -> Ints:
        return np.concatenate([_EMPTY, *arrays]).astype(np.int64)

    row = join([part.row for _, part in flat])
    return Rows(
        files=tuple(table.file for table in tables),
        has_lines=tuple(table.has_lines for table in tables),
        zones=zones,
        time_texts=tuple(text for table in tables for text in table.time_texts),
        file=join([np.full(len(part.row), number) for number, part in flat]),
        row=row,
        zone=join([part.zone for _, part in flat]),
        block=join([part.block for _, part in flat]),
        time=join([part.time + int(firsts[number]) for number, part in flat]),
        start_s=np.full(len(row), NO_NUMBER),
        figures={
            name: np.concatenate([np.array([]), *(part.figures[name] for _, part in flat)]) for name in kind.columns
        },
    )

"""A planner's rows as the hourly series of a programme: every irregularity is mended if told, and else a fault."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from zakhira.kernel.errors import Fault
from zakhira.kernel.interval import HourRange, utc_text
from zakhira.programme.dictionary import Dictionary
from zakhira.programme.faults import Cause
from zakhira.programme.planner_layout import lay_out
from zakhira.programme.planner_rows import TIME, Findings, Rows
from zakhira.programme.planner_table import (
    COST,
    MEAN,
    SORTED,
    SURPLUS_MW,
    ImportedSeries,
    PlannerTable,
    Repair,
    Repaired,
    Told,
)
from zakhira.programme.planner_times import place_in_utc, read_clocks
from zakhira.programme.series import Floats
from zakhira.programme.series_columns import Flags, Ints, at_text
from zakhira.programme.series_gaps import mend_gaps
from zakhira.programme.series_resample import (
    HOUR_S,
    RowGrid,
    hourly_parts,
    in_merit_order,
    mean_by_hour,
    weighted_mean_by_hour,
)

FINEST_S = 300
"""Rows start a whole number of 5 minutes past the hour: every offset in use since 1972 is a multiple of that."""


def import_series(
    tables: Sequence[PlannerTable], told: Told, zones: tuple[str, ...], hours: HourRange, dictionary: Dictionary
) -> tuple[ImportedSeries | None, list[Fault]]:
    """Turn a planner's files into hourly figures for ``zones`` and ``hours``.

    Returns the series and no faults, or None and every fault found. A fault that a repair would mend names its word. A
    repair that was not told is made all the same, so that one irregularity is not reported as another, and the series
    is then not returned.
    """
    findings = Findings(
        tuple(table.file for table in tables),
        tuple(table.has_lines for table in tables),
        tuple(table.time_column for table in tables),
    )
    rows = lay_out(tables, told, zones, dictionary, findings)
    if rows is None or not len(rows):
        return None, _sorted(findings)
    placed = place_in_utc(rows, read_clocks(tuple(tables), told), told, findings)
    if placed is None:
        return None, _sorted(findings)
    rows, step_s = placed
    column = told.kind.value_column
    rows, phase_s = _on_phase(rows, step_s, findings)
    rows = _without_duplicates(rows, told, findings)
    rows = _without_outsiders(rows, step_s, hours, told, findings)
    if column == SURPLUS_MW:
        rows = _without_negatives(rows, told, findings)
    if findings.lost or not len(rows):
        return None, _sorted(findings)
    figures = _to_hours(rows, RowGrid.over(hours, step_s, phase_s), hours, told, findings)
    if figures is None or findings.faults:
        return None, _sorted(findings)
    repaired = _in_mwh(findings.repaired, step_s) if column == SURPLUS_MW else tuple(findings.repaired)
    return ImportedSeries(figures, sum(table.rows for table in tables), step_s, phase_s, repaired), []


def _sorted(findings: Findings) -> list[Fault]:
    return sorted(set(findings.faults))


def _in_mwh(repaired: Sequence[Repaired], step_s: int) -> tuple[Repaired, ...]:
    """Sums of MW over rows as energy; after the resampling a row is an hour."""
    row_h, out = step_s / HOUR_S, []
    for entry in repaired:
        before_h = 1.0 if entry.what == SORTED else row_h
        after_h = 1.0 if entry.repair is Repair.RESAMPLE else row_h
        out.append(replace(entry, before=entry.before * before_h, after=entry.after * after_h))
    return tuple(out)


def _on_phase(rows: Rows, step_s: int, findings: Findings) -> tuple[Rows, int]:
    """The rows that start as far past a multiple of the step as most do, and how far that is."""
    phases, counts = np.unique(rows.start_s % step_s, return_counts=True)
    phase_s = int(phases[np.argmax(counts)])
    off = rows.start_s % step_s != phase_s
    if phase_s % FINEST_S:
        off[:] = True
    findings.note_rows(
        Cause.OFF_HOUR,
        rows,
        off,
        TIME,
        lambda _row: f"the rows start every {step_s // 60} minutes, {phase_s / 60:g} past; this one does not fit.",
        "Mend the time: rows start on a multiple of 5 minutes and keep their distance.",
    )
    findings.lost |= bool(off.any())
    return rows.take(~off), phase_s


def _without_duplicates(rows: Rows, told: Told, findings: Findings) -> Rows:
    """One row a zone, time and block: identical ones are dropped if told, different ones never."""
    order = np.lexsort((np.arange(len(rows)), rows.block, rows.start_s, rows.zone))
    keys = np.stack([rows.zone[order], rows.start_s[order], rows.block[order]])
    new = np.concatenate(([True], (keys[:, 1:] != keys[:, :-1]).any(axis=0)))[: len(order)]
    if new.all():
        return rows
    first = order[np.flatnonzero(new)[np.cumsum(new) - 1]]
    differs = np.zeros(len(rows), dtype=np.bool_)
    for values in rows.figures.values():
        differs[order] |= ~((values[order] == values[first]) | (np.isnan(values[order]) & np.isnan(values[first])))
    again = np.zeros(len(rows), dtype=np.bool_)
    again[order] = ~new
    place_of_first = np.zeros(len(rows), dtype=np.int64)
    place_of_first[order] = first
    findings.note_rows(
        Cause.DUPLICATES_DIFFER,
        rows,
        differs,
        TIME,
        lambda row: f"given before in {_where(rows, int(place_of_first[row]))}, with other figures.",
        "Keep the row that is right: which one that is cannot be told here.",
    )
    same = again & ~differs
    if Repair.DUPLICATES not in told.repairs:
        findings.note_rows(
            Cause.REPEATED_HOUR,
            rows,
            same,
            TIME,
            lambda row: f"given before in {_where(rows, int(place_of_first[row]))}, with the same figures.",
            "Keep one of the rows, or add --repair duplicates.",
        )
    kept = rows.take(~again)
    findings.log(rows, kept, same, Repair.DUPLICATES, "dropped", told.kind.value_column)
    return kept


def _where(rows: Rows, row: int) -> str:
    file, number = int(rows.file[row]), int(rows.row[row])
    return f"{rows.files[file]} line {number + 2}" if rows.has_lines[file] else f"{rows.files[file]} row {number + 1}"


def _without_outsiders(rows: Rows, step_s: int, hours: HourRange, told: Told, findings: Findings) -> Rows:
    """Rows that touch the horizon; others are dropped if told."""
    start_s, end_s = int(hours.start.timestamp()), int(hours.end.timestamp())
    outside = (rows.start_s + step_s <= start_s) | (rows.start_s >= end_s)
    if not outside.any():
        return rows
    if Repair.HORIZON not in told.repairs or outside.all():
        first, last = int(rows.start_s.min()), int(rows.start_s.max()) + step_s
        for file in np.unique(rows.file[outside]).tolist():
            found = np.flatnonzero(outside & (rows.file == file))
            message = (
                f"{rows.place(int(found[0]))}: outside the programme's horizon, as are {len(found)} rows in all. The "
                f"files cover {at_text(first)} to {at_text(last)}, the programme {utc_text(hours.start)} to "
                f"{utc_text(hours.end)}."
            )
            remedy = "Mend the horizon or the file, or add --repair horizon to leave these rows out."
            if outside.all():
                remedy = "Mend the horizon, or give files that cover it."
            findings.note(Cause.OTHER_HORIZON, file, int(rows.row[found[0]]), TIME, message, remedy)
    kept = rows.take(~outside)
    findings.log(rows, kept, outside, Repair.HORIZON, "left out", told.kind.value_column)
    return kept


def _without_negatives(rows: Rows, told: Told, findings: Findings) -> Rows:
    """A negative surplus becomes 0 if told."""
    values = rows.figures[SURPLUS_MW]
    negative = values < 0
    if Repair.NEGATIVE not in told.repairs:
        findings.note_rows(
            Cause.NEGATIVE_SURPLUS,
            rows,
            negative,
            SURPLUS_MW,
            lambda row: f"{values[row]:g} MW is below 0.",
            "Give 0 where there is none, or add --repair negative.",
        )
    mended = rows.changed(figures={**rows.figures, SURPLUS_MW: np.where(negative, 0.0, values)})
    findings.log(rows, mended, negative, Repair.NEGATIVE, "set to 0", SURPLUS_MW)
    return mended


@dataclass(frozen=True)
class _Slots:
    """Where each row belongs in [zone, interval, block]."""

    slot: Ints
    shape: tuple[int, int, int]

    def fill(self, values: Floats) -> Floats:
        out = np.full(self.shape, np.nan)
        out.reshape(-1)[self.slot] = values
        return out


def _to_hours(rows: Rows, grid: RowGrid, hours: HourRange, told: Told, findings: Findings) -> dict[str, Floats] | None:
    """The figures by zone, hour and block; None if something could not be filled."""
    shape = (len(rows.zones), grid.count, int(rows.block.max()) + 1)
    interval = (rows.start_s - grid.first_s) // grid.step_s
    slots = _Slots((rows.zone * shape[1] + interval) * shape[2] + rows.block, shape)
    figures = {name: slots.fill(values) for name, values in rows.figures.items()}
    if COST in figures and not findings.spoiled:
        _note_descending(rows, figures[COST], slots, findings)
    mended = mend_gaps(figures, rows, grid, hours, told, findings)
    if mended is None:
        return None
    hourly = _resampled(mended, grid, hours, rows, told, findings)
    return _sorted_blocks(hourly, grid, hours, rows, findings) if COST in hourly else hourly


def _note_descending(rows: Rows, cost: Floats, slots: _Slots, findings: Findings) -> None:
    falls = np.zeros(slots.shape, dtype=np.bool_)
    falls[:, :, 1:] = np.diff(cost, axis=2) < 0
    found: Flags = falls.reshape(-1)[slots.slot]
    findings.note_rows(
        Cause.COST_DESCENDS,
        rows,
        found,
        COST,
        lambda row: f"{rows.figures[COST][row]:g} PKR/MWh is less than the block before costs.",
    )


def _resampled(
    figures: dict[str, Floats], grid: RowGrid, hours: HourRange, rows: Rows, told: Told, findings: Findings
) -> dict[str, Floats]:
    if grid.is_hourly:
        return figures
    if Repair.RESAMPLE not in told.repairs:
        past = (grid.first_s % HOUR_S) // 60
        apart = f"{grid.step_s // 60} minutes apart" + (f" and start {past} minutes past" if past else "")
        message = f"The rows are {apart}, and an hour of the programme starts on the full hour in UTC."
        remedy = "Add --repair resample to take the mean over each hour, which keeps the energy."
        findings.note(Cause.NOT_HOURLY, 0, None, TIME, message, remedy)
    parts = {name: hourly_parts(values, grid, hours) for name, values in figures.items()}
    hourly = {name: mean_by_hour(values) for name, values in parts.items()}
    if COST in parts:
        hourly[COST] = weighted_mean_by_hour(parts[COST], parts[SURPLUS_MW])
    _log_grids(figures, hourly, grid, rows.zones, told, findings)
    return hourly


def _log_grids(
    figures: dict[str, Floats],
    hourly: dict[str, Floats],
    grid: RowGrid,
    zones: tuple[str, ...],
    told: Told,
    findings: Findings,
) -> None:
    column = told.kind.value_column
    for zone, name in enumerate(zones):
        old, new = figures[column][zone], hourly[column][zone]
        before, after = (old.sum(), new.sum()) if column == SURPLUS_MW else (old.mean(), new.mean())
        last_s = grid.first_s + (grid.count - 1) * grid.step_s
        entry = Repaired(name, Repair.RESAMPLE, MEAN, old.size, grid.first_s, last_s, float(before), float(after))
        findings.repaired.append(entry)


def _sorted_blocks(
    hourly: dict[str, Floats], grid: RowGrid, hours: HourRange, rows: Rows, findings: Findings
) -> dict[str, Floats]:
    """Means and straight lines may put a block below the one before it: such blocks change places, and it is said."""
    repair = Repair.GAPS if grid.is_hourly else Repair.RESAMPLE
    falls: Flags = np.any(np.diff(hourly[COST], axis=2) < 0, axis=2)
    if not falls.any():
        return hourly
    cost, surplus = in_merit_order(hourly[COST], hourly[SURPLUS_MW])
    for zone, name in enumerate(rows.zones):
        found = np.flatnonzero(falls[zone])
        if len(found):
            first_s = int(hours.start.timestamp())
            energy = float(surplus[zone].sum())
            times = first_s + HOUR_S * int(found[0]), first_s + HOUR_S * int(found[-1])
            findings.repaired.append(Repaired(name, repair, SORTED, len(found), *times, energy, energy))
    return {COST: cost, SURPLUS_MW: surplus}

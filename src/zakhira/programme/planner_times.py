"""The rows of a planner's files placed in UTC: offsets, time zones, and daylight saving, repaired only when told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np

from zakhira.programme.faults import Cause
from zakhira.programme.local_time import local_offsets, read_clock
from zakhira.programme.planner_rows import TIME, Findings, Rows
from zakhira.programme.planner_table import IN_ORDER, RESOLUTIONS_S, SKIPPED, USED_TWICE, PlannerTable, Repair, Told
from zakhira.programme.series_columns import NO_NUMBER, Flags, Ints
from zakhira.programme.value import YEARS, shown

PASSES = 2
"""How often clocks that go back show a time."""
_DST = "Remove the row or add --repair dst; for a clock that is never changed tell a zone such as Etc/GMT-1 (UTC+01)."
FIRST_S = int(datetime(YEARS.start, 1, 1, tzinfo=UTC).timestamp())
END_S = int(datetime(YEARS.stop, 1, 1, tzinfo=UTC).timestamp())
MIXED_ROWS, MIXED_SHARE = 24, 0.1
"""Rows that may stand at another distance than the rest before they are no gaps but another resolution [E]."""


@dataclass(frozen=True)
class Clocks:
    """Of each distinct time text: seconds since 1970 on its clock, and the offset; NO_NUMBER where there is none."""

    wall_s: Ints
    offset_s: Ints


def read_clocks(tables: tuple[PlannerTable, ...], told: Told) -> Clocks:
    """Read the distinct times of all files, in the order in which the rows index them."""
    wall, offset = [], []
    for table in tables:
        if table.typed_s is not None:
            wall.append(table.typed_s)
            offset.append(np.full(len(table.typed_s), 0 if table.typed_utc else NO_NUMBER))
            continue
        found = [read_clock(text, told.time_format) or (NO_NUMBER, NO_NUMBER) for text in table.time_texts]
        pairs = np.array(found, dtype=np.int64).reshape(-1, 2)
        wall.append(pairs[:, 0])
        offset.append(pairs[:, 1])
    wall_s = np.concatenate(wall).astype(np.int64)
    possible = (wall_s >= FIRST_S) & (wall_s < END_S)
    return Clocks(np.where(possible, wall_s, NO_NUMBER), np.concatenate(offset).astype(np.int64))


@dataclass(frozen=True)
class _Passes:
    """By row: the UTC of the time's earlier and later pass; both equal where it happens once."""

    earlier_s: Ints
    later_s: Ints

    @property
    def twice(self) -> Flags:
        """Rows of a time that the clocks show twice."""
        return self.earlier_s < self.later_s

    @property
    def skipped(self) -> Flags:
        """Rows of a time that the clocks skip."""
        return self.earlier_s > self.later_s


def place_in_utc(rows: Rows, clocks: Clocks, told: Told, findings: Findings) -> tuple[Rows, int] | None:
    """The rows at the UTC start of their interval, and the seconds from row to row.

    Rows whose time cannot be read or placed are noted and left out. None if there are no others, or if they have no
    distance that an hour is made of.
    """
    wall_s, offset_s = clocks.wall_s[rows.time], clocks.offset_s[rows.time]
    unreadable = wall_s == NO_NUMBER
    like = f"as --time-format {shown(told.time_format)}" if told.time_format else "like 2026-10-25T02:00+01:00"
    form = f"no time to the second from {YEARS.start} to {YEARS.stop - 1}, {like}."
    findings.note_rows(
        Cause.UNREADABLE_CELL,
        rows,
        unreadable,
        TIME,
        lambda row: f"{shown(rows.time_texts[int(rows.time[row])])} is {form}",
    )
    homeless = ~unreadable & (offset_s == NO_NUMBER) & (not told.time_zone)
    _note_homeless(rows, homeless, findings)
    readable = ~(unreadable | homeless)
    if not readable.any():
        return None
    findings.lost |= not readable.all()
    rows, wall_s = rows.take(readable), wall_s[readable]
    passes = _passes(rows, clocks, told)
    step_s = _step(rows, passes, told, findings)
    if step_s is None:
        return None
    placed = _daylight_saving(rows, wall_s, passes, told, findings)
    return placed.at(placed.start_s - step_s * told.stamps_end), step_s


def _note_homeless(rows: Rows, homeless: Flags, findings: Findings) -> None:
    for file in np.unique(rows.file[homeless]).tolist():
        found = np.flatnonzero(homeless & (rows.file == file))
        first = int(found[0])
        message = f"{rows.place(first)}: the time has no offset from UTC, as have {len(found)} in all."
        remedy = "Add --time-zone with the zone of the clock, such as Asia/Karachi or UTC."
        findings.note(Cause.TIME_WITHOUT_ZONE, file, int(rows.row[first]), TIME, message, remedy)


def _passes(rows: Rows, clocks: Clocks, told: Told) -> _Passes:
    naive = (clocks.offset_s == NO_NUMBER) & (clocks.wall_s != NO_NUMBER)
    earlier, later = clocks.offset_s.copy(), clocks.offset_s.copy()
    if told.time_zone and naive.any():
        earlier[naive], later[naive] = local_offsets(clocks.wall_s[naive], ZoneInfo(told.time_zone))
    return _Passes((clocks.wall_s - earlier)[rows.time], (clocks.wall_s - later)[rows.time])


def _step(rows: Rows, passes: _Passes, told: Told, findings: Findings) -> int | None:
    """The commonest distance between rows of a zone and block, which must be what was told and part an hour."""
    names = {seconds: name for name, seconds in RESOLUTIONS_S.items()}
    distances = _distances(rows, passes)
    if not len(distances):
        if told.resolution_s:
            return told.resolution_s
        findings.note(Cause.RESOLUTION, 0, None, TIME, "No zone has rows of two times.", "Tell --resolution.")
        return None
    values, counts = np.unique(distances, return_counts=True)
    step_s = int(values[np.argmax(counts)])
    words = names.get(step_s, f"{step_s / 60:g} minutes")
    others = len(distances) - int(counts.max())
    if step_s not in names:
        remedy = f"Give rows that are {', '.join(names.values())} apart."
        findings.note(Cause.RESOLUTION, 0, None, TIME, f"Most rows follow each other by {words}.", remedy)
        return None
    if told.resolution_s not in {0, step_s}:
        message = f"Most rows follow each other by {words}, not by {names[told.resolution_s]} as told."
        findings.note(Cause.RESOLUTION, 0, None, TIME, message, f"Tell --resolution {words}, or mend the rows.")
        return None
    if others > max(MIXED_ROWS, MIXED_SHARE * len(distances)):
        message = f"{others:,} of {len(distances):,} rows follow the one before by another time than {words}."
        remedy = "Bring rows of one resolution: a line drawn between coarser rows would not keep their energy."
        findings.note(Cause.RESOLUTION, 0, None, TIME, message, remedy)
        return None
    return step_s


def _distances(rows: Rows, passes: _Passes) -> Ints:
    """Seconds from each time of a zone and block to the next."""
    there = np.flatnonzero(~passes.skipped)
    order = there[np.lexsort((passes.earlier_s[there], rows.block[there], rows.zone[there]))]
    same = (np.diff(rows.zone[order]) == 0) & (np.diff(rows.block[order]) == 0)
    distances: Ints = np.diff(passes.earlier_s[order])[same]
    return distances[distances > 0]


def _daylight_saving(rows: Rows, wall_s: Ints, passes: _Passes, told: Told, findings: Findings) -> Rows:
    """The rows in UTC: a skipped time has no row, and one that happens twice has two.

    Where that was not told it is a fault, and done all the same, so that what follows is not misled.
    """
    rows = rows.at(passes.earlier_s)
    if not (passes.skipped.any() or passes.twice.any()):
        return rows
    rank, size = _ranks(rows, wall_s, passes.twice)
    if Repair.DST not in told.repairs:
        zone = told.time_zone
        say = f"the clocks of {zone} skip this time in spring."
        findings.note_rows(Cause.SKIPPED_TIME, rows, passes.skipped, TIME, lambda _row: say, _DST)
        twice = f"the clocks of {zone} show this time twice in autumn."
        remedy = "Write the offset, as in 02:00+01:00, or add --repair dst."
        findings.note_rows(Cause.REPEATED_TIME, rows, passes.twice, TIME, lambda _row: twice, remedy)
    often = passes.twice & (size > PASSES)
    findings.note_rows(
        Cause.REPEATED_TIME,
        rows,
        often,
        TIME,
        lambda row: f"the clocks show this time twice, and the file {size[row]} times.",
        "Keep two rows, of the earlier and of the later pass.",
    )
    once = passes.twice & (size == 1)
    second = passes.twice & (rank > 0)
    start_s = np.where(second, passes.later_s, passes.earlier_s)
    column = told.kind.value_column
    kept = ~passes.skipped
    before = rows
    ordered = rows.at(start_s).take(kept)
    findings.log(before, ordered, passes.skipped, Repair.DST, SKIPPED, column)
    findings.log(ordered, ordered, (passes.twice & ~once & ~often)[kept], Repair.DST, IN_ORDER, column)
    numbers = np.flatnonzero(once[kept])
    both = ordered.take(np.concatenate([np.arange(len(ordered)), numbers]))
    both = both.at(np.concatenate([ordered.start_s, passes.later_s[kept][numbers]]))
    findings.log(ordered, both, once[kept], Repair.DST, USED_TWICE, column)
    return both


def _ranks(rows: Rows, wall_s: Ints, twice: Flags) -> tuple[Ints, Ints]:
    """Of each row of a time that happens twice: which of its zone, block and time it is (from 0), and of how many.

    They count in the order of the file; in a file that runs backwards in time, from its end.
    """
    rank, size = np.zeros(len(rows), dtype=np.int64), np.ones(len(rows), dtype=np.int64)
    found = np.flatnonzero(twice)
    if _runs_backwards(rows, wall_s):
        found = found[::-1]
    order = found[np.lexsort((wall_s[found], rows.block[found], rows.zone[found]))]
    keys = np.stack([rows.zone[order], rows.block[order], wall_s[order]])
    new = np.concatenate(([True], (keys[:, 1:] != keys[:, :-1]).any(axis=0)))[: len(order)]
    group = np.cumsum(new) - 1
    firsts = np.flatnonzero(new)
    rank[order] = np.arange(len(order)) - firsts[group] if len(order) else order
    size[order] = np.bincount(group)[group] if len(order) else order
    return rank, size


def _runs_backwards(rows: Rows, wall_s: Ints) -> bool:
    order = np.lexsort((np.arange(len(rows)), rows.block, rows.zone))
    same = (np.diff(rows.zone[order]) == 0) & (np.diff(rows.block[order]) == 0)
    steps = np.diff(wall_s[order])[same]
    return bool((steps < 0).sum() > (steps > 0).sum())

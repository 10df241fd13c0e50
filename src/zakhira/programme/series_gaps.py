"""Gaps between rows: filled on a straight line when told and short enough, and else faults."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from zakhira.kernel.interval import HourRange, utc_text
from zakhira.programme.faults import Cause
from zakhira.programme.planner_rows import TIME, Findings, Rows
from zakhira.programme.planner_table import FILLED, SURPLUS_MW, Repair, Repaired, Told
from zakhira.programme.series import Floats
from zakhira.programme.series_columns import FAULTS_PER_KIND, Flags, at_text
from zakhira.programme.series_resample import HOUR_S, RowGrid


@dataclass(frozen=True)
class _Run:
    """Intervals from ``first`` up to ``end`` of a zone and block in which a figure is missing."""

    zone: int
    block: int
    first: int
    end: int


def mend_gaps(
    figures: Mapping[str, Floats], rows: Rows, grid: RowGrid, hours: HourRange, told: Told, findings: Findings
) -> dict[str, Floats] | None:
    """The figures [zone, interval, block] with every gap filled; None if one may not or cannot be."""
    lacking: Flags = np.any([np.isnan(values) for values in figures.values()], axis=0)
    if not lacking.any():
        return dict(figures)
    absent = np.flatnonzero(lacking.all(axis=(1, 2)))
    for zone in absent.tolist():
        findings.note(Cause.MISSING_ZONE, 0, None, "zone", f"The zone {rows.zones[zone]!r} has no figures.")
    runs = [run for run in _runs(lacking) if run.zone not in absent]
    edges = [run for run in runs if run.first == 0 or run.end == grid.count]
    inner = [run for run in runs if run.first > 0 and run.end < grid.count]
    longest = int(told.max_gap_hours * HOUR_S / grid.step_s + 1e-9)
    long = [run for run in inner if run.end - run.first > longest]
    short = [run for run in inner if run.end - run.first <= longest]
    gaps = _Gaps(rows, grid, hours, lacking.shape[2] > 1, findings)
    gaps.note_edges(edges)
    gaps.note_long(long, told)
    if Repair.GAPS not in told.repairs:
        gaps.note_short(short)
    if len(absent) or edges or long:
        return None
    filled = {name: _filled(values) for name, values in figures.items()}
    _log(figures, filled, lacking, rows.zones, grid, told, findings)
    return filled


def _runs(lacking: Flags) -> Iterator[_Run]:
    for zone, block in zip(*np.nonzero(lacking.any(axis=1)), strict=True):
        padded = np.concatenate(([False], lacking[zone, :, block], [False])).astype(np.int8)
        steps = np.diff(padded)
        for first, end in zip(np.flatnonzero(steps > 0), np.flatnonzero(steps < 0), strict=True):
            yield _Run(int(zone), int(block), int(first), int(end))


def _filled(values: Floats) -> Floats:
    """Each zone and block on a straight line in time from the figure before a gap to the one after."""
    out = values.copy()
    at = np.arange(values.shape[1])
    for zone, block in zip(*np.nonzero(np.isnan(values).any(axis=1)), strict=True):
        known = ~np.isnan(values[zone, :, block])
        out[zone, ~known, block] = np.interp(at[~known], at[known], values[zone, known, block])
    return out


@dataclass(frozen=True)
class _Gaps:
    """Tells gaps as faults, each beside the row before it."""

    rows: Rows
    grid: RowGrid
    hours: HourRange
    has_blocks: bool
    findings: Findings

    def note_edges(self, runs: list[_Run]) -> None:
        horizon = f"{utc_text(self.hours.start)} to {utc_text(self.hours.end)}"
        say = f"there is no row on one side, and the programme covers {horizon}."
        remedy = "Add the rows, or mend the horizon: nothing is made up beyond what the file has."
        self._note(Cause.OTHER_HORIZON, runs, say, remedy)

    def note_long(self, runs: list[_Run], told: Told) -> None:
        say = f"longer than the {told.max_gap_hours:g} h that --max-gap-hours allows to interpolate."
        self._note(Cause.GAP_TOO_LONG, runs, say, "Add the rows, or allow more with --max-gap-hours.")

    def note_short(self, runs: list[_Run]) -> None:
        self._note(Cause.GAP, runs, "", "Add the rows, or add --repair gaps to interpolate them.")

    def _note(self, cause: Cause, runs: list[_Run], say: str, remedy: str) -> None:
        for run in runs[:FAULTS_PER_KIND]:
            count = run.end - run.first
            block = f", block {run.block + 1}" if self.has_blocks else ""
            rows = f"{count} row{'s are missing or have' if count > 1 else ' is missing or has'} an empty cell"
            message = f"{self.rows.zones[run.zone]}{block}: {rows}, {self._at(run.first)} to {self._at(run.end)}"
            file, row = self._beside(run)
            self.findings.note(cause, file, row, TIME, f"{message}{'; ' + say if say else '.'}", remedy)
        if len(runs) > FAULTS_PER_KIND:
            message = f"{len(runs) - FAULTS_PER_KIND} more gaps of this kind."
            self.findings.note(cause, 0, None, TIME, message, remedy)

    def _at(self, interval: int) -> str:
        return at_text(self.grid.first_s + interval * self.grid.step_s)

    def _beside(self, run: _Run) -> tuple[int, int | None]:
        """File and row of the empty cell, else of the row before the gap of its zone and block, or of one after."""
        same = np.flatnonzero((self.rows.zone == run.zone) & (self.rows.block == run.block))
        if not len(same):
            return 0, None
        first_s = self.grid.first_s + run.first * self.grid.step_s
        before = same[self.rows.start_s[same] <= first_s]
        chosen = before[np.argmax(self.rows.start_s[before])] if len(before) else same[0]
        return int(self.rows.file[chosen]), int(self.rows.row[chosen])


def _log(
    figures: Mapping[str, Floats],
    filled: Mapping[str, Floats],
    lacking: Flags,
    zones: tuple[str, ...],
    grid: RowGrid,
    told: Told,
    findings: Findings,
) -> None:
    column = told.kind.value_column
    reduce = np.nansum if column == SURPLUS_MW else np.nanmean
    for zone, name in enumerate(zones):
        times = np.flatnonzero(lacking[zone].any(axis=1))
        if len(times):
            first_s, last_s = (grid.first_s + grid.step_s * int(times[at]) for at in (0, -1))
            before, after = float(reduce(figures[column][zone])), float(reduce(filled[column][zone]))
            count = int(lacking[zone].sum())
            findings.repaired.append(Repaired(name, Repair.GAPS, FILLED, count, first_s, last_s, before, after))

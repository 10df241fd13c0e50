"""A planner's own scenarios: columns of a file checked into an outlook, with every fault and its row (C14)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from zakhira.kernel.errors import Fault
from zakhira.planning.outlook import WEIGHT_ROUNDING, Outlook, Places
from zakhira.programme.series import Floats

COLUMNS = ("scenario", "weight", "surplus_year", "phase", "epoch", "btc_usd", "others_eh_per_s", "gpu_factor")
"""The columns of a scenario file: a row for each scenario, phase and epoch, both counted from 1."""
LABELS = ("scenario", "surplus_year")
NUMBERS = tuple(name for name in COLUMNS if name not in LABELS)
ABOVE_NOTHING = ("btc_usd", "others_eh_per_s", "gpu_factor")
OF_A_SCENARIO = ("weight", "gpu_factor")
FAULTS_PER_KIND = 20
"""Faults of one kind that are listed; the rest is counted."""
NO_LABEL = -1

WRONG_COLUMNS = "ZK-PLANNING-061"
"""A scenario file lacks a column, has one too many, or has no rows."""
BAD_CELL = "ZK-PLANNING-062"
"""A cell of a scenario file is empty, no finite number, or not possible."""
UNKNOWN_YEAR = "ZK-PLANNING-063"
"""A scenario has a surplus year that the programme does not know."""
OTHER_HORIZON = "ZK-PLANNING-064"
"""A scenario file has another count of phases or epochs than the programme."""
ROWS = "ZK-PLANNING-065"
"""A scenario has a row twice, or lacks one."""
SCENARIO_DIFFERS = "ZK-PLANNING-066"
"""The rows of a scenario differ in what a scenario has once."""
WEIGHTS = "ZK-PLANNING-067"
"""The weights of the scenarios do not sum to 1."""

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Labels:
    """A column of text: ``code`` [row] counts among ``names``, NO_LABEL where the cell is empty."""

    names: tuple[str, ...]
    code: Places


@dataclass(frozen=True)
class OutlookColumns:
    """A scenario file as columns, one array element a row.

    ``numbers`` hold NaN where a cell is empty or could not be read; ``texts`` has the text of the first cells that
    could not, by column and row. ``has_lines`` says that row n (from 0) stands in line n + 2.
    """

    file: str
    has_lines: bool
    names: tuple[str, ...]
    labels: Mapping[str, Labels]
    numbers: Mapping[str, Floats]
    texts: Mapping[str, Mapping[int, str]] = field(default_factory=dict)


def check_outlook(
    columns: OutlookColumns, years: tuple[str, ...], phases: int, epochs: int
) -> tuple[Outlook | None, list[Fault]]:
    """The scenarios of a file for a programme with these surplus ``years`` beside the reference, phases and epochs.

    Scenarios keep the order in which they first appear; an empty surplus year is that of reference. Returns the outlook
    and no faults, or None and the faults: at most FAULTS_PER_KIND of each kind, then how many more there are.
    """
    notes = _Notes(columns)
    if not _header_fits(notes):
        return None, notes.faults
    _check_cells(notes)
    year = _years(notes, years)
    scenario = columns.labels["scenario"].code
    count = len(columns.labels["scenario"].names)
    first = np.unique(scenario, return_index=True)[1]
    if (scenario != NO_LABEL).all():
        _check_scenarios(notes, first, year)
        _check_rows(notes, count, phases, epochs)
    if notes.faults:
        return None, notes.faults
    shape = (count, phases, epochs)
    slot = _slot(columns, phases, epochs)
    filled = {name: _filled(columns.numbers[name], slot, shape) for name in ("btc_usd", "others_eh_per_s")}
    weights, gpu = (columns.numbers[name][first] for name in OF_A_SCENARIO)
    return Outlook(weights, year[first], filled["btc_usd"], filled["others_eh_per_s"], gpu), []


class _Notes:
    """Where faults are noted: lines in a CSV file, row numbers in the message for Parquet."""

    def __init__(self, columns: OutlookColumns) -> None:
        self.columns = columns
        self.faults: list[Fault] = []

    def note(self, code: str, row: int | None, key: str, message: str, remedy: str) -> None:
        """Note a fault in a row counted from 0, or in the file as a whole."""
        line = row + 2 if row is not None and self.columns.has_lines else 0
        if row is not None and not self.columns.has_lines:
            message = f"Row {row + 1}: {message}"
        self.faults.append(Fault(self.columns.file, line, key, code, message, remedy))

    def note_rows(self, code: str, rows: Flags, key: str, say: Callable[[int], str], remedy: str) -> None:
        """Note a fault for each row of a mask, the first FAULTS_PER_KIND in words."""
        found = np.flatnonzero(rows)
        for row in found[:FAULTS_PER_KIND].tolist():
            self.note(code, row, key, say(row), remedy)
        if len(found) > FAULTS_PER_KIND:
            more = f"{len(found) - FAULTS_PER_KIND} more faults of this kind from here on."
            self.note(code, int(found[FAULTS_PER_KIND]), key, more, remedy)


def _header_fits(notes: _Notes) -> bool:
    remedy = f"The columns are {', '.join(COLUMNS)}."
    for name in sorted(set(COLUMNS) ^ set(notes.columns.names)):
        word = "missing" if name in COLUMNS else "not known"
        notes.note(WRONG_COLUMNS, None, name, f"The column {name!r} is {word}.", remedy)
    if not notes.faults and not len(notes.columns.labels["scenario"].code):
        notes.note(WRONG_COLUMNS, None, "", "The file has no rows.", "Give each scenario a row for each epoch.")
    return not notes.faults


def _check_cells(notes: _Notes) -> None:
    """Numbers that are none or cannot be, and rows without a scenario."""
    empty = notes.columns.labels["scenario"].code == NO_LABEL
    notes.note_rows(BAD_CELL, empty, "scenario", lambda _row: "The cell is empty.", "Name the scenario.")
    for name in NUMBERS:
        values, texts = notes.columns.numbers[name], notes.columns.texts.get(name, {})

        def say(row: int, values: Floats = values, texts: Mapping[int, str] = texts) -> str:
            if row in texts:
                return f"{texts[row]!r} is not a number."
            return f"{values[row]:g} is not possible." if np.isfinite(values[row]) else "The cell holds no number."

        bad = ~np.isfinite(values)
        bad |= values <= 0.0 if name in ABOVE_NOTHING else values < 0.0
        if name in {"phase", "epoch"}:
            bad |= values != np.round(values)
            bad |= values < 1.0
        remedy = "Count from 1." if name in {"phase", "epoch"} else "Give a number above 0."
        notes.note_rows(BAD_CELL, bad, name, say, "Give a number of at least 0." if name == "weight" else remedy)


def _years(notes: _Notes, years: tuple[str, ...]) -> Places:
    """The position of each row's surplus year: 0 for the reference, which is left empty."""
    labels = notes.columns.labels["surplus_year"]
    place = np.array([years.index(name) + 1 if name in years else -1 for name in labels.names] + [0])
    position = place[labels.code].astype(np.intp)  # NO_LABEL picks the last, the reference
    remedy = f"Leave it empty for the year of [series], or name one of: {', '.join(years) or 'none is there'}."
    for code in np.unique(labels.code[position < 0]).tolist():
        rows = np.flatnonzero(labels.code == code)
        message = f"There is no surplus year {labels.names[code]!r} ({len(rows)} rows)."
        notes.note(UNKNOWN_YEAR, int(rows[0]), "surplus_year", message, remedy)
    return position


def _check_scenarios(notes: _Notes, first: Places, year: Places) -> None:
    """Weight, GPU factor and surplus year are the scenario's: one for all of its rows; weights sum to 1."""
    of_first = first[notes.columns.labels["scenario"].code]
    numbers = notes.columns.numbers
    names = notes.columns.labels["scenario"].names
    code = notes.columns.labels["scenario"].code
    for name, values in (*((name, numbers[name]) for name in OF_A_SCENARIO), ("surplus_year", year)):
        notes.note_rows(
            SCENARIO_DIFFERS,
            (values != values[of_first]) & (values == values),  # noqa: PLR0124  # NaN was told before
            name,
            lambda row: f"The scenario {names[code[row]]!r} has another one in an earlier row.",
            "Give a scenario one value in all of its rows.",
        )
    total = float(numbers["weight"][first].sum())
    if np.isfinite(total) and abs(total - 1.0) > WEIGHT_ROUNDING:
        message = f"The weights of {len(first)} scenarios sum to {total:.9g}."
        notes.note(WEIGHTS, None, "weight", message, "Give weights that sum to 1.")


def _check_rows(notes: _Notes, count: int, phases: int, epochs: int) -> None:
    """Each scenario, phase and epoch once, and as many of them as the programme has."""
    numbers = notes.columns.numbers
    fits = True
    for name, wanted in (("phase", phases), ("epoch", epochs)):
        known = numbers[name][np.isfinite(numbers[name])]
        if len(known) and known.max() != wanted:
            fits = False
            beyond = np.flatnonzero(numbers[name] > wanted)
            row = int(beyond[0]) if len(beyond) else None
            message = f"The file has {known.max():g} {name}s, the programme's horizon {wanted}."
            notes.note(OTHER_HORIZON, row, name, message, "Make the scenarios for this programme.")
    if not fits or any(fault.code == BAD_CELL for fault in notes.faults):
        return
    slot = _slot(notes.columns, phases, epochs)
    names = notes.columns.labels["scenario"].names
    order = np.argsort(slot, kind="stable")
    twice = np.zeros(len(slot), dtype=np.bool_)
    twice[order[1:][np.diff(slot[order]) == 0]] = True
    notes.note_rows(ROWS, twice, "epoch", lambda _row: "The row's phase and epoch were given before.", "Keep one.")
    present = np.bincount(slot, minlength=count * phases * epochs).reshape(count, -1) > 0
    short = np.flatnonzero(~present.all(axis=1))
    for scenario in short[:FAULTS_PER_KIND].tolist():
        phase, epoch = divmod(int(np.argmin(present[scenario])), epochs)
        lacking = int((~present[scenario]).sum())
        message = f"The scenario {names[scenario]!r} lacks {lacking} rows, first phase {phase + 1}, epoch {epoch + 1}."
        notes.note(ROWS, None, "epoch", message, "Add them.")
    if len(short) > FAULTS_PER_KIND:
        notes.note(ROWS, None, "epoch", f"{len(short) - FAULTS_PER_KIND} more scenarios lack rows.", "Add them.")


def _slot(columns: OutlookColumns, phases: int, epochs: int) -> Places:
    """Where each row belongs: (scenario * phases + phase - 1) * epochs + epoch - 1."""
    phase, epoch = (columns.numbers[name].astype(np.intp) - 1 for name in ("phase", "epoch"))
    return np.asarray((columns.labels["scenario"].code * phases + phase) * epochs + epoch, dtype=np.intp)


def _filled(values: Floats, slot: Places, shape: tuple[int, int, int]) -> Floats:
    out = np.empty(shape)
    out.reshape(-1)[slot] = values
    return out

"""The rows of all files of a planner as one, each with its place in its file, and the faults found in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from zakhira.kernel.errors import Fault
from zakhira.programme.faults import Cause
from zakhira.programme.planner_table import Repair, Repaired
from zakhira.programme.series import Floats
from zakhira.programme.series_columns import FAULTS_PER_KIND, NO_NUMBER, Flags, Ints, at_text

TIME = "time"


@dataclass(frozen=True)
class Rows:
    """One element a row: its file, its row there (from 0), zone and block (from 0), time, and figures (NaN if empty).

    ``time`` indexes ``time_texts``. ``start_s`` is the start of the row's interval in seconds since 1970, NO_NUMBER
    until it is known.
    """

    files: tuple[str, ...]
    has_lines: tuple[bool, ...]
    zones: tuple[str, ...]
    time_texts: tuple[str, ...]
    file: Ints
    row: Ints
    zone: Ints
    block: Ints
    time: Ints
    start_s: Ints
    figures: Mapping[str, Floats]

    def __len__(self) -> int:
        return len(self.row)

    def take(self, chosen: Ints | Flags) -> Rows:
        """The rows ``chosen``, by number or mask, in that order."""
        figures = {name: values[chosen] for name, values in self.figures.items()}
        return self.changed(
            file=self.file[chosen],
            row=self.row[chosen],
            zone=self.zone[chosen],
            block=self.block[chosen],
            time=self.time[chosen],
            start_s=self.start_s[chosen],
            figures=figures,
        )

    def changed(
        self,
        *,
        figures: Mapping[str, Floats],
        file: Ints | None = None,
        row: Ints | None = None,
        zone: Ints | None = None,
        block: Ints | None = None,
        time: Ints | None = None,
        start_s: Ints | None = None,
    ) -> Rows:
        """The same files and names with other arrays."""
        return Rows(
            files=self.files,
            has_lines=self.has_lines,
            zones=self.zones,
            time_texts=self.time_texts,
            file=self.file if file is None else file,
            row=self.row if row is None else row,
            zone=self.zone if zone is None else zone,
            block=self.block if block is None else block,
            time=self.time if time is None else time,
            start_s=self.start_s if start_s is None else start_s,
            figures=figures,
        )

    def at(self, start_s: Ints) -> Rows:
        """The same rows at these times."""
        return self.changed(figures=self.figures, start_s=start_s)

    def place(self, index: int) -> str:
        """The row's zone and time in words, as the file has it and in UTC."""
        text, start_s = self.time_texts[int(self.time[index])], int(self.start_s[index])
        utc = "" if start_s == NO_NUMBER or at_text(start_s) == text else f" ({at_text(start_s)})"
        block = f", block {self.block[index] + 1}" if self.block.max() > 0 else ""
        return f"{self.zones[int(self.zone[index])]}, {text}{utc}{block}"

    def totals(self, column: str, *, mean: bool) -> Floats:
        """By zone the sum, or the mean, of a column's figures; 0 for a zone without any."""
        values = self.figures[column]
        known = np.isfinite(values)
        sums = np.bincount(self.zone[known], values[known], minlength=len(self.zones)).astype(np.float64)
        if not mean:
            return sums
        counts = np.bincount(self.zone[known], minlength=len(self.zones))
        return np.divide(sums, counts, out=np.zeros_like(sums), where=counts > 0)


@dataclass
class Findings:
    """Collects faults, at most FAULTS_PER_KIND of each cause and file and then their number, and repairs."""

    files: tuple[str, ...]
    has_lines: tuple[bool, ...]
    time_columns: tuple[str, ...]
    faults: list[Fault] = field(default_factory=list)
    repaired: list[Repaired] = field(default_factory=list)
    spoiled: bool = False
    """Whether a figure stands as 0 because its cell holds none, which is noted."""
    lost: bool = False
    """Whether rows had to be left out, which is noted: what is missing then is no gap of the planner's."""
    _listed: Counter[tuple[Cause, int]] = field(default_factory=Counter)

    def note(self, cause: Cause, file: int, row: int | None, key: str, message: str, remedy: str = "") -> None:
        """Note a fault in a row of a file (from 0), in its header (-1), or nowhere in it (None).

        The key TIME stands for the column of times, whatever its name is in that file.
        """
        key = self.time_columns[file] if key == TIME else key
        line = 0
        if self.has_lines[file] and row is not None:
            line = row + 2
        elif row is not None and row >= 0:
            message = f"Row {row + 1}: {message}"
        self.faults.append(cause.fault(self.files[file], line, key, message, remedy))

    def note_rows(
        self, cause: Cause, rows: Rows, chosen: Ints | Flags, key: str, say: Callable[[int], str], remedy: str = ""
    ) -> None:
        """Note a fault for each chosen row: the place in zone and time, and then what ``say`` says of it."""
        numbers = np.flatnonzero(chosen) if chosen.dtype == np.bool_ else chosen
        for file in np.unique(rows.file[numbers]).tolist():
            here = numbers[rows.file[numbers] == file]
            room = max(FAULTS_PER_KIND - self._listed[cause, file], 0)
            self._listed[cause, file] += len(here)
            for index in here[:room].tolist():
                message = f"{rows.place(index)}: {say(index)}"
                self.note(cause, file, int(rows.row[index]), key, message, remedy)
            if len(here) > room:
                more = f"{len(here) - room} more faults of this kind from here on."
                self.note(cause, file, int(rows.row[here[room]]), key, more, remedy)

    def log(self, before: Rows, after: Rows, chosen: Flags, repair: Repair, what: str, column: str) -> None:
        """Log a repair of the ``chosen`` rows of ``before`` by zone, with the figures of the zone on both sides."""
        mean = column == "ambient_c"
        old, new = before.totals(column, mean=mean), after.totals(column, mean=mean)
        for zone, name in enumerate(before.zones):
            times = before.start_s[chosen & (before.zone == zone)]
            if len(times):
                first, last = int(times.min()), int(times.max())
                entry = Repaired(name, repair, what, len(times), first, last, float(old[zone]), float(new[zone]))
                self.repaired.append(entry)

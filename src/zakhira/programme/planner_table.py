"""A planner's own files as they were read, and what the planner tells about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from zakhira.programme.series import Floats
from zakhira.programme.series_columns import Flags, Ints, Unreadable

TIME_COLUMNS = ("start_utc", "start", "start_local", "time", "timestamp", "datetime")
"""Names that the time's column may have unless the planner names another."""
RESOLUTIONS_S = {"5m": 300, "10m": 600, "15m": 900, "20m": 1200, "30m": 1800, "1h": 3600}
"""Distances between rows that add up to an hour, by the name that an option has for them."""
SURPLUS_MW, COST, AMBIENT_C = "surplus_mw", "cost_pkr_per_mwh", "ambient_c"


class Repair(Enum):
    """What may be mended, once it is asked for by this word."""

    GAPS = "gaps"
    DUPLICATES = "duplicates"
    DST = "dst"
    RESAMPLE = "resample"
    NEGATIVE = "negative"
    HORIZON = "horizon"


SKIPPED, IN_ORDER, USED_TWICE = "removed", "in order", "used twice"
MEAN, SORTED, FILLED = "mean", "sorted", "filled"
DONE = {
    (Repair.DST, SKIPPED): "rows of a time that the clocks skip in spring were removed",
    (Repair.DST, IN_ORDER): "of two rows of a time that the clocks show twice in autumn, the first is the earlier",
    (Repair.DST, USED_TWICE): "one row of a time that the clocks show twice in autumn stands for both hours",
    (Repair.RESAMPLE, MEAN): "an hour has the mean of its rows, and the cost that its energy costs together",
    (Repair.RESAMPLE, SORTED): "the blocks of hours whose mean costs no longer ascend changed places",
    (Repair.GAPS, FILLED): "missing figures are on a straight line between the rows before and after",
    (Repair.GAPS, SORTED): "the blocks of hours whose filled costs did not ascend changed places",
}
"""What was done, for those whose word alone does not tell it."""


class Kind(Enum):
    """Which series of the programme a planner's files are for."""

    SURPLUS = "surplus"
    AMBIENT = "ambient"

    @property
    def table(self) -> str:
        """Its table in the data dictionary."""
        return f"{self.value} series"

    @property
    def value_column(self) -> str:
        """The column that the other form of file has a column a zone for."""
        return SURPLUS_MW if self is Kind.SURPLUS else AMBIENT_C

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of numbers."""
        return (SURPLUS_MW, COST) if self is Kind.SURPLUS else (AMBIENT_C,)


@dataclass(frozen=True)
class Told:
    """What the planner tells, which the files do not: nothing is repaired that is not in ``repairs``.

    ``time_zone`` is an IANA name for times without an offset; ``resolution_s`` is 0 where the rows shall tell it.
    ``blocks`` and ``costs_pkr_per_mwh`` have one item for all files, one for each, or none. With ``stamps_end`` a time
    is the end of its interval.
    """

    kind: Kind = Kind.SURPLUS
    time_zone: str = ""
    resolution_s: int = 0
    repairs: frozenset[Repair] = frozenset()
    max_gap_hours: float = 3
    blocks: tuple[int, ...] = ()
    costs_pkr_per_mwh: tuple[float, ...] = ()
    stamps_end: bool = False
    time_format: str = ""


@dataclass(frozen=True)
class Cells:
    """A column of numbers: NaN where a cell is empty, could not be read, or says NaN."""

    values: Floats
    empty: Flags
    unreadable: Unreadable


@dataclass(frozen=True)
class PlannerTable:
    """One file as columns, before anything is judged.

    ``time`` indexes ``time_texts`` (-1 where empty), the distinct times as the file shows them. Where the file has a
    type for time, ``typed_s`` are their seconds since 1970: of a clock in UTC if ``typed_utc``, else of one on a wall.
    ``zone`` indexes ``zone_names`` (-1 where empty); both are empty in a file with a column a zone. ``cells`` are all
    other columns but those of a wrong type, which ``mistyped`` names with the type they have.
    """

    file: str
    has_lines: bool
    names: tuple[str, ...]
    rows: int
    time_column: str
    time: Ints
    time_texts: tuple[str, ...]
    typed_s: Ints | None
    typed_utc: bool
    zone_names: tuple[str, ...]
    zone: Ints
    cells: Mapping[str, Cells]
    mistyped: Mapping[str, str] = field(default_factory=dict)

    @property
    def blank(self) -> Flags:
        """Rows without anything in any cell, such as empty lines at the end: they say nothing and are no fault."""
        blank = (self.time < 0) & ((self.zone < 0) | ("zone" not in self.names))
        for cells in self.cells.values():
            blank &= cells.empty
        return blank


@dataclass(frozen=True)
class Repaired:
    """One kind of repair in one zone: how many rows, from when to when, and the zone's figure before and after.

    The figure is the energy of all the zone's rows in MWh; of temperatures, their mean in C.
    """

    zone: str
    repair: Repair
    what: str
    count: int
    first_s: int
    last_s: int
    before: float
    after: float


@dataclass(frozen=True)
class ImportedSeries:
    """Hourly figures [zone, hour, block] by column, aligned with zones and horizon, and what was done to get them."""

    figures: Mapping[str, Floats]
    rows_read: int
    resolution_s: int
    phase_s: int
    repaired: tuple[Repaired, ...]

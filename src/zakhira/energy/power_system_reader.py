"""Rows of a power system's tables: cells checked one by one, faults collected with file, line and column (C14)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np

from zakhira.kernel.errors import Fault
from zakhira.programme.model import Assumption
from zakhira.programme.series import Floats

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "plants.csv": (
        "plant",
        "name",
        "zone",
        "node",
        "region",
        "technology",
        "unit_count",
        "capacity_mw",
        "low",
        "high",
        "tag",
        "source",
        "date",
    ),
    "zones.csv": (
        "zone",
        "region",
        "latitude_deg",
        "summer_max_c",
        "winter_max_c",
        "day_range_c",
        "tag",
        "source",
        "date",
    ),
    "figures.csv": ("subject", "attribute", "value", "low", "high", "tag", "source", "date"),
    "monthly.csv": ("subject", "attribute", "month", "value", "low", "high", "tag", "source", "date"),
    "demand_shape.csv": ("hour", "winter_share", "summer_share", "tag", "source", "date"),
    "transmission.csv": ("id", "from", "to", "limit_mw", "low", "high", "tag", "source", "date"),
    "published.csv": (
        "quantity",
        "subject",
        "period",
        "label",
        "unit",
        "value",
        "basis",
        "tolerance_share",
        "tag",
        "source",
        "date",
    ),
}
"""Every table that a power system needs, with its columns."""

MAY_BE_ABSENT: Mapping[str, tuple[str, ...]] = {
    "years.csv": (
        "year",
        "name",
        "hydro_factor",
        "demand_factor",
        "solar_factor",
        "weight_share",
        "tag",
        "source",
        "date",
    ),
}
"""Tables that a power system may have."""

MISSING_TABLE = "ZK-ENERGY-101"
"""A table of the power system is missing."""
WRONG_COLUMNS = "ZK-ENERGY-102"
"""A table lacks a column or has one too many."""
NOT_A_NUMBER = "ZK-ENERGY-103"
"""A cell that should hold a finite number holds something else."""
OUT_OF_RANGE = "ZK-ENERGY-104"
"""A number is outside its range."""
TWICE = "ZK-ENERGY-105"
"""A row or a plant is given twice."""
UNKNOWN_REFERENCE = "ZK-ENERGY-106"
"""A row names something that does not exist."""
MISSING_FIGURE = "ZK-ENERGY-107"
"""A figure that is needed is missing."""
BAD_MONTHS = "ZK-ENERGY-108"
"""The months are not twelve in a row."""
BAD_PROVENANCE = "ZK-ENERGY-109"
"""The tag, source or date of a figure is missing or wrong."""
UNKNOWN_FIGURE = "ZK-ENERGY-110"
"""A figure that nothing reads."""

TAGS = ("S", "D", "K", "E")
YEAR_MONTHS = 12
_DEFAULTS = {
    "available_share": 1.0,
    "must_take_share": 0.0,
    "headroom_cost_share": 1.0,
    "fuel_limit_share": 1.0,
    "cost_offset_pkr_per_kwh": 0.0,
}
"""What holds where neither a figure nor a month is given."""


@dataclass(frozen=True)
class Row:
    """One data row with its line in the file, counted from 1."""

    line: int
    cells: Mapping[str, str]


@dataclass(frozen=True)
class Table:
    """A table as its file gave it: text in named columns."""

    file: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


class TableReader:
    """Collects faults while the tables are read."""

    def __init__(self, tables: Mapping[str, Table]) -> None:
        self.faults: list[Fault] = []
        self.assumptions: list[Assumption] = []
        self.rows: dict[str, tuple[Row, ...]] = {}
        for file, columns in COLUMNS.items():
            self.rows[file] = self._checked_rows(file, columns, tables.get(file))
        for file, columns in MAY_BE_ABSENT.items():
            self.rows[file] = self._checked_rows(file, columns, tables[file]) if file in tables else ()
        self.months = self._months()
        self.constants: dict[tuple[str, str], float] = {}
        self.monthly: dict[tuple[str, str], dict[str, float]] = {}

    def fault(self, code: str, file: str, line: int, key: str, message: str, remedy: str) -> None:
        """Remember a fault; reading goes on."""
        self.faults.append(Fault(file, line, key, code, message, remedy))

    def _checked_rows(self, file: str, columns: tuple[str, ...], table: Table | None) -> tuple[Row, ...]:
        if table is None:
            self.fault(
                MISSING_TABLE, file, 0, "", "The table is missing.", f"Add it with columns {', '.join(columns)}."
            )
            return ()
        for column in sorted(set(columns) ^ set(table.columns)):
            word = "missing" if column in columns else "unknown"
            self.fault(
                WRONG_COLUMNS, file, 1, column, f"The column is {word}.", f"The columns are {', '.join(columns)}."
            )
        return table.rows if set(columns) == set(table.columns) else ()

    def _months(self) -> tuple[str, ...]:
        months = sorted({row.cells["month"] for row in self.rows["monthly.csv"]})
        valid = [month for month in months if _is_month(month)]
        for month in sorted(set(months) - set(valid)):
            self.fault(BAD_MONTHS, "monthly.csv", 0, "month", f"{month!r} is not a month.", "Write it like 2026-01.")
        if self.rows["monthly.csv"] and (
            len(valid) != YEAR_MONTHS or any(_next_month(a) != b for a, b in pairwise(valid))
        ):
            given = ", ".join(valid)
            self.fault(
                BAD_MONTHS, "monthly.csv", 0, "month", f"The months are {given}.", "Give twelve consecutive months."
            )
        return tuple(valid)

    def number(self, file: str, row: Row, column: str, low: float = 0.0, high: float = math.inf) -> float:
        """The number in a cell; a fault and 0 where it is none or lies outside low..high."""
        text = row.cells[column]
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            self.fault(NOT_A_NUMBER, file, row.line, column, f"{text!r} is not a number.", "Write a plain number.")
            return 0.0
        if not low <= value <= high:
            bounds = f"at least {low:g}" if math.isinf(high) else f"from {low:g} to {high:g}"
            self.fault(OUT_OF_RANGE, file, row.line, column, f"{text} is outside its range.", f"Use a value {bounds}.")
            return 0.0
        return value

    def provenance(self, file: str, row: Row, key: str, value: float, unit: str) -> None:
        """Check tag, source and date of a row and remember its figure."""
        cells = row.cells
        if cells["tag"] not in TAGS or not cells["source"].strip():
            message = f"{cells['tag']!r} with source {cells['source']!r} says too little."
            self.fault(BAD_PROVENANCE, file, row.line, "tag", message, "Give a tag of S, D, K, E and a source.")
        try:
            dated = date.fromisoformat(cells["date"]) if cells["date"] else None
        except ValueError:
            self.fault(BAD_PROVENANCE, file, row.line, "date", f"{cells['date']!r} is no date.", "Write 2026-01-31.")
            return
        low, high = (
            self.number(file, row, column, -math.inf) if cells.get(column) else None for column in ("low", "high")
        )
        self.assumptions.append(Assumption(key, value, unit, low, high, cells["source"], dated, cells["tag"]))

    def unique(self, file: str, key_of: Callable[[Row], str]) -> None:
        """A fault for every row whose key stood in an earlier row."""
        seen: dict[str, int] = {}
        for row in self.rows[file]:
            key = key_of(row)
            if key in seen:
                message = f"{key!r} stands in line {seen[key]} already."
                self.fault(TWICE, file, row.line, key, message, "Keep one of the rows.")
            seen.setdefault(key, row.line)

    def reference(self, file: str, row: Row, column: str, known: Iterable[str]) -> str:
        """The text of a cell, which must be one of ``known``."""
        text = row.cells[column]
        if text not in known:
            names = ", ".join(name for name in known if name)
            self.fault(UNKNOWN_REFERENCE, file, row.line, column, f"{text!r} is not known.", f"Use one of: {names}.")
        return text

    def read_values(self, subjects: Mapping[str, Sequence[str]]) -> None:
        """Read figures.csv and monthly.csv; ``subjects`` says which attributes each subject may have."""
        self.unique("figures.csv", lambda row: f"{row.cells['subject']}.{row.cells['attribute']}")
        self.unique("monthly.csv", lambda row: f"{row.cells['subject']}.{row.cells['attribute']}.{row.cells['month']}")
        for file in ("figures.csv", "monthly.csv"):
            for row in self.rows[file]:
                subject, attribute = row.cells["subject"], row.cells["attribute"]
                if attribute not in subjects.get(subject, ()):
                    allowed = ", ".join(subjects.get(subject, ())) or f"a subject of {', '.join(subjects)}"
                    message = f"{subject}.{attribute} is not known."
                    self.fault(UNKNOWN_FIGURE, file, row.line, attribute, message, f"Use one of: {allowed}.")
                    continue
                low = -math.inf if attribute == "cost_offset_pkr_per_kwh" else 0.0
                high = 1.0 if attribute.endswith("_share") and not attribute.startswith("hydro_floor") else math.inf
                value = self.number(file, row, "value", low, high)
                month = row.cells.get("month", "")
                key = f"{subject}.{attribute}" + (f".{month}" if month else "")
                self.provenance(file, row, key, value, unit_of(attribute))
                if month:
                    self.monthly.setdefault((subject, attribute), {})[month] = value
                else:
                    self.constants[subject, attribute] = value

    def constant(self, subject: str, attribute: str) -> float:
        """A figure of figures.csv, or its default; a fault where it has neither."""
        value = self.constants.get((subject, attribute), _DEFAULTS.get(attribute))
        if value is None:
            message = f"{subject}.{attribute} is missing."
            self.fault(MISSING_FIGURE, "figures.csv", 0, attribute, message, "Add a row for it.")
            return 0.0
        return value

    def by_month(self, subject: str, attribute: str) -> Floats:
        """The month's value where one is given, else the constant."""
        given = self.monthly.get((subject, attribute), {})
        if given.keys() >= set(self.months):
            return np.array([given[month] for month in self.months])
        rest = self.constant(subject, attribute)
        return np.array([given.get(month, rest) for month in self.months])


def _is_month(text: str) -> bool:
    try:
        date.fromisoformat(f"{text}-01")
    except ValueError:
        return False
    return True


def _next_month(text: str) -> str:
    year, month = map(int, text.split("-"))
    return f"{year + month // YEAR_MONTHS}-{month % YEAR_MONTHS + 1:02d}"


def unit_of(attribute: str) -> str:
    """The unit that stands last in an attribute's name (C4)."""
    units = {
        "_pkr_per_kwh": "PKR/kWh", "_gwh": "GWh", "_mw": "MW", "_share": "share", "_days": "days", "_day": "day",
        "_hours": "h", "_hour": "h", "_deg": "deg", "_c": "C", "_count": "count",
    }  # fmt: skip
    return next((unit for ending, unit in units.items() if attribute.endswith(ending)), "1")

"""The data dictionary: every attribute of the programme file with type, unit, range, default and provenance."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date

TAGS = ("S", "D", "K", "E")
"""Where a figure comes from, strongest first: sourced, derived, general knowledge, estimate."""
NOTHING = "-"
"""In place of a tag: the default is no figure about the world; what the attribute describes is not there."""

SIMPLE_KINDS = frozenset(
    {
        "id",
        "code",
        "text",
        "lines",
        "time zone",
        "instant",
        "date",
        "file",
        "integer",
        "number",
        "sats",
        "ids",
        "texts",
        "amount",
        "public key",
        "xpub",
    }
)
NUMERIC_KINDS = frozenset({"integer", "number", "sats"})
IDENTITY_KINDS = frozenset({"id", "code"})
OMITTED_KINDS = frozenset({"text", "lines", "texts", "id", "ids", "refs", "choices", "amount"})
"""Kinds that may be left out without a default: nothing is named then."""
TABLE_KINDS = frozenset({"table", "tables", "columns"})

COLUMNS = (
    *("table", "attribute", "type", "unit", "required", "default", "minimum", "maximum"),
    *("low", "high", "source", "date", "tag", "description"),
)


@dataclass(frozen=True)
class Bound:
    """One end of the range of what is possible at all; ``inclusive`` says whether the end itself is."""

    value: float
    inclusive: bool


@dataclass(frozen=True)
class Attribute:
    """One row. ``minimum`` and ``maximum`` bound what is accepted; ``low`` and ``high`` say how sure the default is."""

    table: str
    name: str
    kind: str
    unit: str
    required: bool
    default: float | None
    minimum: Bound | None
    maximum: Bound | None
    low: float | None
    high: float | None
    source: str
    date: date | None
    tag: str
    description: str

    @property
    def is_numeric(self) -> bool:
        """Whether the value is a number."""
        return self.kind in NUMERIC_KINDS

    @property
    def choices(self) -> tuple[str, ...]:
        """The words to choose from, if the type is a choice; of a choice of one, the first by default."""
        first, _, words = self.kind.partition(" ")
        return tuple(words.split("|")) if first in {"choice", "choices"} else ()

    @property
    def may_be_left_out(self) -> bool:
        """Whether nothing at all is meant where nothing is written."""
        return not self.required and self.default is None and self.kind.partition(" ")[0] in OMITTED_KINDS

    @property
    def target(self) -> str:
        """The table that the value refers to (``role`` for roles), or nothing."""
        first, _, target = self.kind.partition(" ")
        return target if first in {"ref", "refs"} else ""

    @property
    def suffix(self) -> str:
        """The unit as it stands last in the name: ``usd_per_mwh``; nothing if the name carries none."""
        if not self.unit:
            return ""
        spelt = self.unit.lower().replace("/", "_per_")
        if self.name.endswith("_" + spelt):
            return spelt
        return self.name.rpartition("_")[2] if "_" in self.name else ""

    @property
    def stem(self) -> str:
        """The name without its unit."""
        return self.name.removesuffix("_" + self.suffix) if self.suffix else self.name

    @property
    def range_text(self) -> str:
        """The range in words: ``above 0, at most 1``."""
        parts = []
        if self.minimum:
            parts.append(f"{'at least' if self.minimum.inclusive else 'above'} {self.minimum.value:.16g}")
        if self.maximum:
            parts.append(f"{'at most' if self.maximum.inclusive else 'below'} {self.maximum.value:.16g}")
        return ", ".join(parts)

    def admits(self, value: float) -> bool:
        """Whether a finite number lies in the range."""
        low, high = self.minimum, self.maximum
        above = low is None or value > low.value or (low.inclusive and value == low.value)
        below = high is None or value < high.value or (high.inclusive and value == high.value)
        return above and below


@dataclass(frozen=True)
class TableSpec:
    """A table of the file: at most one (``many`` false) or any number, with its attributes in order."""

    name: str
    many: bool
    required: bool
    is_series: bool
    description: str
    attributes: tuple[Attribute, ...]

    def attribute(self, name: str) -> Attribute | None:
        """The attribute of this name."""
        return next((attribute for attribute in self.attributes if attribute.name == name), None)

    @property
    def identity(self) -> Attribute | None:
        """The attribute that names a record of this table, if there is one."""
        return next((attribute for attribute in self.attributes if attribute.kind in IDENTITY_KINDS), None)


@dataclass(frozen=True)
class Dictionary:
    """All tables in the order of the file."""

    tables: tuple[TableSpec, ...]

    def table(self, name: str) -> TableSpec:
        """The table of this name, which must exist."""
        return next(table for table in self.tables if table.name == name)

    def children(self, parent: str) -> tuple[TableSpec, ...]:
        """Tables inside the records of ``parent``, of the file itself if it is empty; series are not among them."""
        return tuple(table for table in self.tables if not table.is_series and table.name.rpartition(".")[0] == parent)


def _number(cell: str) -> float | None:
    return float(cell) if cell else None


def _bound(cell: str) -> Bound | None:
    if not cell:
        return None
    open_end = cell[0] in "<>"
    return Bound(float(cell[1:] if open_end else cell), inclusive=not open_end)


def _known_kind(kind: str) -> bool:
    return kind in SIMPLE_KINDS or kind.partition(" ")[0] in {"choice", "choices", "ref", "refs"}


def _attribute(row: dict[str, str]) -> Attribute:
    assert _known_kind(row["type"]), f"{row['table']}.{row['attribute']} has the unknown type {row['type']!r}"
    assert row["required"] in {"yes", "no"}, row
    default = _number(row["default"])
    first = row["type"].partition(" ")[0]
    has_default = default is not None or first == "choice" or first in OMITTED_KINDS
    assert has_default or row["required"] == "yes", f"{row['attribute']}: neither required nor with a default"
    assert default is None or row["required"] == "no", f"{row['attribute']}: required, and yet with a default"
    provenance = bool(row["tag"] in TAGS and row["source"] and row["date"])
    assert default is None or provenance or row["tag"] == NOTHING, f"{row['attribute']}: whence?"
    return Attribute(
        table=row["table"],
        name=row["attribute"],
        kind=row["type"],
        unit=row["unit"],
        required=row["required"] == "yes",
        default=default,
        minimum=_bound(row["minimum"]),
        maximum=_bound(row["maximum"]),
        low=_number(row["low"]),
        high=_number(row["high"]),
        source=row["source"],
        date=date.fromisoformat(row["date"]) if row["date"] else None,
        tag=row["tag"],
        description=row["description"],
    )


def parse_dictionary(data: bytes) -> Dictionary:
    """Read the dictionary's CSV. It ships with the program, so that what is wrong in it is a broken invariant."""
    rows = list(csv.DictReader(data.decode().splitlines()))
    assert rows, "the data dictionary is empty"
    assert tuple(rows[0]) == COLUMNS, f"the data dictionary has the columns {tuple(rows[0])}"
    tables: list[TableSpec] = []
    for head in (row for row in rows if not row["attribute"]):
        assert head["type"] in TABLE_KINDS, head
        attributes = tuple(_attribute(row) for row in rows if row["table"] == head["table"] and row["attribute"])
        tables.append(
            TableSpec(
                name=head["table"],
                many=head["type"] == "tables",
                required=head["required"] == "yes",
                is_series=head["type"] == "columns",
                description=head["description"],
                attributes=attributes,
            )
        )
    assert sum(len(table.attributes) + 1 for table in tables) == len(rows), "a row belongs to no table, or to two"
    return Dictionary(tuple(tables))

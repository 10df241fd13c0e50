"""Tables of the file as records of checked values, with every fault and every assumption on the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from difflib import get_close_matches
from typing import TypeAlias

from zakhira.kernel.errors import Fault
from zakhira.programme.dictionary import NOTHING, TAGS, Attribute, Dictionary, TableSpec
from zakhira.programme.faults import Cause
from zakhira.programme.model import Assumption
from zakhira.programme.toml_source import Path, TomlSource
from zakhira.programme.unit_names import unit_mistake
from zakhira.programme.value import Problem, Value, check_value, shown

Refuse: TypeAlias = Callable[[str, str, str], None]

FIGURE_KEYS = ("value", "low", "high", "source", "date", "tag")
"""What may stand in a number that is written with its provenance."""

DECIDED_TABLES = frozenset({"rule", "statute", "reconciliation"})
"""Their numbers are decided, not measured: they are no assumptions."""

MAX_FIGURE = 1e300
"""Ends of a figure's range stay below this: larger whole numbers are no floating-point numbers."""


@dataclass(frozen=True)
class Record:
    """One table of the file (or one element of an array of tables) with the values that passed their checks."""

    table: TableSpec
    label: str
    path: Path
    source: TomlSource
    values: Mapping[str, Value]
    children: Mapping[str, tuple[Record, ...]]

    def fault(self, cause: Cause, name: str, message: str, remedy: str = "") -> Fault:
        """A fault at one of the record's attributes, or at the record if ``name`` is empty."""
        path = (*self.path, name) if name else self.path
        key = f"{self.label}.{name}" if name else self.label
        return cause.fault(self.source.file, self.source.line(path), key, message, remedy)

    def text(self, name: str) -> str | None:
        """The text of an attribute; None if it is missing or was refused."""
        value = self.values.get(name)
        return value if isinstance(value, str) else None

    def texts(self, name: str) -> tuple[str, ...]:
        """The texts of an attribute, one or a list; none if it is missing or was refused."""
        value = self.values.get(name)
        return value if isinstance(value, tuple) else (value,) if isinstance(value, str) else ()

    def number(self, name: str) -> float | None:
        """The number of an attribute; None if it is missing or was refused."""
        value = self.values.get(name)
        return value if isinstance(value, int | float) else None

    def instant(self, name: str) -> datetime | None:
        """The instant of an attribute; None if it is missing or was refused."""
        value = self.values.get(name)
        return value if isinstance(value, datetime) else None


@dataclass
class Reading:
    """What was read: records by table (nested ones are in their parents), faults and assumptions."""

    source: TomlSource
    dictionary: Dictionary
    records: dict[str, tuple[Record, ...]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    assumptions: list[Assumption] = field(default_factory=list)

    def one(self, table: str) -> Record | None:
        """The record of a single table, if it is there."""
        records = self.records.get(table, ())
        return records[0] if records else None

    def all(self, table: str) -> tuple[Record, ...]:
        """All records of a table."""
        return self.records.get(table, ())

    def note(self, cause: Cause, path: Path, key: str, message: str, remedy: str = "") -> None:
        """Note a fault at a place of the file."""
        self.faults.append(cause.fault(self.source.file, self.source.line(path), key, message, remedy))


def closest(word: str, candidates: tuple[str, ...]) -> str:
    """``Did you mean 'zone'?`` if something is close, else nothing."""
    matches = get_close_matches(word, candidates, 1, 0.6)
    return f"Did you mean {matches[0]!r}?" if matches else ""


def read_tables(source: TomlSource, dictionary: Dictionary) -> Reading:
    """Read every table that the dictionary knows; whatever it does not know is a fault."""
    reading = Reading(source, dictionary)
    tables = dictionary.children("")
    names = tuple(table.name for table in tables)
    for key in source.values:
        if key not in names:
            reading.note(Cause.UNKNOWN_TABLE, (key,), key, f"There is no table {shown(key)}.", closest(key, names))
    for table in tables:
        reading.records[table.name] = _read_table(reading, table, table.name, (), source.values)
    return reading


def _read_table(
    reading: Reading, table: TableSpec, label: str, path: Path, holder: Mapping[str, object]
) -> tuple[Record, ...]:
    """The records of one table inside ``holder``, the file or a record of the table around it."""
    name = table.name.rpartition(".")[2]
    place = (*path, name)
    if name not in holder:
        if table.required:
            reading.note(Cause.MISSING_TABLE, path, label, f"The table {_head(table)} is missing.")
        elif not table.many and not any(attribute.required for attribute in table.attributes):
            return (_read_record(reading, table, label, place, {}),)
        return ()
    raw = holder[name]
    items = raw if table.many else [raw]
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items) or not items:
        message = f"{shown(name)} is not written as {_head(table)}."
        reading.note(Cause.WRONG_TYPE, place, label, message, f"Write it as {_head(table)}.")
        return ()
    if not table.many:
        return (_read_record(reading, table, label, place, items[0]),)
    return tuple(
        _read_record(reading, table, _label(table, label, item, index), (*place, index), item)
        for index, item in enumerate(items)
    )


def _head(table: TableSpec) -> str:
    return f"[[{table.name}]]" if table.many else f"[{table.name}]"


def _label(table: TableSpec, label: str, item: Mapping[str, object], index: int) -> str:
    """``zone.thar``, or ``link[1]`` where there is no name to be had."""
    name = item.get(table.identity.name) if table.identity else None
    good = table.identity is not None and name and not isinstance(check_value(table.identity, name), Problem)
    return f"{label}.{name}" if good else f"{label}[{index + 1}]"


def _read_record(reading: Reading, table: TableSpec, label: str, path: Path, item: Mapping[str, object]) -> Record:
    children = reading.dictionary.children(table.name)
    mistaken = _unknown_keys(reading, table, children, label, path, item)
    values: dict[str, Value] = {}
    for attribute in table.attributes:
        key = f"{label}.{attribute.name}"
        if attribute.name in item:
            value = _read_value(reading, attribute, key, (*path, attribute.name), item[attribute.name])
        elif attribute.default is not None:
            value = _use_default(reading, attribute, key)
        elif attribute.may_be_left_out:
            value = None
        elif attribute.choices and not attribute.required:
            value = attribute.choices[0]
        else:
            value = None
            if attribute.name not in mistaken:
                message = f"{attribute.name!r} is missing: {attribute.description}."
                reading.note(Cause.MISSING_KEY, path, key, message, _how_to_add(attribute))
        if value is not None:
            values[attribute.name] = value
    nested = {
        child.name: _read_table(reading, child, f"{label}.{child.name.rpartition('.')[2]}", path, item)
        for child in children
    }
    return Record(table, label, path, reading.source, values, nested)


def _how_to_add(attribute: Attribute) -> str:
    unit = f" in {attribute.unit}" if attribute.unit else ""
    form = f"one of {', '.join(attribute.choices)}" if attribute.choices else f"{attribute.kind}{unit}"
    return f"Add {attribute.name} = ... ({form})."


def _unknown_keys(
    reading: Reading,
    table: TableSpec,
    children: tuple[TableSpec, ...],
    label: str,
    path: Path,
    item: Mapping[str, object],
) -> frozenset[str]:
    """Refuse unknown keys. Returns the attributes that were meant by a key with the wrong unit."""
    names = tuple(attribute.name for attribute in table.attributes)
    nested = tuple(child.name.rpartition(".")[2] for child in children)
    mistaken = set()
    for key in item:
        if key in names or key in nested:
            continue
        meant = unit_mistake(key, tuple(a for a in table.attributes if a.name not in item))
        if meant is not None:
            mistaken.add(meant.name)
            message = f"{key!r} has not the unit {meant.unit} of {meant.name!r}."
            remedy = f"Convert the value to {meant.unit} and name the key {meant.name!r}."
            reading.note(Cause.WRONG_UNIT, (*path, key), f"{label}.{key}", message, remedy)
        else:
            message = f"{_head(table)} knows no key {shown(key)}."
            reading.note(Cause.UNKNOWN_KEY, (*path, key), f"{label}.{key}", message, closest(key, names + nested))
    return frozenset(mistaken)


def _use_default(reading: Reading, attribute: Attribute, key: str) -> Value:
    assert attribute.default is not None
    if attribute.tag != NOTHING:
        reading.assumptions.append(
            Assumption(
                key=key,
                value=attribute.default,
                unit=attribute.unit,
                low=attribute.low,
                high=attribute.high,
                source=attribute.source,
                date=attribute.date,
                tag=attribute.tag,
            )
        )
    return attribute.default if attribute.kind == "number" else int(attribute.default)


def _read_value(reading: Reading, attribute: Attribute, key: str, path: Path, raw: object) -> Value | None:
    """Check one value; a number may be plain or stand in a table with its provenance."""
    if not (attribute.is_numeric and isinstance(raw, dict)):
        return _accept(reading, attribute, key, path, raw, {})
    for name in raw:
        if name not in FIGURE_KEYS:
            remedy = closest(name, FIGURE_KEYS)
            reading.note(
                Cause.UNKNOWN_KEY, (*path, name), f"{key}.{name}", f"A figure knows no key {shown(name)}.", remedy
            )
    if "value" not in raw:
        reading.note(Cause.MISSING_KEY, path, f"{key}.value", "The figure has no 'value'.", "Add value = ...")
        return None
    return _accept(reading, attribute, key, path, raw["value"], raw)


def _accept(
    reading: Reading, attribute: Attribute, key: str, path: Path, raw: object, figure: Mapping[str, object]
) -> Value | None:
    value = check_value(attribute, raw)
    if isinstance(value, Problem):
        reading.note(value.cause, path, key, value.message, value.remedy)
        return None
    is_figure = attribute.is_numeric and attribute.unit and attribute.table.partition(".")[0] not in DECIDED_TABLES
    if is_figure and isinstance(value, int | float):
        reading.assumptions.append(_assumption(reading, attribute, key, path, float(value), figure))
    return value


def _assumption(
    reading: Reading, attribute: Attribute, key: str, path: Path, value: float, figure: Mapping[str, object]
) -> Assumption:
    """The figure with its provenance; a figure of the file that tells none counts as an estimate."""

    def refuse(name: str, message: str, remedy: str) -> None:
        reading.note(Cause.BAD_PROVENANCE, (*path, name), f"{key}.{name}", message, remedy)

    low, high = _end(figure, "low", refuse), _end(figure, "high", refuse)
    if (low is not None and low > value) or (high is not None and high < value):
        refuse("low" if low is not None and low > value else "high", f"{value:g} is not between low and high.", "")
    source, tag, day = figure.get("source", ""), figure.get("tag", "E"), figure.get("date")
    if not isinstance(source, str) or not (source.isprintable() or source == ""):
        refuse("source", f"{shown(source)} is not a line of text.", "Write the source as text in quotes.")
    if not isinstance(tag, str) or tag not in TAGS:
        refuse(
            "tag", f"{shown(tag)} is not a tag.", "Use S (sourced), D (derived), K (general knowledge) or E (estimate)."
        )
    if day is not None and (isinstance(day, datetime) or not isinstance(day, date)):
        refuse("date", f"{shown(day)} is not a date.", "Write it without quotes, like 2026-06-26.")
    return Assumption(
        key=key,
        value=value,
        unit=attribute.unit,
        low=low,
        high=high,
        source=str(source) or reading.source.file.rpartition("/")[2],
        date=day if isinstance(day, date) else None,
        tag=str(tag),
    )


def _end(figure: Mapping[str, object], name: str, refuse: Refuse) -> float | None:
    raw = figure.get(name)
    if raw is None:
        return None
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not abs(raw) < MAX_FIGURE:
        refuse(name, f"{shown(raw)} is not a finite number.", "Write a plain number in the unit of the value.")
        return None
    return float(raw)

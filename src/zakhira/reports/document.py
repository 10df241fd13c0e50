"""A report as data: sentences, figures, tables and plots in the order in which they are read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from zakhira.reports.plot_spec import PlotSpec


class Mood(Enum):
    """How a state stands: shown by icon, word and colour together."""

    GOOD = "good"
    BAD = "bad"
    OPEN = "open"


class Kind(Enum):
    """What a row of a table is."""

    NORMAL = "normal"
    TOTAL = "total"
    ESTIMATE = "estimate"


@dataclass(frozen=True)
class State:
    """The state of a proof or a certificate: one word, and the sentence behind it."""

    mood: Mood
    word: str
    sentence: str


@dataclass(frozen=True)
class Figure:
    """One of the few figures of the first screen. ``value`` is written, ``unit`` stands beside it."""

    label: str
    value: str
    unit: str
    note: str


@dataclass(frozen=True)
class Column:
    """A column of a table. Numbers stand to the right, words to the left; ``code`` is for hashes and ids."""

    name: str
    unit: str = ""
    number: bool = True
    code: bool = False


@dataclass(frozen=True)
class Row:
    """A row of written cells, as many as there are columns; a cell may hold several lines."""

    cells: tuple[str, ...]
    kind: Kind = Kind.NORMAL


@dataclass(frozen=True)
class Table:
    """A table with its caption. ``folded`` puts it one click away; the first column names the row."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    folded: bool = False

    def __post_init__(self) -> None:
        width = len(self.columns)
        assert all(len(row.cells) == width for row in self.rows), f"a row of '{self.caption}' has not {width} cells"


@dataclass(frozen=True)
class Section:
    """One message: its sentence as a title, the words, the plot, the tables, and where the figures come from."""

    id: str
    title: str
    paragraphs: tuple[str, ...]
    source: str
    plot: PlotSpec | None = None
    tables: tuple[Table, ...] = ()
    points: tuple[str, ...] = ()
    """A list, where the section is one."""
    prominent: bool = False


@dataclass(frozen=True)
class Report:
    """A whole report. ``about`` are short facts on the run, as (name, value)."""

    title: str
    subtitle: str
    headline: str
    figures: tuple[Figure, ...]
    states: tuple[State, ...]
    sections: tuple[Section, ...]
    about: tuple[tuple[str, str], ...]
    kind: str = "run"
    """What it is the report of: a run, a plan or a frontier."""

    def section(self, section_id: str) -> Section:
        """The section with this id; raises StopIteration when there is none."""
        return next(section for section in self.sections if section.id == section_id)

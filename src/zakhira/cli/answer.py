"""What an answer is: what a person reads, the same facts for a machine, and a yes or no."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zakhira.kernel.canonical import Json

Progress = Callable[[str, float, float, str], None]
"""``progress(stage, done, total, note)``: called often; ``stage`` names the bar."""


@dataclass(frozen=True)
class Table:
    """Rows of text under column heads; ``right`` names the columns that align on the right."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()


class Word(Enum):
    """What an answer says: yes, no, or that something outside was missing to say either."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"
    INTERRUPTED = "interrupted"
    """Somebody stopped the work; the answer is the best so far."""


@dataclass(frozen=True)
class Answer:
    """A result: what a person reads, the same facts for a machine, and whether the answer is yes."""

    tables: tuple[Table, ...]
    facts: Mapping[str, Json]
    sentence: str = ""
    word: Word = Word.YES


@dataclass(frozen=True)
class Finding:
    """One thing that the doctor looked at."""

    subject: str
    state: str
    """ok, warning or missing"""
    detail: str
    remedy: str = ""


@dataclass(frozen=True)
class ServedNode:
    """A private node that answers, with the pack that it can be asked about."""

    out: Path
    url: str
    cookie: Path
    pack: Path


@dataclass(frozen=True)
class ServedReserve:
    """A reserve whose database, and private node where it has one, are kept up."""

    folder: Path
    url: str
    cookie: Path | None
    is_private: bool

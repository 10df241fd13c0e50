"""The watchtower's own disk: its state and the notices that are not delivered yet, in one SQLite file."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from zakhira.kernel.canonical import Json
from zakhira.kernel.errors import OutsideFailure
from zakhira.kernel.interval import parse_utc, utc_text
from zakhira.watch.alarm import Notice, raised_of
from zakhira.watch.first_read import first_read_of
from zakhira.watch.state import WatchState, coin_of, seen_spend_of

SCHEMA = 2
_WITHOUT_RANK = 1
MOST_WAITING = 10_000
"""Notices that wait for one notifier: at a thousand bytes each they stay far below what a disk feels."""
_PERCENT_BY_RANK = (100, 90, 80, 80)
"""So much of it each rank of alarms may fill: the last tenth is kept for coins that moved, the one before it for what
is critical. [E]; a flood of junk is joined before it comes here, this is for what is not foreseen."""
_TABLES = """
CREATE TABLE IF NOT EXISTS kept (part TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (part, id));
CREATE TABLE IF NOT EXISTS notice (number INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS waiting (
    notice INTEGER NOT NULL, notifier TEXT NOT NULL, tries INTEGER NOT NULL DEFAULT 0, next_at TEXT NOT NULL,
    trouble TEXT NOT NULL DEFAULT '', rank INTEGER NOT NULL DEFAULT 1, PRIMARY KEY (notifier, notice));
CREATE TABLE IF NOT EXISTS dropped (notifier TEXT PRIMARY KEY, count INTEGER NOT NULL);
"""

Value = TypeVar("Value")


class WatchStoreUnusable(OutsideFailure):
    """The watchtower's state cannot be read or written: a full disk, a damaged file, or one of another version."""

    code = "ZK-WATCH-052"


@dataclass(frozen=True)
class Waiting:
    """A notice that is due for a notifier."""

    number: int
    notifier: str
    tries: int
    notice: Mapping[str, Json]


@dataclass(frozen=True)
class Box:
    """How many notices wait for a notifier, how many found no room, and what the last failure was."""

    notifier: str
    waiting: int
    dropped: int
    trouble: str


_PARTS: dict[str, tuple[Callable[[Any], Json], Callable[[str, Any], Any]]] = {
    "blocks": (lambda value: value, lambda _, body: body),
    "coins": (lambda value: value.as_json(), lambda _, body: coin_of(body)),
    "spends": (lambda value: value.as_json(), lambda _, body: seen_spend_of(body)),
    "lost": (lambda value: value, lambda _, body: body),
    "signed": (lambda value: value, lambda _, body: body),
    "acts": (lambda value: value, lambda _, body: body),
    "vetoes": (lambda value: value, lambda _, body: body),
    "missing": (lambda value: value, lambda _, body: body),
    "read": (lambda value: value.as_json(), lambda _, body: first_read_of(body)),
    "raised": (lambda value: value.as_json(), lambda _, body: raised_of(body)),
    "times": (lambda value: value, lambda _, body: body),
}
"""Each mapping of the state: how one of its values is written and read."""


class WatchStore:
    """For one thread; the thread that delivers opens another on the same file.

    Every commit is on disk before it returns (``synchronous = FULL``).
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._saved = WatchState()
        try:
            self._db = sqlite3.connect(path, timeout=30.0, isolation_level=None)
        except sqlite3.Error as error:
            raise self._unusable(error) from None
        self._ask(self._prepare)

    def _prepare(self) -> None:
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version not in {0, _WITHOUT_RANK, SCHEMA}:
            raise WatchStoreUnusable(f"{self._path} is of version {version}, read is {SCHEMA}.", "Use another zakhira.")
        self._db.executescript(_TABLES)
        if version == _WITHOUT_RANK:
            self._add_rank()
        self._db.execute(f"PRAGMA user_version = {SCHEMA}")

    def _add_rank(self) -> None:
        """Notices of a file of before all wait in one rank, as they did."""
        self._db.execute("BEGIN IMMEDIATE")
        columns = {row[1] for row in self._db.execute("PRAGMA table_info(waiting)")}
        if "rank" not in columns:
            self._db.execute("ALTER TABLE waiting ADD COLUMN rank INTEGER NOT NULL DEFAULT 1")
        self._db.execute(f"PRAGMA user_version = {SCHEMA}")
        self._db.execute("COMMIT")

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def trace(self, told: Callable[[str], None]) -> None:
        """Be told of each statement before it is carried out."""
        self._db.set_trace_callback(told)

    def load(self) -> WatchState:
        """The state as it was kept last; an empty one at the very first."""
        parts: dict[str, dict[Any, Any]] = {name: {} for name in _PARTS}
        for part, name, text in self._ask(lambda: self._db.execute("SELECT part, id, body FROM kept").fetchall()):
            key = int(name) if part == "blocks" else name
            try:
                parts[part][key] = _PARTS[part][1](name, json.loads(text))
            except (KeyError, TypeError, ValueError) as error:
                raise WatchStoreUnusable(f"{self._path} holds {part} {name} damaged: {error!r}.", _REMEDY) from None
        self._saved = WatchState(**parts)
        return self._saved

    def save(self, state: WatchState, notices: Sequence[Notice], notifiers: Sequence[str], at: datetime) -> None:
        """Keep a state with what is to be told of it: both, or nothing."""
        self._ask(lambda: self._save(state, notices, notifiers, at))
        self._saved = state

    def _save(self, state: WatchState, notices: Sequence[Notice], notifiers: Sequence[str], at: datetime) -> None:
        db = self._db
        db.execute("BEGIN IMMEDIATE")
        try:
            for part, (write, _) in _PARTS.items():
                self._save_part(part, getattr(self._saved, part), getattr(state, part), write)
            filled = {name: self._waiting(name) for name in notifiers}
            for notice in sorted(notices, key=lambda one: one.alarm.rank):
                places = -(-MOST_WAITING * _PERCENT_BY_RANK[notice.alarm.rank] // 100)
                taken = [name for name in notifiers if filled[name] < places]
                self._post(notice, taken, at)
                for name in notifiers:
                    filled[name] += name in taken
                    if name not in taken:
                        db.execute(
                            "INSERT INTO dropped VALUES (?, 1) ON CONFLICT DO UPDATE SET count = count + 1", (name,)
                        )
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise

    def _save_part(
        self, part: str, before: Mapping[Any, Any], after: Mapping[Any, Any], write: Callable[[Any], Json]
    ) -> None:
        if before is after:
            return
        changed = [(name, value) for name, value in after.items() if before.get(name) is not value]
        self._db.executemany(
            "INSERT INTO kept VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET body = excluded.body",
            [(part, str(name), json.dumps(write(value))) for name, value in changed],
        )
        gone = [(part, str(name)) for name in before if name not in after]
        self._db.executemany("DELETE FROM kept WHERE part = ? AND id = ?", gone)

    def _waiting(self, notifier: str) -> int:
        (count,) = self._db.execute("SELECT count(*) FROM waiting WHERE notifier = ?", (notifier,)).fetchone()
        return int(count)

    def _post(self, notice: Notice, notifiers: Sequence[str], at: datetime) -> None:
        if notifiers:
            number = self._db.execute("INSERT INTO notice (body) VALUES (?)", (json.dumps(notice.as_json()),)).lastrowid
            self._db.executemany(
                "INSERT INTO waiting (notice, notifier, next_at, rank) VALUES (?, ?, ?, ?)",
                [(number, name, utc_text(at), notice.alarm.rank) for name in notifiers],
            )

    def due(self, notifier: str, at: datetime) -> Waiting | None:
        """What is to be sent by now: what has the most haste, of that the oldest. One that is put off holds none up."""
        row = self._ask(
            lambda: self._db.execute(
                "SELECT notice, tries, body FROM waiting JOIN notice ON number = notice "
                "WHERE notifier = ? AND next_at <= ? ORDER BY rank, notice LIMIT 1",
                (notifier, utc_text(at)),
            ).fetchone()
        )
        return None if row is None else Waiting(row[0], notifier, row[1], json.loads(row[2]))

    def delivered(self, one: Waiting) -> None:
        """Strike a notice off."""

        def strike() -> None:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute("DELETE FROM waiting WHERE notifier = ? AND notice = ?", (one.notifier, one.number))
            self._db.execute(
                "DELETE FROM notice WHERE number = ?1 AND NOT EXISTS (SELECT 1 FROM waiting WHERE notice = ?1)",
                (one.number,),
            )
            self._db.execute("COMMIT")

        self._ask(strike)

    def failed(self, one: Waiting, next_at: datetime, trouble: str) -> None:
        """Put a notice off."""
        self._ask(
            lambda: self._db.execute(
                "UPDATE waiting SET tries = tries + 1, next_at = ?, trouble = ? WHERE notifier = ? AND notice = ?",
                (utc_text(next_at), trouble, one.notifier, one.number),
            )
        )

    def boxes(self, notifiers: Sequence[str]) -> tuple[Box, ...]:
        """How it stands with each notifier."""
        return tuple(self._ask(lambda name=name: self._box(name)) for name in notifiers)  # type: ignore[misc]  # bound

    def _box(self, notifier: str) -> Box:
        dropped = self._db.execute("SELECT count FROM dropped WHERE notifier = ?", (notifier,)).fetchone()
        trouble = self._db.execute(
            "SELECT trouble FROM waiting WHERE notifier = ? AND trouble <> '' ORDER BY notice LIMIT 1", (notifier,)
        ).fetchone()
        return Box(notifier, self._waiting(notifier), dropped[0] if dropped else 0, trouble[0] if trouble else "")

    def next_due(self, notifier: str) -> datetime | None:
        """When the next notice is due; None where none waits."""
        row = self._ask(
            lambda: self._db.execute("SELECT min(next_at) FROM waiting WHERE notifier = ?", (notifier,)).fetchone()
        )
        return parse_utc(row[0]) if row[0] else None

    def _ask(self, question: Callable[[], Value]) -> Value:
        try:
            return question()
        except sqlite3.Error as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise self._unusable(error) from None

    def _unusable(self, error: sqlite3.Error) -> WatchStoreUnusable:
        return WatchStoreUnusable(f"{self._path} cannot be used: {error}.", _REMEDY)


_REMEDY = (
    "See that the disk has room and whose file it is; without the file the watch begins anew from its first block."
)

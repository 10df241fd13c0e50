"""The one place that sets up structured logs: JSON lines with time, level, event and what is bound, without secrets."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from collections.abc import Callable, Mapping, MutableMapping
from datetime import datetime
from pathlib import Path
from typing import Protocol, cast

import structlog

from zakhira.adapters.log.log_file import LogFile
from zakhira.adapters.log.scrubbing import Scrubber
from zakhira.kernel.errors import Fault, Faults, ZakhiraError

Clock = Callable[[], datetime]
Write = Callable[[str], bool]
"""Writes a line and says whether it could."""
_FIRST = ("time", "level", "event")
_WITHHELD = "withheld: the entry showed a key"


class _Bound(Protocol):
    """What is used of structlog's logger."""

    def bind(self, **fields: object) -> _Bound:
        """With these fields on every entry."""

    def log(self, level: int, event: str, **fields: object) -> None:
        """Write an entry."""


class _Sink:
    """What structlog hands its finished lines to. The first line that is lost is told on stderr, the others are not."""

    def __init__(self, write: Write) -> None:
        self._write, self._told = write, False

    def msg(self, line: str) -> None:
        """Write the line."""
        if not self._write(line) and not self._told:
            self._told = True
            sys.stderr.write("The log cannot be written any more; the work goes on without it.\n")

    log = debug = info = warning = error = msg


class Journal:
    """A log. ``bind`` gives another with fields that stand on every entry; nothing is global."""

    def __init__(self, bound: _Bound, scrubber: Scrubber) -> None:
        self._bound, self._scrubber = bound, scrubber

    def bind(self, **fields: object) -> Journal:
        """The same log with these fields on every entry."""
        return Journal(self._bound.bind(**fields), self._scrubber)

    def guard(self, *secrets: str | None) -> None:
        """Hide these texts from now on, wherever they would stand."""
        for secret in secrets:
            if secret:
                self._scrubber.guard(secret)

    def info(self, event: str, **fields: object) -> None:
        """Something happened as it should."""
        self._bound.log(logging.INFO, event, **fields)

    def warning(self, event: str, **fields: object) -> None:
        """Something that somebody should look at."""
        self._bound.log(logging.WARNING, event, **fields)

    def error(self, event: str, **fields: object) -> None:
        """Something is wrong."""
        self._bound.log(logging.ERROR, event, **fields)

    def failure(self, error: ZakhiraError, **fields: object) -> None:
        """An error that was raised on purpose: its code and message, and each fault where it stands for several."""
        faults = [{"code": f.code, "file": f.file, "line": f.line, "message": f.message} for f in _faults(error)]
        more = {"faults": faults} if faults else {}
        self.error("failed", code=error.code, message=error.message, **more, **fields)

    def crash(self, error: BaseException, code: str, **fields: object) -> None:
        """A fault of our own: its type and the lines that it came through. Its message may hold anything: left out."""
        frames = traceback.extract_tb(error.__traceback__)
        where = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
        self.error("crashed", code=code, type=type(error).__name__, where=where, **fields)


def _faults(error: ZakhiraError) -> tuple[Fault, ...]:
    return error.faults if isinstance(error, Faults) else ()


def make_journal(write: Write, clock: Clock, scrubber: Scrubber | None = None) -> Journal:
    """A log whose lines go to ``write``, each by itself. ``clock`` gives UTC."""
    guard = scrubber or Scrubber()

    def stamp(_logger: object, level: str, event: MutableMapping[str, object]) -> Mapping[str, object]:
        found = dict(event) | {"time": clock().isoformat(timespec="milliseconds"), "level": level}
        return {name: found.pop(name) for name in _FIRST} | found

    def scrub(_logger: object, _level: str, event: MutableMapping[str, object]) -> Mapping[str, object]:
        return guard.fields(cast("Mapping[object, object]", event))

    def line(_logger: object, _level: str, event: MutableMapping[str, object]) -> str:
        made = json.dumps(event, ensure_ascii=False)
        if not guard.holds_secret(made):
            return made
        return json.dumps({name: event[name] for name in ("time", "level")} | {"event": _WITHHELD})

    logger = structlog.wrap_logger(
        _Sink(write),
        processors=[stamp, scrub, line],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        context_class=dict,
        cache_logger_on_first_use=False,
    )
    return Journal(cast("_Bound", logger), guard)


def to_stderr(line: str) -> bool:
    """Write a line to stderr, between the notes that stand there."""
    try:
        sys.stderr.write(line + "\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        return False
    return True


def to_file(path: Path) -> Write:
    """Write lines to a file; raises LogUnwritable."""
    return LogFile(path).write


def to_nowhere(_line: str) -> bool:
    """No log was asked for."""
    return True

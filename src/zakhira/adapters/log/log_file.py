"""A log on disk: one line at a time, for its owner's eyes, never larger than it may become, shared by processes."""

from __future__ import annotations

import fcntl
import os
import threading
from contextlib import suppress
from pathlib import Path

from zakhira.kernel.errors import OutsideFailure

MAX_BYTES = 16 * 1024 * 1024
"""A file that has become so large is put aside; at a line a block it takes years [E]."""
KEPT = 4
"""Files that are kept aside: with the one in use 80 MiB at most."""
_MODE = 0o600


class LogUnwritable(OutsideFailure):
    """The log cannot be opened for writing."""

    code = "ZK-WIRING-060"


class LogFile:
    """Lines appended to ``path``; older ones are in ``path.1`` and on. Others may move the file away at any time.

    Raises LogUnwritable when it cannot be opened at first. Later a line that cannot be written is dropped and told by
    ``write``: following the chain is worth more than its log.
    """

    def __init__(self, path: Path, max_bytes: int = MAX_BYTES, kept: int = KEPT) -> None:
        self._path, self._max_bytes, self._kept = path, max_bytes, kept
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(exist_ok=True)
            self._handle = self._opened()
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise LogUnwritable(
                f"The log {path} cannot be written: {reason}.", "Name a file in a folder where you may write."
            ) from None

    def write(self, line: str) -> bool:
        """Append a line; whether it was written."""
        data = f"{line}\n".encode("utf-8", "backslashreplace")
        with self._lock:
            try:
                self._follow(len(data))
                # One call for the whole line: with O_APPEND those of several processes never mix.
                return os.write(self._handle, data) == len(data)
            except OSError:
                return False

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            os.close(self._handle)

    def _opened(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, _MODE)

    def _follow(self, more: int) -> None:
        """See that the handle is the file of this name, and that the file has room."""
        if not self._is_current():
            self._reopen()
        if os.fstat(self._handle).st_size + more <= self._max_bytes:
            return
        fcntl.flock(self._handle, fcntl.LOCK_EX)
        # Whoever waited here finds that another process has put the file aside already.
        if self._is_current() and os.fstat(self._handle).st_size:
            for number in range(self._kept, 0, -1):
                with suppress(FileNotFoundError):
                    self._aside(number - 1).replace(self._aside(number))
        self._reopen()

    def _aside(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}") if number else self._path

    def _is_current(self) -> bool:
        try:
            there, ours = self._path.stat(), os.fstat(self._handle)
        except FileNotFoundError:
            return False
        return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)

    def _reopen(self) -> None:
        fresh = self._opened()
        os.close(self._handle)
        self._handle = fresh

"""What the terminal's door writes down of a command: how it ended, and the error that ended it."""

from __future__ import annotations

from pathlib import Path

from zakhira.adapters.log.journal import Journal
from zakhira.kernel.errors import ZakhiraError
from zakhira.wiring.journals import journal_of


class CommandJournal:
    """Implements ``cli.command_log.CommandLog`` over a log."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def ended(self, command: str, folder: Path | None, exit_code: int, seconds: float) -> None:
        """A command came to its end."""
        self._of(command, folder).info("command ended", exit=exit_code, seconds=round(seconds, 3))

    def failed(self, command: str, folder: Path | None, error: BaseException, code: str) -> None:
        """An error ended it: one of ours with its message, any other by its type and place."""
        journal = self._of(command, folder)
        if isinstance(error, ZakhiraError):
            journal.failure(error)
        else:
            journal.crash(error, code)

    def _of(self, command: str, folder: Path | None) -> Journal:
        return journal_of(self._journal, folder).bind(command=command)

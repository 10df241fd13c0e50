"""What the door tells a log of each command, where a log was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

import click


class CommandLog(Protocol):
    """Where the commands of this program are written down."""

    def ended(self, command: str, folder: Path | None, exit_code: int, seconds: float) -> None:
        """A command came to its end. ``folder`` is the reserve's, or whatever the command was given as one."""

    def failed(self, command: str, folder: Path | None, error: BaseException, code: str) -> None:
        """An error ended it, shown with this code."""


@dataclass(frozen=True)
class Running:
    """The command that runs, and its log."""

    command: str
    folder: Path | None
    log: CommandLog

    def ended(self, exit_code: int, seconds: float) -> None:
        """It came to its end."""
        self.log.ended(self.command, self.folder, exit_code, seconds)

    def failed(self, error: BaseException, code: str) -> None:
        """An error ended it."""
        self.log.failed(self.command, self.folder, error, code)


def running_command() -> Running | None:
    """The command of this moment, if the program keeps a log; raises LogUnwritable."""
    context = click.get_current_context(silent=True)
    log = None if context is None else getattr(context.obj, "command_log", None)
    if context is None or log is None:
        return None
    folder = context.params.get("folder")
    return Running(context.command_path, folder if isinstance(folder, Path) else None, cast("CommandLog", log))

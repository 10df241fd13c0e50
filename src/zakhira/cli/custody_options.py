"""What the commands of custody share: their common arguments, and how a passphrase is asked for."""

from __future__ import annotations

import datetime as dt
import getpass
import sys
from pathlib import Path

import click

from zakhira.kernel.errors import InvalidInput

RESERVE = click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
DRY_RUN = click.option("--dry-run", is_flag=True, help="Only show what would happen.")
DATE = click.DateTime(formats=["%Y-%m-%d"])
MAX_FILE_BYTES = 64 * 1024 * 1024
"""No file of custody that is read whole is larger than this."""


class NoPassphrase(InvalidInput):
    """A passphrase is needed and nobody can be asked for it."""

    code = "ZK-CLI-005"


class InputTooLarge(InvalidInput):
    """What was pasted or piped in is larger than anything that is read here."""

    code = "ZK-CLI-006"


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "desk"


BY = click.option("--by", default=_user, metavar="NAME", help="Who does this, for the audit trail; else your login.")


def day_of(value: dt.datetime | None) -> dt.date | None:
    """The day that an option named, if it did."""
    return None if value is None else value.date()


def ask_passphrase() -> str:
    """The passphrase of a key file that exists.

    Raises:
        NoPassphrase: standard input is no terminal.
    """
    _require_terminal()
    return str(click.prompt("Passphrase", hide_input=True, err=True))


def ask_new_passphrase() -> str:
    """A passphrase for a new key file, typed twice; raises NoPassphrase."""
    _require_terminal()
    return str(click.prompt("New passphrase", hide_input=True, confirmation_prompt=True, err=True))


def _require_terminal() -> None:
    if not sys.stdin.isatty():
        raise NoPassphrase("A passphrase is needed, and nobody can be asked.", "Set ZAKHIRA_PASSPHRASE.")


def pasted(file: Path) -> bytes | None:
    """What comes in by standard input where the file is ``-``; None for a file. Raises InputTooLarge."""
    if str(file) != "-":
        return None
    data = sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise InputTooLarge(f"More than {MAX_FILE_BYTES} bytes were given.", "Give the file itself.")
    return data

"""The one place where an outcome becomes an exit code (C13)."""

from __future__ import annotations

import datetime as dt
import errno
import os
import platform
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import click

from zakhira import __version__
from zakhira.cli.command_log import Running, running_command
from zakhira.cli.printable import json_text
from zakhira.kernel.errors import Faults, InvalidInput, OutsideFailure, Refused, ZakhiraError

CRASHED = "ZK-CLI-001"
"""Zakhira failed in a way that it should not (exit 4); the message names a report file to send."""
DISK_FULL = "ZK-CLI-002"
"""The disk is full (exit 3)."""
NO_RIGHT = "ZK-CLI-003"
"""The program may not use a file or folder (exit 3)."""
NO_PATH = "ZK-CLI-004"
"""A path cannot be one: a name is too long, or a part of it is no folder (exit 2)."""


class Exit(IntEnum):
    """Exit codes: a crash never looks like "no"."""

    DONE = 0
    NO = 1
    WRONG_INPUT = 2
    OUTSIDE = 3
    OUR_FAULT = 4
    INTERRUPTED = 130


def exit_code(error: ZakhiraError) -> Exit:
    """The exit code of an error that was raised on purpose."""
    if isinstance(error, InvalidInput):
        return Exit.WRONG_INPUT
    if isinstance(error, OutsideFailure):
        return Exit.OUTSIDE
    if isinstance(error, Refused):
        return Exit.NO
    return Exit.OUR_FAULT


def _show(error: ZakhiraError, *, as_json: bool) -> None:
    if as_json:
        faults = error.faults if isinstance(error, Faults) else ()
        rows = [
            {"code": f.code, "file": f.file, "line": f.line, "key": f.key, "message": f.message, "remedy": f.remedy}
            for f in faults
        ]
        body = {"error": {"code": error.code, "message": error.message, "remedy": error.remedy, "faults": rows}}
        click.echo(json_text(body))
    if isinstance(error, Faults):
        for fault in error.faults:
            click.echo(str(fault), err=True)
        click.echo(f"{error.code} {error.message}", err=True)
        return
    click.echo(f"{error.code} {error.message}", err=True)
    if error.remedy:
        click.echo(f"  → {error.remedy}", err=True)


def _write_crash_report(error: BaseException) -> Path:
    folder = Path(tempfile.gettempdir())
    now = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%SZ")
    path = folder / f"zakhira-fault-{now}-{os.getpid()}.txt"
    trace = "".join(traceback.format_exception(error))
    about = f"zakhira {__version__}\npython {platform.python_version()}\n{platform.platform()}\n"
    from zakhira.adapters.log.secrets_in_text import hide

    text = hide(f"{about}command: {' '.join(sys.argv)}\n\n{trace}")
    path.write_text(text, encoding="utf-8", errors="backslashreplace")
    return path


@dataclass(frozen=True)
class _SystemRefusal:
    """What the operating system refused, in our terms."""

    code: str
    message: str
    remedy: str
    exit: Exit


def _system_refusal(error: OSError) -> _SystemRefusal | None:
    place = error.filename or "the output"
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return _SystemRefusal(DISK_FULL, f"The disk is full ({place}).", "Free some space, then repeat.", Exit.OUTSIDE)
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return _SystemRefusal(NO_RIGHT, f"No right to use {place}.", "Choose another folder.", Exit.OUTSIDE)
    if error.errno in {errno.ENAMETOOLONG, errno.ENOTDIR, errno.ELOOP}:
        return _SystemRefusal(NO_PATH, f"{place}: {error.strerror}.", "Give another path.", Exit.WRONG_INPUT)
    return None


def tell(say: Callable[[], None]) -> None:
    """Write a result. A reader who has gone (``| head``) is no failure and changes nothing about the answer."""
    try:
        say()
    except BrokenPipeError:
        sys.stdout = None


def pass_through(act: Callable[[], Exit], *, as_json: bool) -> Exit:
    """Run a command and turn whatever happens into an exit code, a message on stderr, and a line of the log."""
    begun = time.monotonic()
    try:
        running = running_command()
    except ZakhiraError as error:
        _show(error, as_json=as_json)
        return exit_code(error)
    ended = _outcome(act, running, as_json=as_json)
    if running is not None:
        running.ended(int(ended), time.monotonic() - begun)
    return ended


def _outcome(act: Callable[[], Exit], running: Running | None, *, as_json: bool) -> Exit:
    try:
        return act()
    except ZakhiraError as error:
        _log(running, error, error.code)
        _show(error, as_json=as_json)
        return exit_code(error)
    except KeyboardInterrupt:
        click.echo("Interrupted. What was committed is kept; the same command carries on.", err=True)
        return Exit.INTERRUPTED
    except OSError as error:
        refusal = _system_refusal(error)
        if refusal is None:
            return _our_fault(error, running)
        _log(running, error, refusal.code)
        click.echo(f"{refusal.code} {refusal.message}\n  → {refusal.remedy}", err=True)
        return refusal.exit
    except Exception as error:  # noqa: BLE001  # the door's last resort: a crash gets a report file and code 4
        return _our_fault(error, running)


def _log(running: Running | None, error: BaseException, code: str) -> None:
    if running is not None:
        running.failed(error, code)


def _our_fault(error: BaseException, running: Running | None) -> Exit:
    _log(running, error, CRASHED)
    path = _write_crash_report(error)
    click.echo(f"{CRASHED} Zakhira failed in a way that it should not: {type(error).__name__}: {error}", err=True)
    click.echo(f"  → Please send this report: {path}", err=True)
    return Exit.OUR_FAULT

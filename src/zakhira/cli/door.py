"""The one place where an outcome becomes an exit code (C13)."""

from __future__ import annotations

import datetime as dt
import errno
import json
import os
import platform
import sys
import tempfile
import traceback
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path

import click

from zakhira import __version__
from zakhira.kernel.errors import Faults, InvalidInput, OutsideFailure, Refused, ZakhiraError


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
        click.echo(json.dumps(body, ensure_ascii=False, indent=2))
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
    path.write_text(f"{about}command: {' '.join(sys.argv)}\n\n{trace}", encoding="utf-8")
    return path


def _system_error(error: OSError) -> Exit:
    if isinstance(error, BrokenPipeError):
        sys.stdout = None  # the reader has gone; nothing more can be said
        return Exit.DONE
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        click.echo(f"ZK-CLI-002 The disk is full ({error.filename}).\n  → Free some space, then repeat.", err=True)
        return Exit.OUTSIDE
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        click.echo(f"ZK-CLI-003 No right to use {error.filename}.\n  → Choose another folder.", err=True)
        return Exit.OUTSIDE
    return _our_fault(error)


def pass_through(act: Callable[[], Exit], *, as_json: bool) -> Exit:
    """Run a command and turn whatever happens into an exit code and a message on stderr."""
    try:
        return act()
    except ZakhiraError as error:
        _show(error, as_json=as_json)
        return exit_code(error)
    except KeyboardInterrupt:
        click.echo("Interrupted. What was committed is kept; the same command carries on.", err=True)
        return Exit.INTERRUPTED
    except OSError as error:
        return _system_error(error)
    except Exception as error:  # noqa: BLE001  # the door's last resort: a crash gets a report file and code 4
        return _our_fault(error)


def _our_fault(error: BaseException) -> Exit:
    path = _write_crash_report(error)
    click.echo(f"ZK-CLI-001 Zakhira failed in a way that it should not: {type(error).__name__}: {error}", err=True)
    click.echo(f"  → Please send this report: {path}", err=True)
    return Exit.OUR_FAULT

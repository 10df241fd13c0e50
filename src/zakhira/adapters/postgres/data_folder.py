"""The folder of an embedded server's data: which may be one, and how it is made."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zakhira.adapters.postgres.access import write_rules
from zakhira.adapters.postgres.errors import DataFolderUnusable, ServerNotStarted
from zakhira.adapters.postgres.passfiles import Login, Passfiles
from zakhira.adapters.postgres.programs import MAJOR_VERSION, Programs
from zakhira.flows.ports.books_errors import DatabaseFull

INIT_SECONDS = 120.0
_CLEAR_SECONDS = 1.0
_POLL_SECONDS = 0.05
MAX_FOLDER_PATH = 900
"""PostgreSQL's paths hold 1,023 bytes (MAXPGPATH), with the names of its own files in them."""
SHELL_CHARACTERS = frozenset('"$`\\\n\r')


def _buffers_mb() -> int:
    """An eighth of the memory, from 256 MB to 1 GB: what is written to again and again should not leave it."""
    memory_mb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    return max(256, min(1024, memory_mb // 8))


_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "max_connections": "40",
    "password_encryption": "scram-sha-256",
    # A whole page goes to the log after each checkpoint, so that these are rare; short questions are never compiled.
    "shared_buffers": f"{_buffers_mb()}MB",
    "max_wal_size": "4GB",
    # Files of the log that are written over, however quiet the days before: writers wait while a new one is made.
    "min_wal_size": "1GB",
    # As much as stays in a processor's cache [E]; with the server's own 16 MB batches were 3% slower.
    "wal_buffers": "2MB",
    "checkpoint_timeout": "15min",
    "jit": "off",
}

_LOCALE = {"lc_messages": "C", "lc_monetary": "C", "lc_numeric": "C", "lc_time": "C", "datestyle": "iso, mdy"}
"""What ``initdb`` writes besides."""


def require_nameable(folder: Path) -> None:
    """``pg_ctl`` hands the path to a shell between double quotes, and PostgreSQL keeps it in 1,024 bytes."""
    strange = sorted(set(str(folder)) & SHELL_CHARACTERS)
    if strange:
        raise DataFolderUnusable(
            f"PostgreSQL cannot work in {folder}: the path holds {' '.join(map(repr, strange))}.",
            "Give another folder.",
        )
    if len(os.fsencode(folder)) > MAX_FOLDER_PATH:
        raise DataFolderUnusable(
            f"The path {str(folder)[:60]}... has {len(os.fsencode(folder))} bytes; PostgreSQL takes {MAX_FOLDER_PATH}.",
            "Give a folder with a shorter path.",
        )


def initialise(folder: Path, programs: Programs, passfiles: Passfiles) -> None:
    """Make the data in a folder beside it and rename that: a kill in the middle leaves nothing half-made in place."""
    for left_over in folder.parent.glob(f".{folder.name}.new-*"):
        if left_over.is_dir():
            shutil.rmtree(left_over)
        else:
            left_over.unlink()
    if folder.exists() and any(folder.iterdir()):
        raise DataFolderUnusable(f"{folder} is not empty and holds no database.", "Give an empty or a new folder.")
    fresh = folder.parent / f".{folder.name}.new-{os.getpid()}"
    fresh.mkdir(mode=0o700)
    if programs.uid is not None and programs.gid is not None:
        os.chown(fresh, programs.uid, programs.gid)
    options = ["--encoding=UTF8", "--locale=C", "--auth=scram-sha-256", f"--username={Login.ADMINISTRATOR}"]
    try:
        with _told(passfiles, folder, programs) as told:
            done = programs.run("initdb", "-D", str(fresh), f"--pwfile={told}", *options, timeout_s=INIT_SECONDS)
    except BaseException:
        _clear(fresh)
        raise
    if done.returncode != 0:
        shutil.rmtree(fresh, ignore_errors=True)
        said = done.stderr.strip()
        if "No space left on device" in said:
            raise DatabaseFull(f"The disk of {folder} is full.", "Make room and start again.")
        raise ServerNotStarted(f"No database could be made in {folder}: {said}", "Give another folder.")
    _configure(fresh)
    write_rules(fresh, programs)
    fresh.rename(folder)


def _configure(fresh: Path) -> None:
    """Our settings at the end of the file, where they count; only later versions of ``initdb`` take them."""
    lines = (f"{name} = '{value}'" for name, value in _SETTINGS.items())
    with (fresh / "postgresql.conf").open("a", encoding="utf-8") as out:
        out.write("\n".join(("", "# Zakhira's own", *lines, "")))


def write_settings(data: Path, programs: Programs, more: dict[str, str]) -> None:
    """Write the configuration from nothing: ours, and these; for data whose own is not to be trusted."""
    lines = (f"{name} = '{value}'" for name, value in {**_LOCALE, **_SETTINGS, **more}.items())
    path = data / "postgresql.conf"
    path.write_text("\n".join(("# Written by Zakhira at a restore.", *lines, "")))
    programs.own(path)


@contextmanager
def _told(passfiles: Passfiles, folder: Path, programs: Programs) -> Iterator[Path]:
    """The administrator's password in a file that ``initdb``'s user can read, for as long as that runs."""
    path = folder.parent / f".{folder.name}.new-{secrets.token_hex(4)}.password"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as out:
            out.write(passfiles.password(Login.ADMINISTRATOR) + "\n")
        if programs.uid is not None and programs.gid is not None:
            os.chown(path, programs.uid, programs.gid)
        yield path
    finally:
        path.unlink(missing_ok=True)


def _clear(folder: Path) -> None:
    """Remove what an interrupted ``initdb`` made; its own child may write for a moment longer."""
    deadline = time.monotonic() + _CLEAR_SECONDS
    while folder.exists() and time.monotonic() < deadline:
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(_POLL_SECONDS)


def require_version(folder: Path) -> None:
    """Data of another major version cannot be opened; raises DataFolderUnusable."""
    version = (folder / "PG_VERSION").read_text().strip()
    if version != str(MAJOR_VERSION):
        raise DataFolderUnusable(
            f"{folder} was made by PostgreSQL {version}, and this is {MAJOR_VERSION}.",
            "Upgrade it with pg_upgrade, or give another folder.",
        )

"""Backups of the embedded server: whole copies of its data, and an archive of its write-ahead log between them.

``FOLDER/base/NAME/`` is a copy as ``pg_basebackup`` makes it, with the checksums of all its files; ``NAME.json`` says
what it holds; ``FOLDER/wal/`` has each finished segment of the log, compressed. A copy and the log after it give the
database back as of any instant since the copy (PostgreSQL's manual, "Continuous Archiving and Point-in-Time Recovery").
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Literal

from zakhira.adapters.postgres.copy_check import verify_copy
from zakhira.adapters.postgres.data_folder import require_nameable
from zakhira.adapters.postgres.errors import BackupFailed, BackupUnreadable
from zakhira.adapters.postgres.programs import Programs
from zakhira.adapters.postgres.server import EmbeddedServer
from zakhira.kernel.interval import exact_utc_text

ARCHIVE_SECONDS = 60
"""A segment that is not full is archived after this long, so that a lost disk takes at most a minute of writes [E]."""
_AWAIT_ARCHIVED_S = 60.0
_POLL_S = 0.1
BASE, WAL = "base", "wal"
_FORMAT = 1

Telling = Callable[[float, float], None]
"""``telling(done, total)`` in bytes."""


@dataclass(frozen=True)
class BaseBackup:
    """One whole copy. ``ended_at`` is the database's clock; to restore an earlier instant takes an earlier copy."""

    name: str
    database: str
    ended_at: str
    """ISO 8601, UTC"""
    server: int
    """as PostgreSQL numbers its versions"""
    schema: int
    position: int
    hash: str
    """the chain's head when the copy began"""
    size_bytes: int
    reserve: str
    """the text of ``reserve.toml``, or empty"""

    @property
    def instant(self) -> datetime:
        """When it was whole."""
        return datetime.fromisoformat(self.ended_at)


def archive_into(server: EmbeddedServer, folder: Path) -> bool:
    """Let the server keep its log in ``folder``; false if it must be started anew before it does.

    Raises:
        DataFolderUnusable: the path is one that a shell would read.
    """
    require_nameable(folder)
    command = archive_command(folder)
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        settings = {"archive_mode": "on", "archive_command": command, "archive_timeout": str(ARCHIVE_SECONDS)}
        for name, value in settings.items():
            connection.execute(SQL("ALTER SYSTEM SET {} = {}").format(SQL(name), Literal(value)))
        connection.execute("SELECT pg_reload_conf()")
        return connection.execute("SHOW archive_mode").fetchone() == ("on",)


def archive_command(folder: Path) -> str:
    """What keeps a segment: compressed, whole or not at all, and again without harm if it is there and the same."""
    target = shlex.quote(str(folder / WAL)).replace("%", "%%") + "/%f"
    return (
        f"if test -f {target}.gz; then gzip -dc {target}.gz | cmp -s - %p; "
        f"else gzip -c %p > {target}.part && sync {target}.part && mv {target}.part {target}.gz; fi"
    )


def take_base(
    server: EmbeddedServer, database: str, folder: Path, name: str, reserve: str, telling: Telling
) -> BaseBackup:
    """Copy everything while the server works, and see that what was copied verifies.

    Raises:
        BackupFailed: it could not be copied or does not verify; nothing counts as a backup then.
    """
    draft = folder / BASE / f".{name}.part"
    with psycopg.connect(server.dsn(database), autocommit=True) as connection:
        total = _one(connection, "SELECT sum(pg_database_size(oid)) FROM pg_database")
        programs = server.programs.of_caller()
        # Before the copy begins: whatever is restored from it has the chain up to here.
        head = _head(connection)
        try:
            _copy(programs, server.dsn(), draft, lambda: telling(_size(draft), float(str(total))))
            verify_copy(programs, draft)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
        made = _described(connection, name, database, int(_size(draft)), reserve, head)
        _await_archived(connection)
    (folder / BASE / f"{name}.json").write_text(json.dumps({"format": _FORMAT, **asdict(made)}, indent=1) + "\n")
    draft.rename(folder / BASE / name)
    return made


def make_backup_folder(folder: Path, programs: Programs) -> None:
    """The folder with its parts: copies are ours alone, the server's user writes into the archive."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / BASE).mkdir(mode=0o700, exist_ok=True)
    (folder / WAL).mkdir(mode=0o700, exist_ok=True)
    programs.give(folder / WAL)


def read_bases(folder: Path) -> tuple[BaseBackup, ...]:
    """The whole copies in a backup, the oldest first; raises BackupUnreadable."""
    found = []
    for path in sorted((folder / BASE).glob("*.json")):
        try:
            told = json.loads(path.read_text("utf-8"))
            if told.pop("format") == _FORMAT and path.with_suffix("").is_dir():
                found.append(BaseBackup(**told))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BackupUnreadable(f"{path} is no description of a backup: {error}.", "Name another backup.") from None
    if not found:
        raise BackupUnreadable(f"{folder} holds no backup.", "Make one with: zakhira db backup DIR --to FOLDER")
    return tuple(sorted(found, key=lambda one: one.ended_at))


def _copy(programs: Programs, dsn: str, draft: Path, tell: Callable[[], None]) -> None:
    working = programs.begin(
        "pg_basebackup",
        "-d",
        dsn,
        "-D",
        str(draft),
        "-X",
        "stream",
        "-c",
        "fast",
        "--no-password",
        "--manifest-checksums=SHA256",
    )
    try:
        while working.poll() is None:
            tell()
            time.sleep(_POLL_S)
    except BaseException:
        working.terminate()
        working.wait()
        raise
    if working.returncode != 0:
        said = working.stderr.read() if working.stderr is not None else ""
        raise BackupFailed(f"The database could not be copied: {_first(said)}.", "Look at the disk, and try again.")


def _head(connection: Connection[TupleRow]) -> tuple[int, str]:
    row = connection.execute("SELECT position, encode(hash, 'hex') FROM zakhira.audit_head").fetchone()
    assert row is not None, "the head is one row"
    return row[0], row[1]


def _described(
    connection: Connection[TupleRow], name: str, database: str, size_bytes: int, reserve: str, head: tuple[int, str]
) -> BaseBackup:
    row = connection.execute("SELECT clock_timestamp(), (SELECT max(version) FROM zakhira.schema_version)").fetchone()
    assert row is not None, "the server has a clock"
    ended_at = exact_utc_text(row[0].astimezone(UTC))
    server = connection.info.server_version
    return BaseBackup(name, database, ended_at, server, row[1], *head, size_bytes, reserve)


def _await_archived(connection: Connection[TupleRow]) -> None:
    """The log up to now is in the archive when this returns, or the archive does not work."""
    if connection.execute("SHOW archive_mode").fetchone() != ("on",):
        return
    # A record of our own: where nothing was written since the last switch there is nothing to switch from.
    last = str(_one(connection, "SELECT pg_walfile_name(pg_create_restore_point('backup'))"))
    connection.execute("SELECT pg_switch_wal()")
    deadline = time.monotonic() + _AWAIT_ARCHIVED_S
    while time.monotonic() < deadline:
        done = _one(connection, "SELECT coalesce(last_archived_wal, '') FROM pg_stat_archiver")
        # Names of segments sort in their order within a timeline; a file of a history has a dot.
        if str(done).partition(".")[0] >= last:
            return
        time.sleep(_POLL_S)
    failed = _one(connection, "SELECT coalesce(last_failed_wal, 'nothing') FROM pg_stat_archiver")
    raise BackupFailed(
        f"The log is not archived: {last} was waited for, {failed} failed last.",
        "Look at the server's log and at the rights of the backup's folder.",
    )


def _one(connection: Connection[TupleRow], question: str) -> object:
    row = connection.execute(question.encode()).fetchone()
    assert row is not None, "the question always has an answer"
    return row[0]


def _size(folder: Path) -> float:
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(place, name)).st_size  # noqa: PTH118 - many files, often
            except FileNotFoundError:
                continue
    return float(total)


def _first(said: str) -> str:
    return next((line for line in said.strip().splitlines() if line), "it said nothing").rstrip(".")

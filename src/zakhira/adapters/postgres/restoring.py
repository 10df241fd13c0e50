"""A backup made into a database again, as of its end, an instant, or a write; never over anything that is there."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psycopg
from psycopg import Connection
from psycopg.conninfo import make_conninfo
from psycopg.rows import TupleRow

from zakhira.adapters.postgres.access import set_passwords, write_rules
from zakhira.adapters.postgres.backing_up import BASE, WAL, BaseBackup, read_bases
from zakhira.adapters.postgres.copy_check import verify_copy
from zakhira.adapters.postgres.data_folder import write_settings
from zakhira.adapters.postgres.errors import NotInBackup, RestoreFailed, ServerNotStarted
from zakhira.adapters.postgres.passfiles import Passfiles
from zakhira.adapters.postgres.programs import Programs, find_programs
from zakhira.adapters.postgres.server import LOG_FILE, EmbeddedServer
from zakhira.kernel.interval import exact_utc_text

RECOVERY_SECONDS = 86_400.0
"""A log of days is played back in hours; whoever waits sees how far it is."""
_POLL_S = 0.1
_CONFIGURATION, _SETTINGS, _SIGNAL = "postgresql.conf", "postgresql.auto.conf", "recovery.signal"
_SIZES = re.compile(
    r"^(max_connections|max_worker_processes|max_wal_senders|max_prepared_transactions|max_locks_per_transaction)"
    r"\s*=\s*'?([0-9]+)'?\s*(?:#.*)?$",
    re.MULTILINE,
)
_UNREACHED = "recovery ended before configured recovery target was reached"
_LINK = "SELECT encode(hash, 'hex') FROM zakhira.seal WHERE position = %s"
_WRITE = "SELECT xmin::text, written_at FROM zakhira.audit WHERE key = %s"


@dataclass(frozen=True)
class Target:
    """Up to where: ``at`` an instant (UTC), ``key`` of a write, which is the last one then, or neither: everything."""

    at: datetime | None = None
    key: str = ""


@dataclass(frozen=True)
class Restored:
    """What was restored from which copy."""

    base: BaseBackup
    data: Path


def restore(backup: Path, data: Path, target: Target) -> Restored:
    """Make ``data``, a folder that is not there, from a backup; its logins get new passwords beside it.

    Raises:
        BackupUnreadable, BackupFailed: the backup is none, or does not verify.
        NotInBackup: the target lies before the first copy, behind the log's end, or is unknown.
        RestoreFailed: the server did not become ready; its log is told.
    """
    bases = read_bases(backup)
    recovery: dict[str, str] = {}
    base = bases[-1]
    if target.key:
        xid, written_at = _find_write(backup, base, data, target.key)
        recovery = {"recovery_target_xid": xid}
        base = _before(bases, written_at)
    elif target.at is not None:
        recovery = {"recovery_target_time": f"{target.at:%Y-%m-%d %H:%M:%S.%f}+00"}
        base = _before(bases, target.at)
    with _recovered(backup, base, data, recovery) as connection:
        if target.key and connection.execute(_WRITE, (target.key,)).fetchone() is None:
            raise NotInBackup(f"The write {target.key!r} is not in what was restored.", "Restore to an instant.")
    return Restored(base, data)


def _before(bases: tuple[BaseBackup, ...], at: datetime) -> BaseBackup:
    """The newest copy that was whole then."""
    found = [base for base in bases if base.instant <= at]
    if not found:
        raise NotInBackup(
            f"The first copy of the backup ended {bases[0].ended_at}, after {exact_utc_text(at)}.",
            "Name a later instant or write, or an older backup.",
        )
    return found[-1]


def _find_write(backup: Path, base: BaseBackup, data: Path, key: str) -> tuple[str, datetime]:
    """The transaction of a write, found by restoring everything once beside."""
    beside = data.parent / f".{data.name}.whole"
    try:
        with _recovered(backup, base, beside, {}) as connection:
            row = connection.execute(_WRITE, (key,)).fetchone()
    finally:
        shutil.rmtree(beside, ignore_errors=True)
        shutil.rmtree(Passfiles(beside).folder, ignore_errors=True)
        beside.with_name(f".{beside.name}.lock").unlink(missing_ok=True)
    if row is None:
        raise NotInBackup(f"The backup has no write {key!r}.", "See keys of writes with: zakhira audit show DIR")
    return str(row[0]), row[1]


@contextmanager
def _recovered(backup: Path, base: BaseBackup, data: Path, recovery: dict[str, str]) -> Iterator[Connection[TupleRow]]:
    """The copy with the log played back up to the target, as its administrator, with new passwords."""
    source = backup / BASE / base.name
    programs = find_programs(data)
    verify_copy(programs.of_caller(), source)
    shutil.copytree(source, data, symlinks=True)
    (data / LOG_FILE).unlink(missing_ok=True)
    data.chmod(0o700)
    told = {"restore_command": _restore_command(backup), "recovery_target_action": "promote", **recovery}
    if not recovery:
        del told["recovery_target_action"]
    _configure(data, programs, told)
    (data / _SIGNAL).touch()
    _give_all(data, programs)
    passfiles = Passfiles(data)
    passfiles.ensure(anew=True)
    with _entered(data) as server:
        _configure(data, programs, {})
        with psycopg.connect(server.own_dsn(), autocommit=True) as connection:
            set_passwords(connection, passfiles)
        with psycopg.connect(make_conninfo(server.own_dsn(), dbname=base.database), autocommit=True) as connection:
            _require_chain(connection, base)
            yield connection


def _require_chain(connection: Connection[TupleRow], base: BaseBackup) -> None:
    """The chain goes through the place at which the copy's description says that it was."""
    if base.position == 0:
        return
    row = connection.execute(_LINK, (base.position,)).fetchone()
    if row is None or row[0] != base.hash:
        found = "nothing there" if row is None else f"{row[0]} there"
        raise RestoreFailed(
            f"The chain that was restored has {found} at {base.position:,}; the copy's description says {base.hash}.",
            "Somebody changed the copy or its description: use another backup, and compare with signed heads.",
        )


@contextmanager
def _entered(data: Path) -> Iterator[EmbeddedServer]:
    with ExitStack() as ending:
        try:
            server = ending.enter_context(EmbeddedServer.entered(data, wait_s=RECOVERY_SECONDS))
            _await_promoted(server)
        except ServerNotStarted:
            raise _ended(data) from None
        yield server


def _restore_command(backup: Path) -> str:
    source = shlex.quote(str(backup.resolve() / WAL)).replace("%", "%%") + "/%f.gz"
    return f"test -f {source} && gzip -dc {source} > %p"


def _configure(data: Path, programs: Programs, more: dict[str, str]) -> None:
    """Settings and rules written from nothing: those of a copy can name commands that the server runs.

    Of the copy's own only sizes are kept that the server must not undercut while it plays back the log.
    """
    kept: dict[str, str] = {}
    for name in (_CONFIGURATION, _SETTINGS):
        kept |= dict(_SIZES.findall((data / name).read_text(errors="replace")))
    write_settings(data, programs, kept)
    quoted = [f"{name} = '{value.replace(chr(39), chr(39) * 2)}'" for name, value in more.items()]
    (data / _SETTINGS).write_text("".join(f"{line}\n" for line in quoted))
    programs.own(data / _SETTINGS)
    write_rules(data, programs)


def _give_all(data: Path, programs: Programs) -> None:
    for place, _, names in os.walk(data):
        for name in names:
            programs.own(Path(place) / name)
        programs.own(Path(place))
    programs.give(data)


def _await_promoted(server: EmbeddedServer) -> None:
    deadline = time.monotonic() + RECOVERY_SECONDS
    while time.monotonic() < deadline:
        try:
            with psycopg.connect(server.own_dsn(), connect_timeout=5) as connection:
                if connection.execute("SELECT pg_is_in_recovery()").fetchone() == (False,):
                    return
        except psycopg.OperationalError:
            if server.pid() is None:
                raise _ended(server.folder) from None
        time.sleep(_POLL_S)
    raise RestoreFailed(f"{server.folder} was not ready in time.", "Restore an earlier instant, or wait longer.")


def _ended(data: Path) -> NotInBackup | RestoreFailed:
    log = (data / LOG_FILE).read_text(errors="replace")
    if _UNREACHED in log:
        return NotInBackup(
            "The log in the backup ends before what shall be restored.", "Restore without a target to its end."
        )
    tail = " | ".join(line for line in log.splitlines()[-4:] if line)
    return RestoreFailed(f"The restored database ended: {tail}", "Look whether the backup's log is whole.")

"""The embedded server: a real PostgreSQL in a data folder, reached through a socket that only its owner can open."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier

from zakhira.adapters.postgres.access import (
    clear_reset,
    keep_out,
    load_rules,
    reset_options,
    set_passwords,
    trusts,
    was_entered,
    write_rules,
)
from zakhira.adapters.postgres.data_folder import initialise, require_nameable, require_version
from zakhira.adapters.postgres.errors import DataFolderUnusable, ServerNotReady, ServerNotStarted
from zakhira.adapters.postgres.login_limits import set_limits
from zakhira.adapters.postgres.logins import Logins
from zakhira.adapters.postgres.passfiles import Login, Passfiles
from zakhira.adapters.postgres.programs import Programs, find_programs
from zakhira.adapters.postgres.public_rights import close_to_all
from zakhira.adapters.postgres.roles import OWNER_ROLE, hand_over
from zakhira.flows.ports.books_errors import DatabaseFull

START_SECONDS = 120.0
"""Recovery after a crash replays what was written since the last checkpoint; that can take a while on a slow disk."""
STOP_SECONDS = 60.0
POLL_SECONDS = 0.05
YOUNG_SECONDS = 1.0
"""A server records its process within milliseconds of its start; a second is ample even on a busy machine."""
SOCKET_NAME = ".s.PGSQL.5432"
MAX_SOCKET_PATH = 100
"""A Unix socket's path holds 107 bytes on Linux and 103 elsewhere."""
LIST_CHARACTERS = frozenset(",' ")
"""What separates or quotes the names in PostgreSQL's list of socket folders and in a client's list of hosts."""
LOG_LINES_TOLD = 6
_WRONG_PASSWORD = ("password authentication failed", "no password supplied")
"""What the library says when the password is not the server's, and when the file holds none."""
LOG_FILE = "server.log"


class EmbeddedServer:
    """A server that runs. It goes on when this process is killed; the next start finds it and uses it again."""

    def __init__(self, folder: Path, socket_folder: Path, programs: Programs) -> None:
        self.folder = folder
        self._socket_folder = socket_folder
        self._programs = programs
        self._passfiles = Passfiles(folder)

    @classmethod
    def start(cls, folder: Path, *, wait_s: float = START_SECONDS) -> EmbeddedServer:
        """Start the server of ``folder``, or use the one that runs; make its data first if there is none.

        A server that was killed recovers first: that is waited for, up to ``wait_s`` seconds.

        Raises:
            ServerMissing: its programs are not installed or do not run.
            PasswordsLost: the files with its passwords are gone, or of another server.
            DataFolderUnusable: the folder is of another version or user.
            ServerNotStarted: it ended; the message holds the last lines of its log.
            ServerNotReady: it was not ready in time.
            DatabaseFull: the disk is full.
        """
        deadline = time.monotonic() + wait_s
        folder = folder.expanduser().resolve()
        require_nameable(folder)
        with _start_lock(folder, deadline):
            programs, passfiles = find_programs(folder), Passfiles(folder)
            if not (folder / "PG_VERSION").exists():
                passfiles.ensure()
                initialise(folder, programs, passfiles)
            require_version(folder)
            if not (passfiles.has(Login.ADMINISTRATOR) or trusts(folder)):
                raise passfiles.lost(Login.ADMINISTRATOR)
            passfiles.ensure()
            server = cls(folder, _socket_folder(folder, programs), programs)
            server._end_entered()
            found = server.pid() is not None
            try:
                server._make_ready(deadline, found=found)
                server._let_in()
            except BaseException:
                if not found:
                    server._abandon()
                raise
        return server

    @classmethod
    @contextlib.contextmanager
    def entered(cls, folder: Path, *, wait_s: float = START_SECONDS) -> Iterator[EmbeddedServer]:
        """A server that lets nobody in but the machine's present user, as its administrator; it ends with the block.

        For data whose passwords are lost, or that is restored and has none yet. A server that runs is stopped first.
        :meth:`own_dsn` is the way in.

        Raises:
            what :meth:`start` raises.
        """
        deadline = time.monotonic() + wait_s
        folder = folder.expanduser().resolve()
        with _start_lock(folder, deadline):
            programs = find_programs(folder)
            require_version(folder)
            server = cls(folder, _socket_folder(folder, programs), programs)
            server.stop()
            try:
                server._launch(deadline, reset_options(folder, programs))
                yield server
            finally:
                server.stop()
                clear_reset(folder)

    @classmethod
    def renew_passwords(cls, folder: Path) -> None:
        """Set a new password for each login of the data in ``folder``, whether its files are there or lost.

        Killed in the middle it is done again. Whoever has a copy of an earlier file does not get in with it any more.
        """
        passfiles = Passfiles(folder.expanduser().resolve())
        passfiles.ensure(anew=True)
        with cls.entered(folder) as server, psycopg.connect(server.own_dsn(), autocommit=True) as connection:
            set_passwords(connection, passfiles)
            server.close_rules()

    @property
    def programs(self) -> Programs:
        """PostgreSQL's programs, with the user that the server runs as."""
        return self._programs

    def close_rules(self) -> None:
        """Let nobody in without a password, from the next start on."""
        write_rules(self.folder, self._programs)

    def own_dsn(self) -> str:
        """How the present user of the machine gets in while the server is :meth:`entered`."""
        return make_conninfo(host=str(self._socket_folder), port=5432, user=Login.ADMINISTRATOR, dbname="postgres")

    def pid(self) -> int | None:
        """The process id of the server, or None if none runs on this folder."""
        pid = _recorded_pid(self.folder)
        return pid if pid is not None and _is_server(pid, self.folder) else None

    def dsn(self, database: str = Login.ADMINISTRATOR, login: Login = Login.ADMINISTRATOR) -> str:
        """How a login connects to ``database``. It names the file with the password, and holds none."""
        # An empty password lets the file count, whatever PGPASSWORD the caller's shell has.
        return make_conninfo(
            host=str(self._socket_folder),
            port=5432,
            user=login,
            dbname=database,
            password="",
            passfile=str(self._passfiles.path(login)),
        )

    def logins(self, database: str, *, follows: bool = False) -> Logins:
        """The logins of a process that works in ``database``; the watcher's for one that follows the chain."""
        watcher = self.dsn(database, Login.WATCHER) if follows else None
        return Logins(self.dsn(database, Login.APP), self.dsn(database, Login.OWNER), watcher)

    def ensure_database(self, name: str) -> str:
        """Make the database unless it exists, let its owner's role own it, and close to PUBLIC what is ours.

        Returns how the administrator connects to it.
        """
        with psycopg.connect(self.dsn(), autocommit=True) as connection:
            found = connection.execute(
                "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = %s", (name,)
            ).fetchone()
            if found is None:
                connection.execute(SQL("CREATE DATABASE {} OWNER {}").format(Identifier(name), Identifier(OWNER_ROLE)))
        with psycopg.connect(self.dsn(name), autocommit=True) as connection, connection.transaction():
            close_to_all(connection)
            if found not in (None, (OWNER_ROLE,)):
                # Made by an earlier version.
                connection.execute(
                    SQL("ALTER DATABASE {} OWNER TO {}").format(Identifier(name), Identifier(OWNER_ROLE))
                )
                hand_over(connection)
        return self.dsn(name)

    @classmethod
    def end(cls, folder: Path) -> None:
        """Stop the server of a folder, if one runs there, whatever state its data is in."""
        folder = folder.expanduser().resolve()
        if _recorded_pid(folder) is not None:
            programs = find_programs(folder)
            cls(folder, _socket_folder(folder, programs), programs).stop()

    def stop(self) -> None:
        """Stop the server if it runs; what is committed is on disk."""
        for mode in ("fast", "immediate"):
            if self.pid() is None:
                return
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._control("stop", "-m", mode, "-w", "-t", str(int(STOP_SECONDS)), timeout_s=STOP_SECONDS + 5)
        if self.pid() is not None:
            raise ServerNotReady(f"The server of {self.folder} does not stop.", "End the process and start again.")

    def _end_entered(self) -> None:
        """Stop a server that a process left :meth:`entered` when it was killed: its rules are not the folder's.

        Nobody enters now: who does holds the lock that the start holds.
        """
        with contextlib.suppress(FileNotFoundError):
            if was_entered(self.folder):
                self.stop()
        clear_reset(self.folder)

    def _make_ready(self, deadline: float, *, found: bool) -> None:
        if not found:
            self._launch(deadline)
        try:
            self._await_ready(deadline)
        except ServerNotStarted:
            if not found:
                raise
            # The one that was found was about to end.
            self._launch(deadline)
            self._await_ready(deadline)

    def _let_in(self) -> None:
        """See that each login has the password of its file and that nobody gets in without, whoever made the data."""
        try:
            with psycopg.connect(self.dsn(), autocommit=True) as connection:
                set_passwords(connection, self._passfiles)
                set_limits(connection)
                keep_out(connection)
                if trusts(self.folder):
                    write_rules(self.folder, self._programs)
                load_rules(connection, self.folder)
        except psycopg.OperationalError as error:
            raise ServerNotReady(
                f"The server of {self.folder} was ready and is gone: {str(error).strip()}", "Start again."
            ) from error

    def _abandon(self) -> None:
        """Stop what was started by us and interrupted; it may be so young that its process is not recorded yet."""
        born = time.monotonic() + YOUNG_SECONDS
        while self.pid() is None and time.monotonic() < born:
            time.sleep(POLL_SECONDS)
        with contextlib.suppress(ServerNotReady):
            self.stop()

    def _control(self, action: str, *arguments: str, timeout_s: float) -> int:
        done = self._programs.run("pg_ctl", action, "-D", str(self.folder), *arguments, timeout_s=timeout_s)
        return done.returncode

    def _launch(self, deadline: float, more: str = "") -> None:
        options = f'-k "{self._socket_folder}" {more}'.strip()
        log = self.folder / LOG_FILE
        while True:
            _forget_foreign_pid(self.folder, self._socket_folder)
            size = log.stat().st_size if log.exists() else 0
            left = max(1, int(deadline - time.monotonic()))
            arguments = ("-w", "-t", str(left), "-s", "-l", str(log), "-o", options)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._control("start", *arguments, timeout_s=left + 5)
            if self.pid() is not None:
                return
            said = _log_since(log, size)
            # Processes of a server that was killed can outlive it for a moment and still hold its memory.
            if "shared memory" not in said and "lock file" not in said:
                break
            if time.monotonic() >= deadline:
                break
            time.sleep(POLL_SECONDS)
        if "No space left on device" in said:
            raise DatabaseFull(f"The disk of {self.folder} is full: {said}", "Make room and start again.")
        raise ServerNotStarted(f"The server of {self.folder} ended: {said}", f"Read {log}.")

    def _await_ready(self, deadline: float) -> None:
        while True:
            try:
                psycopg.connect(self.dsn(), connect_timeout=5).close()
            except psycopg.OperationalError as error:
                said = str(error).strip()
                if any(words in said for words in _WRONG_PASSWORD):
                    raise self._passfiles.wrong() from None
            else:
                return
            if self.pid() is None:
                tail = _log_since(self.folder / LOG_FILE, 0)
                raise ServerNotStarted(f"The server of {self.folder} ended: {tail}", f"Read {self.folder / LOG_FILE}.")
            if time.monotonic() >= deadline:
                raise ServerNotReady(
                    f"The server of {self.folder} was not ready in time: {said}", "Start again: it goes on recovering."
                )
            time.sleep(POLL_SECONDS)


@contextlib.contextmanager
def _start_lock(folder: Path, deadline: float) -> Iterator[None]:
    """One process starts the server of a folder at a time."""
    path = folder.parent / f".{folder.name}.lock"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = path.open("w")
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise DatabaseFull(f"The disk of {folder} is full.", "Make room and start again.") from None
        raise DataFolderUnusable(f"{path} cannot be written: {error.strerror}.", "Give another folder.") from None
    with lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise ServerNotReady(f"Another process holds {path}.", "Wait until it has started.") from None
                time.sleep(POLL_SECONDS)
            else:
                break
        yield


def _socket_folder(folder: Path, programs: Programs) -> Path:
    """The data folder itself, or a short folder of its own where a socket's path would be too long or hold a comma."""
    if len(os.fsencode(folder / SOCKET_NAME)) <= MAX_SOCKET_PATH and not set(str(folder)) & LIST_CHARACTERS:
        return folder
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    short = Path(tempfile.gettempdir()) / f"zakhira-{name}"
    owner = os.geteuid() if programs.uid is None else programs.uid
    if not short.exists():
        short.mkdir(mode=0o700)
        os.chown(short, owner, -1)
    status = short.lstat()
    if status.st_uid != owner or status.st_mode & 0o077 or not short.is_dir():
        raise DataFolderUnusable(f"{short} is not ours alone.", "Remove it, or give a data folder with a shorter path.")
    return short


def _recorded_pid(folder: Path) -> int | None:
    return _pid_in(folder / "postmaster.pid")


def _pid_in(lock: Path) -> int | None:
    try:
        return int(lock.read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None


def _is_server(pid: int, folder: Path) -> bool:
    """Whether the process is a server on this folder: it works there. Without /proc, whether the process lives."""
    if not Path("/proc/self").exists():
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True
    try:
        return Path(f"/proc/{pid}/cwd").resolve(strict=True) == folder
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return False


def _forget_foreign_pid(folder: Path, socket_folder: Path) -> None:
    """Remove lock files that name a process which lives, or is not buried yet, but is no server of this folder.

    After a restart of the machine or of a container a number is soon given to another process; the server would take
    that one for itself and refuse to start. A number that is free the server recognises on its own.
    """
    locks = (folder / "postmaster.pid", socket_folder / f"{SOCKET_NAME}.lock")
    foreign = [lock for lock in locks if _is_foreign(_pid_in(lock), folder)]
    if foreign and not any(_is_server(int(process.name), folder) for process in Path("/proc").glob("[0-9]*")):
        for lock in foreign:
            lock.unlink(missing_ok=True)


def _is_foreign(pid: int | None, folder: Path) -> bool:
    return pid is not None and Path(f"/proc/{pid}").exists() and not _is_server(pid, folder)


def _log_since(log: Path, offset: int) -> str:
    try:
        with log.open("rb") as source:
            source.seek(offset)
            lines = source.read().decode(errors="replace").splitlines()
    except FileNotFoundError:
        return "it wrote no log"
    return " | ".join(line for line in lines[-LOG_LINES_TOLD:] if line)

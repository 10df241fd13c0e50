"""The embedded server starts, is found again, survives being killed, and says clearly why it does not start."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from books_bench import end_at_once
from zakhira.adapters.postgres import programs, server
from zakhira.adapters.postgres.errors import DataFolderUnusable, ServerMissing, ServerNotReady, ServerNotStarted
from zakhira.adapters.postgres.server import SOCKET_NAME, EmbeddedServer
from zakhira.flows.ports.books_errors import DatabaseFull


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A data folder that one server of these tests after the other uses."""
    with tempfile.TemporaryDirectory(prefix="zk") as name:
        folder = Path(name) / "pg"
        yield folder
        if folder.exists():
            EmbeddedServer.start(folder).stop()


def answers(one: EmbeddedServer) -> bool:
    """Whether it does what a server does."""
    with psycopg.connect(one.dsn()) as connection:
        return connection.execute("SELECT 1").fetchone() == (1,)


def test_start_use_stop_and_start_again(home: Path) -> None:
    """A second start finds the server that runs; after a stop nothing runs, and another start finds the data."""
    first = EmbeddedServer.start(home)
    second = EmbeddedServer.start(home)
    assert first.pid() == second.pid()
    assert first.ensure_database("zakhira") == second.ensure_database("zakhira")
    first.stop()
    assert second.pid() is None
    second.stop()
    third = EmbeddedServer.start(home)
    with psycopg.connect(third.dsn("zakhira")):
        assert third.pid() is not None


def test_it_listens_on_no_port_and_never_as_root(home: Path) -> None:
    """Nobody reaches it over the network, and root does not run it."""
    one = EmbeddedServer.start(home)
    with psycopg.connect(one.dsn()) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        assert connection.execute("SHOW fsync").fetchone() == ("on",)
        assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)
    assert Path(f"/proc/{one.pid()}").stat().st_uid != 0
    assert home.stat().st_mode & 0o077 == 0


def test_killed_it_recovers(home: Path) -> None:
    """SIGKILL to the server: the next start recovers and what was committed is there."""
    one = EmbeddedServer.start(home)
    with psycopg.connect(one.dsn(), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    end_at_once(one)
    assert one.pid() is None
    again = EmbeddedServer.start(home)
    with psycopg.connect(again.dsn()) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (7,)


def test_only_the_main_process_killed(home: Path) -> None:
    """Its helpers outlive it for a moment and hold its memory: the next start waits for them."""
    one = EmbeddedServer.start(home)
    pid = one.pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert answers(EmbeddedServer.start(home))


def test_a_server_that_ends_while_we_look(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that was found running and is gone before it answers is started again."""
    one = EmbeddedServer.start(home)
    real = EmbeddedServer._await_ready
    asked: list[int | None] = []

    def ending(self: EmbeddedServer, deadline: float) -> None:
        if not asked:
            asked.append(one.pid())
            end_at_once(one)
        real(self, deadline)

    monkeypatch.setattr(EmbeddedServer, "_await_ready", ending)
    again = EmbeddedServer.start(home)
    assert answers(again)
    assert asked != [again.pid()]


def test_a_server_that_dies_just_when_it_is_ready(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGKILL between its being ready and our setting of passwords: told as such; the next start finds the data."""
    real = EmbeddedServer._await_ready

    def dying(self: EmbeddedServer, deadline: float) -> None:
        real(self, deadline)
        end_at_once(self)

    with monkeypatch.context() as patch:
        patch.setattr(EmbeddedServer, "_await_ready", dying)
        with pytest.raises(ServerNotReady, match="was ready and is gone"):
            EmbeddedServer.start(home)
    assert answers(EmbeddedServer.start(home))


def test_our_process_killed_leaves_a_server_that_is_used_again(home: Path) -> None:
    """SIGKILL to the program that started it: the server goes on, and the next start uses it; stderr stays clean."""
    EmbeddedServer.start(home).stop()
    script = f"""
        import os, signal
        from pathlib import Path
        from zakhira.adapters.postgres.server import EmbeddedServer
        one = EmbeddedServer.start(Path({str(home)!r}))
        print(one.pid(), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == -signal.SIGKILL
    assert done.stderr == ""
    assert EmbeddedServer.start(home).pid() == int(done.stdout)


@pytest.fixture
def bystander(home: Path) -> Iterator[int]:
    """A process of the user that the server runs as, and no server."""
    process = subprocess.Popen(["sleep", "120"], user=programs.find_programs(home).uid)
    yield process.pid
    process.kill()
    process.wait()


@pytest.mark.parametrize("gone", [(), ("postmaster.pid",)])
def test_a_number_that_another_process_has_now(home: Path, bystander: int, gone: tuple[str, ...]) -> None:
    """After a restart of the machine the recorded number may be any process's: it is not taken for the server."""
    one = EmbeddedServer.start(home)
    locks = {lock: lock.read_text().splitlines() for lock in (home / "postmaster.pid", home / f"{SOCKET_NAME}.lock")}
    end_at_once(one)
    for lock, lines in locks.items():
        lock.write_text("\n".join([str(bystander), *lines[1:]]) + "\n")
    for name in gone:
        (home / name).unlink()
    assert one.pid() is None
    assert answers(EmbeddedServer.start(home))


def test_a_long_path_has_its_socket_elsewhere() -> None:
    """A path too long for a socket: the socket lies in a short folder that only its owner can enter."""
    with tempfile.TemporaryDirectory(prefix="zk") as name:
        folder = Path(name) / ("long-" * 18) / "pg"
        one = EmbeddedServer.start(folder)
        try:
            assert answers(one)
            short = one._socket_folder
            assert short != folder
            assert short.stat().st_mode & 0o077 == 0
        finally:
            one.stop()
        short.chmod(0o755)
        with pytest.raises(DataFolderUnusable, match="not ours alone"):
            EmbeddedServer.start(folder)
        short.rmdir()


def test_a_folder_that_holds_something_else(tmp_path: Path) -> None:
    """A folder with other things in it is left as it is."""
    folder = tmp_path / "pg"
    folder.mkdir()
    (folder / "letter.txt").write_text("dear")
    with pytest.raises(DataFolderUnusable, match="not empty"):
        EmbeddedServer.start(folder)
    assert [path.name for path in folder.iterdir()] == ["letter.txt"]


def test_data_of_another_version(tmp_path: Path) -> None:
    """Data of PostgreSQL 16 is not opened by 18."""
    folder = tmp_path / "pg"
    folder.mkdir()
    (folder / "PG_VERSION").write_text("16\n")
    with pytest.raises(DataFolderUnusable, match="made by PostgreSQL 16"):
        EmbeddedServer.start(folder)


def test_a_server_that_cannot_start(home: Path) -> None:
    """With a broken configuration the error holds what the server's log says, and soon."""
    EmbeddedServer.start(home).stop()
    automatic = home / "postgresql.auto.conf"
    before = automatic.read_text()
    automatic.write_text("shared_buffers = 'plenty'\n")
    try:
        started = time.monotonic()
        with pytest.raises(ServerNotStarted, match="shared_buffers"):
            EmbeddedServer.start(home, wait_s=60)
        assert time.monotonic() - started < 30
    finally:
        automatic.write_text(before)


def test_a_server_that_is_not_ready_in_time(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recovery that takes longer than we wait is said to be that, and the server is left to go on."""
    one = EmbeddedServer.start(home)

    def recovering(*_: object, **__: object) -> None:
        raise psycopg.OperationalError("FATAL:  the database system is starting up")

    with monkeypatch.context() as patch:
        patch.setattr(psycopg, "connect", recovering)
        with pytest.raises(ServerNotReady, match="starting up"):
            EmbeddedServer.start(home, wait_s=0.3)
    assert answers(one)


def test_somebody_else_is_starting_it(home: Path) -> None:
    """While another process starts the server we wait, and say so when it takes too long."""
    with (home.parent / f".{home.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ServerNotReady, match="Another process"):
            EmbeddedServer.start(home, wait_s=0.2)


def test_a_kill_while_the_data_is_made() -> None:
    """What an interrupted initialisation left beside the folder is removed, and the next start makes it anew."""
    with tempfile.TemporaryDirectory(prefix="zk") as name:
        folder = Path(name) / "pg"
        half = folder.parent / ".pg.new-1"
        half.mkdir()
        (half / "PG_VERSION").write_text("18\n")
        one = EmbeddedServer.start(folder)
        assert answers(one)
        assert not half.exists()
        one.stop()


def test_a_place_that_cannot_be_written() -> None:
    """A folder below something that is no folder."""
    with pytest.raises(DataFolderUnusable, match="cannot be written"):
        EmbeddedServer.start(Path("/dev/null/zakhira/pg"))


class FullDisk:
    """Stands for programs that find the disk full."""

    returncode = 1
    stderr = "initdb: error: could not write file: No space left on device"


def test_a_full_disk_when_the_data_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full while the data is made: said so, and nothing half-made is left."""
    real = programs.Programs.run

    def run(self: programs.Programs, name: str, *arguments: str, timeout_s: float) -> object:
        return FullDisk() if name == "initdb" else real(self, name, *arguments, timeout_s=timeout_s)

    monkeypatch.setattr(programs.Programs, "run", run)
    with pytest.raises(DatabaseFull):
        EmbeddedServer.start(tmp_path / "pg")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".pg.lock", "pg-keys"]


def test_a_full_disk_when_the_server_starts(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server ends for want of room: the error says that rather than that it ended."""
    EmbeddedServer.start(home).stop()
    log = home / server.LOG_FILE

    def control(self: EmbeddedServer, action: str, *_: str, timeout_s: float) -> int:
        assert (self.folder, action) == (home, "start")
        assert timeout_s > 0
        with log.open("a") as out:
            out.write("FATAL:  could not write lock file: No space left on device\n")
        return 1

    monkeypatch.setattr(EmbeddedServer, "_control", control)
    with pytest.raises(DatabaseFull, match="No space left"):
        EmbeddedServer.start(home, wait_s=0.2)


def test_the_wheel_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the programs one learns what to install or to set."""
    monkeypatch.setattr(programs, "WHEEL", "no_such_package")
    with pytest.raises(ServerMissing) as caught:
        EmbeddedServer.start(tmp_path / "pg")
    assert "ZAKHIRA_DATABASE_URL" in caught.value.remedy


def test_programs_that_do_not_run(tmp_path: Path) -> None:
    """Programs for another machine: named, with the way out."""
    (tmp_path / "postgres").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "postgres").chmod(0o755)
    with pytest.raises(ServerMissing, match="does not run here"):
        programs._require_runnable(programs.Programs(tmp_path, None, None))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts the server as another user")
def test_root_lets_the_servers_user_through_and_no_further() -> None:
    """Folders above the data may then be traversed by others, and still not be listed."""
    with tempfile.TemporaryDirectory(prefix="zk") as name:
        outer = Path(name) / "private"
        outer.mkdir(mode=0o700)
        programs.find_programs(outer / "pg")
        assert outer.stat().st_mode & 0o007 == 0o001


def test_the_callers_variables_do_not_steer_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PGPORT and PGDATA of somebody's shell are not ours."""
    EmbeddedServer.start(home).stop()
    monkeypatch.setenv("PGPORT", "6000")
    monkeypatch.setenv("PGDATA", "/nowhere")
    assert answers(EmbeddedServer.start(home))


def test_stopping_waits_for_those_who_use_it(home: Path) -> None:
    """Connections that are open do not keep it from stopping."""
    one = EmbeddedServer.start(home)
    connection = psycopg.connect(one.dsn())
    one.stop()
    assert one.pid() is None
    with contextlib.suppress(psycopg.OperationalError):
        connection.close()


@pytest.mark.parametrize("name", ['a"b', "a$(id)b", "a`b", "a\\b", "a\nb", "x" * 200 + "/" + "y" * 200])
def test_a_path_that_a_shell_would_read_is_refused(tmp_path: Path, name: str) -> None:
    """``pg_ctl`` hands its paths to a shell; what has a meaning there, or is too long, is named and nothing is made."""
    folder = tmp_path / name / name / name if len(name) > 100 else tmp_path / name
    with pytest.raises(DataFolderUnusable):
        EmbeddedServer.start(folder / "pg")
    assert not list(tmp_path.iterdir())


def test_a_path_with_spaces_quotes_and_commas_works() -> None:
    """A comma parts the list of socket folders and a quote ends a word of it: the socket lies elsewhere then."""
    with tempfile.TemporaryDirectory(prefix="zk") as name:
        Path(name).chmod(0o755)  # the server's own user passes through when the tests run as root
        one = EmbeddedServer.start(Path(name) / "it's a, b ذخیرہ" / "pg")
        try:
            assert answers(one)
        finally:
            one.stop()

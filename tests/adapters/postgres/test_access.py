"""Nobody gets into the embedded server without a password, and what was lost or made by earlier versions is mended."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from books_bench import ACCOUNTS, receipt, write
from zakhira.adapters.postgres import access
from zakhira.adapters.postgres.access import RULES_FILE, trusts
from zakhira.adapters.postgres.books import open_books
from zakhira.adapters.postgres.data_folder import require_nameable
from zakhira.adapters.postgres.errors import PasswordsLost
from zakhira.adapters.postgres.passfiles import ROLE_OF, Login, Passfiles
from zakhira.adapters.postgres.programs import find_programs
from zakhira.adapters.postgres.schema import load_migrations, migrate
from zakhira.adapters.postgres.server import EmbeddedServer

BOOKS = "books"
TRUST = "local all all trust\nlocal replication all trust\n"


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """The data folder of a server that one test after the other uses."""
    with tempfile.TemporaryDirectory(prefix="zk") as name:
        folder = Path(name) / "pg"
        yield folder
        EmbeddedServer.start(folder).stop()


def user_in(dsn: str) -> str:
    """Who the server says it is."""
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT session_user").fetchone()
    assert row is not None
    return str(row[0])


def app_of(server: EmbeddedServer) -> str:
    """How the program's login connects to books on the server."""
    server.ensure_database(BOOKS)
    return server.dsn(BOOKS, Login.APP)


def without_password(dsn: str) -> str:
    """The same address of somebody who has no password file."""
    return make_conninfo(dsn, passfile=os.devnull)


def test_every_login_needs_its_password_and_has_its_role_alone(home: Path) -> None:
    """Each gets in with its file and nobody without; each is a member of its group, and none is a superuser."""
    server = EmbeddedServer.start(home)
    server.ensure_database(BOOKS)
    for login in Login:
        dsn = server.dsn(BOOKS, login)
        assert "password=''" in dsn
        assert user_in(dsn) == login
        with pytest.raises(psycopg.OperationalError, match="no password supplied"):
            psycopg.connect(without_password(dsn))
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(make_conninfo(dsn, password="guess"))
    with psycopg.connect(server.dsn()) as connection:
        rows = connection.execute(
            "SELECT one.rolname, array_agg(team.rolname) FROM pg_auth_members JOIN pg_roles AS one ON one.oid = member "
            "JOIN pg_roles AS team ON team.oid = roleid WHERE one.rolcanlogin GROUP BY one.rolname"
        ).fetchall()
        supers = connection.execute("SELECT rolname FROM pg_roles WHERE rolsuper OR rolcreaterole OR rolreplication")
        assert supers.fetchall() == [(Login.ADMINISTRATOR,)]
    assert dict(rows) == {login: [role] for login, role in ROLE_OF.items()}


def test_passwords_are_their_owners_alone_and_in_no_log(home: Path) -> None:
    """A folder and files that nobody else reads; neither address nor log nor the tables hold a password."""
    server, passfiles = EmbeddedServer.start(home), Passfiles(home)
    assert stat.S_IMODE(passfiles.folder.stat().st_mode) == 0o700
    log = (home / "server.log").read_text()
    for login in Login:
        path = passfiles.path(login)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        password = passfiles.password(login)
        assert len(password) >= 43
        assert password not in log
        assert password not in server.dsn(BOOKS, login)
    assert len({passfiles.password(login) for login in Login}) == len(Login)


def test_a_password_of_the_callers_shell_does_not_count(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PGPASSWORD would be taken before the file."""
    server = EmbeddedServer.start(home)
    monkeypatch.setenv("PGPASSWORD", "another's")
    assert user_in(app_of(server)) == Login.APP


def test_data_of_an_earlier_version_loses_its_trust(home: Path) -> None:
    """Made with trust, used by a superuser, and even running meanwhile: at the next start passwords are asked."""
    with tempfile.TemporaryDirectory(prefix="zk") as name:
        folder = Path(name) / "pg"
        earlier_data(folder)
        with psycopg.connect(earlier_dsn(folder, "postgres"), autocommit=True) as connection:
            connection.execute("CREATE DATABASE zakhira")
        with psycopg.connect(earlier_dsn(folder, "zakhira"), autocommit=True) as connection:
            earlier_schema(connection)
        server = EmbeddedServer.start(folder)
        assert not trusts(folder)
        for login in Login:
            with pytest.raises(psycopg.OperationalError, match="no password supplied"):
                psycopg.connect(without_password(server.dsn(BOOKS, login)))
        server.ensure_database("zakhira")
        books = open_books(server.logins("zakhira"))
        books.open_accounts(ACCOUNTS)
        books.commit(write("k", receipt(1)))
        books.close()
        with psycopg.connect(server.dsn("zakhira")) as connection:
            owners = connection.execute(
                "SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class WHERE relnamespace = 'zakhira'::regnamespace"
            ).fetchall()
            assert owners == [("zakhira_owner",)]
        server.stop()


def earlier_data(folder: Path) -> None:
    """A running server as earlier versions made it: whoever reached its socket was trusted."""
    require_nameable(folder)
    programs = find_programs(folder)
    folder.mkdir(mode=0o700)
    if programs.uid is not None and programs.gid is not None:
        os.chown(folder, programs.uid, programs.gid)
    options = ("--encoding=UTF8", "--locale=C", "--auth=trust", "--username=postgres")
    done = programs.run("initdb", "-D", str(folder), *options, timeout_s=120)
    assert done.returncode == 0, done.stderr
    how = f'-k "{folder}" -c listen_addresses= -c unix_socket_permissions=0700'
    begun = programs.run(
        "pg_ctl", "start", "-D", str(folder), "-w", "-s", "-l", str(folder / "server.log"), "-o", how, timeout_s=60
    )
    assert begun.returncode == 0, begun.stderr


def earlier_dsn(folder: Path, database: str) -> str:
    """How the earlier version connected."""
    return make_conninfo(host=str(folder), port=5432, user="postgres", dbname=database)


def earlier_schema(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """The schema of version 7, which belongs to the superuser as everything did."""
    migrate(connection, load_migrations()[:7])
    for kind, name in (("SCHEMA", "zakhira"), ("TABLE", "zakhira.record"), ("FUNCTION", "zakhira.seal(integer)")):
        connection.execute(f"ALTER {kind} {name} OWNER TO postgres".encode())


@pytest.mark.parametrize("stop_after", ["passwords", "rules"])
def test_killed_while_the_trust_is_ended(stop_after: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever step it got to, the next start ends it, also in a server that goes on running with the old rules."""
    with tempfile.TemporaryDirectory(prefix="zk") as name:
        folder = Path(name) / "pg"
        earlier_data(folder)
        where = "write_rules" if stop_after == "passwords" else "load_rules"
        with monkeypatch.context() as patch:
            patch.setattr(f"zakhira.adapters.postgres.server.{where}", _killed)
            with pytest.raises(KeyboardInterrupt):
                EmbeddedServer.start(folder)
        server = EmbeddedServer.start(folder)
        with pytest.raises(psycopg.OperationalError, match="no password supplied"):
            psycopg.connect(without_password(server.dsn()))
        assert user_in(app_of(server)) == Login.APP
        server.stop()


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_one_lost_password_is_made_anew(home: Path) -> None:
    """The administrator's is there, so that another's can be set; the old one does not open any more."""
    EmbeddedServer.start(home)
    passfiles = Passfiles(home)
    before = passfiles.password(Login.APP)
    passfiles.path(Login.APP).unlink()
    server = EmbeddedServer.start(home)
    assert passfiles.password(Login.APP) != before
    assert user_in(app_of(server)) == Login.APP
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(make_conninfo(app_of(server), password=before))


def test_all_passwords_lost(home: Path) -> None:
    """It is said what to do, and that helps: new passwords, the same data, nobody's login but the machine's user."""
    server, passfiles = EmbeddedServer.start(home), Passfiles(home)
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept AS SELECT 7 AS number")
    old = passfiles.password(Login.ADMINISTRATOR)
    shutil.rmtree(passfiles.folder)
    with pytest.raises(PasswordsLost, match="is not there") as caught:
        EmbeddedServer.start(home)
    assert "--new-passwords" in caught.value.remedy
    EmbeddedServer.renew_passwords(home)
    again = EmbeddedServer.start(home)
    with psycopg.connect(again.dsn()) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (7,)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(make_conninfo(again.dsn(), password=old))
    assert not [path for path in home.iterdir() if path.name.startswith("zakhira_reset")]


def test_passwords_of_another_server(home: Path) -> None:
    """A folder of keys that belongs to other data is told at once, not after two minutes."""
    EmbeddedServer.start(home)
    path = Passfiles(home).path(Login.ADMINISTRATOR)
    kept = path.read_text()
    path.write_text("*:*:*:postgres:of-another-server\n")
    try:
        started = time.monotonic()
        with pytest.raises(PasswordsLost, match="is not the one"):
            EmbeddedServer.start(home)
        path.write_text("nonsense\n")
        with pytest.raises(PasswordsLost):
            EmbeddedServer.start(home)
        assert time.monotonic() - started < 20
    finally:
        path.write_text(kept)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_of_the_machine_is_not_the_administrator_of_an_entered_server(home: Path) -> None:
    """While passwords are set anew the server asks the machine who is there; the server's own user is not us."""
    EmbeddedServer.start(home).stop()
    programs = find_programs(home)
    with EmbeddedServer.entered(home) as server:
        assert user_in(server.own_dsn()) == Login.ADMINISTRATOR
        host = str(conninfo_to_dict(server.own_dsn())["host"])
        done = programs.run("psql", "-h", host, "-U", "postgres", "-c", "SELECT 1", timeout_s=20)
        assert done.returncode != 0
        assert "Peer authentication failed" in done.stderr


def test_initialising_leaves_no_password_behind() -> None:
    """The file from which the administrator's password was read is gone, and nothing else is beside the data."""
    with tempfile.TemporaryDirectory(prefix="zk") as name:
        one = EmbeddedServer.start(Path(name) / "pg")
        assert sorted(path.name for path in Path(name).iterdir()) == [".pg.lock", "pg", "pg-keys"]
        assert (one.folder / RULES_FILE).read_text() == access.RULES
        one.stop()


def test_psql_as_the_application_fails_as_well(home: Path) -> None:
    """Somebody with the application's password file and psql: no UPDATE, no chain event, no role of another."""
    server = EmbeddedServer.start(home)
    server.ensure_database("zakhira")
    books = open_books(server.logins("zakhira"))
    books.open_accounts(ACCOUNTS)
    books.commit(write("k", receipt(1)))
    books.close()
    psql = find_programs(home).folder / "psql"
    for statement in (
        "UPDATE zakhira.balance SET units = 0",
        "DELETE FROM zakhira.posting",
        "TRUNCATE zakhira.record",
        "INSERT INTO zakhira.chain_event (sequence) VALUES (1)",
        "SET ROLE zakhira_watcher",
        "SET ROLE zakhira_owner",
        "SET session_replication_role = replica",
        "ALTER TABLE zakhira.record DISABLE TRIGGER ALL",
    ):
        done = subprocess.run(
            [str(psql), "-X", "-v", "ON_ERROR_STOP=1", server.dsn("zakhira", Login.APP), "-c", statement],
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )
        assert done.returncode != 0, statement
        assert "permission denied" in done.stderr or "must be owner" in done.stderr, done.stderr


ENTERS = """
import os, signal, sys
from pathlib import Path
from zakhira.adapters.postgres.server import EmbeddedServer
with EmbeddedServer.entered(Path(sys.argv[1])):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_killed_while_passwords_are_set(home: Path) -> None:
    """What is left running lets the machine's user in without a password: the next start ends it."""
    server = EmbeddedServer.start(home)
    dsn = app_of(server)
    user_in(dsn)
    done = subprocess.run([sys.executable, "-c", ENTERS, str(home)], check=False, timeout=120)
    assert done.returncode == -signal.SIGKILL
    assert server.pid() is not None
    assert user_in(without_password(server.dsn())) == Login.ADMINISTRATOR
    with pytest.raises(psycopg.OperationalError, match="no pg_hba"):
        psycopg.connect(dsn)
    again = EmbeddedServer.start(home)
    with pytest.raises(psycopg.OperationalError, match="no password supplied"):
        psycopg.connect(without_password(again.dsn()))
    assert user_in(dsn) == Login.APP
    assert not [path for path in home.iterdir() if path.name.startswith("zakhira_reset")]
    before = again.pid()
    assert EmbeddedServer.start(home).pid() == before, "a server with the folder's own rules is used as it is"

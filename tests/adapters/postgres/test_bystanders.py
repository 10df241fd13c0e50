"""Who may only read cannot stop those who write: not by locks, not by connections, not by filling the disk."""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import replace

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from books_bench import START, receipt, shared_template, write
from zakhira.adapters.postgres import connecting
from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.adapters.postgres.heartbeat import beat
from zakhira.adapters.postgres.login_limits import PEOPLES_CONNECTIONS
from zakhira.adapters.postgres.logins import Logins
from zakhira.adapters.postgres.passfiles import Login
from zakhira.adapters.postgres.role_check import read_roles
from zakhira.adapters.postgres.roles import APP_ROLE
from zakhira.adapters.postgres.server import EmbeddedServer
from zakhira.flows.ports.books import Write
from zakhira.flows.ports.books_errors import NotTheWatcher, WritersInTheWay
from zakhira.flows.ports.coin_events import CoinEvent, CoinEventKind

PEOPLE = (Login.READER, Login.AUDITOR, Login.WATCHTOWER)
LIMITED = ["idle_in_transaction_session_timeout", "lock_timeout", "statement_timeout", "temp_file_limit"]
BLOCK = Write(
    "block", "watcher", "follow", START,
    coin_events=(CoinEvent(CoinEventKind.BLOCK_CONNECTED, 7, "a" * 64, previous_hash="0" * 64),),
)  # fmt: skip
STOPPING = (
    "SELECT pg_advisory_lock(2053861743)",
    "SELECT pg_advisory_lock_shared(8022892, 0)",
    "SELECT pg_advisory_xact_lock(2053861741)",
    "SELECT pg_advisory_xact_lock_shared(2053861742)",
    "SELECT pg_try_advisory_lock(8022892, 0)",
    "SELECT pg_try_advisory_lock_shared(2053861743)",
    "SELECT pg_try_advisory_xact_lock(2053861743)",
    "SELECT pg_try_advisory_xact_lock_shared(8022892, 0)",
    "SELECT count(pg_advisory_lock(g)) FROM generate_series(1, 1000000) AS g",
    "CREATE TEMPORARY TABLE filler AS SELECT repeat('x', 1000) FROM generate_series(1, 10)",
    "SELECT lo_create(0)",
    "SELECT lo_creat(-1)",
    "SELECT lo_from_bytea(0, 'x')",
    "SELECT pg_logical_emit_message(false, 'x', repeat('x', 1000))",
)


@pytest.fixture
def closed(database: str, copy_name: str) -> str:
    """The name of a database as the embedded server makes one: a copy does not take over who may make tables in it."""
    shared_template().server.ensure_database(copy_name)
    return copy_name


def as_login(name: str, login: Login) -> Connection[TupleRow]:
    """A plain connection as one of the logins."""
    return psycopg.connect(shared_template().server.dsn(name, login), autocommit=True)


@pytest.mark.parametrize("login", PEOPLE)
def test_nobody_who_only_reads_takes_a_lock_or_fills_the_disk(closed: str, books: PostgresBooks, login: Login) -> None:
    """Each way is refused, and a write goes through while the connection stays open."""
    with as_login(closed, login) as connection:
        for statement in STOPPING:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())
        assert not books.commit(write("k", receipt(1))).replayed
        assert books.seal() == 1


@pytest.mark.parametrize("name", ["postgres", "template1"])
def test_nor_in_another_database_of_the_server(name: str) -> None:
    """Locks taken there would fill the same memory: nobody but the administrator gets in."""
    for login in Login:
        if login is not Login.ADMINISTRATOR:
            with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
                as_login(name, login)


def test_what_public_may_is_told_with_what_ends_it(owner: Connection[TupleRow], closed: str) -> None:
    """As on a server of one's own: named, with statements that an administrator runs, after which nothing is left."""
    assert next(one for one in read_roles(owner) if one.name == "PUBLIC").faults == ()
    owner.execute("GRANT EXECUTE ON FUNCTION pg_advisory_lock(bigint), lo_create(oid) TO PUBLIC")
    owner.execute(f"GRANT TEMPORARY ON DATABASE {closed} TO PUBLIC".encode())
    told = next(one for one in read_roles(owner) if one.name == "PUBLIC")
    assert [fault.partition(",")[0] for fault in told.faults] == [
        "it may take advisory locks",
        "it may fill the disk with large objects and messages",
        "it may fill the disk with temporary tables",
    ]
    for statement in told.mends:
        owner.execute(statement.encode())
    assert next(one for one in read_roles(owner) if one.name == "PUBLIC").faults == ()


def test_people_cannot_take_every_connection(closed: str, books: PostgresBooks) -> None:
    """Each login of people has its five; who is let in late is the sixth of them, and never the program."""
    with ExitStack() as stack:
        for login in PEOPLE:
            for _ in range(PEOPLES_CONNECTIONS):
                stack.enter_context(as_login(closed, login))
            with pytest.raises(psycopg.OperationalError, match="too many connections for role"):
                as_login(closed, login)
        assert not books.commit(write("k", receipt(1))).replayed


def test_every_login_is_held_to_its_limits(closed: str) -> None:
    """No transaction idles for ever, the program's locks are waited for a while, people's questions and files end."""
    shown = {}
    for login in (Login.OWNER, Login.APP, Login.WATCHER, *PEOPLE):
        with as_login(closed, login) as connection:
            rows = connection.execute("SELECT name, setting, unit FROM pg_settings WHERE name = ANY(%s)", (LIMITED,))
            shown[login] = {name: f"{setting}{unit}" for name, setting, unit in rows}
    assert {one["idle_in_transaction_session_timeout"] for one in shown.values()} == {"60000ms"}
    for login in (Login.APP, Login.WATCHER):
        assert shown[login]["lock_timeout"] == "15000ms"
    for login in PEOPLE:
        assert shown[login]["statement_timeout"] != "0ms"
        assert shown[login]["temp_file_limit"] != "-1kB"
        with as_login(closed, login) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SET temp_file_limit = -1")


def test_data_that_has_other_limits_is_held_to_these_at_the_next_start(owner: Connection[TupleRow]) -> None:
    """Made by an earlier version, or changed since."""
    owner.execute("ALTER ROLE zakhira_reader_login CONNECTION LIMIT -1")
    owner.execute("ALTER ROLE zakhira_reader_login RESET ALL")
    server = shared_template().server
    EmbeddedServer.start(server.folder)
    found = owner.execute("SELECT rolconnlimit, rolconfig FROM pg_roles WHERE rolname = 'zakhira_reader_login'")
    limit, settings = found.fetchall()[0]
    assert limit == PEOPLES_CONNECTIONS
    assert "statement_timeout=5min" in settings


def test_a_transaction_that_idles_is_ended_before_the_watcher_gives_up(
    app: Connection[TupleRow], books: PostgresBooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program's login holds what every write waits for and goes to sleep: the block is recorded all the same."""
    monkeypatch.setattr(connecting, "LOCK_WAIT_S", 0.3)
    app.execute("SET idle_in_transaction_session_timeout = '700ms'")
    app.execute("SELECT zakhira.lock_touched(NULL)")
    assert not books.commit(BLOCK).replayed
    with pytest.raises(psycopg.errors.IdleInTransactionSessionTimeout):
        app.execute("SELECT 1")


def test_who_holds_the_locks_is_named(
    app: Connection[TupleRow], books: PostgresBooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that lifted its limits for itself stops the writers; they do not hang, and say which session it is."""
    monkeypatch.setattr(connecting, "LOCK_WAIT_S", 0.2)
    app.execute("SET idle_in_transaction_session_timeout = 0")
    app.execute("SELECT zakhira.lock_touched(NULL)")
    with pytest.raises(WritersInTheWay, match=f"process {app.info.backend_pid} of zakhira_app_login") as caught:
        books.commit(BLOCK)
    assert f"pg_terminate_backend({app.info.backend_pid})" in caught.value.remedy
    app.rollback()
    assert not books.commit(BLOCK).replayed


def test_the_program_is_as_patient_on_a_server_of_ones_own(database: str) -> None:
    """There a login has no settings of ours: each connection states them."""
    with connecting.connect(database, role=APP_ROLE) as connection:
        assert connection.execute("SHOW lock_timeout").fetchone() == ("15s",)
        assert connection.execute("SHOW idle_in_transaction_session_timeout").fetchone() == ("1min",)


def test_the_sign_of_life_is_the_watchers_alone(
    app: Connection[TupleRow], logins: Logins, books: PostgresBooks
) -> None:
    """The program cannot pass for what follows the chain."""
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        app.execute("SELECT zakhira.beat(7, repeat('ab', 32))")
    app.rollback()
    with closing(PostgresBooks(replace(logins, watcher=None))) as plain, pytest.raises(NotTheWatcher):
        beat(plain, 7, "ab" * 32)
    beat(books, 7, "ab" * 32)
    assert app.execute("SELECT height FROM zakhira.heartbeat").fetchone() == (7,)

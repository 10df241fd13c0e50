"""Migrations go forward only, whole, once, and never over a schema that is not theirs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from books_bench import ACCOUNTS, receipt, shared_template, write
from zakhira.adapters.postgres.books import open_books
from zakhira.adapters.postgres.errors import RolesMissing, SchemaAltered, SchemaTooNew
from zakhira.adapters.postgres.public_rights import close_to_all
from zakhira.adapters.postgres.schema import Migration, load_migrations, migrate
from zakhira.wiring.database import alone_in

COUNT = len(load_migrations())
NEXT = Migration(COUNT + 1, "0099_test", "CREATE TABLE zakhira.extra (a int); INSERT INTO zakhira.extra VALUES (1);")


@pytest.fixture
def empty() -> Iterator[str]:
    """How to connect to a database that nothing was done to."""
    server = shared_template().server
    dsn = server.ensure_database("empty")
    yield dsn
    shared_template().drop("empty")


def applied(dsn: str) -> list[tuple[object, ...]]:
    """What the database remembers."""
    with psycopg.connect(dsn) as connection:
        return connection.execute("SELECT version, name FROM zakhira.schema_version ORDER BY version").fetchall()


def test_migrating_twice_changes_nothing(empty: str) -> None:
    """The second time finds everything done."""
    for _ in range(2):
        open_books(empty).close()
        assert applied(empty) == [(one.version, one.name) for one in load_migrations()]


def test_a_further_migration_is_added(database: str) -> None:
    """A newer program adds what is new; the older one then refuses to work on it."""
    with psycopg.connect(database, autocommit=True) as connection:
        assert migrate(connection, (*load_migrations(), NEXT)) == COUNT + 1
        assert connection.execute("SELECT a FROM zakhira.extra").fetchone() == (1,)
    with pytest.raises(SchemaTooNew, match=f"version {COUNT + 1}"):
        open_books(database)


def test_an_altered_migration_is_refused(database: str) -> None:
    """A migration with another text than the one that was applied stops the program."""
    first = load_migrations()[0]
    with psycopg.connect(database, autocommit=True) as connection, pytest.raises(SchemaAltered, match="0001_books"):
        migrate(connection, (replace(first, sql=first.sql + "-- altered"), *load_migrations()[1:]))


def test_a_migration_that_fails_leaves_the_old_schema(empty: str) -> None:
    """All steps are one transaction: when the last fails, the first is not there either."""
    bad = Migration(COUNT + 1, "0099_bad", "CREATE TABLE zakhira.extra (a int); SELECT 1/0;")
    with psycopg.connect(empty, autocommit=True) as connection:
        with pytest.raises(psycopg.errors.DivisionByZero):
            migrate(connection, (*load_migrations(), bad))
        found = connection.execute("SELECT count(*) FROM pg_namespace WHERE nspname = 'zakhira'").fetchone()
        assert found == (0,)
    open_books(empty).close()


def test_two_programs_migrate_at_once(empty: str) -> None:
    """One does it, the other waits and finds it done."""
    failures: list[BaseException] = []

    def open_once() -> None:
        try:
            open_books(empty).close()
        except Exception as error:  # noqa: BLE001 - whatever goes wrong in the thread is told by the test
            failures.append(error)

    threads = [threading.Thread(target=open_once) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(applied(empty)) == len(load_migrations())


def test_a_login_that_is_no_superuser() -> None:
    """On somebody's own server: it is told what an administrator must run; when that was run everything works."""
    server = shared_template().server
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute("CREATE ROLE tenant LOGIN PASSWORD 'tenant'")
        connection.execute("CREATE DATABASE tenancy OWNER tenant")
        dsn = make_conninfo(server.dsn("tenancy"), user="tenant", password="tenant")
        try:
            with pytest.raises(RolesMissing) as caught:
                open_books(dsn)
            told = caught.value.remedy.partition("in this database: ")[2]
            assert "GRANT zakhira_app TO tenant" in told.replace('"', "")
            with psycopg.connect(server.dsn("tenancy"), autocommit=True) as administrator:
                administrator.execute(told.encode())
            books = open_books(dsn)
            books.open_accounts(ACCOUNTS)
            books.commit(write("k", receipt(1)))
            assert books.breaks() == ()
            books.close()
        finally:
            connection.execute("DROP DATABASE tenancy WITH (FORCE)")
            connection.execute("DROP ROLE tenant")


def test_locks_that_are_refused_to_public_do_not_stop_a_migration() -> None:
    """On a server whose administrator ran what ``db status`` told: a login in the owner's role migrates and works."""
    server = shared_template().server
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute("CREATE ROLE keeper LOGIN PASSWORD 'keeper'")
        connection.execute("CREATE DATABASE kept")
        dsn = make_conninfo(server.dsn("kept"), user="keeper", password="keeper")
        try:
            with psycopg.connect(server.dsn("kept"), autocommit=True) as administrator:
                close_to_all(administrator)
            with pytest.raises(RolesMissing) as caught:
                open_books(dsn)
            with psycopg.connect(server.dsn("kept"), autocommit=True) as administrator:
                administrator.execute(caught.value.remedy.partition("in this database: ")[2].encode())
            books = open_books(dsn)
            books.open_accounts(ACCOUNTS)
            books.commit(write("k", receipt(1)))
            assert books.seal() >= 0
            assert books.breaks() == ()
            books.close()
            with alone_in(dsn):
                pass
        finally:
            connection.execute("DROP DATABASE kept WITH (FORCE)")
            connection.execute("DROP ROLE keeper")

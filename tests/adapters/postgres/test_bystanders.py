"""Who may only read cannot stop those who write: not by locks, not by connections, not by filling the disk."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from books_bench import receipt, shared_template, write
from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.adapters.postgres.passfiles import Login
from zakhira.adapters.postgres.role_check import read_roles

PEOPLE = (Login.READER, Login.AUDITOR, Login.WATCHTOWER)
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

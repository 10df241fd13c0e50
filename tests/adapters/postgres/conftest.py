"""A fresh database for each test, as its owner and as the role that the program works as."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from books_bench import ACCOUNTS, shared_template
from zakhira.adapters.postgres.books import PostgresBooks


@pytest.fixture
def database() -> Iterator[str]:
    """How to connect to a fresh, migrated database."""
    template = shared_template()
    name = template.fresh_database()
    yield template.server.dsn(name)
    template.drop(name)


@pytest.fixture
def books(database: str) -> Iterator[PostgresBooks]:
    """Books in it, with the accounts opened."""
    made = PostgresBooks(database)
    made.open_accounts(ACCOUNTS)
    yield made
    made.close()


@pytest.fixture
def app(database: str) -> Iterator[Connection[TupleRow]]:
    """A plain connection as the role that the program works as."""
    with psycopg.connect(database) as connection:
        connection.execute("SET ROLE zakhira_app")
        connection.commit()
        yield connection


@pytest.fixture
def owner(database: str) -> Iterator[Connection[TupleRow]]:
    """A plain connection as the owner of everything."""
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection

"""A fresh database for each test, as its administrator and as the logins that the program works as."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from books_bench import ACCOUNTS, shared_template
from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.adapters.postgres.logins import Logins


@pytest.fixture
def copy_name() -> Iterator[str]:
    """The name of a fresh, migrated database."""
    template = shared_template()
    name = template.fresh_database()
    yield name
    template.drop(name)


@pytest.fixture
def database(copy_name: str) -> str:
    """How its administrator connects to it."""
    return shared_template().server.dsn(copy_name)


@pytest.fixture
def logins(copy_name: str) -> Logins:
    """The logins of a process that follows the chain."""
    return shared_template().logins(copy_name)


@pytest.fixture
def books(logins: Logins) -> Iterator[PostgresBooks]:
    """Books in it, with the accounts opened."""
    made = PostgresBooks(logins)
    made.open_accounts(ACCOUNTS)
    yield made
    made.close()


@pytest.fixture
def app(logins: Logins) -> Iterator[Connection[TupleRow]]:
    """A plain connection of the program's own login."""
    with psycopg.connect(logins.app) as connection:
        yield connection


@pytest.fixture
def owner(database: str) -> Iterator[Connection[TupleRow]]:
    """A plain connection as the superuser."""
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection

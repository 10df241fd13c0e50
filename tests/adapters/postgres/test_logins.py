"""A process writes what its logins allow: facts of the chain with the watcher's alone, migrations with the owner's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import psycopg
import pytest

from books_bench import START, receipt, shared_template, write
from zakhira.adapters.postgres.books import PostgresBooks, open_books
from zakhira.adapters.postgres.errors import RolesMissing, SchemaBehind
from zakhira.adapters.postgres.logins import Logins
from zakhira.adapters.postgres.passfiles import Login
from zakhira.adapters.postgres.schema import load_migrations, migrate
from zakhira.flows.ports.books import Write
from zakhira.flows.ports.books_errors import DatabaseRefused, NotTheWatcher
from zakhira.flows.ports.coin_events import CoinEvent, CoinEventKind

BLOCK = Write(
    "block", "watcher", "follow", START,
    coin_events=(CoinEvent(CoinEventKind.BLOCK_CONNECTED, 7, "a" * 64, previous_hash="0" * 64),),
)  # fmt: skip


@pytest.fixture
def behind() -> Iterator[Logins]:
    """A database of version 7."""
    template = shared_template()
    dsn = template.server.ensure_database("behind")
    with psycopg.connect(dsn, autocommit=True) as connection:
        migrate(connection, load_migrations()[:7])
    yield template.logins("behind")
    template.drop("behind")


def test_facts_of_the_chain_need_the_watchers_login(logins: Logins, books: PostgresBooks) -> None:
    """Without it the write is refused before it is tried, with what to do; everything else goes on."""
    with closing(PostgresBooks(replace(logins, watcher=None))) as plain:
        with pytest.raises(NotTheWatcher) as caught:
            plain.commit(BLOCK)
        assert "ZAKHIRA_DATABASE_WATCHER_URL" in caught.value.remedy
        assert plain.done("block") is None
        assert not plain.commit(write("k", receipt(1))).replayed
    assert not books.commit(BLOCK).replayed
    assert books.commit(BLOCK).replayed
    assert books.breaks() == ()


def test_the_database_refuses_them_as_well(logins: Logins, books: PostgresBooks) -> None:
    """A process that passes the application's login off as the watcher's gets nowhere."""
    with closing(PostgresBooks(replace(logins, watcher=logins.app))) as forged:
        with pytest.raises(RolesMissing, match="permission denied"):
            forged.commit(BLOCK)
        assert forged.done("block") is None
    assert books.chain_head().position == 0


def test_the_application_cannot_migrate_and_says_who_can(behind: Logins) -> None:
    """With the owner's login it is done on the way; without it the application says what is pending."""
    with pytest.raises(SchemaBehind, match="0008_roles") as caught:
        open_books(replace(behind, owner=None))
    assert "ZAKHIRA_DATABASE_OWNER_URL" in caught.value.remedy
    with closing(open_books(behind)) as books:
        assert not books.commit(write("k")).replayed
    # Once that is done, the application's login alone is enough.
    with closing(open_books(replace(behind, owner=None))) as books:
        assert books.done("k") is not None


def test_logins_of_people_open_no_books(logins: Logins, copy_name: str) -> None:
    """The reader's and the watchtower's logins cannot work as the program."""
    server = shared_template().server
    for login in (Login.READER, Login.WATCHTOWER, Login.AUDITOR, Login.OWNER):
        with pytest.raises((RolesMissing, DatabaseRefused)):
            PostgresBooks(Logins(server.dsn(copy_name, login))).done("k")


def test_the_auditor_reads_everything_and_writes_nothing(books: PostgresBooks, copy_name: str) -> None:
    """Every table and view; no INSERT, UPDATE or DELETE on any; the functions that compute anew can be called."""
    books.commit(write("k", receipt(1)))
    with psycopg.connect(shared_template().server.dsn(copy_name, Login.AUDITOR), autocommit=True) as auditor:
        names = auditor.execute(
            "SELECT pg_class.oid::regclass::text FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace "
            "WHERE nspname IN ('zakhira', 'zakhira_views') AND relkind IN ('r', 'v')"
        ).fetchall()
        assert len(names) > 30
        for (name,) in names:
            auditor.execute(f"SELECT * FROM {name}".encode())  # noqa: S608 - names from the catalogue
            for privilege in ("INSERT", "UPDATE", "DELETE", "TRUNCATE"):
                told = auditor.execute("SELECT has_table_privilege(%s, %s)", (name, privilege)).fetchone()
                assert told == (False,), (name, privilege)
        assert auditor.execute("SELECT zakhira.earlier_breaks()").fetchall() == []
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            auditor.execute("SELECT zakhira.seal()")


def test_an_address_does_not_show(logins: Logins) -> None:
    """An address may hold a password: it is in no repr."""
    assert "passfile" not in repr(logins)
    assert "host" not in repr(logins)

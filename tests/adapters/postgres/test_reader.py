"""A connection for somebody who only looks: it cannot write, and no question holds it up for long."""

from __future__ import annotations

from datetime import UTC, datetime

import psycopg
import pytest

from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.adapters.postgres.connecting import reading_dsn
from zakhira.flows.ports.books import Record, Write
from zakhira.flows.ports.books_errors import DatabaseUnreachable, InvariantBroken

NOW = datetime(2026, 11, 28, tzinfo=UTC)


def test_a_reader_sees_what_is_committed_and_writes_nothing(books: PostgresBooks) -> None:
    """The same books; a write through it is refused by the database itself."""
    books.commit(Write("one", "dara", "note", NOW, records=(Record("note", "a", {"x": 1}),)))
    reader = books.reader(5)
    assert reader.latest("note", "a") == {"x": 1}
    with pytest.raises(InvariantBroken, match="read-only"):
        reader.commit(Write("two", "dara", "note", NOW, records=(Record("note", "a", {"x": 2}),)))
    assert books.latest("note", "a") == {"x": 1}
    reader.close()


def test_a_question_that_takes_too_long_is_given_up(books: PostgresBooks) -> None:
    """After its time the database itself ends it, and the next question is answered again."""
    reader = books.reader(0.2)
    with pytest.raises(DatabaseUnreachable, match="timeout"):
        reader.ask(lambda connection: connection.execute("SELECT pg_sleep(20)"))
    assert reader.latest("note", "a") is None
    reader.close()


def test_options_that_the_address_had_are_kept(database: str) -> None:
    """What an operator has set for every connection stays."""
    given = reading_dsn(psycopg.conninfo.make_conninfo(database, options="-c geqo=off"), 3)
    with psycopg.connect(given) as connection:
        told = [connection.execute(f"SHOW {name}").fetchone() for name in ("geqo", "statement_timeout")]
    assert told == [("off",), ("3s",)]

"""What the watchtower may read of the database: signed things and the sign of life, and nothing else at all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier

from books_bench import receipt, write
from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.adapters.postgres.heartbeat import beat
from zakhira.adapters.postgres.watch_source import PostgresSource
from zakhira.flows.ports.books import Record
from zakhira.kernel.canonical import Json
from zakhira.watch.ports import SourceUnreadable

SIGNED: dict[str, Json] = {
    "instruction": {"id": "pay-1"},
    "proposal_signature": "ab",
    "approvals": [{"officer": "amina"}],
    "execution": None,
}
VIEWS = {"watched_spend", "watched_act", "watched_heartbeat"}


def spend(name: str, number: int, **told: Json) -> Record:
    """A step of a spend, with what nobody outside shall see."""
    hidden: dict[str, Json] = {"rejection": None, "versions": [{"txid": str(number)}], "note": "not for others"}
    return Record("treasury spend", name, {**SIGNED, **hidden, **told})


@pytest.fixture
def watcher(database: str) -> Iterator[Connection[TupleRow]]:
    """A plain connection as the role of the watchtower."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("SET ROLE zakhira_watchtower")
        yield connection


def test_the_newest_signed_step_and_nothing_that_was_not_signed(database: str, books: PostgresBooks) -> None:
    """The steps of two spends, an act, a sign of life; later steps and edits by hand are seen as well."""
    source = PostgresSource(database)
    assert source.read().heartbeat is None
    books.commit(write("k1", receipt(1), records=(spend("pay-1", 1), spend("pay-2", 1))))
    books.commit(write("k2", receipt(2), records=(spend("pay-1", 2, proposal_signature="cd"),)))
    books.commit(write("k3", receipt(3), records=(Record("authority act", "00000001", {"number": 1}),)))
    beat(books, 7, "ab" * 32)
    told = source.read()
    assert told.spends["pay-1"] == {**SIGNED, "proposal_signature": "cd", "vetoes": []}
    assert set(told.spends) == {"pay-1", "pay-2"}
    assert told.acts == {"00000001": {"number": 1}}
    assert told.heartbeat is not None
    assert (told.heartbeat.height, told.heartbeat.block_hash) == (7, "ab" * 32)
    beat(books, 8, "cd" * 32)
    again = source.read().heartbeat
    assert again is not None
    assert again.at >= told.heartbeat.at
    assert again.height == 8
    source.close()


def test_a_record_that_was_edited_in_place_is_seen(database: str, books: PostgresBooks) -> None:
    """Whoever owns the database can edit it; what is read anew now and then shows it."""
    moments = iter([0.0, 0.001, 10.0, 10.001])
    source = PostgresSource(database, clock=lambda: next(moments))
    books.commit(write("k1", receipt(1), records=(spend("pay-1", 1),)))
    assert cast("dict[str, Json]", source.read().spends["pay-1"])["proposal_signature"] == "ab"
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("ALTER TABLE zakhira.record DISABLE TRIGGER USER")
        connection.execute("UPDATE zakhira.record SET body = jsonb_set(body, '{proposal_signature}', '\"ee\"')")
    assert cast("dict[str, Json]", source.read().spends["pay-1"])["proposal_signature"] == "ee"
    source.close()


def test_a_veto_is_among_what_was_signed(database: str, books: PostgresBooks) -> None:
    """The one no of a spend is told as a list of vetoes."""
    no: dict[str, Json] = {"officer": "chand", "reason": "no invoice"}
    books.commit(write("k1", receipt(1), records=(spend("pay-1", 1, rejection=no),)))
    source = PostgresSource(database)
    assert cast("dict[str, Json]", source.read().spends["pay-1"])["vetoes"] == [no]
    source.close()


def test_the_role_can_read_nothing_else(database: str, watcher: Connection[TupleRow]) -> None:
    """Every table and view of the schema is tried; three are allowed, and no function of it, and nothing is written."""
    with psycopg.connect(database) as owner:
        relations = owner.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'zakhira'::regnamespace AND relkind IN ('r', 'v', 'S')"
        ).fetchall()
        functions = owner.execute(
            "SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'zakhira'::regnamespace"
        )
        allowed = [
            name
            for (name,) in functions.fetchall()
            if watcher.execute("SELECT has_function_privilege(%s, 'EXECUTE')", (name,)).fetchone() == (True,)
        ]
    assert allowed == []
    assert len(relations) > 10
    readable = set()
    for (name,) in relations:
        try:
            watcher.execute(SQL("SELECT * FROM zakhira.{}").format(Identifier(name)))
            readable.add(name)
        except psycopg.errors.InsufficientPrivilege:
            pass
    assert readable == VIEWS
    for name in VIEWS:
        with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.ObjectNotInPrerequisiteState)):
            watcher.execute(SQL("DELETE FROM zakhira.{}").format(Identifier(name)))
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        watcher.execute("CREATE TABLE zakhira.mine (a int)")


def test_a_database_that_is_away(database: str) -> None:
    """Told at once, not waited for."""
    source = PostgresSource(database.replace("port=5432", "port=5433"))
    with pytest.raises(SourceUnreadable, match="does not answer"):
        source.read()
    source = PostgresSource(database + "_none")
    with pytest.raises(SourceUnreadable):
        source.read()

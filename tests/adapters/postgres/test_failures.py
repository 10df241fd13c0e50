"""Whatever goes wrong in the database comes out as an error of the books, with what to do and never with a password."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow

from books_bench import DUE, START, invoice, receipt, shared_template, write
from zakhira.adapters.postgres import connecting
from zakhira.adapters.postgres.books import PostgresBooks, open_books
from zakhira.adapters.postgres.errors import RolesMissing
from zakhira.adapters.postgres.failures import translate
from zakhira.adapters.postgres.roles import APP_ROLE
from zakhira.flows.ports.books_errors import (
    DatabaseFull,
    DatabaseRefused,
    DatabaseUnreachable,
    InvariantBroken,
    Unbalanced,
    UnknownAccount,
    WritersInTheWay,
)
from zakhira.kernel.errors import ZakhiraError

SECRET = "hunter2-not-to-be-seen"


STATES: dict[str, type[ZakhiraError]] = {
    "53100": DatabaseFull,
    "53200": DatabaseUnreachable,
    "57P01": DatabaseUnreachable,
    "25P03": DatabaseUnreachable,
    "40P01": WritersInTheWay,
    "42501": DatabaseRefused,
    "ZK001": InvariantBroken,
    "ZK004": Unbalanced,
    "XX001": InvariantBroken,
}


def test_what_the_database_says_during_a_write(books: PostgresBooks, owner: Connection[TupleRow]) -> None:
    """The database fails in the middle of a write in its own ways: each time the right error, nothing written."""
    owner.execute("CREATE TABLE zakhira.told (state text)")
    owner.execute(
        "CREATE FUNCTION zakhira.fail() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS "
        "$$ BEGIN RAISE EXCEPTION 'told to fail' USING ERRCODE = (SELECT state FROM zakhira.told); END $$"
    )
    owner.execute("CREATE TRIGGER fail BEFORE INSERT ON zakhira.posting EXECUTE FUNCTION zakhira.fail()")
    for state, cause in STATES.items():
        owner.execute("TRUNCATE zakhira.told")
        owner.execute("INSERT INTO zakhira.told VALUES (%s)", (state,))
        with pytest.raises(cause, match="told to fail") as caught:
            books.commit(write("k", receipt(1)))
        assert type(caught.value) is cause
        assert caught.value.remedy
    owner.execute("DROP TRIGGER fail ON zakhira.posting")
    assert books.entries() == ()
    assert not books.commit(write("k", receipt(1))).replayed


def test_the_database_is_the_second_barrier(books: PostgresBooks, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the program's own check out of order, the database refuses the same faults with the same errors."""
    monkeypatch.setattr("zakhira.adapters.postgres.books.require_valid", lambda *_: None)
    good = invoice(1, 5)
    one, other = good.postings
    for postings, cause in (
        ((one, one), Unbalanced),
        ((one, type(other)("assets:nowhere", other.amount)), UnknownAccount),
    ):
        with pytest.raises(cause):
            books.commit(write("k", type(good)(good.id, START, good.narration, good.evidence, postings)))
    assert books.balances()[DUE].units == 0
    assert books.breaks() == ()


def test_a_database_that_does_not_exist() -> None:
    """It is said which, and that one should look at the name."""
    with pytest.raises(DatabaseRefused, match='"nowhere" does not exist'):
        open_books(shared_template().server.dsn("nowhere"))


def test_nobody_listens(tmp_path: Path) -> None:
    """No server at all: unreachable, not refused."""
    for where in (f"host={tmp_path}", "host=127.0.0.1 port=1"):
        with pytest.raises(DatabaseUnreachable):
            open_books(f"{where} user=postgres dbname=zakhira password={SECRET}")


@pytest.mark.parametrize("dsn", [f"postgres:{SECRET}", f"nonsense={SECRET}", f"postgresql://u:{SECRET}@[bad/x"])
def test_an_address_that_cannot_be_read(dsn: str) -> None:
    """The library's own message would repeat the address and the password in it."""
    with pytest.raises(DatabaseRefused) as caught:
        open_books(dsn)
    assert SECRET not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_wrong_password(books: PostgresBooks, database: str, owner: Connection[TupleRow]) -> None:
    """A login gets in with its password and works as the role that may only append; with another it is refused."""
    books.commit(write("k", receipt(1)))
    owner.execute(f"CREATE ROLE clerk LOGIN PASSWORD '{SECRET}' IN ROLE zakhira_app".encode())
    try:
        good = PostgresBooks(make_conninfo(database, user="clerk", password=SECRET))
        assert good.done("k") is not None
        assert not good.commit(write("k2", receipt(2))).replayed
        good.close()
        with pytest.raises(DatabaseRefused) as caught:
            PostgresBooks(make_conninfo(database, user="clerk", password=SECRET + "x")).done("k")
        assert SECRET not in str(caught.value)
        with pytest.raises(DatabaseRefused):
            open_books(make_conninfo(database, user="postgres", dbname="zakhira", password=SECRET))
    finally:
        owner.execute("DROP ROLE clerk")


def test_a_role_that_may_not_become_ours(database: str, owner: Connection[TupleRow]) -> None:
    """A login without the program's role is let in by the server and not by us."""
    owner.execute("CREATE ROLE stranger LOGIN PASSWORD 'known'")
    try:
        with pytest.raises(RolesMissing, match="permission denied") as caught:
            PostgresBooks(make_conninfo(database, user="stranger", password="known")).done("k")
        assert "GRANT zakhira_app TO stranger" in caught.value.remedy
    finally:
        owner.execute("DROP ROLE stranger")


def test_waiting_for_a_recovery(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is recovering is asked again until it lets us in, or for as long as we wait."""
    real, calls = psycopg.connect, []

    def recovering(dsn: str, *, connect_timeout: int, autocommit: bool) -> Connection[TupleRow]:
        calls.append(dsn)
        if len(calls) < 3:
            raise psycopg.OperationalError("connection failed: FATAL:  the database system is in recovery mode")
        return real(dsn, connect_timeout=connect_timeout, autocommit=autocommit)

    monkeypatch.setattr(psycopg, "connect", recovering)
    connecting.connect(database, role=APP_ROLE).close()
    assert len(calls) == 3
    calls.clear()
    with pytest.raises(DatabaseUnreachable, match="recovery mode"):
        connecting.connect(database, role=APP_ROLE, recovery_s=0)


@pytest.mark.parametrize(
    "said", ["sorry, too many clients already", "terminating connection due to unexpected postmaster exit"]
)
def test_a_server_that_has_no_room_or_dies(database: str, monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    """Too many clients, and a server that is killed while it lets us in, are no refusal of us: it passes."""

    def unable(*_: object, **__: object) -> None:
        raise psycopg.OperationalError(f"connection failed: FATAL:  {said}")

    monkeypatch.setattr(psycopg, "connect", unable)
    with pytest.raises(DatabaseUnreachable, match=said):
        connecting.connect(database, role=APP_ROLE)


def test_an_error_without_a_state_is_no_answer() -> None:
    """The library's own errors say nothing about the database: a lost connection if operational, else our mistake."""
    assert isinstance(translate(psycopg.OperationalError("the connection is lost")), DatabaseUnreachable)
    assert isinstance(translate(psycopg.ProgrammingError("odd")), InvariantBroken)


def test_the_socket_is_ours_alone() -> None:
    """Nobody but its owner reaches the socket; who does still needs a password."""
    server = shared_template().server
    host = Path(str(conninfo_to_dict(server.dsn())["host"]))
    assert host.stat().st_mode & 0o077 == 0
    assert (host / ".s.PGSQL.5432").stat().st_mode & 0o077 == 0

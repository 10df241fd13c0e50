"""The sealer in the background: within a second, one at a time, killed anywhere, and never with a gap."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import cast

import numpy as np
import psycopg
import pytest
from psycopg.rows import TupleRow

from books_bench import ACCOUNTS, end_at_once, receipt, shared_template, write
from zakhira.adapters.postgres import sealer
from zakhira.adapters.postgres.books import PostgresBooks, open_books
from zakhira.adapters.postgres.sealer import Sealer
from zakhira.adapters.postgres.seals import seal_all
from zakhira.adapters.postgres.server import EmbeddedServer
from zakhira.controls.chain.audit import ChainHead
from zakhira.flows.ports.books_errors import DatabaseUnreachable

PER_ROUND = 40
_CHILD = """
import sys, time
import psycopg
from books_bench import receipt, write
from zakhira.adapters.postgres.books import PostgresBooks, open_books

dsn, name, where = sys.argv[1:]
if where == "busy":
    books = open_books(dsn)
    print("ready", flush=True)
    for number in range(100_000):
        books.commit(write(f"{name}-{number}"))
PostgresBooks(dsn).commit(write(f"{name}-first"))
with psycopg.connect(dsn) as connection:
    connection.execute("SET ROLE zakhira_app")
    if where == "before":
        connection.execute("SELECT pg_advisory_xact_lock(2053861741)")
    elif where == "within":
        connection.execute("SELECT zakhira.seal()")
    elif where == "after":
        connection.execute("SELECT zakhira.seal()")
        connection.commit()
    print("ready", flush=True)
    time.sleep(60)
"""
"""A process that is somewhere on the way of a turn when it says ready; "before" holds the lock of the sealers."""


def eventually(holds: Callable[[], bool], within_s: float) -> bool:
    """Whether it holds within so many seconds."""
    deadline = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def require_whole(books: PostgresBooks, count: int | None = None) -> None:
    """Everything is sealed, in places from 1 without a gap, and nothing breaks."""
    books.seal()
    assert books.unsealed().count == 0
    places = [one.seal.position for one in books.sealed(0, 1_000_000)]
    assert places == list(range(1, len(books.audit_entries()) + 1))
    assert count is None or len(places) == count
    assert books.breaks() == ()


@pytest.fixture
def opened(database: str) -> Iterator[PostgresBooks]:
    """Books with a sealer."""
    made = open_books(database)
    made.open_accounts(ACCOUNTS)
    yield made
    made.close()


def test_what_is_committed_is_sealed_within_a_second(opened: PostgresBooks, books: PostgresBooks) -> None:
    """Nobody asks for it: a commit wakes the sealer, and the next one wakes it again."""
    for number in range(3):
        opened.commit(write(f"k{number}", receipt(number)))
        # A second by design; five on a machine that does other things.
        assert eventually(lambda: books.unsealed().count == 0, 5)
        assert books.chain_head().position == number + 1
    assert not books.unsealed().is_late(opened.audit_entries()[0].at)


def test_closing_seals_what_is_left(database: str, books: PostgresBooks) -> None:
    """A short command ends before the sealer's turn: its writes are sealed all the same, and it can go on."""
    opened = PostgresBooks(database, Sealer(database, pause_s=60))
    opened.open_accounts(ACCOUNTS)
    for round_ in range(2):
        opened.commit(write(f"k{round_}", receipt(round_)))
        assert books.unsealed().count == 1
        opened.close()
        assert books.unsealed().count == 0
    require_whole(books, 2)


def test_many_commits_share_a_turn(database: str, books: PostgresBooks) -> None:
    """A thousand writes are sealed by a few turns, not by one each."""
    sealer = Sealer(database, pause_s=0.05)
    for number in range(200):
        books.commit(write(f"k{number}"))
        sealer.wake()
    assert eventually(lambda: books.unsealed().count == 0, 10)
    sealer.close()
    with psycopg.connect(database) as connection:
        row = connection.execute("SELECT count(DISTINCT xmin::text) FROM zakhira.seal").fetchone()
    assert row is not None
    assert 1 <= row[0] < 100
    require_whole(books, 200)


class Beside:
    """A connection of a sealer, beside which one write more is committed whenever it seals."""

    def __init__(self, connection: psycopg.Connection[TupleRow], books: PostgresBooks) -> None:
        self.connection, self.books, self.number = connection, books, 0
        self.transaction = connection.transaction

    def execute(self, query: str, values: Sequence[object] = ()) -> psycopg.Cursor[TupleRow]:
        """Ask the question, and then write if it sealed."""
        found = self.connection.execute(query.encode(), values)
        if "zakhira.seal(" in query:
            self.number += 1
            self.books.commit(write(f"beside-{self.number}"))
        return found


def test_sealing_beside_writers_comes_to_an_end(database: str, books: PostgresBooks) -> None:
    """What is committed while a turn is under way is left to the next: a sealer never chases those who write."""
    books.commit(write("k1"))
    with psycopg.connect(database, autocommit=True) as connection:
        assert seal_all(cast("psycopg.Connection[TupleRow]", Beside(connection, books))) == 1
    assert books.unsealed().count == 1
    require_whole(books, 2)


def test_a_turn_reads_what_it_seals(database: str, books: PostgresBooks) -> None:
    """A sealer that began with few writes, and kept its plans for them, never looks through all there are."""
    query = "SELECT seq_tup_read FROM pg_stat_xact_user_tables WHERE schemaname = 'zakhira' AND relname = 'audit'"
    with psycopg.connect(database) as connection:
        for number in range(12):
            books.commit(write(f"few-{number}"))
            connection.execute("SELECT zakhira.seal()")
            connection.commit()
        for number in range(300):
            books.commit(write(f"many-{number}"))
        assert connection.execute("SELECT zakhira.seal()").fetchone() == (300,)
        connection.commit()
        books.commit(write("last"))
        assert connection.execute("SELECT zakhira.seal()").fetchone() == (1,)
        assert connection.execute(query).fetchone() == (0,)
    require_whole(books, 313)


def test_a_sealer_whose_line_breaks_goes_on(database: str, books: PostgresBooks) -> None:
    """Its connection is ended from outside: it says why it failed, makes another and seals."""
    sealer = Sealer(database, pause_s=0.01)
    books.commit(write("k1"))
    sealer.wake()
    assert eventually(lambda: books.unsealed().count == 0, 5)
    with psycopg.connect(database, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        books.commit(write("k2"))
        sealer.wake()
        assert eventually(lambda: isinstance(sealer.failure, DatabaseUnreachable), 5)
    assert eventually(lambda: books.unsealed().count == 0 and sealer.failure is None, 10)
    sealer.close()
    require_whole(books, 2)


def test_what_waits_is_told_with_its_age(books: PostgresBooks) -> None:
    """Nobody seals: the count grows, and the oldest is the first."""
    assert books.unsealed().oldest_at is None
    books.commit(write("k1"))
    first = books.unsealed()
    books.commit(write("k2"))
    assert (first.count, books.unsealed().count) == (1, 2)
    assert first.oldest_at is not None
    assert books.unsealed().oldest_at == first.oldest_at


def start_child(database: str, name: str, where: str) -> subprocess.Popen[str]:
    """A process that has reached that place."""
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, database, name, where],
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    return child


@pytest.mark.parametrize("where", ["before", "within", "after"])
def test_a_sealer_killed_at_a_point_of_its_turn(database: str, books: PostgresBooks, where: str) -> None:
    """SIGKILL before, in and after a turn: the next sealer waits until the database has noticed, and goes on."""
    books.commit(write("k1"))
    child = start_child(database, "child", where)
    books.commit(write("k2"))
    child.send_signal(signal.SIGKILL)
    child.wait()
    require_whole(books, 3)


def kill_busy(database: str, books: PostgresBooks, name: str, delay_s: float) -> None:
    """SIGKILL to a process that writes and seals, after a while; another then seals what is left."""
    child = start_child(database, name, "busy")
    time.sleep(delay_s)
    child.send_signal(signal.SIGKILL)
    child.wait()
    require_whole(books)


def test_a_busy_writer_killed(database: str, books: PostgresBooks) -> None:
    """With its sealer in the background, at moments between two turns and near one."""
    for number, delay_s in enumerate((0.1, 0.32, 0.7)):
        kill_busy(database, books, f"child{number}", delay_s)


@pytest.mark.torture
@pytest.mark.timeout(1_500)
def test_busy_writers_killed_often(database: str, books: PostgresBooks) -> None:
    """Sixty kills at random moments."""
    rng = np.random.default_rng(5)
    for number in range(60):
        kill_busy(database, books, f"child{number}", float(rng.uniform(0, 1.5)))


def seal_until_killed(dsn: str, heads: list[ChainHead]) -> None:
    """Take small turns and note every head that the database tells."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        while True:
            connection.execute("SELECT zakhira.seal(3)")
            row = connection.execute("SELECT position, hash FROM zakhira.audit_head").fetchone()
            assert row is not None
            heads.append(ChainHead(row[0], row[1].hex()))


def kill_database_while_sealing(rounds: int, seed: int) -> None:
    """SIGKILL to the server while sealers take small turns: every head that was told stays in the chain."""
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory(prefix="zk") as name:
        server = EmbeddedServer.start(Path(name) / "pg")
        dsn = server.ensure_database("zakhira")
        open_books(dsn).close()
        for round_ in range(rounds):
            with closing(PostgresBooks(dsn)) as books:
                for number in range(PER_ROUND):
                    books.commit(write(f"k{round_}-{number}"))
                heads = [books.chain_head()]
                killer = threading.Timer(float(rng.uniform(0, 0.15)), end_at_once, [server])
                killer.start()
                with pytest.raises(psycopg.Error):
                    seal_until_killed(dsn, heads)
                killer.join()
            server = EmbeddedServer.start(Path(name) / "pg")
            with closing(PostgresBooks(dsn)) as books:
                require_whole(books, PER_ROUND * (round_ + 1))
                links = {one.seal.position: one.seal.hash for one in books.sealed(0, 1_000_000)}
                assert all(links.get(head.position, head.hash) == head.hash for head in heads)
        server.stop()


def test_the_database_killed_while_sealing() -> None:
    """Once."""
    kill_database_while_sealing(1, 1)


@pytest.mark.torture
@pytest.mark.timeout(1_500)
def test_the_database_killed_while_sealing_often() -> None:
    """Thirty times."""
    kill_database_while_sealing(30, 2)


def test_any_number_of_sealers(database: str, books: PostgresBooks) -> None:
    """Six at once while writers go on: one chain, every write once."""

    def seal() -> None:
        with closing(PostgresBooks(database)) as other:
            for _ in range(30):
                other.seal()

    threads = [threading.Thread(target=seal) for _ in range(6)]
    for thread in threads:
        thread.start()
    for number in range(100):
        books.commit(write(f"k{number}"))
    for thread in threads:
        thread.join()
    require_whole(books, 100)
    assert shared_template().server.pid() is not None


@pytest.fixture
def drawn_up(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When a sealer had sums drawn up."""
    told: list[float] = []
    monkeypatch.setattr(sealer, "roll_up", lambda _: told.append(time.monotonic()))
    return told


def rolled_through(dsn: str) -> tuple[int, int]:
    """How far sums are drawn up, and how far all is sealed."""
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT rolled_through, done_through FROM zakhira.sealing").fetchone()
    assert row is not None
    return row[0], row[1]


def test_sums_are_drawn_up_less_often_than_seals(
    database: str, drawn_up: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each write is sealed in a turn of its own; sums of busy accounts wait for their time, and then come."""
    monkeypatch.setattr(sealer, "ROLL_UP_SECONDS", 60.0)
    with closing(PostgresBooks(database, Sealer(database, pause_s=0.02))) as books:
        for number in range(3):
            books.commit(write(f"k{number}"))
            assert eventually(lambda: books.unsealed().count == 0, 5)
        assert len(drawn_up) == 1
        monkeypatch.setattr(sealer, "ROLL_UP_SECONDS", 0.0)
        books.commit(write("later"))
        assert eventually(lambda: len(drawn_up) > 1, 5)


def test_sums_follow_a_writer_that_falls_silent(
    database: str, drawn_up: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is written between two turns for sums is in the next, though nothing wakes the sealer; one is enough."""
    monkeypatch.setattr(sealer, "ROLL_UP_SECONDS", 1.0)
    with closing(PostgresBooks(database, Sealer(database, pause_s=0.02))) as books:
        for number in range(2):
            books.commit(write(f"k{number}"))
            assert eventually(lambda: books.unsealed().count == 0, 5)
        assert eventually(lambda: len(drawn_up) == 2, 5)
        time.sleep(1.5)
        assert len(drawn_up) == 2


def test_sums_are_drawn_up_at_the_close(database: str, drawn_up: list[float]) -> None:
    """Books that are closed before their sealer's turn leave nothing to be added up."""
    with closing(PostgresBooks(database, Sealer(database, pause_s=60))) as books:
        books.commit(write("k1"))
    assert drawn_up == []
    assert rolled_through(database) == (1, 1)

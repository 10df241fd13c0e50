"""Books of the version in which all writers stood in one line: their chain is verified, kept, and goes on in seals."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from books_bench import ACCOUNTS, COLD, INTAKE, invoice, receipt, shared_template, sweep, write
from earlier_books import commit_in_line
from zakhira.adapters.postgres.books import open_books
from zakhira.adapters.postgres.schema import load_migrations, migrate
from zakhira.controls.chain.audit import FIRST_PREVIOUS
from zakhira.flows.ports.books import Record, Write
from zakhira.flows.ports.books_errors import ChainBroken, KeyReused
from zakhira.flows.ports.coin_events import CoinEvent, CoinEventKind

EARLIER = 4
"""The last version without seals."""
BLOCKS = (CoinEvent(CoinEventKind.BLOCK_CONNECTED, 7, "a" * 64, previous_hash="b" * 64),)
WRITES = (
    write("day-1", receipt(1), records=(Record("day", "1", {"mw": 1.5}),)),
    write("day-2", sweep(2, 1, 400, 20), invoice(1, 9), records=(Record("day", "2", 2), Record("day", "1", 3))),
    write('odd\t"\\\x7fذ'),
    Write("blocks", "watcher", "follow", receipt(1).at, coin_events=BLOCKS),
)


@pytest.fixture
def earlier() -> Iterator[str]:
    """How to connect to books of the earlier version with four writes in them."""
    server = shared_template().server
    dsn = server.ensure_database("earlier")
    with psycopg.connect(dsn, autocommit=True) as connection:
        migrate(connection, load_migrations()[:EARLIER])
        connection.execute("SET timezone TO 'UTC'")
        connection.cursor().executemany(
            "INSERT INTO zakhira.account VALUES (%s, %s, %s)", [(a.code, a.commodity, a.kind) for a in ACCOUNTS]
        )
        before = FIRST_PREVIOUS
        for number, one in enumerate(WRITES, 1):
            before = commit_in_line(connection, number, before, one)
    yield dsn
    shared_template().drop("earlier")


def test_earlier_books_are_carried_over(earlier: str) -> None:
    """Every write is there and sealed in its old place, the old hashes are kept, and the books go on."""
    books = open_books(earlier)
    try:
        assert [entry.key for entry in books.audit_entries()] == [one.key for one in WRITES]
        assert [one.write.audit.sequence for one in books.sealed(0, 9)] == [1, 2, 3, 4]
        assert [one.write.entries for one in books.sealed(0, 9)] == [one.entries for one in WRITES]
        assert [one.write.records for one in books.sealed(0, 9)] == [one.records for one in WRITES]
        assert books.breaks() == ()
        assert books.unsealed().count == 0
        assert books.commit(WRITES[0]).replayed
        with pytest.raises(KeyReused):
            books.commit(write("day-2"))
        assert books.balances()[COLD].units == 380
        assert books.latest("day", "1") == 3
        books.commit(write("day-3", sweep(3, 1, 100, 1)))
        books.seal()
        assert [one.write.audit.sequence for one in books.sealed(4, 9)] == [5]
        assert books.lots(INTAKE) == ()
        assert books.breaks() == ()
    finally:
        books.close()
    with psycopg.connect(earlier) as connection:
        kept = connection.execute("SELECT previous_hash, hash FROM zakhira.earlier_link ORDER BY sequence").fetchall()
    assert len(kept) == len(WRITES)
    assert [row[0] for row in kept] == [FIRST_PREVIOUS, *(row[1] for row in kept[:-1])]


@pytest.mark.parametrize(
    ("alteration", "words"),
    [
        ("UPDATE zakhira.audit SET actor = 'nobody' WHERE sequence = 2", "broken at entry 2 "),
        ("UPDATE zakhira.audit SET previous_hash = repeat('e', 64) WHERE sequence = 3", "broken at entry 3 "),
        ("UPDATE zakhira.audit SET sequence = 9 WHERE sequence = 4", "broken at entry 9 "),
        ("DELETE FROM zakhira.audit WHERE sequence = 4", "ends at entry 3"),
        ("UPDATE zakhira.audit_head SET hash = repeat('e', 64)", "ends at entry 4"),
    ],
)
def test_a_broken_chain_is_not_carried_over(earlier: str, alteration: str, words: str) -> None:
    """The owner altered it with triggers off: the migration names the place and changes nothing."""
    with psycopg.connect(earlier, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        assert connection.execute(alteration.encode()).rowcount == 1
    with pytest.raises(ChainBroken, match=words):
        open_books(earlier)
    with psycopg.connect(earlier) as connection:
        assert connection.execute("SELECT max(version) FROM zakhira.schema_version").fetchone() == (EARLIER,)


def test_the_kept_hashes_are_checked(earlier: str) -> None:
    """One old hash altered later: the full check says at which write."""
    books = open_books(earlier)
    try:
        with psycopg.connect(earlier, autocommit=True) as connection:
            connection.execute("SET session_replication_role = replica")
            connection.execute("UPDATE zakhira.earlier_link SET hash = repeat('e', 64) WHERE sequence = 2")
        assert books.breaks() == (
            "the earlier chain does not hold at write 2.",
            "the earlier chain does not hold at write 3.",
        )
    finally:
        books.close()

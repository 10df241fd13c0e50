"""Books of the version in which all writers stood in one line: their chain is verified, kept, and goes on in seals."""

from __future__ import annotations

import json
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from books_bench import ACCOUNTS, COLD, INTAKE, invoice, receipt, shared_template, sweep, write
from zakhira.adapters.postgres.books import open_books
from zakhira.adapters.postgres.rows import event_rows, record_rows
from zakhira.adapters.postgres.schema import load_migrations, migrate
from zakhira.controls.chain.audit import FIRST_PREVIOUS
from zakhira.flows.ports.books import Record, Write, input_hash
from zakhira.flows.ports.books_errors import ChainBroken, KeyReused
from zakhira.flows.ports.coin_events import CoinEvent, CoinEventKind
from zakhira.kernel.canonical import Json, content_hash
from zakhira.kernel.interval import exact_utc_text

EARLIER = 4
"""The last version without seals."""
BLOCKS = (CoinEvent(CoinEventKind.BLOCK_CONNECTED, 7, "a" * 64, previous_hash="b" * 64),)
WRITES = (
    write("day-1", receipt(1), records=(Record("day", "1", {"mw": 1.5}),)),
    write("day-2", sweep(2, 1, 400, 20), invoice(1, 9), records=(Record("day", "2", 2), Record("day", "1", 3))),
    write('odd\t"\\\x7fذ'),
    Write("blocks", "watcher", "follow", receipt(1).at, coin_events=BLOCKS),
)


def earlier_entry_rows(one: Write) -> str:
    """Entries as the program of that version handed them to the database."""
    return json.dumps(
        [
            {
                "ordinal": ordinal,
                "posting_count": len(entry.postings),
                "id": entry.id,
                "at": exact_utc_text(entry.at),
                "narration": entry.narration,
                "evidence": entry.evidence,
            }
            for ordinal, entry in enumerate(one.entries, 1)
        ]
    )


def earlier_posting_rows(one: Write) -> str:
    """Postings as the program of that version handed them to the database."""
    return json.dumps(
        [
            {
                "entry_ordinal": place,
                "ordinal": ordinal,
                "posting_count": len(entry.postings),
                "account": posting.account,
                "commodity": posting.amount.commodity.value,
                "units": posting.amount.units,
                "lot_outpoint": None if posting.lot is None else posting.lot.outpoint,
                "lot_source": None if posting.lot is None else posting.lot.source,
            }
            for place, entry in enumerate(one.entries, 1)
            for ordinal, posting in enumerate(entry.postings, 1)
        ]
    )


_TABLES = (
    (
        "entry",
        earlier_entry_rows,
        "ordinal integer, posting_count integer, id text, at timestamptz, narration text, evidence text",
    ),
    (
        "posting",
        earlier_posting_rows,
        (
            "entry_ordinal integer, ordinal integer, posting_count integer, account text, commodity text, "
            "units bigint, lot_outpoint text, lot_source text"
        ),
    ),
    ("record", record_rows, "ordinal integer, kind text, id text, body jsonb"),
    (
        "chain_event",
        event_rows,
        (
            "ordinal integer, kind text, height integer, block_hash text, previous_hash text, outpoint text, "
            "vault text, branch smallint, place integer, amount_sats bigint, script_hex text, is_coinbase boolean, "
            "spent_by text"
        ),
    ),
)
_COUNTS = {"entry": "entry_count", "record": "record_count", "chain_event": "event_count"}


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
            before = commit_as_before(connection, number, before, one)
    yield dsn
    shared_template().drop("earlier")


def commit_as_before(connection: Connection[TupleRow], number: int, before: str, one: Write) -> str:
    """Write it as the program of that version did; returns the hash of its audit entry."""
    fields: dict[str, Json] = {
        "sequence": number,
        "key": one.key,
        "actor": one.actor,
        "action": one.action,
        "at": exact_utc_text(one.at),
        "content_hash": input_hash(one.entries, one.records, one.coin_events),
        "previous_hash": before,
    }
    counts = {"entry": len(one.entries), "record": len(one.records), "chain_event": len(one.coin_events)}
    with connection.transaction():
        connection.execute(
            "INSERT INTO zakhira.audit (sequence, key, actor, action, at, content_hash, previous_hash, hash, "
            "entry_count, record_count, event_count) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            (*fields.values(), content_hash(fields), *counts.values()),
        )
        for table, rows_of, columns in _TABLES:
            names = ", ".join(part.split()[0] for part in columns.split(", "))
            count = f"{counts[table]} AS {_COUNTS[table]}, " if table in counts else ""
            count_name = f"{_COUNTS[table]}, " if table in counts else ""
            query = (
                f"INSERT INTO zakhira.{table} (sequence, {count_name}{names}) SELECT {number}, {count}{names} "  # noqa: S608 - names from this file
                f"FROM json_to_recordset(%s::json) AS given ({columns})"
            )
            connection.execute(query.encode(), (rows_of(one),))
    return content_hash(fields)


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

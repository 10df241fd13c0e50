"""A ledger of pgledger's design, measured alone: does it reach pgledger's own figures on this machine?

    python benchmarks/ledger_peer.py [--seconds S]

Its schema is `ledger_peer.sql`, written from pgledger's published design: one call of a PL/pgSQL function for each
transfer. Embedded PostgreSQL with fsync on; each worker is a process with a connection of its own. pgledger itself was
measured on two cores at 1,054 transfers a second single, 1,353 with four workers and 3,946 in pipelines of 100; with a
busier machine at 307 single and 3,242 at 1,000 per transaction. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psycopg

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.huge_pages import huge_pages, told_of
from benchmarks.ledger_work import (
    FROM_POOL,
    MAX_UNITS,
    OPENING_UNITS,
    PARTICIPANTS,
    POOL,
    Load,
    Poster,
    Transfer,
    measure,
)

from zakhira.adapters.postgres.server import EmbeddedServer

SCHEMA = Path(__file__).with_name("ledger_peer.sql")
DATABASE = "peer"
NOW = datetime(2026, 2, 6, 12, tzinfo=UTC)
PUBLISHED = {"single": 1_054, "four_workers": 1_353, "pipelines_of_100": 3_946}
"""pgledger itself, in transfers per second."""
BUSY = 3_242
"""pgledger itself at 1,000 per transaction, on a machine so busy that it made 307 a second single."""
MODES = {
    "single": (1, 1),
    "four_workers": (4, 1),
    "pipelines_of_100": (1, 100),
    "at_1000": (1, 1_000),
    "eight_workers": (8, 1),
}
"""Workers and transfers per transaction."""
FILLED_AT_ONCE = 100_000
_CALL = "SELECT peer.create_transfer(%s, %s, %s, %s)"
_OPEN = """
INSERT INTO peer.account (name, currency, balance, allow_negative_balance, allow_positive_balance)
SELECT 'account-' || given.number, 'PKR', CASE WHEN given.number = %s THEN 0 ELSE %s END, given.number = %s, true
FROM generate_series(0, %s) AS given (number)
"""
# What so many calls would have left, in the order of their time. An id of theirs costs three times what a row costs, so
# these have the same length and order and are made of the same bits; keys are from the tables and not looked up again.
_FILL = """
WITH drawn AS MATERIALIZED (
    SELECT place, 'plt_' || upper(left(encode(uuid_send(uuidv7()), 'hex'), 26)) AS id, taker, units,
           CASE WHEN chance < %(from_pool)s THEN 0 ELSE 1 + (taker - 1 + step) %% %(participants)s END AS giver
    FROM (SELECT place, random() AS chance, 1 + floor(random() * %(participants)s)::integer AS taker,
                 1 + floor(random() * (%(participants)s - 1))::integer AS step,
                 1 + floor(random() * %(max_units)s)::integer AS units
          FROM generate_series(1, %(count)s) AS place) AS chosen),
numbered AS MATERIALIZED (
    SELECT substr(name, 9)::integer AS number, id, balance, version FROM peer.account),
side AS MATERIALIZED (
    SELECT place, id AS transfer, giver AS number, -units AS amount FROM drawn
    UNION ALL SELECT place, id, taker, units FROM drawn),
made AS (
    INSERT INTO peer.transfer (id, from_account_id, to_account_id, amount, event_at)
        SELECT drawn.id, giver.id, taker.id, drawn.units, %(now)s
        FROM drawn
        JOIN numbered AS giver ON giver.number = drawn.giver JOIN numbered AS taker ON taker.number = drawn.taker
        ORDER BY drawn.place),
entered AS (
    INSERT INTO peer.entry (
        id, account_id, transfer_id, amount, account_previous_balance, account_current_balance, account_version)
        SELECT 'ple_' || upper(left(encode(uuid_send(uuidv7()), 'hex'), 26)), so_far.id, so_far.transfer, so_far.amount,
               so_far.reached - so_far.amount, so_far.reached, so_far.version
        FROM (SELECT side.place, numbered.id, side.transfer, side.amount,
                     numbered.balance + sum(side.amount) OVER up_to AS reached,
                     numbered.version + count(*) OVER up_to AS version
              FROM side JOIN numbered ON numbered.number = side.number
              WINDOW up_to AS (PARTITION BY side.number ORDER BY side.place)) AS so_far
        ORDER BY so_far.place)
UPDATE peer.account AS kept
    SET balance = kept.balance + moved.amount, version = kept.version + moved.transfers, updated_at = now()
    FROM (SELECT number, sum(amount) AS amount, count(*) AS transfers FROM side GROUP BY number) AS moved
    JOIN numbered ON numbered.number = moved.number
    WHERE kept.id = numbered.id
"""
_SIZE = """
SELECT sum(pg_total_relation_size(oid))::bigint FROM pg_class
WHERE relnamespace = %s::regnamespace AND relkind IN ('r', 'p')
"""


def install(dsn: str, participants: int = PARTICIPANTS) -> None:
    """Make the peer's schema and its accounts: the pool, which may go below zero, and the participants."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(SCHEMA.read_bytes())
        connection.execute(_OPEN, (POOL, OPENING_UNITS, POOL, participants))
        connection.execute("VACUUM ANALYZE")


def fill(dsn: str, transfers: int, participants: int = PARTICIPANTS) -> None:
    """Bring so many transfers of the past into the peer's ledger, many at a time, with the balances that follow."""
    given = {"from_pool": FROM_POOL, "participants": participants, "max_units": MAX_UNITS, "now": NOW}
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("SELECT setseed(0.0206)")
        for first in range(0, transfers, FILLED_AT_ONCE):
            connection.execute(_FILL, given | {"count": min(FILLED_AT_ONCE, transfers - first)})
        connection.execute("VACUUM (ANALYZE)")


def open_peer(dsn: str, _: str) -> tuple[Poster, Callable[[], None]]:
    """A worker's connection: several transfers go out in one pipeline and one transaction."""
    connection = psycopg.connect(dsn, autocommit=True)
    rows = connection.execute("SELECT id FROM peer.account ORDER BY substr(name, 9)::integer").fetchall()
    codes = [str(row[0]) for row in rows]

    def post(moves: Sequence[Transfer]) -> None:
        calls = [(codes[one.giver], codes[one.taker], one.units, NOW) for one in moves]
        if len(calls) == 1:
            connection.execute(_CALL, calls[0])
            return
        with connection.transaction(), connection.pipeline():
            for call in calls:
                connection.execute(_CALL, call)

    return post, connection.close


def bytes_of(dsn: str, schema: str) -> int:
    """All tables of a schema with their indexes and free space."""
    with psycopg.connect(dsn) as connection:
        row = connection.execute(_SIZE, (schema,)).fetchone()
    assert row is not None, "an aggregate always answers"
    return int(row[0])


def count_transfers(dsn: str) -> int:
    """How many transfers the peer has."""
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT count(*) FROM peer.transfer").fetchone()
    assert row is not None, "an aggregate always answers"
    return int(row[0])


@contextmanager
def embedded(folder: Path | None = None) -> Iterator[EmbeddedServer]:
    """A server with fsync on, in a folder of its own that goes afterwards, or in one that stays."""
    home = folder or Path(tempfile.mkdtemp(prefix="zk"))
    with huge_pages():
        server = EmbeddedServer.start(home / "pg")
        try:
            with psycopg.connect(server.dsn()) as connection:
                assert connection.execute("SHOW fsync").fetchone() == ("on",)
                assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)
            print(f"huge pages {told_of(server.dsn())}", flush=True)
            yield server
        finally:
            server.stop()
            if folder is None:
                shutil.rmtree(home, ignore_errors=True)


def main() -> int:
    """Measure each way of posting and print it beside pgledger's own figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=8.0, help="length of each round")
    asked = parser.parse_args()
    figures: dict[str, float | str] = {"benchmark": "ledger_peer"}
    with embedded() as server:
        dsn = server.ensure_database(DATABASE)
        install(dsn)
        before = bytes_of(dsn, "peer")
        for name, (workers, per_commit) in MODES.items():
            figures[name] = round(measure(dsn, open_peer, Load(workers, per_commit, asked.seconds)))
            beside = f", pgledger itself {PUBLISHED[name]:,}" if name in PUBLISHED else ""
            print(f"{name:<18} {figures[name]:>8,}/s{beside}", flush=True)
        figures["bytes_per_transfer"] = round((bytes_of(dsn, "peer") - before) / count_transfers(dsn))
        print(f"{figures['bytes_per_transfer']} bytes per transfer, pgledger itself 743")
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())

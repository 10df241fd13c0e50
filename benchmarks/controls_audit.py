"""How fast an audit chain is verified, and what the chain costs those who write.

    python benchmarks/controls_audit.py [--entries N] [--seconds S]

``audit_per_s``: writes of an exported chain verified in a second, the content of every one hashed, on all cores; one
core and bare SHA-256 over the same contents, headers and links stand beside it. ``chain_cost``: how much of their
throughput eight writers at once, each with a sealer, keep with the chain on: embedded PostgreSQL with fsync on, rounds
on and off alternating in one run. Off means that nobody seals and the database does not compute leaves. The last line
is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from multiprocessing import Queue, get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path

import psycopg

from zakhira.adapters.chain_file import check_chain_file
from zakhira.adapters.postgres.books import PostgresBooks, open_books
from zakhira.adapters.postgres.sealer import Sealer
from zakhira.adapters.postgres.server import EmbeddedServer
from zakhira.controls.chain.audit import EMPTY_CHAIN, ChainHead, make_entry, next_seal
from zakhira.controls.chain.audit_file import FIRST_LINE, chain_line, last_line
from zakhira.flows.ports.books import Record, Write
from zakhira.kernel.money import Amount, Commodity
from zakhira.ledger.entry import Entry, Posting
from zakhira.programme.model import AccountSpec

ENTRIES = 1_000_000
TARGET_PER_S = 200_000
WRITERS = 8
SECONDS = 5.0
ROUNDS = (False, True, True, False, False, True, True, False)
"""Chain off and on, so that a machine that slows down or speeds up does so for both."""
TARGET_KEPT = 0.8
WAIT_S = 120.0
"""A writer that does not come for so long has failed."""
NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
WARM_UP = False
"""A round before the others that does not count."""
_WITHOUT_LEAVES = """
CREATE OR REPLACE FUNCTION zakhira.begin_write() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    NEW.sequence := nextval('zakhira.write_number');
    RETURN NEW;
END $$
"""


def audit_per_s(entries: int = ENTRIES) -> dict[str, float]:
    """Writes verified in a second: on all cores (``audit_per_s``), on one, and by bare SHA-256 on one."""
    folder = Path(tempfile.mkdtemp(prefix="zk"))
    try:
        path = folder / "chain.txt"
        head = _export(path, entries)
        figures = {"audit_per_s": 0.0, "audit_one_core_per_s": 0.0, "bare_sha256_per_s": _bare(path, entries)}
        for name, workers in (("audit_one_core_per_s", 1), ("audit_per_s", 0)):
            begin = time.perf_counter()
            verdict = check_chain_file(path, workers=workers)
            figures[name] = entries / (time.perf_counter() - begin)
            assert verdict.breaks == ()
            assert verdict.head == head, "all of it was read"
        return {name: round(value) for name, value in figures.items()}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def chain_cost(seconds: float = SECONDS) -> dict[str, float]:
    """Writes a second of eight writers with the chain on and off, and the part that they keep (``chain_cost``)."""
    rates: dict[bool, list[float]] = {True: [], False: []}
    with _database() as dsn, closing(PostgresBooks(dsn)) as books:
        context = get_context("spawn")
        line, counts = context.Barrier(WRITERS + 1, timeout=WAIT_S), context.Queue()
        writers = [
            context.Process(target=_write, args=(dsn, number, seconds, line, counts), daemon=True)
            for number in range(WRITERS)
        ]
        for writer in writers:
            writer.start()
        for is_on in (WARM_UP, *ROUNDS):
            with _leaves(dsn, is_on=is_on):
                line.wait()
                rates[is_on].append(sum(counts.get(timeout=WAIT_S) for _ in writers) / seconds)
            books.seal()  # what a round left over is no burden for the next
        for writer in writers:
            writer.join()
        assert books.unsealed().count == 0, "everything is in the chain in the end"
    rates[WARM_UP].pop(0)
    on, off = statistics.median(rates[True]), statistics.median(rates[False])
    return {"writes_per_s_chain_on": round(on), "writes_per_s_chain_off": round(off), "chain_cost": round(on / off, 3)}


def _export(path: Path, entries: int) -> ChainHead:
    """An exported chain of set-points: contents of 120 bytes, headers of 180."""
    head = EMPTY_CHAIN
    with path.open("wb") as file:
        file.write(FIRST_LINE)
        for number in range(1, entries + 1):
            content = (
                b'{"entries":[],"records":[{"body":{"mw":%d,"site":"thar-%d","state":"running"},'
                b'"id":"%d","kind":"set-point"}]}' % (number % 97, number % 7, number)
            )
            key = f"set-point/{number}"
            entry = make_entry(number, key, "dispatcher", "set", NOW, sha256(content).hexdigest())
            seal = next_seal(head, entry)
            head = ChainHead(seal.position, seal.hash)
            file.write(chain_line(seal.position, seal.hash, entry.header, content))
        file.write(last_line(head))
    return head


def _bare(path: Path, entries: int) -> float:
    """The three hashes of each write alone, over what is in memory already."""
    with path.open("rb") as file:
        lines = [file.readline().split(b"\t")[2:] for _ in range(min(entries, 100_000) + 1)][1:]
    begin = time.perf_counter()
    link = bytes(32)
    for header, content in lines:
        sha256(content).digest()
        link = sha256(link + sha256(header).digest()).digest()
    return len(lines) / (time.perf_counter() - begin)


@contextmanager
def _database() -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="zk"))
    server = EmbeddedServer.start(folder / "pg")
    try:
        dsn = server.ensure_database("zakhira")
        with closing(open_books(dsn)) as books:
            books.open_accounts(tuple(spec for number in range(WRITERS) for spec in _accounts(number)))
        with psycopg.connect(dsn) as connection:
            assert connection.execute("SHOW fsync").fetchone() == ("on",)
        yield dsn
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _leaves(dsn: str, *, is_on: bool) -> Iterator[None]:
    """The database computes each leaf, as it always does; or it does not, and afterwards again."""
    if is_on:
        yield
        return
    with psycopg.connect(dsn, autocommit=True) as owner:
        found = owner.execute("SELECT pg_get_functiondef('zakhira.begin_write'::regproc)").fetchone()
        assert found is not None
        owner.execute(_WITHOUT_LEAVES.encode())
        try:
            yield
        finally:
            owner.execute(str(found[0]).encode())


def _write(dsn: str, writer: int, seconds: float, line: Barrier, counts: Queue[int]) -> None:
    """One writer: in each round as many writes as it can, over a connection of its own, with a sealer or without."""
    due, sold = _accounts(writer)
    number = 0
    for is_on in (WARM_UP, *ROUNDS):
        with closing(PostgresBooks(dsn, Sealer(dsn) if is_on else None)) as books:
            books.open_accounts((due, sold))
            line.wait()
            begin, first = time.perf_counter(), number
            while time.perf_counter() - begin < seconds:
                books.commit(_one(writer, number, due.code, sold.code))
                number += 1
        counts.put(number - first)


def _one(writer: int, number: int, due: str, sold: str) -> Write:
    """An invoice and a set-point of the writer's own."""
    amount = Amount(100 + number % 900, Commodity.PKR)
    name = f"{writer}-{number}"
    entry = Entry(name, NOW, "Energy", "meter", (Posting(due, amount), Posting(sold, -amount)))
    record = Record("set-point", f"site-{writer}", {"mw": number % 97, "state": "running"})
    return Write(name, "dispatcher", "set", NOW, (entry,), (record,))


def _accounts(writer: int) -> tuple[AccountSpec, AccountSpec]:
    return (
        AccountSpec(f"assets:receivable:site-{writer}", "PKR", "asset"),
        AccountSpec(f"income:energy:site-{writer}", "PKR", "income"),
    )


def main() -> int:
    """Measure both and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=ENTRIES, help="writes of the chain that is verified")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="length of a round of eight writers")
    asked = parser.parse_args()
    verified = audit_per_s(asked.entries)
    rate, one, bare = (verified[name] for name in ("audit_per_s", "audit_one_core_per_s", "bare_sha256_per_s"))
    print(f"verified: {rate:,.0f} writes/s on {os.cpu_count()} cores, {one:,.0f} on one (target {TARGET_PER_S:,})")
    print(f"  bare SHA-256 of the same on one core: {bare:,.0f}/s; ratio on one core {one / bare:.2f}")
    cost = chain_cost(asked.seconds)
    on, off = cost["writes_per_s_chain_on"], cost["writes_per_s_chain_off"]
    print(f"eight writers: {on:,.0f} writes/s with the chain, {off:,.0f} without (median of {len(ROUNDS) // 2} rounds)")
    print(f"  ratio {cost['chain_cost']:.3f} (target {TARGET_KEPT})")
    print(json.dumps({**verified, **cost}))
    return 0 if rate >= TARGET_PER_S and cost["chain_cost"] >= TARGET_KEPT else 1


if __name__ == "__main__":
    raise SystemExit(main())

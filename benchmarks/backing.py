"""What a block, a paper, a spend and a credit cost with many coins behind the claims; for docs/backing.md.

Run: .venv/bin/python benchmarks/backing.py [COINS]
The embedded PostgreSQL as it is delivered, with fsync on, in a temporary folder.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from itertools import count
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from backing_bench import Bench, credit, movement_record, paper_record, txid
from zakhira.adapters.postgres.backing_check import read_backing_breaks
from zakhira.adapters.postgres.books import open_books
from zakhira.adapters.postgres.server import EmbeddedServer

COINS = 100_000
A_BLOCK, A_WRITE, TIMES = 2_000, 500, 20


def timed(what: str, act: Callable[[], object], times: int = TIMES) -> None:
    """Print the mean of several turns, in milliseconds."""
    start = time.perf_counter()
    for _ in range(times):
        act()
    print(f"{what}: {1000 * (time.perf_counter() - start) / times:.1f} ms (mean of {times})")


def measure(bench: Bench, coins: int) -> None:
    """Fill the vault, then one figure for each kind of act."""
    for first in range(1, coins + 1, A_BLOCK):
        block = bench.next_block()
        made = [bench.created(number, 1_000) for number in range(first, min(first + A_BLOCK, coins + 1))]
        bench.act(events=(block, *made))
    papers = iter([f"{txid(number)}:0" for number in range(1, coins + 1)])
    timed(
        f"a write of {A_WRITE} papers",
        lambda: bench.act(*[paper_record(next(papers)) for _ in range(A_WRITE)]),
        coins // A_WRITE,
    )
    bench.blocks(6)
    numbers = count(1)
    timed("a block", lambda: bench.blocks(1))
    timed("a spend that is allowed", lambda: bench.act(movement_record(f"spend-{next(numbers)}", 5, 1)))
    timed("a credit to a claim", lambda: bench.books.commit(credit(1)))
    stolen = count(1)
    timed("a block with a theft", lambda: bench.theft(next(stolen)))
    timed("the backing held against all that it follows from", lambda: bench.books.ask(read_backing_breaks), 1)


def main() -> None:
    """Measure with so many coins."""
    coins = int(sys.argv[1]) if len(sys.argv) > 1 else COINS
    with tempfile.TemporaryDirectory(prefix="zk") as folder:
        server = EmbeddedServer.start(Path(folder) / "database")
        server.ensure_database("backing")
        print(f"{coins:,} coins; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        with closing(open_books(server.logins("backing", follows=True))) as books:
            assert books.ask(lambda connection: connection.execute("SHOW fsync").fetchone()) == ("on",)
            measure(Bench(books), coins)
        server.stop()


if __name__ == "__main__":
    main()

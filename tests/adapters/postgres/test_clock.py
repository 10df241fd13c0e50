"""The database's clock is set back and ahead under the books: what is sealed stays in order, and sealing goes on."""

from __future__ import annotations

import importlib.util
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import psycopg
import pytest
from msgspec import structs

from books_bench import ACCOUNTS, DUE, invoice, write
from zakhira.adapters.postgres import programs
from zakhira.adapters.postgres.books import PostgresBooks, open_books
from zakhira.adapters.postgres.ledger import PostgresLedger
from zakhira.adapters.postgres.server import EmbeddedServer
from zakhira.flows.ports.ledger_books import AsOf
from zakhira.kernel.money import Amount, Commodity

STEPS = ("+0", "-3d", "+10d", "-400d", "+0")
"""Away from the real time, one after the other."""
LIBRARY = "vendor/libfaketime/src/libfaketime.so.1"
PATIENCE_S = 10.0


@dataclass(frozen=True)
class StepClock:
    """A server whose clock a test sets."""

    server: EmbeddedServer
    file: Path

    def step(self, offset: str) -> None:
        """From now on the server's clock is so far from the real time."""
        self.file.write_text(f"{offset}\n")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[StepClock]:
    """A server of its own, with a library before the system's that tells it the time of a file."""
    real = programs._environment
    spec = importlib.util.find_spec("libfaketime")
    assert spec is not None
    assert spec.submodule_search_locations
    with tempfile.TemporaryDirectory(prefix="zk") as name:
        folder = Path(name)
        folder.chmod(0o755)
        library, file = folder / "clock.so", folder / "clock"
        shutil.copy(Path(spec.submodule_search_locations[0]) / LIBRARY, library)
        file.write_text("+0\n")
        preloaded = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        monkeypatch.setattr(programs, "_environment", lambda: real() | preloaded)
        server = EmbeddedServer.start(folder / "pg")
        yield StepClock(server, file)
        server.stop()


def entered(dsn: str) -> list[datetime]:
    """When each write was entered, by the database's clock, in the order of the chain."""
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(
            "SELECT audit.written_at FROM zakhira.seal JOIN zakhira.audit USING (sequence) ORDER BY seal.position"
        ).fetchall()
    return [row[0].astimezone(UTC) for row in rows]


def await_sealed(books: PostgresBooks) -> None:
    """The sealer in the background comes round soon, whatever the clock says."""
    end = time.monotonic() + PATIENCE_S
    while books.unsealed().count:
        assert time.monotonic() < end, "nobody seals"
        time.sleep(0.05)


def test_steps_of_the_databases_clock(clock: StepClock) -> None:
    """Three days back, ten ahead, a year back, and right again: with the sealer at work, and after a restart."""
    dsn = clock.server.ensure_database("zakhira")
    with closing(open_books(dsn)) as books:
        books.open_accounts(ACCOUNTS)
        for number, offset in enumerate(STEPS):
            clock.step(offset)
            books.commit(write(f"k{number}", invoice(number, 7)))
            await_sealed(books)
        found = entered(dsn)
        assert len(found) == len(STEPS)
        assert found[-1] - found[0] > timedelta(days=9), "the clock was stepped"
        assert all(before <= after for before, after in pairwise(found)), "what was entered later is dated no earlier"
        assert books.breaks() == ()
    clock.server.stop()
    clock.step("-30d")
    server = EmbeddedServer.start(clock.server.folder)
    with closing(open_books(server.dsn("zakhira"))) as books:
        books.commit(write("again", invoice(len(STEPS), 7)))
        await_sealed(books)
        assert books.breaks() == ()
        ledger = PostgresLedger(books)
        # Asked what was known just after a write was entered, the books count it and all before it in the chain.
        found = entered(server.dsn("zakhira"))
        instants = [at + timedelta(microseconds=1) for at in sorted(set(found))]
        known = [ledger.balances_at([DUE], AsOf(known_before=at))[DUE].units for at in instants]
    assert known == [7 * sum(one < at for one in found) for at in instants]


def test_the_programs_clock_may_be_anywhere(books: PostgresBooks) -> None:
    """Entries dated in 1970 and 9999, and acts whose time goes backwards: they stand as they were dated."""
    far = (datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC), datetime(2009, 1, 3, tzinfo=UTC))
    for number, at in enumerate(far):
        entry = structs.replace(invoice(number, 7), at=at)
        books.commit(replace(write(f"k{number}", entry), at=at))
    books.seal()
    assert [one.write.audit.at for one in books.sealed(0, 9)] == list(far)
    assert books.breaks() == ()
    ledger = PostgresLedger(books)
    for before, units in ((far[0], 0), (far[2], 7), (far[1], 14), (far[1] + timedelta(hours=1), 21)):
        assert ledger.balances_at([DUE], AsOf(before=before))[DUE] == Amount(units, Commodity.PKR)

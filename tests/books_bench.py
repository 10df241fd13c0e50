"""Books to test: the twin in memory, and a real database behind a wire that a test can cut."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Protocol

import psycopg
import pytest

from zakhira.adapters.postgres import programs
from zakhira.adapters.postgres.books import PostgresBooks, open_books
from zakhira.adapters.postgres.logins import Logins
from zakhira.adapters.postgres.server import EmbeddedServer
from zakhira.flows.ports.books import Books, Record, Write
from zakhira.kernel.money import Amount, Commodity, sats
from zakhira.ledger.entry import Entry, Lot, Posting
from zakhira.programme.model import AccountSpec
from zakhira.simulator.books import BooksFaults, SimulatedBooks

INTAKE, COLD, ROYALTY, FEES = "assets:vault:intake", "assets:vault:cold", "income:royalty", "expenses:network-fees"
DUE, SOLD = "assets:receivable:energy", "income:energy"
ACCOUNTS = (
    AccountSpec(INTAKE, "BTC", "asset"),
    AccountSpec(COLD, "BTC", "asset"),
    AccountSpec(ROYALTY, "BTC", "income"),
    AccountSpec(FEES, "BTC", "expense"),
    AccountSpec(DUE, "PKR", "asset"),
    AccountSpec(SOLD, "PKR", "income"),
)
ALICE, BOB, POOL = "liabilities:participants:alice:PKR", "liabilities:participants:bob:PKR", "equity:pool"
"""Two who hold rupees, and where these come from."""
START = datetime(2026, 1, 1, tzinfo=UTC)


class Bench(Protocol):
    """Books to test, with the faults that the suite can cause on them."""

    books: Books

    def break_line(self) -> None:
        """The connection breaks before the next call reaches the database."""

    def lose_answer(self) -> None:
        """The next commit is carried out and its answer gets lost."""

    def go_away(self) -> None:
        """The database does not answer from now on."""

    def come_back(self) -> None:
        """It answers again."""


class TwinBench:
    """The twin's faults are asked for by the number of the call."""

    def __init__(self) -> None:
        self.twin = SimulatedBooks(BooksFaults())
        self.books: Books = self.twin

    def break_line(self) -> None:
        """The next call fails before anything happens."""
        self.twin.faults.unreachable_on.add(self.twin.calls + 1)

    def lose_answer(self) -> None:
        """The next call is carried out and fails."""
        self.twin.faults.acknowledgement_lost_on.add(self.twin.calls + 1)

    def go_away(self) -> None:
        """The next thousand calls fail."""
        self.twin.faults.unreachable_on |= set(range(self.twin.calls + 1, self.twin.calls + 1000))

    def come_back(self) -> None:
        """No call fails any more."""
        self.twin.faults.unreachable_on.clear()


class Line:
    """A wire to a server's socket that can be cut, or can swallow the answer to a COMMIT and break."""

    def __init__(self, target: Path, folder: Path) -> None:
        self.target = str(target)
        self.swallow = False
        self.open = True
        self.pairs: list[tuple[socket.socket, socket.socket]] = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(folder / ".s.PGSQL.5432"))
        self.listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break every connection there is."""
        for pair in self.pairs:
            for end in pair:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
        self.pairs.clear()

    def _accept(self) -> None:
        while True:
            near, _ = self.listener.accept()
            if not self.open:
                near.close()
                continue
            far = socket.socket(socket.AF_UNIX)
            far.connect(self.target)
            self.pairs.append((near, far))
            committing = threading.Event()
            for source, sink, backwards in ((near, far, False), (far, near, True)):
                threading.Thread(
                    target=self._pump, args=(source, sink, committing), kwargs={"backwards": backwards}, daemon=True
                ).start()

    def _pump(
        self, source: socket.socket, sink: socket.socket, committing: threading.Event, *, backwards: bool
    ) -> None:
        try:
            while data := source.recv(1 << 16):
                if not backwards and self.swallow and (b"COMMIT" in data or b"zakhira.write(" in data):
                    committing.set()
                if backwards and committing.is_set():
                    self.swallow = False
                    break
                sink.sendall(data)
        except OSError:
            pass  # the other end was cut
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


class PostgresBench:
    """A real database behind a wire that the suite can cut."""

    def __init__(self, server: EmbeddedServer, database: str, folder: Path) -> None:
        dsn = server.dsn(database)
        host = psycopg.conninfo.conninfo_to_dict(dsn)["host"]
        self.line = Line(Path(str(host)) / ".s.PGSQL.5432", folder)
        self.postgres = PostgresBooks(psycopg.conninfo.make_conninfo(dsn, host=str(folder)))
        self.books: Books = self.postgres

    def break_line(self) -> None:
        """Cut the connection."""
        self.line.cut()

    def lose_answer(self) -> None:
        """Swallow the next answer to a COMMIT and cut."""
        self.line.swallow = True

    def go_away(self) -> None:
        """Cut, and let nobody in."""
        self.line.open = False
        self.line.cut()

    def come_back(self) -> None:
        """Let them in again."""
        self.line.open = True


@dataclass
class Template:
    """A server with a migrated database to copy."""

    server: EmbeddedServer
    count: int = 0

    def fresh_database(self) -> str:
        """A new copy."""
        self.count += 1
        name = f"copy{self.count}"
        with psycopg.connect(self.server.dsn(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE fresh".encode())
        return name

    def logins(self, name: str) -> Logins:
        """The logins of a process that works in a copy and follows the chain."""
        return self.server.logins(name, follows=True)

    def drop(self, name: str) -> None:
        """Remove a copy."""
        with psycopg.connect(self.server.dsn(), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


OTHER_POSTGRES = "ZAKHIRA_TEST_POSTGRES"
"""Names the folder of another PostgreSQL's programs, with which the same tests are run."""


def _use_other_postgres(folder: Path) -> None:
    """Let the server of this process be of another version than the wheel's."""
    version = subprocess.run([str(folder / "postgres"), "--version"], capture_output=True, text=True, check=True)
    major = int(version.stdout.split()[2].partition(".")[0])
    real, patch = programs.find_programs, pytest.MonkeyPatch()
    patch.setattr("zakhira.adapters.postgres.server.find_programs", lambda data: replace(real(data), folder=folder))
    patch.setattr("zakhira.adapters.postgres.data_folder.MAJOR_VERSION", major)


@cache
def shared_template() -> Template:
    """One server for all tests of this process; it is stopped and removed at the end."""
    if os.environ.get(OTHER_POSTGRES):
        _use_other_postgres(Path(os.environ[OTHER_POSTGRES]))
    folder = Path(tempfile.mkdtemp(prefix="zk"))
    server = EmbeddedServer.start(folder / "pg")
    server.ensure_database("fresh")
    open_books(server.logins("fresh")).close()
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        # These tests kill connections, not the machine; the tests that kill servers start their own.
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("SELECT pg_reload_conf()")

    def remove() -> None:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(remove)
    return Template(server)


def administrator_of(reserve: Path) -> str:
    """How the administrator connects to the embedded database of a reserve."""
    return EmbeddedServer.start(reserve / "database").dsn("zakhira")


def outpoint(number: int) -> str:
    """A made-up outpoint."""
    return f"{number:064x}:0"


def receipt(number: int, amount_sats: int = 500) -> Entry:
    """A royalty that arrives at the intake vault."""
    lot = Lot(outpoint(number), f"pool {number}")
    postings = (Posting(INTAKE, sats(amount_sats), lot), Posting(ROYALTY, sats(-amount_sats), lot))
    return Entry(f"royalty-{number}", START + timedelta(days=number), "Royalty — رائلٹی", f"txid {number}", postings)


def sweep(number: int, lot: int, amount_sats: int, fee_sats: int) -> Entry:
    """One lot of the intake vault becomes one of the cold vault."""
    old, new = Lot(outpoint(lot), "pool"), Lot(outpoint(number), "sweep")
    postings = (
        Posting(INTAKE, sats(-amount_sats), old),
        Posting(COLD, sats(amount_sats - fee_sats), new),
        Posting(FEES, sats(fee_sats), new),
    )
    return Entry(f"sweep-{number}", START, "Sweep", f"txid {number}", postings)


def invoice(number: int, paisa: int) -> Entry:
    """Energy of a day."""
    amount = Amount(paisa, Commodity.PKR)
    return Entry(f"energy-{number}", START, "Energy", "day", (Posting(DUE, amount), Posting(SOLD, -amount)))


def pay(key: str, giver: str, taker: str, units: int, commodity: Commodity = Commodity.PKR, *, times: int = 1) -> Write:
    """So much from one to another, so many times."""
    amount = Amount(units, commodity)
    postings = (Posting(giver, amount), Posting(taker, -amount))
    return write(key, *(Entry(f"e-{key}-{time}", START, "Pay", "list", postings) for time in range(times)))


def write(key: str, *entries: Entry, records: tuple[Record, ...] = ()) -> Write:
    """One act."""
    return Write(key, "scheduler", "settle", START + timedelta(microseconds=1), entries, records)


def strike(server: EmbeddedServer) -> list[int]:
    """SIGKILL to the server, if it runs, and to all its processes; whom it struck."""
    pid = server.pid()
    if pid is None:
        return []
    family = [pid]
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):
            parent = int(status.read_text().rpartition(")")[2].split()[1])
            if parent == pid:
                family.append(int(status.parent.name))
    for process in family:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    return family


def end_at_once(server: EmbeddedServer) -> None:
    """SIGKILL to the server and all its processes, as when the machine stops."""
    assert server.pid() is not None
    strike(server)
    while server.pid() is not None:
        time.sleep(0.01)

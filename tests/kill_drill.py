"""Writers under load, a database that is killed at seeded moments, and what must be there afterwards."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psycopg

import kill_writer
from books_bench import ACCOUNTS, strike
from kill_writer import KILL_ACCOUNTS, made, opening
from zakhira.adapters.postgres.books import PostgresBooks, open_books
from zakhira.adapters.postgres.server import EmbeddedServer
from zakhira.controls.chain.audit import ChainHead
from zakhira.flows.ports.books import Write, content_bytes
from zakhira.kernel.errors import ZakhiraError

WRITERS = 3
LONGEST_S = 0.5
"""A point lies so far into the load at most: two turns of a sealer."""
MANY_SEALED = 1_000_000
START_S = 30.0
WRITERS_STRUCK = 0.15
"""The part of writers that are killed at a point."""
PARTS = (0.5, 0.3, 0.3)
"""The parts of points at which writers are killed before the server, in a checkpoint, and the server again later."""
_SUBREAPER = 36
"""PR_SET_CHILD_SUBREAPER of Linux's prctl."""


@dataclass
class Report:
    """What came out of all points together."""

    points: int = 0
    acknowledged: int = 0
    found: int = 0
    """of the acknowledged"""
    lost: int = 0
    half: int = 0
    """writes that are there in part, or with other content"""
    heads: int = 0
    """of the chain, as writers were told them"""
    heads_lost: int = 0
    unanswered: int = 0
    """writes that nobody had an answer to when the database died"""
    unanswered_found: int = 0
    replays: int = 0
    """retried keys that were recognised"""
    writers_killed: int = 0
    killed_again: int = 0
    """points at which the database was killed once more while it recovered"""
    seconds: float = 0.0

    def __str__(self) -> str:
        """One line."""
        return ", ".join(f"{name} = {round(value, 1)}" for name, value in vars(self).items())

    def add(self, other: Report) -> None:
        """Sum up."""
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)


@dataclass
class Writer:
    """One writer's process, and what its log says."""

    number: int
    dsn: str
    log: Path
    process: subprocess.Popen[str] = field(init=False)
    tried: list[int] = field(default_factory=list)
    acknowledged: dict[int, str] = field(default_factory=dict)
    """leaf hashes by the number of the write"""
    heads: list[ChainHead] = field(default_factory=list)
    _read: int = 0

    def __post_init__(self) -> None:
        """Start it."""
        self.start()

    def start(self) -> None:
        """A process that waits to be told."""
        self.process = subprocess.Popen(
            [sys.executable, kill_writer.__file__, self.dsn, str(self.number), str(self.log)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )

    def await_ready(self) -> None:
        """Until it waits to be told."""
        assert self._said() == "ready\n"

    def go_on(self) -> None:
        """Write, from the number behind the last that was tried."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{self.tried[-1] + 1 if self.tried else 0}\n")
        self.process.stdin.flush()

    def await_end(self) -> None:
        """Until it has noticed that the database is gone."""
        assert self._said() == "gone\n"

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.communicate()

    def end(self) -> None:
        """Let it end."""
        self.process.communicate(timeout=START_S)

    def read_log(self) -> None:
        """What it noted since this was last asked."""
        with self.log.open() as lines:
            lines.seek(self._read)
            for line in lines:
                word, first, *rest = line.split()
                if word == "try":
                    self.tried.append(int(first))
                elif word == "ack":
                    self.acknowledged[int(first)] = rest[0]
                else:
                    self.heads.append(ChainHead(int(first), rest[0]))
            self._read = lines.tell()

    def _said(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()


class KillDrill:
    """A database of its own under load, killed again and again."""

    def __init__(self, folder: Path, seed: int) -> None:
        # Orphans become ours, and can be buried at once, where init would take its time.
        ctypes.CDLL(None).prctl(_SUBREAPER, 1)
        self.rng = np.random.default_rng(seed)
        self.folder = folder
        self.server = EmbeddedServer.start(folder / "pg")
        self.dsn = self.server.ensure_database("zakhira")
        self.report = Report()
        self.sums: Counter[str] = Counter()
        self.position = 0
        self.links: dict[int, str] = {}
        with closing(open_books(self.dsn)) as books:
            books.open_accounts((*ACCOUNTS, *KILL_ACCOUNTS))
            books.commit(opening())
        self.writers = [Writer(number, self.dsn, folder / f"log{number}") for number in range(WRITERS)]
        for writer in self.writers:
            writer.await_ready()

    def close(self) -> None:
        """End the writers and the server."""
        for writer in self.writers:
            writer.kill()
        self.server.stop()
        ctypes.CDLL(None).prctl(_SUBREAPER, 0)

    def run(self, points: int) -> Report:
        """So many points; what came out."""
        begin = time.monotonic()
        for _ in range(points):
            self._point()
            self._judge()
            self.report.points += 1
        self.report.seconds = time.monotonic() - begin
        return self.report

    def run_unjudged(self, points: int) -> int:
        """So many points; how many acknowledged writes are gone, or fewer where lost ones were never noted."""
        for _ in range(points):
            self._point()
            self._count(self._found())
            if self.report.lost:
                break
        return self.report.lost

    def _point(self) -> None:
        """Load, the end of the database, of some writers too, and its next start."""
        struck = [writer for writer in self.writers if self.rng.random() < WRITERS_STRUCK]
        writers_first, during_checkpoint, again = (bool(self.rng.random() < part) for part in PARTS)
        delay_s = float(self.rng.uniform(0.0, LONGEST_S))
        for writer in self.writers:
            writer.go_on()
        time.sleep(delay_s)
        if during_checkpoint:
            threading.Thread(target=self._checkpoint, daemon=True).start()
            time.sleep(float(self.rng.uniform(0.0, 0.02)))
        self._end(struck, writers_first=writers_first)
        if again:
            self._kill_in_recovery()
        self._start(struck)
        self.report.writers_killed += len(struck)
        self.report.killed_again += again

    def _end(self, struck: list[Writer], *, writers_first: bool) -> None:
        """The end of the server and of these writers, and what all of them had noted by then."""
        if not writers_first:
            self._strike()
        for writer in struck:
            writer.kill()
        if writers_first:
            self._strike()
        for writer in self.writers:
            if writer not in struck:
                writer.await_end()
            writer.read_log()

    def _start(self, struck: list[Writer]) -> None:
        for writer in struck:
            writer.start()
        self.server = EmbeddedServer.start(self.folder / "pg")
        for writer in struck:
            writer.await_ready()

    def _strike(self) -> None:
        """SIGKILL to all of the server, and no dead process is left, which the next one would take for alive."""
        for process in strike(self.server):
            with suppress(ChildProcessError):
                os.waitpid(process, 0)

    def _checkpoint(self) -> None:
        with suppress(psycopg.Error), psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute("CHECKPOINT")

    def _kill_in_recovery(self) -> None:
        """Start it and kill it a moment later, wherever it then is."""

        def start() -> None:
            with suppress(ZakhiraError):
                EmbeddedServer.start(self.folder / "pg")

        starting = threading.Thread(target=start)
        starting.start()
        time.sleep(float(self.rng.uniform(0.05, 0.3)))
        self._strike()
        starting.join()

    def _judge(self) -> None:
        """Every acknowledged write is there, none is half there, and the books go on."""
        with closing(PostgresBooks(self.dsn)) as books:
            found = self._found()
            self._count(found)
            self._retry(books, found)
            books.seal()
            self._read_new(books)
            assert self.position == 1 + len(self._found()), "every write is sealed"
            assert books.unsealed().count == 0
            breaks = books.breaks()
            assert breaks == (), breaks
            held = {code: amount.units for code, amount in books.balances().items() if amount.units}
            assert held == {code: units for code, units in self.sums.items() if units}

    def _found(self) -> dict[str, str]:
        """Leaf hashes of the writes that are there, by key."""
        with psycopg.connect(self.dsn) as connection:
            rows = connection.execute("SELECT key, leaf_hash FROM zakhira.audit WHERE key <> 'opening'").fetchall()
        return {str(key): str(leaf) for key, leaf in rows}

    def _count(self, found: dict[str, str]) -> None:
        tried = {f"{writer.number}-{number}" for writer in self.writers for number in writer.tried}
        told = {
            f"{writer.number}-{number}": leaf for writer in self.writers for number, leaf in writer.acknowledged.items()
        }
        assert set(found) <= tried, "nothing is there that nobody wrote"
        there = sum(found.get(key) == leaf for key, leaf in told.items())
        self.report.acknowledged, self.report.found, self.report.lost = len(told), there, len(told) - there

    def _retry(self, books: PostgresBooks, found: dict[str, str]) -> None:
        """What had no answer is sent again, and so is one that had: each is there once."""
        for writer in self.writers:
            for number in writer.tried:
                key = f"{writer.number}-{number}"
                answered = number in writer.acknowledged
                if answered and number != max(writer.acknowledged):
                    continue
                done = books.commit(made(writer.number, number))
                assert done.replayed == (key in found)
                self.report.replays += done.replayed
                if not answered:
                    self.report.unanswered += 1
                    self.report.unanswered_found += key in found
                    writer.acknowledged[number] = done.leaf_hash

    def _read_new(self, books: PostgresBooks) -> None:
        """Each write that was sealed since says what its writer meant; heads that were told are still in the chain."""
        for one in books.sealed(self.position, MANY_SEALED):
            self.position = one.seal.position
            self.links[one.seal.position] = one.seal.hash
            meant = self._meant(one.write.audit.key)
            self.report.half += one.write.content != content_bytes(meant.entries, meant.records, meant.coin_events)
            self._add(meant)
        heads = [head for writer in self.writers for head in writer.heads if head.position]
        self.report.heads = len(heads)
        self.report.heads_lost = sum(self.links.get(head.position) != head.hash for head in heads)

    def _meant(self, key: str) -> Write:
        if key == opening().key:
            return opening()
        writer, number = key.split("-")
        return made(int(writer), int(number))

    def _add(self, write: Write) -> None:
        for entry in write.entries:
            for posting in entry.postings:
                self.sums[posting.account] += posting.amount.units

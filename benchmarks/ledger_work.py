"""The work of the ledger's benchmark: transfers drawn from a seed, and writers in processes or in one event loop.

Accounts are numbered: 0 is the pool, which credits participants; 1 to N are participants with a claim each. A worker's
transfers depend on the seed and its number alone, so that two ledgers get the same pairs and amounts in the same order.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context
from queue import Empty
from typing import TYPE_CHECKING

import msgspec
import numpy as np

if TYPE_CHECKING:
    from multiprocessing import Queue
    from multiprocessing.context import SpawnProcess
    from multiprocessing.synchronize import Barrier

SEED = 20260206
"""The day on which an exchange credited 620,000 BTC instead of KRW 620,000."""
PARTICIPANTS = 10_000
POOL = 0
FROM_POOL = 0.1
"""The part of transfers that the pool credits: a stipend comes now and then, participants pay each other in between."""
MAX_UNITS = 10_000
OPENING_UNITS = 10**9
"""What each participant has to begin with: enough that no run ends at a floor, which is looked at all the same."""
DRAWN = 10_000
"""Transfers drawn at a time, so that drawing costs next to nothing."""
WAIT_S = 300.0
"""A worker that does not come for so long has failed."""


class Transfer(msgspec.Struct, frozen=True, gc=False):
    """So many least units from one account to another, by number."""

    giver: int
    taker: int
    units: int


Poster = Callable[[Sequence[Transfer]], None]
"""Posts these in one transaction, and returns when they are safe on disk."""
Opener = Callable[[str, str], "tuple[Poster, Callable[[], None]]"]
"""Opens one worker's connection, by address and the worker's name; returns how to post and how to finish."""
JointPoster = Callable[[Sequence[Transfer]], Awaitable[None]]
JointOpener = Callable[[str, str], "Awaitable[tuple[JointPoster, Callable[[], Awaitable[None]]]]"]
"""The same for all workers of one process at once, which are coroutines."""


@dataclass(frozen=True)
class Load:
    """So many workers for so many seconds, each with so many transfers in a transaction.

    A worker is a process of its own, or, with a :data:`JointOpener`, a coroutine of one process that all of them share.
    """

    workers: int
    per_commit: int
    seconds: float
    are_joined: bool = False


def transfers(seed: int, worker: int, participants: int = PARTICIPANTS) -> Iterator[Transfer]:
    """One worker's transfers without end: between two participants, or from the pool to one."""
    rng = np.random.default_rng([seed, worker])
    while True:
        takers = rng.integers(1, participants, DRAWN, endpoint=True)
        # Anyone but the taker: so many places further round.
        givers = 1 + (takers - 1 + rng.integers(1, participants, DRAWN)) % participants
        givers[rng.random(DRAWN) < FROM_POOL] = POOL
        units = rng.integers(1, MAX_UNITS, DRAWN, endpoint=True)
        yield from map(Transfer, givers.tolist(), takers.tolist(), units.tolist())


def measure(dsn: str, opener: Opener | JointOpener, load: Load, seed: int = SEED) -> float:
    """Transfers per second of all workers together, from the common start until the last has finished its work."""
    context = get_context("spawn")
    teams = [range(load.workers)] if load.are_joined else [range(number, number + 1) for number in range(load.workers)]
    work = _work_together if load.are_joined else _work
    line = context.Barrier(len(teams) + 1, timeout=WAIT_S)
    counts: Queue[int] = context.Queue()
    workers = [
        context.Process(target=work, args=(dsn, opener, load, seed, team, line, counts), daemon=True) for team in teams
    ]
    for worker in workers:
        worker.start()
    line.wait()
    begin = time.perf_counter()
    done = sum(_count(counts, workers) for _ in workers)
    seconds = time.perf_counter() - begin
    for worker in workers:
        worker.join()
    return done / seconds


def _count(counts: Queue[int], workers: Sequence[SpawnProcess]) -> int:
    """What the next worker has done; a worker that failed ends the benchmark."""
    while True:
        with suppress(Empty):
            return counts.get(timeout=1)
        if any(worker.exitcode for worker in workers):
            raise SystemExit("A worker of the benchmark has failed; what it said stands above.")


def _work(dsn: str, opener: Opener, load: Load, seed: int, team: range, line: Barrier, counts: Queue[int]) -> None:
    """What one process does that is a worker, begun when all processes are ready."""
    post, finish = opener(dsn, _name(load, seed, team))
    drawn = transfers(seed, team.start)
    _settle()
    line.wait()
    done = 0
    end = time.perf_counter() + load.seconds
    while time.perf_counter() < end:
        post(list(islice(drawn, load.per_commit)))
        done += load.per_commit
    finish()
    counts.put(done)


def _work_together(
    dsn: str, opener: JointOpener, load: Load, seed: int, team: range, line: Barrier, counts: Queue[int]
) -> None:
    """What one process does whose coroutines are workers."""

    async def work_all() -> int:
        post, finish = await opener(dsn, _name(load, seed, team))
        _settle()
        line.wait()
        end = time.perf_counter() + load.seconds
        done = sum(await asyncio.gather(*(_post(post, load, transfers(seed, number), end) for number in team)))
        await finish()
        return done

    counts.put(asyncio.run(work_all()))


async def _post(post: JointPoster, load: Load, drawn: Iterator[Transfer], end: float) -> int:
    done = 0
    while time.perf_counter() < end:
        await post(list(islice(drawn, load.per_commit)))
        done += load.per_commit
    return done


def _name(load: Load, seed: int, team: range) -> str:
    return f"{seed}-{load.workers}x{load.per_commit}-{team.start}"


def _settle() -> None:
    """As a process does that has come up: what stays is not looked through again."""
    gc.collect()
    gc.freeze()

"""Two policies over the same cases: many cases in two processes, one a policy."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection

from zakhira.controls.analysis.cases import Case, Outcome, replay
from zakhira.programme.model import Policy

WORTH_A_PROCESS = 10_000
"""Cases from which a second process is worth its start and the way of its answers back [E]: about a second of work."""
Report = Callable[[int, int], None]


def replay_both(
    old: Policy, new: Policy, cases: Sequence[Case], report: tuple[Report, Report]
) -> tuple[list[Outcome], list[Outcome]]:
    """How both end every case; ``report`` hears how far each is. The answers do not depend on the processes."""
    if len(cases) < WORTH_A_PROCESS or (os.cpu_count() or 1) == 1:
        return replay(old, cases, report[0]), replay(new, cases, report[1])
    # Forked, so that the cases are there without being sent.
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    other = context.Process(target=_work, args=(new, cases, there), daemon=True)
    other.start()
    there.close()
    found: list[list[Outcome]] = []

    def both(done: int, total: int) -> None:
        report[0](done, total)
        _hear(here, report[1], found)

    try:
        before = replay(old, cases, both)
        while not found:
            if not _hear(here, report[1], found, wait=True):
                # It died, for want of memory perhaps: what it should have done is done here.
                return before, replay(new, cases, report[1])
        return before, found[0]
    finally:
        here.close()
        other.join(1)
        if other.is_alive():
            other.terminate()


def _work(policy: Policy, cases: Sequence[Case], out: Connection) -> None:
    # Whoever interrupts the command interrupts the parent, which ends this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    ends = replay(policy, cases, lambda done, total: out.send((done, total)))
    out.send(ends)
    out.close()


def _hear(here: Connection, report: Report, found: list[list[Outcome]], *, wait: bool = False) -> bool:
    """Take what the other process has said so far, or wait for its next word; False where it is gone."""
    try:
        while not found and (wait or here.poll()):
            told = here.recv()
            if isinstance(told, list):
                found.append(told)
            else:
                report(*told)
            wait = False
    except (EOFError, OSError):
        return False
    return True

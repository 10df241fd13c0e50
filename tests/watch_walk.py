"""A watch over a chain with three thefts, in a process that can be killed at any statement or delivery."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from custody_drill import CHAIN, COLD, NOW
from tower_drill import LOOK_AHEAD, THIEF, Tower, make_terms, signed_spend
from zakhira.adapters.watch_store import WatchStore
from zakhira.kernel.canonical import Json
from zakhira.watch.look import BLOCKS_AT_ONCE, Eyes, look
from zakhira.watch.places import Places
from zakhira.watch.ports import Heartbeat
from zakhira.watch.step import Watch
from zakhira.wiring.watch_courier import deliver_due

THEFTS = (10, BLOCKS_AT_ONCE + 10, 2 * BLOCKS_AT_ONCE + 10)
"""Each is seen in a step of its own."""
NAME = "file"


class Killer:
    """Ends this process at the n-th place that it passes, as kill -9 does."""

    def __init__(self, kill_at: int) -> None:
        self.passed = 0
        self._kill_at = kill_at

    def __call__(self, _what: str) -> None:
        """A place is passed."""
        self.passed += 1
        if self.passed == self._kill_at:
            os.kill(os.getpid(), signal.SIGKILL)


class FileNotifier:
    """Appends each notice to a file, with places to be killed before and after."""

    name = NAME

    def __init__(self, path: Path, killer: Killer) -> None:
        self._path, self._killer = path, killer

    def send(self, notice: Mapping[str, Json]) -> None:
        """Write one line."""
        self._killer("before sending")
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(notice) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self._killer("after sending")


def made_chain() -> Tower:
    """The same chain each time: three coins, and three thefts far apart."""
    tower = Tower(make_terms())
    held = tower.fund(COLD, 1_000_000, 2_000_000, 3_000_000)
    for coin, height in zip(held, THEFTS, strict=True):
        while len(tower.node.chain) < height:
            tower.node.mine(tower.now)
        theirs = tower.instruction(f"theirs-{height}", (coin,), to=THIEF)
        tower.node.mine(tower.now, signed_spend(theirs, (coin,)))
    return tower


def walk(tower: Tower, state_file: Path, out: Path, kill_at: int) -> int:
    """Watch to the tip and deliver; how many places were passed."""
    killer = Killer(kill_at)
    store = WatchStore(state_file)
    state = store.load()
    store.trace(killer)
    places = Places([record.vault for record in tower.terms.vaults], CHAIN, look_ahead=LOOK_AHEAD)
    watch = Watch(tower.terms, places)
    tower.source.heartbeat = Heartbeat(NOW, 0, "00" * 32)
    eyes = Eyes(lambda: tower.node, lambda: tower.source)
    notifier = FileNotifier(out, killer)
    now = NOW
    while True:
        now += timedelta(seconds=1)
        seen = look(state, eyes, places, 0, now)
        stepped = watch.step(state, seen)
        store.save(stepped.state, stepped.notices, [NAME], now)
        state = stepped.state
        at = now
        deliver_due(store, notifier, lambda at=at: at)  # type: ignore[misc]  # bound
        if len(seen.blocks) < BLOCKS_AT_ONCE:
            break
    store.close()
    return killer.passed


def walk_in_its_own_process(tower: Tower, state_file: Path, out: Path, kill_at: int) -> tuple[int, int]:
    """The same in a copy of this process; its exit code (below 0: the signal) and how many places were passed."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.write(writer, str(walk(tower, state_file, out, kill_at)).encode())
            code = 0
        finally:
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader, "rb") as told:
        passed = told.read()
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), int(passed or b"0")

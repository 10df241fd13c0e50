"""The watch as it runs: look, step, keep, tell; again and again, or once."""

from __future__ import annotations

import contextlib
import fcntl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from zakhira.adapters.bitcoind.follow import BitcoindFollower
from zakhira.adapters.bitcoind.node_view import open_rpc
from zakhira.adapters.bitcoind.watch_node import WatchNode
from zakhira.adapters.metrics.sample import Metric, ReadyCheck, Sample
from zakhira.adapters.metrics.server import MetricsServer
from zakhira.adapters.postgres.watch_source import PostgresSource
from zakhira.adapters.signed_folder import FolderSource
from zakhira.adapters.watch_store import Box, WatchStore
from zakhira.kernel.errors import OutsideFailure
from zakhira.watch.alarm import Alarm, AlarmKind, Notice, Raised, Severity
from zakhira.watch.look import BLOCKS_AT_ONCE, Eyes, Seen, look
from zakhira.watch.places import OwnPlace, Places
from zakhira.watch.ports import SecondNode, SignedSource, WatchedNode
from zakhira.watch.state import WatchState
from zakhira.watch.step import Watch
from zakhira.watch.terms import WatchTerms
from zakhira.wiring.reserve_folder import NodeAddress
from zakhira.wiring.watch_courier import Clock, Courier, deliver_due, notifiers_of
from zakhira.wiring.watch_folder import STATE_FILE, WatchSettings, WatchUnreadable

LOCK_FILE = "watch.lock"
RPC_TIMEOUT_S = 10.0
"""A node that takes longer for one answer counts as down."""
KEEP_EVERY_S = 5.0
"""Instants alone (the mempool was looked at) are kept this often; everything else at once."""

ALARMS = Metric("zakhira_watch_alarms", "Alarms that hold now.", labels=("severity",))
ALARM = Metric("zakhira_watch_alarm", "1 for each alarm that holds now.", labels=("code", "key"))
HEIGHT = Metric("zakhira_watch_height_blocks", "Height of the last block that the watchtower has looked through.")
LOOKED = Metric("zakhira_watch_last_look_age_seconds", "Seconds since the watchtower last finished a look.")
WAITING = Metric("zakhira_watch_notices_waiting", "Notices that wait to be delivered.", labels=("notifier",))
DROPPED = Metric(
    "zakhira_watch_notices_dropped_total", "Notices that found no room.", kind="counter", labels=("notifier",)
)
WATCH_METRICS = (ALARMS, ALARM, HEIGHT, LOOKED, WAITING, DROPPED)


class WatchBusy(OutsideFailure):
    """Another process keeps this watch."""

    code = "ZK-WIRING-094"


Part = TypeVar("Part")
Say = Callable[[Notice], None]


class _Kept(Generic[Part]):
    """A part that is opened when it is first needed, and again after it could not be opened."""

    def __init__(self, make: Callable[[], Part]) -> None:
        self._make = make
        self._part: Part | None = None

    def __call__(self) -> Part:
        """The part; raises what opening it raises."""
        if self._part is None:
            self._part = self._make()
        return self._part


def _node(address: NodeAddress, chain: str) -> WatchedNode:
    return WatchNode(open_rpc(address.url, address.cookie, chain=chain, timeout_s=RPC_TIMEOUT_S))


def _second(address: NodeAddress, chain: str) -> SecondNode:
    return BitcoindFollower(open_rpc(address.url, address.cookie, chain=chain, timeout_s=RPC_TIMEOUT_S))


def source_of(settings: WatchSettings) -> SignedSource:
    """Where signed instructions are read."""
    if settings.folder is not None:
        return FolderSource(settings.folder)
    return PostgresSource(settings.database)


def eyes_of(settings: WatchSettings) -> Eyes:
    """What the watch looks with; nothing is opened yet."""
    second = settings.second_node
    return Eyes(
        node=_Kept(lambda: _node(settings.node, settings.chain)),
        source=_Kept(lambda: source_of(settings)),
        second=None if second is None else _Kept(lambda: _second(second, settings.chain)),
    )


@dataclass
class _Told:
    """What a scrape from another thread may read."""

    raised: dict[str, Raised]
    height: int
    looked_at: float
    boxes: tuple[Box, ...]


class WatchRun:
    """One process' watch over a folder."""

    def __init__(self, root: Path, settings: WatchSettings, terms: WatchTerms, say: Say, clock: Clock) -> None:
        self._settings, self._terms, self._say, self._clock = settings, terms, say, clock
        self._path = root / STATE_FILE
        self._store = WatchStore(self._path)
        self._state = self._store.load()
        self._places = places_of(terms, settings.look_ahead, self._state)
        self._watch = Watch(terms, self._places)
        self._eyes = eyes_of(settings)
        self._notifiers = notifiers_of(settings)
        self._names = [notifier.name for notifier in self._notifiers]
        self._kept_at = 0.0
        self._lock = threading.Lock()
        self._told = _Told({}, -1, 0.0, ())

    def close(self) -> None:
        """Close the state's file."""
        self._store.close()

    @property
    def state(self) -> WatchState:
        """As of the last turn."""
        return self._state

    def forever(self) -> None:
        """Watch until interrupted."""
        courier = Courier(self._path, self._notifiers, self._clock)
        try:
            while True:
                started = time.monotonic()
                seen, notices = self.turn()
                if notices:
                    courier.wake()
                if len(seen.blocks) < BLOCKS_AT_ONCE:
                    time.sleep(max(0.0, self._settings.poll_s - (time.monotonic() - started)))
        finally:
            courier.close()

    def once(self) -> None:
        """Watch until the node's tip, and deliver what there is to tell."""
        while len(self.turn()[0].blocks) == BLOCKS_AT_ONCE:
            pass
        for notifier in self._notifiers:
            deliver_due(self._store, notifier, self._clock)

    def turn(self) -> tuple[Seen, Sequence[Notice]]:
        """One look and one step; what is new is on disk before it is told."""
        seen = look(self._state, self._eyes, self._places, self._terms.start_height, self._clock())
        boxes = self._store.boxes(self._names)
        stepped = self._watch.step(self._state, seen, full_boxes(boxes))
        self._keep(stepped.state, stepped.notices, seen)
        for notice in stepped.notices:
            self._say(notice)
        with self._lock:
            self._told = _Told(dict(stepped.state.raised), stepped.state.height, time.monotonic(), boxes)
        return seen, stepped.notices

    def _keep(self, state: WatchState, notices: Sequence[Notice], seen: Seen) -> None:
        before, now = self._state, time.monotonic()
        parts = ("blocks", "coins", "spends", "lost", "signed", "acts", "read", "vetoes", "missing")
        is_news = bool(notices) or any(getattr(before, part) is not getattr(state, part) for part in parts)
        if is_news or now - self._kept_at >= KEEP_EVERY_S:
            self._store.save(state, notices, self._names, seen.at)
            self._kept_at = now
        self._state = state

    def samples(self) -> Sequence[Sample]:
        """Figures for a scrape, from any thread."""
        with self._lock:
            told = self._told
        alarms = [raised.alarm for raised in told.raised.values()]
        return (
            *(
                ALARMS.sample(sum(alarm.kind.severity is severity for alarm in alarms), severity=severity.value)
                for severity in Severity
            ),
            *(ALARM.sample(1, code=alarm.kind.code, key=alarm.key) for alarm in alarms),
            HEIGHT.sample(told.height),
            LOOKED.sample(time.monotonic() - told.looked_at if told.looked_at else float("inf")),
            *(WAITING.sample(box.waiting, notifier=box.notifier) for box in told.boxes),
            *(DROPPED.sample(box.dropped, notifier=box.notifier) for box in told.boxes),
        )

    def ready(self) -> Sequence[ReadyCheck]:
        """Whether the watch looks at its chain at all."""
        with self._lock:
            told = self._told
        down = told.raised.get("node down")
        detail = down.alarm.sentence if down else f"looked through block {told.height}"
        return (ReadyCheck("chain", is_ready=down is None and told.looked_at > 0, detail=detail),)


def full_boxes(boxes: Sequence[Box]) -> tuple[Alarm, ...]:
    """An alarm for each notifier that notices found no room with."""
    return tuple(
        Alarm(
            AlarmKind.OUTBOX_FULL,
            f"outbox:{box.notifier}",
            f"Notices to {box.notifier} found no room: the outbox is full because none is delivered. {box.trouble}",
        )
        for box in boxes
        if box.dropped and box.waiting
    )


def places_of(terms: WatchTerms, look_ahead: int, state: WatchState) -> Places:
    """The scripts to watch: those of the copy, and further where coins were seen."""
    places = Places([record.vault for record in terms.vaults], terms.chain, terms.last_places, look_ahead)
    for coin in state.coins.values():
        if coin.vault in places.vaults:
            places.use(OwnPlace(coin.vault, coin.branch, coin.index))
    return places


@contextlib.contextmanager
def keeping(root: Path, settings: WatchSettings, terms: WatchTerms, say: Say, clock: Clock) -> Iterator[WatchRun]:
    """The run over a folder, which no other process keeps meanwhile. Raises WatchBusy, WatchStoreUnusable."""
    try:
        lock = (root / LOCK_FILE).open("a")
    except OSError as error:
        raise WatchUnreadable(f"{root} cannot be written: {error.strerror}.", "Look at its rights.") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise WatchBusy(f"Another process keeps the watch of {root}.", "End it first, or leave it be.") from None
        run = WatchRun(root, settings, terms, say, clock)
        try:
            yield run
        finally:
            run.close()


@contextlib.contextmanager
def served(run: WatchRun, port: int | None, note: Callable[[str], None]) -> Iterator[None]:
    """Metrics meanwhile, where a port is named; raises CannotListen."""
    if port is None:
        yield
        return
    with MetricsServer(run.samples, run.ready, port=port) as server:
        note(f"Metrics: {server.url}/metrics")
        yield

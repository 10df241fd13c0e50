"""Delivers notices beside the watch: a receiver that is slow or away never holds the eyes up."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from zakhira.adapters.notify.mail import Mail
from zakhira.adapters.notify.webhook import Webhook
from zakhira.adapters.watch_store import WatchStore
from zakhira.kernel.errors import ZakhiraError
from zakhira.watch.delivery import wait_after
from zakhira.watch.ports import Notifier
from zakhira.wiring.watch_folder import MailBox, WatchSettings

_REST_S = 60.0
_JOIN_S = 30.0

Clock = Callable[[], datetime]


def notifiers_of(settings: WatchSettings) -> tuple[Notifier, ...]:
    """The ways to tell people that the settings name; raises BadWebhook."""
    hooks = [Webhook(hook.name, hook.url, _bytes_of(hook.secret_file)) for hook in settings.webhooks]
    return (*hooks, *(_mail(box) for box in settings.mails))


def _bytes_of(path: Path) -> Callable[[], bytes]:
    return lambda: path.read_bytes().strip()


def _mail(box: MailBox) -> Mail:
    file = box.password_file
    return Mail(box.settings, None if file is None else lambda: file.read_text(encoding="utf-8").strip())


class Courier:
    """A thread for each notifier, with a connection of its own to the state's file."""

    def __init__(self, path: Path, notifiers: Sequence[Notifier], clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._ended = threading.Event()
        self._news = {notifier.name: threading.Event() for notifier in notifiers}
        self._threads = [
            threading.Thread(target=self._serve, args=(notifier,), name=f"notify {notifier.name}", daemon=True)
            for notifier in notifiers
        ]
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """There is something to deliver."""
        for event in self._news.values():
            event.set()

    def close(self) -> None:
        """Let each thread end what it is sending."""
        self._ended.set()
        self.wake()
        for thread in self._threads:
            thread.join(_JOIN_S)

    def _serve(self, notifier: Notifier) -> None:
        # A file that cannot be used ends the watch itself, which tells of it.
        with contextlib.suppress(ZakhiraError):
            store = WatchStore(self._path)
            try:
                self._deliver(store, notifier)
            finally:
                store.close()

    def _deliver(self, store: WatchStore, notifier: Notifier) -> None:
        while not self._ended.is_set():
            deliver_due(store, notifier, self._clock, self._ended.is_set)
            due = store.next_due(notifier.name)
            rest = _REST_S if due is None else (due - self._clock()).total_seconds()
            self._news[notifier.name].wait(max(0.05, min(rest, _REST_S)))
            self._news[notifier.name].clear()


def deliver_due(
    store: WatchStore, notifier: Notifier, clock: Clock, is_over: Callable[[], bool] = lambda: False
) -> None:
    """Send all that is due, what has the most haste first; what fails is put off for longer, the rest is tried."""
    while not is_over():
        one = store.due(notifier.name, clock())
        if one is None:
            return
        try:
            notifier.send(one.notice)
        except ZakhiraError as error:
            store.failed(one, clock() + wait_after(one.tries + 1), error.message)
        else:
            store.delivered(one)

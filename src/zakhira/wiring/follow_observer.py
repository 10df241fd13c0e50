"""What somebody beside the follower learns of its turns: figures for a scrape, and lines for a log."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, cast

from zakhira.adapters.log.journal import Journal
from zakhira.adapters.metrics.reserve import FollowerFigures
from zakhira.kernel.canonical import Json
from zakhira.kernel.errors import ZakhiraError


class FollowObserver(Protocol):
    """Told of every turn, from the follower's own thread; raises nothing."""

    def turned(self, facts: Mapping[str, Json] | None) -> None:
        """A turn was finished; ``facts`` are what was news, None where nothing was."""

    def failed(self, error: ZakhiraError) -> None:
        """A turn could not be finished."""


class Unobserved:
    """Nobody looks."""

    def turned(self, facts: Mapping[str, Json] | None) -> None:
        """Say nothing."""

    def failed(self, error: ZakhiraError) -> None:
        """Say nothing."""


UNOBSERVED: FollowObserver = Unobserved()


class Instruments:
    """Counts the turns for a scrape of another thread, and writes what happened into a log."""

    def __init__(self, journal: Journal, clock: Callable[[], float] = time.monotonic) -> None:
        self._journal, self._clock = journal, clock
        self._lock = threading.Lock()
        self._turns, self._turned_at = 0, 0.0
        self._errors: Counter[str] = Counter()
        self._trouble = ""

    def figures(self) -> FollowerFigures:
        """How the follower does; from any thread."""
        with self._lock:
            since_s = self._clock() - self._turned_at if self._turns else None
            return FollowerFigures(self._turns, since_s, dict(self._errors))

    def turned(self, facts: Mapping[str, Json] | None) -> None:
        """Count the turn, and log what was news."""
        with self._lock:
            self._turns, self._turned_at = self._turns + 1, self._clock()
        if self._trouble:
            self._trouble = ""
            self._journal.info("following again")
        if facts is not None:
            log_turn(self._journal, facts)

    def failed(self, error: ZakhiraError) -> None:
        """Count the error; log it when it is another one than the last."""
        with self._lock:
            self._errors[error.code] += 1
        if error.message != self._trouble:
            self._trouble = error.message
            self._journal.failure(error)

    def ended(self, error: ZakhiraError) -> None:
        """An error ended the following."""
        if error.message != self._trouble:
            self._journal.failure(error)
        self._journal.error("following ended", code=error.code)


_PLAIN = ("height", "hash", "blocks_connected", "blocks_taken_back", "coins_arrived", "coins_spent")
_ALARMS = {
    "unexplained_spends": "coin spent by somebody else",
    "unexplained_in_mempool": "coin would be spent by somebody else",
    "lost": "coin lost to a reorganisation",
}
_NOTICES = {"flagged": "coin noticed", "stuck": "coin could not be judged"}


def log_turn(journal: Journal, facts: Mapping[str, Json]) -> None:
    """One line for the turn, one for each thing that somebody should look at."""
    plain = {name: facts[name] for name in _PLAIN if name in facts}
    say = journal.warning if facts.get("blocks_taken_back") else journal.info
    say("turn", **plain)
    for name, event in _ALARMS.items():
        for item in _items(facts, name):
            journal.error(event, what=item)
    for name, event in _NOTICES.items():
        for item in _items(facts, name):
            journal.warning(event, what=item)
    backing = cast("Mapping[str, Json]", facts.get("backing", {}))
    if backing.get("deficit_sats"):
        journal.error("claims above coins", claims_sats=_owed(backing), deficit_sats=backing["deficit_sats"])
    elif backing.get("is_halted"):
        journal.warning("credits are halted", claims_sats=_owed(backing))
    for happened, spends in cast("Mapping[str, Json]", facts.get("spends", {})).items():
        for spend in cast("Sequence[Json]", spends):
            journal.info("spend", what=happened, spend=spend)


def _owed(backing: Mapping[str, Json]) -> int:
    return cast("int", backing["demand_sats"]) + cast("int", backing["term_sats"])


def _items(facts: Mapping[str, Json], name: str) -> Sequence[Json]:
    return cast("Sequence[Json]", facts.get(name, ()))

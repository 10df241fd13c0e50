"""Movements in memory: sorted by time for each scope, with running sums, so that any span is two look-ups."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import attrgetter

from zakhira.controls.holds import LOT_PURPOSE
from zakhira.controls.movements import Moved, Movement
from zakhira.kernel.interval import require_utc
from zakhira.kernel.money import Commodity

_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_MICROSECOND = timedelta(microseconds=1)
_Place = tuple[Commodity, str, str]
"""Commodity, scope and key."""


def _instant(at: datetime) -> int:
    return (require_utc(at) - _EPOCH) // _MICROSECOND


@dataclass
class _Track:
    """The movements of one place in order of time. Entry n of a running sum counts the first n movements."""

    times: list[int] = field(default_factory=list)
    units: list[int] = field(default_factory=lambda: [0])
    matters: list[int] = field(default_factory=lambda: [0])
    seen: set[str] = field(default_factory=set)

    def append(self, moment: int, movement: Movement) -> None:
        self.times.append(moment)
        self.units.append(self.units[-1] + movement.units)
        is_new = movement.id not in self.seen
        self.seen.add(movement.id)
        self.matters.append(self.matters[-1] + is_new)

    def between(self, since: int, until: int) -> Moved:
        """Sums over ``since < moment <= until``."""
        first, last = bisect_right(self.times, since), bisect_right(self.times, until)
        if last <= first:
            return Moved(0, 0)
        return Moved(self.units[last] - self.units[first], self.matters[last] - self.matters[first])


class MovementLog:
    """Implements :class:`zakhira.controls.movements.Movements`. All movements of a matter have one id and one time.

    A place is summed up when it is first asked for, and kept up from then on: building takes one sort, appending in
    order of time a few steps. A movement that comes late, or one that is taken out, sums its places up anew.
    """

    def __init__(self, movements: Iterable[Movement] = ()) -> None:
        self._movements = sorted(movements, key=attrgetter("at"))
        self._by_matter: dict[str, list[Movement]] = {}
        self._tracks: dict[_Place, _Track] = {}
        self._rows: dict[_Place, list[Movement]] | None = None
        for movement in self._movements:
            self._by_matter.setdefault(movement.id, []).append(movement)

    def __len__(self) -> int:
        return len(self._movements)

    def append(self, movement: Movement) -> None:
        """Add one movement; cheap if it is the latest."""
        is_late = bool(self._movements) and require_utc(movement.at) < self._movements[-1].at
        self._movements.append(movement)
        self._by_matter.setdefault(movement.id, []).append(movement)
        if is_late:
            self._movements.sort(key=attrgetter("at"))
            self._rows = None
            self._tracks.clear()
            return
        for place in _places(movement):
            if self._rows is not None:
                self._rows.setdefault(place, []).append(movement)
            if place in self._tracks:
                self._tracks[place].append(_instant(movement.at), movement)

    def remove(self, matter: str) -> None:
        """Take out a matter that ended without paying; nothing happens if it is not there."""
        if self._by_matter.pop(matter, None) is not None:
            self._movements = [kept for kept in self._movements if kept.id != matter]
            self._rows = None
            self._tracks.clear()

    def moved(
        self,
        commodity: Commodity,
        since: datetime,
        until: datetime,
        *,
        scope: str,
        key: str = "",
        but: str = "",
    ) -> Moved:
        """What was allowed in ``since < at <= until``; see the Protocol."""
        place = (commodity, scope, "" if scope == "programme" else key)
        found = self._track(place).between(_instant(since), _instant(until))
        own = [
            movement
            for movement in self._by_matter.get(but, ())
            if since < movement.at <= until and place in _places(movement)
        ]
        return Moved(found.units - sum(movement.units for movement in own), found.matters - bool(own)) if own else found

    def _track(self, place: _Place) -> _Track:
        track = self._tracks.get(place)
        if track is None:
            if self._rows is None:
                self._rows = _rows(self._movements)
            track = self._tracks[place] = _Track()
            for movement in self._rows.get(place, ()):
                track.append(_instant(movement.at), movement)
        return track


def _rows(movements: Iterable[Movement]) -> dict[_Place, list[Movement]]:
    rows: dict[_Place, list[Movement]] = {}
    for movement in movements:
        for place in _places(movement):
            rows.setdefault(place, []).append(movement)
    return rows


def _places(movement: Movement) -> Iterator[_Place]:
    """Every place that the movement counts in."""
    commodity = movement.commodity
    yield commodity, "vault", movement.vault
    yield commodity, "destination", movement.destination
    yield commodity, "purpose", movement.purpose
    yield commodity, "programme", ""
    if movement.action == "spend":
        for purpose in dict.fromkeys(movement.lot_purposes):
            yield commodity, LOT_PURPOSE, purpose

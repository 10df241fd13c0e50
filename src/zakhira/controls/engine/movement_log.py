"""Movements in memory: sorted by time for each place, with running sums, so that any span is two look-ups."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate, compress
from operator import attrgetter
from typing import Any

from zakhira.controls.engine.holds import LOT_PURPOSE
from zakhira.controls.engine.movements import Moved, Movement
from zakhira.kernel.interval import require_utc
from zakhira.kernel.money import Commodity
from zakhira.programme.policy import WINDOW_SCOPES

PROGRAMME = "programme"
SCOPES = (*WINDOW_SCOPES, LOT_PURPOSE)
"""What movements are summed over."""
_Place = tuple[str, str, str]
"""Scope, commodity and key, as texts: the hash of a text is kept, that of an enumeration's member is not."""
_AT = attrgetter("at")


class _Columns:
    """Movements in order of time, a list for each field: half a million small objects would slow down whoever waits."""

    def __init__(self, movements: Sequence[Movement]) -> None:
        self.ids = [movement.id for movement in movements]
        self.at = [require_utc(movement.at) for movement in movements]
        self.units = [movement.units for movement in movements]
        self.commodities = [movement.commodity.value for movement in movements]
        self.actions = [movement.action for movement in movements]
        self.names = {
            "vault": [movement.vault for movement in movements],
            "destination": [movement.destination for movement in movements],
            "purpose": [movement.purpose for movement in movements],
        }
        self.lots = [_lot_purposes(movement) for movement in movements]

    @property
    def lists(self) -> tuple[list[Any], ...]:
        """Every column."""
        return self.ids, self.at, self.units, self.commodities, self.actions, *self.names.values(), self.lots

    def insert(self, row: int, movement: Movement) -> None:
        """Put a movement before this row."""
        for column, other in zip(self.lists, _Columns((movement,)).lists, strict=True):
            column.insert(row, other[0])

    def drop(self, matter: str) -> None:
        """Take out all rows of a matter."""
        kept = [name != matter for name in self.ids]
        for column in self.lists:
            column[:] = compress(column, kept)

    def keys(self, row: int, scope: str) -> Sequence[str]:
        """What the row counts for in a scope."""
        if scope == PROGRAMME:
            return ("",)
        return self.lots[row] if scope == LOT_PURPOSE else (self.names[scope][row],)

    def split(self, scope: str) -> dict[_Place, list[int]]:
        """The rows of each place of a scope."""
        rows: dict[_Place, list[int]] = {}
        for row, commodity in enumerate(self.commodities):
            for key in self.keys(row, scope):
                rows.setdefault((scope, commodity, key), []).append(row)
        return rows


@dataclass
class _Track:
    """The movements of one place in order of time. Entry n of a running sum counts the first n movements."""

    times: list[datetime]
    units: list[int]
    matters: list[int]
    seen: set[str]

    @classmethod
    def of(cls, columns: _Columns, rows: Sequence[int]) -> _Track:
        """Sum up once."""
        ids, units = columns.ids, columns.units
        seen: set[str] = set()
        matters = [0]
        for row in rows:
            seen.add(ids[row])
            matters.append(len(seen))
        return cls(
            [columns.at[row] for row in rows], list(accumulate((units[row] for row in rows), initial=0)), matters, seen
        )

    def append(self, movement: Movement) -> None:
        """Go on by the latest."""
        self.times.append(movement.at)
        self.units.append(self.units[-1] + movement.units)
        self.seen.add(movement.id)
        self.matters.append(len(self.seen))

    def between(self, since: datetime, until: datetime) -> Moved:
        """Sums over ``since < at <= until``."""
        first, last = bisect_right(self.times, since), bisect_right(self.times, until)
        if last <= first:
            return Moved(0, 0)
        return Moved(self.units[last] - self.units[first], self.matters[last] - self.matters[first])


class MovementLog:
    """Implements :class:`zakhira.controls.engine.movements.Movements`. A matter's movements have one id and one time.

    Building takes one sort; a scope is split into its places, and a place summed up, when it is first asked for. An
    append in order of time keeps up what is summed. A movement that comes late, or a matter that is taken out, starts
    the sums anew.
    """

    def __init__(self, movements: Iterable[Movement] = ()) -> None:
        self._columns = _Columns(sorted(movements, key=_AT))
        self._times = dict(zip(self._columns.ids, self._columns.at, strict=True))
        self._rows: dict[str, dict[_Place, list[int]]] = {}
        self._tracks: dict[_Place, dict[tuple[str, ...], _Track]] = {}

    def __len__(self) -> int:
        return len(self._columns.ids)

    def append(self, movement: Movement) -> None:
        """Add one movement; cheap if it is the latest.

        Raises:
            NotUtc: its time is not in UTC.
        """
        columns = self._columns
        self._times[movement.id] = require_utc(movement.at)
        is_late = bool(columns.at) and movement.at < columns.at[-1]
        row = bisect_right(columns.at, movement.at) if is_late else len(self)
        columns.insert(row, movement)
        if is_late:
            self._start_anew()
            return
        for scope, places in self._rows.items():
            for key in columns.keys(row, scope):
                place = (scope, movement.commodity.value, key)
                places.setdefault(place, []).append(row)
                for actions, track in self._tracks.get(place, {}).items():
                    if not actions or movement.action in actions:
                        track.append(movement)

    def remove(self, matter: str) -> None:
        """Take out a matter that ended without paying; nothing happens if it is not there."""
        if self._times.pop(matter, None) is not None:
            self._columns.drop(matter)
            self._start_anew()

    def _start_anew(self) -> None:
        self._rows.clear()
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
        actions: tuple[str, ...] = (),
    ) -> Moved:
        """What was allowed in ``since < at <= until``; see the Protocol."""
        assert scope in SCOPES, f"{scope} is no scope"
        place = (scope, commodity.value, "" if scope == PROGRAMME else key)
        found = self._track(place, actions).between(require_utc(since), require_utc(until))
        when = self._times.get(but)
        if when is None or not since < when <= until:
            return found
        own = self._own_units(but, when, place, actions)
        return Moved(found.units - sum(own), found.matters - 1) if own else found

    def _own_units(self, matter: str, when: datetime, place: _Place, actions: tuple[str, ...]) -> list[int]:
        columns, (scope, commodity, key) = self._columns, place
        return [
            columns.units[row]
            for row in range(bisect_left(columns.at, when), bisect_right(columns.at, when))
            if columns.ids[row] == matter
            and columns.commodities[row] == commodity
            and key in columns.keys(row, scope)
            and (not actions or columns.actions[row] in actions)
        ]

    def _track(self, place: _Place, actions: tuple[str, ...]) -> _Track:
        by_actions = self._tracks.setdefault(place, {})
        track = by_actions.get(actions)
        if track is None:
            scope = place[0]
            if scope not in self._rows:
                self._rows[scope] = self._columns.split(scope)
            rows: Sequence[int] = self._rows[scope].get(place, ())
            if actions:
                rows = [row for row in rows if self._columns.actions[row] in actions]
            track = by_actions[actions] = _Track.of(self._columns, rows)
        return track


def _lot_purposes(movement: Movement) -> tuple[str, ...]:
    """Lots count where they leave: in spends outside."""
    return tuple(dict.fromkeys(movement.lot_purposes)) if movement.action == "spend" else ()

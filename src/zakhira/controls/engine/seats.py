"""Whether a quorum's seats can be filled: each by another office, each office by another person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from zakhira.programme.policy import Quorum

Seat = tuple[str, ...]
"""The roles of which one fills the seat."""
_Node = tuple[str, object]
_SINK: _Node = ("sink", 0)


def seats_of(quorums: Iterable[Quorum]) -> tuple[Seat, ...]:
    """One seat for each officer that the quorums ask for, in their order."""
    return tuple(quorum.roles for quorum in quorums for _ in range(quorum.count))


@dataclass
class Seating:
    """Seats to be filled by offices, which persons act through; every office and every person fills one at most.

    A flow of units from seats over offices to persons. As many seats as can be filled are, and of those as early ones
    as people can fill who had come before the first :meth:`fill`: a seat once filled stays filled.
    """

    seats: Sequence[Seat]
    roles: Mapping[str, Sequence[str]]
    """of each office"""
    _edges: dict[_Node, set[_Node]] = field(default_factory=dict)
    _filled: set[int] = field(default_factory=set)

    def add(self, person: str, offices: Iterable[str]) -> None:
        """Let ``person`` act through these offices as well."""
        for office in offices:
            inner, outer = ("office", office), ("office acts", office)
            if inner not in self._edges:
                self._edges[inner] = {outer}
                self._seat(office, inner)
            holder: _Node = ("person", person)
            if holder not in self._edges:
                self._edges[holder] = {_SINK}
            if outer not in self._edges.get(holder, ()):
                self._edges.setdefault(outer, set()).add(holder)

    def _seat(self, office: str, inner: _Node) -> None:
        held = set(self.roles.get(office, ()))
        for index, wanted in enumerate(self.seats):
            if held & set(wanted):
                self._edges.setdefault(("seat", index), set()).add(inner)

    def fill(self) -> tuple[int, ...]:
        """Fill what can be filled; the seats that stay empty, by their number."""
        for index in range(len(self.seats)):
            if index not in self._filled and self._augment(("seat", index), set()):
                self._filled.add(index)
        return tuple(index for index in range(len(self.seats)) if index not in self._filled)

    def _augment(self, node: _Node, seen: set[_Node]) -> bool:
        """Push one unit from ``node`` to the sink, turning the edges on its way."""
        if node == _SINK:
            return True
        seen.add(node)
        for following in sorted(self._edges.get(node, ()), key=str):
            if following not in seen and self._augment(following, seen):
                self._edges[node].discard(following)
                self._edges.setdefault(following, set()).add(node)
                return True
        return False

"""People behind officers: who can fill the places that a rule asks for, one person one place."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import combinations_with_replacement

from zakhira.controls.engine.people import people_of
from zakhira.programme.model import Policy
from zakhira.programme.policy import Rule

MOST_SETS = 20_000
"""Sets of people that are tried for one way: 12 kinds of people, 6 at a time, are 12,376."""


@dataclass(frozen=True)
class Place:
    """A place in a rule: what is done there, and by whom (no roles: by any officer)."""

    what: str
    """``proposes``, ``approves`` or ``executes``"""
    roles: frozenset[str]


def places_of(rule: Rule) -> tuple[Place, ...]:
    """The places that an allowing rule asks to be filled, each by another person."""
    places = [Place("proposes", frozenset(rule.propose_roles))]
    places += [Place("approves", frozenset(quorum.roles)) for quorum in rule.quorums for _ in range(quorum.count)]
    if rule.execute_roles:
        places.append(Place("executes", frozenset(rule.execute_roles)))
    return tuple(places)


@dataclass(frozen=True)
class Person:
    """One person with every office that they hold: the officer's id by role, the first office first."""

    id: str
    offices: Mapping[str, str]
    first: str
    """the id of the first office"""

    def fills(self, place: Place) -> bool:
        """Whether the person may stand in the place."""
        return not place.roles or not place.roles.isdisjoint(self.offices)

    def officer_at(self, place: Place) -> str:
        """As which officer."""
        return next((self.offices[role] for role in sorted(place.roles) if role in self.offices), self.first)


@dataclass(frozen=True)
class Staff:
    """Everybody who can act on a day."""

    people: tuple[Person, ...]

    @cached_property
    def by_id(self) -> Mapping[str, Person]:
        """The people by their ids."""
        return {person.id: person for person in self.people}

    def holders(self, roles: Collection[str]) -> tuple[Person, ...]:
        """Who holds one of the roles."""
        return tuple(person for person in self.people if not set(roles).isdisjoint(person.offices))

    def filled(
        self, places: Sequence[Place], among: Collection[str] | None = None
    ) -> tuple[tuple[Person, ...] | None, frozenset[str]]:
        """Fill every place with another person (augmenting paths, Kuhn 1955).

        Returns who stands in each place, or None; and in that case the people who were asked for the place that stays
        empty and for those that they fill already: fewer than the places that they would have to fill.
        """
        crew = [person for person in self.people if among is None or person.id in among]
        taken: dict[str, int] = {}
        for index in range(len(places)):
            asked: set[str] = set()
            if not _place(index, places, crew, taken, asked):
                return None, frozenset(asked)
        standing = {index: person for person, index in taken.items()}
        return tuple(self.by_id[standing[index]] for index in range(len(places))), frozenset()

    @cached_property
    def kinds(self) -> tuple[tuple[Person, ...], ...]:
        """People who hold the same roles, and can stand for one another."""
        kinds: dict[frozenset[str], list[Person]] = {}
        for person in self.people:
            kinds.setdefault(frozenset(person.offices), []).append(person)
        return tuple(tuple(group) for group in kinds.values())

    def crews(self, size: int) -> Iterator[frozenset[str]]:
        """Sets of ``size`` people that differ in the roles that they hold: one for each choice of kinds."""
        for chosen in combinations_with_replacement(range(len(self.kinds)), size):
            counts = {kind: chosen.count(kind) for kind in chosen}
            if all(count <= len(self.kinds[kind]) for kind, count in counts.items()):
                yield frozenset(person.id for kind, count in counts.items() for person in self.kinds[kind][:count])


def _place(index: int, places: Sequence[Place], crew: list[Person], taken: dict[str, int], asked: set[str]) -> bool:
    for person in crew:
        if person.id in asked or not person.fills(places[index]):
            continue
        asked.add(person.id)
        if person.id not in taken or _place(taken[person.id], places, crew, taken, asked):
            taken[person.id] = index
            return True
    return False


def staff_of(policy: Policy, day: date | None = None) -> Staff:
    """Everybody who can act; with a local day, deputies act for those they stand for, who are away themselves."""
    known = people_of(policy)
    acting: dict[str, str] = {}
    for item in policy.deputies:
        if day is not None and item.from_day <= day <= item.to_day and item.stands_for in known.officers:
            acting.setdefault(item.stands_for, item.officer)  # an office counts once, whoever stands in
    offices: dict[str, dict[str, str]] = {}
    first: dict[str, str] = {}
    for officer in known.officers:
        actor = acting.get(officer, officer)
        if actor not in known.persons or (actor in acting and actor != officer):
            continue
        person = known.persons[actor]
        first.setdefault(person, actor)
        for role in known.roles(officer):
            offices.setdefault(person, {}).setdefault(role, actor)
    return Staff(tuple(Person(name, held, first[name]) for name, held in offices.items()))


def staffs(policy: Policy) -> tuple[tuple[date | None, Staff], ...]:
    """The staff without deputies, and that of every day on which another set of deputies begins to stand in."""
    days = sorted({item.from_day for item in policy.deputies if item.from_day <= item.to_day})
    return ((None, staff_of(policy)), *((day, staff_of(policy, day)) for day in days))

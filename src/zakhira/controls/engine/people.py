"""Who is who: officers as persons, and the offices that they may act through on a day, deputies included."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from zakhira.programme.model import Officer, Policy
from zakhira.programme.policy import Deputy


@dataclass(frozen=True)
class People:
    """The officers of a policy. A person is named by the first of the officers that are that person."""

    officers: Mapping[str, Officer]
    persons: Mapping[str, str]
    """officer to person"""
    deputies: Mapping[str, tuple[Deputy, ...]]
    """by the officer who stands in"""
    zone: ZoneInfo = field(repr=False)

    def day(self, at: datetime) -> date:
        """The local day of an instant (UTC)."""
        return at.astimezone(self.zone).date()

    def offices(self, officer: str, at: datetime) -> tuple[str, ...]:
        """The officers in whose name ``officer`` may act at ``at``: itself, and those it stands for that local day.

        A deputy's deputy is none: who stands in for another cannot pass that on.
        """
        standing_in = self.deputies.get(officer, ())
        if not standing_in:
            return (officer,)
        day = self.day(at)
        return officer, *(
            deputy.stands_for
            for deputy in standing_in
            if deputy.from_day <= day <= deputy.to_day and deputy.stands_for in self.officers
        )

    def roles(self, officer: str) -> tuple[str, ...]:
        """The roles of the office itself."""
        known = self.officers[officer]
        return (known.role, *known.more_roles)

    def offices_with(self, officer: str, roles: tuple[str, ...], at: datetime) -> tuple[str, ...]:
        """The offices through which ``officer`` holds one of ``roles`` at ``at``; no roles asked for: all."""
        return tuple(
            office
            for office in self.offices(officer, at)
            if not roles or any(role in roles for role in self.roles(office))
        )

    def roles_at(self, officer: str, at: datetime) -> tuple[str, ...]:
        """All roles that the officer holds at ``at``, own ones first."""
        return tuple(dict.fromkeys(role for office in self.offices(officer, at) for role in self.roles(office)))

    def deputy_outside_dates(self, officer: str, roles: tuple[str, ...], at: datetime) -> Deputy | None:
        """A deputyship that would give one of ``roles``, had ``at`` been within its dates."""
        day = self.day(at)
        for deputy in self.deputies.get(officer, ()):
            outside = not deputy.from_day <= day <= deputy.to_day
            if outside and deputy.stands_for in self.officers and set(roles) & set(self.roles(deputy.stands_for)):
                return deputy
        return None


def people_of(policy: Policy) -> People:
    """The people of a policy: officers with one ``person``, or with one key, are one person."""
    deputies: dict[str, tuple[Deputy, ...]] = {}
    for deputy in policy.deputies:
        deputies[deputy.officer] = (*deputies.get(deputy.officer, ()), deputy)
    return People(
        {officer.id: officer for officer in policy.officers},
        _persons(policy.officers),
        deputies,
        ZoneInfo(policy.time_zone),
    )


def _persons(officers: tuple[Officer, ...]) -> dict[str, str]:
    """Union of all that share a person's name or a key, so that no chain of the two makes two persons of one."""
    parent = {officer.id: officer.id for officer in officers}

    def root(name: str) -> str:
        while parent[name] != name:
            name = parent[name]
        return name

    first: dict[tuple[str, str], str] = {}
    for officer in officers:
        for mark in (("person", officer.person or officer.id), ("key", officer.public_key.lower())):
            known = first.setdefault(mark, officer.id)
            parent[root(officer.id)] = root(known)
    return {officer.id: root(officer.id) for officer in officers}

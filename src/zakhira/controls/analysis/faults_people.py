"""Quorums that nobody can fill, and what one person or one role can do alone."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from zakhira.controls.analysis.cells import Cell, Deciders, Space
from zakhira.controls.analysis.crews import Place, Staff, places_of, staff_of, staffs
from zakhira.controls.analysis.finding import Finding, PolicyCause, Severity, Step
from zakhira.controls.analysis.words import listing
from zakhira.programme.model import Policy
from zakhira.programme.policy import Rule

_GUARDED = ("spend", "move", "payout", "policy-change", "thaw", "vault")
"""What nobody shall do alone. Taking a pending spend home moves nothing to anybody else."""
_ROLE_GUARDED = ("spend", "payout", "policy-change", "thaw", "vault")
"""What one role shall not do alone: moves between our own vaults are within one desk in many offices."""


def people_findings(policy: Policy, space: Space, deciders: Deciders) -> Iterator[Finding]:
    """Everything about who fills the places of the rules."""
    yield from _unfilled(policy, deciders)
    yield from _double_offices(policy)
    yield from _alone(policy, space, deciders)


def step_by(cell: Cell, rule: Rule, staff: Staff, among: frozenset[str] | None = None) -> Step | None:
    """A matter with people in all places of its rule; None where too few people are there."""
    places = places_of(rule)
    standing, _ = staff.filled(places, among)
    if standing is None:
        return None
    names = [person.officer_at(place) for person, place in zip(standing, places, strict=True)]
    approvers = [name for name, place in zip(names, places, strict=True) if place.what == "approves"]
    executor = names[-1] if places[-1].what == "executes" else ""
    return Step(cell, rule.id, names[0], tuple(approvers), executor)


def _unfilled(policy: Policy, deciders: Deciders) -> Iterator[Finding]:
    usual = staff_of(policy)
    for rule in deciders.rules:
        if rule.effect == "refuse":
            continue
        places = places_of(rule)
        approving = tuple(place for place in places if place.what == "approves")
        if usual.filled(approving)[0] is None:
            yield _too_few(rule, approving, usual)
        elif usual.filled(places)[0] is None:
            yield _no_other_person(rule, places, usual)
        else:
            yield from _without_the_absent(policy, rule, places)


def _too_few(rule: Rule, places: tuple[Place, ...], staff: Staff) -> Finding:
    """Those whom the places ask for together are fewer than the places (Hall 1935)."""
    short = _short_of(places, staff)
    roles = sorted({role for place in short for role in place.roles})
    people = staff.holders(roles)
    message = (
        f"Rule {rule.id} asks for {len(short)} {'approval' if len(short) == 1 else 'approvals'} by "
        f"{listing(roles, 'or')}; {_heads(len(people))} {'holds' if len(people) == 1 else 'hold'} that: "
        f"{listing(person.id for person in people) or 'nobody'}."
    )
    return Finding(PolicyCause.TOO_FEW_PEOPLE, Severity.FAULT, "rule", rule.id, "quorum", message)


def _short_of(places: tuple[Place, ...], staff: Staff) -> tuple[Place, ...]:
    """The places that the same too few people would have to fill."""
    asked = staff.filled(places)[1]
    among = [place for place in places if place.roles and {p.id for p in staff.people if p.fills(place)} <= asked]
    return tuple(among) or places


def _heads(count: int) -> str:
    return "1 person" if count == 1 else f"{count} people"


def _no_other_person(rule: Rule, places: tuple[Place, ...], staff: Staff) -> Finding:
    without_last, _ = staff.filled(places[:-1])
    executes = places[-1].what == "executes" and without_last is not None
    roles = listing(sorted(places[-1].roles if executes else places[0].roles), "or")
    what = "executes beside those who propose and approve" if executes else "proposes beside those who approve"
    message = f"Rule {rule.id} can never be met: nobody else with the role {roles} is left who {what}."
    key = "execute_roles" if executes else "propose_roles"
    return Finding(PolicyCause.NEVER_MET, Severity.FAULT, "rule", rule.id, key, message)


def _without_the_absent(policy: Policy, rule: Rule, places: tuple[Place, ...]) -> Iterator[Finding]:
    for day, staff in staffs(policy)[1:]:
        assert day is not None
        if staff.filled(places)[0] is None:
            acting = [item for item in policy.deputies if item.from_day <= day <= item.to_day]
            told = listing(f"{item.officer} stands for {item.stands_for}" for item in acting)
            message = f"From {day.isoformat()} {told}, and rule {rule.id} cannot be met: one person counts once."
            key = acting[-1].officer
            yield Finding(PolicyCause.DEPUTY_LEAVES_TOO_FEW, Severity.WARNING, "deputy", key, "from_day", message)


def _double_offices(policy: Policy) -> Iterator[Finding]:
    """Two officers of one name whom nothing marks as one person."""
    for one, other in combinations(policy.officers, 2):
        same_name = one.name.casefold().split() == other.name.casefold().split()
        if same_name and (one.person or one.id) != (other.person or other.id):
            message = f"{one.id} and {other.id} are both {one.name!r}, and count as two people in a quorum."
            yield Finding(PolicyCause.DOUBLE_OFFICE, Severity.WARNING, "officer", other.id, "person", message)


def _alone(policy: Policy, space: Space, deciders: Deciders) -> Iterator[Finding]:
    staff = staff_of(policy)
    seen: set[str] = set()
    for action in _GUARDED:
        for rule in deciders.rules:
            cell = None if rule.effect == "refuse" or rule.id in seen else deciders.example(rule, action, space)
            step = None if cell is None else step_by(cell, rule, staff)
            if cell is None or step is None:
                continue
            if len(step.officers) == 1:
                seen.add(rule.id)
                message = f"By rule {rule.id} one person alone can do a {cell}: {step.proposer}."
                yield Finding(
                    *(PolicyCause.ONE_PERSON, Severity.FAULT, "rule", rule.id, "quorum", message),
                    steps=(step,),
                    people=step.officers,
                )
            elif action in _ROLE_GUARDED and (found := _one_role(cell, rule, staff)) is not None:
                seen.add(rule.id)
                yield found


def _one_role(cell: Cell, rule: Rule, staff: Staff) -> Finding | None:
    places = places_of(rule)
    roles = sorted(set.union(*(set(place.roles) for place in places)))
    for role in roles:
        if not all(not place.roles or role in place.roles for place in places):
            continue
        crew = frozenset(person.id for person in staff.holders((role,)))
        step = step_by(cell, rule, staff, crew)
        if step is not None:
            message = f"By rule {rule.id} people with the role {role} alone can do a {cell}."
            return Finding(
                *(PolicyCause.ONE_ROLE, Severity.FAULT, "rule", rule.id, "quorum", message),
                steps=(step,),
                people=step.officers,
            )
    return None

"""Whose key somebody brings to a payout: an officer's that counts now, and of which person."""

from __future__ import annotations

from zakhira.controls.engine.people import people_of
from zakhira.flows.paying.desk import PayoutDesk
from zakhira.flows.paying.refusals import PayoutWordNotTaken
from zakhira.flows.ports.signing import OfficerKey


def require_key(desk: PayoutDesk, officer: OfficerKey) -> None:
    """Pass for the key of an officer of the policy in force that nobody revoked; raises PayoutWordNotTaken."""
    state, key = desk.in_force, officer.public_key.lower()
    known = next((item.public_key.lower() for item in state.version.policy.officers if item.id == officer.officer), "")
    if known != key or key in state.revoked:
        raise PayoutWordNotTaken(
            f"The key of {officer.officer} is no officer's key that counts now.", "Use the key of an officer."
        )


def require_not_frozen(desk: PayoutDesk) -> None:
    """Pass unless a freeze stands; raises PayoutWordNotTaken."""
    freeze = desk.in_force.standing.freeze
    if freeze is not None:
        raise PayoutWordNotTaken(
            f"The reserve is frozen by {freeze.officer}: {freeze.reason}", "Let a quorum thaw it before money moves."
        )


def persons_of(desk: PayoutDesk, *officers: str) -> tuple[str, ...]:
    """The persons behind these officers, in their order; whom the policy does not name stands for themselves."""
    persons = people_of(desk.in_force.version.policy).persons
    return tuple(persons.get(name, name) for name in officers)

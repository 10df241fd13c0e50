"""Keys of officers: proven to be held before a policy names them, and revoked at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from zakhira.controls.acts.authority import Authority
from zakhira.controls.acts.public_acts import (
    ENROLMENT_DOMAIN,
    REVOCATION_DOMAIN,
    Act,
    Enrolment,
    Revocation,
    enrolment_statement,
    revocation_statement,
)
from zakhira.flows.governing.acting import Chamber, record_act
from zakhira.flows.governing.refusals import UnknownKey
from zakhira.flows.ports.signing import OfficerKey
from zakhira.programme.model import Officer
from zakhira.programme.policy import Deputy


@dataclass(frozen=True)
class OfficerState:
    """An officer of the policy in force, or the holder of a key that no policy names yet (``officer`` is None then)."""

    id: str
    public_key: str
    officer: Officer | None
    deputies: tuple[Deputy, ...]
    """who stands in for the officer, and when"""
    offices: tuple[str, ...]
    """other offices of the same person"""
    enrolled_at: datetime | None
    revoked: Revocation | None


def enrol(chamber: Chamber, officer: OfficerKey) -> Enrolment:
    """The key signs that it is held, before a change of the policy can name it; again it changes nothing.

    Raises:
        KeyRevoked: it was revoked before.
    """
    key = officer.public_key.lower()

    def act(before: Authority, at: datetime) -> Act | None:
        if _enrolment(before, officer.officer, key) is not None:
            return None
        return Enrolment(
            officer.officer, key, officer.sign(ENROLMENT_DOMAIN, enrolment_statement(officer.officer, key, at)), at
        )

    found = _enrolment(record_act(chamber, officer.officer, "key enrolled", act), officer.officer, key)
    assert found is not None, "the enrolment was recorded"
    return found


def _enrolment(state: Authority, officer: str, key: str) -> Enrolment | None:
    return next((item for item in state.enrolments if (item.officer, item.public_key) == (officer, key)), None)


def revoke(chamber: Chamber, whose: str, reason: str, by: OfficerKey, *, key: str = "") -> Revocation:
    """End an officer's key at once: from now on it counts nowhere, whatever date it puts under something.

    ``key`` names one of several keys; empty, it is the one of the policy in force. No quorum becomes smaller by it. A
    new key comes by a change of the policy alone. The key of another person that is in force ends with a freeze of the
    reserve by the same act, and can still veto and freeze until a change drops it: nobody alone silences the others.

    Raises:
        UnknownKey: the officer never had such a key.
        NotAnOfficer, KeyRevoked, BadReason: who revokes, and why.
    """
    ended: list[str] = []

    def act(before: Authority, at: datetime) -> Act | None:
        gone = (key or _key_in_force(before, whose)).lower()
        ended.append(gone)
        if gone in before.revoked:
            return None
        signature = by.sign(REVOCATION_DOMAIN, revocation_statement(whose, gone, by.officer, reason, at))
        return Revocation(whose, gone, by.officer, reason, signature, at)

    after = record_act(chamber, by.officer, f"key revoked: {whose}", act, whatever_the_clock=True)
    return after.revoked[ended[-1]]


def _key_in_force(state: Authority, whose: str) -> str:
    officer = state.officer(whose)
    if officer is None:
        raise UnknownKey(
            f"{whose[:80]!r} is no officer of the policy in force.",
            "See whose keys there are: zakhira officer list DIR",
        )
    return officer.public_key


def officer_states(state: Authority) -> tuple[OfficerState, ...]:
    """Every officer of the policy in force, then the holders of enrolled keys that it does not name."""
    policy = state.version.policy
    persons = {officer.id: officer.person or officer.id for officer in policy.officers}
    found = []
    for officer in policy.officers:
        key = officer.public_key.lower()
        proof = _enrolment(state, officer.id, key)
        found.append(
            OfficerState(
                id=officer.id,
                public_key=key,
                officer=officer,
                deputies=tuple(item for item in policy.deputies if item.stands_for == officer.id),
                offices=tuple(
                    name for name, person in persons.items() if name != officer.id and person == persons[officer.id]
                ),
                enrolled_at=proof.at if proof else None,
                revoked=state.revoked.get(key),
            )
        )
    named = {(item.id, item.public_key) for item in found}
    waiting = [item for item in state.enrolments if (item.officer, item.public_key) not in named]
    return (
        *found,
        *(
            OfficerState(item.officer, item.public_key, None, (), (), item.at, state.revoked.get(item.public_key))
            for item in waiting
        ),
    )

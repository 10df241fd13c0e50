"""A motion passed by the people whom the programme's own policy asks for: a thaw, or a vault accepted."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection
from dataclasses import dataclass

from zakhira.adapters.software_signer import OfficerKeyFile
from zakhira.controls.acts.authority import MotionRecord, MotionState
from zakhira.controls.acts.motion import Motion
from zakhira.flows.governing.acting import Chamber, authority_in
from zakhira.flows.governing.motions import approve_motion
from zakhira.kernel.errors import Refused


class NobodyMay(Refused):
    """The policy names nobody who could take the next step."""

    code = "ZK-WIRING-100"


@dataclass(frozen=True)
class Officers:
    """The chamber at each moment, and the key of each officer."""

    chamber: Callable[[], Chamber]
    key: Callable[[str], OfficerKeyFile]


def pass_motion(
    officers: Officers,
    what: str,
    propose: Callable[[Chamber, OfficerKeyFile], MotionRecord],
    but: Collection[str] = (),
) -> MotionRecord:
    """The first officer who may puts it forward, and others approve, until it is in force or has its quorum.

    Raises:
        NobodyMay: no officer may propose it, or all together are no quorum. ``but`` names officers who do nothing.
    """
    policy = authority_in(officers.chamber()).version.policy
    names = [officer.id for officer in policy.officers if officer.id not in but]
    motion = _proposed(officers, names, what, propose)
    for name in names:
        if _record_of(officers, motion).state is not MotionState.OPEN:
            break
        with contextlib.suppress(Refused):
            approve_motion(officers.chamber(), motion.hash, officers.key(name))
    record = _record_of(officers, motion)
    if record.state not in {MotionState.IN_FORCE, MotionState.LOCKED}:
        said = f"The {what} is {record.state.value} after everybody has signed."
        raise NobodyMay(said, "Look at the policy's rule for it.")
    return record


def _proposed(
    officers: Officers, names: list[str], what: str, propose: Callable[[Chamber, OfficerKeyFile], MotionRecord]
) -> Motion:
    last = "there is no officer."
    for name in names:
        try:
            return propose(officers.chamber(), officers.key(name)).motion
        except Refused as error:
            last = f"{error.code} {error.message}"
    raise NobodyMay(f"No officer may propose a {what}: {last}", "Give the policy a rule for it.")


def _record_of(officers: Officers, motion: Motion) -> MotionRecord:
    return authority_in(officers.chamber()).motions[motion.hash]

"""What a changed policy may not bring in: payees listed in the past, Cedar text that permits, keys nobody proved."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime

from zakhira.controls.acts.act_refusal import ActCause, ActRefusal
from zakhira.controls.acts.motion import Motion
from zakhira.controls.engine.cedar_faults import authorization_faults
from zakhira.kernel.interval import utc_text
from zakhira.programme.model import Officer, Policy


def change_refusals(
    before: Policy,
    motion: Motion,
    enrolled: Collection[tuple[str, str]],
    revoked: Collection[str],
    recorded_at: datetime,
) -> Iterator[ActRefusal]:
    """Why the change may not be put forward. ``enrolled`` has (officer, key); keys are in small letters.

    ``recorded_at`` (UTC) is when the motion was recorded: the date that its proposer signed shortens no delay.
    """
    assert motion.to is not None, "a change says to what"
    if motion.to_hash == motion.policy_hash:
        yield ActRefusal(ActCause.NOTHING_CHANGES, f"The policy is {motion.to_hash} already.")
    for fault in authorization_faults(motion.to.authorization):
        yield ActRefusal(ActCause.UNUSABLE_TEXT, f"Its Cedar text: {fault.message}")
    yield from _payee_refusals(before, motion, recorded_at)
    yield from _key_refusals(before, motion.to, enrolled, revoked)


def _payee_refusals(before: Policy, motion: Motion, recorded_at: datetime) -> Iterator[ActRefusal]:
    assert motion.to is not None, "a change says to what"
    known = {(payee.address, payee.listed_at) for payee in before.payees}
    for payee in motion.to.payees:
        if (payee.address, payee.listed_at) not in known and payee.listed_at < recorded_at:
            yield ActRefusal(
                ActCause.BACKDATED_LISTING,
                f"Payee {payee.id} is listed from {utc_text(payee.listed_at)}, before the change was recorded at "
                f"{utc_text(recorded_at)}.",
            )


def new_keys(before: Policy, after: Policy) -> tuple[Officer, ...]:
    """Officers of ``after`` whose key ``before`` does not give to the same officer."""
    known = {(officer.id, officer.public_key.lower()) for officer in before.officers}
    return tuple(officer for officer in after.officers if (officer.id, officer.public_key.lower()) not in known)


def _key_refusals(
    before: Policy, after: Policy, enrolled: Collection[tuple[str, str]], revoked: Collection[str]
) -> Iterator[ActRefusal]:
    for officer in new_keys(before, after):
        key = officer.public_key.lower()
        if key in revoked:
            yield ActRefusal(ActCause.KEY_NOT_FREE, f"The key of {officer.id} was revoked: {key}.")
        elif (officer.id, key) not in enrolled:
            yield ActRefusal(ActCause.NOT_ENROLLED, f"The key of {officer.id} has not proven to be held: {key}.")
    first: dict[str, str] = {}
    for officer in after.officers:
        other = first.setdefault(officer.public_key.lower(), officer.id)
        if other != officer.id:
            yield ActRefusal(ActCause.KEY_NOT_FREE, f"{other} and {officer.id} have one key.")

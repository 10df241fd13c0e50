"""Motions: a changed policy or a thaw is put forward, approved by its own quorum, and can be vetoed until it is so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from zakhira.controls.acts.authority import Authority, MotionRecord
from zakhira.controls.acts.motion import POLICY_CHANGE, THAW, Motion
from zakhira.controls.acts.public_acts import Act, Proposal
from zakhira.controls.analysis.faults import analyse
from zakhira.controls.analysis.finding import Severity
from zakhira.controls.approval import PROPOSAL_DOMAIN, Approval, Veto
from zakhira.controls.engine.cedar_faults import authorization_faults
from zakhira.flows.governing.acting import Chamber, authority_in, record_act
from zakhira.flows.governing.refusals import MotionOvertaken, PolicyFaulty, UnknownMotion
from zakhira.flows.officer_words import sign_approval, sign_veto
from zakhira.flows.ports.signing import OfficerKey
from zakhira.flows.treasury import vault_records
from zakhira.programme.model import Policy
from zakhira.programme.vault_text import vault_hash

LEAST_DIGITS = 6
"""Of a motion's hash, by which it can be named."""


def propose_change(
    chamber: Chamber,
    to: Policy,
    reason: str,
    officer: OfficerKey,
    *,
    seen: str = "",
    despite: Severity | None = None,
) -> MotionRecord:
    """Put a changed policy forward; the same again by the same officer gives the motion that is pending.

    ``seen`` is the hash of the version that the proposer compared it with: another in force meanwhile is a refusal.
    ``despite`` says up to what the findings of analysis are accepted: by default none that are new, with
    ``Severity.WARNING`` warnings.

    Raises:
        PolicyFaulty: what analysis finds.
        MotionOvertaken: ``seen`` is no longer in force.
        NotAnOfficer, KeyRevoked, BadReason: who puts it forward, and why.
        NothingChanges, BackdatedListing, KeyNotEnrolled, KeyNotFree: what it changes.
        MotionNotAllowed: the policy does not let this officer.
    """
    require_sound(chamber, to, despite)

    def make(before: Authority, at: datetime) -> Motion:
        if seen and seen != before.version.hash:
            raise MotionOvertaken(
                f"The change was compared with version {seen[:12]}; in force is {before.version.hash[:12]}.",
                "Look at what came into force, and propose the change anew.",
            )
        expires_at = at + timedelta(hours=before.version.policy.approval_hours)
        return Motion(POLICY_CHANGE, officer.officer, at, expires_at, reason, before.version.hash, to)

    return put_forward(chamber, officer, make)


def require_sound(chamber: Chamber, to: Policy, despite: Severity | None) -> None:
    """Look at a changed policy with the vaults of the books by analysis; raises PolicyFaulty.

    Warnings that the version in force has as well are no reason: somebody has accepted them.
    """
    if despite is Severity.FAULT:
        return
    vaults = tuple(item.vault for item in vault_records(chamber.books).values())
    found = analyse(replace(to, vaults=vaults))
    reasons = [f"{item.cause.code} {item.message}" for item in found.faults]
    reasons += [f"{item.code} {item.message}" for item in authorization_faults(to.authorization)]
    if reasons:
        raise PolicyFaulty(" ".join(reasons), "Mend it; zakhira policy check names the place and an example.")
    if despite is None:
        known = analyse(replace(authority_in(chamber).version.policy, vaults=vaults)).warnings
        new = [f"{item.cause.code} {item.message}" for item in found.warnings if item not in known]
        if new:
            raise PolicyFaulty(" ".join(new), "Mend it, or put it forward with --despite-warnings.")


def propose_thaw(chamber: Chamber, reason: str, officer: OfficerKey) -> MotionRecord:
    """Put forward that every freeze that stands now is ended; one that comes later stays.

    Raises:
        NothingToThaw: nothing is frozen.
        NotAnOfficer, KeyRevoked, BadReason, MotionNotAllowed: as for every motion.
    """

    def make(before: Authority, at: datetime) -> Motion:
        expires_at = at + timedelta(hours=before.version.policy.approval_hours)
        freezes = tuple(sorted(before.freezes))
        return Motion(THAW, officer.officer, at, expires_at, reason, before.version.hash, freezes=freezes)

    return put_forward(chamber, officer, make)


def put_forward(chamber: Chamber, officer: OfficerKey, make: Callable[[Authority, datetime], Motion]) -> MotionRecord:
    """Record the motion that ``make`` makes; the same again by the same officer gives the one that is pending."""
    made: list[str] = []

    def act(before: Authority, at: datetime) -> Act | None:
        motion = make(before, at)
        there = next((name for name, record in before.motions.items() if _is_same(record, motion)), "")
        made.append(there or motion.hash)
        return None if there else Proposal(motion, officer.sign(PROPOSAL_DOMAIN, motion.hash))

    after = record_act(chamber, officer.officer, "motion proposed", act)
    return after.motions[made[-1]]


def _is_same(record: MotionRecord, motion: Motion) -> bool:
    return record.is_pending and _essence(record.motion) == _essence(motion)


def _essence(motion: Motion) -> object:
    vault = "" if motion.vault is None else vault_hash(motion.vault)
    to = (motion.to_hash, motion.freezes, vault, motion.succeeds)
    return motion.kind, motion.proposer, motion.policy_hash, to


def find_motion(authority: Authority, name: str) -> MotionRecord:
    """The motion whose hash begins so; raises UnknownMotion where there is none, or several."""
    found = [record for hash_, record in authority.motions.items() if hash_.startswith(name.lower())]
    if len(found) != 1 or len(name) < LEAST_DIGITS:
        what = f"{len(found)} motions begin" if found else "No motion begins"
        raise UnknownMotion(f"{what} with {name[:80]!r}.", "See which there are: zakhira policy status DIR")
    return found[0]


def approve_motion(chamber: Chamber, name: str, officer: OfficerKey) -> MotionRecord:
    """The officer signs a yes; the same officer's again changes nothing.

    With the last that was needed a change is in force once the policy's ``change_lock_hours`` are over: time alone
    brings it there.

    Raises:
        UnknownMotion, MotionOvertaken, MotionOver: the motion.
        NotAnOfficer, KeyRevoked, MotionNotAllowed: the officer.
    """
    record = find_motion(authority_in(chamber), name)
    hash_ = record.motion.hash

    def act(before: Authority, at: datetime) -> Act | None:
        if any(given.officer == officer.officer for given in before.motions[hash_].approvals):
            return None
        return sign_approval(officer, hash_, at, record.motion.policy_hash)

    return record_act(chamber, officer.officer, f"motion approved: {record.motion.id}", act).motions[hash_]


def veto_motion(chamber: Chamber, name: str, reason: str, officer: OfficerKey) -> MotionRecord:
    """The officer signs a no, which ends the motion as long as it is not in force.

    Raises:
        UnknownMotion, MotionOvertaken, MotionOver: the motion.
        NotAnOfficer, KeyRevoked, BadReason, MotionNotAllowed: the officer and the reason.
    """
    record = find_motion(authority_in(chamber), name)
    hash_ = record.motion.hash

    def act(before: Authority, at: datetime) -> Act | None:
        if any(given.officer == officer.officer for given in before.motions[hash_].vetoes):
            return None
        return sign_veto(officer, hash_, reason, at)

    return record_act(chamber, officer.officer, f"motion vetoed: {record.motion.id}", act).motions[hash_]


def take_word(chamber: Chamber, word: Approval | Veto) -> MotionRecord:
    """Record a yes or a no that was signed elsewhere; raises as :func:`approve_motion` and :func:`veto_motion`."""

    def act(before: Authority, _: datetime) -> Act | None:
        return None if word.statement_hash in before.seen else word

    kind = "approved" if isinstance(word, Approval) else "vetoed"
    after = record_act(chamber, word.officer, f"motion {kind}: {word.instruction_hash[:12]}", act)
    return after.motions[word.instruction_hash]

"""Whether a spend may be signed: limits, time and the officers' signatures, evaluated from the policy alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from zakhira.controls.approval import Approval, approval_is_genuine
from zakhira.kernel.interval import require_utc
from zakhira.programme.model import Officer, Policy


@dataclass(frozen=True)
class Decision:
    """The answer for one instruction. It is a yes only without a missing role and without a reason against it."""

    allowed: bool
    missing: tuple[str, ...]
    """Roles of the policy's ``approve_roles`` that have not approved, in that order."""
    clause: str
    """The clause of the policy that allows the spend."""
    reasons: tuple[str, ...]
    """Why not, in sentences, sorted; none when only approvals are missing."""


def decide_spend(
    policy: Policy,
    instruction_hash: str,
    amount_sats: int,
    fee_sats: int,
    proposed_by: str,
    proposed_at: datetime,
    expires_at: datetime,
    approvals: tuple[Approval, ...],
    at: datetime,
) -> Decision:
    """Decide whether the instruction may be signed at ``at`` (UTC).

    Each role of ``policy.approve_roles`` must have approved, each time another officer, with a valid signature over
    this very instruction. The proposer holds ``policy.propose_role`` and never approves. One person, by officer or by
    key, never counts twice. A forged, foreign or mistimed approval is a reason against the whole spend: somebody
    tampers. The order of the approvals does not matter.

    Raises:
        NotUtc: an instant is not in UTC.
    """
    officers = {officer.id: officer for officer in policy.officers}
    reasons = _limit_reasons(policy, amount_sats, fee_sats)
    reasons += _time_reasons(policy, proposed_at, expires_at, at)
    reasons += _proposer_reasons(policy, officers.get(proposed_by), proposed_by)
    valid: set[str] = set()
    for approval in approvals:
        reason = _approval_reason(officers.get(approval.officer), approval, instruction_hash)
        reason = reason or _moment_reason(approval, proposed_at, expires_at, at)
        if reason:
            reasons.append(reason)
        else:
            valid.add(approval.officer)
    approved = [officers[officer] for officer in sorted(valid)]
    reasons += _person_reasons(approved, officers, proposed_by)
    missing = _missing_roles(policy.approve_roles, (officer.role for officer in approved))
    distinct = tuple(sorted(set(reasons)))
    return Decision(not missing and not distinct, missing, policy.clause, distinct)


def _limit_reasons(policy: Policy, amount_sats: int, fee_sats: int) -> list[str]:
    reasons = []
    if amount_sats <= 0:
        reasons.append(f"An amount of {amount_sats} sat moves nothing.")
    if amount_sats > policy.sweep_limit_sats:
        reasons.append(f"{amount_sats} sat is above the limit of {policy.sweep_limit_sats} sat for one sweep.")
    if fee_sats < 0:
        reasons.append(f"A fee of {fee_sats} sat is not possible.")
    if fee_sats > policy.fee_limit_sats:
        reasons.append(f"A fee of {fee_sats} sat is above the limit of {policy.fee_limit_sats} sat.")
    return reasons


def _time_reasons(policy: Policy, proposed_at: datetime, expires_at: datetime, at: datetime) -> list[str]:
    reasons = []
    if require_utc(at) < require_utc(proposed_at):
        reasons.append("The proposal is dated in the future.")
    if at >= require_utc(expires_at):
        reasons.append(f"The proposal expired at {expires_at.isoformat()}.")
    if expires_at - proposed_at > timedelta(hours=policy.approval_hours):
        reasons.append(f"The proposal waits longer than the {policy.approval_hours} hours that the policy allows.")
    return reasons


def _proposer_reasons(policy: Policy, proposer: Officer | None, proposed_by: str) -> list[str]:
    if proposer is None:
        return [f"The proposer {proposed_by} is no officer of the programme."]
    if proposer.role != policy.propose_role:
        return [f"The proposer {proposed_by} holds the role {proposer.role}, not {policy.propose_role}."]
    return []


def _approval_reason(officer: Officer | None, approval: Approval, instruction_hash: str) -> str | None:
    if officer is None:
        return f"The approval of {approval.officer} is by nobody that the programme knows."
    if approval.instruction_hash != instruction_hash:
        return f"The approval of {officer.id} is for another instruction."
    if not approval_is_genuine(approval, officer.public_key):
        return f"The approval of {officer.id} carries a signature that its key did not make."
    return None


def _moment_reason(approval: Approval, proposed_at: datetime, expires_at: datetime, at: datetime) -> str | None:
    moment = require_utc(approval.at)
    if moment < proposed_at or moment >= expires_at or moment > at:
        return f"The approval of {approval.officer} at {moment.isoformat()} lies outside the time of the proposal."
    return None


def _person_reasons(approved: list[Officer], officers: Mapping[str, Officer], proposed_by: str) -> list[str]:
    proposer = officers.get(proposed_by)
    proposer_key = proposer.public_key.lower() if proposer else None
    reasons = [
        f"The approval of {officer.id} is by the proposer, who never approves."
        for officer in approved
        if officer.public_key.lower() == proposer_key
    ]
    keys = Counter(officer.public_key.lower() for officer in approved)
    shared = sorted(officer.id for officer in approved if keys[officer.public_key.lower()] > 1)
    if shared:
        reasons.append(f"The approvals of {', '.join(shared)} are by one key: one person never counts twice.")
    return reasons


def _missing_roles(required: tuple[str, ...], given: Iterable[str]) -> tuple[str, ...]:
    left = Counter(given)
    missing = []
    for role in required:
        if left[role]:
            left[role] -= 1
        else:
            missing.append(role)
    return tuple(missing)

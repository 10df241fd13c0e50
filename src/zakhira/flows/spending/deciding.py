"""Yes and no of officers, and the authority's decision."""

from __future__ import annotations

from dataclasses import replace

from zakhira.controls.approval import Approval, approval_is_genuine
from zakhira.controls.quorum import Decision
from zakhira.controls.spend_state import OUT_STATES, SpendEvent, SpendState, advance
from zakhira.flows.chain_heads import require_own_head
from zakhira.flows.governing.standing import standing_of
from zakhira.flows.officer_words import sign_approval, sign_veto
from zakhira.flows.ports.signing import OfficerKey
from zakhira.flows.spending.refusals import (
    ApprovalElsewhere,
    ApprovalForged,
    ApprovalMistimed,
    InOtherHands,
    NotProposer,
    SpendExpired,
    SpendNotAllowed,
)
from zakhira.flows.spending.spend import TreasurySpend
from zakhira.flows.spending.step import Step, begin_step, commit_step, load_spend
from zakhira.flows.treasury import Treasury, policy_in_force
from zakhira.kernel.interval import utc_text

_BEFORE_SIGNERS = frozenset({SpendState.PROPOSED, SpendState.DECIDED, SpendState.BUILT})


def approve(treasury: Treasury, spend_id: str, officer: OfficerKey) -> TreasurySpend:
    """The officer signs the instruction's hash, and the yes is recorded; see :func:`take_approval`."""
    spend = load_spend(treasury, spend_id)
    if any(given.officer == officer.officer for given in spend.approvals):
        return spend
    at, version = treasury.now.replace(microsecond=0), standing_of(treasury).policy_hash
    return take_approval(treasury, spend_id, sign_approval(officer, spend.instruction.hash, at, version))


def take_approval(treasury: Treasury, spend_id: str, approval: Approval) -> TreasurySpend:
    """Record a yes that was given here or elsewhere; the same yes again changes nothing.

    Raises:
        ApprovalElsewhere: it is for another instruction.
        ApprovalForged: it is not by an officer who may approve, or not by that officer's key.
        ApprovalMistimed: it is dated outside the proposal's time.
        ForeignHead: its anchor is not of these books' audit chain.
        SpendExpired: the proposal's time is over.
        IllegalStep: the spend takes no approval any more.
    """
    step = begin_step(treasury)
    spend = load_spend(treasury, spend_id)
    _require_genuine(treasury, spend, approval, step)
    if spend.instruction.anchor:
        require_own_head(treasury.books, spend.instruction.anchor)
    if any(given.officer == approval.officer for given in spend.approvals):
        return spend
    advance(spend.state, SpendEvent.APPROVAL_COMPLETED)
    if step.at >= spend.instruction.expires_at:
        raise _expired(spend)
    approved = replace(spend, approvals=(*spend.approvals, approval))
    return commit_step(treasury, step, approval.officer, "spend approved", (approved,))[0]


def _require_genuine(treasury: Treasury, spend: TreasurySpend, approval: Approval, step: Step) -> None:
    instruction = spend.instruction
    if approval.instruction_hash != instruction.hash:
        raise ApprovalElsewhere(
            f"The approval of {approval.officer} is for instruction {approval.instruction_hash}, spend {spend.id} is "
            f"{instruction.hash}.",
            "Ask the officer to look at this very instruction.",
        )
    known = next((item for item in treasury.policy.officers if item.id == approval.officer), None)
    remedy = "Do not count it. Find out who made it."
    if known is None or not approval_is_genuine(approval, known.public_key):
        raise ApprovalForged(f"The approval of {approval.officer} is not signed by an officer's key.", remedy)
    keys = {item.id: item.public_key.lower() for item in treasury.policy.officers}
    if keys[approval.officer] == keys.get(instruction.proposed_by):
        raise ApprovalForged(f"{approval.officer} proposed the spend and cannot approve it as well.", remedy)
    if known.role not in treasury.policy.approve_roles:
        raise ApprovalForged(f"{approval.officer} holds the role {known.role}, which does not approve.", remedy)
    if not instruction.proposed_at <= approval.at <= step.at or approval.at >= instruction.expires_at:
        raise ApprovalMistimed(
            f"The approval of {approval.officer} is dated {utc_text(approval.at)}, outside the time of the proposal.",
            "Set the clock right and approve again.",
        )


def decide(treasury: Treasury, spend_id: str) -> TreasurySpend:
    """Ask the authority, and record its yes with the clause, or what is missing.

    Raises:
        SpendNotAllowed: it has reasons against the spend; they are recorded before this is raised.
        SpendExpired: the proposal's time is over.
    """
    step = begin_step(treasury)
    spend = load_spend(treasury, spend_id)
    if spend.state is not SpendState.PROPOSED:
        return spend
    if step.at >= spend.instruction.expires_at:
        raise _expired(spend)
    decision = _ask(treasury, spend, step)
    if decision != spend.decision:
        after = replace(spend, decision=decision, decided_at=step.at)
        if decision.allowed:
            after = replace(after, state=advance(spend.state, SpendEvent.APPROVAL_COMPLETED))
        action = "spend decided" if decision.allowed else "spend not allowed yet"
        spend = commit_step(treasury, step, "policy", action, (after,))[0]
    if decision.reasons:
        raise _not_allowed(spend, decision)
    return spend


def require_allowed(treasury: Treasury, spend: TreasurySpend, step: Step) -> Decision:
    """The authority's yes as of now: asked again before signers are asked and before anything is sent.

    Raises:
        SpendExpired, SpendNotAllowed: it says no.
    """
    if step.at >= spend.instruction.expires_at:
        raise _expired(spend)
    decision = _ask(treasury, spend, step)
    if not decision.allowed:
        raise _not_allowed(spend, decision)
    return decision


def _ask(treasury: Treasury, spend: TreasurySpend, step: Step) -> Decision:
    return treasury.authority.decide_spend(policy_in_force(treasury), spend.instruction, spend.approvals, step.at)


def _not_allowed(spend: TreasurySpend, decision: Decision) -> SpendNotAllowed:
    lacking = [f"No approval by {role}." for role in decision.missing]
    return SpendNotAllowed(
        f"Spend {spend.id} is not allowed. {' '.join((*decision.reasons, *lacking))}",
        "Gather the approvals that are missing, or propose it anew within the policy.",
    )


def _expired(spend: TreasurySpend) -> SpendExpired:
    what = f"The time of spend {spend.id} was over at {utc_text(spend.instruction.expires_at)}"
    if spend.state in OUT_STATES:
        return SpendExpired(
            f"{what}, and a transaction of it is in other hands.",
            "It never expires by itself: spend one of its coins home with: zakhira spend cancel",
        )
    return SpendExpired(f"{what}.", "Propose it anew.")


def reject(treasury: Treasury, spend_id: str, officer: OfficerKey, reason: str) -> TreasurySpend:
    """Record an officer's no, signed; it ends the spend as long as no transaction of it was handed out.

    Raises:
        InOtherHands: a transaction was handed out; only a double-spend home ends it.
        NotProposer: the key is not of an officer of the policy.
        IllegalStep: the spend is over or confirmed.
    """
    step = begin_step(treasury)
    spend = load_spend(treasury, spend_id)
    if spend.state is SpendState.REFUSED and spend.rejection and spend.rejection.officer == officer.officer:
        return spend
    known = next((item for item in treasury.policy.officers if item.id == officer.officer), None)
    if known is None or known.public_key.lower() != officer.public_key.lower():
        raise NotProposer(f"{officer.officer} is no officer of the policy.", "Use an officer's key.")
    require_in_our_hands(spend)
    after = replace(
        spend,
        state=advance(spend.state, SpendEvent.SPEND_REFUSED),
        rejection=sign_veto(officer, spend.instruction.hash, reason, step.at),
    )
    return commit_step(treasury, step, officer.officer, "spend refused", (after,))[0]


def require_in_our_hands(spend: TreasurySpend) -> None:
    """Refuse to end a spend by a word once others hold a transaction of it; raises InOtherHands."""
    if spend.state in OUT_STATES:
        raise InOtherHands(
            f"Spend {spend.id} is {spend.state.value}: its transaction {spend.out[-1].txid} is in other hands.",
            "Spend one of its coins home with: zakhira spend cancel DIR ID --home NEW-ID --key FILE",
        )


def expire_spends(treasury: Treasury, spend_ids: tuple[str, ...]) -> tuple[TreasurySpend, ...]:
    """End those of these spends whose time is over and of which nothing was handed out."""
    ended = []
    for spend_id in spend_ids:
        step = begin_step(treasury)
        spend = load_spend(treasury, spend_id)
        if spend.state in _BEFORE_SIGNERS and step.at >= spend.instruction.expires_at:
            after = replace(spend, state=advance(spend.state, SpendEvent.TIME_RAN_OUT))
            ended.append(commit_step(treasury, step, "clock", "spend expired", (after,))[0])
    return tuple(ended)

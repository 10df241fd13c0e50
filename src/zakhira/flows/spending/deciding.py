"""Yes and no of officers, and the policy's decision."""

from __future__ import annotations

from dataclasses import replace

from zakhira.controls.approval import Approval
from zakhira.controls.engine.decision import Decision, NeedKind, Reason, Verdict, Why
from zakhira.controls.engine.people import people_of
from zakhira.controls.engine.question import Stage
from zakhira.controls.engine.rule_fit import rule_named
from zakhira.controls.engine.standing import Standing
from zakhira.controls.spend_state import OUT_STATES, SpendEvent, SpendState, advance
from zakhira.flows.chain_heads import require_own_head
from zakhira.flows.decision_text import waits_until, why_not
from zakhira.flows.governing.standing import standing_of
from zakhira.flows.officer_words import sign_approval, sign_veto
from zakhira.flows.ports.signing import OfficerKey
from zakhira.flows.spending.asking import Asked, ask_policy, counted
from zakhira.flows.spending.policy_refusals import (
    ApprovalUnderOtherPolicy,
    ExecutionMissing,
    SpendMustWait,
    VetoPowerless,
)
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
from zakhira.kernel.errors import Refused
from zakhira.kernel.interval import utc_text

BEFORE_SIGNERS = frozenset({SpendState.PROPOSED, SpendState.DECIDED, SpendState.BUILT})
"""States in which nobody else holds anything of a spend: words of officers are taken and can still stop it."""
_ELSEWHERE, _MISTIMED = {Why.OTHER_MATTER.code}, {Why.MISTIMED.code, Why.FROM_THE_FUTURE.code}
_NOT_COUNTED = {Why.OTHER_POLICY.code, Why.REVOKED.code}
"""Remarks under which an approval counts nothing: better refused than recorded."""


def approve(treasury: Treasury, spend_id: str, officer: OfficerKey) -> TreasurySpend:
    """The officer signs the instruction's hash, the date and the policy's version; see :func:`take_approval`."""
    spend, standing = load_spend(treasury, spend_id), standing_of(treasury)
    if _has_approved(spend, officer.officer, standing):
        return spend
    at = treasury.now.replace(microsecond=0)
    return take_approval(treasury, spend_id, sign_approval(officer, spend.instruction.hash, at, standing.policy_hash))


def _has_approved(spend: TreasurySpend, officer: str, standing: Standing) -> bool:
    """Whether the officer has said yes under the version in force, since it is."""
    return any(
        (given.officer, given.policy_hash) == (officer, standing.policy_hash)
        and (standing.since is None or given.at >= standing.since)
        for given in spend.approvals
    )


def take_approval(treasury: Treasury, spend_id: str, approval: Approval) -> TreasurySpend:
    """Record a yes that was given here or elsewhere; the same yes again changes nothing.

    An officer's yes under the version in force takes the place of one under an earlier version.

    Raises:
        ApprovalElsewhere: it is for another instruction.
        ApprovalForged: it is not by an officer who may approve, or not by that officer's key.
        ApprovalMistimed: it is dated outside the proposal's time.
        ApprovalUnderOtherPolicy: it was given under another version of the policy than the one in force.
        ForeignHead: its anchor is not of these books' audit chain.
        SpendNotAllowed: the reserve is frozen.
        SpendExpired: the proposal's time is over.
        IllegalStep: the spend takes no approval any more.
    """
    step = begin_step(treasury)
    spend = load_spend(treasury, spend_id)
    others = tuple(given for given in spend.approvals if given.officer != approval.officer)
    recorded_at = spend.with_recorded(approval.signature, step.at)
    approved = replace(spend, approvals=(*others, approval), recorded_at=recorded_at)
    before = ask_policy(treasury, replace(spend, approvals=others), step.at).decision
    after = ask_policy(treasury, approved, step.at).decision
    _require_counted(treasury, spend, approval, before, after)
    if spend.instruction.anchor:
        require_own_head(treasury.books, spend.instruction.anchor)
    if _has_approved(spend, approval.officer, standing_of(treasury)):
        return spend
    if spend.state not in BEFORE_SIGNERS:
        advance(spend.state, SpendEvent.APPROVAL_COMPLETED)
    if step.at >= spend.instruction.expires_at:
        raise _expired(spend)
    return commit_step(treasury, step, approval.officer, "spend approved", (approved,))[0]


def _require_counted(
    treasury: Treasury, spend: TreasurySpend, approval: Approval, before: Decision, after: Decision
) -> None:
    """Refuse an approval that the policy holds against the spend, or that would not count; see take_approval."""
    if any(reason.code == Why.FROZEN.code for reason in after.reasons):
        raise not_allowed(spend, after)
    against = sorted(set(after.reasons) - set(before.reasons))
    remarks = [item for item in after.remarks if item not in before.remarks and item.code in _NOT_COUNTED]
    for found in (*against, *remarks):
        raise _not_taken(found)
    rule = rule_named(policy_in_force(treasury), after.rule)
    if rule is None or not rule.quorums:
        return
    people = people_of(policy_in_force(treasury))
    asked = tuple(role for quorum in rule.quorums for role in quorum.roles)
    if not people.offices_with(approval.officer, asked, approval.at):
        held = " and ".join(people.roles_at(approval.officer, approval.at))
        raise ApprovalForged(
            f"{approval.officer} holds the role {held}, which does not approve spend {spend.id} (rule {rule.id}).",
            "Ask an officer whom the rule names.",
        )


def _not_taken(found: Reason) -> Refused:
    said = f"{found.code} {found.text}"
    if found.code in _ELSEWHERE:
        return ApprovalElsewhere(said, "Ask the officer to look at this very instruction.")
    if found.code in _MISTIMED:
        return ApprovalMistimed(said, "Set the clock right and approve again.")
    if found.code == Why.OTHER_POLICY.code:
        return ApprovalUnderOtherPolicy(said, "Let the officer look at the policy in force, and approve again.")
    return ApprovalForged(said, "Do not count it. Find out who made it.")


def decide(treasury: Treasury, spend_id: str) -> TreasurySpend:
    """Ask the policy, and record its answer: with all approvals there, the spend is decided.

    What is allowed counts in rolling windows from here on, even if it is carried out later.

    Raises:
        SpendNotAllowed: it has reasons against the spend; they are recorded before this is raised.
        SpendExpired: the proposal's time is over.
    """
    step = begin_step(treasury)
    spend = load_spend(treasury, spend_id)
    if spend.state not in BEFORE_SIGNERS:
        return spend
    if step.at >= spend.instruction.expires_at:
        raise _expired(spend)
    asked = ask_policy(treasury, spend, step.at)
    decision = asked.decision
    if decision != spend.decision:
        after = replace(spend, decision=decision, decided_at=step.at)
        if spend.state is SpendState.PROPOSED and is_approved(decision):
            after = replace(after, state=advance(spend.state, SpendEvent.APPROVAL_COMPLETED))
        action = "spend decided" if is_approved(decision) else "spend not allowed yet"
        records = counted(treasury, after, asked, step)
        spend = commit_step(treasury, step, "policy", action, (after,), records)[0]
    if decision.reasons:
        raise not_allowed(spend, decision)
    return spend


def is_approved(decision: Decision) -> bool:
    """Whether every approval is there and nothing stands against it; time and the second person may be missing."""
    kinds = {need.kind for need in decision.needs}
    return decision.verdict is not Verdict.REFUSED and NeedKind.APPROVAL not in kinds


def require_approved(treasury: Treasury, spend: TreasurySpend, step: Step) -> Asked:
    """The policy's answer as of now, in which time and the second person alone may be missing.

    Raises:
        SpendExpired, SpendNotAllowed: it says no, or approvals are missing.
    """
    if step.at >= spend.instruction.expires_at:
        raise _expired(spend)
    asked = ask_policy(treasury, spend, step.at)
    if not is_approved(asked.decision):
        raise not_allowed(spend, asked.decision)
    return asked


def require_allowed(treasury: Treasury, spend: TreasurySpend, step: Step) -> Asked:
    """The policy's yes as of now: asked again before signers are asked and before anything is sent.

    Raises:
        SpendExpired, SpendNotAllowed: it says no, or approvals are missing.
        ExecutionMissing: the second person has not entered the amount again.
        SpendMustWait: its time has not come.
    """
    asked = require_approved(treasury, spend, step)
    if asked.decision.allowed:
        return asked
    said = f"Spend {spend.id} is not to be carried out yet. {why_not(asked.decision)}"
    if any(need.kind is NeedKind.EXECUTION for need in asked.decision.needs):
        raise ExecutionMissing(said, f"Let the second person do so: zakhira spend execute DIR {spend.id}")
    until = waits_until(asked.decision)
    raise SpendMustWait(said, f"Come again at {utc_text(until)}." if until else "Propose it anew within the policy.")


def require_proposable(treasury: Treasury, spend: TreasurySpend, step: Step) -> Decision:
    """What the policy says of a proposal that is not recorded yet.

    Raises:
        NotProposer: the officer holds no role that proposes this.
        SpendNotAllowed: no approval could make it allowed.
    """
    decision = ask_policy(treasury, spend, step.at, Stage.PROPOSE).decision
    if any(reason.code == Why.PROPOSER_ROLE.code for reason in decision.reasons):
        raise NotProposer(why_not(decision), "Use the key of an officer with that role.")
    if decision.verdict is Verdict.REFUSED:
        raise not_allowed(spend, decision)
    return decision


def not_allowed(spend: TreasurySpend, decision: Decision) -> SpendNotAllowed:
    """The policy's no as an error."""
    return SpendNotAllowed(
        f"Spend {spend.id} is not allowed. {why_not(decision)}",
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
        VetoPowerless: the rule lets others say no, not this officer.
        IllegalStep: the spend is over or confirmed.
    """
    step = begin_step(treasury)
    spend = load_spend(treasury, spend_id)
    if spend.state is SpendState.REFUSED and spend.rejection and spend.rejection.officer == officer.officer:
        return spend
    known = next((item for item in policy_in_force(treasury).officers if item.id == officer.officer), None)
    if known is None or known.public_key.lower() != officer.public_key.lower():
        raise NotProposer(f"{officer.officer} is no officer of the policy.", "Use an officer's key.")
    require_in_our_hands(spend)
    said_no = replace(spend, rejection=sign_veto(officer, spend.instruction.hash, reason, step.at))
    decision = ask_policy(treasury, said_no, step.at).decision
    powerless = [item for item in decision.remarks if item.code in {Why.NOT_PERMITTED.code, Why.REVOKED.code}]
    if powerless and Why.VETOED.code not in {item.code for item in decision.reasons}:
        raise VetoPowerless(f"{powerless[0].code} {powerless[0].text}", "Ask an officer who may say no to it.")
    after = replace(said_no, state=advance(spend.state, SpendEvent.SPEND_REFUSED), decision=decision)
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
        if spend.state in BEFORE_SIGNERS and step.at >= spend.instruction.expires_at:
            after = replace(spend, state=advance(spend.state, SpendEvent.TIME_RAN_OUT))
            ended.append(commit_step(treasury, step, "clock", "spend expired", (after,))[0])
    return tuple(ended)

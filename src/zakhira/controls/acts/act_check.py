"""Whether an act counts after those before it: the same check before it is recorded and whenever it is read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from zakhira.controls.acts.act_refusal import ActCause, ActRefusal
from zakhira.controls.acts.authority import Authority, MotionRecord, MotionState
from zakhira.controls.acts.motion import MOST_REASON_CHARACTERS, POLICY_CHANGE, VAULT, Motion
from zakhira.controls.acts.motion_check import check_motion, may_be_moved, told_reasons
from zakhira.controls.acts.policy_changes import change_refusals
from zakhira.controls.acts.public_acts import (
    Act,
    Adoption,
    Enrolment,
    Founding,
    Proposal,
    RecordedAct,
    Revocation,
    SignedFreeze,
    enrolment_is_genuine,
    freeze_is_genuine,
    revocation_is_genuine,
)
from zakhira.controls.approval import PROPOSAL_DOMAIN, Approval, Veto, approval_is_genuine, veto_is_genuine
from zakhira.controls.engine.decision import Verdict
from zakhira.controls.engine.permissions import About, KeyOf, permit
from zakhira.kernel.interval import utc_text
from zakhira.kernel.signatures import signature_is_valid

MOST_BACKDATED = timedelta(minutes=2)
"""How far before its recording a motion may be dated [E]: what clocks of machines may lie apart (as at the desk), and
no time of a policy is as short (low 1 s, high 10 min)."""


def act_refusal(state: Authority, recorded: RecordedAct) -> ActRefusal | None:
    """Why the act does not count, where ``state`` is the authority at the moment of its recording; None if it does."""
    act = recorded.act
    if recorded.number != state.last_number + 1:
        return ActRefusal(ActCause.OUT_OF_ORDER, f"Act {recorded.number} stands where {state.last_number + 1} is due.")
    if isinstance(act, Founding) or not state.versions:
        if isinstance(act, Founding) and recorded.number == 1:
            return None
        return ActRefusal(ActCause.OUT_OF_ORDER, f"Act {recorded.number}: a policy is founded once, and first.")
    if isinstance(act, Adoption):
        late = ActRefusal(ActCause.OUT_OF_ORDER, f"Act {recorded.number}: nobody decided on the vaults that it adopts.")
        return None if state.may_adopt else late
    return _date_refusal(act, recorded.at) or _repeated(state, act) or _refusal(state, recorded.at, act)


def _date_refusal(act: Act, recorded_at: datetime) -> ActRefusal | None:
    at = _date(act)
    if at > recorded_at:
        return ActRefusal(
            ActCause.MISTIMED, f"It is dated {utc_text(at)}, and was recorded at {utc_text(recorded_at)}."
        )
    if isinstance(act, Proposal) and at < recorded_at - MOST_BACKDATED:
        text = f"It is dated {utc_text(at)}, and was recorded only at {utc_text(recorded_at)}."
        return ActRefusal(ActCause.MISTIMED, text)
    return None


def _date(act: Act) -> datetime:
    assert not isinstance(act, Founding | Adoption), "nobody signs a founding or an adoption"
    return act.motion.proposed_at if isinstance(act, Proposal) else act.at


def _repeated(state: Authority, act: Act) -> ActRefusal | None:
    assert not isinstance(act, Founding | Adoption), "a founding is never repeated, and no adoption"
    name = act.motion.hash if isinstance(act, Proposal) else act.statement_hash
    if name in state.seen:
        return ActRefusal(ActCause.REPEATED, f"{name} was recorded before.")
    return None


def _refusal(state: Authority, at: datetime, act: Act) -> ActRefusal | None:
    match act:
        case Proposal():
            genuine = _signed_by(state, act.motion.proposer, lambda key: _is_proposers(act, key))
            return genuine or _reason_refusal(act.motion.reason) or _motion_refusal(state, at, act.motion)
        case Approval():
            genuine = _signed_by(state, act.officer, lambda key: approval_is_genuine(act, key))
            return genuine or _word_refusal(state, at, act)
        case Veto():
            genuine = _signed_by(state, act.officer, lambda key: veto_is_genuine(act, key), says_no=True)
            return genuine or _reason_refusal(act.reason) or _word_refusal(state, at, act)
        case SignedFreeze():
            genuine = _signed_by(state, act.officer, lambda key: freeze_is_genuine(act, key), says_no=True)
            may = _permission_refusal(state, at, act.officer, "freeze", None) if genuine is None else None
            return genuine or may or _reason_refusal(act.reason)
        case Revocation():
            genuine = _signed_by(state, act.by, lambda key: revocation_is_genuine(act, key))
            may = _permission_refusal(state, at, act.by, "revoke", KeyOf(act.officer)) if genuine is None else None
            return genuine or may or _reason_refusal(act.reason) or _revocation_refusal(state, act)
        case Enrolment():
            return _enrolment_refusal(state, act)
        case Founding() | Adoption():
            raise AssertionError("a founding and an adoption were looked at before")


def _is_proposers(proposal: Proposal, key: str) -> bool:
    return signature_is_valid(key, PROPOSAL_DOMAIN, proposal.motion.hash, proposal.signature)


def _signed_by(
    state: Authority, name: str, is_genuine: Callable[[str], bool], *, says_no: bool = False
) -> ActRefusal | None:
    officer = state.officer(name)
    if officer is None:
        return ActRefusal(ActCause.NOT_AN_OFFICER, f"{name[:80]!r} is no officer of the policy in force.")
    key = officer.public_key.lower()
    if not is_genuine(key):
        return ActRefusal(ActCause.FORGED, f"The key of {name} did not make the signature.")
    gone = state.revoked.get(key)
    if gone is not None and not (says_no and key in state.may_say_no):
        return ActRefusal(ActCause.KEY_REVOKED, f"The key of {name} was revoked by {gone.by} at {utc_text(gone.at)}.")
    return None


def _permission_refusal(state: Authority, at: datetime, officer: str, step: str, about: About) -> ActRefusal | None:
    """Cedar's no. Motions are asked about by the engine; an enrolment proves and grants nothing: nobody is asked."""
    permission = permit(state.version.policy, state.standing, officer, step, about, at)
    return None if permission.allowed else ActRefusal(ActCause.NOT_PERMITTED, permission.reason)


def _reason_refusal(reason: str) -> ActRefusal | None:
    if not reason.strip() or len(reason) > MOST_REASON_CHARACTERS:
        return ActRefusal(
            ActCause.BAD_REASON, f"The reason is empty or longer than {MOST_REASON_CHARACTERS} characters."
        )
    return None


def _motion_refusal(state: Authority, at: datetime, motion: Motion) -> ActRefusal | None:
    policy = state.version.policy
    if motion.policy_hash != state.version.hash:
        return ActRefusal(
            ActCause.OVERTAKEN,
            f"It is put under version {motion.policy_hash[:12]} of the policy; in force is {state.version.hash[:12]}.",
        )
    if motion.expires_at - motion.proposed_at > timedelta(hours=policy.approval_hours):
        return ActRefusal(
            ActCause.MISTIMED, f"It would wait longer than the {policy.approval_hours} hours that the policy allows."
        )
    decision = may_be_moved(policy, motion, state.revoked_since, at)
    if decision.verdict is Verdict.REFUSED:
        return ActRefusal(ActCause.NOT_ALLOWED, told_reasons(decision))
    return _matter_refusal(state, at, motion)


def _matter_refusal(state: Authority, at: datetime, motion: Motion) -> ActRefusal | None:
    """What speaks against the very thing that is moved."""
    if motion.kind == POLICY_CHANGE:
        refusals = change_refusals(state.version.policy, motion, state.enrolled, state.revoked.keys(), at)
        return next(refusals, None)
    if motion.kind == VAULT:
        return _vault_refusal(state, motion)
    missing = [name for name in motion.freezes if name not in state.freezes]
    if missing or not motion.freezes:
        what = f"no freeze {missing[0][:12]} stands" if missing else "it names no freeze"
        return ActRefusal(ActCause.UNKNOWN_FREEZE, f"Nothing to thaw: {what}.")
    return None


def _vault_refusal(state: Authority, motion: Motion) -> ActRefusal | None:
    """A vault that is accepted already, with that succession; or a succession that cannot be."""
    vault, before = motion.vault, motion.succeeds
    assert vault is not None, "a motion about a vault has one"
    if before and (before == vault.id or before not in state.vaults):
        return ActRefusal(ActCause.UNFIT_SUCCESSION, f"{vault.id} cannot succeed {before[:80]!r}: no vault of ours.")
    if state.accepts(vault) and (not before or before in state.vaults[vault.id].succeeds):
        what = f" as the successor of {before}" if before else ""
        return ActRefusal(ActCause.NOTHING_CHANGES, f"Vault {vault.id} is accepted{what} already.")
    return None


def _word_refusal(state: Authority, at: datetime, act: Approval | Veto) -> ActRefusal | None:
    """A yes or a no to a motion that is pending, by somebody whom the policy lets."""
    record = state.motions.get(act.instruction_hash)
    if record is None:
        return ActRefusal(ActCause.UNKNOWN_MOTION, f"There is no motion {act.instruction_hash[:12]}.")
    takes = {MotionState.OPEN} if isinstance(act, Approval) else {MotionState.OPEN, MotionRecord, MotionState.LOCKED}
    if record.state not in takes:
        cause = ActCause.OVERTAKEN if record.state is MotionState.OVERTAKEN else ActCause.MOTION_OVER
        return ActRefusal(cause, f"Motion {record.motion.id} is {record.state.value}.")
    if act.at < record.motion.proposed_at:
        return ActRefusal(ActCause.MISTIMED, f"It is dated {utc_text(act.at)}, before the motion.")
    if isinstance(act, Approval) and act.policy_hash != record.motion.policy_hash:
        text = f"The approval of {act.officer} was given under another version of the policy than the motion."
        return ActRefusal(ActCause.OVERTAKEN, text)
    return _voice_refusal(state, at, record, act)


def _voice_refusal(state: Authority, at: datetime, record: MotionRecord, act: Approval | Veto) -> ActRefusal | None:
    approvals = (*record.approvals, act) if isinstance(act, Approval) else record.approvals
    check = check_motion(
        state.version.policy,
        record.motion,
        approvals,
        at,
        vetoes=(act,) if isinstance(act, Veto) else (),
        revoked=state.revoked_since,
        known_at={**record.known_at, act.statement_hash: at},
        may_say_no=state.may_say_no_to(record.motion),
    )
    if isinstance(act, Veto):
        no = ActRefusal(ActCause.NOT_ALLOWED, f"The policy does not let {act.officer} veto motion {record.motion.id}.")
        return None if check.vetoed else no
    if check.decision.verdict is Verdict.REFUSED:
        return ActRefusal(ActCause.NOT_ALLOWED, told_reasons(check.decision))
    return None


def _revocation_refusal(state: Authority, act: Revocation) -> ActRefusal | None:
    if act.public_key not in state.keys_of(act.officer) and (act.officer, act.public_key) not in state.enrolled:
        return ActRefusal(ActCause.UNKNOWN_KEY, f"{act.public_key[:64]} was never a key of {act.officer[:80]}.")
    if act.public_key in state.revoked:
        return ActRefusal(ActCause.REPEATED, f"The key of {act.officer} is revoked already.")
    return None


def _enrolment_refusal(state: Authority, act: Enrolment) -> ActRefusal | None:
    if not enrolment_is_genuine(act) or act.public_key != act.public_key.lower():
        return ActRefusal(
            ActCause.FORGED, f"The key {act.public_key[:64]} did not sign that {act.officer[:80]} holds it."
        )
    if act.public_key in state.revoked:
        return ActRefusal(ActCause.KEY_REVOKED, f"The key {act.public_key} was revoked.")
    return None

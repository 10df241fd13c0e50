"""The fold from acts of authority to its state at a moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from zakhira.controls.acts.act_check import act_refusal
from zakhira.controls.acts.act_refusal import ActFault
from zakhira.controls.acts.authority import AcceptedVault, Authority, MotionRecord, MotionState, PolicyVersion
from zakhira.controls.acts.motion import THAW, VAULT
from zakhira.controls.acts.motion_check import check_motion
from zakhira.controls.acts.public_acts import (
    Adoption,
    Enrolment,
    Founding,
    Proposal,
    RecordedAct,
    Revocation,
    SignedFreeze,
)
from zakhira.controls.approval import Approval, Veto
from zakhira.programme.policy_text import policy_hash
from zakhira.programme.vault_text import vault_hash


def authority_at(acts: Sequence[RecordedAct], at: datetime) -> Authority:
    """What the acts that were recorded until ``at`` (UTC) come to at that moment.

    Time alone brings a change into force: nobody has to write anything. Acts that do not verify count nothing and are
    told in ``faults``.
    """
    state = Authority(at=min(at, acts[0].at) if acts else at)
    for recorded in acts:
        if recorded.at > at:
            break
        state = take_act(state, recorded)
    return settled(state, at)


def take_act(before: Authority, recorded: RecordedAct) -> Authority:
    """The authority after one more act; a fault in place of an act that is refused.

    An act is never earlier than the one before it: dates that say so count as the later one, which shortens no lock.
    """
    recorded = replace(recorded, at=max(recorded.at, before.at))
    state = settled(before, recorded.at)
    refusal = act_refusal(state, recorded)
    if refusal is None:
        return replace(_applied(state, recorded), last_number=recorded.number)
    number = max(state.last_number, recorded.number)
    return replace(state, faults=(*state.faults, ActFault(recorded.number, refusal)), last_number=number)


def settled(state: Authority, at: datetime) -> Authority:
    """Bring into force, one after the other, what time brings into force until ``at``."""
    while True:
        due = [record for record in state.motions.values() if _is_due(record, at)]
        if not due:
            return _ended(replace(state, at=at), at)
        state = _in_force(state, min(due, key=lambda record: (_moment(record), record.motion.hash)))


def _is_due(record: MotionRecord, at: datetime) -> bool:
    return record.state is MotionState.LOCKED and _moment(record) <= at


def _moment(record: MotionRecord) -> datetime:
    """From when a motion that has its quorum is in force."""
    moment = record.check.in_force_at if record.check else None
    assert moment is not None, "a quorum has its moment"
    return moment


def _in_force(state: Authority, record: MotionRecord) -> Authority:
    motion = record.motion
    motions = {**state.motions, motion.hash: replace(record, state=MotionState.IN_FORCE)}
    if motion.kind == VAULT:
        return replace(state, motions=motions, vaults={**state.vaults, **_accepted(state, record)})
    if motion.kind == THAW:
        freezes = {name: freeze for name, freeze in state.freezes.items() if name not in motion.freezes}
        return _overtaken(replace(state, motions=motions, freezes=freezes))
    assert motion.to is not None, "a change says to what"
    version = PolicyVersion(len(state.versions) + 1, motion.to, motion.to_hash, _moment(record), motion.hash)
    return _overtaken(replace(state, versions=(*state.versions, version), motions=motions))


def _accepted(state: Authority, record: MotionRecord) -> dict[str, AcceptedVault]:
    """The vault of a motion by its id; the vaults that the same definition succeeds already stay named."""
    vault, motion = record.motion.vault, record.motion
    assert vault is not None, "a motion about a vault has one"
    before = state.vaults.get(vault.id)
    earlier = before.succeeds if before is not None and before.hash == vault_hash(vault) else ()
    now = (motion.succeeds,) if motion.succeeds else ()
    succeeds = tuple(dict.fromkeys((*earlier, *now)))
    return {vault.id: AcceptedVault(vault_hash(vault), _moment(record), motion.hash, succeeds)}


def _overtaken(state: Authority) -> Authority:
    """End the motions that are about a version, or about freezes, that are no more."""
    hash_, stands = state.version.hash, state.freezes.keys()
    motions = {
        name: replace(record, state=MotionState.OVERTAKEN)
        if record.is_pending
        and (record.motion.policy_hash != hash_ or (record.motion.freezes and stands.isdisjoint(record.motion.freezes)))
        else record
        for name, record in state.motions.items()
    }
    return replace(state, motions=motions)


def _ended(state: Authority, at: datetime) -> Authority:
    """Motions whose time ran out before their quorum was there."""
    over = {
        name: replace(record, state=MotionState.EXPIRED)
        for name, record in state.motions.items()
        if record.state is MotionState.OPEN and at >= record.motion.expires_at
    }
    return replace(state, motions={**state.motions, **over}) if over else state


def _applied(state: Authority, recorded: RecordedAct) -> Authority:
    act = recorded.act
    match act:
        case Founding() | Adoption():
            return _founded(state, recorded.at, act)
        case Proposal():
            record = MotionRecord(act.motion, recorded.at)
            after = replace(state, motions={**state.motions, act.motion.hash: record})
            return _checked(after, seen=act.motion.hash)
        case Approval() | Veto():
            return _checked(_signed(state, recorded.at, act), seen=act.statement_hash)
        case SignedFreeze():
            seen = state.seen | {act.statement_hash}
            return replace(state, freezes={**state.freezes, act.statement_hash: act}, seen=seen)
        case Revocation():
            return _checked(_revoked(state, act), seen=act.statement_hash)
        case Enrolment():
            return replace(state, enrolments=(*state.enrolments, act), seen=state.seen | {act.statement_hash})


def _founded(state: Authority, at: datetime, act: Founding | Adoption) -> Authority:
    """The first version and the first vaults; or, in books of before, the vaults that were there."""
    if isinstance(act, Adoption):
        return replace(state, vaults={**_from_start(act.vaults, at), **state.vaults}, may_adopt=False)
    version = PolicyVersion(1, act.policy, policy_hash(act.policy), at)
    return replace(state, versions=(version,), vaults=_from_start(act.vaults or (), at), may_adopt=act.vaults is None)


def _from_start(vaults: Sequence[tuple[str, str]], at: datetime) -> dict[str, AcceptedVault]:
    return {name: AcceptedVault(hash_, at) for name, hash_ in vaults}


def _revoked(state: Authority, act: Revocation) -> Authority:
    """The key counts no more; where another person says so of a key in force, nothing moves either."""
    in_force = {officer.public_key.lower() for officer in state.version.policy.officers}
    stop = act.freeze
    stops = act.public_key in in_force and state.is_by_another(act)
    freezes = {**state.freezes, stop.statement_hash: stop} if stops else state.freezes
    return replace(state, revoked={**state.revoked, act.public_key: act}, freezes=freezes)


def _signed(state: Authority, at: datetime, act: Approval | Veto) -> Authority:
    record = state.motions[act.instruction_hash]
    known = {**record.known_at, act.statement_hash: at}
    if isinstance(act, Veto):
        record = replace(record, vetoes=(*record.vetoes, act), known_at=known)
    else:
        record = replace(record, approvals=(*record.approvals, act), known_at=known)
    return replace(state, motions={**state.motions, act.instruction_hash: record})


def _checked(state: Authority, seen: str) -> Authority:
    """Look at every pending motion again: an approval completes a quorum, a revocation can undo it before its time."""
    motions = {
        name: _rechecked(state, record) if record.is_pending else record for name, record in state.motions.items()
    }
    return replace(state, motions=motions, seen=state.seen | {seen})


def _rechecked(state: Authority, record: MotionRecord) -> MotionRecord:
    check = check_motion(
        state.version.policy,
        record.motion,
        record.approvals,
        state.at,
        vetoes=record.vetoes,
        revoked=state.revoked_since,
        known_at=record.known_at,
        may_say_no=state.may_say_no_to(record.motion),
    )
    if check.vetoed:
        return replace(record, check=check, state=MotionState.VETOED)
    return replace(record, check=check, state=MotionState.OPEN if check.in_force_at is None else MotionState.LOCKED)

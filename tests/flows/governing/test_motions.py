"""A changed policy: put forward, approved by its own quorum, locked, and in force by time alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from custody_drill import PHRASE
from governing_drill import LOCK, REASON, GoverningDrill, begin, key_of, other_key_of, with_fee_limit
from zakhira.adapters.drill_keys import officer_key
from zakhira.controls.acts.authority import MotionState
from zakhira.controls.acts.motion import Motion
from zakhira.controls.acts.public_acts import Proposal
from zakhira.controls.approval import PROPOSAL_DOMAIN
from zakhira.flows.governing import refusals
from zakhira.flows.governing.acting import record_act
from zakhira.flows.governing.acts import recorded_acts
from zakhira.flows.governing.motions import approve_motion, find_motion, propose_change, take_word, veto_motion
from zakhira.flows.governing.officers import enrol, revoke
from zakhira.flows.officer_words import sign_approval
from zakhira.flows.spending.refusals import ClockSetBack
from zakhira.programme.model import Policy
from zakhira.programme.policy import Payee, Quorum, Rule
from zakhira.programme.policy_text import policy_hash
from zakhira.simulator.signer import SimulatedOfficer


def with_payee(drill: GoverningDrill, hours: float) -> Policy:
    """The policy in force with a payee whose listing is dated so many hours from now."""
    policy = drill.state.version.policy
    payee = Payee("mason", "A mason", "bcrt1qexample", drill.now + timedelta(hours=hours))
    return replace(policy, payees=(*policy.payees, payee))


def with_key(policy: Policy, name: str, public_key: str) -> Policy:
    """The policy with another key of an officer."""
    officers = tuple(replace(item, public_key=public_key) if item.id == name else item for item in policy.officers)
    return replace(policy, officers=officers)


def test_a_change_is_in_force_48_hours_after_its_quorum_and_not_a_second_before() -> None:
    """Dara proposes, amina and chand approve; nobody writes anything more."""
    drill = begin()
    first = drill.state.version
    record = drill.approve(drill.change(with_fee_limit(60_000)), "amina")
    assert record.state is MotionState.OPEN
    assert drill.state.version == first
    record = drill.approve(record, "chand")
    assert record.state is MotionState.LOCKED
    complete_at = drill.now
    drill.now = complete_at + LOCK - timedelta(seconds=1)
    assert drill.state.version == first
    written = len(recorded_acts(drill.books))
    drill.now = complete_at + LOCK
    second = drill.state.version
    assert (second.number, second.policy.fee_limit_sats, second.motion) == (2, 60_000, record.motion.hash)
    assert second.in_force_since == complete_at + LOCK
    assert second.hash == policy_hash(second.policy) != first.hash
    assert drill.state.standing.policy_hash == second.hash
    assert len(recorded_acts(drill.books)) == written


def test_what_the_programme_file_says_is_not_taken_over() -> None:
    """Somebody edits the file after the founding: the version in force stays."""
    drill = begin()
    drill.policy = replace(drill.policy, fee_limit_sats=1)
    assert drill.state.version.policy.fee_limit_sats == 50_000
    assert drill.state.version.number == 1


def test_setting_the_clock_back_brings_no_older_policy_back() -> None:
    """The policy in force stays that of the last act, and no act is taken by the wrong clock."""
    drill = begin()
    drill.changed(with_fee_limit(60_000))
    record = drill.change(with_fee_limit(70_000))
    drill.wait(hours=-40)
    assert drill.state.version.policy.fee_limit_sats == 60_000
    with pytest.raises(ClockSetBack):
        approve_motion(drill.chamber, record.motion.hash, key_of("amina"))


def test_the_same_change_put_forward_again_is_the_same_motion() -> None:
    """A repeated command changes nothing."""
    drill = begin()
    record = drill.change(with_fee_limit(60_000))
    again = drill.change(with_fee_limit(60_000))
    assert again.motion.hash == record.motion.hash
    before = len(recorded_acts(drill.books))
    drill.approve(record, "amina")
    drill.approve(record, "amina")
    assert len(recorded_acts(drill.books)) == before + 1


def test_a_motion_whose_version_is_no_longer_in_force_is_overtaken() -> None:
    """Two changes race: one comes into force, and the other ends, whatever approvals it has."""
    drill = begin()
    slow = drill.approve(drill.change(with_fee_limit(70_000)), "amina")
    fast = drill.approve(drill.change(with_fee_limit(60_000)), "amina", "chand")
    drill.now += LOCK - timedelta(hours=1)
    assert find_motion(drill.state, slow.motion.hash).state in {MotionState.OPEN, MotionState.EXPIRED}
    late = drill.change(with_fee_limit(80_000))
    drill.wait(hours=1)
    assert drill.state.version.motion == fast.motion.hash
    assert drill.state.motions[late.motion.hash].state is MotionState.OVERTAKEN
    with pytest.raises(refusals.MotionOvertaken):
        approve_motion(drill.chamber, late.motion.hash, key_of("chand"))
    with pytest.raises(refusals.MotionOvertaken):
        propose_change(drill.chamber, drill.policy, REASON, key_of("dara"), seen=late.motion.policy_hash)


def test_two_changes_in_their_lock_do_not_both_come_into_force() -> None:
    """Both have their quorum; the second was moved from a version that the first ends."""
    drill = begin()
    first = drill.change(with_fee_limit(60_000))
    second = drill.change(with_fee_limit(70_000))
    drill.approve(first, "amina", "chand")
    drill.approve(second, "amina", "chand")
    drill.now += LOCK
    states = [drill.state.motions[item.motion.hash].state for item in (first, second)]
    assert states == [MotionState.IN_FORCE, MotionState.OVERTAKEN]
    assert drill.state.version.number == 2


def test_any_officer_vetoes_in_the_lock_and_nobody_after_it() -> None:
    """Bilal, who was not asked, says no; what is in force is ended by another change alone."""
    drill = begin()
    record = drill.approve(drill.change(with_fee_limit(60_000)), "amina", "chand")
    drill.now += LOCK - timedelta(minutes=1)
    vetoed = veto_motion(drill.chamber, record.motion.id, "nobody told us", key_of("bilal"))
    assert vetoed.state is MotionState.VETOED
    drill.now += LOCK
    assert drill.state.version.number == 1
    with pytest.raises(refusals.MotionOver):
        approve_motion(drill.chamber, record.motion.id, key_of("bilal"))
    other = drill.changed(with_fee_limit(70_000))
    with pytest.raises(refusals.MotionOver):
        veto_motion(drill.chamber, other.motion.id, "too late", key_of("bilal"))


def test_a_quorum_cannot_shorten_the_lock_by_backdating() -> None:
    """All approvals are dated on Monday and brought on Wednesday: the lock runs from Wednesday."""
    drill = begin()
    record = drill.change(with_fee_limit(60_000))
    dated = drill.now
    drill.wait(hours=47)
    for name in ("amina", "chand"):
        word = sign_approval(key_of(name), record.motion.hash, dated, record.motion.policy_hash)
        record = take_word(drill.chamber, word)
        drill.wait(minutes=1)
    assert record.check is not None
    assert record.check.in_force_at == dated + timedelta(hours=47, minutes=1) + LOCK


def test_time_runs_out() -> None:
    """Without a quorum within the policy's hours the motion has expired."""
    drill = begin()
    record = drill.approve(drill.change(with_fee_limit(60_000)), "amina")
    drill.now = record.motion.expires_at
    assert drill.state.motions[record.motion.hash].state is MotionState.EXPIRED
    with pytest.raises(refusals.MotionOver):
        approve_motion(drill.chamber, record.motion.hash, key_of("chand"))


def test_words_that_do_not_count_are_refused_each_with_its_code() -> None:
    """Strangers, forgeries, dates in the future, the proposer, motions that nobody put forward."""
    drill = begin()
    record = drill.change(with_fee_limit(60_000))
    name = record.motion.hash
    with pytest.raises(refusals.NotAnOfficer):
        approve_motion(drill.chamber, name, key_of("mallory"))
    with pytest.raises(refusals.ActForged):
        approve_motion(drill.chamber, name, other_key_of("amina"))
    with pytest.raises(refusals.MotionNotAllowed, match="by the proposer"):
        approve_motion(drill.chamber, name, key_of("dara"))
    word = sign_approval(key_of("amina"), name, drill.now + timedelta(hours=1), record.motion.policy_hash)
    with pytest.raises(refusals.ActMistimed):
        take_word(drill.chamber, word)
    with pytest.raises(refusals.UnknownMotion):
        approve_motion(drill.chamber, "00" * 32, key_of("amina"))
    with pytest.raises(refusals.UnknownMotion):
        take_word(drill.chamber, sign_approval(key_of("amina"), "00" * 32, drill.now, record.motion.policy_hash))
    with pytest.raises(refusals.UnknownMotion):
        approve_motion(drill.chamber, name[:5], key_of("amina"))
    with pytest.raises(refusals.BadReason):
        veto_motion(drill.chamber, name, " ", key_of("amina"))
    with pytest.raises(refusals.BadReason):
        propose_change(drill.chamber, with_payee(drill, 1), "x" * 501, key_of("dara"))
    assert not drill.state.motions[name].approvals


def test_an_approval_under_another_version_is_refused() -> None:
    """Amina signed under a version that is not the motion's; she can still say yes under the right one."""
    drill = begin()
    record = drill.change(with_fee_limit(60_000))
    with pytest.raises(refusals.MotionOvertaken):
        take_word(drill.chamber, sign_approval(key_of("amina"), record.motion.hash, drill.now, "ab" * 32))
    assert drill.approve(record, "amina", "chand").state is MotionState.LOCKED


def test_a_change_of_nothing_and_a_backdated_payee_are_refused() -> None:
    """A payee that is listed from before the motion would cut its own delay short."""
    drill = begin()
    with pytest.raises(refusals.NothingChanges):
        drill.change(lambda policy: policy)
    with pytest.raises(refusals.BackdatedListing, match="mason"):
        drill.propose(with_payee(drill, -1))
    record = drill.propose(with_payee(drill, 1))
    drill.approve(record, "amina", "chand")
    drill.now += LOCK
    assert [payee.id for payee in drill.state.version.policy.payees] == ["mason"]
    drill.changed(with_fee_limit(60_000))
    assert drill.state.version.number == 3, "a payee that was listed before is no new one"


def test_a_payee_moved_to_another_address_counts_as_new() -> None:
    """The old date of the listing does not come along."""
    drill = begin()
    drill.approve(drill.propose(with_payee(drill, 1)), "amina", "chand")
    drill.now += LOCK

    def elsewhere(policy: Policy) -> Policy:
        return replace(policy, payees=(replace(policy.payees[0], address="bcrt1qother"),))

    with pytest.raises(refusals.BackdatedListing):
        drill.change(elsewhere)


def test_a_new_key_must_have_proven_to_be_held() -> None:
    """Enrolled by itself, named by a change, and then it alone counts."""
    drill = begin()
    key = other_key_of("amina")
    with pytest.raises(refusals.KeyNotEnrolled, match="amina"):
        drill.change(lambda policy: with_key(policy, "amina", key.public_key))
    enrol(drill.chamber, key)
    record = drill.change(lambda policy: with_key(policy, "amina", key.public_key))
    drill.approve(record, "bilal", "chand")
    drill.now += LOCK
    later = drill.change(with_fee_limit(60_000))
    with pytest.raises(refusals.ActForged):
        approve_motion(drill.chamber, later.motion.hash, key_of("amina"))
    assert approve_motion(drill.chamber, later.motion.hash, key).approvals[-1].officer == "amina"


def test_an_enrolment_is_for_one_officer_alone() -> None:
    """Amina's proof does not make the key bilal's."""
    drill = begin()
    key = other_key_of("amina")
    enrol(drill.chamber, key)
    with pytest.raises(refusals.KeyNotEnrolled, match="bilal"):
        drill.change(lambda policy: with_key(policy, "bilal", key.public_key))


def test_a_revoked_key_and_a_key_of_another_cannot_come_back() -> None:
    """Neither by the officer's own name nor by another's."""
    drill = begin()
    spare = other_key_of("bilal")
    enrol(drill.chamber, spare)
    revoke(drill.chamber, "bilal", "lost", key_of("chand"), key=spare.public_key)
    with pytest.raises(refusals.KeyNotFree, match="revoked"):
        drill.change(lambda policy: with_key(policy, "bilal", spare.public_key))
    enrol(drill.chamber, SimulatedOfficer("bilal", officer_key(PHRASE, "amina").private_bytes_raw()))
    with pytest.raises(refusals.KeyNotFree, match="one key"):
        drill.change(lambda policy: with_key(policy, "bilal", key_of("amina").public_key))


def test_the_rule_of_a_policy_decides_about_its_own_change() -> None:
    """Its quorum, its proposers, its vetoing role, its delay and its hours; the lock is never shorter."""
    rule = Rule(
        id="change",
        clause="Charter 9",
        actions=("policy-change",),
        propose_roles=("audit",),
        quorums=(Quorum(2, ("treasury",)),),
        veto_roles=("operations",),
        delay_hours=72,
        from_hour=9,
        to_hour=17,
    )
    drill = begin(policy=replace(begin().policy, rules=(rule,)))
    with pytest.raises(refusals.MotionNotAllowed, match="audit"):
        drill.change(with_fee_limit(60_000))
    drill.now = drill.now.replace(hour=20)
    record = drill.approve(drill.change(with_fee_limit(60_000), by="chand"), "amina", "bilal")
    with pytest.raises(refusals.MotionNotAllowed, match="bilal"):
        veto_motion(drill.chamber, record.motion.hash, "no", key_of("bilal"))
    assert record.check is not None
    assert record.check.in_force_at == (drill.now + timedelta(hours=72 + 13)).replace(hour=9, minute=0)
    assert veto_motion(drill.chamber, record.motion.hash, "no", key_of("dara")).state is MotionState.VETOED


def test_a_policy_whose_rules_do_not_name_changes_cannot_be_changed() -> None:
    """What no rule fits is refused."""
    rule = Rule(id="pay", clause="1", actions=("spend",))
    drill = begin(policy=replace(begin().policy, rules=(rule,)))
    with pytest.raises(refusals.MotionNotAllowed, match="No rule"):
        drill.change(with_fee_limit(60_000))


def test_an_approval_replayed_for_a_later_motion_of_the_same_content_does_not_count() -> None:
    """From A to B, back to A, and again to B: yesterday's signatures are about yesterday's motion."""
    drill = begin()
    first = drill.changed(with_fee_limit(60_000))
    drill.changed(with_fee_limit(50_000))
    again = drill.change(with_fee_limit(60_000))
    assert again.motion.to_hash == first.motion.to_hash
    assert again.motion.hash != first.motion.hash
    old = first.approvals[0]
    take_word(drill.chamber, old)
    assert not drill.state.motions[again.motion.hash].approvals
    with pytest.raises(refusals.MotionOver):
        take_word(drill.chamber, sign_approval(key_of("amina"), first.motion.hash, drill.now, old.policy_hash))
    with pytest.raises(refusals.ActForged):
        take_word(drill.chamber, replace(old, instruction_hash=again.motion.hash))


def test_a_motion_signed_with_an_old_date_is_refused() -> None:
    """Dated twenty hours back, with a payee listed from then: neither counts from before it was recorded."""
    drill = begin()
    drill.wait(hours=72)
    old = drill.now - timedelta(hours=20)
    with pytest.raises(refusals.ActMistimed, match="recorded only at"):
        record_signed(drill, old, with_payee(drill, -20))
    with pytest.raises(refusals.BackdatedListing, match="mason"):
        record_signed(drill, drill.now - timedelta(minutes=1), with_payee(drill, -1 / 60))
    assert not drill.state.motions
    record_signed(drill, drill.now - timedelta(minutes=1), with_payee(drill, 0))
    assert len(drill.state.motions) == 1


def record_signed(drill: GoverningDrill, at: datetime, to: Policy) -> None:
    """A motion of dara's with a date of her own, as a program that she wrote herself would bring it."""
    motion = Motion("policy-change", "dara", at, at + timedelta(hours=24), REASON, drill.state.version.hash, to)
    proposal = Proposal(motion, key_of("dara").sign(PROPOSAL_DOMAIN, motion.hash))
    record_act(drill.chamber, "dara", "motion proposed", lambda _, __: proposal)

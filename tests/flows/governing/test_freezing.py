"""A freeze by any officer at once, its end by a quorum, and keys that are revoked at once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from governing_drill import LOCK, REASON, START, GoverningDrill, begin, key_of, other_key_of, with_fee_limit
from zakhira.controls.acts.authority import MotionRecord, MotionState
from zakhira.controls.engine.decide import decide
from zakhira.controls.engine.decision import Why
from zakhira.controls.engine.movement_log import MovementLog
from zakhira.controls.engine.question import Question
from zakhira.flows.governing import refusals
from zakhira.flows.governing.freezing import freeze
from zakhira.flows.governing.motions import approve_motion, propose_thaw, veto_motion
from zakhira.flows.governing.officers import enrol, officer_states, revoke
from zakhira.flows.officer_words import sign_veto
from zakhira.kernel.money import sats
from zakhira.programme.policy import Deputy, Quorum, Rule


def thaw(drill: GoverningDrill, *names: str, by: str = "dara") -> MotionRecord:
    """A thaw put forward and approved by these."""
    drill.wait(minutes=1)
    return drill.approve(propose_thaw(drill.chamber, "all is well, letter 3", key_of(by)), *names)


def test_any_officer_stops_at_once_and_a_quorum_ends_it() -> None:
    """Chand freezes; the thaw of the others needs all approving roles and no lock."""
    drill = begin()
    freeze(drill.chamber, "the payee called", key_of("chand"))
    stands = drill.state.standing.freeze
    assert stands is not None
    assert (stands.officer, stands.reason) == ("chand", "the payee called")
    record = thaw(drill, "amina")
    assert record.state is MotionState.OPEN
    assert drill.state.standing.freeze is not None
    record = drill.approve(record, "chand")
    assert drill.state.standing.freeze is None
    assert drill.state.motions[record.motion.hash].state is MotionState.IN_FORCE


def test_a_freeze_needs_no_clock_that_is_right() -> None:
    """The machine's clock was set back by a day: it stops all the same, dated with the last act."""
    drill = begin()
    drill.change(with_fee_limit(60_000))
    last = drill.now
    drill.wait(hours=-24)
    assert freeze(drill.chamber, REASON, key_of("bilal")).freeze.at == last
    assert drill.state.standing.freeze is not None


def test_the_same_officer_freezes_once_and_another_adds_his_own() -> None:
    """A freeze that comes while the thaw of another is approved stays."""
    drill = begin()
    first = freeze(drill.chamber, "one", key_of("amina"))
    assert freeze(drill.chamber, "two", key_of("amina")) == first
    record = thaw(drill, "amina")
    drill.wait(minutes=1)
    freeze(drill.chamber, "I know more", key_of("bilal"))
    drill.approve(record, "chand")
    stands = drill.state.standing.freeze
    assert stands is not None
    assert stands.officer == "bilal"


def test_a_thaw_follows_its_own_rule() -> None:
    """Two of treasury thaw; their rule waits an hour; a no ends it."""
    rule = Rule("thaw", "Charter 4", ("thaw",), quorums=(Quorum(2, ("treasury",)),), delay_hours=1)
    drill = begin(policy=replace(begin().policy, rules=(rule,)))
    freeze(drill.chamber, REASON, key_of("dara"))
    record = thaw(drill, "amina", "bilal")
    assert drill.state.standing.freeze is not None
    drill.wait(hours=1)
    assert drill.state.standing.freeze is None
    freeze(drill.chamber, REASON, key_of("dara"))
    record = thaw(drill, "amina", "bilal")
    assert veto_motion(drill.chamber, record.motion.hash, "not yet", key_of("chand")).state is MotionState.VETOED
    drill.wait(hours=2)
    assert drill.state.standing.freeze is not None


def test_a_policy_without_a_rule_for_the_thaw_says_so_when_it_is_frozen() -> None:
    """The officer is told, and is not kept from stopping."""
    drill = begin(policy=replace(begin().policy, rules=(Rule("pay", "1", ("spend",)),)))
    assert not freeze(drill.chamber, REASON, key_of("dara")).can_be_thawed
    with pytest.raises(refusals.MotionNotAllowed):
        propose_thaw(drill.chamber, REASON, key_of("dara"))


def test_who_may_not_freeze_and_what_cannot_be_thawed() -> None:
    """Strangers, forged keys, no reason; nothing frozen."""
    drill = begin()
    with pytest.raises(refusals.NotAnOfficer):
        freeze(drill.chamber, REASON, key_of("mallory"))
    with pytest.raises(refusals.ActForged):
        freeze(drill.chamber, REASON, other_key_of("amina"))
    with pytest.raises(refusals.BadReason):
        freeze(drill.chamber, "", key_of("amina"))
    with pytest.raises(refusals.NothingToThaw):
        propose_thaw(drill.chamber, REASON, key_of("dara"))
    assert not drill.state.freezes


def test_a_stolen_key_is_replaced_while_the_reserve_is_frozen() -> None:
    """A freeze stops coins and not the change of the policy."""
    drill = begin()
    freeze(drill.chamber, "amina's phone is gone", key_of("chand"))
    revoke(drill.chamber, "amina", "stolen", key_of("chand"))
    key = other_key_of("amina")
    enrol(drill.chamber, key)
    policy = drill.policy
    officers = tuple(replace(o, public_key=key.public_key) if o.id == "amina" else o for o in policy.officers)
    drill.wait(minutes=1)
    record = drill.propose(replace(policy, officers=officers))
    drill.approve(record, "bilal", "chand")
    drill.now += LOCK
    assert drill.state.version.number == 2
    assert drill.state.standing.freeze is not None
    record = propose_thaw(drill.chamber, REASON, key_of("dara"))
    approve_motion(drill.chamber, record.motion.hash, key)
    drill.approve(record, "chand")
    assert drill.state.standing.freeze is None


def test_a_revoked_key_counts_nowhere_from_that_moment() -> None:
    """It approves, proposes, vetoes, freezes, revokes nothing any more."""
    drill = begin()
    record = drill.change(with_fee_limit(60_000))
    drill.wait(minutes=1)
    gone = revoke(drill.chamber, "amina", "lost", key_of("amina"))
    assert revoke(drill.chamber, "amina", "again", key_of("chand")) == gone
    assert drill.state.standing.revoked == {key_of("amina").public_key: drill.now}
    drill.wait(minutes=1)
    key = key_of("amina")
    for act in (
        lambda: approve_motion(drill.chamber, record.motion.hash, key),
        lambda: veto_motion(drill.chamber, record.motion.hash, REASON, key),
        lambda: freeze(drill.chamber, REASON, key),
        lambda: revoke(drill.chamber, "chand", REASON, key),
        lambda: enrol(drill.chamber, key),
        lambda: drill.propose(replace(drill.policy, fee_limit_sats=1), by="amina"),
    ):
        with pytest.raises(refusals.KeyRevoked, match="ZK-FLOWS-123"):
            act()


def test_a_revocation_takes_a_given_approval_away_before_the_change_is_in_force() -> None:
    """A stolen key approved: revoked in the lock, its yes is gone with it, and the change never comes."""
    drill = begin()
    record = drill.approve(drill.change(with_fee_limit(60_000)), "amina", "chand")
    drill.wait(hours=40)
    revoke(drill.chamber, "amina", "stolen", key_of("chand"))
    assert drill.state.motions[record.motion.hash].state is MotionState.OPEN
    drill.now += LOCK
    assert drill.state.version.number == 1


def test_a_motion_falls_with_the_key_that_put_it_forward() -> None:
    """Dara's key is stolen, moves a change, and gets a quorum: revoked in the lock, nothing of it comes."""
    drill = begin()
    record = drill.approve(drill.change(with_fee_limit(60_000)), "amina", "chand")
    revoke(drill.chamber, "dara", "stolen", key_of("chand"))
    assert drill.state.motions[record.motion.hash].state is MotionState.OPEN
    drill.now += LOCK
    assert drill.state.version.number == 1


def test_a_quorum_that_a_revocation_broke_can_be_completed_anew() -> None:
    """Bilal says yes in amina's place: the lock begins again."""
    drill = begin()
    record = drill.approve(drill.change(with_fee_limit(60_000)), "amina", "chand")
    drill.wait(hours=1)
    revoke(drill.chamber, "amina", "stolen", key_of("chand"))
    record = drill.approve(record, "bilal")
    assert record.check is not None
    assert record.check.in_force_at == drill.now + LOCK
    drill.now += LOCK
    assert drill.state.version.number == 2


def test_what_came_into_force_before_a_revocation_stays_in_force() -> None:
    """The past is not undone by a revocation."""
    drill = begin()
    drill.changed(with_fee_limit(60_000))
    revoke(drill.chamber, "amina", "retired", key_of("amina"))
    drill.wait(hours=1)
    assert drill.state.version.number == 2


def test_a_revocation_never_lowers_a_quorum() -> None:
    """Two of treasury are asked for; with amina's key revoked there is one, and bilal alone is not enough."""
    rule = Rule("change", "1", ("policy-change",), quorums=(Quorum(2, ("treasury",)),))
    drill = begin(policy=replace(begin().policy, rules=(rule,)))
    record = drill.approve(drill.change(with_fee_limit(60_000)), "bilal")
    revoke(drill.chamber, "amina", REASON, key_of("chand"))
    drill.now += LOCK
    assert drill.state.motions[record.motion.hash].state is not MotionState.IN_FORCE
    with pytest.raises(refusals.MotionNotAllowed, match="asks for 2 persons"):
        drill.change(with_fee_limit(70_000))


def test_keys_that_were_never_an_officers_cannot_be_revoked() -> None:
    """Neither of nobody nor of somebody else."""
    drill = begin()
    with pytest.raises(refusals.UnknownKey):
        revoke(drill.chamber, "mallory", REASON, key_of("chand"))
    with pytest.raises(refusals.UnknownKey):
        revoke(drill.chamber, "amina", REASON, key_of("chand"), key=key_of("bilal").public_key)


def test_the_list_of_officers() -> None:
    """Deputies with dates, other offices of one person, keys that wait for a policy, keys that are gone."""
    policy = begin().policy
    officers = tuple(replace(item, person="amina") if item.id == "dara" else item for item in policy.officers)
    day = begin().now.date()
    policy = replace(policy, officers=officers, deputies=(Deputy("bilal", "chand", day, day),))
    drill = begin(policy=policy)
    enrol(drill.chamber, other_key_of("bilal"))
    revoke(drill.chamber, "bilal", REASON, key_of("bilal"))
    found = {(item.id, item.public_key): item for item in officer_states(drill.state)}
    assert len(found) == 5
    assert found["amina", key_of("amina").public_key].offices == ("dara",)
    assert found["chand", key_of("chand").public_key].deputies == policy.deputies
    assert found["bilal", key_of("bilal").public_key].revoked is not None
    waiting = found["bilal", other_key_of("bilal").public_key]
    assert waiting.officer is None
    assert waiting.enrolled_at == drill.now


def test_whoever_revokes_the_key_of_another_stops_everything_with_it() -> None:
    """Dara alone ends the auditor's key: the reserve is frozen by the same act, and a quorum ends that."""
    drill = begin()
    revoke(drill.chamber, "chand", "would not sign", key_of("dara"))
    stop = drill.state.standing.freeze
    assert stop is not None
    assert (stop.officer, stop.reason) == ("dara", "revoked the key of chand: would not sign")
    assert not freeze(drill.chamber, REASON, key_of("dara")).freeze.reason.endswith(REASON), "it stands already"


def test_a_key_that_is_not_in_force_or_ones_own_ends_without_a_stop() -> None:
    """An old or spare key of another, one's own, and one's own in another office."""
    policy = begin().policy
    officers = tuple(replace(item, person="amina") if item.id == "dara" else item for item in policy.officers)
    drill = begin(policy=replace(policy, officers=officers))
    enrol(drill.chamber, other_key_of("bilal"))
    revoke(drill.chamber, "bilal", REASON, key_of("chand"), key=other_key_of("bilal").public_key)
    revoke(drill.chamber, "bilal", REASON, key_of("bilal"))
    revoke(drill.chamber, "dara", REASON, key_of("amina"))
    assert drill.state.standing.freeze is None


def test_a_key_that_another_alone_revoked_still_says_no_and_never_yes() -> None:
    """Dara revokes the auditor before her own change: the auditor's veto ends it, and the auditor can stop coins."""
    drill = begin()
    record = drill.change(with_fee_limit(60_000))
    other = drill.change(with_fee_limit(70_000))
    drill.approve(record, "chand", "amina")
    revoke(drill.chamber, "chand", "in the way", key_of("bilal"))
    drill.wait(minutes=1)
    assert drill.state.motions[record.motion.hash].state is MotionState.OPEN, "the yes is gone"
    with pytest.raises(refusals.KeyRevoked):
        approve_motion(drill.chamber, other.motion.hash, key_of("chand"))
    for name in (record.motion.hash, other.motion.hash):
        vetoed = veto_motion(drill.chamber, name, "I was silenced", key_of("chand"))
        assert vetoed.state is MotionState.VETOED
    assert freeze(drill.chamber, "I was silenced", key_of("chand")).freeze.officer == "chand"
    with pytest.raises(refusals.KeyRevoked):
        revoke(drill.chamber, "bilal", REASON, key_of("chand"))


def test_a_change_that_drops_the_key_ends_its_no() -> None:
    """A stolen key cannot veto the change that replaces it, and is silent once that is in force."""
    drill = begin()
    revoke(drill.chamber, "amina", "stolen", key_of("chand"))
    key = other_key_of("amina")
    enrol(drill.chamber, key)
    officers = tuple(
        replace(o, public_key=key.public_key) if o.id == "amina" else o for o in drill.state.version.policy.officers
    )
    record = drill.change(lambda policy: replace(policy, officers=officers))
    with pytest.raises(refusals.MotionNotAllowed, match="veto"):
        veto_motion(drill.chamber, record.motion.hash, "keep me", key_of("amina"))
    drill.approve(record, "bilal", "chand")
    drill.now += LOCK
    assert drill.state.version.number == 2
    assert not drill.state.may_say_no
    with pytest.raises(refusals.ActForged):
        freeze(drill.chamber, REASON, key_of("amina"))


def test_a_spend_is_stopped_by_the_no_of_a_key_that_another_alone_revoked() -> None:
    """The engine counts the veto, and no approval; of a key that its own officer revoked it counts neither."""
    drill = begin()
    no = sign_veto(key_of("chand"), "ab" * 32, "order 17 is false", drill.now)
    matter = Question("spend", "pay-1", "ab" * 32, "dara", START, START + LOCK, sats(1), vetoes=(no,))
    for by, counts in (("dara", True), ("chand", False)):
        other = begin()
        revoke(other.chamber, "chand", REASON, key_of(by))
        standing = replace(other.state.standing, freeze=None)
        decision = decide(other.policy, standing, MovementLog(), matter, other.now)
        assert (Why.VETOED.code in {reason.code for reason in decision.reasons}) is counts

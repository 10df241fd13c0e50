"""Motions re-checked from the policy before them and signatures alone, as whoever trusts nobody does it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governing_drill import LOCK, REASON, begin, key_of, other_key_of, with_fee_limit
from zakhira.controls.acts.authority_fold import authority_at
from zakhira.controls.acts.motion import THAW, BadMotionText, Motion, motion_of
from zakhira.controls.acts.motion_check import check_motion
from zakhira.controls.acts.policy_delta import policy_delta
from zakhira.controls.acts.public_acts import BadActText, act_json, act_of, acts_document, acts_of
from zakhira.controls.approval import Approval
from zakhira.controls.engine.decision import Verdict, Why
from zakhira.flows.governing.acts import recorded_acts
from zakhira.flows.governing.freezing import freeze
from zakhira.flows.governing.motions import propose_thaw, veto_motion
from zakhira.flows.governing.officers import enrol, revoke
from zakhira.flows.officer_words import sign_approval, sign_veto
from zakhira.kernel.canonical import Json, canonical_bytes, parse_canonical
from zakhira.kernel.errors import ZakhiraError
from zakhira.programme.policy import Rule
from zakhira.programme.policy_text import policy_hash

POLICY = replace(begin().policy, vaults=())
START = begin().now
MINUTE = timedelta(minutes=1)
MOTION = Motion(
    "policy-change",
    "dara",
    START,
    START + timedelta(hours=48),
    REASON,
    policy_hash(POLICY),
    with_fee_limit(60_000)(POLICY),
)


def yes(name: str, minutes: int, motion: Motion = MOTION) -> Approval:
    """An approval so many minutes after the motion."""
    return sign_approval(key_of(name), motion.hash, START + minutes * MINUTE, motion.policy_hash)


def test_the_quorum_and_the_lock_follow_from_signatures() -> None:
    """Amina after one minute, chand after three: in force 48 hours after chand's, in whatever order they are told."""
    signed = [yes("amina", 1), yes("chand", 3), yes("bilal", 7)]
    for order in permutations(signed):
        check = check_motion(POLICY, MOTION, order, START + 10 * MINUTE)
        assert check.complete_at == START + 3 * MINUTE
        assert check.in_force_at == START + 3 * MINUTE + LOCK
    assert check.in_force(START + 3 * MINUTE + LOCK)
    assert not check.in_force(START + 3 * MINUTE + LOCK - timedelta(seconds=1))


def test_the_lock_runs_from_when_the_checker_knew() -> None:
    """A watchtower that saw chand's yes an hour later counts from there, and never from before its date."""
    signed = [yes("amina", 1), yes("chand", 3)]
    seen = {signed[1].statement_hash: START + 63 * MINUTE}
    check = check_motion(POLICY, MOTION, signed, START + 70 * MINUTE, known_at=seen)
    assert check.in_force_at == START + 63 * MINUTE + LOCK
    early = {item.statement_hash: START for item in signed}
    check = check_motion(POLICY, MOTION, signed, START + 70 * MINUTE, known_at=early)
    assert check.in_force_at == START + 3 * MINUTE + LOCK


@pytest.mark.parametrize(
    ("signed", "why"),
    [
        ((yes("amina", 1), replace(yes("chand", 2), signature="00" * 64)), Why.FORGED),
        ((yes("amina", 1), replace(yes("chand", 2), at=START + 5 * MINUTE)), Why.FORGED),
        ((yes("amina", 1), yes("dara", 2)), Why.BY_PROPOSER),
        ((yes("amina", 1), yes("chand", -5)), Why.MISTIMED),
        ((yes("amina", 1), yes("chand", 2, replace(MOTION, reason="another"))), Why.OTHER_MATTER),
    ],
)
def test_signatures_that_make_no_quorum(signed: tuple[Approval, ...], why: Why) -> None:
    """Forged, edited, by the proposer, before the motion, over another motion."""
    check = check_motion(POLICY, MOTION, signed, START + 60 * MINUTE)
    assert check.in_force_at is None
    assert check.decision.verdict is Verdict.REFUSED
    assert why.code in [reason.code for reason in check.decision.reasons]


def test_one_officer_twice_and_two_of_one_role_are_no_quorum() -> None:
    """Amina twice, or amina and bilal of the same role: audit is missing."""
    for signed in ((yes("amina", 1), yes("amina", 2)), (yes("amina", 1), yes("bilal", 2))):
        check = check_motion(POLICY, MOTION, signed, START + 60 * MINUTE)
        assert check.in_force_at is None
        assert check.decision.missing == ("audit",)


def test_a_veto_counts_until_the_change_is_in_force() -> None:
    """Said in the lock it ends the motion; said after it, it is late; a forged one is none."""
    signed = [yes("amina", 1), yes("chand", 2)]
    starts = START + 2 * MINUTE + LOCK
    for name, at, counts in (("bilal", starts - MINUTE, True), ("bilal", starts, False)):
        no = sign_veto(key_of(name), MOTION.hash, "no", at)
        assert check_motion(POLICY, MOTION, signed, at, vetoes=[no]).vetoed is counts
    forged = sign_veto(other_key_of("bilal"), MOTION.hash, "no", START + 9 * MINUTE)
    assert not check_motion(POLICY, MOTION, signed, START + LOCK, vetoes=[forged]).vetoed


def test_a_revoked_key_counts_nothing_whatever_its_date() -> None:
    """Amina's yes is dated before the revocation: it is gone all the same."""
    revoked = {key_of("amina").public_key: START + 30 * MINUTE}
    signed = [yes("amina", 1), yes("chand", 2)]
    check = check_motion(POLICY, MOTION, signed, START + 60 * MINUTE, revoked=revoked)
    assert check.in_force_at is None
    again = check_motion(POLICY, MOTION, [*signed, yes("bilal", 40)], START + 60 * MINUTE, revoked=revoked)
    assert again.in_force_at == START + 40 * MINUTE + LOCK


def test_a_motion_travels_as_text_and_in_no_second_spelling() -> None:
    """What is signed names the policy by its hash: another policy beside the same hash is refused."""
    body = parse_canonical(canonical_bytes(MOTION.body))
    assert motion_of(body) == MOTION
    assert isinstance(body, dict)
    other = {**body, "policy": {**body["policy"], "fee_limit_sats": 1}}
    bodies: tuple[Json, ...] = (
        other,
        {**body, "more": 1},
        {**body, "kind": THAW},
        {**body, "to": "00"},
        {"kind": "thaw"},
        None,
        [],
    )
    for bad in bodies:
        with pytest.raises(BadMotionText):
            motion_of(bad)


def acts_of_a_week() -> list[object]:
    """Acts of every kind, as plain data."""
    drill = begin()
    enrol(drill.chamber, other_key_of("amina"))
    drill.changed(with_fee_limit(60_000))
    drill.approve(drill.change(with_fee_limit(70_000)), "amina")
    veto_motion(drill.chamber, list(drill.state.motions)[1], "no", key_of("bilal"))
    freeze(drill.chamber, "stop", key_of("chand"))
    drill.approve(propose_thaw(drill.chamber, REASON, key_of("dara")), "amina", "chand")
    revoke(drill.chamber, "bilal", "left", key_of("chand"))
    return [act_json(act) for act in recorded_acts(drill.books)]


ACTS = acts_of_a_week()


def test_acts_travel_as_text_and_come_to_the_same() -> None:
    """Published, read back, and folded anew from the text alone."""
    acts = tuple(map(act_of, ACTS))  # type: ignore[arg-type]  # plain data
    data = canonical_bytes(acts_document(acts))
    again = acts_of(parse_canonical(data))
    assert again == acts
    state = authority_at(again, acts[-1].at)
    assert not state.faults
    assert [version.number for version in state.versions] == [1, 2]
    assert [item.reason for item in state.freezes.values()] == ["revoked the key of bilal: left"]
    assert set(state.revoked) == {key_of("bilal").public_key}
    with pytest.raises(BadActText):
        acts_of({"format": "zakhira-authority/2", "acts": []})


@settings(max_examples=50)
@given(st.data())
def test_an_act_that_is_changed_anywhere_is_found(data: st.DataObject) -> None:
    """One text of one signed act is altered: the fold tells a fault, or the text is no act any more."""
    number = data.draw(st.integers(1, len(ACTS) - 1))
    changed: Any = parse_canonical(canonical_bytes(ACTS[number]))  # type: ignore[arg-type]  # plain data
    place = changed["act"]
    while True:
        key = data.draw(st.sampled_from(sorted(key for key in place if place[key] not in ("", [], None))))
        if not isinstance(place[key], dict):
            break
        place = place[key]
    place[key] = altered(place[key])
    acts = [*ACTS[:number], changed, *ACTS[number + 1 :]]
    try:
        read = tuple(map(act_of, acts))
    except ZakhiraError:
        return
    assert authority_at(read, read[-1].at).faults


def altered(value: object) -> object:
    """Another value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, list):
        return value[:-1]
    text = str(value)
    return f"{'1' if text[0] != '1' else '2'}{text[1:]}"


def test_what_changed_is_told_part_by_part() -> None:
    """Fields, records that come and go, and the order of rules."""
    first, second = Rule("a", "1", ("spend",)), Rule("b", "2", ("move",))
    before = replace(POLICY, rules=(first, second))
    after = replace(before, rules=(second, replace(first, delay_hours=4)), fee_limit_sats=9)
    told = {item.place: (item.before, item.after) for item in policy_delta(before, after)}
    assert told == {
        "fee_limit_sats": ("50000", "9"),
        "rule a.delay_hours": ("0", "4"),
        "order of rules": ("a, b", "b, a"),
    }
    gone = policy_delta(before, replace(before, rules=(second,)))
    assert [(item.place, item.after) for item in gone] == [("rule a", "")]
    assert policy_delta(before, before) == ()

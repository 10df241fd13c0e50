"""A spend is allowed by the right people, in time, within limits, or not at all: the rule that old programmes mean."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from officer_drill import EXPIRES, HASH, NOW, OTHER_HASH, PROPOSED, Keys, answer, approve
from zakhira.controls.approval import Approval
from zakhira.controls.engine.decision import Verdict, Why
from zakhira.kernel.interval import NotUtc
from zakhira.kernel.money import sats
from zakhira.programme.model import Policy


def test_both_roles_approve(policy: Policy, keys: Keys) -> None:
    """A comptroller and the governor approve what the treasury proposes."""
    decision = answer(policy, approve(keys, "sana"), approve(keys, "noor"))
    assert decision.verdict is Verdict.ALLOWED
    assert (decision.rule, decision.clause) == ("implied", policy.clause)
    assert (decision.reasons, decision.needs, decision.remarks) == ((), (), ())


def test_missing_roles_are_named(policy: Policy, keys: Keys) -> None:
    """Without approvals both roles are missing; two comptrollers are still no governor."""
    assert answer(policy).missing == ("comptroller", "governor")
    decision = answer(policy, approve(keys, "sana"), approve(keys, "tariq"))
    assert (decision.verdict, decision.missing, decision.reasons) == (Verdict.NEEDS, ("governor",), ())


def test_a_role_that_is_not_asked_for_does_not_help(policy: Policy, keys: Keys) -> None:
    """The auditor's approval is genuine and counts for nothing."""
    decision = answer(policy, approve(keys, "sana"), approve(keys, "omar"))
    assert (decision.verdict, decision.missing, decision.reasons) == (Verdict.NEEDS, ("governor",), ())


def test_one_person_never_counts_twice(policy: Policy, keys: Keys) -> None:
    """Where two comptrollers are asked for, one comptroller's two approvals are one."""
    two = replace(policy, approve_roles=("comptroller", "comptroller"))
    again = approve(keys, "sana", at=NOW)
    assert answer(two, approve(keys, "sana"), again).missing == ("comptroller",)
    assert answer(two, approve(keys, "sana"), approve(keys, "tariq")).allowed


def test_one_key_under_two_names_is_one_person(policy: Policy, keys: Keys) -> None:
    """A comptroller who is the governor as well, with the same key, cannot approve alone."""
    sana = next(officer for officer in policy.officers if officer.id == "sana")
    others = tuple(officer for officer in policy.officers if officer.id != "noor")
    double = replace(sana, id="noor", role="governor", public_key=sana.public_key.upper())
    both = (approve(keys, "sana"), approve({"noor": keys["sana"]}, "noor"))
    decision = answer(replace(policy, officers=(*others, double)), *both)
    assert decision.verdict is Verdict.REFUSED
    assert [reason.code for reason in decision.reasons] == [Why.ONE_PERSON.code]
    assert "one person never counts twice" in decision.reasons[0].text


@pytest.mark.parametrize(
    ("other", "why", "words"),
    [
        ({"amount": sats(1_000_001)}, Why.NO_RULE, "spend 0.01000001 BTC from vault cold"),
        ({"amount": sats(0)}, Why.NOTHING_MOVED, "moves nothing"),
        ({"fee_sats": 5_001}, Why.FEE_ABOVE_LIMIT, "above the limit of 5000 sat"),
        ({"fee_sats": -1}, Why.FEE_ABOVE_LIMIT, "not possible"),
        ({"at": EXPIRES}, Why.EXPIRED, "expired"),
        ({"at": PROPOSED - timedelta(seconds=1)}, Why.FROM_THE_FUTURE, "dated in the future"),
        ({"expires_at": EXPIRES + timedelta(seconds=1)}, Why.WAITS_TOO_LONG, "waits longer than the 24 hours"),
        ({"proposer": "omar"}, Why.PROPOSER_ROLE, "holds the role auditor, not treasury"),
        ({"proposer": "mallory"}, Why.UNKNOWN_OFFICER, "no officer"),
        ({"at": PROPOSED + timedelta(minutes=59)}, Why.FROM_THE_FUTURE, "outside the time"),
        ({"proposed_at": PROPOSED + timedelta(minutes=61)}, Why.MISTIMED, "outside the time"),
        ({"hash": OTHER_HASH}, Why.OTHER_MATTER, "for another instruction"),
    ],
)
def test_each_rule_refuses_by_itself(
    policy: Policy, keys: Keys, other: dict[str, object], why: Why, words: str
) -> None:
    """With every approval in place, each broken rule alone is a no, with its reason and code."""
    decision = answer(policy, approve(keys, "sana"), approve(keys, "noor"), **other)  # type: ignore[arg-type]
    assert decision.verdict is Verdict.REFUSED
    assert any(words in reason.text and reason.code == why.code for reason in decision.reasons), decision.reasons


def test_at_the_limits_it_is_allowed(policy: Policy, keys: Keys) -> None:
    """Exactly at the limits, in the last second."""
    given_ = (approve(keys, "sana"), approve(keys, "noor"))
    decision = answer(policy, *given_, amount=sats(1_000_000), fee_sats=5_000, at=EXPIRES - timedelta(seconds=1))
    assert decision.allowed


def test_the_proposer_never_approves(policy: Policy, keys: Keys) -> None:
    """Where the treasury itself may approve, the proposer may not, but a colleague may."""
    own = replace(policy, approve_roles=("treasury", "governor"))
    decision = answer(own, approve(keys, "amina"), approve(keys, "noor"))
    assert [reason.code for reason in decision.reasons] == [Why.BY_PROPOSER.code]
    assert answer(own, approve(keys, "bilal"), approve(keys, "noor")).allowed


def test_forgeries_refuse_the_whole_spend(policy: Policy, keys: Keys) -> None:
    """A stranger, a signature by another key, for another purpose or over another hash: each is a no of its own."""
    good = (approve(keys, "sana"), approve(keys, "noor"))
    by_stranger = replace(approve(keys, "sana"), officer="mallory")
    by_other_key = replace(approve(keys, "tariq"), officer="omar")
    other_domain = approve(keys, "omar", domain="pack")
    relabelled = replace(approve(keys, "omar", of=OTHER_HASH), instruction_hash=HASH)
    redated = replace(approve(keys, "omar"), at=NOW)
    other_version = replace(approve(keys, "omar"), policy_hash="1" * 64)
    garbage = replace(approve(keys, "omar"), signature="zz")
    assert answer(policy, *good, by_stranger).reasons[0].code == Why.UNKNOWN_OFFICER.code
    for bad in (by_other_key, other_domain, relabelled, redated, other_version, garbage):
        assert [reason.code for reason in answer(policy, *good, bad).reasons] == [Why.FORGED.code]


def test_instants_must_be_utc(policy: Policy, keys: Keys) -> None:
    """An instant without a zone is no instant."""
    naive = datetime(2026, 1, 5, 10)  # noqa: DTZ001 - a naive instant is the case here
    with pytest.raises(NotUtc):
        answer(policy, at=naive)
    with pytest.raises(NotUtc):
        answer(policy, replace(approve(keys, "sana"), at=naive))


def candidates(keys: Keys) -> list[Approval]:
    """Approvals of every kind: good, useless, repeated, forged."""
    good = [approve(keys, officer) for officer in keys]
    return [
        *good,
        approve(keys, "sana", at=NOW),
        replace(good[2], officer="noor"),
        approve(keys, "noor", of=OTHER_HASH),
        replace(good[4], officer="mallory"),
    ]


GOOD_COUNT = 7
"""The first candidates are genuine; the rest are forged or foreign."""


@settings(max_examples=200)
@given(data=st.data())
def test_a_decision_agrees_with_a_plain_count(policy: Policy, keys: Keys, data: st.DataObject) -> None:
    """Any approvals in any order: the same answer as counting roles by hand, whatever the order."""
    pool = candidates(keys)
    chosen = data.draw(st.lists(st.integers(0, len(pool) - 1), max_size=8))
    proposer = data.draw(st.sampled_from(["amina", "bilal", "omar", "mallory"]))
    approvals = [pool[index] for index in chosen]
    decision = answer(policy, *approvals, proposer=proposer)
    genuine = {pool[index].officer for index in chosen if index < GOOD_COUNT}
    expected = (
        proposer in {"amina", "bilal"}
        and proposer not in genuine
        and all(index < GOOD_COUNT for index in chosen)
        and bool(genuine & {"sana", "tariq"})
        and "noor" in genuine
    )
    assert decision.allowed == expected
    assert decision.allowed == (not decision.missing and not decision.reasons)
    assert answer(policy, *data.draw(st.permutations(approvals)), proposer=proposer) == decision


@settings(max_examples=50)
@given(position=st.integers(0, 127), flip=st.integers(1, 15))
def test_no_digit_of_a_signature_is_idle(policy: Policy, keys: Keys, position: int, flip: int) -> None:
    """Any hex digit of an approval's signature altered is a no."""
    good = approve(keys, "noor")
    digit = f"{int(good.signature[position], 16) ^ flip:x}"
    forged = replace(good, signature=good.signature[:position] + digit + good.signature[position + 1 :])
    assert answer(policy, approve(keys, "sana"), forged).verdict is Verdict.REFUSED

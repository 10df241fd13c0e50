"""A spend is allowed by the right people, in time, within limits, or not at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from zakhira.controls.approval import APPROVAL_DOMAIN, Approval, approval_statement
from zakhira.controls.quorum import Decision, decide_spend
from zakhira.kernel.canonical import content_hash
from zakhira.kernel.interval import NotUtc
from zakhira.kernel.signatures import signing_bytes
from zakhira.programme.model import Policy

PROPOSED = datetime(2026, 1, 5, 8, tzinfo=UTC)
EXPIRES = PROPOSED + timedelta(hours=24)
NOW = PROPOSED + timedelta(hours=2)
HASH = content_hash({"spend": 1})
OTHER_HASH = content_hash({"spend": 2})
Keys = dict[str, Ed25519PrivateKey]


def approve(keys: Keys, officer: str, of: str = HASH, domain: str = APPROVAL_DOMAIN) -> Approval:
    """An officer's signature over an instruction's hash."""
    at = PROPOSED + timedelta(hours=1)
    signed = signing_bytes(domain, approval_statement(officer, of, at, ""))
    return Approval(officer, of, keys[officer].sign(signed).hex(), at)


def decide(policy: Policy, *approvals: Approval, **other: object) -> Decision:
    """Decide a spend that is good in all that is not named."""
    given_: dict[str, object] = {
        "policy": policy,
        "instruction_hash": HASH,
        "amount_sats": 900_000,
        "fee_sats": 4_000,
        "proposed_by": "amina",
        "proposed_at": PROPOSED,
        "expires_at": EXPIRES,
        "approvals": approvals,
        "at": NOW,
    }
    return decide_spend(**{**given_, **other})  # type: ignore[arg-type]


def test_both_roles_approve(policy: Policy, keys: Keys) -> None:
    """A comptroller and the governor approve what the treasury proposes."""
    decision = decide(policy, approve(keys, "sana"), approve(keys, "noor"))
    assert decision == Decision(allowed=True, missing=(), clause=policy.clause, reasons=())


def test_missing_roles_are_named(policy: Policy, keys: Keys) -> None:
    """Without approvals both roles are missing; two comptrollers are still no governor."""
    assert decide(policy).missing == ("comptroller", "governor")
    decision = decide(policy, approve(keys, "sana"), approve(keys, "tariq"))
    assert (decision.allowed, decision.missing, decision.reasons) == (False, ("governor",), ())


def test_a_role_that_is_not_asked_for_does_not_help(policy: Policy, keys: Keys) -> None:
    """The auditor's approval is valid and counts for nothing."""
    decision = decide(policy, approve(keys, "sana"), approve(keys, "omar"))
    assert (decision.allowed, decision.missing, decision.reasons) == (False, ("governor",), ())


def test_one_person_never_counts_twice(policy: Policy, keys: Keys) -> None:
    """Where two comptrollers are asked for, one comptroller's two approvals are one."""
    two = replace(policy, approve_roles=("comptroller", "comptroller"))
    again = approve(keys, "sana")
    assert decide(two, approve(keys, "sana"), again).missing == ("comptroller",)
    assert decide(two, approve(keys, "sana"), approve(keys, "tariq")).allowed


def test_one_key_under_two_names_is_one_person(policy: Policy, keys: Keys) -> None:
    """A comptroller who is the governor as well, with the same key, cannot approve alone."""
    sana = next(officer for officer in policy.officers if officer.id == "sana")
    others = tuple(officer for officer in policy.officers if officer.id != "noor")
    double = replace(sana, id="noor", role="governor", public_key=sana.public_key.upper())
    both = (approve(keys, "sana"), approve({**keys, "noor": keys["sana"]}, "noor"))
    decision = decide(replace(policy, officers=(*others, double)), *both)
    assert not decision.allowed
    assert "one person never counts twice" in decision.reasons[0]


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"amount_sats": 1_000_001}, "above the limit of 1000000 sat for one sweep"),
        ({"amount_sats": 0}, "moves nothing"),
        ({"fee_sats": 5_001}, "above the limit of 5000 sat"),
        ({"fee_sats": -1}, "not possible"),
        ({"at": EXPIRES}, "expired"),
        ({"at": PROPOSED - timedelta(seconds=1)}, "dated in the future"),
        ({"expires_at": EXPIRES + timedelta(seconds=1)}, "waits longer than the 24 hours"),
        ({"proposed_by": "omar"}, "holds the role auditor, not treasury"),
        ({"proposed_by": "mallory"}, "no officer"),
        ({"at": PROPOSED + timedelta(minutes=59)}, "outside the time"),
        ({"instruction_hash": OTHER_HASH}, "for another instruction"),
    ],
)
def test_each_rule_refuses_by_itself(policy: Policy, keys: Keys, other: dict[str, object], words: str) -> None:
    """With every approval in place, each broken rule alone is a no, with its reason."""
    decision = decide(policy, approve(keys, "sana"), approve(keys, "noor"), **other)
    assert not decision.allowed
    assert any(words in reason for reason in decision.reasons), decision.reasons


def test_at_the_limits_it_is_allowed(policy: Policy, keys: Keys) -> None:
    """Exactly at the limits, in the last second."""
    decision = decide(
        policy,
        approve(keys, "sana"),
        approve(keys, "noor"),
        amount_sats=1_000_000,
        fee_sats=5_000,
        at=EXPIRES - timedelta(seconds=1),
    )
    assert decision.allowed


def test_the_proposer_never_approves(policy: Policy, keys: Keys) -> None:
    """Where the treasury itself may approve, the proposer may not, but a colleague may."""
    own = replace(policy, approve_roles=("treasury", "governor"))
    decision = decide(own, approve(keys, "amina"), approve(keys, "noor"))
    assert not decision.allowed
    assert "never approves" in decision.reasons[0]
    assert decide(own, approve(keys, "bilal"), approve(keys, "noor")).allowed


def test_forgeries_refuse_the_whole_spend(policy: Policy, keys: Keys) -> None:
    """A stranger, a signature by another key, for another purpose or over another hash: each is a no of its own."""
    good = (approve(keys, "sana"), approve(keys, "noor"))
    by_stranger = replace(approve(keys, "sana"), officer="mallory")
    by_other_key = replace(approve(keys, "tariq"), officer="omar")
    other_domain = approve(keys, "omar", domain="pack")
    relabelled = replace(approve(keys, "omar", of=OTHER_HASH), instruction_hash=HASH)
    garbage = replace(approve(keys, "omar"), signature="zz")
    for bad in (by_stranger, by_other_key, other_domain, relabelled, garbage):
        assert not decide(policy, *good, bad).allowed
    assert "nobody that the programme knows" in decide(policy, *good, by_stranger).reasons[0]
    assert "its key did not make" in decide(policy, *good, by_other_key).reasons[0]


def test_instants_must_be_utc(policy: Policy, keys: Keys) -> None:
    """An instant without a zone is no instant."""
    naive = datetime(2026, 1, 5, 10)  # noqa: DTZ001 - a naive instant is the case here
    with pytest.raises(NotUtc):
        decide(policy, at=naive)
    with pytest.raises(NotUtc):
        decide(policy, replace(approve(keys, "sana"), at=naive))


def candidates(keys: Keys) -> list[Approval]:
    """Approvals of every kind: good, useless, repeated, forged."""
    good = [approve(keys, officer) for officer in keys]
    return [
        *good,
        replace(good[2], at=NOW),
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
    decision = decide(policy, *approvals, proposed_by=proposer)
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
    assert decide(policy, *data.draw(st.permutations(approvals)), proposed_by=proposer) == decision


@settings(max_examples=50)
@given(position=st.integers(0, 127), flip=st.integers(1, 15))
def test_no_digit_of_a_signature_is_idle(policy: Policy, keys: Keys, position: int, flip: int) -> None:
    """Any hex digit of an approval's signature altered is a no."""
    good = approve(keys, "noor")
    digit = f"{int(good.signature[position], 16) ^ flip:x}"
    forged = replace(good, signature=good.signature[:position] + digit + good.signature[position + 1 :])
    assert not decide(policy, approve(keys, "sana"), forged).allowed

"""What somebody could try: each is refused, or does not count, under a code of its own that the answer shows."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from officer_drill import (
    EXPIRES,
    HASH,
    NOW,
    OTHER_HASH,
    PAYEE,
    PROPOSED,
    SAID,
    Keys,
    answer,
    approve,
    codes,
    execute,
    remarked,
    veto,
)
from zakhira.controls.engine.decision import Verdict, Why
from zakhira.controls.engine.movement_log import MovementLog
from zakhira.controls.engine.movements import Movement
from zakhira.controls.engine.question import Stage
from zakhira.controls.engine.standing import Freeze, Standing
from zakhira.kernel.money import Commodity, sats
from zakhira.programme.model import Policy
from zakhira.programme.policy import Deputy, Payee, Quorum, Rule, Window

MINUTE = timedelta(minutes=1)
RULE = Rule(
    "payments",
    "Rule 4",
    ("spend",),
    propose_roles=("treasury",),
    quorums=(Quorum(1, ("comptroller",)), Quorum(1, ("governor",))),
    windows=(
        Window(24, "vault", sats(2_000_000)),
        Window(24, "programme", sats(2_500_000)),
    ),
)


@pytest.fixture
def ruled(policy: Policy) -> Policy:
    """One rule: a comptroller and the governor, and sums of a day by vault and over all."""
    return replace(policy, rules=(RULE,))


def test_a_replayed_approval(ruled: Policy, keys: Keys) -> None:
    """Yesterday's yes to another matter, as it is and with the new matter's hash written over it."""
    good = approve(keys, "noor")
    replayed = approve(keys, "sana", of=OTHER_HASH)
    assert codes(answer(ruled, good, replayed)) == {Why.OTHER_MATTER.code}
    assert codes(answer(ruled, good, replace(replayed, instruction_hash=HASH))) == {Why.FORGED.code}


def test_an_instruction_edited_after_the_approvals(ruled: Policy, keys: Keys) -> None:
    """Its hash is another, and no approval is about it."""
    both = (approve(keys, "sana"), approve(keys, "noor"))
    assert answer(ruled, *both).allowed
    assert codes(answer(ruled, *both, hash=OTHER_HASH)) == {Why.OTHER_MATTER.code}


def test_an_approval_of_an_older_version(ruled: Policy, keys: Keys) -> None:
    """It does not count and the answer says so; the signature covers the version, so that it cannot be relabelled."""
    now = Standing(policy_hash="v2")
    old = approve(keys, "sana", policy_hash="v1")
    good = approve(keys, "noor", policy_hash="v2")
    decision = answer(ruled, old, good, standing=now)
    assert (decision.verdict, decision.missing, decision.policy_hash) == (Verdict.NEEDS, ("comptroller",), "v2")
    assert remarked(decision) == {Why.OTHER_POLICY.code}
    relabelled = replace(old, policy_hash="v2")
    assert codes(answer(ruled, relabelled, good, standing=now)) == {Why.FORGED.code}
    assert answer(ruled, approve(keys, "sana", policy_hash="v2"), good, standing=now).allowed
    assert remarked(answer(ruled, approve(keys, "sana"), good, standing=now)) == {Why.OTHER_POLICY.code}


def test_a_policy_change_racing_a_spend(ruled: Policy, keys: Keys) -> None:
    """One yes before the change and one after it make a quorum under neither version; a yes of before is none after."""
    before = (approve(keys, "sana", policy_hash="v1"), approve(keys, "noor", policy_hash="v1"))
    mixed = (before[0], approve(keys, "noor", policy_hash="v2", at=NOW))
    assert answer(ruled, *before, standing=Standing(policy_hash="v1")).allowed
    after = answer(ruled, *before, standing=Standing(policy_hash="v2"))
    assert (after.verdict, remarked(after)) == (Verdict.NEEDS, {Why.OTHER_POLICY.code})
    for version in ("v1", "v2"):
        assert answer(ruled, *mixed, standing=Standing(policy_hash=version)).verdict is Verdict.NEEDS


@pytest.mark.parametrize(
    ("at", "why"),
    [
        (PROPOSED - MINUTE, Why.FROM_THE_FUTURE),
        (SAID - MINUTE, Why.FROM_THE_FUTURE),
        (EXPIRES, Why.EXPIRED),
    ],
)
def test_our_clock_set_back_or_forward(ruled: Policy, keys: Keys, at: object, why: Why) -> None:
    """Back: proposal and approvals lie in the future. Forward: the time is over."""
    decision = answer(ruled, approve(keys, "sana"), approve(keys, "noor"), at=at)  # type: ignore[arg-type]
    assert (decision.verdict, codes(decision)) == (Verdict.REFUSED, {why.code})


@pytest.mark.parametrize(
    ("at", "why"),
    [(PROPOSED - MINUTE, Why.MISTIMED), (NOW + MINUTE, Why.FROM_THE_FUTURE), (EXPIRES, Why.FROM_THE_FUTURE)],
)
def test_an_officers_clock_set_back_or_forward(ruled: Policy, keys: Keys, at: object, why: Why) -> None:
    """A yes from before the proposal, or from later than now, refuses the matter."""
    decision = answer(ruled, approve(keys, "sana", at=at), approve(keys, "noor"))  # type: ignore[arg-type]
    assert (decision.verdict, codes(decision)) == (Verdict.REFUSED, {why.code})


def test_an_approver_who_is_the_proposer(policy: Policy, keys: Keys) -> None:
    """By the same office, and by a second office of the same person."""
    own = replace(policy, rules=(replace(RULE, quorums=(Quorum(1, ("treasury", "comptroller")),)),))
    assert codes(answer(own, approve(keys, "amina"))) == {Why.BY_PROPOSER.code}
    two_offices = replace(
        own,
        officers=tuple(
            replace(known, person="a") if known.id in {"amina", "sana"} else known for known in own.officers
        ),
    )
    assert codes(answer(two_offices, approve(keys, "sana"))) == {Why.BY_PROPOSER.code}


def test_a_quorum_met_by_one_person_with_two_roles(ruled: Policy, keys: Keys) -> None:
    """Comptroller and governor in one person, with a key for each: one seat stays empty, and it is said why."""
    one = replace(
        ruled,
        officers=tuple(
            replace(known, person="n") if known.id in {"sana", "noor"} else known for known in ruled.officers
        ),
    )
    decision = answer(one, approve(keys, "sana"), approve(keys, "noor"))
    assert (decision.verdict, len(decision.missing), remarked(decision)) == (Verdict.NEEDS, 1, {Why.ONE_PERSON.code})


def test_a_revoked_officer(ruled: Policy, keys: Keys) -> None:
    """A yes from before the revocation does not count; one made with the revoked key afterwards refuses the matter."""
    key = next(officer.public_key for officer in ruled.officers if officer.id == "sana")
    both = (approve(keys, "sana"), approve(keys, "noor"))
    later = answer(ruled, *both, standing=Standing(revoked={key.upper(): SAID + MINUTE}))
    assert (later.verdict, later.missing, remarked(later)) == (Verdict.NEEDS, ("comptroller",), {Why.REVOKED.code})
    earlier = answer(ruled, *both, standing=Standing(revoked={key: SAID}))
    assert (earlier.verdict, codes(earlier)) == (Verdict.REFUSED, {Why.REVOKED.code})
    assert answer(ruled, *both, standing=Standing(revoked={key: NOW + MINUTE})).allowed


def test_a_proposer_who_was_revoked(ruled: Policy, keys: Keys) -> None:
    """Whatever others have said to it."""
    key = next(officer.public_key for officer in ruled.officers if officer.id == "amina")
    decision = answer(ruled, approve(keys, "sana"), approve(keys, "noor"), standing=Standing(revoked={key: NOW}))
    assert codes(decision) == {Why.REVOKED.code}


def test_a_deputy_out_of_dates(ruled: Policy, keys: Keys) -> None:
    """The day after the last: it does not count, and the dates are told."""
    absent = replace(ruled, deputies=(Deputy("omar", "noor", date(2026, 1, 1), date(2026, 1, 4)),))
    decision = answer(absent, approve(keys, "sana"), approve(keys, "omar"))
    assert (decision.verdict, decision.missing) == (Verdict.NEEDS, ("governor",))
    assert Why.DEPUTY_OUT_OF_DATES.code in remarked(decision)
    assert "stands for noor from 2026-01-01 to 2026-01-04" in str(decision.remarks)


def test_a_limit_passed_by_splitting_into_many_small_spends(ruled: Policy, keys: Keys) -> None:
    """Each is small enough for itself: the one that passes the sum of the day is refused, and so are all after it."""
    log = MovementLog()
    both = (approve(keys, "sana"), approve(keys, "noor"))
    for number in range(25):
        decision = answer(ruled, *both, id=f"part-{number}", amount=sats(100_000), movements=log)
        if decision.allowed:
            log.append(Movement(f"part-{number}", NOW, "spend", Commodity.BTC, 100_000, "cold", PAYEE, ""))
        else:
            assert codes(decision) == {Why.WINDOW_AMOUNT.code}
    assert len(log) == 20


def test_a_limit_passed_over_two_vaults(ruled: Policy, keys: Keys) -> None:
    """Two vaults have a window each, and the programme has one over both."""
    log = MovementLog([Movement("m1", NOW, "spend", Commodity.BTC, 2_000_000, "hot", PAYEE, "")])
    both = (approve(keys, "sana"), approve(keys, "noor"))
    decision = answer(ruled, *both, movements=log)
    assert codes(decision) == {Why.WINDOW_AMOUNT.code}
    assert "(programme)" in decision.reasons[0].text
    assert answer(ruled, *both, amount=sats(500_000), movements=log).allowed


def test_a_destination_added_and_used_within_its_delay(policy: Policy, keys: Keys) -> None:
    """Listed two hours ago, paid now: refused with the moment from which it can be paid."""
    listed = replace(
        policy,
        rules=(replace(RULE, destinations="listed"),),
        payees=(Payee("new", "New payee", PAYEE, PROPOSED),),
    )
    both = (approve(keys, "sana"), approve(keys, "noor"))
    assert codes(answer(listed, *both)) == {Why.NO_RULE.code, Why.LISTED_TOO_LATE.code}
    assert answer(replace(listed, listing_hours=2), *both).allowed


def test_a_signature_for_one_purpose_serves_no_other(ruled: Policy, keys: Keys) -> None:
    """A no, or a word at execution, is never taken for a yes, nor the other way round."""
    executed = replace(RULE, execute_roles=("auditor",))
    asked = replace(ruled, rules=(executed,))
    yes, word, no = approve(keys, "omar"), execute(keys, "omar", "0.009 BTC"), veto(keys, "omar")
    both = (approve(keys, "sana"), approve(keys, "noor"))
    assert codes(answer(asked, *both, replace(yes, signature=word.signature))) == {Why.FORGED.code}
    assert codes(answer(asked, *both, execution=replace(word, signature=yes.signature))) == {Why.FORGED.code}
    forged_no = answer(asked, *both, vetoes=(replace(no, signature=yes.signature),), execution=word)
    assert (forged_no.verdict, remarked(forged_no)) == (Verdict.ALLOWED, {Why.FORGED.code})


def test_a_freeze_stops_everything_but_the_thaw(policy: Policy, keys: Keys) -> None:
    """Whoever has approved; the answer names the officer and the reason."""
    thaw = replace(RULE, id="thaw", actions=("thaw",), windows=())
    frozen = Standing(freeze=Freeze("omar", "a key was seen elsewhere", SAID))
    both = (approve(keys, "sana"), approve(keys, "noor"))
    ruled = replace(policy, rules=(RULE, thaw))
    decision = answer(ruled, *both, standing=frozen)
    assert (decision.verdict, decision.rule, codes(decision)) == (Verdict.REFUSED, "freeze", {Why.FROZEN.code})
    assert "frozen by omar at 2026-01-05T09:00:00Z: a key was seen elsewhere" in decision.clause
    assert answer(ruled, *both, standing=frozen, action="thaw", amount=None).allowed


def test_an_officers_no(ruled: Policy, keys: Keys) -> None:
    """It refuses, also when it was said before its key was revoked; after that it is a remark."""
    both = (approve(keys, "sana"), approve(keys, "noor"))
    key = next(officer.public_key for officer in ruled.officers if officer.id == "omar")
    no = (veto(keys, "omar"),)
    decision = answer(ruled, *both, vetoes=no)
    assert codes(decision) == {Why.VETOED.code}
    assert decision.reasons[0].text == "omar said no at 2026-01-05T09:00:00Z: I was not asked."
    assert codes(answer(ruled, *both, vetoes=no, standing=Standing(revoked={key: NOW}))) == {Why.VETOED.code}
    gone = answer(ruled, *both, vetoes=no, standing=Standing(revoked={key: PROPOSED}))
    assert (gone.verdict, remarked(gone)) == (Verdict.ALLOWED, {Why.REVOKED.code})


@pytest.mark.parametrize(
    ("officer", "change", "why"),
    [
        ("omar", {"officer": "mallory"}, Why.UNKNOWN_OFFICER),
        ("omar", {"instruction_hash": OTHER_HASH}, Why.OTHER_MATTER),
        ("omar", {"reason": "another reason"}, Why.FORGED),
        ("omar", {}, Why.NOT_PERMITTED),
    ],
)
def test_a_no_that_is_none(ruled: Policy, keys: Keys, officer: str, change: dict[str, str], why: Why) -> None:
    """By nobody, about another matter, altered, or by an officer whose role has no veto: a remark, and no more."""
    governed = replace(ruled, rules=(replace(RULE, veto_roles=("governor",)),))
    no = replace(veto(keys, officer), **change)  # type: ignore[arg-type]
    decision = answer(governed, approve(keys, "sana"), approve(keys, "noor"), vetoes=(no,))
    assert (decision.verdict, remarked(decision)) == (Verdict.ALLOWED, {why.code})
    good = answer(governed, approve(keys, "sana"), approve(keys, "noor"), vetoes=(veto(keys, "noor"),))
    assert codes(good) == {Why.VETOED.code}


def test_a_no_from_the_future_is_a_wrong_clock(ruled: Policy, keys: Keys) -> None:
    """It refuses until the clock is right: a no is never passed over for its date."""
    decision = answer(
        ruled, approve(keys, "sana"), approve(keys, "noor"), vetoes=(veto(keys, "omar", at=NOW + MINUTE),)
    )
    assert codes(decision) == {Why.FROM_THE_FUTURE.code}


def test_a_proposal_does_not_look_at_signatures(ruled: Policy, keys: Keys) -> None:
    """For the question whether it may be put forward, what others will have to say stands in the needs."""
    asked = replace(ruled, rules=(replace(RULE, execute_roles=("auditor",), delay_hours=2),))
    decision = answer(asked, approve(keys, "sana", of=OTHER_HASH), stage=Stage.PROPOSE)
    assert (decision.verdict, decision.reasons) == (Verdict.NEEDS, ())
    assert decision.missing == ("comptroller", "governor", "execution by auditor", "2 hours after the last approval")

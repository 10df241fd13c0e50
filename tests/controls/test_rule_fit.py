"""The first rule whose selectors all fit decides; what none fits is refused, and said why."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from officer_drill import NOW, PAYEE, Keys, answer, approve, codes, question, remarked
from zakhira.controls.engine.decision import Verdict, Why
from zakhira.controls.engine.question import Destination
from zakhira.controls.engine.rule_fit import first_fit, implied_rule, rule_fits, rule_named, rules_of
from zakhira.kernel.money import parse_amount, sats
from zakhira.programme.model import Policy
from zakhira.programme.policy import Payee, Quorum, Rule

RULE = Rule("r", "Rule 1", ("spend",))
OUTSIDE = Destination(PAYEE, sats(900_000))
INSIDE = Destination("bcrt1qcold", sats(900_000), vault="cold")


def listed(hours_ago: float) -> tuple[Payee, ...]:
    """The payee on the list, put there so long before NOW."""
    return (Payee("p", "The payee", PAYEE, NOW - timedelta(hours=hours_ago)),)


@pytest.mark.parametrize(
    ("selector", "fitting", "other"),
    [
        ({"actions": ("move", "home")}, {"action": "home"}, {"action": "spend"}),
        ({"vaults": ("cold", "hot")}, {"vault": "hot"}, {"vault": "intake"}),
        ({"paths": ("recovery",)}, {"path": "recovery"}, {"path": "main"}),
        ({}, {"path": "main"}, {"path": "recovery"}),
        ({"paths": ()}, {"path": "main"}, {"path": "recovery"}),
        ({"purposes": ("payroll",)}, {"purpose": "payroll"}, {"purpose": "royalty"}),
        ({"from_amount": sats(10)}, {"amount": sats(10)}, {"amount": sats(9)}),
        ({"below_amount": sats(10)}, {"amount": sats(9)}, {"amount": sats(10)}),
        ({"below_amount": sats(10**9)}, {"amount": sats(5)}, {"amount": parse_amount("5 PKR")}),
        ({"from_amount": sats(1)}, {"amount": sats(5)}, {"amount": parse_amount("5 USD")}),
        ({"below_amount": sats(10)}, {"amount": sats(9)}, {"amount": None, "destinations": ()}),
        ({"destinations": "own"}, {"destinations": (INSIDE,)}, {"destinations": (INSIDE, OUTSIDE)}),
        ({"destinations": "own"}, {"destinations": (INSIDE,)}, {"destinations": ()}),
        ({"to_vaults": ("cold",)}, {"destinations": (INSIDE,)}, {"destinations": (replace(INSIDE, vault="hot"),)}),
        ({"to_vaults": ("cold",)}, {"destinations": (INSIDE,)}, {"destinations": ()}),
        ({"to_vaults": ("cold",)}, {"destinations": (INSIDE, INSIDE)}, {"destinations": (INSIDE, OUTSIDE)}),
    ],
)
def test_each_selector_lets_in_and_keeps_out(
    policy: Policy, selector: dict[str, object], fitting: dict[str, object], other: dict[str, object]
) -> None:
    """One selector at a time: what it names fits, what it does not name does not."""
    rule = replace(RULE, **selector)  # type: ignore[arg-type]
    amount = fitting.get("amount", sats(900_000))
    base = question(action=rule.actions[0], amount=amount)
    assert rule_fits(rule, policy, replace(base, **fitting), NOW)  # type: ignore[arg-type]
    assert not rule_fits(rule, policy, replace(base, **other), NOW)  # type: ignore[arg-type]


def test_every_destination_must_be_on_the_list(policy: Policy) -> None:
    """One payee and one stranger are not two payees; a vault of ours is no payee; capitals are the same address."""
    rule = replace(RULE, destinations="listed")
    known = replace(policy, payees=listed(hours_ago=48))
    assert rule_fits(rule, known, question(), NOW)
    assert rule_fits(rule, replace(known, payees=(replace(known.payees[0], address=PAYEE.upper()),)), question(), NOW)
    for places in ((OUTSIDE, Destination("bcrt1qother", sats(1))), (replace(OUTSIDE, vault="cold"),), ()):
        assert not rule_fits(rule, known, question(destinations=places), NOW)


@pytest.mark.parametrize(("hours_ago", "fits"), [(48, True), (47.999, False), (-1, False)])
def test_a_payee_is_paid_once_its_delay_is_over(policy: Policy, hours_ago: float, *, fits: bool) -> None:
    """To the second, and counted from the last time that the address was put on the list."""
    rule = replace(RULE, destinations="listed")
    assert rule_fits(rule, replace(policy, payees=listed(hours_ago)), question(), NOW) == fits
    twice = replace(policy, payees=(*listed(500), *listed(hours_ago)))
    assert rule_fits(rule, twice, question(), NOW) == fits


def test_what_no_rule_fits_is_refused(policy: Policy) -> None:
    """Also where there are no quorums to ask for."""
    decision = answer(replace(policy, rules=(replace(RULE, vaults=("hot",)),)))
    assert (decision.verdict, decision.rule, decision.clause, decision.needs) == (Verdict.REFUSED, "", "", ())
    assert codes(decision) == {Why.NO_RULE.code}
    assert decision.reasons[0].text == "No rule of the policy fits: spend 0.00900000 BTC from vault cold."
    on_recovery = answer(replace(policy, rules=(RULE,)), path="recovery")
    assert on_recovery.reasons[0].text.endswith("from vault cold on the recovery path.")


def test_the_first_that_fits_decides(policy: Policy, keys: Keys) -> None:
    """A refusing rule behind an allowing one says nothing, and the other way round."""
    allow = replace(RULE, id="allow", propose_roles=("treasury",), quorums=(Quorum(1, ("governor",)),))
    refuse = replace(RULE, id="refuse", effect="refuse")
    yes = approve(keys, "noor")
    assert answer(replace(policy, rules=(allow, refuse)), yes).rule == "allow"
    assert answer(replace(policy, rules=(allow, refuse)), yes).allowed
    no = answer(replace(policy, rules=(refuse, allow)), yes)
    assert (no.verdict, no.rule, codes(no)) == (Verdict.REFUSED, "refuse", {Why.RULE_REFUSES.code})


def test_a_payee_in_its_delay_goes_on_to_the_next_rule_with_a_remark(policy: Policy, keys: Keys) -> None:
    """A later rule for everybody decides; without one the delay stands among the reasons."""
    fast = replace(RULE, id="fast", destinations="listed", propose_roles=("treasury",))
    slow = replace(RULE, id="slow", propose_roles=("treasury",), quorums=(Quorum(1, ("governor",)),))
    new = replace(policy, payees=listed(hours_ago=1))
    decision = answer(replace(new, rules=(fast, slow)), approve(keys, "noor"))
    assert (decision.verdict, decision.rule, remarked(decision)) == (
        Verdict.ALLOWED,
        "slow",
        {Why.LISTED_TOO_LATE.code},
    )
    alone = answer(replace(new, rules=(fast,)))
    assert codes(alone) == {Why.NO_RULE.code, Why.LISTED_TOO_LATE.code}
    assert "can be paid from 2026-01-07T09:00:00Z, 48 hours later" in str(alone.reasons)
    assert codes(answer(replace(policy, rules=(fast,)))) == {Why.NO_RULE.code, Why.NOT_LISTED.code}


def test_without_rules_there_are_those_of_the_old_fields(policy: Policy) -> None:
    """Coins up to the limit of a sweep on both paths; coins in suspense whatever they are worth; nothing else."""
    rules = rules_of(policy)
    assert rules[0] == implied_rule(policy)
    assert rules[0].quorums == (Quorum(1, ("comptroller",)), Quorum(1, ("governor",)))
    assert rule_named(policy, "implied-settle") == rules[1]
    assert rule_named(policy, "no such") is None
    assert first_fit(policy, question(path="recovery"), NOW).rule == rules[0]
    assert first_fit(policy, question(action="settle", amount=sats(10**12)), NOW).rule == rules[1]
    for action in ("payout", "licence", "set-point"):
        assert first_fit(policy, question(action=action), NOW).rule is None
    own = replace(policy, rules=(RULE,))
    assert rules_of(own) == (RULE,)


RULES = st.builds(
    Rule,
    id=st.just("front"),
    clause=st.just("Rule 0"),
    actions=st.sampled_from([("spend",), ("move",), ("spend", "move")]),
    effect=st.sampled_from(["allow", "allow", "refuse"]),
    vaults=st.sampled_from([(), ("cold",), ("hot",)]),
    destinations=st.sampled_from(["any", "own", "listed"]),
    below_amount=st.sampled_from([None, sats(1_000), sats(2_000_000)]),
    propose_roles=st.sampled_from([("treasury",), ("governor",)]),
    quorums=st.sampled_from([(), (Quorum(1, ("governor",)),), (Quorum(2, ("comptroller", "governor")),)]),
    execute_roles=st.sampled_from([(), ("auditor",)]),
    delay_hours=st.sampled_from([0, 12]),
    balance_share=st.sampled_from([0.0, 0.1]),
)


@given(front=RULES, others=st.lists(RULES, max_size=3), said=st.sets(st.sampled_from(["sana", "tariq", "noor"])))
def test_a_rule_in_front_never_makes_an_answer_higher_than_its_own(
    policy: Policy, keys: Keys, front: Rule, others: list[Rule], said: set[str]
) -> None:
    """Where it fits, the answer is its own whatever stands behind; where it does not, it changes nothing."""
    behind = tuple(replace(rule, id=f"behind-{n}") for n, rule in enumerate(others))
    given_ = tuple(approve(keys, officer) for officer in sorted(said))
    alone = answer(replace(policy, rules=(front,)), *given_, balance=sats(10**8))
    together = answer(replace(policy, rules=(front, *behind)), *given_, balance=sats(10**8))
    if rule_fits(front, policy, question(), NOW):
        assert together == alone
    else:
        without = answer(
            replace(policy, rules=behind or (replace(RULE, actions=("home",)),)), *given_, balance=sats(10**8)
        )
        assert (together.verdict, together.rule) == (without.verdict, without.rule)

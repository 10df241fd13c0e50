"""The second person at execution reads amount and unit from the source; known disasters by name."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from officer_drill import EXPIRES, NOW, OTHER_HASH, PROPOSED, SAID, Keys, answer, approve, codes, execute, remarked
from zakhira.controls.engine.decision import NeedKind, Verdict, Why
from zakhira.controls.engine.rekeyed import amount_difference
from zakhira.controls.engine.standing import Standing
from zakhira.kernel.money import parse_amount, sats
from zakhira.programme.model import Policy
from zakhira.programme.policy import Deputy, Quorum, Rule

RULE = Rule(
    "payments",
    "Rule 4",
    ("spend", "payout", "licence"),
    propose_roles=("treasury",),
    quorums=(Quorum(1, ("comptroller", "governor")),),
    execute_roles=("governor", "auditor"),
)


@pytest.fixture
def ruled(policy: Policy) -> Policy:
    """One rule with a second person."""
    return replace(policy, rules=(RULE,))


def test_the_second_person_is_a_third(ruled: Policy, keys: Keys) -> None:
    """Neither the proposer nor an approver; and without one it waits."""
    yes = approve(keys, "sana")
    waiting = answer(ruled, yes)
    assert (waiting.verdict, [need.kind for need in waiting.needs]) == (Verdict.NEEDS, [NeedKind.EXECUTION])
    assert waiting.needs[0].roles == ("governor", "auditor")
    assert answer(ruled, yes, execution=execute(keys, "omar", "0.009 BTC")).allowed
    governors = approve(keys, "noor")
    for given, by in (((governors,), "noor"), ((yes, governors), "noor")):
        decision = answer(ruled, *given, execution=execute(keys, by, "0.009 BTC"))
        assert codes(decision) == {Why.EXECUTOR.code}
        assert "noor approved, and cannot be the second person" in decision.reasons[0].text
    assert codes(answer(ruled, yes, execution=execute(keys, "tariq", "0.009 BTC"))) == {Why.EXECUTOR.code}
    own = replace(ruled, rules=(replace(RULE, execute_roles=("treasury",)),))
    proposed = answer(own, yes, execution=execute(keys, "amina", "0.009 BTC"))
    assert "amina proposed, and cannot be the second person" in str(proposed.reasons)
    assert answer(own, yes, execution=execute(keys, "bilal", "0.009 BTC")).allowed


def test_nobody_executes_through_the_office_of_one_who_has_acted(policy: Policy, keys: Keys) -> None:
    """Omar stands for Noor, who approved: her office has spoken."""
    absent = replace(
        policy,
        rules=(replace(RULE, execute_roles=("governor",)),),
        deputies=(Deputy("omar", "noor", date(2026, 1, 5), date(2026, 1, 5)),),
    )
    word = execute(keys, "omar", "0.009 BTC")
    assert answer(absent, approve(keys, "sana"), execution=word).allowed
    assert codes(answer(absent, approve(keys, "noor"), execution=word)) == {Why.EXECUTOR.code}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"officer": "mallory"}, Why.UNKNOWN_OFFICER),
        ({"instruction_hash": OTHER_HASH}, Why.OTHER_MATTER),
        ({"amount": "0.0090 BTC"}, Why.FORGED),
        ({"source": "another invoice"}, Why.FORGED),
    ],
)
def test_a_word_that_was_altered(ruled: Policy, keys: Keys, change: dict[str, str], why: Why) -> None:
    """Every field is covered by the signature."""
    word = replace(execute(keys, "omar", "0.009 BTC"), **change)  # type: ignore[arg-type]
    assert codes(answer(ruled, approve(keys, "sana"), execution=word)) == {why.code}


def test_a_word_out_of_its_time(ruled: Policy, keys: Keys) -> None:
    """Before the proposal, in the future, or by a key that was revoked since or before."""
    yes = approve(keys, "sana")

    def said(at: object) -> set[str]:
        return codes(answer(ruled, yes, execution=execute(keys, "omar", "0.009 BTC", at=at)))  # type: ignore[arg-type]

    assert said(PROPOSED - timedelta(seconds=1)) == {Why.MISTIMED.code}
    assert said(NOW + timedelta(seconds=1)) == {Why.FROM_THE_FUTURE.code}
    assert said(EXPIRES) == {Why.FROM_THE_FUTURE.code}
    key = next(officer.public_key for officer in ruled.officers if officer.id == "omar")
    word = execute(keys, "omar", "0.009 BTC")
    since = answer(ruled, yes, execution=word, standing=Standing(revoked={key: NOW}))
    assert (since.verdict, remarked(since)) == (Verdict.NEEDS, {Why.REVOKED.code})
    before = answer(ruled, yes, execution=word, standing=Standing(revoked={key: SAID}))
    assert codes(before) == {Why.REVOKED.code}


@pytest.mark.parametrize(
    ("entered", "amount", "words"),
    [
        ("0.009 BTC", "0.009 BTC", ""),
        ("900000 sat", "0.009 BTC", ""),
        ("0.00900000 BTC", "0.009 BTC", ""),
        ("9 BTC", "0.009 BTC", "the matter says 0.00900000 BTC, and that is 1,000 times as much."),
        ("0.000009 BTC", "0.009 BTC", "the matter says 0.00900000 BTC, and that is one part in 1,000 of it."),
        ("0.0135 BTC", "0.009 BTC", "the matter says 0.00900000 BTC, and that is 1.5 times as much."),
        ("0.0085 BTC", "0.009 BTC", "the matter says 0.00900000 BTC."),
        ("0.009 PKR", "0.009 BTC", "'0.009 PKR' has more decimals than PKR has. The matter says 0.00900000 BTC."),
        ("620000 PKR", "620000 BTC", "that is PKR, and the matter says 620000.00000000 BTC: another unit."),
        ("0.009", "0.009 BTC", "'0.009' is not an amount with its unit. The matter says 0.00900000 BTC."),
        ("", "0.009 BTC", "'' is not an amount with its unit. The matter says 0.00900000 BTC."),
        ("-0.009 BTC", "0.009 BTC", "the matter says 0.00900000 BTC."),
    ],
)
def test_what_was_entered_is_told_in_words(entered: str, amount: str, words: str) -> None:
    assert amount_difference(entered, parse_amount(amount)) == words


def test_a_matter_without_an_amount_wants_none(ruled: Policy, keys: Keys) -> None:
    """A licence has no amount: an empty word executes it, an amount does not."""
    matter = {"action": "licence", "amount": None}
    yes = approve(keys, "sana")
    assert answer(ruled, yes, execution=execute(keys, "omar", ""), **matter).allowed  # type: ignore[arg-type]
    other = answer(ruled, yes, execution=execute(keys, "omar", "1 BTC"), **matter)  # type: ignore[arg-type]
    assert codes(other) == {Why.REKEYED_OTHERWISE.code}


def test_an_amount_that_was_entered_is_compared_where_nobody_had_to(policy: Policy, keys: Keys) -> None:
    """The rule asks for no second person; one who reads another amount is heard all the same."""
    asked = replace(policy, rules=(replace(RULE, execute_roles=()),))
    yes = approve(keys, "sana")
    assert answer(asked, yes, execution=execute(keys, "omar", "0.009 BTC")).allowed
    assert codes(answer(asked, yes, execution=execute(keys, "omar", "9 BTC"))) == {Why.REKEYED_OTHERWISE.code}


def test_citi_revlon_2020(policy: Policy, keys: Keys) -> None:
    """About $894M of principal went out instead of $7.8M of interest: three people had looked at one screen.

    The engine stops it twice. An amount of that size is of another band, which asks for more people; and the second
    person does not look at the screen, but enters the amount from the loan's own papers.
    """
    usual = replace(RULE, id="interest", below_amount=parse_amount("10000000 USD"))
    large = replace(RULE, id="principal", quorums=(Quorum(1, ("comptroller",)), Quorum(1, ("governor",))))
    bank = replace(policy, rules=(usual, replace(large, execute_roles=("auditor",))))
    matter = {"action": "payout", "amount": parse_amount("894000000 USD")}
    decision = answer(bank, approve(keys, "sana"), **matter)  # type: ignore[arg-type]
    assert (decision.verdict, decision.rule) == (Verdict.NEEDS, "principal")
    everybody = (approve(keys, "sana"), approve(keys, "noor"))
    word = execute(keys, "omar", "7800000 USD")
    refused = answer(bank, *everybody, execution=word, **matter)  # type: ignore[arg-type]
    assert codes(refused) == {Why.REKEYED_OTHERWISE.code}
    assert "the matter says 894000000.00 USD" in refused.reasons[0].text


def test_paxos_2025(policy: Policy, keys: Keys) -> None:
    """300 trillion were made with one key. Here one person moves nothing, and many do not move what is not there.

    That claims stay below proven coins is the ledger's invariant; the engine's part is the share of the balance, the
    highest band, and the quorum.
    """
    band = replace(RULE, balance_share=0.25, below_amount=parse_amount("100 BTC"), execute_roles=())
    capped = replace(policy, rules=(band,))
    trillions = {"amount": sats(21 * 10**14), "balance": sats(10**10)}
    everybody = (approve(keys, "sana"), approve(keys, "noor"), approve(keys, "tariq"))
    assert codes(answer(capped, *everybody, **trillions)) == {Why.NO_RULE.code}  # type: ignore[arg-type]
    share = {"amount": parse_amount("30 BTC"), "balance": parse_amount("100 BTC")}
    assert codes(answer(capped, *everybody, **share)) == {Why.BALANCE_SHARE.code}  # type: ignore[arg-type]
    alone = answer(capped, amount=parse_amount("20 BTC"), balance=parse_amount("100 BTC"))
    assert alone.verdict is Verdict.NEEDS


def test_crypto_com_2021(ruled: Policy, keys: Keys) -> None:
    """An account number in the amount field: A$10.5M for a refund of A$100, found after seven months.

    An amount has a unit, so that an account number is none; and what the second person reads in the refund's paper is
    another amount. That a refund is no more than what was paid is the payout's own check.
    """
    matter = {"action": "payout", "amount": parse_amount("10474143 USD")}
    yes = approve(keys, "sana")
    number = answer(ruled, yes, execution=execute(keys, "omar", "10474143"), **matter)  # type: ignore[arg-type]
    assert codes(number) == {Why.REKEYED_OTHERWISE.code}
    assert "is not an amount with its unit" in number.reasons[0].text
    paper = answer(ruled, yes, execution=execute(keys, "omar", "100 USD"), **matter)  # type: ignore[arg-type]
    assert codes(paper) == {Why.REKEYED_OTHERWISE.code}


def test_bithumb_2026(ruled: Policy, keys: Keys) -> None:
    """KRW 620,000 were meant and 620,000 BTC entered: the unit is read again, by another person, at execution."""
    matter = {"action": "payout", "amount": parse_amount("620000 BTC")}
    decision = answer(ruled, approve(keys, "sana"), execution=execute(keys, "omar", "620000 PKR"), **matter)  # type: ignore[arg-type]
    assert codes(decision) == {Why.REKEYED_OTHERWISE.code}
    assert "that is PKR, and the matter says 620000.00000000 BTC: another unit" in decision.reasons[0].text

"""What an analysis says is so: its examples are allowed by the engine, and a rule that never decides never does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations, product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_corpus_reader import corpus, read_planted
from policy_replay import PAYEE, Replay, day_start, signing
from zakhira.controls.people import people_of
from zakhira.controls.policy_cells import Deciders, space_of
from zakhira.controls.policy_faults import analyse
from zakhira.controls.policy_finding import Finding, PolicyCause, Severity
from zakhira.controls.policy_people import places_of
from zakhira.controls.question import Destination, Question
from zakhira.controls.rule_fit import first_fit, rule_named
from zakhira.kernel.money import Amount, Commodity, sats
from zakhira.programme.model import Policy
from zakhira.programme.policy import Quorum, Rule, Window

WITH_PEOPLE = [
    (path, finding)
    for path in corpus()
    for finding in analyse(read_planted(path).policy, "regtest").findings
    if finding.people
]
NAMES = [f"{path.stem}-{finding.cause.code}-{number}" for number, (path, finding) in enumerate(WITH_PEOPLE)]
AT = datetime(2027, 1, 4, 10, tzinfo=UTC)


@pytest.mark.parametrize(("path", "finding"), WITH_PEOPLE, ids=NAMES)
def test_every_way_with_fewer_people_really_is_allowed(path: Path, finding: Finding) -> None:
    """The officers of the example sign, the engine decides, and every matter of the way is allowed."""
    policy = signing(read_planted(path).policy)
    replay = Replay(policy, day_start(policy, finding.message))
    for step in finding.steps:
        assert all(decision.allowed and decision.rule == step.rule for decision in replay.step(step)), step
    persons = people_of(policy).persons
    assert len({persons[name] for name in finding.people}) == len(finding.people)
    if finding.cause in {PolicyCause.SPLITS, PolicyCause.LAXER_VAULT} and finding.severity is Severity.FAULT:
        asked = _rule_asked_for(policy, finding)
        assert len(finding.people) < len(places_of(asked))
        total = sum((step.cell.amount or sats(0)).units * step.times for step in finding.steps[-1:])
        assert asked.from_amount is None or total >= asked.from_amount.units


def _rule_asked_for(policy: Policy, finding: Finding) -> Rule:
    """The stricter rule, as the message names it last but for the rule of the parts."""
    words = finding.message.replace(":", " ").replace(";", " ").split()
    names = [words[index + 1].strip(",.") for index, word in enumerate(words) if word == "rule"]
    used = {step.rule for step in finding.steps}
    rules = [rule for name in names if name not in used and (rule := rule_named(policy, name)) is not None]
    return rules[0]


def test_one_person_alone_is_found() -> None:
    """A rule without a quorum, which the reader of the file refuses, can still come as plain data."""
    policy = signing(read_planted(corpus()[0]).policy)
    rules = tuple(replace(rule, quorums=()) if rule.id in {"settle", "sweep"} else rule for rule in policy.rules)
    found = analyse(replace(policy, rules=rules), "regtest").faults
    alone = [item for item in found if item.cause is PolicyCause.ONE_PERSON]
    assert [(item.id, item.people) for item in alone] == [("sweep", ("treasury-1",))]
    replay = Replay(replace(policy, rules=rules))
    assert all(decision.allowed for decision in replay.step(alone[0].steps[0]))


# A policy and a question drawn at random, small enough that every selector meets every other.
VAULTS, PURPOSES, ACTIONS = ("cold", "intake", "warm"), ("wages", "works", "else"), ("spend", "move", "payout", "home")
ENDS = (None, sats(1), sats(2), sats(5), sats(9), Amount(5, Commodity.PKR))


@st.composite
def rules_drawn(draw: st.DrawFn, name: str) -> Rule:
    """One rule; its selectors are drawn, its conditions hardly."""

    def some(values: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(draw(st.lists(st.sampled_from(values), max_size=2, unique=True)))

    return Rule(
        id=name,
        clause=name,
        actions=some(ACTIONS) or ("spend",),
        effect=draw(st.sampled_from(("allow", "refuse"))),
        vaults=some(VAULTS[:2]),
        paths=draw(st.sampled_from((("main",), ("recovery",), ("main", "recovery")))),
        destinations=draw(st.sampled_from(("any", "any", "listed", "own"))),
        to_vaults=draw(st.sampled_from(((), (), ("cold",), ("cold", "intake")))),
        purposes=some(PURPOSES[:2]),
        from_amount=draw(st.sampled_from(ENDS)),
        below_amount=draw(st.sampled_from(ENDS)),
        propose_roles=("treasury-officer",),
        quorums=tuple(Quorum(1, (role,)) for role in some(("comptroller", "director"))),
        windows=draw(st.sampled_from(((), (Window(24, limit=sats(6)),)))),
    )


@st.composite
def policies_drawn(draw: st.DrawFn) -> Policy:
    """The clean policy's people with other rules."""
    count = draw(st.integers(1, 6))
    rules = tuple(draw(rules_drawn(f"r{number}")) for number in range(count))
    return replace(signing(read_planted(corpus()[0]).policy), rules=rules, statutes=(), deputies=(), holidays=())


def every_question() -> Iterator[Question]:
    """Every question over these values, with up to two destinations of any kind."""
    places = (*VAULTS, PAYEE.address, "stranger")
    sets: list[tuple[str, ...]] = [(), *((name,) for name in places), *combinations(places, 2)]
    amounts = (None, *(sats(units) for units in (1, 2, 4, 5, 8, 9, 10)), Amount(5, Commodity.PKR))
    for action, vault, path, chosen, amount, purpose in product(
        ACTIONS, VAULTS, ("main", "recovery"), sets, amounts, PURPOSES
    ):
        question = Question(
            action=action,
            id="q",
            hash="q",
            proposer="treasury-1",
            proposed_at=AT,
            expires_at=AT + timedelta(hours=24),
            amount=amount,
            vault=vault,
            path=path,
            destinations=tuple(Destination(name, amount or sats(0), name if name in VAULTS else "") for name in chosen),
            purpose=purpose,
        )
        if is_possible(question):
            yield question


def is_possible(question: Question) -> bool:
    """Whether anybody could ask it: coins have an amount in bitcoin and a place, a move stays in our vaults."""
    if question.action == "payout":
        ours = any(place.vault for place in question.destinations)
        return question.path == "main" and not ours and question.amount is not None
    if question.amount is None or question.amount.commodity is not Commodity.BTC or not question.destinations:
        return False
    inside = all(place.vault for place in question.destinations)
    if question.action == "home":
        return all(place.vault == question.vault for place in question.destinations)
    return inside if question.action == "move" else True


QUESTIONS = tuple(every_question())


@settings(max_examples=25)
@given(policies_drawn())
def test_no_rule_that_is_called_unreachable_ever_decides(policy: Policy) -> None:
    """Of every question the rule that fits first is none of those, and each of the others decides one."""
    never = {item.id for item in analyse(policy).findings if item.cause is PolicyCause.NEVER_DECIDES}
    decides = {rule.id for question in QUESTIONS if (rule := first_fit(policy, question, AT).rule) is not None}
    assert not decides & never
    deciders, space = Deciders(policy), space_of(policy)
    cells = (cell for action in ACTIONS for cell in space.cells(action))
    assert {rule.id for _, rule in deciders.decided(cells) if rule is not None} == decides


@settings(max_examples=40)
@given(policies_drawn())
def test_every_way_of_a_drawn_policy_really_is_allowed(policy: Policy) -> None:
    """Policies at random: each way with fewer people that is found is walked through the engine."""
    for finding in analyse(policy).findings:
        replay = Replay(policy)
        for step in finding.steps if finding.people else ():
            decisions = replay.step(replace(step, times=min(step.times, 5)))
            assert all(decision.allowed and decision.rule == step.rule for decision in decisions), (step, decisions)

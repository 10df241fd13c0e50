"""What an analysis says is so: its examples are allowed by the engine, and a rule that never decides never does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings

from policy_corpus_reader import corpus, read_planted
from policy_draws import ACTIONS, AT, QUESTIONS, policies_drawn
from policy_replay import Replay, day_start, signing
from zakhira.controls.people import people_of
from zakhira.controls.policy_cells import Deciders, space_of
from zakhira.controls.policy_faults import analyse
from zakhira.controls.policy_finding import Finding, PolicyCause, Severity
from zakhira.controls.policy_people import places_of
from zakhira.controls.rule_fit import first_fit, rule_named
from zakhira.kernel.money import sats
from zakhira.programme.model import Policy
from zakhira.programme.policy import Rule

WITH_PEOPLE = [
    (path, finding)
    for path in corpus()
    for finding in analyse(read_planted(path).policy, "regtest").findings
    if finding.people
]
NAMES = [f"{path.stem}-{finding.cause.code}-{number}" for number, (path, finding) in enumerate(WITH_PEOPLE)]


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

"""What an analysis says is so: its examples are allowed by the engine, and a rule that never decides never does."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_corpus_reader import corpus, read_planted
from policy_draws import ACTIONS, AT, QUESTIONS, policies_drawn
from policy_replay import OFFICERS, PAYEE, Replay, day_start, signing
from zakhira.controls.analysis.cases import Bench, Case, movements
from zakhira.controls.analysis.cells import Deciders, space_of
from zakhira.controls.analysis.crews import places_of
from zakhira.controls.analysis.faults import analyse
from zakhira.controls.analysis.finding import Finding, PolicyCause, Severity
from zakhira.controls.engine.people import people_of
from zakhira.controls.engine.question import Destination
from zakhira.controls.engine.rule_fit import first_fit, rule_named
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
        total = sum(
            (step.cell.amount or sats(0)).units * step.times for step in finding.steps if step.cell.action != "move"
        )
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


CLEAN = [
    path for path in corpus() if path.stem in {"clean-plain", "clean-exception", "clean-refusal", "clean-recovery"}
]
HOURS, BAND_SATS = 168, 100_000_000
"""From 1 BTC on the clean policies ask four people, and what three of them may is held by windows of a week."""


@settings(max_examples=60)
@given(st.data())
def test_three_people_never_pay_what_four_are_asked_for(data: st.DataObject) -> None:
    """Where nothing is found, walks of three people by chance, over vaults, paths and purposes, stay below the band."""
    policy = signing(read_planted(data.draw(st.sampled_from(CLEAN))).policy)
    crew = data.draw(st.lists(st.sampled_from(OFFICERS), min_size=3, max_size=3, unique=True))
    draw = data.draw(st.randoms(use_true_random=False))
    bench, at, paid = Bench(policy), AT, list[tuple[datetime, int]]()
    for number in range(40):
        at += timedelta(minutes=draw.choice((1, 60, 600)))
        case = _by_chance(draw, crew, f"{number}", at)
        if bench.decide(case, at).allowed:
            for movement in movements(case, at):
                bench.log.append(movement)
            if case.action == "spend":
                paid.append((at, case.amount.units if case.amount else 0))
        recent = sum(units for moment, units in paid if moment > at - timedelta(hours=HOURS))
        assert recent < BAND_SATS, paid


def _by_chance(draw: Random, crew: list[str], name: str, at: datetime) -> Case:
    draw.shuffle(crew)
    amount = sats(draw.choice((1_000_000, 40_000_000, 50_000_000, 99_000_000, 100_000_000, 500_000_000)))
    action, vault = draw.choice(("spend", "spend", "move")), draw.choice(("cold", "intake"))
    to = draw.choice(("cold", "intake")) if action == "move" else ""
    return Case(
        id=name,
        action=action,
        proposer=crew[0],
        proposed_at=at,
        amount=amount,
        vault=vault,
        path=draw.choice(("main", "main", "recovery")),
        destinations=(Destination(f"address of {to}" if to else PAYEE.address, amount, to),),
        purpose=draw.choice(("wages", "works", "speculation")),
        approvers=tuple(crew[1:]),
        executor=draw.choice(("", *crew)),
        balance=sats(10**16),
    )


@settings(max_examples=40)
@given(policies_drawn())
def test_every_way_of_a_drawn_policy_really_is_allowed(policy: Policy) -> None:
    """Policies at random: each way with fewer people that is found is walked through the engine."""
    for finding in analyse(policy).findings:
        replay = Replay(policy)
        for step in finding.steps if finding.people else ():
            decisions = replay.step(replace(step, times=min(step.times, 5)))
            assert all(decision.allowed and decision.rule == step.rule for decision in decisions), (step, decisions)

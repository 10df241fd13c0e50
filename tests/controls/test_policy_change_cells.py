"""What a change of the policy changes: every question whose answer differs is among the cells, with its direction."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings

from policy_corpus_reader import CORPUS, read_planted
from policy_draws import AT, QUESTIONS, policies_drawn
from zakhira.controls.analysis.change_cells import Direction, changed_answers, direction_of
from zakhira.controls.analysis.faults_reach import answer_of
from zakhira.controls.engine.rule_fit import first_fit
from zakhira.kernel.money import sats
from zakhira.programme.model import Policy
from zakhira.programme.policy import Quorum, Rule, Window

PLAIN = Rule(
    id="r",
    clause="c",
    actions=("spend",),
    propose_roles=("treasury-officer",),
    quorums=(Quorum(1, ("comptroller",)),),
    delay_hours=12,
    from_hour=9,
    to_hour=17,
    windows=(Window(24, limit=sats(100)),),
)
LOOSER = {
    "one less": {"quorums": ()},
    "more may approve": {"quorums": (Quorum(1, ("comptroller", "director")),)},
    "more may propose": {"propose_roles": ("treasury-officer", "director")},
    "sooner": {"delay_hours": 6},
    "longer hours": {"from_hour": 8},
    "no window": {"windows": ()},
    "a wider window": {"windows": (Window(24, limit=sats(200)),)},
}


@pytest.mark.parametrize("change", LOOSER.values(), ids=list(LOOSER))
def test_each_looser_condition_is_looser_and_the_way_back_stricter(change: dict[str, object]) -> None:
    """One condition at a time."""
    changed = replace(PLAIN, **change)  # type: ignore[arg-type]  # fields of a rule
    assert direction_of(PLAIN, changed) is Direction.LOOSER
    assert direction_of(changed, PLAIN) is Direction.STRICTER


def test_looser_in_one_way_and_stricter_in_another_is_both() -> None:
    """A shorter delay for one more person; a window of another length cannot be compared."""
    assert direction_of(PLAIN, replace(PLAIN, delay_hours=0, execute_roles=("auditor",))) is Direction.BOTH
    assert direction_of(PLAIN, replace(PLAIN, windows=(Window(48, limit=sats(100)),))) is Direction.BOTH
    refused = replace(PLAIN, effect="refuse")
    assert direction_of(refused, PLAIN) is direction_of(None, PLAIN) is Direction.LOOSER
    assert direction_of(PLAIN, None) is Direction.STRICTER


def test_a_rule_that_moves_down_changes_what_it_covered() -> None:
    """Two rules in another order: nothing in them changed, and yet answers do, the more permissive first."""
    policy = read_planted(CORPUS / "overlap.toml").policy
    works = next(rule for rule in policy.rules if rule.id == "works")
    others = tuple(rule for rule in policy.rules if rule.id != "works")
    changes = changed_answers(policy, replace(policy, rules=(*others, works)))
    assert [(change.old and change.old.id, change.new and change.new.id) for change in changes] == [
        ("works", "payments"),
        ("works", "large"),
    ]
    assert all(change.example.purpose == "works" and change.example.destination == "listed" for change in changes)
    assert changed_answers(policy, policy) == ()


@settings(max_examples=15)
@given(policies_drawn(), policies_drawn())
def test_every_question_whose_answer_differs_is_among_the_changes(old: Policy, new: Policy) -> None:
    """Asked of every question over all values: the pair of rules that decide it is told, and no other pair."""
    told = {(change.old and change.old.id, change.new and change.new.id) for change in changed_answers(old, new)}
    met = set()
    for question in QUESTIONS:
        was, now = (first_fit(policy, question, AT).rule for policy in (old, new))
        if answer_of(was) != answer_of(now):
            met.add((was and was.id, now and now.id))
    assert met == told

"""What an officer said and the watch has read counts on, whatever the books say of it later."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from custody_drill import COLD
from governing_drill import GoverningDrill, key_of, other_key_of
from tower_drill import POLICY, Tower, make_terms, sign, signed_spend
from zakhira.controls.acts.public_acts import ENROLMENT_DOMAIN, Enrolment, RecordedAct, act_json, enrolment_statement
from zakhira.controls.approval import REJECTION_DOMAIN, veto_statement
from zakhira.custody.coin import Instruction
from zakhira.custody.spend import HeldCoin
from zakhira.flows.governing.acts import AUTHORITY_ACT
from zakhira.flows.governing.founding import found_policy
from zakhira.flows.governing.freezing import freeze
from zakhira.kernel.canonical import Json
from zakhira.kernel.interval import utc_text
from zakhira.programme.policy import Quorum, Rule
from zakhira.simulator.books import SimulatedBooks
from zakhira.watch.alarm import AlarmKind, News
from zakhira.watch.state import WatchState

RULE = Rule(
    id="cold-payments",
    clause="Treasury rules, 5",
    actions=("spend",),
    propose_roles=("operations",),
    quorums=(Quorum(1, ("treasury",)), Quorum(1, ("audit",))),
    veto_roles=("audit", "treasury"),
)


def vetoed(*, genuine: bool = True) -> tuple[Tower, Instruction, tuple[HeldCoin, ...], Json]:
    """A watch that has read an approved spend with amina's no to it; and what the books said before the no."""
    tower = Tower(make_terms(policy=replace(POLICY, rules=(RULE,))))
    held = tower.fund(COLD, 5_000_000)
    instruction = tower.instruction("pay-1", held)
    tower.say(instruction, "amina", "chand")
    tower.look()
    before = cast("dict[str, Json]", tower.source.spends["pay-1"])
    statement = veto_statement("amina", instruction.hash, "no", tower.now)
    veto: Json = {
        "officer": "amina",
        "instruction_hash": instruction.hash,
        "reason": "no",
        "at": utc_text(tower.now),
        "signature": sign("amina" if genuine else "dara", REJECTION_DOMAIN, statement),
    }
    tower.source.spends["pay-1"] = {**before, "vetoes": [veto]}
    tower.look()
    return tower, instruction, held, before


@pytest.mark.parametrize("state_of_before", [False, True])
def test_a_veto_that_is_taken_out_of_the_books(state_of_before: bool) -> None:  # noqa: FBT001 - drawn
    """Told at once, and the spend that moves all the same is one that was refused; so from a state of before."""
    tower, instruction, held, before = vetoed()
    if state_of_before:
        tower.state = replace(tower.state, vetoes={}, read={}, missing={})
        tower.restart()
        tower.look()
    tower.source.spends["pay-1"] = before
    assert tower.news() == [(News.RAISED, AlarmKind.INSTRUCTION_CHANGED)]
    assert "amina" in tower.raised()[AlarmKind.INSTRUCTION_CHANGED]
    tower.restart()
    tower.node.send(signed_spend(instruction, held))
    assert (News.RAISED, AlarmKind.REFUSED_BY_POLICY) in tower.news()
    assert "amina said no" in tower.raised()[AlarmKind.REFUSED_BY_POLICY]


def test_a_veto_that_comes_back() -> None:
    """The alarm is over when the books say it again."""
    tower, _, _, before = vetoed()
    told, tower.source.spends["pay-1"] = tower.source.spends["pay-1"], before
    tower.look()
    tower.source.spends["pay-1"] = told
    assert tower.news() == [(News.ENDED, AlarmKind.INSTRUCTION_CHANGED)]


def test_a_veto_that_nobody_signed() -> None:
    """Told as a forgery while it stands there; taken away it stops no spend and is no news."""
    tower, instruction, held, before = vetoed(genuine=False)
    assert AlarmKind.NOT_GENUINE in tower.raised()
    tower.source.spends["pay-1"] = before
    assert tower.news() == [(News.ENDED, AlarmKind.NOT_GENUINE)]
    tower.node.send(signed_spend(instruction, held))
    assert tower.news() == []


def frozen() -> tuple[Tower, str]:
    """A watch that has read a freeze, and the id of that act."""
    books = SimulatedBooks()
    chamber = GoverningDrill(books, POLICY)
    found_policy(books, POLICY, chamber.now)
    tower = Tower(make_terms(), now=chamber.now)
    tower.source.acts = dict(books.records(AUTHORITY_ACT))
    tower.look()
    chamber.now = tower.now
    freeze(chamber.chamber, "a letter that smells", key_of("chand"))
    tower.source.acts = dict(books.records(AUTHORITY_ACT))
    tower.look()
    return tower, max(tower.source.acts)


def _enrolment(tower: Tower, number: int) -> Json:
    """Somebody's act that no officer has to sign."""
    key, at = other_key_of("bilal"), tower.now.replace(microsecond=0)
    public = key.public_key.lower()
    act = Enrolment("bilal", public, key.sign(ENROLMENT_DOMAIN, enrolment_statement("bilal", public, at)), at)
    return act_json(RecordedAct(number, at, act))


@pytest.mark.parametrize("replaced", [True, False])
def test_a_freeze_that_is_taken_out_of_the_books(replaced: bool) -> None:  # noqa: FBT001 - drawn
    """Another act stands under its number, or nothing: told, and what moves is an alarm as in a frozen reserve."""
    tower, name = frozen()
    body = tower.source.acts.pop(name)
    if replaced:
        number = cast("int", cast("dict[str, Json]", body)["number"])
        tower.source.acts[name] = _enrolment(tower, number)
    assert (News.RAISED, AlarmKind.POLICY_UNPROVEN) in tower.news()
    tower.restart()
    tower.look()
    assert AlarmKind.FROZEN in tower.raised()
    held = tower.fund(COLD, 5_000_000)
    instruction = tower.instruction("pay-1", held)
    tower.say(instruction, "amina", "chand")
    tower.node.send(signed_spend(instruction, held))
    assert (News.RAISED, AlarmKind.REFUSED_BY_POLICY) in tower.news()
    tower.source.acts[name] = body
    assert AlarmKind.POLICY_UNPROVEN in {kind for news, kind in tower.news() if news is News.ENDED}


def test_an_act_that_is_forged_first_and_then_right() -> None:
    """Somebody takes the number of a freeze with junk; the freeze that comes after it in its place counts."""
    tower, name = frozen()
    body = cast("dict[str, dict[str, Json]]", tower.source.acts[name])
    tower.state, tower.source.acts[name] = WatchState(), {**body, "act": {**body["act"], "signature": "00" * 64}}
    tower.restart()
    tower.look()
    assert AlarmKind.FROZEN not in tower.raised()
    tower.source.acts[name] = body
    tower.look()
    assert AlarmKind.FROZEN in tower.raised()

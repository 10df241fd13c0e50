"""The verdict on movements: what officers and policy allowed passes in silence, all else is told with its rule."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from custody_drill import COLD, INTAKE
from tower_drill import PAYEE, POLICY, THIEF, Tower, make_terms, signed_spend, spend_with_change
from zakhira.custody.coin import Payment
from zakhira.kernel.money import sats
from zakhira.programme.policy import Quorum, Rule, Window
from zakhira.watch.alarm import AlarmKind, News


@pytest.fixture
def tower() -> Tower:
    """A watch over both vaults that has looked once."""
    made = Tower(make_terms())
    assert made.news() == []
    return made


def test_an_approved_spend_is_no_news(tower: Tower) -> None:
    """In the mempool, in a block, and after a restart: silence."""
    held = tower.fund(COLD, 5_000_000)
    instruction = tower.instruction("pay-1", held)
    tower.say(instruction, "amina", "chand")
    raw = signed_spend(instruction, held)
    txid = tower.node.send(raw)
    assert tower.news() == []
    assert tower.state.spends[txid].spend_id == "pay-1"
    tower.node.mine(tower.now, raw)
    tower.restart()
    assert tower.news() == []
    assert not tower.state.coins[held[0].coin.outpoint].is_unspent


def test_coins_that_move_without_an_instruction(tower: Tower) -> None:
    """Three signers on their own: told in the mempool, told again in the block, with the rule and the keys."""
    held = tower.fund(COLD, 5_000_000)
    tower.look()
    raw = signed_spend(tower.instruction("theirs", held, to=THIEF), held, signers=(1, 3, 5))
    tower.node.send(raw)
    assert tower.news() == [(News.RAISED, AlarmKind.NO_INSTRUCTION)]
    sentence = tower.raised()[AlarmKind.NO_INSTRUCTION]
    assert "in the mempool" in sentence
    assert "no coin of a vault moves without an approved instruction" in sentence
    assert all(name in sentence for name in ("cold", "cold-1", "cold-3", "cold-5", THIEF, "0.04999000 BTC"))
    assert tower.news() == []
    tower.node.mine(tower.now, raw)
    assert tower.news() == [(News.CHANGED, AlarmKind.NO_INSTRUCTION)]
    assert f"in block {len(tower.node.chain) - 1}" in tower.raised()[AlarmKind.NO_INSTRUCTION]


def test_a_spend_that_too_few_approved(tower: Tower) -> None:
    """The instruction is there, one approval of two: the policy's rule is named, and what is missing."""
    held = tower.fund(COLD, 5_000_000)
    instruction = tower.instruction("pay-1", held)
    tower.say(instruction, "amina")
    tower.node.send(signed_spend(instruction, held))
    assert tower.news() == [(News.RAISED, AlarmKind.REFUSED_BY_POLICY)]
    assert "missing: audit" in tower.raised()[AlarmKind.REFUSED_BY_POLICY]


def test_an_instruction_that_was_edited(tower: Tower) -> None:
    """Another amount in the books than what was signed: found before anything moves, and when it does."""
    held = tower.fund(COLD, 5_000_000)
    instruction = tower.instruction("pay-1", held)
    tower.say(instruction, "amina", "chand")
    assert tower.news() == []
    edited = replace(instruction, payments=(Payment(THIEF, instruction.payments[0].amount_sats),))
    told = tower.source.spends["pay-1"]
    assert isinstance(told, dict)
    tower.source.spends["pay-1"] = {**told, "instruction": edited.as_json()}
    assert tower.news() == [(News.RAISED, AlarmKind.NOT_GENUINE)]
    tower.node.send(signed_spend(edited, held))
    kinds = {kind for _, kind in tower.news()}
    assert kinds == {AlarmKind.NOT_GENUINE, AlarmKind.REFUSED_BY_POLICY}


def test_an_instruction_that_is_edited_after_it_was_carried_out(tower: Tower) -> None:
    """History is rewritten: told."""
    held = tower.fund(COLD, 5_000_000)
    instruction = tower.instruction("pay-1", held)
    tower.say(instruction, "amina", "chand")
    tower.node.mine(tower.now, signed_spend(instruction, held))
    assert tower.news() == []
    tower.say(replace(instruction, purpose="something else"), "amina", "chand")
    assert tower.news() == [(News.RAISED, AlarmKind.INSTRUCTION_CHANGED)]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"fee_limit_sats": 900}, "fee"),
        ({"inputs": ("ab" * 32 + ":0",)}, "coins differ"),
        ({"payments": (Payment(PAYEE, 4_998_999),)}, "not approved"),
        ({"fee_rate_limit_sat_per_vb": 1}, "sat/vB"),
    ],
)
def test_the_nearest_instruction_is_named_with_the_difference(
    tower: Tower, change: dict[str, object], told: str
) -> None:
    """Fee ceiling, named coins, amounts, rate: each difference alone makes it another transaction."""
    held = tower.fund(COLD, 5_000_000)
    carried_out = tower.instruction("pay-1", held)
    approved = replace(carried_out, **change)  # type: ignore[arg-type]  # its own fields
    tower.say(approved, "amina", "chand")
    tower.node.send(signed_spend(carried_out, held))
    assert tower.news() == [(News.RAISED, AlarmKind.NO_INSTRUCTION)]
    sentence = tower.raised()[AlarmKind.NO_INSTRUCTION]
    assert "The nearest, pay-1" in sentence
    assert told in sentence


def test_one_instruction_twice(tower: Tower) -> None:
    """The same payment from other coins once more; a version with a higher fee that replaces the first is none."""
    held = tower.fund(COLD, 5_000_000, 5_000_000)
    instruction = replace(tower.instruction("pay-1", held[:1]), payments=(Payment(PAYEE, 4_990_000),))
    instruction = replace(instruction, fee_limit_sats=20_000, fee_rate_limit_sat_per_vb=100)
    tower.say(instruction, "amina", "chand")
    first, again = (signed_spend(instruction, (coin,)) for coin in held)
    tower.node.send(first)
    assert tower.news() == []
    tower.node.send(again)
    assert (News.RAISED, AlarmKind.USED_TWICE) in tower.news()
    assert "carried out once" in tower.raised()[AlarmKind.USED_TWICE]


def test_a_version_with_a_higher_fee_takes_the_place_of_the_first(tower: Tower) -> None:
    """Replaced by fee: no alarm, and the first counts no more."""
    held = tower.fund(INTAKE, 5_000_000)
    instruction = replace(tower.instruction("pay-1", held), payments=(Payment(PAYEE, 1_000_000),))
    tower.say(instruction, "amina", "chand")
    first = tower.node.send(spend_with_change(instruction, held, 3_999_000)[0])
    assert tower.news() == []
    second = tower.node.send(spend_with_change(instruction, held, 3_996_000)[0])
    assert tower.news() == []
    assert tower.state.spends[first].is_gone
    assert tower.state.spends[second].spend_id == "pay-1"


def _ruled(**told: object) -> Tower:
    """A watch whose policy has one rule."""
    rule = Rule(
        id="cold-payments",
        clause="Treasury rules, 5",
        actions=("spend",),
        propose_roles=("operations",),
        quorums=(Quorum(1, ("treasury",)), Quorum(1, ("audit",))),
    )
    policy = replace(POLICY, rules=(replace(rule, **told),))  # type: ignore[arg-type]  # its own fields
    made = Tower(make_terms(policy=policy))
    made.look()
    return made


def test_signers_whom_the_rule_does_not_name() -> None:
    """The keys are read from the witness: the rule lets 1 to 3 sign, and 4 signed."""
    tower = _ruled(signers=("cold-1", "cold-2", "cold-3"))
    held = tower.fund(COLD, 5_000_000)
    instruction = tower.instruction("pay-1", held)
    tower.say(instruction, "amina", "chand")
    tower.node.send(signed_spend(instruction, held, signers=(1, 2, 4)))
    assert tower.news() == [(News.RAISED, AlarmKind.STRANGE_SIGNER)]
    sentence = tower.raised()[AlarmKind.STRANGE_SIGNER]
    assert "cold-4" in sentence
    assert "rule cold-payments" in sentence


def test_a_limit_passed_by_splitting_is_found_by_the_watchs_own_count() -> None:
    """Each spend is within the window by itself; the books could say what they like, the chain adds them up."""
    window = Window(hours=24, per="programme", limit=sats(6_000_000))
    tower = _ruled(windows=(window,))
    held = tower.fund(COLD, 5_000_000, 5_000_000)
    for number, coin in enumerate(held, 1):
        instruction = tower.instruction(f"pay-{number}", (coin,))
        tower.say(instruction, "amina", "chand")
        tower.node.send(signed_spend(instruction, (coin,)))
        news = tower.news()
        assert news == ([] if number == 1 else [(News.RAISED, AlarmKind.REFUSED_BY_POLICY)])
    assert "rule cold-payments" in tower.raised()[AlarmKind.REFUSED_BY_POLICY]


def test_a_delay_that_was_not_waited_for_and_one_that_was() -> None:
    """Sent an hour after the quorum where the rule says two: told. Found in a block later: it may have waited."""
    for minutes, alarms in ((60, [(News.RAISED, AlarmKind.REFUSED_BY_POLICY)]), (130, [])):
        tower = _ruled(delay_hours=2)
        held = tower.fund(COLD, 5_000_000)
        instruction = tower.instruction("pay-1", held)
        tower.say(instruction, "amina", "chand")
        tower.look()
        tower.look(minutes * 60)
        tower.node.send(signed_spend(instruction, held))
        assert tower.news() == alarms


def test_a_spend_that_is_found_after_the_watch_was_away(tower: Tower) -> None:
    """Sent in time and mined while the watch was down, found after the proposal's time is over: no alarm."""
    held = tower.fund(COLD, 5_000_000)
    instruction = tower.instruction("pay-1", held)
    tower.say(instruction, "amina", "chand")
    tower.look()
    tower.node.mine(tower.now + timedelta(hours=1), signed_spend(instruction, held))
    tower.restart()
    assert tower.news(3 * 24 * 3600) == []


def test_a_spend_after_its_time(tower: Tower) -> None:
    """Seen as it comes, a day after the proposal's end: the policy would have refused it."""
    held = tower.fund(COLD, 5_000_000)
    instruction = tower.instruction("pay-1", held)
    tower.say(instruction, "amina", "chand")
    tower.look()
    tower.look(25 * 3600)
    tower.node.send(signed_spend(instruction, held))
    assert tower.news() == [(News.RAISED, AlarmKind.REFUSED_BY_POLICY)]


def test_an_instruction_that_comes_later_ends_the_alarm(tower: Tower) -> None:
    """A folder that is carried by hand lags: the alarm is raised at once, and over when the signatures are there."""
    held = tower.fund(COLD, 5_000_000)
    instruction = tower.instruction("pay-1", held)
    tower.node.send(signed_spend(instruction, held))
    assert tower.news() == [(News.RAISED, AlarmKind.NO_INSTRUCTION)]
    tower.now -= timedelta(seconds=1)
    tower.say(instruction, "amina", "chand")
    assert tower.news() == [(News.ENDED, AlarmKind.NO_INSTRUCTION)]


def test_change_is_stolen_before_it_is_in_a_block(tower: Tower) -> None:
    """A theft of the change of a spend that is itself not in a block yet."""
    held = tower.fund(INTAKE, 5_000_000)
    instruction = replace(tower.instruction("pay-1", held), payments=(Payment(PAYEE, 1_000_000),))
    tower.say(instruction, "amina", "chand")
    raw, change = spend_with_change(instruction, held, 3_999_000)
    tower.node.send(raw)
    assert tower.news() == []
    stolen = signed_spend(tower.instruction("theirs", (change,), to=THIEF), (change,), signers=(2, 3))
    tower.node.send(stolen)
    assert tower.news() == [(News.RAISED, AlarmKind.NO_INSTRUCTION)]
    tower.node.mine(tower.now, raw, stolen)
    assert tower.news() == [(News.CHANGED, AlarmKind.NO_INSTRUCTION)]


def test_junk_in_the_books_does_not_bury_a_theft(tower: Tower) -> None:
    """Hundreds of spends that are none, and one coin that moves: a handful of alarms, and that one by itself."""
    held = tower.fund(COLD, 5_000_000)
    tower.source.spends = {f"junk-{number}": {"instruction": {}, "proposal_signature": ""} for number in range(500)}
    assert len(tower.news()) == 21
    tower.node.send(signed_spend(tower.instruction("theirs", held, to=THIEF), held))
    assert tower.news() == [(News.RAISED, AlarmKind.NO_INSTRUCTION)]

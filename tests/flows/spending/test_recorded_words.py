"""Words of officers count from when they came, whatever date their signatures carry."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest

from policy_drill import approved, executed, large, ruled
from treasury_drill import FAST, TreasuryDrill, officer, twin_treasury
from zakhira.controls.spend_state import SpendState
from zakhira.flows.governing.standing import standing_of
from zakhira.flows.officer_words import sign_approval
from zakhira.flows.spending.building import build, hand_out
from zakhira.flows.spending.deciding import decide, take_approval
from zakhira.flows.spending.policy_refusals import SpendMustWait
from zakhira.flows.spending.proposing import propose
from zakhira.flows.spending.spend import TreasurySpend, spend_of
from zakhira.flows.spending.step import load_spend

HOUR = timedelta(hours=1)


@pytest.fixture
def drill() -> TreasuryDrill:
    """Three coins in intake, and the four rules."""
    made = twin_treasury()
    made.receive(5_000_000, 3_000_000, 2_000_000)
    return ruled(made)


def dated_back(drill: TreasuryDrill) -> TreasurySpend:
    """A large payment whose approvals come two hours after the proposal and are dated with it."""
    propose(drill.treasury, large(), officer("dara"))
    proposed_at = drill.now
    drill.now += 2 * HOUR
    spend, version = load_spend(drill.treasury, "pay-1"), standing_of(drill.treasury).policy_hash
    for name in ("amina", "chand"):
        take_approval(
            drill.treasury, "pay-1", sign_approval(officer(name), spend.instruction.hash, proposed_at, version)
        )
    decide(drill.treasury, "pay-1")
    return executed(drill, "pay-1", "0.025 BTC")


def test_an_approval_that_is_dated_back_shortens_no_delay(drill: TreasuryDrill) -> None:
    """Both approvals carry the date of the proposal: the delay of two hours runs from when they were recorded."""
    spend = dated_back(drill)
    given = [approval.signature for approval in spend.approvals]
    assert spend.execution is not None
    assert spend.recorded_at == dict.fromkeys([*given, spend.execution.signature], drill.now.replace(microsecond=0))
    build(drill.treasury, "pay-1", FAST)
    with pytest.raises(SpendMustWait, match="the delay until"):
        hand_out(drill.treasury, "pay-1")
    drill.now += 2 * HOUR
    assert hand_out(drill.treasury, "pay-1")[0].state is SpendState.HANDED_OUT


def test_the_same_yes_again_keeps_its_moment(drill: TreasuryDrill) -> None:
    """Whoever brings a signature a second time neither hastens nor delays anything."""
    spend = dated_back(drill)
    first = spend.recorded_at
    drill.now += HOUR
    again = take_approval(drill.treasury, "pay-1", spend.approvals[0])
    assert again.recorded_at == first
    assert replace(again, recorded_at={}).with_recorded("s", drill.now) == {"s": drill.now}


def test_books_of_before_say_nothing_of_when(drill: TreasuryDrill) -> None:
    """A record without those moments is read, and the approvals' own dates count as they did."""
    spend = approved(drill, large())
    body = dict(cast("dict[str, object]", spend.record.body))
    del body["recorded_at"]
    older = spend_of(body)  # type: ignore[arg-type]  # plain data
    assert older == replace(spend, recorded_at={})
    assert older.recorded_at == {}

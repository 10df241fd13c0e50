"""A settlement is asked for like every matter: freeze, delay, second person, Cedar text and the version in force."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest

from custody_drill import INTAKE
from treasury_drill import TreasuryDrill, officer, twin_chain_of, twin_treasury
from watch_drill import POOL, place
from zakhira.controls.approval import SETTLEMENT_DOMAIN, Execution
from zakhira.custody.coin import Payment
from zakhira.flows.coin_papers import ANNOUNCED, COIN_PAPER, SUSPENSE, paper_of
from zakhira.flows.governing.acting import Chamber
from zakhira.flows.governing.founding import found_policy
from zakhira.flows.governing.freezing import freeze
from zakhira.flows.governing.standing import standing_of
from zakhira.flows.officer_words import sign_execution
from zakhira.flows.ports.books import Record, Write
from zakhira.flows.settling_answer import SettlementMustWait, SettlementNotAllowed, SettlementNotExecuted
from zakhira.flows.spending.policy_refusals import EnteredOtherwise
from zakhira.flows.suspense import (
    SETTLEMENT,
    Settlement,
    SettlementForged,
    SettlementSignature,
    draft_settlement,
    settle_suspense,
    settlements,
    sign_settlement,
    suspended_coins,
)
from zakhira.programme.policy import Quorum, Rule

PAID_SATS = 700_000
RULE = Rule("settle", "Rule 5", ("settle",), propose_roles=("operations",), quorums=(Quorum(1, ("treasury", "audit")),))


@pytest.fixture(scope="module")
def paid() -> TreasuryDrill:
    """A treasury with one coin in suspense; each test takes a copy."""
    drill = twin_treasury()
    payment = Payment(place(INTAKE, 9).address, PAID_SATS)
    drill.chain.broadcast(drill.chain.sign_pool_payment(POOL, [payment], 2))
    drill.mine(4)
    return drill


@pytest.fixture
def drill(paid: TreasuryDrill) -> TreasuryDrill:
    """A copy under the rule for settling."""
    return under(deepcopy(paid), RULE)


def under(drill: TreasuryDrill, rule: Rule, authorization: str = "") -> TreasuryDrill:
    """The drill under one rule, founded."""
    policy = replace(drill.parts.policy, rules=(rule,), authorization=authorization)
    drill.parts = replace(drill.parts, policy=policy)
    return drill


def statement(drill: TreasuryDrill, reason: str = "letter 12") -> Settlement:
    """What the officers found out about the coin."""
    return draft_settlement(drill.treasury, suspended_coins(drill.treasury)[0].outpoint, "Pool A", "royalty", reason)


def words(drill: TreasuryDrill, told: Settlement, *names: str) -> tuple[SettlementSignature, ...]:
    """Signatures of dara, who proposes, and amina of the treasury, unless others are named."""
    version = standing_of(drill.treasury).policy_hash
    at = drill.now.replace(microsecond=0)
    return tuple(sign_settlement(told, officer(name), at, version) for name in names or ("dara", "amina"))


def state_of(drill: TreasuryDrill, outpoint: str) -> str:
    """Of the coin's paper."""
    return paper_of(outpoint, drill.parts.books.latest(COIN_PAPER, outpoint)).state


def test_nothing_is_settled_in_a_freeze(drill: TreasuryDrill) -> None:
    """Chand freezes: two officers cannot settle the coin."""
    found_policy(drill.parts.books, drill.parts.policy, drill.now)
    told = statement(drill)
    freeze(Chamber(drill.parts.books, drill.parts.policy, drill.now), "stop", officer("chand"))
    with pytest.raises(SettlementNotAllowed, match="frozen by chand"):
        settle_suspense(drill.treasury, told, words(drill, told))
    assert state_of(drill, told.outpoint) == SUSPENSE


def test_a_delay_runs_from_when_the_words_came(drill: TreasuryDrill) -> None:
    """Words are kept, with their dates; a signature that is dated back or given again shortens nothing."""
    under(drill, replace(RULE, delay_hours=24))
    told, earlier = statement(drill), drill.now - timedelta(hours=20)
    version = standing_of(drill.treasury).policy_hash
    dated_back = [sign_settlement(told, officer(name), earlier, version) for name in ("dara", "amina")]
    with pytest.raises(SettlementMustWait, match="the delay until"):
        settle_suspense(drill.treasury, told, dated_back)
    drill.now += timedelta(hours=5)
    with pytest.raises(SettlementMustWait):
        settle_suspense(drill.treasury, told, words(drill, told))
    drill.now += timedelta(hours=20)
    after = settle_suspense(drill.treasury, told, words(drill, told))
    assert after.state == ANNOUNCED
    signed = settlements(drill.parts.books, [told.outpoint])[told.outpoint].signatures
    assert {(given.officer, given.at, given.policy_hash) for given in signed} == {
        ("dara", earlier, version),
        ("amina", earlier, version),
    }
    assert drill.parts.books.breaks() == ()


def test_words_that_waited_too_long_are_given_anew(drill: TreasuryDrill) -> None:
    """Kept words last as long as a proposal may wait (48 h); the delay then runs anew."""
    under(drill, replace(RULE, delay_hours=24))
    told = statement(drill)
    with pytest.raises(SettlementMustWait):
        settle_suspense(drill.treasury, told, words(drill, told))
    drill.now += timedelta(hours=48)
    with pytest.raises(SettlementMustWait):
        settle_suspense(drill.treasury, told, words(drill, told))
    drill.now += timedelta(hours=24)
    assert settle_suspense(drill.treasury, told, words(drill, told)).state == ANNOUNCED


def test_another_statement_has_its_own_words(drill: TreasuryDrill) -> None:
    """What waits for one statement serves no other."""
    under(drill, replace(RULE, delay_hours=24))
    told = statement(drill)
    with pytest.raises(SettlementMustWait):
        settle_suspense(drill.treasury, told, words(drill, told))
    drill.now += timedelta(hours=30)
    other = statement(drill, "letter 13")
    with pytest.raises(SettlementMustWait):
        settle_suspense(drill.treasury, other, words(drill, other))


def entered(drill: TreasuryDrill, told: Settlement, amount: str, name: str = "chand") -> Execution:
    """The second person reads the amount in the letter."""
    return sign_execution(officer(name), told.hash, amount, "letter 12", drill.now.replace(microsecond=0))


def test_a_second_person_where_the_rule_asks_for_one(drill: TreasuryDrill) -> None:
    """Without the amount entered again it waits; another amount, and one of those who signed, are refused."""
    under(drill, replace(RULE, execute_roles=("audit", "treasury")))
    told = statement(drill)
    with pytest.raises(SettlementNotExecuted, match="audit or treasury"):
        settle_suspense(drill.treasury, told, words(drill, told))
    with pytest.raises(EnteredOtherwise, match="chand entered"):
        settle_suspense(drill.treasury, told, words(drill, told), entered(drill, told, "0.7 BTC"))
    with pytest.raises(SettlementNotAllowed, match="amina approved"):
        settle_suspense(drill.treasury, told, words(drill, told), entered(drill, told, "0.007 BTC", "amina"))
    assert state_of(drill, told.outpoint) == SUSPENSE
    after = settle_suspense(drill.treasury, told, (), entered(drill, told, "0.007 BTC"))
    assert after.state == ANNOUNCED


def test_the_programmes_own_cedar_text_holds(drill: TreasuryDrill) -> None:
    """It forbids amina: bilal's word counts."""
    under(drill, RULE, 'forbid(principal == Officer::"amina", action, resource is Matter);')
    told = statement(drill)
    with pytest.raises(SettlementNotAllowed):
        settle_suspense(drill.treasury, told, words(drill, told))
    assert settle_suspense(drill.treasury, told, words(drill, told, "dara", "bilal")).state == ANNOUNCED


def test_a_word_under_another_version_does_not_count(drill: TreasuryDrill) -> None:
    """Amina signed before the policy was changed."""
    told = statement(drill)
    amina = words(drill, told, "amina")
    under(drill, replace(RULE, clause="Rule 5a"))
    with pytest.raises(SettlementNotAllowed):
        settle_suspense(drill.treasury, told, (*amina, *words(drill, told, "dara")))
    assert settle_suspense(drill.treasury, told, words(drill, told)).state == ANNOUNCED


def test_words_of_earlier_books_are_read_and_no_new_one_goes_without_a_date(drill: TreasuryDrill) -> None:
    """A settlement without dates still stands when its coin comes back; nobody settles a coin so today."""
    told = statement(drill)
    undated = [
        SettlementSignature(name, officer(name).sign(SETTLEMENT_DOMAIN, told.hash)) for name in ("dara", "amina")
    ]
    with pytest.raises(SettlementForged, match="no date"):
        settle_suspense(drill.treasury, told, undated)
    settle_suspense(drill.treasury, told, words(drill, told))
    signatures = [{"officer": given.officer, "signature": given.signature} for given in undated]
    body = cast("dict[str, object]", {"statement": told.body, "signatures": signatures})
    old = Record(SETTLEMENT, told.outpoint, body)  # type: ignore[arg-type]  # plain data
    drill.parts.books.commit(Write("old", "an earlier version", "settle suspense", drill.now, records=(old,)))
    assert settlements(drill.parts.books, [told.outpoint])[told.outpoint].signatures == tuple(undated)
    twin_chain_of(drill).reorganise(6)
    drill.follow()
    drill.mine(4)
    assert state_of(drill, told.outpoint) == ANNOUNCED

"""The whole life of a spend on twins, and each of its turns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from custody_drill import INTAKE
from treasury_drill import (
    CLAUSE,
    FAST,
    FASTER,
    PAYEE,
    SLOW,
    TreasuryDrill,
    officer,
    order,
    twin_chain_of,
    twin_mempool_of,
    twin_treasury,
)
from zakhira.controls.spend_state import SpendState
from zakhira.custody.decoders import decode_transaction
from zakhira.custody.spend_refusals import FeeAboveCeiling, NotEnoughCoins
from zakhira.flows.coin_papers import OWN, coin_papers
from zakhira.flows.spending.building import build, hand_out
from zakhira.flows.spending.deciding import approve, decide, reject
from zakhira.flows.spending.hastening import bump, cancel, propose_child, propose_home
from zakhira.flows.spending.proposing import propose
from zakhira.flows.spending.refusals import (
    FixedAmounts,
    InOtherHands,
    NotReadyToSend,
    SpendExpired,
    SpendIdTaken,
)
from zakhira.flows.spending.returning import take_signatures
from zakhira.flows.spending.sending import broadcast
from zakhira.flows.spending.spend import TreasurySpend, version_bytes
from zakhira.flows.spending.step import load_spend


@pytest.fixture
def drill() -> TreasuryDrill:
    """Three coins in intake: 0.05, 0.03 and 0.02 BTC."""
    made = twin_treasury()
    made.receive(5_000_000, 3_000_000, 2_000_000)
    return made


def state_of(drill: TreasuryDrill, name: str) -> SpendState:
    """Where a spend is."""
    return load_spend(drill.treasury, name).state


def require_whole(drill: TreasuryDrill) -> None:
    """The books verify, and ledger and chain hold the same."""
    assert drill.parts.books.breaks() == ()
    on_chain = sum(
        coin.amount_sats for vault in ("intake", "cold") for coin in drill.parts.coins.page(vault, limit=1000)
    )
    assert drill.reserve_sats() == on_chain


def test_from_order_to_block(drill: TreasuryDrill) -> None:
    """A payment is proposed, approved, built, signed in parts, sent, confirmed and booked; change keeps its lots."""
    told = order("pay-1", 1_000_000, 500_000)
    assert propose(drill.treasury, told, officer("dara")).state is SpendState.PROPOSED
    assert decide(drill.treasury, "pay-1").decision is not None
    assert state_of(drill, "pay-1") is SpendState.PROPOSED
    spend = drill.approved("pay-1")
    assert spend.state is SpendState.DECIDED
    assert spend.decision is not None
    assert spend.decision.clause == CLAUSE
    spend = build(drill.treasury, "pay-1", FAST)
    assert spend.state is SpendState.BUILT
    assert spend.last.change is not None
    spend, bytes_ = hand_out(drill.treasury, "pay-1")
    assert spend.state is SpendState.HANDED_OUT
    first = take_signatures(drill.treasury, "pay-1", drill.signed(spend, bytes_.psbt, 3))
    assert (first.state, first.last.signers) == (SpendState.HANDED_OUT, ("intake-3",))
    with pytest.raises(NotReadyToSend):
        broadcast(drill.treasury, "pay-1")
    second = take_signatures(drill.treasury, "pay-1", drill.signed(spend, bytes_.psbt, 1))
    assert (second.state, second.last.signers) == (SpendState.SIGNED, ("intake-1", "intake-3"))
    assert broadcast(drill.treasury, "pay-1").state is SpendState.BROADCAST
    drill.mine(1)
    assert state_of(drill, "pay-1") is SpendState.BROADCAST
    assert drill.mine(3).confirmed == ["pay-1"]
    change = [paper for paper in coin_papers(drill.parts.books).values() if paper.state == OWN]
    assert [(paper.purpose, paper.reference) for paper in change] == [("royalty", "pay-1")]
    assert set(change[0].lots) == set(spend.last.inputs)
    paid = drill.parts.books.balances()["expenses:spends:works"].units
    assert paid == 1_500_000
    require_whole(drill)


def test_every_step_again_changes_nothing(drill: TreasuryDrill) -> None:
    """Each step done twice, as after a lost answer, leaves the same spend and no second entry in the audit chain."""
    told = order("pay-1", 1_000_000)
    steps: list[Callable[[], TreasurySpend]] = [
        lambda: propose(drill.treasury, told, officer("dara")),
        lambda: approve(drill.treasury, "pay-1", officer("amina")),
        lambda: approve(drill.treasury, "pay-1", officer("chand")),
        lambda: decide(drill.treasury, "pay-1"),
    ]
    for step in steps:
        step()
        count = len(drill.parts.books.audit_entries())
        step()
        assert len(drill.parts.books.audit_entries()) == count
    build(drill.treasury, "pay-1", FAST)
    spend, bytes_ = hand_out(drill.treasury, "pay-1")
    again, same = hand_out(drill.treasury, "pay-1")
    assert (spend, bytes_) == (again, same)
    for number in (1, 2):
        returned = drill.signed(spend, bytes_.psbt, number)
        after = take_signatures(drill.treasury, "pay-1", returned)
        count = len(drill.parts.books.audit_entries())
        assert take_signatures(drill.treasury, "pay-1", returned) == after
        assert len(drill.parts.books.audit_entries()) == count
    sent = broadcast(drill.treasury, "pay-1")
    assert broadcast(drill.treasury, "pay-1") == sent
    with pytest.raises(SpendIdTaken):
        propose(drill.treasury, order("pay-1", 1_000_001), officer("dara"))
    drill.mine(4)
    count = len(drill.parts.books.audit_entries())
    drill.follow()
    assert len(drill.parts.books.audit_entries()) == count


def test_no_coin_for_two(drill: TreasuryDrill) -> None:
    """What is built for one spend is not chosen for another; when the first is cancelled, the coins are free."""
    drill.built(order("pay-1", 9_000_000))
    drill.decided(order("pay-2", 9_000_000))
    with pytest.raises(NotEnoughCoins):
        build(drill.treasury, "pay-2", FAST)
    cancel(drill.treasury, "pay-1", "dara")
    assert state_of(drill, "pay-1") is SpendState.CANCELLED
    assert build(drill.treasury, "pay-2", FAST).state is SpendState.BUILT


def test_a_bump_takes_the_place_of_what_was_sent(drill: TreasuryDrill) -> None:
    """The second version pays more, shares a coin, replaces the first, and confirms as the same spend."""
    sent = drill.sent(order("pay-1", 1_000_000), SLOW)
    bumped = bump(drill.treasury, "pay-1", FASTER)
    assert bumped.state is SpendState.BROADCAST
    assert len(bumped.versions) == 2
    assert set(bumped.versions[0].inputs) & set(bumped.versions[1].inputs)
    assert bumped.versions[1].fee_sats > bumped.versions[0].fee_sats
    drill.sign("pay-1", 2, 3)
    broadcast(drill.treasury, "pay-1")
    assert drill.parts.mempool.package(sent.last.txid) is None
    assert drill.mine(4).confirmed == ["pay-1"]
    done = load_spend(drill.treasury, "pay-1").confirmation
    assert done is not None
    assert done.txid == bumped.last.txid
    assert drill.parts.books.balances()["expenses:spends:works"].units == 1_000_000
    require_whole(drill)


def test_a_bump_keeps_to_the_ceilings(drill: TreasuryDrill) -> None:
    """The instruction's ceilings hold for every version."""
    drill.sent(order("pay-1", 1_000_000), SLOW)
    with pytest.raises(FeeAboveCeiling):
        bump(drill.treasury, "pay-1", replace(FASTER, rate_sat_per_kvb=201_000))


def test_cancelled_after_it_was_handed_out(drill: TreasuryDrill) -> None:
    """No word cancels what signers hold; a double-spend home does, once it confirms, and the payment is never made."""
    drill.built(order("pay-1", 1_000_000), SLOW)
    drill.sign("pay-1", 1)
    with pytest.raises(InOtherHands):
        cancel(drill.treasury, "pay-1", "dara")
    with pytest.raises(InOtherHands):
        reject(drill.treasury, "pay-1", officer("bilal"), "wrong payee")
    home = propose_home(drill.treasury, "pay-1", order("home-1", 1), officer("dara"), FASTER)
    assert home.instruction.replaces == "pay-1"
    assert set(home.instruction.inputs) <= set(load_spend(drill.treasury, "pay-1").last.inputs)
    drill.approved("home-1")
    build(drill.treasury, "home-1")
    drill.sign("home-1", 1, 2)
    broadcast(drill.treasury, "home-1")
    assert state_of(drill, "pay-1") is SpendState.HANDED_OUT
    found = drill.mine(4)
    assert (found.confirmed, found.ended) == (["home-1"], ["pay-1"])
    assert state_of(drill, "pay-1") is SpendState.CANCELLED
    assert "expenses:spends:works" not in drill.parts.books.balances()
    require_whole(drill)


def test_the_payment_was_faster_than_its_cancellation(drill: TreasuryDrill) -> None:
    """When the payment confirms after all, the spend home is void: replaced."""
    drill.sent(order("pay-1", 1_000_000), FAST)
    propose_home(drill.treasury, "pay-1", order("home-1", 1), officer("dara"), FASTER)
    drill.approved("home-1")
    build(drill.treasury, "home-1")
    hand_out(drill.treasury, "home-1")
    found = drill.mine(4)
    assert (found.confirmed, found.ended) == (["pay-1"], ["home-1"])
    assert state_of(drill, "home-1") is SpendState.REPLACED
    require_whole(drill)


def test_a_child_hastens_what_cannot_be_bumped(drill: TreasuryDrill) -> None:
    """A move's fee is fixed; a child from its destination pays for both, and both are booked in order."""
    drill.sent(order("pay-1", 1_000_000), SLOW)
    child = propose_child(drill.treasury, "pay-1", order("child-1", 1), officer("dara"), FASTER)
    with pytest.raises(FixedAmounts):
        bump(drill.treasury, "child-1", FASTER)
    drill.approved("child-1")
    build(drill.treasury, "child-1")
    drill.sign("child-1")
    broadcast(drill.treasury, "child-1")
    package = drill.parts.mempool.package(load_spend(drill.treasury, child.id).last.txid)
    assert package is not None
    assert package.ancestors == 2
    assert package.ancestor_fee_sats * 1000 >= 30_000 * package.ancestor_vbytes
    found = drill.mine(4)
    assert found.confirmed == ["pay-1", "child-1"]
    require_whole(drill)


def test_a_reorganisation_takes_a_confirmed_spend_back(drill: TreasuryDrill) -> None:
    """The entry is reversed, the spend is sent again and confirms again; the sums hold at every moment."""
    drill.sent(order("pay-1", 1_000_000))
    drill.mine(4)
    require_whole(drill)
    twin_chain_of(drill).reorganise(4)
    twin_mempool_of(drill).lose(load_spend(drill.treasury, "pay-1").last.txid)
    found = drill.follow()
    assert (found.taken_back, found.sent_again) == (["pay-1"], ["pay-1"])
    assert state_of(drill, "pay-1") is SpendState.BROADCAST
    require_whole(drill)
    assert drill.mine(4).confirmed == ["pay-1"]
    assert drill.parts.books.balances()["expenses:spends:works"].units == 1_000_000
    require_whole(drill)


def test_a_reorganisation_takes_the_very_coins_away(drill: TreasuryDrill) -> None:
    """The coins that a sent spend stands on are gone: it is told, and sent again once they are back."""
    sent = drill.sent(order("pay-1", 1_000_000))
    drill.mine(4)
    raws = [
        transaction.serialize().hex()
        for block in twin_chain_of(drill).state.best[-8:]
        for transaction in block.transactions[1:]
    ]
    twin_chain_of(drill).reorganise(8)
    for raw_hex in raws:
        twin_mempool_of(drill).lose(decode_transaction(raw_hex).txid)
    found = drill.follow()
    assert found.taken_back == ["pay-1"]
    assert any(sent.last.inputs[0] in told for told in found.told)
    assert drill.reserve_sats() == 0
    require_whole(drill)
    drill.parts.mempool.broadcast(raws[0])
    drill.mine(4)
    assert drill.mine(4).confirmed == ["pay-1"]
    require_whole(drill)


def test_a_reorganisation_takes_the_cancellation_back(drill: TreasuryDrill) -> None:
    """A payment that was cancelled by a block can confirm again when the block goes; it is told, and not sent by us."""
    drill.sent(order("pay-1", 1_000_000), SLOW)
    propose_home(drill.treasury, "pay-1", order("home-1", 1), officer("dara"), FASTER)
    drill.approved("home-1")
    build(drill.treasury, "home-1")
    drill.sign("home-1")
    broadcast(drill.treasury, "home-1")
    drill.mine(4)
    assert state_of(drill, "pay-1") is SpendState.CANCELLED
    twin_chain_of(drill).reorganise(5)
    found = drill.follow()
    assert found.revived == ["pay-1"]
    assert state_of(drill, "pay-1") is SpendState.SIGNED
    assert drill.mine(4).ended == ["pay-1"]
    assert state_of(drill, "pay-1") is SpendState.CANCELLED
    require_whole(drill)


def test_time_ends_what_nobody_holds_and_nothing_else(drill: TreasuryDrill) -> None:
    """A proposal expires by itself; what signers hold does not, is told, and can be sent no more by us."""
    propose(drill.treasury, order("pay-1", 1_000_000), officer("dara"))
    drill.built(order("pay-2", 1_000_000))
    drill.sign("pay-2")
    drill.now += timedelta(hours=48)
    found = drill.follow()
    assert found.expired == ["pay-1"]
    assert state_of(drill, "pay-1") is SpendState.EXPIRED
    assert state_of(drill, "pay-2") is SpendState.SIGNED
    assert any("pay-2" in told and "home" in told for told in found.told)
    with pytest.raises(SpendExpired) as caught:
        broadcast(drill.treasury, "pay-2")
    assert "home" in caught.value.remedy
    home = propose_home(drill.treasury, "pay-2", order("home-2", 1), officer("dara"), FAST)
    assert home.state is SpendState.PROPOSED


def test_a_stranger_with_our_keys_is_told(drill: TreasuryDrill) -> None:
    """A transaction that is none of ours spends a coin of a spend under way: an alarm, and the spend is over."""
    drill.built(order("pay-1", 9_000_000))
    spend = drill.sign("pay-1", 1)
    thief = twin_treasury()
    thief.receive(5_000_000, 3_000_000, 2_000_000)
    stolen = thief.sent(order("theft", 8_000_000))
    raw_hex = version_bytes(thief.parts.books, stolen.last.txid).raw_hex
    assert set(stolen.last.inputs) & set(spend.last.inputs)
    drill.parts.mempool.broadcast(raw_hex)
    found = drill.mine(4)
    assert found.ended == ["pay-1"]
    assert any(told.startswith("ALARM") for told in found.told)
    assert state_of(drill, "pay-1") is SpendState.REPLACED


def test_a_rejection_is_signed_and_final(drill: TreasuryDrill) -> None:
    """An officer's no ends the spend before signers are asked; the same no again changes nothing."""
    drill.built(order("pay-1", 1_000_000))
    refused = reject(drill.treasury, "pay-1", officer("bilal"), "the invoice is wrong")
    assert refused.state is SpendState.REFUSED
    assert refused.rejection is not None
    assert refused.rejection.reason == "the invoice is wrong"
    assert reject(drill.treasury, "pay-1", officer("bilal"), "the invoice is wrong") == refused
    assert (PAYEE, INTAKE.threshold) == (refused.instruction.payments[0].address, 2)

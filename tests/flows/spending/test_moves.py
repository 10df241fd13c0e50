"""Whole vaults moved, small coins gathered, old coins made young, and payments by the thousand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from treasury_drill import FAST, PAYEE, SLOW, TreasuryDrill, officer, order, twin_treasury
from zakhira.custody.refusals import TooLittle
from zakhira.custody.spend_refusals import BadPayment, CoinOnHold, MixedPurposes
from zakhira.flows.coin_papers import coin_papers
from zakhira.flows.ports.books import Write
from zakhira.flows.spending.building import build
from zakhira.flows.spending.dry import dry_treasury
from zakhira.flows.spending.order import FeeCeilings, PaymentOrder
from zakhira.flows.spending.proposing import (
    MoveOrder,
    propose,
    propose_batches,
    propose_gathering,
    propose_moves,
)
from zakhira.flows.spending.refusals import BadOrder, NothingToMove
from zakhira.flows.spending.sending import broadcast
from zakhira.flows.spending.spend import TREASURY_SPEND
from zakhira.kernel.money import parse_amount, sats


def move_order(name: str, to_vault: str, step_sats: int, **told: int) -> MoveOrder:
    """A move of intake's coins."""
    return MoveOrder(name, "intake", to_vault, step_sats, order(name, 1, to_vault=to_vault), **told)


def carry(drill: TreasuryDrill, name: str) -> None:
    """From a proposal to the mempool."""
    drill.approved(name)
    build(drill.treasury, name)
    drill.sign(name)
    broadcast(drill.treasury, name)


def hold(drill: TreasuryDrill, amount_sats: int, until: date) -> str:
    """Put a hold on the coin of this amount."""
    coin = next(coin for coin in drill.parts.coins.page("intake") if coin.amount_sats == amount_sats)
    paper = replace(coin_papers(drill.parts.books)[coin.outpoint], hold_until=until)
    drill.parts.books.commit(Write(f"hold/{coin.outpoint}", "dara", "hold", drill.now, records=(paper.record,)))
    return coin.outpoint


def test_a_vault_moves_in_bounded_steps() -> None:
    """All coins arrive in the other vault in steps of a bounded amount; held ones too, and the hold goes with them."""
    drill = twin_treasury()
    drill.receive(4_000_000, 3_000_000, 2_000_000, 1_000_000)
    until = date(2046, 1, 1)
    hold(drill, 3_000_000, until)
    steps = propose_moves(drill.treasury, move_order("rotate", "cold", 6_000_000), officer("dara"), FAST)
    names = [f"rotate-{number:03d}" for number in range(1, len(steps) + 1)]
    assert [step.id for step in steps] == names
    assert len(steps) > 1
    assert propose_moves(drill.treasury, move_order("rotate", "cold", 6_000_000), officer("dara"), FAST) == steps
    assert all(step.paid_sats <= 6_000_000 for step in steps)
    for step in steps:
        carry(drill, step.id)
    assert drill.mine(4).confirmed == names
    assert drill.parts.coins.page("intake") == ()
    moved = {coin.outpoint for coin in drill.parts.coins.page("cold")}
    papers = [paper for outpoint, paper in coin_papers(drill.parts.books).items() if outpoint in moved]
    held = {paper.outpoint for paper in papers if paper.hold_until == until}
    assert {paper.hold_until for paper in papers} == {until, None}
    assert sum(coin.amount_sats for coin in drill.parts.coins.page("cold") if coin.outpoint in held) > 2_990_000
    assert all(paper.purpose == "royalty" for paper in papers)
    assert drill.parts.books.balances()["assets:vault:intake"].units == 0
    assert drill.reserve_sats() == 10_000_000 - drill.parts.books.balances()["expenses:network-fees"].units
    assert drill.parts.books.breaks() == ()
    with pytest.raises(NothingToMove):
        propose_moves(drill.treasury, move_order("again", "cold", 6_000_000), officer("dara"), FAST)


def test_a_held_coin_does_not_leave_the_vaults() -> None:
    """A payment outside does not take it, by choice or by name; a payment to our own vault may."""
    drill = twin_treasury()
    drill.receive(4_000_000, 3_000_000)
    held = hold(drill, 3_000_000, date(2046, 1, 1))
    drill.decided(order("pay-1", 1_000_000, inputs=(held,)))
    with pytest.raises(CoinOnHold):
        build(drill.treasury, "pay-1", FAST)
    spend = drill.built(order("pay-2", 1_000_000))
    assert held not in spend.last.inputs
    inside = drill.built(order("move-1", 1_000_000, to_vault="cold", inputs=(held,)))
    assert inside.last.inputs == (held,)
    assert inside.last.hold_until == date(2046, 1, 1)


def test_purposes_are_not_mixed() -> None:
    """Coins of two purposes pay together never; one purpose is named, and its coins alone pay."""
    drill = twin_treasury()
    drill.receive(3_000_000)
    drill.receive(3_000_000, purpose="forfeiture")
    drill.decided(order("pay-1", 1_000_000))
    with pytest.raises(MixedPurposes):
        build(drill.treasury, "pay-1", FAST)
    spend = drill.built(order("pay-2", 1_000_000, coins_for="forfeiture"))
    assert {item.purpose for item in spend.last.coins} == {"forfeiture"}


def test_old_coins_are_made_young() -> None:
    """A refresh sends old coins alone back to their own vault, on the branch for change."""
    drill = twin_treasury()
    drill.receive(3_000_000)
    old = drill.chain.tip()[0]
    drill.receive(2_000_000)
    steps = propose_moves(
        drill.treasury, move_order("refresh", "intake", 10_000_000, older_than_height=old), officer("dara"), FAST
    )
    assert len(steps) == 1
    assert steps[0].places[0].branch == 1
    carry(drill, "refresh-001")
    drill.mine(4)
    coins = drill.parts.coins.page("intake")
    assert len(coins) == 2
    assert min(coin.height for coin in coins) > old


def test_small_coins_are_gathered_while_it_is_cheap() -> None:
    """Small coins become one while the rate is low, and stay where it is not."""
    drill = twin_treasury()
    drill.receive(*[20_000] * 12, 5_000_000)
    told = move_order("gather", "intake", 1)

    def gather(cheap_below: int) -> int:
        return len(
            propose_gathering(
                drill.treasury,
                told,
                officer("dara"),
                SLOW,
                small_below_sats=50_000,
                rate_below_sat_per_kvb=cheap_below,
                most_inputs=50,
            )
        )

    with pytest.raises(NothingToMove):
        gather(2_000)
    assert gather(3_000) == 1
    carry(drill, "gather-001")
    drill.mine(4)
    assert len(drill.parts.coins.page("intake")) == 2
    assert drill.parts.books.breaks() == ()


def test_payments_by_the_thousand() -> None:
    """1,500 payments become two transactions with coins of their own, each paid once; the order again gives them."""
    drill = twin_treasury()
    drill.receive(40_000_000, 40_000_000)
    payments = tuple(PaymentOrder(sats(1_000 + number), PAYEE) for number in range(1_500))
    told = replace(order("payout", 1), payments=payments, ceilings=FeeCeilings(parse_amount("0.005 BTC"), 100))
    with pytest.raises(BadOrder):
        propose(drill.treasury, told, officer("dara"))
    found = propose_batches(drill.treasury, told, officer("dara"), SLOW)
    assert found.waiting == 0
    assert [len(spend.instruction.payments) for spend in found.spends] == [750, 750]
    assert not set(found.spends[0].instruction.inputs) & set(found.spends[1].instruction.inputs)
    paid = [payment.amount_sats for spend in found.spends for payment in spend.instruction.payments]
    assert paid == [1_000 + number for number in range(1_500)]
    assert propose_batches(drill.treasury, told, officer("dara"), SLOW).spends == found.spends


def test_bad_orders() -> None:
    """What is no order is refused at once, and nothing is recorded."""
    drill = twin_treasury()
    drill.receive(1_000_000)
    bad = [
        replace(order("pay-1", 1_000_000), payments=()),
        replace(order("pay-1", 1_000_000), purpose=" "),
        replace(order("pay-1", 1_000_000), to_vault="cold"),
        replace(order("pay-1", 1_000_000), payments=(PaymentOrder(parse_amount("5 PKR"), PAYEE),)),
        replace(order("pay-1", 1_000_000), payments=(PaymentOrder(sats(0), PAYEE),)),
        replace(order("pay-1", 1_000_000), ceilings=FeeCeilings(parse_amount("1 USD"), 5)),
    ]
    for told in bad:
        with pytest.raises(BadOrder):
            propose(drill.treasury, told, officer("dara"))
    with pytest.raises(BadPayment):
        propose(drill.treasury, order("pay-1", 100), officer("dara"))
    assert drill.parts.books.records(TREASURY_SPEND) == {}
    drill.receive(1_000)
    with pytest.raises(TooLittle):
        propose_moves(
            drill.treasury, move_order("dust", "cold", 1_000), officer("dara"), replace(FAST, rate_sat_per_kvb=20_000)
        )


def test_a_dry_run_leaves_no_trace() -> None:
    """The whole life of a spend can be tried: books and mempool are as before."""
    drill = twin_treasury()
    drill.receive(3_000_000)
    earnest = drill.parts
    count = len(earnest.books.audit_entries())
    drill.parts = dry_treasury(drill.treasury)
    sent = drill.sent(order("pay-1", 1_000_000))
    assert sent.last.is_signed
    drill.parts = earnest
    assert len(earnest.books.audit_entries()) == count
    assert earnest.books.records(TREASURY_SPEND) == {}
    assert earnest.mempool.package(sent.last.txid) is None

"""Whoever writes to the books with no officer's key wipes no word of an officer by a newer record (PostgreSQL too)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest

from books_bench import shared_template
from policy_drill import HOME, LARGE, SMALL, SWEEP, approved, executed, large, ruled
from treasury_drill import FAST, TreasuryDrill, make_parts, officer, order, twin_treasury
from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.adapters.postgres.coin_store import PostgresCoins
from zakhira.controls.engine.decision import Why
from zakhira.controls.spend_state import SpendState
from zakhira.flows.governing.founding import found_policy
from zakhira.flows.movement_record import ENDED, MOVEMENT, movement_of
from zakhira.flows.ports.books import Record, Write
from zakhira.flows.spending.building import build, hand_out
from zakhira.flows.spending.deciding import approve, decide, reject
from zakhira.flows.spending.dry import dry_treasury
from zakhira.flows.spending.executing import MOST_MISMATCHES
from zakhira.flows.spending.hastening import cancel
from zakhira.flows.spending.policy_refusals import EnteredOtherwise, EnteredTooOften, SpendMustWait
from zakhira.flows.spending.proposing import propose
from zakhira.flows.spending.refusals import SpendNotAllowed
from zakhira.flows.spending.said import said_of
from zakhira.flows.spending.step import load_spend
from zakhira.kernel.money import sats
from zakhira.programme.policy import Window
from zakhira.simulator.chain import SimulatedChain
from zakhira.simulator.follow import SimulatedFollower
from zakhira.simulator.mempool import SimulatedMempool

DAY = Window(24, "programme", sats(1_900_000))


def governed(made: TreasuryDrill) -> TreasuryDrill:
    """Coins, the four rules with a window on small payments, and a founded policy."""
    made.receive(5_000_000, 3_000_000, 2_000_000)
    ruled(made, HOME, SWEEP, replace(SMALL, windows=(DAY,)), LARGE)
    found_policy(made.parts.books, made.parts.policy, made.now)
    return made


@pytest.fixture(params=["twin", "postgres"])
def drill(request: pytest.FixtureRequest) -> Iterator[TreasuryDrill]:
    """The treasury over each kind of books."""
    if request.param == "twin":
        yield governed(twin_treasury())
        return
    template = shared_template()
    name = template.fresh_database()
    with closing(PostgresBooks(template.server.dsn(name))) as books:
        chain = SimulatedChain()
        made = TreasuryDrill(
            chain, make_parts(books, PostgresCoins(books), SimulatedFollower(chain), SimulatedMempool(chain))
        )
        made.begin()
        yield governed(made)
    template.drop(name)


def slip_in(drill: TreasuryDrill, *records: Record) -> None:
    """The clerk of the database writes newer records."""
    drill.parts.books.commit(Write(f"x{len(drill.parts.books.audit_entries())}", "clerk", "n", drill.now, (), records))


def test_a_no_is_not_wiped(drill: TreasuryDrill) -> None:
    """Chand says no; a newer record without it, once more decided, goes nowhere and is a break."""
    approved(drill, large())
    executed(drill, "pay-1", "0.025 BTC")
    reject(drill.treasury, "pay-1", officer("chand"), "false order")
    assert drill.parts.books.breaks() == ()
    refused = load_spend(drill.treasury, "pay-1")
    slip_in(drill, replace(refused, state=SpendState.DECIDED, rejection=None).record)
    drill.now += timedelta(hours=3)
    with pytest.raises(SpendNotAllowed, match="false order"):
        build(drill.treasury, "pay-1", FAST)
    with pytest.raises(SpendNotAllowed):
        build(dry_treasury(drill.treasury), "pay-1", FAST)
    (told,) = drill.parts.books.breaks()
    assert told.startswith("spend pay-1: it went on as decided after chand said no at ")


def test_a_no_that_nobody_signed_breaks_nothing(drill: TreasuryDrill) -> None:
    """A forged no in an older record stops no spend and is no break."""
    approved(drill, order("pay-1", 100_000))
    reject(drill.treasury, "pay-1", officer("chand"), "false order")
    forged = load_spend(drill.treasury, "pay-1").rejection
    assert forged is not None
    other = approved(drill, order("pay-2", 100_000))
    slip_in(drill, replace(other, rejection=replace(forged, reason="mine")).record, other.record)
    build(drill.treasury, "pay-2", FAST)
    assert hand_out(drill.treasury, "pay-2")[0].state is SpendState.HANDED_OUT
    assert drill.parts.books.breaks() == ()


def test_wrong_entries_are_not_wiped(drill: TreasuryDrill) -> None:
    """After three wrong amounts a newer record without them gives no fourth try."""
    approved(drill, large())
    for number in range(MOST_MISMATCHES):
        with pytest.raises(EnteredOtherwise):
            executed(drill, "pay-1", f"0.00{number + 1} BTC")
    slip_in(drill, replace(load_spend(drill.treasury, "pay-1"), mismatches=()).record)
    with pytest.raises(EnteredTooOften):
        executed(drill, "pay-1", "0.025 BTC")


def test_a_newer_record_brings_no_moment_forward(drill: TreasuryDrill) -> None:
    """A record that says that the approvals came earlier shortens no delay."""
    propose(drill.treasury, large(), officer("dara"))
    began = drill.now
    drill.now += timedelta(hours=2)
    approve(drill.treasury, "pay-1", officer("amina"))
    spend = approve(drill.treasury, "pay-1", officer("chand"))
    decide(drill.treasury, "pay-1")
    executed(drill, "pay-1", "0.025 BTC")
    after = load_spend(drill.treasury, "pay-1")
    slip_in(drill, replace(after, recorded_at=dict.fromkeys(after.recorded_at, began)).record)
    found = said_of(drill.parts.books, load_spend(drill.treasury, "pay-1")).seen_at
    assert {found[given.signature] for given in spend.approvals} == {drill.now.replace(microsecond=0)}
    build(drill.treasury, "pay-1", FAST)
    with pytest.raises(SpendMustWait):
        hand_out(drill.treasury, "pay-1")


def test_a_movement_ends_with_its_spend_alone(drill: TreasuryDrill) -> None:
    """A window is emptied by a newer record of a paid spend: that is a break, and stays one when it is put back."""
    drill.sent(order("pay-1", 1_800_000))
    drill.mine(4)
    with pytest.raises(SpendNotAllowed, match=Why.WINDOW_AMOUNT.code):
        propose(drill.treasury, order("pay-2", 1_800_000), officer("dara"))
    body = drill.parts.books.latest(MOVEMENT, "pay-1")
    before = movement_of("pay-1", body)
    slip_in(drill, replace(before, state=ENDED).record)
    (told,) = drill.parts.books.breaks()
    assert told.startswith("movement pay-1: write ")
    assert told.endswith("ended it, and its spend is confirmed.")
    slip_in(drill, before.record)
    assert drill.parts.books.breaks() == (told,)


def test_a_movement_that_ends_as_it_should_is_no_break(drill: TreasuryDrill) -> None:
    """A cancelled spend leaves its window; a record of a spend that is none is named."""
    approved(drill, order("pay-1", 1_000_000))
    cancel(drill.treasury, "pay-1", "dara")
    body = drill.parts.books.latest(MOVEMENT, "pay-1")
    assert movement_of("pay-1", body).state == ENDED
    assert drill.parts.books.breaks() == ()
    slip_in(drill, Record("treasury spend", "pay-9", {"state": "gone"}))
    (told,) = drill.parts.books.breaks()
    assert told.startswith("spend pay-9: write ")

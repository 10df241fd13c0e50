"""Rolling windows on a real PostgreSQL: no splitting, no second vault, no second desk gets past them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest

from books_bench import shared_template
from custody_drill import COLD
from policy_drill import HOME, LARGE, SWEEP, approved, ruled, windowed
from treasury_drill import FAST, TreasuryDrill, make_parts, officer, order
from zakhira.adapters.postgres.books import PostgresBooks
from zakhira.adapters.postgres.coin_store import PostgresCoins
from zakhira.controls.engine.decision import Why
from zakhira.controls.spend_state import SpendState
from zakhira.flows.movement_record import MOVEMENT
from zakhira.flows.spending.building import build, hand_out
from zakhira.flows.spending.deciding import approve, decide
from zakhira.flows.spending.hastening import cancel
from zakhira.flows.spending.proposing import propose
from zakhira.flows.spending.refusals import SpendNotAllowed, SpendsMoved
from zakhira.flows.spending.sending import broadcast
from zakhira.flows.spending.spend import TreasurySpend
from zakhira.flows.spending.step import load_spend
from zakhira.flows.treasury import Treasury
from zakhira.kernel.money import sats
from zakhira.programme.policy import Window
from zakhira.simulator.chain import SimulatedChain
from zakhira.simulator.follow import SimulatedFollower
from zakhira.simulator.mempool import SimulatedMempool

DAY = Window(24, "vault", sats(1_500_000))
"""1.5 million sat a vault and day: one payment of a million, not two."""
HOUR = timedelta(hours=1)


@pytest.fixture
def drill() -> Iterator[TreasuryDrill]:
    """A treasury whose books are in PostgreSQL, with coins in both vaults."""
    template = shared_template()
    name = template.fresh_database()
    with closing(PostgresBooks(template.server.dsn(name))) as books:
        chain = SimulatedChain()
        parts = make_parts(books, PostgresCoins(books), SimulatedFollower(chain), SimulatedMempool(chain))
        made = TreasuryDrill(chain, parts)
        made.begin()
        made.receive(5_000_000, 3_000_000)
        made.receive(4_000_000, vault=COLD.id)
        yield made
    template.drop(name)


def with_window(drill: TreasuryDrill, *windows: Window) -> None:
    """Small payments keep to these windows."""
    ruled(drill, HOME, SWEEP, windowed(*windows), LARGE)


def refused(drill: TreasuryDrill, name: str, amount_sats: int, why: Why) -> None:
    """A payment that is refused when it is proposed, by this code."""
    with pytest.raises(SpendNotAllowed) as caught:
        propose(drill.treasury, order(name, amount_sats), officer("dara"))
    assert why.code in caught.value.message


def test_many_small_payments_are_one_large_one(drill: TreasuryDrill) -> None:
    """Three thirds pass, the fourth does not: by amount, by number, by destination, whatever vault pays."""
    with_window(drill, DAY)
    for number in range(3):
        approved(drill, order(f"pay-{number}", 500_000))
    refused(drill, "pay-3", 10_000, Why.WINDOW_AMOUNT)
    drill.now += 23 * HOUR
    refused(drill, "pay-3", 10_000, Why.WINDOW_AMOUNT)
    drill.now += 2 * HOUR
    assert approved(drill, order("pay-4", 1_500_000)).state is SpendState.DECIDED


def test_two_vaults_are_no_way_round(drill: TreasuryDrill) -> None:
    """A window of a vault lets each vault pay; one of the destination, the purpose or the programme does not."""
    for number, scope in enumerate(("destination", "purpose", "programme")):
        with_window(drill, replace(DAY, per=scope))
        approved(drill, order(f"first-{number}", 1_000_000))
        told = replace(order(f"second-{number}", 1_000_000), from_vault=COLD.id)
        with pytest.raises(SpendNotAllowed, match=Why.WINDOW_AMOUNT.code):
            propose(drill.treasury, told, officer("dara"))
        with_window(drill, DAY)
        assert approved(drill, replace(told, id=f"third-{number}")).state is SpendState.DECIDED
        drill.now += 25 * HOUR


def test_a_number_of_payments_and_a_share_of_the_balance(drill: TreasuryDrill) -> None:
    """At most two a day; at most a fifth of what the vault held, with what is still to go counted once."""
    with_window(drill, Window(24, "vault", most=2))
    for number in range(2):
        approved(drill, order(f"pay-{number}", 100_000))
    refused(drill, "pay-2", 100_000, Why.WINDOW_COUNT)
    drill.now += 25 * HOUR
    with_window(drill, Window(24, "vault", balance_share=0.2))
    approved(drill, order("share-1", 800_000))
    refused(drill, "share-2", 800_001, Why.WINDOW_SHARE)
    for name in ("pay-0", "pay-1"):
        cancel(drill.treasury, name, "dara")
    approved(drill, order("share-3", 800_000))
    refused(drill, "share-4", 1_000, Why.WINDOW_SHARE)


def moved_within(drill: TreasuryDrill, name: str) -> TreasurySpend:
    """A million from intake to intake itself: all that leaves is the fee."""
    propose(drill.treasury, order(name, 1_000_000, to_vault="intake"), officer("dara"))
    approve(drill.treasury, name, officer("amina"))
    return decide(drill.treasury, name)


def test_what_stays_in_its_vault_is_one_of_a_number(drill: TreasuryDrill) -> None:
    """Moves within a vault cost fees: a window of two lets two through, and they take no room of an amount."""
    two = Window(24, "vault", most=2, limit=sats(1_500_000))
    ruled(drill, HOME, replace(SWEEP, windows=(two,)), windowed(DAY), LARGE)
    for number in range(2):
        assert moved_within(drill, f"mv-{number}").state is SpendState.DECIDED
    with pytest.raises(SpendNotAllowed, match=Why.WINDOW_COUNT.code):
        moved_within(drill, "mv-2")
    assert approved(drill, order("pay-1", 1_500_000)).state is SpendState.DECIDED
    drill.now += 25 * HOUR
    assert moved_within(drill, "mv-3").state is SpendState.DECIDED
    ruled(drill, HOME, SWEEP, windowed(DAY), LARGE)
    moved_within(drill, "mv-4")
    assert drill.parts.books.latest(MOVEMENT, "mv-4") is None, "no window bounds their number"
    assert drill.parts.books.breaks() == ()


def test_what_ended_leaves_room_and_what_paid_does_not(drill: TreasuryDrill) -> None:
    """A cancelled payment counts no more, a confirmed one does."""
    with_window(drill, DAY)
    approved(drill, order("pay-1", 1_000_000))
    cancel(drill.treasury, "pay-1", "dara")
    approved(drill, order("pay-2", 1_000_000))
    build(drill.treasury, "pay-2", FAST)
    drill.sign("pay-2")
    broadcast(drill.treasury, "pay-2")
    drill.mine(4)
    assert load_spend(drill.treasury, "pay-2").state is SpendState.CONFIRMED
    refused(drill, "pay-3", 1_000_000, Why.WINDOW_AMOUNT)
    assert drill.parts.books.breaks() == ()


def test_two_who_decide_at_once_do_not_both_pass(drill: TreasuryDrill, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both have read the window before either writes: one is written, the other is refused whole, and then by name."""
    with_window(drill, DAY)
    for name in ("pay-1", "pay-2"):
        propose(drill.treasury, order(name, 1_000_000), officer("dara"))
        approve(drill.treasury, name, officer("amina"))
        approve(drill.treasury, name, officer("chand"))
    asked = drill.parts.authority.decide
    raced: list[TreasurySpend] = []

    def between(*question: object) -> object:
        """The other desk decides after this one has asked and before it writes."""
        answer = asked(*question)  # type: ignore[arg-type]  # handed on
        if not raced:
            raced.append(load_spend(drill.treasury, "pay-2"))
            raced.append(decide(drill.treasury, "pay-2"))
        return answer

    monkeypatch.setattr(type(drill.parts.authority), "decide", lambda _self, *question: between(*question))
    with pytest.raises(SpendsMoved):
        decide(drill.treasury, "pay-1")
    monkeypatch.undo()
    assert raced[1].state is SpendState.DECIDED
    assert load_spend(drill.treasury, "pay-1").state is SpendState.PROPOSED
    with pytest.raises(SpendNotAllowed, match=Why.WINDOW_AMOUNT.code):
        decide(drill.treasury, "pay-1")


def test_a_window_is_asked_again_when_it_is_handed_out(drill: TreasuryDrill) -> None:
    """Decided under a wide window, and the narrow one of a new version holds it when it is to go."""
    with_window(drill, replace(DAY, limit=sats(10_000_000)))
    approved(drill, order("pay-1", 1_000_000))
    approved(drill, order("pay-2", 1_000_000))
    build(drill.treasury, "pay-2", FAST)
    with_window(drill, DAY)
    for name in ("amina", "chand"):
        approve(drill.treasury, "pay-2", officer(name))
    treasury: Treasury = drill.treasury
    with pytest.raises(SpendNotAllowed, match=Why.WINDOW_AMOUNT.code):
        hand_out(treasury, "pay-2")

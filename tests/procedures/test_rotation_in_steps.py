"""A vault left for its successor on a real node: bounded steps, cut off in the middle, carried on, nothing lost."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from recovery_drill import DARA, STEP_SATS, ReserveDrill, rotation
from zakhira.controls.spend_state import SpendState
from zakhira.custody.fee import FeeLimits
from zakhira.custody.vault_creation import VaultRequest
from zakhira.flows.coin_papers import ANNOUNCED, CoinPaper
from zakhira.flows.reservations import Reservation
from zakhira.flows.rotation import plan_rotation, rotate
from zakhira.flows.spending.building import build
from zakhira.flows.spending.fees import fee_terms
from zakhira.flows.spending.returning import take_signatures
from zakhira.flows.spending.sending import broadcast
from zakhira.flows.spending.spend import version_bytes
from zakhira.flows.spending.step import load_spend
from zakhira.flows.vaults import retire_vault, vault_record

HOLDS = (None, date(2026, 12, 31), date(2046, 5, 1))
COINS = 25


def fill_vault(reserve: ReserveDrill, signers: tuple[str, ...]) -> Reservation:
    """The vault ``cold`` of these signers with its coins; an address of it that nobody has paid yet."""
    reserve.enrol(signers)
    reserve.create(VaultRequest("cold", "cold", 3, signers))
    places = [
        reserve.address("cold", "donation" if number % 2 else "royalty", HOLDS[number % 3]) for number in range(COINS)
    ]
    late = reserve.address("cold", "donation")
    reserve.pay(*((place, 1_000_000 + 10_000 * number) for number, place in enumerate(places)))
    reserve.require_tied()
    return late


def test_twenty_five_coins_move_in_steps_and_the_program_may_end_at_any_of_them(reserve: ReserveDrill) -> None:
    """A 3-of-5 is retired, its coins of two purposes and three holds move by steps of 0.06 BTC, a late one follows.

    The program ends between retiring and proposing, and again with a step half signed. Purposes, lots and latest holds
    go along; ledger, followed chain and the node's own coin set agree at every stage.
    """
    old, new = reserve.names("cold", 5), reserve.names("next", 5)
    late = fill_vault(reserve, old)
    before = reserve.papers("cold")
    assert len(before) == COINS

    reserve.enrol(new)
    reserve.create(VaultRequest("cold-next", "cold", 3, new), succeeds="cold")
    retire_vault(reserve.treasury, "cold", "cold-next", "dara")
    reserve.reopen()
    order = rotation("rotate-cold", "cold", "cold-next")
    terms = fee_terms(reserve.treasury, FeeLimits(200_000, 100_000), order.wish)
    plan = plan_rotation(reserve.treasury, order, terms)
    assert plan.is_begun
    assert max(step.total_sats for step in plan.steps) <= STEP_SATS
    spends = rotate(reserve.treasury, order, DARA)
    assert len(spends) == len(plan.steps) >= 5
    for spend in spends:
        holds = [str(before[outpoint][1].hold_until or "") for outpoint in spend.instruction.inputs]
        assert len(set(holds)) <= 2, "coins go in the order of their holds: a step joins neighbours alone"

    reserve.carry(spends[0].id, (old[0], old[2], old[4]))
    reserve.approved(spends[1].id)
    build(reserve.treasury, spends[1].id, order.wish)
    reserve.hand_to(spends[1].id, old[:2])
    reserve.reopen()
    reserve.settle()
    assert load_spend(reserve.treasury, spends[0].id).state is SpendState.CONFIRMED
    assert rotate(reserve.treasury, order, DARA)[0].state is SpendState.CONFIRMED, "the same steps, as far as they are"
    reserve.require_tied()
    half = load_spend(reserve.treasury, spends[1].id)
    answered = reserve.answer(half, version_bytes(reserve.parts.books, half.last.txid).psbt, old[3])
    assert take_signatures(reserve.treasury, half.id, answered).last.signers == (old[0], old[1], old[3])
    broadcast(reserve.treasury, half.id)
    for number, spend in enumerate(spends[2:]):
        reserve.carry(spend.id, (old + old)[number : number + 3])
    reserve.settle()
    assert {load_spend(reserve.treasury, spend.id).state for spend in spends} == {SpendState.CONFIRMED}
    assert reserve.papers("cold") == {}

    reserve.pay((late, 5_000_000))
    ((outpoint, (_, paper)),) = reserve.papers("cold").items()
    assert paper.state == ANNOUNCED, "the old address was handed out once: who pays it late is known"
    (spend,) = rotate(reserve.treasury, rotation("rotate-cold-late", "cold", "cold-next"), DARA)
    assert spend.instruction.inputs == (outpoint,)
    reserve.carry(spend.id, old[2:])
    reserve.settle()
    reserve.require_tied()
    assert vault_record(reserve.parts.books, "cold").successor == "cold-next"
    assert reserve.papers("cold") == {}
    require_carried(reserve, {**before, outpoint: (5_000_000, paper)})


def test_a_rotation_that_was_not_decided_in_time_is_proposed_again(reserve: ReserveDrill) -> None:
    """The proposals expire unapproved; under their id they stay what they are, another id proposes the same coins."""
    old, new = reserve.names("cold", 5), reserve.names("next", 5)
    for name, signers in (("cold", old), ("cold-next", new)):
        reserve.enrol(signers)
        reserve.create(VaultRequest(name, "cold", 3, signers), succeeds="" if name == "cold" else "cold")
    reserve.pay((reserve.address("cold"), 3_000_000))
    (first,) = rotate(reserve.treasury, rotation("first", "cold", "cold-next"), DARA)
    reserve.now = first.instruction.expires_at
    assert reserve.mine().expired == [first.id]
    assert [spend.state for spend in rotate(reserve.treasury, rotation("first", "cold", "cold-next"), DARA)] == [
        SpendState.EXPIRED
    ]
    (second,) = rotate(reserve.treasury, rotation("second", "cold", "cold-next"), DARA)
    assert second.instruction.inputs == first.instruction.inputs
    reserve.carry(second.id, old[:3])
    reserve.settle()
    assert reserve.papers("cold") == {}
    reserve.require_tied()


def require_carried(reserve: ReserveDrill, before: Mapping[str, tuple[int, CoinPaper]]) -> None:
    """Each lot lies in one new coin of its purpose, under the latest hold of that coin's lots; fees alone are gone."""
    found: list[str] = []
    for amount_sats, paper in reserve.papers("cold-next").values():
        lots = [before[lot] for lot in paper.lots]
        holds = [lot.hold_until for _, lot in lots if lot.hold_until]
        assert {lot.purpose for _, lot in lots} == {paper.purpose}
        assert paper.hold_until == (max(holds) if holds else None)
        assert 0 < sum(held for held, _ in lots) - amount_sats < 20_000, "the fee of its step"
        found += paper.lots
    assert sorted(found) == sorted(before)

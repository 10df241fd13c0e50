"""Proposals: one payment or thousands, and whole vaults moved, gathered or refreshed in bounded steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from zakhira.controls.engine.rule_fit import plain_address
from zakhira.custody.checks import vault_named
from zakhira.custody.coin import Address, Payment
from zakhira.custody.coin_request import SpendableCoin
from zakhira.custody.descriptor import derive_address, output_script
from zakhira.custody.fee import FeeTerms
from zakhira.custody.spend_plan import (
    MOST_OUTPUTS,
    Funding,
    HomePlace,
    PlannedOutput,
    plan_batches,
    plan_gathering,
    plan_home,
)
from zakhira.custody.weight import input_weight
from zakhira.flows.chain_heads import require_own_head
from zakhira.flows.ports.signing import OfficerKey
from zakhira.flows.reservations import reserve_change, reserve_home
from zakhira.flows.spending.deciding import require_proposable
from zakhira.flows.spending.fees import FeeWish, fee_terms, limits_of
from zakhira.flows.spending.move_steps import move_steps
from zakhira.flows.spending.order import (
    PaymentOrder,
    SpendOrder,
    instruction_for,
    is_same_order,
    proposed_spend,
    require_no_anchor,
    require_order,
    require_proposer,
    sats_of,
)
from zakhira.flows.spending.purse import open_purse
from zakhira.flows.spending.refusals import BadOrder, NothingToMove, SpendIdTaken
from zakhira.flows.spending.spend import MOVE, TREASURY_SPEND, TreasurySpend, spend_of
from zakhira.flows.spending.step import Step, begin_step, commit_step
from zakhira.flows.treasury import Treasury, policy_in_force
from zakhira.kernel.ids import seeded_rng
from zakhira.kernel.money import sats
from zakhira.programme.model import Vault

MOST_STEPS = 1_000
"""Moves that are proposed at once [E]: each is looked at by every approver (low 100, high 10,000)."""


@dataclass(frozen=True)
class Batches:
    """Proposals that make all payments of an order between them, and what has to wait for coins."""

    spends: tuple[TreasurySpend, ...]
    waiting: int
    """payments that no proposal makes yet"""
    reason: str


@dataclass(frozen=True)
class MoveOrder:
    """All coins of a vault, or the small ones, to a vault of ours, in steps of a bounded amount."""

    id: str
    """of the steps: ``id-001`` and so on"""
    from_vault: str
    to_vault: str
    """the same vault for a refresh, which makes every coin young again"""
    step_sats: int
    order: SpendOrder
    """purpose, clause, ceilings, expiry and path of every step; its payments are not looked at"""
    older_than_height: int = 0
    """of a refresh: coins in blocks up to this height alone; 0: all"""


def propose(treasury: Treasury, order: SpendOrder, officer: OfficerKey) -> TreasurySpend:
    """Record a payment as proposed; the same order under the same id gives the proposal that is there.

    Raises:
        BadOrder, BadAddress, BadPayment, UnknownVault, NoSuchPath: the order.
        NotProposer: the officer may not propose.
        ForeignHead: the anchor is not of these books' audit chain.
        SpendIdTaken: the id stands for another order.
        ClockSetBack, SpendsMoved: as for every step.
    """
    step = begin_step(treasury)
    require_proposer(treasury, officer)
    require_order(treasury, order)
    if len(order.payments) > MOST_OUTPUTS:
        raise BadOrder(
            f"{len(order.payments)} payments are more than the {MOST_OUTPUTS} of one transaction.", "Propose batches."
        )
    if order.anchor:
        require_own_head(treasury.books, order.anchor)
    payments, places = _payments(treasury, order)
    spend = proposed_spend(treasury, order, officer, payments, places=places)
    return record_proposals(treasury, step, officer, (spend,))[0]


def propose_batches(treasury: Treasury, order: SpendOrder, officer: OfficerKey, wish: FeeWish) -> Batches:
    """Record an order of many payments as several proposals, ``id-001`` and so on, each with coins of its own.

    Raises:
        as :func:`propose`; NotEnoughCoins, MixedPurposes, FeeAboveCeiling and others: from planning.
    """
    step = begin_step(treasury)
    require_proposer(treasury, officer)
    require_order(treasury, order)
    require_no_anchor(order, "A batch of many transactions")
    if order.to_vault or order.inputs:
        raise BadOrder("Batches pay outside and choose their coins.", "Leave out the vault and the coins.")
    there = recorded_spend(treasury, f"{order.id}-001")
    if there is not None:
        return _batches_again(treasury, order)
    vault = vault_named(policy_in_force(treasury), order.from_vault)
    limits = limits_of(treasury, instruction_for(treasury, order, officer.officer, ()))
    funding = Funding(
        vault=vault.id,
        purpose=order.coins_for,
        change=change_cost_place(vault, order.path, treasury.chain),
        terms=fee_terms(treasury, limits, wish),
        on=treasury.now.date(),
        lots=frozenset(order.lots),
    )
    purse = open_purse(treasury, vault.id, order.path, lots=order.lots)
    outputs = [
        PlannedOutput(
            f"{order.id}/{number}",
            Payment(plain_address(payment.address), sats_of(payment.amount, "A payment")),
            output_script(payment.address, treasury.chain),
        )
        for number, payment in enumerate(order.payments)
    ]
    rng = seeded_rng(treasury.seed, "batches", order.id)
    planned = plan_batches(outputs, purse.coins, funding, rng)
    spends = [
        proposed_spend(
            treasury,
            replace(order, id=f"{order.id}-{number:03d}", inputs=plan.inputs),
            officer,
            [output.payment for output in plan.outputs],
        )
        for number, plan in enumerate(planned.plans, 1)
    ]
    written = record_proposals(treasury, step, officer, spends)
    return Batches(written, len(planned.waiting), planned.reason)


def propose_moves(treasury: Treasury, move: MoveOrder, officer: OfficerKey, wish: FeeWish) -> tuple[TreasurySpend, ...]:
    """Record the move of all coins of a vault to another, or of old coins to the same one, in bounded steps.

    A step moves coins of one purpose, at most ``step_sats`` unless one coin alone is more, within weight and ceilings.
    Holds go with the coins. Steps under an id that is there are given again.

    Raises:
        NothingToMove: the vault has no coin that could be moved.
        as :func:`propose`; TooLittle, FeeAboveCeiling: a step cannot carry its fee.
    """
    step = begin_step(treasury)
    require_proposer(treasury, officer)
    again = _steps_again(treasury, move.id)
    if again:
        return again
    terms = _move_terms(treasury, move, officer, wish)
    purse = open_purse(treasury, move.from_vault, move.order.path, lots=move.order.lots)
    coins = [
        coin
        for coin in purse.coins
        if coin.height > 0 and (not move.older_than_height or coin.height <= move.older_than_height)
    ]
    groups = list(move_steps(coins, terms, move.step_sats))
    if not groups:
        raise NothingToMove(f"Vault {move.from_vault} has no settled coins to move.", "See: zakhira reserve status DIR")
    return _propose_plans(treasury, step, move, officer, terms, groups)


def propose_gathering(
    treasury: Treasury,
    move: MoveOrder,
    officer: OfficerKey,
    wish: FeeWish,
    *,
    small_below_sats: int,
    rate_below_sat_per_kvb: int,
    most_inputs: int,
) -> tuple[TreasurySpend, ...]:
    """Record the gathering of a vault's small coins while fees are low; see ``spend_plan.plan_gathering``.

    Raises:
        NothingToMove: fees are not low enough, or nothing would be saved.
        as :func:`propose_moves`.
    """
    step = begin_step(treasury)
    require_proposer(treasury, officer)
    again = _steps_again(treasury, move.id)
    if again:
        return again
    terms = _move_terms(treasury, move, officer, wish)
    purse = open_purse(treasury, move.from_vault, move.order.path, lots=move.order.lots)
    vault = vault_named(policy_in_force(treasury), move.to_vault)
    home = change_cost_place(vault, move.order.path, treasury.chain)
    found = plan_gathering(purse.coins, home, terms, small_below_sats, rate_below_sat_per_kvb, most_inputs)
    if not found:
        raise NothingToMove(
            f"Gathering the coins of {move.from_vault} below {small_below_sats} sat saves nothing at this fee rate.",
            "Wait for lower fees.",
        )
    return _propose_plans(treasury, step, move, officer, terms, [item.plan.coins for item in found])


def change_cost_place(vault: Vault, path: str, chain: str) -> HomePlace:
    """A place of the vault that stands for its costs alone: every place of a vault weighs the same."""
    place = derive_address(vault, 1, 0, chain)
    return HomePlace(place.address, place.script_hex, input_weight(vault, path))


def _payments(treasury: Treasury, order: SpendOrder) -> tuple[list[Payment], tuple[Address, ...]]:
    """The payments with their addresses, and those of the addresses that are ours."""
    amounts = [sats_of(payment.amount, "A payment") for payment in order.payments]
    if not order.to_vault:
        paid = zip(order.payments, amounts, strict=True)
        return [Payment(plain_address(payment.address), amount) for payment, amount in paid], ()
    places = tuple(reserve_home(treasury, order.to_vault, order.id, number) for number in range(len(amounts)))
    return [Payment(place.address, amount) for place, amount in zip(places, amounts, strict=True)], places


def recorded_spend(treasury: Treasury, spend_id: str) -> TreasurySpend | None:
    """A spend as it is recorded, or None; its signature is not looked at."""
    body = treasury.books.latest(TREASURY_SPEND, spend_id)
    return None if body is None else spend_of(body)


def record_proposals(
    treasury: Treasury, step: Step, officer: OfficerKey, spends: Sequence[TreasurySpend]
) -> tuple[TreasurySpend, ...]:
    """Write proposals, or give those that are there already; the policy is asked first whether they may ever be.

    Raises:
        SpendIdTaken: the id stands for another order.
        NotProposer, SpendNotAllowed: the policy refuses it for good.
    """
    earlier = [recorded_spend(treasury, spend.id) for spend in spends]
    if any(earlier):
        for there, spend in zip(earlier, spends, strict=True):
            if there is None or not is_same_order(there, spend):
                raise SpendIdTaken(f"The id {spend.id} stands for another order.", "Give each order an id of its own.")
        return tuple(item for item in earlier if item is not None)
    proposed = [replace(spend, decision=require_proposable(treasury, spend, step)) for spend in spends]
    return commit_step(treasury, step, officer.officer, "spend proposed", proposed)


def _steps_again(treasury: Treasury, name: str) -> tuple[TreasurySpend, ...]:
    found: list[TreasurySpend] = []
    while (spend := recorded_spend(treasury, f"{name}-{len(found) + 1:03d}")) is not None:
        found.append(spend)
    return tuple(found)


def _batches_again(treasury: Treasury, order: SpendOrder) -> Batches:
    """The proposals that are there, if they are of this order."""
    found = _steps_again(treasury, order.id)
    said = [(plain_address(payment.address), payment.amount.units) for payment in order.payments]
    paid = [(payment.address, payment.amount_sats) for spend in found for payment in spend.instruction.payments]
    if paid != said[: len(paid)]:
        raise SpendIdTaken(f"The id {order.id} stands for another order.", "Give each order an id of its own.")
    waiting = len(said) - len(paid)
    return Batches(found, waiting, f"{waiting} payments wait for coins." if waiting else "")


def _move_terms(treasury: Treasury, move: MoveOrder, officer: OfficerKey, wish: FeeWish) -> FeeTerms:
    require_no_anchor(move.order, "A move in steps")
    order = replace(move.order, from_vault=move.from_vault, to_vault=move.to_vault)
    require_order(treasury, replace(order, id=move.id, payments=(PaymentOrder(sats(max(1, move.step_sats))),)))
    return fee_terms(treasury, limits_of(treasury, instruction_for(treasury, order, officer.officer, ())), wish)


def _propose_plans(
    treasury: Treasury,
    step: Step,
    move: MoveOrder,
    officer: OfficerKey,
    terms: FeeTerms,
    groups: Sequence[Sequence[SpendableCoin]],
) -> tuple[TreasurySpend, ...]:
    """A proposal for each group of coins: all of them, less the fee, to an address that is reserved for the step."""
    if len(groups) > MOST_STEPS:
        raise BadOrder(f"The move would take {len(groups)} steps, above {MOST_STEPS}.", "Allow larger steps.")
    vault = vault_named(policy_in_force(treasury), move.to_vault)
    spends = []
    for number, group in enumerate(groups, 1):
        name = f"{move.id}-{number:03d}"
        # A refresh comes back to the vault itself, on the branch for change.
        is_refresh = move.from_vault == move.to_vault
        place = (reserve_change if is_refresh else reserve_home)(treasury, vault.id, name)
        home = HomePlace(place.address, place.script_hex, input_weight(vault, move.order.path))
        plan = plan_home(group, home, terms, name)
        order = replace(move.order, id=name, from_vault=move.from_vault, to_vault=move.to_vault, inputs=plan.inputs)
        payments = [output.payment for output in plan.outputs]
        spends.append(proposed_spend(treasury, order, officer, payments, kind=MOVE, places=(place,)))
    return record_proposals(treasury, step, officer, spends)

"""A spend made faster, by a dearer version of itself or by a child, or taken home by a spend of its own."""

from __future__ import annotations

from dataclasses import replace

from zakhira.controls.spend_state import OUT_STATES, SpendEvent, SpendState, advance
from zakhira.custody.bump import Version, plan_bump, plan_cancel, plan_child
from zakhira.custody.checks import sequence_and_locktime, vault_named
from zakhira.custody.coin import RECOVERY
from zakhira.custody.spend_plan import HomePlace, SpendPlan
from zakhira.custody.vault_state import RETIRED
from zakhira.custody.weight import input_weight
from zakhira.flows.ports.signing import OfficerKey
from zakhira.flows.reservations import reserve_change, reserve_home
from zakhira.flows.spending.asking import counted
from zakhira.flows.spending.building import funding_for, make_version, payment_outputs, version_records
from zakhira.flows.spending.deciding import require_allowed, require_in_our_hands
from zakhira.flows.spending.fees import FeeWish, fee_terms, limits_of
from zakhira.flows.spending.order import (
    SpendOrder,
    instruction_for,
    proposed_spend,
    require_no_anchor,
    require_proposer,
)
from zakhira.flows.spending.proposing import record_proposals, recorded_spend
from zakhira.flows.spending.purse import open_purse, own_ids
from zakhira.flows.spending.refusals import CoinsTaken, FixedAmounts, NothingToBump
from zakhira.flows.spending.spend import CHILD, HOME, PAYMENT, BuiltVersion, TreasurySpend
from zakhira.flows.spending.spend_line import spend_lines, taken_coins
from zakhira.flows.spending.step import begin_step, commit_step, load_spend
from zakhira.flows.spending.unconfirmed import child_coin, own_outputs
from zakhira.flows.treasury import Treasury, policy_in_force, vault_records
from zakhira.kernel.ids import seeded_rng


def bump(treasury: Treasury, spend_id: str, wish: FeeWish) -> TreasurySpend:
    """Another version of the same instruction with a higher fee, which shares a coin with every earlier version.

    Raises:
        FixedAmounts: coins and amounts are fixed by the instruction; hasten it with a child, or take it home.
        NothingToBump: nothing of it is in other hands: build it anew.
        SpendExpired, SpendNotAllowed, SpendMustWait: the policy does not allow it now.
        FeeAboveCeiling, ReplacementRefused, NoSharedInput and others: from ``custody.bump.plan_bump``.
    """
    step = begin_step(treasury)
    spend = load_spend(treasury, spend_id)
    if spend.kind != PAYMENT:
        raise FixedAmounts(
            f"Spend {spend_id} moves named coins whole; its fee is fixed by its instruction.",
            "Hasten it with: zakhira spend bump --child, or take it home with: zakhira spend cancel",
        )
    state = _require_out(spend)
    asked = require_allowed(treasury, spend, step)
    instruction = spend.instruction
    last = spend.out[-1]
    purse = None
    if not instruction.inputs:
        purse = open_purse(treasury, instruction.from_vault, instruction.path, own=own_ids(spend), lots=spend.lots)
    plan = plan_bump(
        versions_out(treasury, spend),
        _plan_of(spend, last),
        purse.coins if purse else (),
        funding_for(treasury, spend, wish),
        treasury.mempool.mempool_rules(),
        seeded_rng(treasury.seed, "bump", spend.id, len(spend.out)),
    )
    kept = {item.coin.outpoint: item for item in last.coins}
    added = [outpoint for outpoint in plan.inputs if outpoint not in kept]
    fresh = {item.coin.outpoint: item for item in purse.spent(added)} if purse else {}
    coins = tuple({**kept, **fresh}[outpoint] for outpoint in plan.inputs)
    version, bytes_ = make_version(treasury, spend, plan, coins, number=0)
    bumped = replace(spend, state=state, versions=(*spend.out, version))
    if fresh:
        asked = require_allowed(treasury, bumped, step)  # a statute may hold the coins that were added
    records = (*version_records(bumped, version, bytes_), *counted(treasury, bumped, asked, step))
    return commit_step(treasury, step, "coordinator", "spend bumped", (bumped,), records)[0]


def _require_out(spend: TreasurySpend) -> SpendState:
    if spend.state not in OUT_STATES:
        raise NothingToBump(
            f"Spend {spend.id} is {spend.state.value}; nothing of it is in other hands.", "Build it anew."
        )
    return advance(spend.state, SpendEvent.VERSION_ADDED)


def versions_out(treasury: Treasury, spend: TreasurySpend) -> tuple[Version, ...]:
    """The versions in other hands as replacement looks at them, with what hangs on them in the mempool."""
    found = []
    for item in spend.out:
        package = treasury.mempool.package(item.txid)
        found.append(
            Version(
                item.txid,
                item.inputs,
                item.fee_sats,
                item.weight,
                descendants=package.descendants - 1 if package else 0,
                descendants_fee_sats=max(0, package.descendant_fee_sats - item.fee_sats) if package else 0,
            )
        )
    return tuple(found)


def _plan_of(spend: TreasurySpend, version: BuiltVersion) -> SpendPlan:
    return SpendPlan(
        coins=tuple(item.spendable for item in version.coins),
        outputs=payment_outputs(spend),
        change_sats=version.change.amount_sats if version.change else 0,
        fee_sats=version.fee_sats,
        weight=version.weight,
        purpose=version.purpose,
        hold_until=version.hold_until,
        method="version before",
    )


def cancel(treasury: Treasury, spend_id: str, actor: str) -> TreasurySpend:
    """End a spend of which nothing was handed out, by a word.

    Raises:
        InOtherHands: a transaction of it is in other hands; see :func:`propose_home`.
        IllegalStep: it is over or confirmed.
    """
    step = begin_step(treasury)
    spend = load_spend(treasury, spend_id)
    if spend.state is SpendState.CANCELLED:
        return spend
    require_in_our_hands(spend)
    after = replace(spend, state=advance(spend.state, SpendEvent.SPEND_CANCELLED))
    return commit_step(treasury, step, actor, "spend cancelled", (after,))[0]


def propose_home(
    treasury: Treasury, spend_id: str, order: SpendOrder, officer: OfficerKey, wish: FeeWish
) -> TreasurySpend:
    """Propose the double-spend home: one of the spend's coins back to its vault, in the place of every version.

    ``order`` gives id, clause, ceilings and expiry of the new spend; vaults and payments follow from the old one. The
    old spend is cancelled when the new one confirms, and the other way round. With the recovery path in ``order`` the
    recovery quorum takes home what the main quorum cannot finish any more.

    Raises:
        NothingToBump: nothing is in other hands: a word cancels it.
        NotProposer, SpendIdTaken, NoSuchPath: the officer, the id, the path.
        NoSharedInput, UnusableInput, FeeAboveCeiling, TooLittle and others: from ``custody.bump.plan_cancel``.
    """
    step = begin_step(treasury)
    require_proposer(treasury, officer)
    require_no_anchor(order, "A spend home")
    there = recorded_spend(treasury, order.id)
    if there is not None and there.instruction.replaces == spend_id:
        return there
    spend = load_spend(treasury, spend_id)
    _require_out(spend)
    rivals = [
        load_spend(treasury, line.id)
        for line in spend_lines(treasury.books).values()
        if line.replaces == spend_id and line.state in OUT_STATES
    ]
    versions = [version for item in (spend, *rivals) for version in versions_out(treasury, item)]
    vault_id = _home_vault(treasury, spend.instruction.from_vault)
    place = reserve_home(treasury, vault_id, order.id)
    vault = vault_named(policy_in_force(treasury), vault_id)
    home = HomePlace(place.address, place.script_hex, input_weight(vault))
    payer, path = vault_named(policy_in_force(treasury), spend.instruction.from_vault), _home_path(spend, order)
    sequence_and_locktime(payer, path)
    coins = {
        item.coin.outpoint: replace(item.spendable, input_weight=input_weight(payer, path))
        for version in spend.out
        for item in version.coins
        if item.is_unconfirmed or _is_unspent(treasury, item.coin.outpoint)
    }
    order = replace(order, from_vault=payer.id, to_vault=vault_id, path=path)
    limits = limits_of(treasury, instruction_for(treasury, order, officer.officer, ()))
    terms = fee_terms(treasury, limits, wish)
    plan = plan_cancel(versions, coins, home, terms, treasury.mempool.mempool_rules(), order.id)
    proposed = proposed_spend(
        treasury,
        replace(order, inputs=plan.inputs),
        officer,
        [output.payment for output in plan.outputs],
        kind=HOME,
        places=(place,),
        replaces=spend_id,
    )
    return record_proposals(treasury, step, officer, (proposed,))[0]


def _home_path(spend: TreasurySpend, order: SpendOrder) -> str:
    """The quorum that takes a coin home: that of the spend, or the recovery quorum where the order asks for it."""
    return RECOVERY if order.path == RECOVERY else spend.instruction.path


def _is_unspent(treasury: Treasury, outpoint: str) -> bool:
    coin = treasury.coins.coin(outpoint)
    return coin is not None and not coin.spent_by


def _home_vault(treasury: Treasury, vault_id: str) -> str:
    """The vault itself, or its successor where it hands out no address any more."""
    record = vault_records(treasury.books)[vault_id]
    return record.successor if record.state == RETIRED and record.successor else vault_id


def propose_child(
    treasury: Treasury, spend_id: str, order: SpendOrder, officer: OfficerKey, wish: FeeWish
) -> TreasurySpend:
    """Propose a child that spends an output of ours of a sent spend, so that both pay the wished rate together.

    ``order`` gives id, clause, ceilings and expiry, as for :func:`propose_home`.

    Raises:
        NothingToBump: the spend waits in no mempool, or has no output of ours.
        CoinsTaken: a child spends it already.
        PackageRefused, FeeAboveCeiling, TooLittle: from ``custody.bump.plan_child``.
    """
    step = begin_step(treasury)
    require_proposer(treasury, officer)
    require_no_anchor(order, "A child that hastens a spend")
    there = recorded_spend(treasury, order.id)
    if there is not None and there.kind == CHILD:
        return there
    parent = load_spend(treasury, spend_id)
    waiting = [(item.txid, found) for item in parent.out if (found := treasury.mempool.package(item.txid))]
    if not waiting:
        raise NothingToBump(f"No version of spend {spend_id} waits in the mempool.", "Send it first.")
    txid, package = waiting[-1]
    outputs = own_outputs(treasury, parent, txid)
    if not outputs:
        raise NothingToBump(f"Spend {spend_id} has no output of ours.", "Bump it by a dearer version.")
    outpoint, place, _ = max(outputs, key=lambda item: item[2])
    taken = taken_coins(spend_lines(treasury.books)).get(outpoint, ())
    if taken:
        raise CoinsTaken(f"The coin {outpoint} is part of {', '.join(taken)}.", "Bump that spend.")
    coin = child_coin(treasury, outpoint)
    vault = vault_named(policy_in_force(treasury), place.vault)
    back = reserve_change(treasury, vault.id, order.id)
    home = HomePlace(back.address, back.script_hex, input_weight(vault))
    order = replace(order, from_vault=vault.id, to_vault=vault.id)
    limits = limits_of(treasury, instruction_for(treasury, order, officer.officer, ()))
    rules = treasury.mempool.mempool_rules()
    child = plan_child(package, coin.spendable, home, fee_terms(treasury, limits, wish), rules, order.id)
    payments = [output.payment for output in child.plan.outputs]
    proposed = proposed_spend(
        treasury, replace(order, inputs=(outpoint,)), officer, payments, kind=CHILD, places=(back,)
    )
    return record_proposals(treasury, step, officer, (proposed,))[0]

"""Heads of the audit chain anchored in Bitcoin: along with a spend, by a small spend of their own, and read back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from zakhira.controls.chain import audit
from zakhira.custody.anchor import Anchor, anchor_in, data_script_bytes
from zakhira.custody.checks import vault_named
from zakhira.custody.coin_request import SpendableCoin
from zakhira.custody.decoders import decode_transaction
from zakhira.custody.fee import FeeTerms
from zakhira.custody.refusals import TooLittle
from zakhira.custody.spend_plan import HomePlace, SpendPlan, plan_home
from zakhira.flows.agreement import NotFollowed
from zakhira.flows.chain_heads import current_head
from zakhira.flows.ports.coin_events import WatchedCoin
from zakhira.flows.ports.signing import OfficerKey
from zakhira.flows.reservations import reserve_change
from zakhira.flows.spending.fees import FeeWish, fee_terms, limits_of
from zakhira.flows.spending.order import (
    PaymentOrder,
    SpendOrder,
    instruction_for,
    proposed_spend,
    require_order,
    require_proposer,
)
from zakhira.flows.spending.proposing import change_cost_place, record_proposals, recorded_spend
from zakhira.flows.spending.purse import open_purse
from zakhira.flows.spending.spend import MOVE, TreasurySpend
from zakhira.flows.spending.step import begin_step
from zakhira.flows.treasury import Treasury, policy_in_force
from zakhira.kernel.errors import OutsideFailure, Refused
from zakhira.kernel.money import sats

_PAGE = 500
"""Spent coins whose transactions are read at once."""


class NoCoinForAnchor(Refused):
    """No single coin of the vault carries the fee of an anchor and is still worth having afterwards."""

    code = "ZK-FLOWS-103"


class WrongTransaction(OutsideFailure):
    """The node gave another transaction than the one that was asked for."""

    code = "ZK-FLOWS-104"


@dataclass(frozen=True)
class ConfirmedAnchor:
    """A head of the audit chain as a block of the node's best chain holds it."""

    txid: str
    height: int
    block_hash: str
    block_time: datetime
    """of the block's header (UTC): miners may set it up to two hours off"""
    confirmations: int
    anchor: Anchor


def with_head(treasury: Treasury, order: SpendOrder) -> SpendOrder:
    """The order with the head of the audit chain going along; one that is proposed already keeps the head it has.

    Raises:
        NothingToAnchor: the chain is empty.
    """
    there = recorded_spend(treasury, order.id)
    anchor = there.instruction.anchor if there is not None else current_head(treasury.books).data
    return replace(order, anchor=anchor)


def propose_anchor(treasury: Treasury, order: SpendOrder, officer: OfficerKey, wish: FeeWish) -> TreasurySpend:
    """Propose a spend of one coin back to its own vault whose only purpose is to anchor the head of the audit chain.

    ``order`` gives id, vault, purpose, clause, ceilings, expiry and path; its payments are not looked at. The smallest
    coin is taken that carries the fee and is worth spending afterwards. What is proposed under the id already is given
    again.

    Raises:
        NothingToAnchor: the chain is empty.
        NoCoinForAnchor: no coin of the vault carries it.
        NotProposer, BadOrder, UnknownVault, NoSuchPath, SpendIdTaken, NotMature: as for other proposals.
        FeeAboveCeiling, NoFeeEstimate: the fee.
    """
    step = begin_step(treasury)
    require_proposer(treasury, officer)
    there = recorded_spend(treasury, order.id)
    if there is not None and _is_anchor_alone(there, order.from_vault):
        return there
    order = replace(order, to_vault=order.from_vault, payments=(PaymentOrder(sats(1)),), inputs=())
    require_order(treasury, order)
    order = replace(order, anchor=current_head(treasury.books).data)
    terms = fee_terms(treasury, limits_of(treasury, instruction_for(treasury, order, officer.officer, ())), wish)
    coin = _coin_for_anchor(treasury, order, terms)
    place = reserve_change(treasury, order.from_vault, order.id)
    home = replace(_home(treasury, order), address=place.address, script_hex=place.script_hex)
    plan = _plan(coin, home, terms, order)
    proposed = proposed_spend(
        treasury,
        replace(order, inputs=plan.inputs),
        officer,
        [output.payment for output in plan.outputs],
        kind=MOVE,
        places=(place,),
    )
    return record_proposals(treasury, step, officer, (proposed,))[0]


def _is_anchor_alone(spend: TreasurySpend, vault: str) -> bool:
    said = spend.instruction
    return spend.kind == MOVE and said.anchor != "" and said.from_vault == said.to_vault == vault


def _home(treasury: Treasury, order: SpendOrder) -> HomePlace:
    vault = vault_named(policy_in_force(treasury), order.from_vault)
    return change_cost_place(vault, order.path, treasury.chain)


def _plan(coin: SpendableCoin, home: HomePlace, terms: FeeTerms, order: SpendOrder) -> SpendPlan:
    return plan_home((coin,), home, terms, order.id, data_script_bytes(order.anchor))


def _coin_for_anchor(treasury: Treasury, order: SpendOrder, terms: FeeTerms) -> SpendableCoin:
    """The smallest settled coin from which more comes back than spending it once more will cost."""
    home = _home(treasury, order)
    purse = open_purse(treasury, order.from_vault, order.path, lots=order.lots)
    settled = [coin for coin in purse.coins if coin.height > 0 and order.coins_for in {"", coin.purpose}]
    for coin in sorted(settled, key=lambda item: (item.amount_sats, item.outpoint)):
        try:
            plan = _plan(coin, home, terms, order)
        except TooLittle:
            continue
        if plan.outputs[0].payment.amount_sats >= home.cost.least_sats(terms):
            return coin
    raise NoCoinForAnchor(
        f"None of the {len(settled)} settled coins of vault {order.from_vault} carries the fee of an anchor.",
        "Name another vault, wait for lower fees, or let the head go along: zakhira spend propose --anchor",
    )


def anchors(treasury: Treasury) -> tuple[ConfirmedAnchor, ...]:
    """Every anchor that lies deep enough in the node's best chain, by position; of each head the first block counts.

    An anchor of ours spends a coin of ours, so every transaction that the followed chain saw spending one is asked of
    the node in its block, decoded twice and looked through: records of spends are not consulted, and whoever hides one
    hides no anchor.

    Raises:
        NotFollowed: the node's best chain is not the followed one; follow it first.
        WrongTransaction: the node gave another transaction than it was asked for.
        DecodersDisagree, Undecodable: the two decoders.
        NodeUnreachable and others: the node.
    """
    tip = _followed_tip(treasury)
    found: dict[Anchor, ConfirmedAnchor] = {}
    for page in _spending_transactions(treasury):
        raws = treasury.mempool.raw_transactions(list(page), {txid: coin.spent_hash for txid, coin in page.items()})
        held = {txid: anchor for txid in page if (anchor := _anchor_of(txid, page[txid], raws[txid])) is not None}
        blocks = [page[txid].spent_hash for txid in held]
        times = treasury.node.block_times(blocks)
        for (txid, anchor), block_time in zip(held.items(), times, strict=True):
            coin = page[txid]
            one = ConfirmedAnchor(
                txid, coin.spent_height, coin.spent_hash, block_time, tip - coin.spent_height + 1, anchor
            )
            if _is_settled(treasury, one, coin):
                found.setdefault(anchor, one)
    return tuple(sorted(found.values(), key=lambda item: (item.anchor.position, item.height, item.txid)))


def _followed_tip(treasury: Treasury) -> int:
    """The height of the node's tip, once it is sure that the followed chain is part of the node's best one."""
    span, (tip, _) = treasury.coins.span(), treasury.node.tip()
    if span is not None and treasury.node.block_hashes(span.height, span.height) != (span.hash,):
        raise NotFollowed(
            f"The books follow block {span.height} ({span.hash}), which is not in the node's best chain.",
            "Follow the chain first: zakhira spend status DIR",
        )
    return tip


def _spending_transactions(treasury: Treasury) -> Iterator[Mapping[str, WatchedCoin]]:
    """Transactions of followed blocks that spent coins of ours, by height, each with one of its coins, in pages."""
    after, seen = (-1, ""), set[str]()
    while coins := treasury.coins.spent_after(after, _PAGE):
        fresh = {coin.spent_by: coin for coin in coins if coin.spent_by not in seen}
        seen |= set(fresh)
        if fresh:
            yield fresh
        after = (coins[-1].spent_height, coins[-1].outpoint)


def _anchor_of(txid: str, coin: WatchedCoin, raw_hex: str) -> Anchor | None:
    """The anchor in a transaction, which must be the one that was asked for; None if it has none of 0 sat."""
    decoded = decode_transaction(raw_hex)
    if decoded.txid != txid or coin.outpoint not in {outpoint for outpoint, _ in decoded.inputs}:
        raise WrongTransaction(
            f"For transaction {txid}, which spends {coin.outpoint}, the node gave {decoded.txid}.",
            "Ask another node: this one is damaged, or lies.",
        )
    held = [anchor for script_hex, sats_ in decoded.outputs if sats_ == 0 and (anchor := anchor_in(script_hex))]
    return held[0] if held else None


def _is_settled(treasury: Treasury, found: ConfirmedAnchor, coin: WatchedCoin) -> bool:
    """Whether its block is in the node's best chain, as deep as what it moves asks for."""
    needed = treasury.depth.needed(coin.amount_sats, is_coinbase=False)
    is_best = treasury.node.block_hashes(found.height, found.height) == (found.block_hash,)
    return is_best and found.confirmations >= needed


def as_evidence(found: Sequence[ConfirmedAnchor]) -> tuple[audit.Anchor, ...]:
    """Anchors as the verification of the chain takes them: position, hash, height and time of the block."""
    return tuple(
        audit.Anchor(item.anchor.position, item.anchor.head_hash, item.height, item.block_time) for item in found
    )

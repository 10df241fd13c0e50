"""Drills of the chain: fees rise, blocks are taken back, the node goes away in the middle of a spend."""

from __future__ import annotations

from zakhira.controls.spend_state import SpendState
from zakhira.flows.ports.chain_errors import NodeUnreachable
from zakhira.flows.spending.building import build
from zakhira.flows.spending.fees import FeeWish
from zakhira.flows.spending.hastening import bump, propose_child
from zakhira.flows.spending.sending import broadcast
from zakhira.flows.spending.spend import TreasurySpend
from zakhira.flows.spending.step import load_spend
from zakhira.flows.treasury import policy_in_force
from zakhira.wiring.drills.carrying import (
    RATE,
    RATE_LIMIT_SAT_PER_VB,
    allow,
    by_somebody,
    carry,
    carry_proposed,
    order_of,
    propose_by_somebody,
    quorum_of,
    sign_with,
)
from zakhira.wiring.drills.stage import COLD, INTAKE, Stage

AMOUNTS_SATS = (60_000_000, 40_000_000)
PAID_SATS = 25_000_000
SPIKE = FeeWish(rate_sat_per_kvb=20_000)
FURTHER_SPIKE = FeeWish(rate_sat_per_kvb=40_000)
TOO_DEAR = FeeWish(rate_sat_per_kvb=(RATE_LIMIT_SAT_PER_VB + 1) * 1_000)
_EMPTY_BLOCKS = 3


def fee_spike(stage: Stage) -> None:
    """Fees rise after a spend was sent: it is hastened within the ceilings that officers signed, and pays once."""
    stage.receive(COLD, *AMOUNTS_SATS)
    order = order_of(stage, "slow", COLD, (("", PAID_SATS),), to_vault=INTAKE)
    signers = quorum_of(stage, COLD)
    before_sats = stage.held_sats(INTAKE)
    first = stage.does(
        "a move is carried through at 3 sat/vB and waits in the mempool",
        "it is sent",
        lambda: carry(stage, order, signers),
        lambda sent: f"{sent.last.txid[:16]}..., fee {sent.last.fee_sats} sat",
    )
    stage.refuses(
        f"somebody wants {RATE_LIMIT_SAT_PER_VB + 1} sat/vB",
        "a fee above the ceiling that officers signed is refused",
        lambda: bump(stage.treasury, order.id, TOO_DEAR),
        "ZK-CUSTODY",
    )

    def hasten() -> TreasurySpend:
        bump(stage.treasury, order.id, SPIKE)
        sign_with(stage, order.id, signers)
        return broadcast(stage.treasury, order.id)

    second = stage.does(
        "it is built again at 20 sat/vB, signed and sent",
        "the node takes it in the place of the first",
        hasten,
        lambda sent: f"{sent.last.txid[:16]}..., fee {sent.last.fee_sats} sat",
    )
    stage.finds(
        "the mempool is looked at",
        "the new version waits, the old one is gone",
        lambda: _only_waiting(stage, second.last.txid if second else "", first.last.txid if first else ""),
    )
    child = stage.does(
        "fees rise again, and a child hastens it by an output of ours",
        "officers approve the child like any spend, and it is sent",
        lambda: _hasten_by_child(stage, order.id),
        lambda sent: f"{sent.last.txid[:16]}..., fee {sent.last.fee_sats} sat",
    )
    stage.bury()
    stage.finds(
        "blocks come",
        "the payee was paid once, whole",
        lambda: _arrived_once(stage, order.id, before_sats, child),
    )
    stage.books_hold()


def _arrived_once(stage: Stage, spend_id: str, before_sats: int, child: TreasurySpend | None) -> tuple[bool, str]:
    """What the receiving vault holds more, with what a child of its output paid in fees, is the amount."""
    arrived = stage.held_sats(INTAKE) - before_sats
    fee = child.last.fee_sats if child and child.instruction.from_vault == INTAKE else 0
    confirmed = load_spend(stage.treasury, spend_id).state is SpendState.CONFIRMED
    return confirmed and arrived + fee == PAID_SATS, f"{arrived} sat, and {fee} sat that the child paid, of {PAID_SATS}"


def _hasten_by_child(stage: Stage, parent: str) -> TreasurySpend:
    order = order_of(stage, "child", COLD)
    child = by_somebody(stage, "a child", lambda who: propose_child(stage.treasury, parent, order, who, FURTHER_SPIKE))
    return carry_proposed(stage, child.id, quorum_of(stage, child.instruction.from_vault))


def _only_waiting(stage: Stage, there: str, gone: str) -> tuple[bool, str]:
    waiting = set(stage.desk.node.rpc.call("getrawmempool"))
    return there in waiting and gone not in waiting, f"{len(waiting)} waiting, {there[:16]}... among them"


def reorg(stage: Stage) -> None:
    """Blocks with an arrival and with a spend of ours are taken back: nothing is counted twice, nothing is lost."""
    arrival = stage.receive(COLD, *AMOUNTS_SATS)
    held_sats = stage.held_sats(COLD)
    node = stage.desk.node.rpc
    tip = stage.height
    needed = max(stage.treasury.depth.confirmations)
    stage.note("blocks taken back", f"{needed} with the arrival, then {needed} with the spend")
    _replace_by_empty(stage, tip - needed + 1, needed)
    stage.finds(
        f"{needed} blocks are taken back and the chain goes on without the arrival",
        "the coins are counted no more, and the loss is recorded",
        lambda: (stage.held_sats(COLD) == 0, f"{stage.held_sats(COLD)} sat of {held_sats} sat"),
    )
    stage.books_hold()
    # Of so deep a reorganisation a node keeps no transactions: whoever paid sends again.
    stage.chain.broadcast(arrival)
    stage.bury()
    stage.finds(
        "the payer sends it again, and it comes into later blocks",
        "it is counted again, once",
        lambda: (stage.held_sats(COLD) == held_sats, f"{stage.held_sats(COLD)} sat of {held_sats} sat"),
    )
    order = order_of(stage, "moved", COLD, (("", PAID_SATS),), to_vault=INTAKE)
    stage.does(
        "a move is carried through and sent",
        "it is sent",
        lambda: carry(stage, order, quorum_of(stage, COLD)),
        lambda sent: f"{sent.last.txid[:16]}...",
    )
    stage.bury()
    stage.finds(
        "blocks bury it",
        "it is confirmed",
        lambda: _state(stage, order.id, SpendState.CONFIRMED),
    )
    _replace_by_empty(stage, stage.height - needed + 1, needed)
    stage.finds(
        f"those {needed} blocks are taken back",
        "the spend is out again, not confirmed",
        lambda: _state(stage, order.id, SpendState.BROADCAST),
    )
    stage.bury()
    stage.finds(
        "it comes into a later block",
        "it is confirmed, and the payee was paid once",
        lambda: _state(stage, order.id, SpendState.CONFIRMED),
    )
    stage.note("transactions in the node's mempool at the end", len(node.call("getrawmempool")))
    stage.books_hold()


def _replace_by_empty(stage: Stage, height: int, blocks: int) -> None:
    """Take back all from ``height`` on, and mine more blocks than that without any transaction."""
    node = stage.desk.node.rpc
    node.call("invalidateblock", [node.call("getblockhash", [height])])
    for _ in range(blocks + _EMPTY_BLOCKS):
        node.call("generateblock", [stage.nobody, []])
    stage.follow()


def _state(stage: Stage, spend_id: str, wanted: SpendState) -> tuple[bool, str]:
    state = load_spend(stage.treasury, spend_id).state
    return state is wanted, state.value


def node_down(stage: Stage) -> None:
    """The node ends between signing and sending: nothing is believed meanwhile, and nothing is sent twice."""
    stage.receive(COLD, *AMOUNTS_SATS)
    held_sats, tip = stage.held_sats(COLD), stage.height
    order = order_of(stage, "waits", COLD, (("", PAID_SATS),), to_vault=INTAKE)

    def sign() -> TreasurySpend:
        propose_by_somebody(stage, order)
        allow(stage, order.id)
        build(stage.treasury, order.id, RATE)
        return sign_with(stage, order.id, quorum_of(stage, COLD))

    signed = stage.does(
        "a move is proposed, allowed, built and signed", "its quorum is there", sign, lambda s: s.state.value
    )
    stage.stop_node()
    stage.refuses("it is sent", "without a node nothing is sent", lambda: broadcast(stage.treasury, order.id), *_AWAY)
    stage.refuses("the chain is followed", "no answer is made up", stage.follow, *_AWAY)
    stage.finds(
        "the books are read without the node",
        "the policy in force and the spend are there",
        lambda: (
            bool(policy_in_force(stage.treasury).officers)
            and load_spend(stage.treasury, order.id).state is SpendState.SIGNED,
            f"spend {load_spend(stage.treasury, order.id).state.value}",
        ),
    )
    stage.reopen()
    stage.finds(
        "the node is there again",
        "it has the same tip and the same coins",
        lambda: (
            stage.height == tip and stage.held_sats(COLD) == held_sats,
            f"block {stage.height}, {stage.held_sats(COLD)} sat",
        ),
    )
    stage.does(
        "the same command is given again, and once more",
        "it is sent, and the second time changes nothing",
        lambda: (broadcast(stage.treasury, order.id), broadcast(stage.treasury, order.id))[1],
        lambda sent: f"{sent.last.txid[:16]}... {sent.state.value}",
    )
    stage.bury()
    stage.finds(
        "blocks come",
        "it is confirmed with the bytes that were signed",
        lambda: (
            _state(stage, order.id, SpendState.CONFIRMED)[0]
            and signed is not None
            and load_spend(stage.treasury, order.id).last.txid == signed.last.txid,
            load_spend(stage.treasury, order.id).state.value,
        ),
    )
    stage.books_hold()


_AWAY = (NodeUnreachable.code,)

"""Drills of loss: one key is gone, or a site with so many that the main quorum is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta

from zakhira.custody.coin import MAIN, RECOVERY
from zakhira.flows.attention import PROOF_OF_LIFE_DAYS, silent_keys
from zakhira.flows.registered_keys import key_register, register_keys
from zakhira.flows.reservations import reserve_address
from zakhira.flows.rotation import RotationOrder, rotate
from zakhira.flows.spending.building import build
from zakhira.flows.spending.hastening import propose_home
from zakhira.flows.spending.proposing import MoveOrder, propose_moves
from zakhira.flows.spending.sending import broadcast
from zakhira.flows.spending.spend import TreasurySpend
from zakhira.flows.vaults import create_vault
from zakhira.wiring.drills.carrying import (
    RATE,
    Signers,
    allow,
    by_somebody,
    carry_proposed,
    order_of,
    propose_by_somebody,
    quorum_of,
    sign_with,
)
from zakhira.wiring.drills.stage import (
    BY,
    COLD,
    HELD,
    RECOVERY_AFTER_BLOCKS,
    Stage,
    decaying_request,
    successor_request,
)
from zakhira.wiring.reserve_drill import HEIRS

AMOUNTS_SATS = (30_000_000, 40_000_000)
STUCK_SATS = 10_000_000
MOST_FEES_SATS = 1_000_000
"""What all spends of a drill pay in fees stays below this."""


def lost_key(stage: Stage) -> None:
    """One signer's key of the cold vault is gone: it is noticed, and the vault is left without it."""
    vault = stage.vault(COLD)
    lost, present = vault.keys[-1].signer, tuple(key.signer for key in vault.keys[:-1])
    stage.receive(COLD, *AMOUNTS_SATS)
    held_sats = stage.held_sats(COLD)
    _notice(stage, lost, present)
    request = successor_request(vault)
    with_lost = replace(request, id=f"{COLD}-again", signers=(*request.signers[:-1], lost))
    stage.refuses(
        "a new vault is designed with the lost key in it",
        "a key of another vault is refused",
        lambda: create_vault(stage.treasury, with_lost, BY),
        "ZK-CUSTODY-097",
    )
    stage.does(
        "a successor of new keys is made, every key signs a test, and officers accept it",
        "it takes coins",
        lambda: stage.create(request, f"{COLD}-next", COLD),
        lambda made: f"vault {made.id}, {made.threshold} of {len(made.keys)}",
    )
    order = order_of(stage, "leave", COLD)
    turn = RotationOrder("leave", COLD, request.id, order.clause, order.ceilings, RATE)
    steps = stage.does(
        "the old vault is retired, and its coins are proposed to move",
        "the policy lets them be proposed",
        lambda: by_somebody(stage, "the rotation", lambda officer: rotate(stage.treasury, turn, officer)),
        _steps_text,
    )
    _carry_all(stage, steps or (), quorum_of(stage, COLD, without=(lost,)), f"without {lost}")
    _require_moved(stage, COLD, request.id, held_sats)
    stage.refuses(
        "somebody asks the old vault for an address",
        "a retired vault gives none",
        lambda: reserve_address(stage.treasury, COLD, "drill", "drill", key="late", by=BY),
        "ZK-FLOWS",
        "ZK-CUSTODY",
    )
    stage.books_hold()


def _notice(stage: Stage, lost: str, present: tuple[str, ...]) -> None:
    """All but one prove that their keys work; the silent one is named, and the register says that it is lost."""
    stage.clock.move_to(stage.clock() + timedelta(days=PROOF_OF_LIFE_DAYS + 20))
    stage.test_sign(stage.vault(COLD), COLD, MAIN, present)

    def silent() -> tuple[bool, str]:
        found = {key.signer for key, vaults in silent_keys(stage.treasury, stage.clock().date()) if COLD in vaults}
        return found == {lost}, f"silent: {', '.join(sorted(found)) or 'none'}"

    stage.finds(
        f"{PROOF_OF_LIFE_DAYS + 20} days later all but one signer prove that their keys work",
        "the silent key is named, and no other",
        silent,
    )
    known = next(key for key in key_register(stage.treasury.books) if key.signer == lost)
    treasury = stage.treasury
    register_keys(treasury.books, (replace(known, role="lost, by a drill"),), treasury.chain, BY, treasury.now)


def lost_site(stage: Stage) -> None:
    """A site burns with so many keys that the main quorum is gone: the heirs bring the coins home, not before time."""
    made = stage.create(decaying_request(stage.vault(COLD)), f"{COLD}-next")
    left = Signers(f"{COLD}-next", tuple(key.signer for key in made.keys)[: made.threshold - 1])
    stage.note("keys left of the main quorum", f"{len(left.names)} of {made.threshold}")
    stage.receive(HELD, *AMOUNTS_SATS)
    held_sats = stage.held_sats(HELD)
    _try_with_too_few(stage, left)
    stage.refuses(
        "the heirs are asked at once",
        "a coin that is too young for the recovery path is neither built nor signed",
        lambda: _take_home(stage, "home-early"),
        "ZK-FLOWS-091",
        "ZK-CUSTODY",
    )
    stage.mine(RECOVERY_AFTER_BLOCKS)
    stage.does(
        f"{RECOVERY_AFTER_BLOCKS} blocks later the heirs take the coin of the stuck spend home",
        "a rule of the policy covers the recovery path, its quorum approves, and two heirs sign",
        lambda: _take_home(stage, "home"),
        lambda sent: f"sent {sent.last.txid[:16]}..., signed by {', '.join(sent.last.signers)}",
    )
    stage.bury()
    order = order_of(stage, "rest", HELD, to_vault=COLD, path=RECOVERY)
    move = MoveOrder("rest", HELD, COLD, held_sats, order, older_than_height=stage.height - RECOVERY_AFTER_BLOCKS)
    steps = stage.does(
        "the coins that are old enough are proposed to move to the cold vault",
        "the policy lets them be proposed",
        lambda: by_somebody(stage, "the recovery", lambda who: propose_moves(stage.treasury, move, who, RATE)),
        _steps_text,
    )
    _carry_all(stage, steps or (), Signers("heirs", HEIRS[:2]), "by the heirs")
    stage.bury()
    stage.finds(
        "the recovery is buried",
        "what was old enough lies in the cold vault, and nothing is lost but fees",
        lambda: (
            stage.held_sats(COLD) > 0 and held_sats - stage.held_sats(HELD) - stage.held_sats(COLD) < MOST_FEES_SATS,
            f"{stage.held_sats(HELD)} sat at home, {stage.held_sats(COLD)} sat in {COLD} of {held_sats} sat",
        ),
    )
    stage.books_hold()


def _try_with_too_few(stage: Stage, left: Signers) -> None:
    """A payment to our own vault that the signers who are left cannot finish; its coin is kept for it."""
    order = order_of(stage, "stuck", HELD, (("", STUCK_SATS),), to_vault=COLD)

    def propose_and_build() -> TreasurySpend:
        propose_by_somebody(stage, order)
        allow(stage, order.id)
        return build(stage.treasury, order.id, RATE)

    stage.does(
        "a move is proposed, approved and built before anybody knows of the fire",
        "the policy is content",
        propose_and_build,
        lambda spend: f"transaction {spend.last.txid[:16]}...",
    )

    def finish() -> None:
        sign_with(stage, order.id, left)
        broadcast(stage.treasury, order.id)

    stage.refuses("the signers who are left try to send it", "without a quorum nothing is sent", finish, "ZK-FLOWS-058")


def _take_home(stage: Stage, name: str) -> TreasurySpend:
    order = replace(order_of(stage, name, HELD, path=RECOVERY), from_vault="")
    by_somebody(stage, name, lambda who: propose_home(stage.treasury, "stuck", order, who, RATE))
    return carry_proposed(stage, name, Signers("heirs", HEIRS[:2]))


def _steps_text(steps: tuple[TreasurySpend, ...]) -> str:
    return f"{len(steps)} steps, {sum(spend.paid_sats for spend in steps)} sat"


def _carry_all(stage: Stage, steps: Iterable[TreasurySpend], signers: Signers, how: str) -> None:
    for spend in steps:
        stage.does(
            f"{spend.id} is approved, built, signed {how} and sent",
            "the policy's people and the signers who are left are enough",
            _carrier(stage, spend.id, signers),
            lambda sent: f"signed by {', '.join(sent.last.signers)}, fee {sent.last.fee_sats} sat",
        )


def _carrier(stage: Stage, spend_id: str, signers: Signers) -> Callable[[], TreasurySpend]:
    return lambda: carry_proposed(stage, spend_id, signers)


def _require_moved(stage: Stage, from_vault: str, to_vault: str, held_sats: int) -> None:
    stage.bury()

    def look() -> tuple[bool, str]:
        left, there = stage.held_sats(from_vault), stage.held_sats(to_vault)
        return (
            left == 0 and 0 < held_sats - there < MOST_FEES_SATS,
            f"{left} sat left, {there} sat of {held_sats} arrived",
        )

    stage.finds("the moves are buried", "the old vault is empty, the new one holds all but the fees", look)

"""A vault left for its successor: its coins in bounded steps, each a spend that officers decide and signers sign."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zakhira.custody.coin import MAIN
from zakhira.custody.coin_request import SpendableCoin
from zakhira.custody.fee import FeeTerms
from zakhira.custody.vault_state import VaultRecord
from zakhira.flows.attention import is_under_way
from zakhira.flows.ports.signing import OfficerKey
from zakhira.flows.spending.fees import FeeWish
from zakhira.flows.spending.move_steps import move_steps
from zakhira.flows.spending.order import FeeCeilings, SpendOrder, require_proposer
from zakhira.flows.spending.proposing import MoveOrder, propose_moves
from zakhira.flows.spending.purse import open_purse
from zakhira.flows.spending.refusals import NothingToMove
from zakhira.flows.spending.spend import TreasurySpend
from zakhira.flows.spending.spend_line import spend_lines
from zakhira.flows.treasury import Treasury, policy_in_force
from zakhira.flows.vaults import plan_retirement, retire_vault, vault_record
from zakhira.kernel.errors import InvalidInput


class StepTooLarge(InvalidInput):
    """A step of a rotation would move more than the policy lets one spend move."""

    code = "ZK-FLOWS-037"


@dataclass(frozen=True)
class MoveStep:
    """Coins that one spend moves: of one purpose, free ones before held ones."""

    outpoints: tuple[str, ...]
    total_sats: int
    purpose: str


@dataclass(frozen=True)
class RotationOrder:
    """What is wanted: which vault is left for which, how, and by what authority.

    ``step_sats`` bounds what one spend moves; 0 takes the policy's limit. ``id`` names the spends: ``id-001`` ...
    """

    id: str
    vault: str
    successor: str
    clause: str
    ceilings: FeeCeilings
    wish: FeeWish
    step_sats: int = 0


@dataclass(frozen=True)
class Rotation:
    """A rotation as it would be: the old vault's record once it is retired, the steps, and what stays behind for now.

    ``waiting_sats`` are coins that do not lie deep enough, are in suspense, are not judged or belong to another spend
    under way; they move later.
    """

    retired: VaultRecord
    steps: tuple[MoveStep, ...]
    waiting_sats: int
    waiting_coins: int
    is_begun: bool
    """the vault is retired already: only what is left is moved"""
    under_way: tuple[str, ...]
    """spends from the vault that are open; their coins are among the steps until they are built"""


def plan_rotation(treasury: Treasury, order: RotationOrder, terms: FeeTerms) -> Rotation:
    """What leaving a vault for its successor takes; nothing is written.

    A coin that is larger than the step is a step of its own. ``terms`` are what the spends would pay.

    Raises:
        NoSuchVault, WrongVaultState, SuccessorUnfit, VaultNotTested, VaultRetired: as ``plan_retirement``.
        StepTooLarge: the step is above the policy's limit.
    """
    step_sats = _step_sats(treasury, order)
    before = vault_record(treasury.books, order.vault)
    is_begun = before.successor == order.successor
    retired = before if is_begun else plan_retirement(treasury, order.vault, order.successor)
    coins = [coin for coin in open_purse(treasury, order.vault, MAIN).coins if coin.height > 0]
    steps = tuple(_step(group) for group in move_steps(coins, terms, step_sats))
    status = treasury.coins.status(order.vault, treasury.depth)
    everything = (status.settled, status.pending, status.immature)
    return Rotation(
        retired,
        steps,
        sum(part.sats for part in everything) - sum(step.total_sats for step in steps),
        sum(part.count for part in everything) - len(coins),
        is_begun,
        tuple(
            line.id
            for line in spend_lines(treasury.books).values()
            if line.from_vault == order.vault and is_under_way(line)
        ),
    )


def _step_sats(treasury: Treasury, order: RotationOrder) -> int:
    limit = policy_in_force(treasury).sweep_limit_sats
    if order.step_sats > limit:
        raise StepTooLarge(
            f"A step of {order.step_sats} sat is above the {limit} sat that the policy lets one spend move.",
            "Give a smaller step, or leave it out.",
        )
    return order.step_sats or limit


def _step(coins: Sequence[SpendableCoin]) -> MoveStep:
    total_sats = sum(coin.amount_sats for coin in coins)
    return MoveStep(tuple(coin.outpoint for coin in coins), total_sats, coins[0].purpose)


def rotate(treasury: Treasury, order: RotationOrder, officer: OfficerKey) -> tuple[TreasurySpend, ...]:
    """Retire the vault and propose the moves of its settled coins; none, if it has no such coin. Safe to repeat.

    The officer's key is that of a proposer. Coins that settle later are moved by a rotation with another id.

    Raises:
        NotProposer, StepTooLarge, and what ``plan_retirement`` raises: nothing is written.
        ChangedMeanwhile, and what ``propose_moves`` raises.
    """
    require_proposer(treasury, officer)
    step_sats = _step_sats(treasury, order)
    if vault_record(treasury.books, order.vault).successor != order.successor:
        retire_vault(treasury, order.vault, order.successor, officer.officer)
    said = SpendOrder(
        id=order.id,
        from_vault=order.vault,
        payments=(),
        purpose=f"rotation of {order.vault} to {order.successor}",
        clause=order.clause,
        ceilings=order.ceilings,
        to_vault=order.successor,
    )
    move = MoveOrder(order.id, order.vault, order.successor, step_sats, said)
    try:
        return propose_moves(treasury, move, officer, order.wish)
    except NothingToMove:
        return ()

"""A vault left for its successor: its coins in bounded steps, each a spend that officers decide and signers sign."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from zakhira.custody.coin import MAIN
from zakhira.custody.vault_state import VaultRecord
from zakhira.custody.weight import SEGWIT_SCALE, VAULT_SCRIPT_BYTES, spend_weight
from zakhira.flows.coin_papers import ANNOUNCED, OWN, coin_papers
from zakhira.flows.ports.coin_events import WatchedCoin
from zakhira.flows.treasury import Treasury
from zakhira.flows.vaults import plan_retirement, vault_record
from zakhira.kernel.errors import InvalidInput
from zakhira.programme.model import Vault

MAX_STANDARD_WEIGHT = 400_000
"""Heavier transactions are not relayed (Bitcoin Core, policy.h, MAX_STANDARD_TX_WEIGHT)."""
_PAGE = 1_000


class StepTooLarge(InvalidInput):
    """A step of a rotation would move more than the policy lets one spend move."""

    code = "ZK-FLOWS-037"


@dataclass(frozen=True)
class MoveStep:
    """Coins that one spend moves: of one purpose and one hold, the oldest first."""

    outpoints: tuple[str, ...]
    total_sats: int
    purpose: str


@dataclass(frozen=True)
class Rotation:
    """A rotation as it would be: the old vault's record once it is retired, the steps, and what stays behind for now.

    ``waiting_sats`` are coins that do not lie deep enough, are in suspense or are not judged; they move later.
    """

    retired: VaultRecord
    steps: tuple[MoveStep, ...]
    waiting_sats: int
    waiting_coins: int
    is_begun: bool
    """the vault is retired already: only what is left is moved"""


def plan_rotation(treasury: Treasury, name: str, successor: str, step_sats: int = 0) -> Rotation:
    """What leaving a vault for its successor takes; nothing is written.

    ``step_sats`` bounds what one spend moves; 0 takes the policy's limit. A coin that is larger than the step is a step
    of its own, as long as the policy lets one spend move it.

    Raises:
        NoSuchVault, WrongVaultState, SuccessorUnfit, VaultNotTested, VaultRetired: as ``plan_retirement``.
        StepTooLarge: the step is above the policy's limit.
    """
    limit = treasury.policy.sweep_limit_sats
    if step_sats > limit:
        raise StepTooLarge(
            f"A step of {step_sats} sat is above the {limit} sat that the policy lets one spend move.",
            "Give a smaller step, or leave it out.",
        )
    before = vault_record(treasury.books, name)
    is_begun = before.successor == successor
    retired = before if is_begun else plan_retirement(treasury, name, successor)
    movable, waiting = _sorted_out(treasury, name)
    steps = tuple(_steps(treasury, before.vault, movable, step_sats or limit))
    return Rotation(retired, steps, sum(coin.amount_sats for coin in waiting), len(waiting), is_begun)


def _coins(treasury: Treasury, vault: str) -> Iterator[WatchedCoin]:
    after = (-1, "")
    while page := treasury.coins.page(vault, after, _PAGE):
        yield from page
        after = (page[-1].height, page[-1].outpoint)


def _sorted_out(treasury: Treasury, vault: str) -> tuple[dict[tuple[str, str], list[WatchedCoin]], list[WatchedCoin]]:
    """Coins that can move, by purpose and hold, and those that cannot yet."""
    span = treasury.coins.span()
    tip = span.height if span else -1
    papers = coin_papers(treasury.books)
    movable: dict[tuple[str, str], list[WatchedCoin]] = {}
    waiting: list[WatchedCoin] = []
    for coin in _coins(treasury, vault):
        paper = papers.get(coin.outpoint)
        needed = treasury.depth.needed(coin.amount_sats, is_coinbase=coin.is_coinbase)
        if paper is None or paper.state not in {ANNOUNCED, OWN} or coin.confirmations_at(tip) < needed:
            waiting.append(coin)
            continue
        hold = paper.hold_until.isoformat() if paper.hold_until else ""
        movable.setdefault((paper.purpose, hold), []).append(coin)
    return movable, waiting


def _steps(
    treasury: Treasury, vault: Vault, movable: dict[tuple[str, str], list[WatchedCoin]], step_sats: int
) -> Iterator[MoveStep]:
    """Coins of one purpose and one hold together, as many as the step, the weight and the fee's limit allow."""
    for (purpose, _), coins in movable.items():
        chosen: list[WatchedCoin] = []
        for coin in coins:
            total_sats = sum(item.amount_sats for item in chosen) + coin.amount_sats
            if chosen and (total_sats > step_sats or not _fits(treasury, vault, len(chosen) + 1)):
                yield _step(chosen, purpose)
                chosen = []
            chosen.append(coin)
        yield _step(chosen, purpose)


def _fits(treasury: Treasury, vault: Vault, inputs: int) -> bool:
    weight = spend_weight(vault, inputs, (VAULT_SCRIPT_BYTES,), MAIN)
    fee_sats = treasury.policy.fee_rate_sat_per_vb * math.ceil(weight / SEGWIT_SCALE)
    return weight <= MAX_STANDARD_WEIGHT and fee_sats <= treasury.policy.fee_limit_sats


def _step(coins: list[WatchedCoin], purpose: str) -> MoveStep:
    return MoveStep(tuple(coin.outpoint for coin in coins), sum(coin.amount_sats for coin in coins), purpose)

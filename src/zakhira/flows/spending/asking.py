"""The policy asked about a spend of the treasury, with all that the books, the nodes and the officers say of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache, lru_cache

from zakhira.controls.engine.decision import Decision
from zakhira.controls.engine.question import Holding, Stage
from zakhira.controls.engine.rule_fit import plain_address, rules_of
from zakhira.controls.spend_action import SPEND, spend_action
from zakhira.custody.coin import Address
from zakhira.custody.descriptor import derive_address, output_script
from zakhira.flows.accepted_vaults import own_vaults
from zakhira.flows.coin_papers import ANNOUNCED, COIN_PAPER, OWN
from zakhira.flows.governing.standing import authority_now
from zakhira.flows.movement_record import MOVEMENT, MovementRecord, joined_parts
from zakhira.flows.ports.books import Record
from zakhira.flows.reservations import RESERVATION, reservation_of
from zakhira.flows.spend_question import Held, spend_question
from zakhira.flows.spending.lots import bound_lots
from zakhira.flows.spending.said import said_of
from zakhira.flows.spending.spend import TreasurySpend
from zakhira.flows.spending.step import Step
from zakhira.flows.treasury import Treasury, policy_in_force, vault_records
from zakhira.kernel.money import Amount, Commodity, sats
from zakhira.programme.model import Policy, Vault

SHARE_AFTER_HOLD = "share-after-hold"
"""The kind of statute that asks how much is held of a purpose."""


@dataclass(frozen=True)
class Asked:
    """The answer, and the vault of each destination that is ours."""

    decision: Decision
    own: Mapping[str, str]


def ask_policy(treasury: Treasury, spend: TreasurySpend, at: datetime, stage: Stage = Stage.EXECUTE) -> Asked:
    """What the policy in force says of the spend at ``at`` (UTC).

    Movements are read here: begin the step before, so that of two who ask at once only one can write.

    Raises:
        AuthorityForged: an act of authority in the books does not verify.
        NodeUnreachable and others: the node, for the days on which lots were deposited.
    """
    state = authority_now(treasury)
    vaults = tuple(record.vault for record in vault_records(treasury.books).values())
    policy = replace(state.version.policy, vaults=vaults)
    own = own_destinations(treasury, policy, spend)
    question = spend_question(
        spend.instruction, own, said_of(treasury.books, spend), _held(treasury, policy, spend, own), stage
    )
    return Asked(treasury.authority.decide(policy, state.standing, question, at), own)


def own_destinations(treasury: Treasury, policy: Policy, spend: TreasurySpend) -> Mapping[str, str]:
    """The vault of each destination that one of our vaults derives; what a record calls ours proves nothing.

    Ours are vaults that officers accepted and that are not retired. On its way home a coin of our own pending spend may
    come back to whatever vault it was in.
    """
    places = {place.address: place for place in spend.places}
    chain = spend.instruction.chain
    scripts = {
        _script(payment.address, chain): payment.address
        for payment in spend.instruction.payments
        if payment.address not in places
    }
    for script_hex, body in treasury.books.bodies(RESERVATION, sorted(scripts)).items():
        places[scripts[script_hex]] = reservation_of(script_hex, body).address
    vaults = own_vaults(treasury.books, authority_now(treasury))
    if spend.instruction.replaces:
        home = spend.instruction.from_vault
        vaults |= {vault.id: vault for vault in policy.vaults if vault.id == home}
    return {
        address: place.vault
        for address, place in places.items()
        if place.vault in vaults and _derived(vaults[place.vault], place.branch, place.index, chain).address == address
    }


def outside_sats(treasury: Treasury, spend: TreasurySpend) -> int:
    """What leaves our vaults for good, without the fee."""
    own = own_destinations(treasury, policy_in_force(treasury), spend)
    return sum(payment.amount_sats for payment in spend.instruction.payments if payment.address not in own)


@lru_cache(maxsize=10_000)
def _script(address: str, chain: str) -> str:
    """A payout's addresses are looked at again at each of its steps."""
    return output_script(address, chain)


@cache
def _derived(vault: Vault, branch: int, index: int, chain: str) -> Address:
    return derive_address(vault, branch, index, chain)


def _held(treasury: Treasury, policy: Policy, spend: TreasurySpend, own: Mapping[str, str]) -> Held:
    """What is known of the coins, as far as a rule or a statute asks for it."""
    rules = rules_of(policy)
    asks_share = any(rule.balance_share or any(window.balance_share for window in rule.windows) for rule in rules)
    pays_out = action_of(spend, own) == SPEND and bool(policy.statutes)
    asks_holdings = pays_out and any(statute.kind == SHARE_AFTER_HOLD for statute in policy.statutes)
    return Held(
        bound_lots(treasury, spend) if pays_out else (),
        _free_balance(treasury, spend) if asks_share else None,
        tuple(_holdings(treasury, policy, spend.id)) if asks_holdings else (),
    )


def action_of(spend: TreasurySpend, own: Mapping[str, str]) -> str:
    """What the spend is to the policy."""
    vaults = [own.get(payment.address, "") for payment in spend.instruction.payments]
    return spend_action(spend.instruction.from_vault, spend.instruction.replaces, vaults)


def _free_balance(treasury: Treasury, spend: TreasurySpend) -> Amount:
    """What the paying vault holds settled, without what other allowed matters will still take from it."""
    vault = spend.instruction.from_vault
    settled = treasury.coins.status(vault, treasury.depth).settled.sats
    waiting = treasury.authority.movements.waiting(Commodity.BTC, scope="vault", key=vault, but=spend.id)
    return sats(max(0, settled - waiting))


def _holdings(treasury: Treasury, policy: Policy, spend_id: str) -> Iterator[Holding]:
    """What all vaults hold of each purpose, without what other allowed spends will still take of it."""
    held: dict[str, int] = {}
    for vault in policy.vaults:
        for coin in treasury.coins.papered(vault.id, COIN_PAPER, (ANNOUNCED, OWN), treasury.depth):
            held[coin.purpose] = held.get(coin.purpose, 0) + coin.amount_sats
    for purpose, amount_sats in sorted(held.items()):
        movements = treasury.authority.movements
        waiting = movements.waiting(Commodity.BTC, scope="lot purpose", key=purpose, but=spend_id)
        yield Holding(purpose, max(0, amount_sats - waiting))


def counted(treasury: Treasury, spend: TreasurySpend, asked: Asked, step: Step) -> tuple[Record, ...]:
    """What the spend counts as in rolling windows from its first yes on, if this is it; nothing otherwise.

    A spend whose every satoshi comes back to the paying vault moves nothing out of it: it counts as a matter of 0 sat,
    and only where a window bounds the number of matters (each of them pays a fee).
    """
    instruction, action = spend.instruction, action_of(spend, asked.own)
    stays = all(asked.own.get(item.address) == instruction.from_vault for item in instruction.payments)
    if stays and not _is_numbered(policy_in_force(treasury), action):
        return ()
    if not asked.decision.allowed or treasury.books.latest(MOVEMENT, spend.id) is not None:
        return ()
    movement = MovementRecord(
        id=spend.id,
        at=step.at,
        action=action,
        commodity=Commodity.BTC,
        vault=instruction.from_vault,
        purpose=instruction.purpose,
        parts=joined_parts(
            (plain_address(item.address), 0 if stays else item.amount_sats) for item in instruction.payments
        ),
        lot_purposes=spend.lot_purposes,
        state=spend.movement_state,
        outside_units=sum(item.amount_sats for item in instruction.payments if item.address not in asked.own),
        fee_units=spend.highest_fee_sats if action == SPEND else 0,
    )
    return (movement.record,)


def _is_numbered(policy: Policy, action: str) -> bool:
    """Whether a window of any rule bounds how many matters of this action there may be."""
    return any(window.most for rule in rules_of(policy) if action in rule.actions for window in rule.windows)

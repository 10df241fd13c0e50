"""A small drill for the tests of custody, signers and proofs: vaults, officers, coins and an approved sweep."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from zakhira.adapters.drill_keys import officer_key, officer_public_key, signer_seed, signer_xpub
from zakhira.controls.approval import Approval
from zakhira.custody.coin import Address, Coin, Instruction
from zakhira.custody.descriptor import derive_address
from zakhira.custody.spend import HeldCoin, Proposal, build_psbt, plan_sweep
from zakhira.flows.officer_words import sign_approval
from zakhira.programme.model import Officer, Policy, Vault, VaultKey
from zakhira.programme.policy_text import policy_hash
from zakhira.simulator.signer import SimulatedOfficer

PHRASE = "a phrase that anybody may read"
CHAIN = "regtest"
NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
OFFICERS = (("amina", "treasury"), ("bilal", "treasury"), ("chand", "audit"), ("dara", "operations"))


def make_vault(vault: str, purpose: str, threshold: int, count: int) -> Vault:
    """A vault whose keys follow from the phrase."""
    names = [f"{vault}-{number}" for number in range(1, count + 1)]
    keys = tuple(VaultKey(name, signer_xpub(PHRASE, vault, name)) for name in names)
    return Vault(vault, purpose, threshold, keys)


INTAKE = make_vault("intake", "intake", 2, 3)
COLD = make_vault("cold", "cold", 3, 5)


def make_policy(fee_limit_sats: int = 50_000, fee_rate_sat_per_vb: int = 5) -> Policy:
    """The policy of the drill: operations proposes, treasury and audit approve."""
    return Policy(
        roles=("treasury", "audit", "operations"),
        officers=tuple(Officer(name, name.title(), role, officer_public_key(PHRASE, name)) for name, role in OFFICERS),
        vaults=(INTAKE, COLD),
        propose_role="operations",
        approve_roles=("treasury", "audit"),
        sweep_signers=3,
        sweep_every_days=7,
        sweep_limit_sats=50_000_000_000,
        fee_limit_sats=fee_limit_sats,
        fee_rate_sat_per_vb=fee_rate_sat_per_vb,
        confirmations=3,
        approval_hours=48,
        community_share=0.05,
        clause="Treasury rules, 4.2",
    )


POLICY = make_policy()


def held_coins(vault: Vault, amounts_sats: tuple[int, ...]) -> tuple[HeldCoin, ...]:
    """Coins of these amounts at the first receive addresses of a vault, on no real chain."""
    held = []
    for number, amount_sats in enumerate(amounts_sats):
        address = derive_address(vault, 0, number, CHAIN)
        coin = Coin(f"{number + 1:064x}:{number}", amount_sats, address.script_hex, 100 + number, f"{number:064x}")
        held.append(HeldCoin(coin, address))
    return tuple(held)


def proposal(name: str = "sweep-1") -> Proposal:
    """Dara's proposal of a sweep."""
    return Proposal(name, "sweep intake to cold", "dara", NOW)


def approve(
    officer: str, instruction: Instruction, *, at: datetime | None = None, policy: Policy | None = None
) -> Approval:
    """The officer's signature over the instruction."""
    key = SimulatedOfficer(officer, officer_key(PHRASE, officer).private_bytes_raw())
    moment = at or instruction.proposed_at + timedelta(hours=1)
    return sign_approval(key, instruction.hash, moment, policy_hash(policy or POLICY))


@dataclass(frozen=True)
class Sweep:
    """An approved sweep with its PSBT."""

    held: tuple[HeldCoin, ...]
    destination: Address
    instruction: Instruction
    psbt: str
    approvals: tuple[Approval, ...]


def make_sweep(held: tuple[HeldCoin, ...] | None = None, policy: Policy = POLICY, name: str = "sweep-1") -> Sweep:
    """A sweep of intake coins to the first cold address, approved by treasury and audit."""
    held = held or held_coins(INTAKE, (1_000_000, 2_500_000, 730_001))
    destination = derive_address(COLD, 0, 0, CHAIN)
    instruction = plan_sweep(held, destination, policy, CHAIN, proposal(name))
    psbt = build_psbt(instruction, held, policy, (destination,))
    approvals = tuple(approve(name, instruction, policy=policy) for name in ("amina", "chand"))
    return Sweep(held, destination, instruction, psbt, approvals)


def seed_of(vault: Vault, number: int) -> bytes:
    """The seed of a vault's signer, counted from 1."""
    return signer_seed(PHRASE, vault.id, f"{vault.id}-{number}")

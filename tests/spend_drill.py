"""Spends of every template by every path, built by the program itself: what signers, finaliser and node are shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from custody_drill import CHAIN, COLD, INTAKE, NOW, PHRASE, POLICY, held_coins
from zakhira.adapters.drill_keys import signer_seed
from zakhira.custody.coin import MAIN, RECOVERY, Address, ChangeOutput, Instruction, Payment
from zakhira.custody.descriptor import derive_address
from zakhira.custody.signing import check_and_sign
from zakhira.custody.spend import HeldCoin, build_psbt, outpoint_order
from zakhira.programme.model import Policy, Recovery, Vault, VaultKey

RECOVERY_KEYS = (COLD.keys[0], INTAKE.keys[0], COLD.keys[3], INTAKE.keys[1])
"""Two of them are main keys as well, so that their branches are those of twins."""
PAYEE = derive_address(INTAKE, 0, 50, CHAIN)
PAID_SATS, FEE_SATS = 1_000_000, 5_000


@dataclass(frozen=True)
class Case:
    """A template and a path of it; ``taproot`` has no recovery, ``taproot_recovery`` has."""

    form: str
    path: str

    @property
    def name(self) -> str:
        """As a test's id shows it."""
        return f"{self.form}-{self.path}"


CASES = (
    Case("sortedmulti", MAIN),
    Case("decaying", MAIN),
    Case("decaying", RECOVERY),
    Case("held", MAIN),
    Case("taproot", MAIN),
    Case("taproot_recovery", MAIN),
    Case("taproot_recovery", RECOVERY),
)


def vault_in(form: str, after_blocks: int = 1_000, held_until_height: int = 900_000) -> Vault:
    """The cold vault, 3 of 5, in a template; its recovery is 2 of 4."""
    rest = Recovery(2, RECOVERY_KEYS, after_blocks)
    forms = {
        "sortedmulti": {},
        "decaying": {"template": "decaying", "recovery": rest},
        "held": {"template": "held", "held_until_height": held_until_height},
        "taproot": {"template": "taproot"},
        "taproot_recovery": {"template": "taproot", "recovery": rest},
    }
    return replace(COLD, id=form, **forms[form])  # type: ignore[arg-type]  # each with fields of Vault


def seed_for(key: VaultKey) -> bytes:
    """The seed of a key's signer."""
    return signer_seed(PHRASE, key.signer.partition("-")[0], key.signer)


@dataclass(frozen=True)
class DrillSpend:
    """An instruction with its coins, and what it needs to be built and signed."""

    vault: Vault
    policy: Policy
    instruction: Instruction
    held: tuple[HeldCoin, ...]
    change: tuple[ChangeOutput, ...]

    def build(self, previous: dict[str, str] | None = None) -> str:
        """The PSBT."""
        return build_psbt(self.instruction, self.held, self.policy, change=self.change, previous=previous)

    def sign(self, psbt: str, keys: Iterable[VaultKey]) -> list[str]:
        """What each of these signers returns."""
        return [check_and_sign(psbt, self.instruction, self.policy, CHAIN, seed_for(key)) for key in keys]


def payment_of(vault: Vault, held: Sequence[HeldCoin], path: str, fee_sats: int = FEE_SATS) -> DrillSpend:
    """A payment of 1,000,000 sat out of a vault; what is left comes back to its first change address."""
    outpoints = tuple(sorted((item.coin.outpoint for item in held), key=outpoint_order))
    instruction = Instruction(
        f"pay-{vault.id}-{path}", CHAIN, vault.id, "", (Payment(PAYEE.address, PAID_SATS),), outpoints, 50_000, 100,
        "pay the grid company", "Treasury rules, 4.2", "dara", NOW, NOW + timedelta(hours=48), path=path,
    )  # fmt: skip
    back: Address = derive_address(vault, 1, 0, CHAIN)
    left_sats = sum(item.coin.amount_sats for item in held) - PAID_SATS - fee_sats
    policy = replace(POLICY, vaults=(INTAKE, vault))
    return DrillSpend(vault, policy, instruction, tuple(held), (ChangeOutput(back, left_sats),))


def case_spend(case: Case, coins: int = 3) -> DrillSpend:
    """A payment of a case from coins on no real chain."""
    vault = vault_in(case.form)
    return payment_of(vault, held_coins(vault, tuple(600_000 + number for number in range(coins))), case.path)

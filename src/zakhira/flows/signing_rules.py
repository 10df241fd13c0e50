"""What a signer in software decides before it signs; the same for the real one and its twin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from zakhira.controls.approval import Approval
from zakhira.custody.checks import vault_named
from zakhira.custody.coin import Instruction
from zakhira.custody.message import sign_message
from zakhira.custody.refusals import ApprovalsMissing, ChainRefused, KeyOutsideVault, PolicyDiffers
from zakhira.custody.signing import check_and_sign, root_fingerprint
from zakhira.flows.quorum_authority import QuorumAuthority
from zakhira.programme.model import Policy, Vault

DRILL_CHAIN = "regtest"
"""The one chain on which a key may be kept in software: its coins are worth nothing."""

Clock = Callable[[], datetime]


def require_approved(policy: Policy, instruction: Instruction, approvals: tuple[Approval, ...], at: datetime) -> None:
    """Require that the policy lets the instruction be signed at ``at`` (UTC) with these approvals.

    Raises:
        ApprovalsMissing: it does not; the message has every reason.
    """
    decision = QuorumAuthority().decide_spend(policy, instruction, approvals, at)
    if not decision.allowed:
        lacking = [f"No approval by {role}." for role in decision.missing]
        raise ApprovalsMissing(
            f"Instruction {instruction.id} may not be signed. {' '.join((*decision.reasons, *lacking))}",
            "Gather the approvals that the policy asks for.",
        )


@dataclass(frozen=True)
class SigningRules:
    """One signer's seed with what it knows: chain, vaults, clock and, where given, the policy in force.

    Raises:
        ChainRefused: the chain is not regtest.
        KeyOutsideVault: the seed's key stands under this name in none of the vaults.
    """

    name: str
    seed: bytes = field(repr=False)
    chain: str
    vaults: tuple[Vault, ...]
    clock: Clock
    """the time (UTC) against which approvals expire"""
    known_policy: Policy | None = None
    """any other policy than this is refused; None takes the vaults alone as known"""

    def __post_init__(self) -> None:
        if self.chain != DRILL_CHAIN:
            raise ChainRefused(f"A software signer does not sign on {self.chain}.", "Use a hardware signer there.")
        if not self.own_vaults():
            raise KeyOutsideVault(
                f"The key of signer {self.name} is in none of the vaults given.", "Check its name and the vaults."
            )

    def own_vaults(self) -> tuple[Vault, ...]:
        """The vaults that name this signer with the key of this seed, on either path.

        A vault that was read from its descriptor alone calls a signer by its fingerprint.
        """
        mark = root_fingerprint(self.seed)

        def is_mine(vault: Vault) -> bool:
            keys = (*vault.keys, *(vault.recovery.keys if vault.recovery else ()))
            return any(key.signer in {self.name, mark} and key.xpub[1:9] == mark for key in keys)

        return tuple(vault for vault in self.vaults if is_mine(vault))

    def _require_known(self, policy: Policy, instruction: Instruction) -> None:
        remedy = "Open the signer with the policy that is in force."
        if self.known_policy not in {None, policy}:
            raise PolicyDiffers("The policy is not the one that this signer knows.", remedy)
        known = {vault.id: vault for vault in self.vaults}
        for vault_id in {instruction.from_vault, instruction.to_vault} - {""}:
            if known.get(vault_id) != vault_named(policy, vault_id):
                raise PolicyDiffers(f"Vault {vault_id} of the policy is not the one that this signer knows.", remedy)

    def sign_spend(self, psbt: str, instruction: Instruction, approvals: tuple[Approval, ...], policy: Policy) -> str:
        """Check the approvals, decode twice, hold the bytes against the instruction, and sign.

        Raises:
            ApprovalsMissing: the policy does not allow the instruction with these approvals now.
            PolicyDiffers: the policy is not the one that this signer knows.
            SigningRefused: the bytes do something else; one subclass for each difference.
        """
        self._require_known(policy, instruction)
        require_approved(policy, instruction, approvals, self.clock())
        return check_and_sign(psbt, instruction, policy, self.chain, self.seed)

    def sign_message_psbt(self, psbt: str) -> str:
        """Sign a BIP-322 message over an address of the signer's vaults, and nothing that could be a payment.

        Raises:
            NotAMessage, KeyOutsideVault, DecodersDisagree, Undecodable: as their names say.
        """
        return sign_message(psbt, self.own_vaults(), self.chain, self.seed)

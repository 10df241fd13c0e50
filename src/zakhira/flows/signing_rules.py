"""What a signer in software decides before it signs; the same for the real one and its twin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from zakhira.controls.approval import Approval, Execution
from zakhira.controls.engine.decide import decide
from zakhira.controls.engine.movement_log import MovementLog
from zakhira.controls.engine.rule_fit import rule_named
from zakhira.controls.engine.standing import Standing
from zakhira.custody.checks import place_in_vault, vault_named
from zakhira.custody.coin import Instruction
from zakhira.custody.decoded import Decoded
from zakhira.custody.decoders import decode_psbt
from zakhira.custody.message import sign_message
from zakhira.custody.refusals import ApprovalsMissing, ChainRefused, KeyOutsideVault, PolicyDiffers, SigningRefused
from zakhira.custody.signing import check_and_sign, root_fingerprint
from zakhira.flows.decision_text import why_not
from zakhira.flows.spend_question import Said, spend_question
from zakhira.programme.model import Policy, Vault
from zakhira.programme.policy import Rule
from zakhira.programme.policy_text import policy_hash

DRILL_CHAIN = "regtest"
"""The one chain on which a key may be kept in software: its coins are worth nothing."""

Clock = Callable[[], datetime]


class SignerNotNamed(SigningRefused):
    """The rule that lets a spend go names the signers who may sign it, and this one is not among them."""

    code = "ZK-FLOWS-112"


def require_approved(
    policy: Policy, instruction: Instruction, said: Said, own: Mapping[str, str], at: datetime, version: str
) -> Rule | None:
    """Require that the policy lets the instruction be signed at ``at`` (UTC), as far as a machine without books knows.

    Rule, quorum, second person, delay, hours, payees and limits of one spend are looked at; what else was allowed, what
    the vault holds and since when is known to the desk and the watchtower alone. ``own`` has the vault for each
    destination that a known vault derives. Approvals must be under the policy of this ``version``, unless it is empty.

    Raises:
        ApprovalsMissing: it does not; the message has every reason.
    """
    question = spend_question(instruction, own, said)
    decision = decide(_without_books(policy), Standing(version), MovementLog(), question, at)
    if not decision.allowed:
        raise ApprovalsMissing(
            f"Instruction {instruction.id} may not be signed. {why_not(decision)}",
            "Gather what the policy asks for.",
        )
    return rule_named(policy, decision.rule)


def _without_books(policy: Policy) -> Policy:
    """The policy but for what only books can answer."""
    rules = tuple(replace(rule, windows=(), balance_share=0.0) for rule in policy.rules)
    return replace(policy, rules=rules, statutes=())


def own_outputs(policy: Policy, decoded: Decoded, chain: str) -> Mapping[str, str]:
    """The vault of each output that a vault of the policy derives, by address; what the PSBT says is only a hint."""
    found = {}
    for output in decoded.outputs:
        for vault in policy.vaults:
            place = place_in_vault(vault, output.key_origins, chain)
            if place is not None and place[2].script_hex == output.script_hex:
                found[output.address] = vault.id
    return found


def require_named(signer: str, rule: Rule | None) -> None:
    """Refuse a signer whom the rule does not name, where it names any; raises SignerNotNamed."""
    if rule is not None and rule.signers and signer not in rule.signers:
        raise SignerNotNamed(
            f"{signer} is not among the signers of rule {rule.id}: {', '.join(rule.signers)}.", "Ask one of them."
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
    is_policy_whole: bool = True
    """whether the policy is a version of the programme's, whose name approvals carry; a card of version 1 has a part"""

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

    def sign_spend(
        self,
        psbt: str,
        instruction: Instruction,
        approvals: tuple[Approval, ...],
        policy: Policy,
        execution: Execution | None = None,
    ) -> str:
        """Decode twice, ask the policy, hold the bytes against the instruction, and sign.

        Raises:
            ApprovalsMissing: the policy does not allow the instruction with these words of officers now.
            PolicyDiffers: the policy is not the one that this signer knows.
            SignerNotNamed: the rule names other signers.
            SigningRefused: the bytes do something else; one subclass for each difference.
        """
        self._require_known(policy, instruction)
        own = own_outputs(policy, decode_psbt(psbt, self.chain), self.chain)
        version = policy_hash(policy) if self.is_policy_whole else ""
        said = Said(approvals, execution=execution)
        require_named(self.name, require_approved(policy, instruction, said, own, self.clock(), version))
        return check_and_sign(psbt, instruction, policy, self.chain, self.seed)

    def sign_message_psbt(self, psbt: str) -> str:
        """Sign a BIP-322 message over an address of the signer's vaults, and nothing that could be a payment.

        Raises:
            NotAMessage, KeyOutsideVault, DecodersDisagree, Undecodable: as their names say.
        """
        return sign_message(psbt, self.own_vaults(), self.chain, self.seed)

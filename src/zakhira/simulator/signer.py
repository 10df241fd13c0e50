"""In-memory twins of signers and officers, with faults on demand."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from embit.transaction import SIGHASH

from zakhira.controls.approval import Approval, Execution
from zakhira.custody.coin import Instruction
from zakhira.custody.read_by_embit import parse_psbt
from zakhira.flows.ports.signing import SignerUnreachable
from zakhira.flows.signing_rules import SigningRules
from zakhira.kernel.signatures import signing_bytes
from zakhira.programme.model import Policy


class SignerFault(Enum):
    """What can go wrong with a signer."""

    UNREACHABLE = "unreachable"
    """It does not answer."""
    LOST_ANSWER = "lost answer"
    """It signs, and the answer does not arrive."""
    OTHER_TRANSACTION = "other transaction"
    """It returns a PSBT that pays another amount."""
    SPOILT_SIGNATURE = "spoilt signature"
    """One bit of its signatures is flipped."""
    NARROW_SIGHASH = "narrow sighash"
    """Its signatures claim to cover no output."""


class SimulatedSigner:
    """A signer without a file. ``faults`` maps the number of a call, from 1, to what goes wrong in it."""

    def __init__(self, rules: SigningRules, faults: Mapping[int, SignerFault] | None = None) -> None:
        self._rules, self._faults, self.calls = rules, dict(faults or {}), 0

    @property
    def name(self) -> str:
        """The signer's id as in the vault's keys."""
        return self._rules.name

    def sign_spend(
        self,
        psbt: str,
        instruction: Instruction,
        approvals: tuple[Approval, ...],
        policy: Policy,
        execution: Execution | None = None,
    ) -> str:
        """As the real signer does, unless a fault is due in this call; raises SigningRefused or SignerUnreachable."""
        fault = self._next()
        return _spoil(self._rules.sign_spend(psbt, instruction, approvals, policy, execution), fault)

    def sign_message_psbt(self, psbt: str) -> str:
        """As the real signer does, unless a fault is due in this call; raises SigningRefused or SignerUnreachable."""
        fault = self._next()
        return _spoil(self._rules.sign_message_psbt(psbt), fault)

    def _next(self) -> SignerFault | None:
        self.calls += 1
        fault = self._faults.get(self.calls)
        if fault is SignerFault.UNREACHABLE:
            raise SignerUnreachable(f"Signer {self.name} does not answer.", "Try again, or ask another signer.")
        return fault


def _spoil(signed: str, fault: SignerFault | None) -> str:
    if fault is None:
        return signed
    if fault is SignerFault.LOST_ANSWER:
        raise SignerUnreachable("The signer's answer was lost.", "Ask again: it signs the same once more.")
    psbt = parse_psbt(signed)
    if fault is SignerFault.OTHER_TRANSACTION:
        psbt.outputs[0].value -= 1
    for scope in psbt.inputs:
        for key, signature in scope.partial_sigs.items():
            body = bytearray(signature)
            if fault is SignerFault.SPOILT_SIGNATURE:
                body[-2] ^= 1
            if fault is SignerFault.NARROW_SIGHASH:
                body[-1] = SIGHASH.NONE
            scope.partial_sigs[key] = bytes(body)
    text: str = psbt.to_base64()
    return text


class SimulatedOfficer:
    """An officer's key without a file (flows.ports.signing.OfficerKey)."""

    def __init__(self, officer: str, secret: bytes) -> None:
        self._officer, self._key = officer, Ed25519PrivateKey.from_private_bytes(secret)

    @property
    def officer(self) -> str:
        """The officer's id."""
        return self._officer

    @property
    def public_key(self) -> str:
        """64 hex digits."""
        return self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()

    def sign(self, domain: str, message_hash: str) -> str:
        """Sign a hash in a domain, in hex."""
        return self._key.sign(signing_bytes(domain, message_hash)).hex()

"""Signers and officers as flows see them: each decides for itself whether it signs."""

from __future__ import annotations

from typing import Protocol

from zakhira.controls.approval import Approval, Execution
from zakhira.custody.coin import Instruction
from zakhira.custody.refusals import SigningRefused
from zakhira.kernel.errors import OutsideFailure
from zakhira.programme.model import Policy

__all__ = ["OfficerKey", "Signer", "SignerUnreachable", "SigningRefused"]


class SignerUnreachable(OutsideFailure):
    """A signer's device does not answer."""

    code = "ZK-FLOWS-090"


class Signer(Protocol):
    """A key holder's device."""

    @property
    def name(self) -> str:
        """The signer's id as in the vault's keys."""

    def sign_spend(
        self,
        psbt: str,
        instruction: Instruction,
        approvals: tuple[Approval, ...],
        policy: Policy,
        execution: Execution | None = None,
    ) -> str:
        """The PSBT (base64) with this signer's signatures added.

        The signer checks the officers' signatures against the policy it knows and decodes the bytes twice itself.
        Raises SigningRefused.
        """

    def sign_message_psbt(self, psbt: str) -> str:
        """A BIP-322 PSBT with this signer's signature added: one input, unspendable, never a payment.

        Raises SigningRefused for anything else.
        """


class OfficerKey(Protocol):
    """An officer's Ed25519 key."""

    @property
    def officer(self) -> str:
        """The officer's id."""

    @property
    def public_key(self) -> str:
        """64 hex digits."""

    def sign(self, domain: str, message_hash: str) -> str:
        """Sign a hash in a domain (kernel.signatures), in hex; what officers say is in flows.officer_words."""

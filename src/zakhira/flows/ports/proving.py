"""What flows ask of the maker of BIP-322 proofs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class MessageProver(Protocol):
    """Makes the virtual transaction that a vault's signers sign to prove control of an address (BIP-322)."""

    def message_psbt(self, descriptor: str, address: str, message: str) -> str:
        """The PSBT (base64) of the proof for one address of the vault."""

    def finalise_message(self, psbts: Sequence[str]) -> str:
        """The proof (``smp...``) from the PSBTs that came back from the signers."""

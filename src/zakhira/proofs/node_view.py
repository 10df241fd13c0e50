"""What a verification asks of the reader's own node, and of a checker of signed messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from zakhira.kernel.errors import OutsideFailure


class NodeCannotAnswer(OutsideFailure):
    """The node lacks what this question needs: an index, a pruned block, a call. ``remedy`` says what it must offer."""

    code = "ZK-PROOFS-020"


class MessageEngineFailed(OutsideFailure):
    """The program that checks signed messages failed: that is no answer about the signature."""

    code = "ZK-PROOFS-021"


@dataclass(frozen=True)
class CreatedOutput:
    """An output as the node's own block has it. ``feature`` names the call that answered."""

    amount_sats: int
    script_hex: str
    feature: str


@dataclass(frozen=True)
class SpendSearch:
    """Heights at which outputs were spent in the best chain. ``feature`` names the call that answered."""

    heights: Mapping[str, int]
    """outpoint to height; an outpoint whose spend was not found is absent"""
    feature: str


class NodeView(Protocol):
    """A node that is only read. It may raise what its adapter raises when it cannot be reached or refuses the caller.

    A method that the node cannot serve raises :class:`NodeCannotAnswer`; it never guesses.
    """

    def chain_name(self) -> str:
        """main, test, signet or regtest."""

    def block_hash(self, height: int) -> str | None:
        """The hash of the best chain's block at this height, or None above the tip."""

    def created_output(self, outpoint: str, block_hash: str) -> CreatedOutput | None:
        """The output as the transaction in that block made it; None if the block holds no such output."""

    def is_unspent(self, outpoint: str) -> bool:
        """Whether the output is in the confirmed set of unspent outputs now; the mempool does not count."""

    def spent_heights(self, scripts: Mapping[str, str], from_height: int) -> SpendSearch:
        """Where these outputs (outpoint to script in hex) were spent, from this height to the tip."""


@dataclass(frozen=True)
class MessageAnswer:
    """Whether a signed message is valid, and why."""

    valid: bool
    reason: str


class MessageVerifier(Protocol):
    """A checker of BIP-322 signatures. A malformed signature is a no; a failure of the engine raises."""

    def verify(self, address: str, signature: str, message: str) -> MessageAnswer:
        """Check the signature over the UTF-8 text. Raises :class:`MessageEngineFailed`."""

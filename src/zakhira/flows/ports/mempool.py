"""What a spend asks of a node beside the chain: estimates, the mempool's rules, and to take a transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from zakhira.custody.bump import MempoolRules, Package

DATA_REFUSALS = ("scriptpubkey", "datacarrier")
"""How the reason begins for which a node does not relay an output with data: to Core 29 and Knots, and from Core 30."""


class Mempool(Protocol):
    """A node that takes transactions. Every method may raise NodeUnreachable, NodeRefused or NodeFailed."""

    def fee_estimates(self, target_blocks: int) -> Mapping[int, int]:
        """Satoshi per kvB by the target that the node has an estimate for; empty where it has none."""

    def mempool_rules(self) -> MempoolRules:
        """What the node asks of replacements and of the least fee."""

    def refusal(self, raw_hex: str) -> str:
        """Why the mempool would not take the transaction (``testmempoolaccept``); empty where it would or has it."""

    def broadcast(self, raw_hex: str) -> str:
        """Check with testmempoolaccept, send, and return the txid; one that is known or confirmed is no error.

        Raises TransactionRejected with the node's reason.
        """

    def package(self, txid: str) -> Package | None:
        """The unconfirmed transactions that this one hangs together with; None where it is not in the mempool."""

    def raw_transactions(self, txids: Sequence[str], blocks: Mapping[str, str]) -> Mapping[str, str]:
        """Whole transactions (hex) by id; ``blocks`` names the block of each that is confirmed."""

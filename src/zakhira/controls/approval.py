"""Approvals: an officer's signature over the hash of an instruction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

APPROVAL_DOMAIN = "approval"
PROPOSAL_DOMAIN = "proposal"
"""The proposer's own signature over the hash of the instruction: a proposal is never an approval."""
SETTLEMENT_DOMAIN = "settlement"
"""Over the hash of a statement that gives a coin in suspense its purpose: it moves nothing."""


@dataclass(frozen=True)
class Approval:
    """One officer's yes. The signature covers the instruction's hash in the domain ``approval`` (kernel.signatures)."""

    officer: str
    instruction_hash: str
    signature: str
    at: datetime

"""Approvals: an officer's signature over the hash of an instruction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

APPROVAL_DOMAIN = "approval"
PROPOSAL_DOMAIN = "proposal"
"""The proposer's own signature over the hash of the instruction: a proposal is never an approval."""


@dataclass(frozen=True)
class Approval:
    """One officer's yes. The signature covers the instruction's hash in the domain ``approval`` (kernel.signatures)."""

    officer: str
    instruction_hash: str
    signature: str
    at: datetime

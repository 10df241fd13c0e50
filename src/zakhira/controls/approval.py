"""What officers sign over a matter: a yes, a no, and the amount entered again at execution."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from zakhira.kernel.canonical import content_hash
from zakhira.kernel.interval import utc_text
from zakhira.kernel.signatures import signature_is_valid

APPROVAL_DOMAIN = "approval"
PROPOSAL_DOMAIN = "proposal"
"""The proposer's own signature over the hash of the instruction: a proposal is never an approval."""
SETTLEMENT_DOMAIN = "settlement"
"""Over the hash of a statement that gives a coin in suspense its purpose: it moves nothing."""
REJECTION_DOMAIN = "rejection"
"""An officer's no over the hash of an instruction: never taken for a yes."""
EXECUTION_DOMAIN = "execution"
"""Over amount and unit as entered again from the source document."""


@dataclass(frozen=True)
class Approval:
    """One officer's yes to the matter of this hash, under the policy of ``policy_hash``, at ``at`` (UTC, seconds)."""

    officer: str
    instruction_hash: str
    signature: str
    at: datetime
    policy_hash: str = ""
    """the version of the policy that the officer saw"""

    @property
    def statement_hash(self) -> str:
        """What the signature covers: who says yes to what, when, and under which policy."""
        return approval_statement(self.officer, self.instruction_hash, self.at, self.policy_hash)


def approval_statement(officer: str, instruction_hash: str, at: datetime, policy_hash: str) -> str:
    """The hash that an approving officer signs in :data:`APPROVAL_DOMAIN`."""
    return content_hash(
        {"officer": officer, "instruction_hash": instruction_hash, "at": utc_text(at), "policy_hash": policy_hash}
    )


def approval_is_genuine(approval: Approval, public_key: str) -> bool:
    """Whether the key made the signature over all that the approval says, its date included."""
    return signature_is_valid(public_key, APPROVAL_DOMAIN, approval.statement_hash, approval.signature)


@dataclass(frozen=True)
class Veto:
    """One officer's no, with the reason."""

    officer: str
    instruction_hash: str
    reason: str
    signature: str
    at: datetime

    @property
    def statement_hash(self) -> str:
        """What the signature covers."""
        return veto_statement(self.officer, self.instruction_hash, self.reason, self.at)


def veto_statement(officer: str, instruction_hash: str, reason: str, at: datetime) -> str:
    """The hash that an officer signs in :data:`REJECTION_DOMAIN` to say no."""
    return content_hash(
        {"officer": officer, "instruction_hash": instruction_hash, "reason": reason, "at": utc_text(at)}
    )


def veto_is_genuine(veto: Veto, public_key: str) -> bool:
    """Whether the key made the signature over all that the veto says."""
    return signature_is_valid(public_key, REJECTION_DOMAIN, veto.statement_hash, veto.signature)


@dataclass(frozen=True)
class Execution:
    """The second person at execution: the total with its unit, entered again from the source document."""

    officer: str
    instruction_hash: str
    amount: str
    """as it was entered, with its unit: ``1.5 BTC``"""
    source: str
    """the document that it was read from"""
    signature: str
    at: datetime

    @property
    def statement_hash(self) -> str:
        """What the signature covers."""
        return execution_statement(self.officer, self.instruction_hash, self.amount, self.source, self.at)


def execution_statement(officer: str, instruction_hash: str, amount: str, source: str, at: datetime) -> str:
    """The hash that the executing officer signs in :data:`EXECUTION_DOMAIN`."""
    return content_hash(
        {
            "officer": officer,
            "instruction_hash": instruction_hash,
            "amount": amount,
            "source": source,
            "at": utc_text(at),
        }
    )


def execution_is_genuine(execution: Execution, public_key: str) -> bool:
    """Whether the key made the signature over all that the execution says."""
    return signature_is_valid(public_key, EXECUTION_DOMAIN, execution.statement_hash, execution.signature)

"""What an officer signs over a matter: a yes under a version of the policy, a no with its reason, the amount again."""

from __future__ import annotations

from datetime import datetime

from zakhira.controls.approval import (
    APPROVAL_DOMAIN,
    EXECUTION_DOMAIN,
    REJECTION_DOMAIN,
    Approval,
    Execution,
    Veto,
    approval_statement,
    execution_statement,
    veto_statement,
)
from zakhira.flows.ports.signing import OfficerKey


def sign_approval(key: OfficerKey, matter_hash: str, at: datetime, policy_hash: str) -> Approval:
    """The officer's yes at ``at`` (UTC, whole seconds) to the matter of this hash, under this version of the policy."""
    statement = approval_statement(key.officer, matter_hash, at, policy_hash)
    return Approval(key.officer, matter_hash, key.sign(APPROVAL_DOMAIN, statement), at, policy_hash)


def sign_veto(key: OfficerKey, matter_hash: str, reason: str, at: datetime) -> Veto:
    """The officer's no at ``at`` (UTC, whole seconds), with the reason."""
    statement = veto_statement(key.officer, matter_hash, reason, at)
    return Veto(key.officer, matter_hash, reason, key.sign(REJECTION_DOMAIN, statement), at)


def sign_execution(key: OfficerKey, matter_hash: str, amount: str, source: str, at: datetime) -> Execution:
    """The amount with its unit, as the officer entered it at ``at`` (UTC, whole seconds) from the source document."""
    statement = execution_statement(key.officer, matter_hash, amount, source, at)
    return Execution(key.officer, matter_hash, amount, source, key.sign(EXECUTION_DOMAIN, statement), at)

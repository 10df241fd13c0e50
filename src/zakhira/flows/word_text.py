"""Officers' words as plain data and back: approvals, vetoes and executions in the books and in spend files."""

from __future__ import annotations

from collections.abc import Mapping

from zakhira.controls.approval import Approval, Execution, Veto
from zakhira.kernel.canonical import Json
from zakhira.kernel.interval import parse_utc, utc_text

Fields = Mapping[str, Json]


def approval_json(approval: Approval) -> Json:
    """An approval as plain data."""
    return {
        "officer": approval.officer,
        "instruction_hash": approval.instruction_hash,
        "at": utc_text(approval.at),
        "policy_hash": approval.policy_hash,
        "signature": approval.signature,
    }


def approval_of(told: Fields) -> Approval:
    """The approval; one of before policies had versions names none, and its signature does not verify any more."""
    return Approval(
        officer=str(told["officer"]),
        instruction_hash=str(told["instruction_hash"]),
        signature=str(told["signature"]),
        at=parse_utc(str(told["at"])),
        policy_hash=str(told.get("policy_hash", "")),
    )


def veto_json(veto: Veto | None) -> Json:
    """A veto as plain data, or None."""
    if veto is None:
        return None
    return {
        "officer": veto.officer,
        "instruction_hash": veto.instruction_hash,
        "reason": veto.reason,
        "at": utc_text(veto.at),
        "signature": veto.signature,
    }


def veto_of(told: Fields, matter_hash: str) -> Veto:
    """The veto; one of earlier books lies in its spend's record and does not name the matter again."""
    return Veto(
        officer=str(told["officer"]),
        instruction_hash=str(told.get("instruction_hash", matter_hash)),
        reason=str(told["reason"]),
        signature=str(told["signature"]),
        at=parse_utc(str(told["at"])),
    )


def execution_json(execution: Execution | None) -> Json:
    """An execution as plain data, or None."""
    if execution is None:
        return None
    return {
        "officer": execution.officer,
        "instruction_hash": execution.instruction_hash,
        "amount": execution.amount,
        "source": execution.source,
        "at": utc_text(execution.at),
        "signature": execution.signature,
    }


def execution_of(told: Fields) -> Execution:
    """The execution."""
    return Execution(
        officer=str(told["officer"]),
        instruction_hash=str(told["instruction_hash"]),
        amount=str(told["amount"]),
        source=str(told["source"]),
        signature=str(told["signature"]),
        at=parse_utc(str(told["at"])),
    )

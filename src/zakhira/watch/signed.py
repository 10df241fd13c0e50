"""What officers signed about a spend, read strictly, and which of the signatures do not verify."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from zakhira.controls.approval import (
    PROPOSAL_DOMAIN,
    Approval,
    Execution,
    Veto,
    approval_is_genuine,
    execution_is_genuine,
    veto_is_genuine,
)
from zakhira.custody.coin import Instruction
from zakhira.custody.instruction_text import instruction_of
from zakhira.kernel.canonical import Json
from zakhira.kernel.errors import OutsideFailure
from zakhira.kernel.interval import NotUtc, parse_utc
from zakhira.kernel.signatures import signature_is_valid


class BadSignedSpend(OutsideFailure):
    """What the source says of a spend is not what a spend is: a field is missing or of another type."""

    code = "ZK-WATCH-051"


@dataclass(frozen=True)
class SignedSpend:
    """An instruction with everything that officers signed over it; nothing of it is believed yet."""

    instruction: Instruction
    proposal_signature: str
    approvals: tuple[Approval, ...] = ()
    vetoes: tuple[Veto, ...] = ()
    execution: Execution | None = None


def _part(body: Json, names: tuple[str, ...], what: str) -> dict[str, str]:
    if not isinstance(body, Mapping) or not set(names) <= set(body):
        raise BadSignedSpend(f"{what} has not its fields.", "Look at what the coordinator's books say of it.")
    values = {name: body[name] for name in body}
    strange = [name for name in names if not isinstance(values[name], str)]
    if strange:
        raise BadSignedSpend(f"{strange[0]} of {what} is no text.", "Look at what the coordinator's books say of it.")
    return {name: str(value) for name, value in values.items() if isinstance(value, str)}


def _approval(body: Json) -> Approval:
    told = _part(body, ("officer", "instruction_hash", "signature", "at"), "an approval")
    at = parse_utc(told["at"])
    return Approval(told["officer"], told["instruction_hash"], told["signature"], at, told.get("policy_hash", ""))


def veto_of(body: Json) -> Veto:
    """A veto that a source told; raises BadSignedSpend, NotUtc."""
    told = _part(body, ("officer", "instruction_hash", "reason", "signature", "at"), "a veto")
    return Veto(told["officer"], told["instruction_hash"], told["reason"], told["signature"], parse_utc(told["at"]))


def _execution(body: Json) -> Execution:
    told = _part(body, ("officer", "instruction_hash", "amount", "source", "signature", "at"), "an execution")
    return Execution(
        officer=told["officer"],
        instruction_hash=told["instruction_hash"],
        amount=told["amount"],
        source=told["source"],
        signature=told["signature"],
        at=parse_utc(told["at"]),
    )


def _list(value: Json) -> list[Json]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise BadSignedSpend("Signatures of a spend are no list.", "Look at what the coordinator's books say of it.")
    return value


def signed_spend_of(body: Json) -> SignedSpend:
    """The signed spend that a source told.

    Raises:
        BadSignedSpend, BadInstruction: a field is missing, or of another type.
    """
    if not isinstance(body, Mapping) or not isinstance(body.get("proposal_signature"), str):
        raise BadSignedSpend("A spend has no proposal's signature.", "Look at what the coordinator's books say of it.")
    try:
        return SignedSpend(
            instruction=instruction_of(body.get("instruction")),
            proposal_signature=str(body["proposal_signature"]),
            approvals=tuple(_approval(item) for item in _list(body.get("approvals"))),
            vetoes=tuple(veto_of(item) for item in _list(body.get("vetoes"))),
            execution=_execution(body["execution"]) if body.get("execution") else None,
        )
    except NotUtc as error:
        raise BadSignedSpend(f"A signature's time will not do: {error.message}", "Look at the books.") from None


Keys = Mapping[str, frozenset[str]]
"""Every key that any version of the policy gave to an officer, by the officer."""


def forged_signatures(spend: SignedSpend, keys: Keys) -> tuple[str, ...]:
    """Each signature that does not verify, in a sentence; none where all do.

    An approval of an officer who is unknown, or over another instruction, counts as not genuine: whoever edits an
    instruction after it was signed is found here. Whether an officer may still act is for the policy to say.
    """
    wanted = spend.instruction.hash
    proposer = spend.instruction.proposed_by

    def by(officer: str, is_made: Callable[[str], bool]) -> bool:
        return any(is_made(key) for key in keys.get(officer, ()))

    found = []
    if not by(proposer, lambda key: signature_is_valid(key, PROPOSAL_DOMAIN, wanted, spend.proposal_signature)):
        found.append(f"{proposer} did not sign this instruction as its proposer")
    for approval in spend.approvals:
        genuine = by(approval.officer, partial(approval_is_genuine, approval))
        if approval.instruction_hash != wanted or not genuine:
            found.append(f"the approval of {approval.officer} is not by that officer's key over this instruction")
    found += [
        f"the veto of {veto.officer} is not by that officer's key over this instruction"
        for veto in spend.vetoes
        if veto.instruction_hash != wanted or not by(veto.officer, partial(veto_is_genuine, veto))
    ]
    told = spend.execution
    if told and not (told.instruction_hash == wanted and by(told.officer, partial(execution_is_genuine, told))):
        found.append(f"the execution by {told.officer} is not by that officer's key over this instruction")
    return tuple(found)

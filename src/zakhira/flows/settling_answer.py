"""A settlement as the policy is asked about it, and the officers' words that wait with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import cast

from zakhira.controls.approval import Approval
from zakhira.controls.engine.decision import Decision, NeedKind, Verdict, Why
from zakhira.controls.engine.people import people_of
from zakhira.controls.engine.question import Question
from zakhira.flows.decision_text import waits_until, why_not
from zakhira.flows.governing.standing import authority_now
from zakhira.flows.ports.books import Books, Record
from zakhira.flows.settling_rule import SETTLE, settling_rule
from zakhira.flows.spend_question import Said
from zakhira.flows.spending.policy_refusals import EnteredOtherwise
from zakhira.flows.treasury import Treasury, policy_in_force
from zakhira.flows.word_text import Fields, approval_json, approval_of, execution_json, execution_of
from zakhira.kernel.canonical import Json
from zakhira.kernel.errors import Refused
from zakhira.kernel.interval import parse_utc, utc_text
from zakhira.kernel.money import sats

SETTLEMENT_WORDS = "settlement words"
"""Kind of the records of words that wait for time or for the second person; the id is the hash of the statement."""


class SettlementNotAllowed(Refused):
    """The policy does not allow a settlement: a freeze, a limit, its own Cedar text, or approvals that do not count."""

    code = "ZK-FLOWS-160"


class SettlementMustWait(Refused):
    """A settlement has all its words, and its delay is not over or its hours have not come; the words are kept."""

    code = "ZK-FLOWS-161"


class SettlementNotExecuted(Refused):
    """The rule for settling asks for a second person who enters the amount again; the words are kept."""

    code = "ZK-FLOWS-162"


@dataclass(frozen=True)
class Matter:
    """What is settled, as far as the policy asks."""

    hash: str
    vault: str
    purpose: str
    amount_sats: int


def joined_words(kept: Said, given: Said, at: datetime, approval_hours: int) -> Said:
    """Words that were kept with those given now; of an officer the first under a version counts as long as it lasts.

    ``at`` (UTC) is when the new ones are recorded.
    """
    lasting = [word for word in kept.approvals if at < word.at + timedelta(hours=approval_hours)]
    known = {(word.officer, word.policy_hash): word for word in lasting}
    newest: dict[str, Approval] = {word.officer: word for word in lasting}
    for word in given.approvals:
        newest[word.officer] = known.get((word.officer, word.policy_hash), word)
    words = tuple(newest[officer] for officer in sorted(newest))
    seen_at = {word.signature: kept.seen_at.get(word.signature, at) for word in words}
    return Said(words, execution=given.execution or kept.execution, seen_at=seen_at)


def require_settled(treasury: Treasury, matter: Matter, said: Said, at: datetime) -> Refused | None:
    """What the policy says at ``at`` (UTC): None for yes, or why it must wait; then the words are worth keeping.

    Raises:
        SettlementNotAllowed: it says no.
        EnteredOtherwise: the second person entered another amount.
    """
    decision = _answer(treasury, matter, said, at)
    if decision.allowed:
        return None
    if said.execution and any(reason.code == Why.REKEYED_OTHERWISE.code for reason in decision.reasons):
        raise EnteredOtherwise(
            f"{said.execution.officer} entered {said.execution.amount}, and the statement says something else.",
            "Look into the source document again.",
        )
    why = f"The settlement is not allowed now. {why_not(decision)}"
    kinds = {need.kind for need in decision.needs}
    if decision.verdict is Verdict.REFUSED or NeedKind.APPROVAL in kinds:
        raise SettlementNotAllowed(why, "See what the policy asks for: zakhira policy show DIR")
    if NeedKind.EXECUTION in kinds:
        remedy = "Let that officer enter the amount: zakhira reserve settle ... --execute FILE --amount --source"
        return SettlementNotExecuted(why, remedy)
    until = waits_until(decision)
    return SettlementMustWait(why, f"Settle it at {utc_text(until)}." if until else "Let the rule be changed.")


def _answer(treasury: Treasury, matter: Matter, said: Said, at: datetime) -> Decision:
    """The best answer with one of those who signed as the proposer, and the others, other persons, who say yes."""
    policy, standing = policy_in_force(treasury), authority_now(treasury).standing
    if not policy.rules:
        rule = settling_rule(policy, matter.vault, matter.purpose, matter.amount_sats)
        policy = replace(policy, rules=(rule,) if rule else ())
    persons = people_of(policy).persons
    proposed_at = min(word.at for word in said.approvals)
    answers = []
    for proposer in said.approvals:
        others = tuple(word for word in said.approvals if persons[word.officer] != persons[proposer.officer])
        question = Question(
            action=SETTLE,
            id=matter.hash,
            hash=matter.hash,
            proposer=proposer.officer,
            proposed_at=proposed_at,
            expires_at=proposed_at + timedelta(hours=policy.approval_hours),
            amount=sats(matter.amount_sats),
            vault=matter.vault,
            purpose=matter.purpose,
            approvals=others,
            execution=said.execution,
            seen_at=said.seen_at,
        )
        answers.append(treasury.authority.decide(policy, standing, question, at))
    return min(answers, key=_rank)


def _rank(decision: Decision) -> tuple[bool, bool, int]:
    """Yes first, then what lacks least, then what has least against it."""
    lacks_people = any(need.kind is NeedKind.APPROVAL for need in decision.needs)
    return not decision.allowed, lacks_people, len(decision.needs) + 100 * len(decision.reasons)


def words_record(matter_hash: str, statement: Json, said: Said) -> Record:
    """The record of words that wait."""
    body: Json = {"statement": statement, **words_json(said)}
    return Record(SETTLEMENT_WORDS, matter_hash, body)


def words_json(said: Said) -> dict[str, Json]:
    """Words with the moments at which they were recorded, as plain data."""
    signatures: list[Json] = []
    for word in said.approvals:
        fields = cast("Fields", approval_json(word))
        signatures.append({**fields, "recorded_at": utc_text(said.seen_at.get(word.signature, word.at))})
    return {"signatures": signatures, "execution": execution_json(said.execution)}


def words_of(told: Fields) -> Said:
    """The words that :func:`words_json` wrote."""
    items = cast("Iterable[Mapping[str, Json]]", told["signatures"])
    execution = cast("Fields | None", told.get("execution"))
    approvals = tuple(approval_of(item) for item in items)
    seen_at = {str(item["signature"]): parse_utc(str(item["recorded_at"])) for item in items}
    return Said(approvals, execution=execution_of(execution) if execution else None, seen_at=seen_at)


def kept_words(books: Books, matter_hash: str) -> Said:
    """The words that wait with this statement; none if nobody has spoken."""
    body = books.latest(SETTLEMENT_WORDS, matter_hash)
    return Said() if body is None else words_of(cast("Fields", body))

"""The second person at execution: amount and unit are entered again from the source document, without being shown."""

from __future__ import annotations

from dataclasses import replace

from zakhira.controls.engine.decision import Decision, NeedKind, Verdict, Why
from zakhira.flows.decision_text import why_not
from zakhira.flows.officer_words import sign_execution
from zakhira.flows.ports.signing import OfficerKey
from zakhira.flows.spending.asking import ask_policy, counted
from zakhira.flows.spending.deciding import BEFORE_SIGNERS, not_allowed, require_approved, require_in_our_hands
from zakhira.flows.spending.policy_refusals import (
    EnteredOtherwise,
    EnteredTooOften,
    ExecutionNotAsked,
    NotExecutor,
)
from zakhira.flows.spending.refusals import BadOrder
from zakhira.flows.spending.said import wrong_entries
from zakhira.flows.spending.spend import TreasurySpend
from zakhira.flows.spending.step import begin_step, commit_step, load_spend
from zakhira.flows.treasury import Treasury
from zakhira.kernel.money import parse_amount

MOST_MISMATCHES = 3
"""How often the amount may be entered otherwise [E]: a slip of the finger happens, guessing must not (low 1,
high 5)."""
MOST_CHARACTERS = 200
"""Of the words that name the source document."""


def execute(treasury: Treasury, spend_id: str, officer: OfficerKey, amount: str, source: str) -> TreasurySpend:
    """Record that the officer read this amount, with its unit, in the source document.

    Nothing here tells what the instruction says: whoever enters it must have it from the document.

    Raises:
        BadAmount: it is no amount with its unit. BadOrder: the document is not named.
        EnteredOtherwise: it is not the instruction's; what was entered is recorded before this is raised.
        EnteredTooOften: it was entered otherwise too often; propose the spend anew.
        NotExecutor: the officer proposed or approved, holds no role that executes, or did not sign.
        ExecutionNotAsked: the policy asks for no second person here.
        SpendNotAllowed, SpendExpired, InOtherHands: the spend is not where an execution belongs.
    """
    step = begin_step(treasury)
    spend = load_spend(treasury, spend_id)
    parse_amount(amount)
    _require_source(source)
    require_in_our_hands(spend)
    if spend.state not in BEFORE_SIGNERS:
        raise ExecutionNotAsked(f"Spend {spend_id} is {spend.state.value}.", "There is nothing to execute.")
    if spend.execution is not None and spend.execution.officer == officer.officer:
        return spend
    before = require_approved(treasury, replace(spend, execution=None), step).decision
    if spend.execution is not None or not any(need.kind is NeedKind.EXECUTION for need in before.needs):
        raise ExecutionNotAsked(
            f"Nobody is asked to execute spend {spend_id} (rule {before.rule}).", f"See: zakhira spend show {spend_id}"
        )
    missed_before = wrong_entries(treasury.books, spend)
    if len(missed_before) >= MOST_MISMATCHES:
        raise EnteredTooOften(
            f"The amount of spend {spend_id} was entered otherwise {len(missed_before)} times.",
            "Find out why, and let it be proposed anew.",
        )
    entered = sign_execution(officer, spend.instruction.hash, amount.strip(), source.strip(), step.at)
    executed = replace(spend, execution=entered, recorded_at=spend.with_recorded(entered.signature, step.at))
    asked = ask_policy(treasury, executed, step.at)
    if _has(asked.decision, Why.REKEYED_OTHERWISE):
        missed = replace(spend, mismatches=(*missed_before, entered))
        commit_step(treasury, step, officer.officer, "amount entered otherwise at execution of", (missed,))
        raise EnteredOtherwise(
            f"{officer.officer} entered {entered.amount}, and the officers approved something else.",
            "Look into the source document again. If it says so, refuse the spend: zakhira spend reject",
        )
    _require_taken(executed, asked.decision)
    after = replace(executed, decision=asked.decision, decided_at=step.at)
    records = counted(treasury, after, asked, step)
    return commit_step(treasury, step, officer.officer, "spend executed", (after,), records)[0]


def _require_source(source: str) -> None:
    if not source.strip() or len(source) > MOST_CHARACTERS or not source.isprintable():
        raise BadOrder(
            f"{source[:40]!r} names no source document in up to {MOST_CHARACTERS} characters.",
            "Say where the amount was read, like 'minute 14/2026'.",
        )


def _has(decision: Decision, why: Why) -> bool:
    return any(reason.code == why.code for reason in decision.reasons)


def _require_taken(spend: TreasurySpend, decision: Decision) -> None:
    if any(_has(decision, why) for why in (Why.EXECUTOR, Why.FORGED, Why.UNKNOWN_OFFICER, Why.REVOKED)):
        raise NotExecutor(why_not(decision), "Ask another officer whose role executes.")
    if decision.verdict is Verdict.REFUSED:
        raise not_allowed(spend, decision)

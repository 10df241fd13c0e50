"""What ``zakhira policy explain`` answers: which rule decides, why, what is missing until when, and what Cedar says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from zakhira.cli.answer import Answer, Table, Word
from zakhira.controls.analysis.cases import Case, question_of, replay
from zakhira.controls.analysis.words import rule_sentence
from zakhira.controls.engine.decision import Decision, Verdict
from zakhira.controls.engine.explain import explain
from zakhira.controls.engine.permissions import permit
from zakhira.controls.engine.question import Question
from zakhira.controls.engine.rule_fit import first_fit
from zakhira.controls.engine.standing import Standing
from zakhira.flows.governing.standing import authority_now
from zakhira.flows.spend_question import spend_question
from zakhira.flows.spending.asking import ask_policy
from zakhira.flows.spending.dry import dry_treasury
from zakhira.flows.spending.said import said_of
from zakhira.flows.spending.step import load_spend
from zakhira.flows.treasury import policy_in_force
from zakhira.kernel.canonical import Json
from zakhira.kernel.errors import InvalidInput
from zakhira.kernel.interval import utc_text
from zakhira.programme.model import Policy
from zakhira.wiring.case_file import read_cases
from zakhira.wiring.policy_source import read_policy
from zakhira.wiring.reserve_desk import open_reserve
from zakhira.wiring.settings import Settings

MOST_SHOWN = 200
"""Cases that are shown one by one; all of them are in --json."""
_WORDS = {Verdict.ALLOWED: "allowed", Verdict.NEEDS: "not yet", Verdict.REFUSED: "refused"}


class NothingToExplain(InvalidInput):
    """Neither a spend nor a file of cases was named, or both."""

    code = "ZK-WIRING-078"


def explain_spend(settings: Settings, folder: Path, spend_id: str) -> Answer:
    """Why a spend of a reserve may, may not yet, or may not be carried out now; nothing is written."""
    with open_reserve(settings, folder) as desk:
        treasury = dry_treasury(desk.treasury)
        spend = load_spend(treasury, spend_id)
        asked = ask_policy(treasury, spend, treasury.now)
        standing = authority_now(treasury).standing
        policy = policy_in_force(treasury)
        question = spend_question(spend.instruction, asked.own, said_of(treasury.books, spend))
        return _decision_answer(policy, standing, question, asked.decision, treasury.now)


def explain_cases(settings: Settings, place: Path, file: Path) -> Answer:
    """Why each case of a file is answered as it is, after those before it; one case is told in full."""
    policy, cases = read_policy(settings, place).policy, read_cases(file)
    told: list[tuple[Case, Decision, datetime]] = []
    replay(policy, cases, tell=lambda case, decision, at: told.append((case, decision, at)))
    if len(told) == 1:
        case, decision, at = told[0]
        return _decision_answer(policy, Standing(), question_of(case, policy), decision, at)
    rows = tuple(
        (case.id, _WORDS[decision.verdict], decision.rule, explain(decision, question_of(case, policy), policy))
        for case, decision, _ in told[:MOST_SHOWN]
    )
    notes = (f"{len(told) - MOST_SHOWN:,} more are in --json.",) if len(told) > MOST_SHOWN else ()
    facts: Json = [_facts(policy, question_of(case, policy), decision, at) for case, decision, at in told]
    counts = {verdict: sum(decision.verdict is verdict for _, decision, _ in told) for verdict in _WORDS}
    sentence = f"{len(told):,} cases: {', '.join(f'{counts[verdict]:,} {word}' for verdict, word in _WORDS.items())}."
    table = Table("Cases, in order of time", ("case", "answer", "rule", "why"), rows, (), notes)
    return Answer((table,), {"cases": facts}, sentence)


def _facts(policy: Policy, question: Question, decision: Decision, at: datetime) -> dict[str, Json]:
    return {
        "id": question.id,
        "at": utc_text(at),
        "answer": decision.verdict.name.lower(),
        "rule": decision.rule,
        "clause": decision.clause,
        "policy_hash": decision.policy_hash,
        "sentence": explain(decision, question, policy),
        "reasons": [{"code": reason.code, "text": reason.text} for reason in decision.reasons],
        "missing": [
            {"what": need.text, "roles": list(need.roles), "until": utc_text(need.until) if need.until else ""}
            for need in decision.needs
        ],
        "remarks": [{"code": remark.code, "text": remark.text} for remark in decision.remarks],
    }


def _decision_answer(
    policy: Policy, standing: Standing, question: Question, decision: Decision, at: datetime
) -> Answer:
    cedar = tuple(_cedar(policy, standing, question, at))
    facts = _facts(policy, question, decision, at)
    facts["cedar"] = [{"officer": row[0], "step": row[1], "answer": row[2], "reason": row[3]} for row in cedar]
    tables = [table for table in _tables(policy, question, decision, at) if table.rows]
    if cedar:
        tables.append(Table("What Cedar says of who may do it", ("officer", "step", "answer", "why"), cedar))
    word = Word.YES if decision.allowed else Word.NO
    return Answer(tuple(tables), facts, explain(decision, question, policy), word)


def _tables(policy: Policy, question: Question, decision: Decision, at: datetime) -> Iterator[Table]:
    fitting = first_fit(policy, question, at).rule
    if fitting is not None:
        rows = (("rule", fitting.id), ("clause", fitting.clause), ("says", rule_sentence(fitting)))
        yield Table("The first rule that fits", ("", ""), rows)
    reasons = tuple((reason.code, reason.text) for reason in decision.reasons)
    yield Table("Why it is refused", ("code", "reason"), reasons)
    needs = tuple((need.text, utc_text(need.until) if need.until else "") for need in decision.needs)
    yield Table("What is missing", ("what", "until"), needs)
    remarks = tuple((remark.code, remark.text) for remark in decision.remarks)
    yield Table("What was seen besides", ("code", "remark"), remarks)


def _cedar(policy: Policy, standing: Standing, question: Question, at: datetime) -> Iterator[tuple[str, str, str, str]]:
    steps = [(question.proposer, "propose", question.proposed_at)]
    steps += [(given.officer, "approve", given.at) for given in question.approvals]
    if question.execution is not None:
        steps.append((question.execution.officer, "execute", question.execution.at))
    for officer, step, moment in steps:
        found = permit(policy, standing, officer, step, question, min(moment, at))
        yield officer, step, "yes" if found.allowed else "no", found.reason or ", ".join(found.policies)

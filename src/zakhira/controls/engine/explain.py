"""A decision in plain sentences: what was asked, which rule decided by which clause, and what is missing until when."""

from __future__ import annotations

from collections.abc import Sequence

from zakhira.controls.engine.decide import FREEZE
from zakhira.controls.engine.decision import Decision, Need, NeedKind, Verdict
from zakhira.controls.engine.question import Question
from zakhira.controls.engine.rule_fit import rule_named
from zakhira.programme.model import Policy

MOST_DESTINATIONS = 2
"""Destinations that are named; of more, their number."""


def explain(decision: Decision, question: Question, policy: Policy) -> str:
    """Why the answer is what it is, in one or two sentences, and remarks in a further one."""
    asked, by = describe_matter(question), _decided_by(decision, policy)
    if decision.verdict is Verdict.REFUSED:
        said = f"{asked} is refused {by}. {_joined([reason.text for reason in decision.reasons])}"
    elif decision.verdict is Verdict.ALLOWED:
        said = f"{asked} is allowed {by}."
    else:
        said = f"{asked} is not allowed yet {by}: {_missing(decision.needs)}."
    remarks = _joined([reason.text for reason in decision.remarks])
    return f"{said} {remarks}".rstrip()


def describe_matter(question: Question) -> str:
    """The matter in words: ``The spend of 0.10000000 BTC from vault cold to bcrt1q... (purpose reserve)``."""
    parts = [f"The {question.action.replace('-', ' ')} {question.id}"]
    if question.amount is not None:
        parts.append(f"of {question.amount}")
    if question.vault:
        parts.append(f"from vault {question.vault}")
    if question.path != "main":
        parts.append(f"by the {question.path} path")
    if question.destinations:
        parts.append(f"to {_places(question)}")
    if question.purpose:
        parts.append(f"for {question.purpose}")
    return " ".join(parts)


def _places(question: Question) -> str:
    names = [f"vault {place.vault}" if place.vault else place.address for place in question.destinations]
    distinct = list(dict.fromkeys(names))
    return " and ".join(distinct) if len(distinct) <= MOST_DESTINATIONS else f"{len(distinct)} destinations"


def _decided_by(decision: Decision, policy: Policy) -> str:
    if decision.rule == FREEZE:
        return f"because the reserve is {decision.clause}"
    if not decision.rule:
        return "by the policy, which refuses what no rule allows"
    if rule_named(policy, decision.rule) is None:
        return f"by statute {decision.rule} ({decision.clause})"
    return f"by rule {decision.rule} ({decision.clause})"


def _missing(needs: Sequence[Need]) -> str:
    approvals = [need.text for need in needs if need.kind is NeedKind.APPROVAL]
    others = [need.text for need in needs if need.kind is not NeedKind.APPROVAL]
    told = [f"approval by {', '.join(approvals)} is missing"] if approvals else []
    told += [f"it waits for {text}" for text in others]
    return "; ".join(told)


def _joined(texts: Sequence[str]) -> str:
    """Sentences one after another; each has its full stop already."""
    return " ".join(texts)

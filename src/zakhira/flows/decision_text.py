"""Decisions as plain data and back, those of earlier books included; and what is missing, in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import cast

from zakhira.controls.engine.decision import Decision, Need, NeedKind, Reason, Verdict
from zakhira.kernel.canonical import Json
from zakhira.kernel.interval import parse_utc, utc_text

Fields = Mapping[str, Json]


def decision_json(decision: Decision) -> Json:
    """A decision as plain data."""
    return {
        "verdict": decision.verdict.name.lower(),
        "rule": decision.rule,
        "clause": decision.clause,
        "policy_hash": decision.policy_hash,
        "reasons": [_reason_json(reason) for reason in decision.reasons],
        "needs": [_need_json(need) for need in decision.needs],
        "remarks": [_reason_json(remark) for remark in decision.remarks],
    }


def _reason_json(reason: Reason) -> Json:
    return {"code": reason.code, "text": reason.text}


def _need_json(need: Need) -> Json:
    return {
        "kind": need.kind.value,
        "text": need.text,
        "roles": list(need.roles),
        "until": utc_text(need.until) if need.until else "",
    }


def decision_of(told: Fields) -> Decision:
    """The decision; one of before the policy had rules has neither a rule nor codes."""
    if "verdict" not in told:
        return _earlier(told)
    return Decision(
        verdict=Verdict[str(told["verdict"]).upper()],
        rule=str(told["rule"]),
        clause=str(told["clause"]),
        policy_hash=str(told["policy_hash"]),
        reasons=_reasons(told["reasons"]),
        needs=tuple(_need(item) for item in cast("list[Fields]", told["needs"])),
        remarks=_reasons(told["remarks"]),
    )


def _earlier(told: Fields) -> Decision:
    reasons = tuple(Reason("", text) for text in cast("list[str]", told["reasons"]))
    needs = tuple(Need(NeedKind.APPROVAL, role, (role,)) for role in cast("list[str]", told["missing"]))
    verdict = Verdict.ALLOWED if told["allowed"] else Verdict.REFUSED if reasons else Verdict.NEEDS
    return Decision(verdict, "", str(told["clause"]), "", reasons, () if reasons else needs)


def _reasons(value: Json) -> tuple[Reason, ...]:
    return tuple(Reason(str(item["code"]), str(item["text"])) for item in cast("list[Fields]", value))


def _need(told: Fields) -> Need:
    return Need(
        NeedKind(told["kind"]),
        str(told["text"]),
        tuple(cast("list[str]", told["roles"])),
        parse_utc(str(told["until"])) if told["until"] else None,
    )


def need_sentence(need: Need) -> str:
    """What is missing, as a sentence."""
    if need.kind is NeedKind.APPROVAL:
        return f"No approval by {need.text}."
    if need.kind is NeedKind.EXECUTION:
        return f"No {need.text}."
    return f"It waits for {need.text}."


def why_not(decision: Decision) -> str:
    """Why it may not be carried out now: each reason with its code, or what is missing and what does not count."""
    if decision.reasons:
        return " ".join(f"{item.code} {item.text}".strip() for item in decision.reasons)
    missing = [need_sentence(need) for need in decision.needs]
    return " ".join((*missing, *(f"{item.code} {item.text}" for item in decision.remarks)))


def waits_until(decision: Decision) -> datetime | None:
    """Until when it has to wait at least, where nothing but time is missing; None otherwise."""
    moments = [need.until for need in decision.needs if need.until is not None]
    only_time = decision.verdict is Verdict.NEEDS and all(need.kind is NeedKind.TIME for need in decision.needs)
    return max(moments) if only_time and moments else None

"""The policy's engine: the first rule that fits decides, statutes and a freeze bind whatever it says."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from zakhira.controls.engine.attendance import THAW, Attend, attendance_of
from zakhira.controls.engine.decision import Decision, Need, NeedKind, Reason, Verdict, Why
from zakhira.controls.engine.evidence import Findings, Setting
from zakhira.controls.engine.holds import check_statutes
from zakhira.controls.engine.limits import check_form, check_limits
from zakhira.controls.engine.movements import Movements
from zakhira.controls.engine.open_hours import opens_at
from zakhira.controls.engine.question import Question, Stage
from zakhira.controls.engine.rule_fit import Fit, first_fit
from zakhira.controls.engine.standing import Standing
from zakhira.kernel.interval import require_utc, utc_text
from zakhira.programme.model import Policy
from zakhira.programme.policy import Rule

FREEZE = "freeze"
"""What :attr:`Decision.rule` says where a freeze decided."""


def decide(policy: Policy, standing: Standing, movements: Movements, question: Question, at: datetime) -> Decision:
    """Answer ``question`` at ``at`` (UTC).

    The order of approvals does not matter, and time changes an answer only through what a rule names. The answer is
    the lowest of the freeze's, the statutes' and the first fitting rule's. Cedar is asked about the proposer, everybody
    who approves and the executing officer: a no of it is a no. For :attr:`Stage.PROPOSE` no approval, veto
    or execution is looked at: what they will have to give stands in the needs.

    Raises:
        NotUtc: an instant is not in UTC.
        BadAuthorization, CedarUnsure: the programme's own Cedar text cannot be read or evaluated.
    """
    require_utc(at)
    if question.stage is Stage.PROPOSE:
        question = replace(question, approvals=(), vetoes=(), execution=None)
    return decide_in(Setting.of(policy, standing, question, at), policy, movements)


def decide_in(setting: Setting, policy: Policy, movements: Movements, attend: Attend = attendance_of) -> Decision:
    """Answer the question of a setting; with another ``attend`` in a simulation alone, whose cases have no keys."""
    question, at, findings = setting.question, setting.at, Findings()
    check_form(policy, question, at, findings)
    fit = first_fit(policy, question, at)
    if fit.rule is None:
        _note_no_rule(question, fit, findings)
        needs: tuple[Need, ...] = ()
    else:
        findings.remarks.extend(fit.near)
        needs = _ask_rule(policy, setting, movements, fit.rule, findings, attend)
    return _answer(policy, setting, movements, fit, findings, needs)


def _note_no_rule(question: Question, fit: Fit, findings: Findings) -> None:
    parts = [question.action, str(question.amount or ""), f"from vault {question.vault}" if question.vault else ""]
    by = "" if question.path == "main" else f"on the {question.path} path"
    what = " ".join(part for part in (*parts, by) if part)
    findings.against(Why.NO_RULE, f"No rule of the policy fits: {what}.")
    findings.reasons.extend(fit.near)


def _ask_rule(
    policy: Policy, setting: Setting, movements: Movements, rule: Rule, findings: Findings, attend: Attend
) -> tuple[Need, ...]:
    """All that the rule asks for: reasons go to ``findings``, what is missing is the answer."""
    if rule.effect == "refuse":
        findings.against(Why.RULE_REFUSES, f"Rule {rule.id} refuses it.")
        return ()
    check_limits(rule, movements, setting.question, setting.at, findings)
    attendance = attend(policy, setting, rule)
    findings.reasons.extend(attendance.reasons)
    findings.remarks.extend(attendance.remarks)
    return (*attendance.needs, *_time_needs(policy, setting, rule, attendance.complete_at))


def _time_needs(policy: Policy, setting: Setting, rule: Rule, complete_at: datetime | None) -> tuple[Need, ...]:
    """The delay after the quorum, and then the next opening of the rule's hours."""
    needs = []
    earliest = setting.at
    if complete_at is None and rule.delay_hours:
        needs.append(Need(NeedKind.TIME, f"{rule.delay_hours} hours after the last approval"))
    elif complete_at is not None:
        over = complete_at + timedelta(hours=rule.delay_hours)
        if setting.at < over:
            needs.append(Need(NeedKind.TIME, f"the delay until {utc_text(over)}", until=over))
            earliest = over
    opening = opens_at(rule, policy, earliest)
    if opening is None:
        needs.append(Need(NeedKind.TIME, "hours in which it may be carried out: the rule opens on no day"))
    elif opening > earliest:
        needs.append(Need(NeedKind.TIME, f"the hours that open at {utc_text(opening)}", until=opening))
    return tuple(needs)


def _answer(
    policy: Policy, setting: Setting, movements: Movements, fit: Fit, findings: Findings, needs: tuple[Need, ...]
) -> Decision:
    """The lowest of what the rule, the statutes and a freeze say."""
    question, standing = setting.question, setting.standing
    decided_by = ("", "") if fit.rule is None else (fit.rule.id, fit.rule.clause)
    statute, reasons, remarks = check_statutes(policy, movements, question, setting.at)
    if statute is not None and not findings.reasons:
        decided_by = (statute[0].id, statute[0].citation)
    findings.reasons.extend(reasons)
    findings.remarks.extend(remarks)
    freeze = standing.freeze
    if freeze is not None and question.action != THAW:
        clause = f"frozen by {freeze.officer} at {utc_text(freeze.at)}: {freeze.reason}"
        decided_by = (FREEZE, clause)
        findings.against(Why.FROZEN, f"The reserve is {clause}.")
    refused = _distinct(findings.reasons)
    verdict = Verdict.REFUSED if refused else Verdict.NEEDS if needs else Verdict.ALLOWED
    left = () if refused else needs
    return Decision(verdict, *decided_by, standing.policy_hash, refused, left, _distinct(findings.remarks))


def _distinct(reasons: list[Reason]) -> tuple[Reason, ...]:
    return tuple(sorted(set(reasons)))

"""The people of a matter: who proposes, approves and executes it, held against a rule and against Cedar."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from zakhira.controls.approval import Approval, Execution
from zakhira.controls.engine.decision import Need, Reason, Why
from zakhira.controls.engine.evidence import GENUINE, Counting, Findings, Setting, check_vetoes
from zakhira.controls.engine.permissions import ask_cedar
from zakhira.controls.engine.rekeyed import check_execution
from zakhira.controls.engine.turnout import Turnout, check_enough_people, turnout_of
from zakhira.kernel.interval import utc_text
from zakhira.programme.model import Policy
from zakhira.programme.policy import Rule

THAW = "thaw"
"""The one action that a freeze lets through."""


@dataclass(frozen=True)
class Attendance:
    """What the people of a matter come to: reasons and remarks about them, who is missing, since when nobody is."""

    reasons: tuple[Reason, ...]
    remarks: tuple[Reason, ...]
    needs: tuple[Need, ...]
    complete_at: datetime | None
    """when the quorum was complete (UTC); None as long as it is not"""


def attendance_of(policy: Policy, setting: Setting, rule: Rule, counting: Counting = GENUINE) -> Attendance:
    """Hold everybody who has a part in the matter against what the rule asks for."""
    findings = Findings()
    gate = Gate(policy, setting, rule)
    if may_propose(setting, rule, findings):
        gate.check(setting.question.proposer, "propose", setting.question.proposed_at, findings.against)
    check_vetoes(setting, rule.veto_roles, findings)

    def may_approve(given: Approval) -> bool:
        return gate.check(given.officer, "approve", given.at, findings.remark)

    turnout = turnout_of(setting, rule, counting.approvals(setting, findings), may_approve, findings)
    check_enough_people(setting, rule, findings)
    execution = check_second_person(gate, turnout, counting.execution(setting, findings), findings)
    needs = (*turnout.needs, *execution)
    return Attendance(tuple(findings.reasons), tuple(findings.remarks), needs, turnout.complete_at)


Attend = Callable[[Policy, Setting, Rule], Attendance]


@dataclass(frozen=True)
class Gate:
    """Cedar, asked about everybody whom the engine has found nothing against: both must say yes."""

    policy: Policy
    setting: Setting
    rule: Rule

    def check(self, officer: str, step: str, at: datetime, note: Callable[[Why, str], None]) -> bool:
        """Whether the officer may take the step; a no is noted. While a freeze refuses anyway nobody is asked."""
        setting = self.setting
        if setting.standing.freeze is not None and setting.question.action != THAW:
            return True
        permission = ask_cedar(
            self.policy, setting.standing, setting.people, officer, step, setting.question, self.rule, at
        )
        if not permission.allowed:
            note(Why.NOT_PERMITTED, permission.reason)
        return permission.allowed


def may_propose(setting: Setting, rule: Rule, findings: Findings) -> bool:
    """Whether the proposer holds a role that proposes; why not goes to ``findings``."""
    name, moment = setting.question.proposer, setting.question.proposed_at
    officer = setting.people.officers.get(name)
    if officer is None:
        findings.against(Why.UNKNOWN_OFFICER, f"The proposer {name} is no officer of the programme.")
        return False
    revoked = setting.revoked_at(officer)
    if revoked is not None:
        findings.against(Why.REVOKED, f"The key of the proposer {name} was revoked at {utc_text(revoked)}.")
        return False
    if setting.people.offices_with(name, rule.propose_roles, moment):
        return True
    outside = setting.people.deputy_outside_dates(name, rule.propose_roles, moment)
    if outside is not None:
        text = f"The proposer {name} stands for {outside.stands_for} from {outside.from_day} to {outside.to_day} alone."
        findings.against(Why.DEPUTY_OUT_OF_DATES, text)
        return False
    held = " and ".join(setting.people.roles_at(name, moment))
    text = f"The proposer {name} holds the role {held}, not {' or '.join(rule.propose_roles)}."
    findings.against(Why.PROPOSER_ROLE, text)
    return False


def check_second_person(gate: Gate, turnout: Turnout, given: Execution | None, findings: Findings) -> tuple[Need, ...]:
    """Hold the executing officer against the rule, and then against Cedar; what is still needed."""
    before = len(findings.reasons)
    needs = check_execution(gate.setting, gate.rule, turnout, given, findings)
    if given is not None and gate.rule.execute_roles and len(findings.reasons) == before:
        gate.check(given.officer, "execute", given.at, findings.against)
    return needs

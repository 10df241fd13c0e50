"""The people of a simulated matter: known by name, with no signatures, and the same again and again."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from datetime import date

from zakhira.controls.approval import Approval, Execution
from zakhira.controls.engine.attendance import Attendance, Gate, attendance_of, may_propose
from zakhira.controls.engine.decision import Reason, Why
from zakhira.controls.engine.evidence import Counting, Findings, Setting
from zakhira.controls.engine.rekeyed import check_execution
from zakhira.controls.engine.turnout import Turnout, check_enough_people, turnout_of
from zakhira.programme.model import Policy
from zakhira.programme.policy import Rule


def _named_approvals(setting: Setting, findings: Findings) -> tuple[Approval, ...]:
    """Every approval by an officer other than the proposer, taken for genuine."""
    counted = []
    for given in setting.question.approvals:
        person = setting.people.persons.get(given.officer)
        if person is None:
            findings.against(Why.UNKNOWN_OFFICER, f"The approval of {given.officer} is by nobody that is known.")
        elif person == setting.proposer:
            findings.against(Why.BY_PROPOSER, f"The approval of {given.officer} is by the proposer.")
        else:
            counted.append(given)
    return tuple(sorted(counted, key=lambda given: (given.at, given.officer)))


def _named_execution(setting: Setting, findings: Findings) -> Execution | None:
    given = setting.question.execution
    if given is not None and given.officer not in setting.people.officers:
        findings.against(Why.UNKNOWN_OFFICER, f"The execution by {given.officer} is by nobody that is known.")
        return None
    return given


BY_NAME = Counting(_named_approvals, _named_execution)
"""Officers are taken at their word: a case has no keys."""


@dataclass
class NamedPeople:
    """The engine's own checks of people, of which each part is done once for those that it depends on.

    A policy with Cedar text of its own may ask about anything: then nothing is remembered. Approvals of a case are of
    one moment, and the amount is entered at execution as the case has it.
    """

    _reasons: dict[Hashable, tuple[Reason, ...]] = field(default_factory=dict)
    _turnouts: dict[Hashable, tuple[Turnout, tuple[Reason, ...]]] = field(default_factory=dict)
    _roles: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _crews: dict[Hashable, Attendance] = field(default_factory=dict)

    def __call__(self, policy: Policy, setting: Setting, rule: Rule) -> Attendance:
        """As :func:`zakhira.controls.engine.attendance.attendance_of`, by names."""
        if policy.authorization:
            return attendance_of(policy, setting, rule, BY_NAME)
        question, days = setting.question, _days(policy, setting)
        key = (
            *(rule.id, question.action, question.proposer, days),
            tuple(given.officer for given in question.approvals),
            question.execution.officer if question.execution else "",
        )
        known = self._crews.get(key)
        if known is None:
            known = self._crews[key] = self._attendance(policy, setting, rule, days)
        if known.complete_at is None:
            return known
        return replace(known, complete_at=question.approvals[0].at if rule.quorums else question.proposed_at)

    def _attendance(self, policy: Policy, setting: Setting, rule: Rule, days: tuple[date, ...]) -> Attendance:
        findings = Findings()
        findings.reasons.extend(self._before(policy, setting, rule, days))
        given = _named_approvals(setting, findings)
        turnout, remarks = self._turnout(policy, setting, rule, given, days)
        findings.remarks.extend(remarks)
        execution = _named_execution(setting, findings)
        before = len(findings.reasons)
        needs = check_execution(setting, rule, turnout, execution, findings)
        if execution is not None and rule.execute_roles and len(findings.reasons) == before:
            findings.reasons.extend(self._execute(policy, setting, rule, execution, days))
        return Attendance(
            tuple(findings.reasons), tuple(findings.remarks), (*turnout.needs, *needs), turnout.complete_at
        )

    def _before(self, policy: Policy, setting: Setting, rule: Rule, days: tuple[date, ...]) -> tuple[Reason, ...]:
        """What depends on the proposer alone."""
        key = ("before", rule.id, setting.question.action, setting.question.proposer, days)
        if key not in self._reasons:
            found = Findings()
            if may_propose(setting, rule, found):
                gate = Gate(policy, setting, rule)
                gate.check(setting.question.proposer, "propose", setting.question.proposed_at, found.against)
            check_enough_people(setting, rule, found)
            self._reasons[key] = tuple(found.reasons)
        return self._reasons[key]

    def _turnout(
        self, policy: Policy, setting: Setting, rule: Rule, given: tuple[Approval, ...], days: tuple[date, ...]
    ) -> tuple[Turnout, tuple[Reason, ...]]:
        """Who fills which seat: only those count who hold one of the roles that are asked for."""
        if rule.id not in self._roles:
            self._roles[rule.id] = tuple(dict.fromkeys(role for quorum in rule.quorums for role in quorum.roles))
        roles = self._roles[rule.id]
        able = tuple(item for item in given if setting.people.offices_with(item.officer, roles, item.at))
        question = setting.question
        key = ("turnout", rule.id, question.action, question.proposer, tuple(item.officer for item in able), days)
        if key not in self._turnouts:
            gate, found = Gate(policy, setting, rule), Findings()

            def may(approval: Approval) -> bool:
                return gate.check(approval.officer, "approve", approval.at, found.remark)

            self._turnouts[key] = (turnout_of(setting, rule, able, may, found), tuple(found.remarks))
        turnout, remarks = self._turnouts[key]
        approvers = frozenset(setting.people.persons[item.officer] for item in given)
        return replace(turnout, approvers=approvers), remarks

    def _execute(
        self, policy: Policy, setting: Setting, rule: Rule, execution: Execution, days: tuple[date, ...]
    ) -> tuple[Reason, ...]:
        """Cedar's word on an executing officer who neither proposed nor approved."""
        key = ("execute", rule.id, setting.question.action, setting.question.proposer, execution.officer, days)
        if key not in self._reasons:
            found = Findings()
            Gate(policy, setting, rule).check(execution.officer, "execute", execution.at, found.against)
            self._reasons[key] = tuple(found.reasons)
        return self._reasons[key]


def _days(policy: Policy, setting: Setting) -> tuple[date, ...]:
    """The local days on which deputies are asked after; none where there are no deputies."""
    if not policy.deputies:
        return ()
    question = setting.question
    moments = [question.proposed_at, question.expires_at, *(given.at for given in question.approvals[:1])]
    moments += [question.execution.at] if question.execution else []
    return tuple(map(setting.people.day, moments))

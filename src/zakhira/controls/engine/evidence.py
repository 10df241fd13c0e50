"""What the signatures under a question come to: those that count, those that do not and why, and tampering."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from zakhira.controls.approval import (
    Approval,
    Execution,
    approval_is_genuine,
    execution_is_genuine,
    veto_is_genuine,
)
from zakhira.controls.engine.decision import Reason, Why
from zakhira.controls.engine.people import People, people_of
from zakhira.controls.engine.question import Question
from zakhira.controls.engine.standing import Standing
from zakhira.kernel.interval import require_utc, utc_text
from zakhira.programme.model import Officer, Policy


@dataclass(frozen=True)
class Setting:
    """What every signature is held against."""

    question: Question
    people: People
    standing: Standing
    at: datetime
    revoked: Mapping[str, datetime]
    """by public key in small letters"""

    @classmethod
    def of(cls, policy: Policy, standing: Standing, question: Question, at: datetime) -> Setting:
        """Gather what is known."""
        revoked = {key.lower(): moment for key, moment in standing.revoked.items()}
        return cls(question, people_of(policy), standing, at, revoked)

    @property
    def proposer(self) -> str:
        """The person who proposed, or empty for somebody who is no officer."""
        return self.people.persons.get(self.question.proposer, "")

    def revoked_at(self, officer: Officer) -> datetime | None:
        """When the officer's key was revoked, if it is by now."""
        moment = self.revoked.get(officer.public_key.lower())
        return moment if moment is not None and moment <= self.at else None

    def silent_from(self, officer: Officer) -> datetime | None:
        """From when not even a no of the officer's key counts: one that another revoked alone can still say it."""
        return None if officer.public_key.lower() in self.standing.may_say_no else self.revoked_at(officer)


@dataclass
class Findings:
    """Reasons against the matter, and remarks that change nothing by themselves."""

    reasons: list[Reason] = field(default_factory=list)
    remarks: list[Reason] = field(default_factory=list)

    def against(self, why: Why, text: str) -> None:
        """Note a reason."""
        self.reasons.append(Reason(why.code, text))

    def remark(self, why: Why, text: str) -> None:
        """Note a remark."""
        self.remarks.append(Reason(why.code, text))


def counted_approvals(setting: Setting, findings: Findings) -> tuple[Approval, ...]:
    """The approvals that may count, sorted by time.

    Somebody tampers where a signature is forged, is over another matter, is dated outside the proposal's time, is the
    proposer's own, or was made by a key after it was revoked: that is a reason against the whole matter. An approval
    under another version of the policy, and one by a key that was revoked since, does not count and is remarked on.
    """
    good = [given for given in setting.question.approvals if _may_count(setting, given, findings)]
    _note_shared_keys(setting, good, findings)
    return tuple(sorted(good, key=lambda given: (given.at, given.officer, given.signature)))


def _may_count(setting: Setting, given: Approval, findings: Findings) -> bool:
    what = f"The approval of {given.officer}"
    officer = setting.people.officers.get(given.officer)
    if officer is None:
        findings.against(Why.UNKNOWN_OFFICER, f"{what} is by nobody that the programme knows.")
        return False
    if given.instruction_hash != setting.question.hash:
        findings.against(Why.OTHER_MATTER, f"{what} is for another instruction.")
        return False
    if not approval_is_genuine(given, officer.public_key):
        findings.against(Why.FORGED, f"{what} carries a signature that its key did not make.")
        return False
    if setting.people.persons[officer.id] == setting.proposer:
        findings.against(Why.BY_PROPOSER, f"{what} is by the proposer, who never approves.")
        return False
    return _is_in_time(setting, what, given.at, findings) and _is_in_force(setting, officer, given, findings)


def _is_in_time(setting: Setting, what: str, moment: datetime, findings: Findings) -> bool:
    question = setting.question
    if require_utc(moment) > setting.at:
        text = f"{what} is dated {utc_text(moment)}, in the future: it lies outside the time until now."
        findings.against(Why.FROM_THE_FUTURE, text)
    elif not question.proposed_at <= moment < question.expires_at:
        findings.against(Why.MISTIMED, f"{what} at {utc_text(moment)} lies outside the time of the proposal.")
    else:
        return True
    return False


def _is_in_force(setting: Setting, officer: Officer, given: Approval, findings: Findings) -> bool:
    what = f"The approval of {given.officer}"
    revoked = setting.revoked_at(officer)
    if revoked is not None and given.at >= revoked:
        findings.against(Why.REVOKED, f"{what} was made with a key that was revoked at {utc_text(revoked)}.")
        return False
    if revoked is not None:
        text = f"{what} does not count: its key was revoked at {utc_text(revoked)}."
        findings.remark(Why.REVOKED, text)
        return False
    since = setting.standing.since
    if setting.standing.policy_hash not in {"", given.policy_hash} or (since is not None and given.at < since):
        text = f"{what} does not count: it was given under another version of the policy than the one in force."
        findings.remark(Why.OTHER_POLICY, text)
        return False
    return True


def _note_shared_keys(setting: Setting, good: Sequence[Approval], findings: Findings) -> None:
    """One key under two names is tampering; one person with two offices merely counts once."""
    by_person: dict[str, set[str]] = {}
    for given in good:
        by_person.setdefault(setting.people.persons[given.officer], set()).add(given.officer)
    for officers in by_person.values():
        if len(officers) == 1:
            continue
        names = ", ".join(sorted(officers))
        keys = {setting.people.officers[officer].public_key.lower() for officer in officers}
        if len(keys) < len(officers):
            findings.against(Why.ONE_PERSON, f"The approvals of {names} are by one key: one person never counts twice.")
        else:
            findings.remark(Why.ONE_PERSON, f"The approvals of {names} are by one person, who never counts twice.")


def check_vetoes(setting: Setting, veto_roles: tuple[str, ...], findings: Findings) -> None:
    """A no by an officer who may say it is a reason. One that is not the officer's own, or not about this, is none.

    A no that was said before its key was revoked stands, and so does one after it, as long as another officer alone
    revoked the key: whoever wants a no gone must not get that by a revocation.
    """
    for veto in setting.question.vetoes:
        what = f"The no of {veto.officer}"
        officer = setting.people.officers.get(veto.officer)
        if officer is None:
            findings.remark(Why.UNKNOWN_OFFICER, f"{what} is by nobody that the programme knows.")
        elif veto.instruction_hash != setting.question.hash:
            findings.remark(Why.OTHER_MATTER, f"{what} is about another matter.")
        elif not veto_is_genuine(veto, officer.public_key):
            findings.remark(Why.FORGED, f"{what} carries a signature that its key did not make.")
        elif require_utc(veto.at) > setting.at:
            findings.against(Why.FROM_THE_FUTURE, f"{what} is dated {utc_text(veto.at)}, in the future.")
        elif (revoked := setting.silent_from(officer)) is not None and veto.at >= revoked:
            findings.remark(Why.REVOKED, f"{what} was made with a key that was revoked at {utc_text(revoked)}.")
        elif not setting.people.offices_with(veto.officer, veto_roles, veto.at):
            findings.remark(Why.NOT_PERMITTED, f"{what} does not count: only {' or '.join(veto_roles)} may say no.")
        else:
            findings.against(Why.VETOED, f"{veto.officer} said no at {utc_text(veto.at)}: {veto.reason}")


def genuine_execution(setting: Setting, findings: Findings) -> Execution | None:
    """The second person's word, if it is this officer's, about this, in time, and by a key that counts."""
    given = setting.question.execution
    if given is None:
        return None
    what = f"The execution by {given.officer}"
    officer = setting.people.officers.get(given.officer)
    if officer is None:
        findings.against(Why.UNKNOWN_OFFICER, f"{what} is by nobody that the programme knows.")
    elif given.instruction_hash != setting.question.hash:
        findings.against(Why.OTHER_MATTER, f"{what} is for another instruction.")
    elif not execution_is_genuine(given, officer.public_key):
        findings.against(Why.FORGED, f"{what} carries a signature that its key did not make.")
    elif (revoked := setting.revoked_at(officer)) is not None:
        late = given.at >= revoked
        (findings.against if late else findings.remark)(
            Why.REVOKED, f"{what} does not count: its key was revoked at {utc_text(revoked)}."
        )
    elif _is_in_time(setting, what, given.at, findings):
        return given
    return None


@dataclass(frozen=True)
class Counting:
    """Which approvals, and which word at execution, count in a setting."""

    approvals: Callable[[Setting, Findings], tuple[Approval, ...]]
    """sorted by time"""
    execution: Callable[[Setting, Findings], Execution | None]


GENUINE = Counting(counted_approvals, genuine_execution)
"""Those whose signatures are by the officers' own keys, over this very matter, in time."""

"""Who has filled which seat of a rule's quorums, since when, who is missing, and whether enough people exist at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from zakhira.controls.approval import Approval
from zakhira.controls.engine.decision import Need, NeedKind, Why
from zakhira.controls.engine.evidence import Findings, Setting
from zakhira.controls.engine.seats import Seat, Seating, seats_of
from zakhira.kernel.interval import require_utc
from zakhira.programme.policy import Rule

_NOON = time(12)


@dataclass(frozen=True)
class Turnout:
    """``complete_at`` is the moment of the approval that completed the quorum; of the proposal where none is asked."""

    missing: tuple[Seat, ...]
    complete_at: datetime | None
    approvers: frozenset[str]
    """persons who have said yes, whether it counts or not"""

    @property
    def needs(self) -> tuple[Need, ...]:
        """One need for each seat that is empty, in the order of the rule."""
        return tuple(Need(NeedKind.APPROVAL, " or ".join(seat), seat) for seat in self.missing)


def turnout_of(
    setting: Setting, rule: Rule, approvals: Sequence[Approval], may: Callable[[Approval], bool], findings: Findings
) -> Turnout:
    """Fill the rule's seats with the approvals that count (sorted by time) by those who ``may`` approve.

    No office acts twice: a deputy counts beside the one he stands for only through an office of his own, and nobody
    acts through the office of the proposer.
    """
    seats = seats_of(rule.quorums)
    permitted = sorted((given for given in approvals if may(given)), key=lambda given: _moment(setting, given))
    complete_at = setting.question.proposed_at if not seats else None
    seating = _empty(setting, seats)
    for given in permitted:
        _sit_down(setting, seating, given)
        if complete_at is None and not seating.fill():
            complete_at = _moment(setting, given)
    # Filled one after the other, seats show who came first; what is missing is told as if all had come together.
    together = _empty(setting, seats)
    for given in permitted:
        _sit_down(setting, together, given)
    missing = together.fill()
    for given in approvals:
        _remark_on_deputies(setting, seats, given, approvals, findings)
    persons, said = setting.people.persons, (*approvals, *setting.question.approvals)
    approvers = frozenset(persons[given.officer] for given in said if given.officer in persons)
    return Turnout(tuple(seats[index] for index in missing), complete_at, approvers)


def _moment(setting: Setting, given: Approval) -> datetime:
    """From when the approval counts for a delay: its own date, or when it was first seen if that is later."""
    return max(given.at, require_utc(setting.question.seen_at.get(given.signature, given.at)))


def _empty(setting: Setting, seats: Sequence[Seat]) -> Seating:
    return Seating(seats, {officer: setting.people.roles(officer) for officer in setting.people.officers})


def _sit_down(setting: Setting, seating: Seating, given: Approval) -> None:
    seating.add(setting.people.persons[given.officer], _offices(setting, given.officer, given.at))


def _offices(setting: Setting, officer: str, at: datetime) -> tuple[str, ...]:
    return tuple(
        office
        for office in setting.people.offices(officer, at)
        if office == officer or setting.people.persons[office] != setting.proposer
    )


def _remark_on_deputies(
    setting: Setting, seats: Sequence[Seat], given: Approval, approvals: Sequence[Approval], findings: Findings
) -> None:
    """Tell of a deputy who is out of dates, or whose principal has spoken as well."""
    if given.officer not in setting.people.deputies:
        return
    asked = tuple(dict.fromkeys(role for seat in seats for role in seat))
    if set(asked) & set(setting.people.roles(given.officer)):
        return
    outside = setting.people.deputy_outside_dates(given.officer, asked, given.at)
    holds = setting.people.offices_with(given.officer, asked, given.at)
    if outside is not None and not holds:
        findings.remark(
            Why.DEPUTY_OUT_OF_DATES,
            f"The approval of {given.officer} on {setting.people.day(given.at)} does not count: it stands for "
            f"{outside.stands_for} from {outside.from_day} to {outside.to_day}.",
        )
    spoken = {other.officer for other in approvals} | {setting.question.proposer}
    for office in holds:
        if office in spoken:
            findings.remark(
                Why.DEPUTY_BESIDE, f"{given.officer} stands for {office}, who has acted: the two count once together."
            )


def check_enough_people(setting: Setting, rule: Rule, findings: Findings) -> None:
    """Refuse what nobody could ever complete: counted are all officers whose keys count, but the proposer.

    A deputy is counted if the dates meet the time of the proposal, and the second person at execution as one more.
    """
    seats = seats_of(rule.quorums)
    wanted = (*seats, rule.execute_roles) if rule.execute_roles else seats
    if not wanted:
        return
    people = setting.people
    seating = _empty(setting, wanted)
    for officer in people.officers.values():
        if people.persons[officer.id] != setting.proposer and setting.revoked_at(officer) is None:
            for moment in _moments(setting, officer.id):
                seating.add(people.persons[officer.id], _offices(setting, officer.id, moment))
    empty = seating.fill()
    if empty:
        roles = ", ".join(" or ".join(wanted[index]) for index in empty)
        findings.against(
            Why.QUORUM_IMPOSSIBLE,
            f"Rule {rule.id} asks for {len(wanted)} persons beside the proposer, and nobody is left for: {roles}.",
        )


def _moments(setting: Setting, officer: str) -> Iterator[datetime]:
    """Moments of the proposal's time that cover every set of offices that the officer can have in it."""
    question = setting.question
    last = max(question.proposed_at, question.expires_at - timedelta(seconds=1))
    yield question.proposed_at
    deputies = setting.people.deputies.get(officer, ())
    if not deputies:
        return
    yield last
    first_day, last_day = setting.people.day(question.proposed_at), setting.people.day(last)
    for deputy in deputies:
        if first_day < deputy.from_day < last_day:
            yield datetime.combine(deputy.from_day, _NOON, tzinfo=setting.people.zone).astimezone(UTC)

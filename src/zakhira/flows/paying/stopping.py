"""The kill switch: one officer stops payouts at once, and it takes a quorum to let them go on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import cast

from zakhira.controls.approval import PROPOSAL_DOMAIN
from zakhira.controls.engine.decision import Verdict
from zakhira.controls.engine.question import Stage
from zakhira.flows.governing.acting import MOST_TRIES
from zakhira.flows.officer_words import sign_veto
from zakhira.flows.paying.desk import PayoutDesk
from zakhira.flows.paying.matter import (
    Matter,
    Words,
    ask,
    not_allowed,
    require_signed,
    was_approved,
    with_approval,
    words_json,
    words_of,
)
from zakhira.flows.paying.refusals import (
    BadPayoutOrder,
    NothingStopped,
    PayoutForged,
    PayoutsStopped,
    PayoutWordNotTaken,
)
from zakhira.flows.ports.books import Record
from zakhira.flows.ports.signing import OfficerKey
from zakhira.flows.spending.refusals import SpendsMoved
from zakhira.flows.spending.step import begin_step, commit_step
from zakhira.kernel.canonical import Json, content_hash
from zakhira.kernel.interval import parse_utc, utc_text

PAYOUT_STOP = "payout stop"
"""Kind of the records of stops; the id is a payout's, or :data:`ALL`.

While one stands, the database lets nothing out."""
ALL = "all"
RESUME_ACTION = "thaw"
"""What the end of a stop is to the policy."""
RELEASE = "release"
"""Who stops a payout when a release meets something that is off."""
MOST_REASON_CHARACTERS = 500


@dataclass(frozen=True)
class PayoutStop:
    """A stop that stands (or stood): who, why, when; and what officers have said to its end."""

    of: str
    """a payout's id, or :data:`ALL`"""
    officer: str
    reason: str
    at: datetime
    signature: str = ""
    is_standing: bool = True
    resume_proposer: str = ""
    resume_at: datetime | None = None
    resume_signature: str = ""
    words: Words = field(default_factory=Words)

    @property
    def hash(self) -> str:
        """What the stop is known by."""
        return content_hash({"of": self.of, "officer": self.officer, "reason": self.reason, "at": utc_text(self.at)})

    def matter(self, hours: int) -> Matter:
        """Its end, as the policy is asked about it. ``hours`` is how long a proposal waits."""
        assert self.resume_at is not None, "somebody has put the end forward"
        return Matter(
            RESUME_ACTION,
            f"resume {self.of}",
            content_hash({"stop": self.hash, "by": self.resume_proposer, "at": utc_text(self.resume_at)}),
            self.resume_proposer,
            self.resume_at,
            self.resume_at + timedelta(hours=hours),
            self.resume_signature,
        )

    @property
    def record(self) -> Record:
        """The record of this state."""
        body: Json = {
            "officer": self.officer,
            "reason": self.reason,
            "at": utc_text(self.at),
            "signature": self.signature,
            "is_standing": self.is_standing,
            "resume_proposer": self.resume_proposer,
            "resume_at": utc_text(self.resume_at) if self.resume_at else "",
            "resume_signature": self.resume_signature,
            "words": words_json(self.words),
        }
        return Record(PAYOUT_STOP, self.of, body)


def stop_of(desk: PayoutDesk, of: str) -> PayoutStop | None:
    """The stop of a payout, or of all, that stands; the newest one.

    A record alone ends no stop: whoever can write to the books, and has no officer's key, could else lift one by
    one more record, or by one of an earlier stop. Every stop that was ever recorded stands until a version of it
    carries the words of officers who were enough to end it.
    """
    versions = [_stop_of(of, cast("Mapping[str, Json]", body)) for body in desk.books.versions(PAYOUT_STOP, of)]
    ended = {stop.hash for stop in versions if not stop.is_standing and _was_ended(desk, stop)}
    return next((stop for stop in reversed(versions) if stop.is_standing and stop.hash not in ended), None)


def _was_ended(desk: PayoutDesk, stop: PayoutStop) -> bool:
    if stop.resume_at is None:
        return False
    matter = stop.matter(max(version.policy.approval_hours for version in desk.in_force.versions))
    try:
        require_signed(desk, matter)
    except PayoutForged:
        return False
    return was_approved(desk, matter, stop.words)


def _stop_of(of: str, told: Mapping[str, Json]) -> PayoutStop:
    return PayoutStop(
        of=of,
        officer=str(told["officer"]),
        reason=str(told["reason"]),
        at=parse_utc(str(told["at"])),
        signature=str(told["signature"]),
        is_standing=bool(told["is_standing"]),
        resume_proposer=str(told["resume_proposer"]),
        resume_at=parse_utc(str(told["resume_at"])) if told["resume_at"] else None,
        resume_signature=str(told["resume_signature"]),
        words=words_of(told["words"], ""),
    )


def standing_stop(desk: PayoutDesk, payout_id: str) -> PayoutStop | None:
    """The stop that stands in a payout's way; the one of all payouts first."""
    found = (stop_of(desk, of) for of in (ALL, payout_id))
    return next((stop for stop in found if stop is not None), None)


def require_going(desk: PayoutDesk, payout_id: str) -> None:
    """Pass if nobody has stopped it; raises PayoutsStopped."""
    stop = standing_stop(desk, payout_id)
    if stop is not None:
        what = "Payouts are" if stop.of == ALL else f"Payout {stop.of} is"
        raise PayoutsStopped(
            f"{what} stopped by {stop.officer} since {utc_text(stop.at)}: {stop.reason}",
            "Clear it up, and let officers end the stop: zakhira payout resume DIR",
        )


def stop(desk: PayoutDesk, of: str, reason: str, officer: OfficerKey) -> PayoutStop:
    """Stop one payout or all at once: any officer can, whatever the clock says. A stop that stands is given again.

    Raises:
        BadPayoutOrder: no reason is given. PayoutWordNotTaken: the key is no officer's.
    """
    known = next((item for item in desk.in_force.version.policy.officers if item.id == officer.officer), None)
    if known is None or known.public_key.lower() != officer.public_key.lower():
        raise PayoutWordNotTaken(f"{officer.officer} is no officer of the policy.", "Use an officer's key.")
    _require_reason(reason)

    def made(at: datetime) -> PayoutStop:
        bare = PayoutStop(of, officer.officer, reason, at)
        return replace(bare, signature=sign_veto(officer, bare.hash, reason, at).signature)

    for _ in range(MOST_TRIES):
        step = begin_step(desk, whatever_the_clock=True)
        there = stop_of(desk, of)
        if there is not None and _is_recorded(desk, there):
            return there
        stopped = made(step.at)
        try:
            commit_step(desk, step, officer.officer, f"payouts stopped: {of}", (), (stopped.record,))
        except SpendsMoved:
            continue
        return stopped
    raise SpendsMoved(f"Others took {MOST_TRIES} steps before this one.", "Do it again.")


def _is_recorded(desk: PayoutDesk, stop: PayoutStop) -> bool:
    """Whether the newest record says that it stands: that is what the database goes by."""
    body = desk.books.latest(PAYOUT_STOP, stop.of)
    return body is not None and bool(cast("Mapping[str, Json]", body)["is_standing"])


def stop_by_release(desk: PayoutDesk, payout_id: str, reason: str) -> PayoutStop:
    """A release that met something that is off stops its own payout; one that is stopped stays as it is."""
    step = begin_step(desk)
    there = stop_of(desk, payout_id)
    if there is not None and _is_recorded(desk, there):
        return there
    stopped = PayoutStop(payout_id, RELEASE, reason[:MOST_REASON_CHARACTERS], step.at)
    commit_step(desk, step, RELEASE, f"payout halted: {payout_id}", (), (stopped.record,))
    return stopped


def resume(desk: PayoutDesk, of: str, officer: OfficerKey) -> PayoutStop:
    """Put the end of a stop forward, or say yes to it; with the last yes that the policy asks for, it has ended.

    Raises:
        NothingStopped: no such stop stands.
        PayoutNotAllowed, PayoutWordNotTaken: the policy lets this officer not say so.
    """
    step = begin_step(desk)
    there = stop_of(desk, of)
    if there is None:
        raise NothingStopped(f"No stop of {of!r} stands.", "See what stands: zakhira payout status DIR")
    hours = desk.in_force.version.policy.approval_hours
    lapsed = there.resume_at is not None and step.at >= there.resume_at + timedelta(hours=hours)
    if there.resume_at is None or lapsed:
        after = replace(there, resume_proposer=officer.officer, resume_at=step.at, words=Words())
        after = replace(after, resume_signature=officer.sign(PROPOSAL_DOMAIN, after.matter(hours).hash))
        decision = ask(desk, after.matter(hours), Words(), step.at, Stage.PROPOSE)
        if decision.verdict is Verdict.REFUSED:
            raise not_allowed(after.matter(hours), decision)
    else:
        matter = there.matter(hours)
        require_signed(desk, matter)
        after = replace(there, words=with_approval(desk, matter, there.words, officer, step.at))
    if ask(desk, after.matter(hours), after.words, step.at).allowed:
        after = replace(after, is_standing=False)
    if after != there:
        what = "payouts resumed" if not after.is_standing else "end of a stop approved"
        commit_step(desk, step, officer.officer, f"{what}: {of}", (), (after.record,))
    return after


def _require_reason(reason: str) -> None:
    if not reason.strip() or not reason.isprintable() or len(reason) > MOST_REASON_CHARACTERS:
        raise BadPayoutOrder(
            f"{reason[:40]!r} is no reason of up to {MOST_REASON_CHARACTERS} characters.", "Say why, in a sentence."
        )

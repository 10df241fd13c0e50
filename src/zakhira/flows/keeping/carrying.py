"""An act on the ledger is put forward, approved and carried out: by as many officers as the policy asks, never one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import cast

from zakhira.controls.approval import PROPOSAL_DOMAIN
from zakhira.controls.engine.decision import Decision, Verdict
from zakhira.controls.engine.question import Stage
from zakhira.flows.decision_text import why_not
from zakhira.flows.keeping.act import DONE, LEDGER_ACT, WAITING, ActRecord, LedgerAct, act_of, act_record_of
from zakhira.flows.keeping.foresight import require_writable
from zakhira.flows.keeping.refusals import ActNotAllowed, ActOvertaken, NoReason, UnknownAct
from zakhira.flows.paying.desk import PayoutDesk
from zakhira.flows.paying.matter import ask, require_signed, with_approval, words_of
from zakhira.flows.paying.refusals import PayoutForged
from zakhira.flows.ports.signing import OfficerKey
from zakhira.flows.spending.step import begin_step, commit_step
from zakhira.kernel.canonical import Json
from zakhira.kernel.interval import parse_utc

LEAST_HASH_CHARACTERS = 8
"""So many characters of a hash tell an act."""


def act_record(desk: PayoutDesk, act: LedgerAct) -> ActRecord | None:
    """The record of an act, its content held against its proposer's signature; None if nobody put it forward.

    Raises:
        PayoutForged: it is not what was signed.
    """
    body = desk.books.latest(LEDGER_ACT, act.hash)
    if body is None:
        return None
    record = act_record_of(act, body)
    require_signed(desk, record.matter)
    return record


@dataclass(frozen=True)
class WaitingAct:
    """An act that still needs words. ``signed_by`` begins with its proposer; ``statement`` is all that it writes."""

    hash: str
    title: str
    because: str
    signed_by: tuple[str, ...]
    expires_at: datetime
    statement: Json


def waiting_acts(desk: PayoutDesk) -> tuple[WaitingAct, ...]:
    """The acts whose time is not over and that are not done, in the order in which they were put forward."""
    found = []
    for hash_, body in desk.books.records(LEDGER_ACT).items():
        told = cast("Mapping[str, str]", body)
        expires_at = parse_utc(told["expires_at"])
        if told["state"] != WAITING or expires_at <= desk.now:
            continue
        statement = cast("Mapping[str, Mapping[str, str]]", body)["statement"]
        words = words_of(cast("Mapping[str, Json]", body)["words"], hash_)
        signed = (told["proposer"], *(given.officer for given in words.approvals))
        found.append(WaitingAct(hash_, statement["title"], statement["because"], signed, expires_at, dict(statement)))
    return tuple(found)


def waiting_act(desk: PayoutDesk, hash_: str) -> LedgerAct:
    """The waiting act with this hash, or the one whose hash begins so, with all that it would write.

    Raises:
        UnknownAct: none waits, or several begin so.
        PayoutForged: what is kept under its hash is not what the hash is of.
    """
    found = [one for one in waiting_acts(desk) if one.hash.startswith(hash_)]
    if len(hash_) < LEAST_HASH_CHARACTERS or len(found) != 1:
        raise UnknownAct(
            f"{hash_[:80]!r} is no waiting act: {len(found)} begin so.", "See which wait: zakhira ledger waiting DIR"
        )
    act = act_of(found[0].statement)
    if act.hash != found[0].hash:
        raise PayoutForged(
            f"What is kept as act {found[0].hash[:12]} is another: {act.hash[:12]}.",
            "Approve nothing. Somebody has written to the database: find out who, and restore a backup.",
        )
    return act


def carry(desk: PayoutDesk, act: LedgerAct, officers: Sequence[OfficerKey]) -> tuple[ActRecord, Decision]:
    """Take the officers' words for an act, and carry it out with the last one that the policy asks for.

    The first officer puts it forward unless somebody did; words are kept, so that others may add theirs later by the
    same act. What was done is not done again.

    Raises:
        NoReason: it does not say why.
        ActNotAllowed: the policy does not let the first officer put it forward.
        ActOvertaken: what it changes was changed since it was put forward.
        what :func:`zakhira.flows.keeping.foresight.require_writable` and
        :func:`zakhira.flows.paying.matter.with_approval` raise, and what the books refuse.
    """
    if not act.because.strip():
        raise NoReason(f"{act.title}: no reason is given.", "Say why, and where the evidence lies.")
    step = begin_step(desk)
    record = act_record(desk, act)
    if record is not None and record.state == DONE:
        return record, ask(desk, record.matter, record.words, step.at)
    _require_current(desk, act)
    require_writable(desk.books, desk.ledger, act, step.at.date())
    if record is None or record.expires_at <= step.at:
        before, record = None, _put_forward(desk, act, officers[0], step.at)
    else:
        before = record
    for officer in officers:
        if officer.officer != record.proposer:
            record = replace(record, words=with_approval(desk, record.matter, record.words, officer, step.at))
    decision = ask(desk, record.matter, record.words, step.at)
    by = " and ".join(dict.fromkeys(officer.officer for officer in officers))
    if decision.allowed:
        record = replace(record, state=DONE)
        commit_step(desk, step, by, act.title, (), (record.record, *act.records), act.entries)
    elif record != before:
        commit_step(desk, step, by, f"waits: {act.title}", (), (record.record,))
    return record, decision


def _require_current(desk: PayoutDesk, act: LedgerAct) -> None:
    """A record says all of what it is about: one that was written before another would undo that, a freeze for one."""
    for record in act.records:
        if len(desk.books.versions(record.kind, record.id)) != act.turn:
            raise ActOvertaken(
                f"{act.title}: {record.kind} {record.id} was changed since this was put forward.",
                "Look at it as it is now, and put it forward anew.",
            )


def _put_forward(desk: PayoutDesk, act: LedgerAct, officer: OfficerKey, at: datetime) -> ActRecord:
    expires_at = at + timedelta(hours=desk.in_force.version.policy.approval_hours)
    made = ActRecord(act, officer.officer, at, expires_at, officer.sign(PROPOSAL_DOMAIN, act.hash))
    decision = ask(desk, made.matter, made.words, at, Stage.PROPOSE)
    if decision.verdict is Verdict.REFUSED:
        raise ActNotAllowed(
            f"{act.title} is not allowed. {why_not(decision)}", "Let an officer put it forward whom the policy names."
        )
    return made

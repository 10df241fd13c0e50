"""The second person reads total and unit in the source document, and rows go out in parts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from zakhira.controls.engine.decision import Decision, NeedKind, Why
from zakhira.controls.engine.people import people_of
from zakhira.flows.decision_text import why_not
from zakhira.flows.officer_words import sign_execution
from zakhira.flows.paying.approving import load_prepared
from zakhira.flows.paying.desk import PayoutDesk
from zakhira.flows.paying.halting import halts_of
from zakhira.flows.paying.known import known_of
from zakhira.flows.paying.matter import Matter, ask, must_wait, not_allowed, require_approved
from zakhira.flows.paying.payout_record import PayoutRecord, movement_record
from zakhira.flows.paying.preparing import Prepared, require_names
from zakhira.flows.paying.refusals import (
    BadPayoutOrder,
    NotTheSecondPerson,
    PartMustWait,
    PayoutHalted,
    SourceNamedOtherwise,
    TotalEnteredOtherwise,
    TotalEnteredTooOften,
    TotalNotEntered,
)
from zakhira.flows.paying.stopping import require_going, stop_by_release
from zakhira.flows.ports.signing import OfficerKey
from zakhira.flows.spending.dry import DryBooks
from zakhira.flows.spending.step import Step, begin_step, commit_step
from zakhira.kernel.errors import Faults
from zakhira.kernel.interval import utc_text
from zakhira.kernel.money import parse_amount
from zakhira.settlement.payouts.campaign import Way
from zakhira.settlement.payouts.checks import batch_faults
from zakhira.settlement.payouts.entries import row_entries
from zakhira.settlement.payouts.release import Part
from zakhira.settlement.payouts.state import PayoutState, PayoutStep, next_state

MOST_MISMATCHES = 3
"""How often the total may be entered otherwise [E]: a slip of the finger happens, guessing must not (low 1, high 5)."""


@dataclass(frozen=True)
class Released:
    """A payout after a step, and the part that went out with it."""

    payout: PayoutRecord
    part: Part | None


def enter_total(desk: PayoutDesk, payout_id: str, officer: OfficerKey, total: str, source: str) -> PayoutRecord:
    """Record that the officer read this total, with its unit, in the source document; nothing here tells it.

    The batch is held against its campaign once more, and the policy is asked again. It is never tried out: over books
    that forget, whoever tries could find the total by guessing.

    Raises:
        BadAmount: it is no amount with its unit. BadPayoutOrder: the document is not named, or it is a dry run.
        SourceNamedOtherwise: it is another document than the preparer's; it is recorded before this is raised, and
            nothing is said of the total.
        PayoutsStopped, PayoutHalted, Faults: a stop, something that is off, a batch that does not hold any more.
        NotTheSecondPerson: the officer prepared or approved it, or holds no role that executes.
        TotalEnteredOtherwise: it is not the batch's; what was entered is recorded before this is raised.
        TotalEnteredTooOften: prepare it anew.
        PayoutNotAllowed, PayoutMustWait, IllegalPayoutStep: it is not where this belongs.
    """
    step = begin_step(desk)
    require_names(payout_id, source)
    parse_amount(total)
    if isinstance(desk.books, DryBooks):
        raise BadPayoutOrder("A total is not tried out.", "Leave --dry-run out: whatever is entered is recorded.")
    prepared, matter = load_prepared(desk, payout_id)
    before = prepared.payout
    if before.words.execution is not None and before.words.execution.officer == officer.officer:
        return before
    state = next_state(before.state, PayoutStep.TOTAL_ENTERED)
    require_going(desk, payout_id)
    require_sound(desk, prepared)
    _require_no_halts(desk, prepared)
    if len(before.words.mismatches) >= MOST_MISMATCHES:
        raise TotalEnteredTooOften(
            f"The total of payout {payout_id} was entered otherwise {len(before.words.mismatches)} times.",
            "Find out why, and let it be prepared anew.",
        )
    require_approved(matter, ask(desk, matter, before.words, step.at))
    _require_other_person(desk, prepared, officer)
    entered = sign_execution(officer, before.hash, total.strip(), source.strip(), step.at)
    missed = replace(before, words=replace(before.words, mismatches=(*before.words.mismatches, entered)))
    if _document(source) != _document(before.source):
        commit_step(desk, step, officer.officer, f"another document named: {payout_id}", (), (missed.record,))
        raise SourceNamedOtherwise(
            f"{officer.officer} read {entered.source!r}, and the batch was made from another document.",
            "Read total and unit in the document that the payout names.",
        )
    words = replace(before.words, execution=entered, recorded_at=before.words.recorded(entered.signature, step.at))
    decision = ask(desk, matter, words, step.at)
    if _has(decision, Why.REKEYED_OTHERWISE):
        commit_step(desk, step, officer.officer, f"total entered otherwise: {payout_id}", (), (missed.record,))
        raise TotalEnteredOtherwise(
            f"{officer.officer} entered {entered.amount}, and the officers approved something else.",
            "Look into the source document again. If it says so, refuse it: zakhira payout approve --reject REASON",
        )
    _require_taken(matter, decision)
    after = replace(before, state=state, words=words)
    records = [after.record]
    if prepared.campaign.way is not Way.COIN:  # the spends of coins count for themselves
        records.append(movement_record(after, prepared.campaign, matter, step.at))
    commit_step(desk, step, officer.officer, f"payout total entered: {payout_id}", (), records)
    return after


def release_part(desk: PayoutDesk, payout_id: str, officer: OfficerKey) -> Released:
    """Let the next part out: its entries and the new state are one write, so that no row is ever out twice.

    Raises:
        TotalNotEntered: the second person has not spoken. NotTheSecondPerson: it is not that person's key.
        PayoutsStopped, PayoutHalted: what is off stops the payout until a quorum lets it go on.
        PartMustWait: the time between two parts is not over.
        PayoutNotAllowed: the policy says no by now.
    """
    step = begin_step(desk)
    prepared, matter = load_prepared(desk, payout_id)
    before, campaign = prepared.payout, prepared.campaign
    if before.state is PayoutState.RELEASED:
        return Released(before, None)
    _require_entered(before, officer)
    part = before.next_part
    assert part is not None, "what is not released has a part that is not out"
    require_going(desk, payout_id)
    decision = ask(desk, matter, before.words, step.at)
    _require_taken(matter, decision)
    _require_time(prepared, step)
    found = halts_of(desk, prepared)
    if found:
        stop_by_release(desk, payout_id, " ".join(found))
        raise _halted(payout_id, found)
    rows = prepared.batch.rows[part.start : part.end]
    is_last = part.end == before.rows
    after = replace(before, released=part.end, part_at=step.at)
    if is_last:
        after = replace(after, state=next_state(before.state, PayoutStep.LAST_PART_OUT))
    records = [after.record]
    if is_last and campaign.way is not Way.COIN:
        assert before.words.execution is not None, "the second person has spoken"
        records.append(movement_record(after, campaign, matter, before.words.execution.at))
    entries = row_entries(campaign, payout_id, rows, step.at)
    what = f"payout part {part.number} of {len(before.parts)} out: {payout_id}"
    commit_step(desk, step, officer.officer, what, (), records, entries)
    return Released(after, part)


def require_sound(desk: PayoutDesk, prepared: Prepared) -> None:
    """Hold the rows against their campaign as of now; raises Faults."""
    payout = prepared.payout
    payees = [row.payee for row in prepared.batch.rows]
    known = known_of(desk, prepared.campaign, payees, desk.now, payout.id)
    faults = tuple(batch_faults(prepared.campaign, known, prepared.batch.rows, f"payout {payout.id}"))
    if faults:
        raise Faults(faults)


def _require_no_halts(desk: PayoutDesk, prepared: Prepared) -> None:
    found = halts_of(desk, prepared)
    if found:
        raise _halted(prepared.payout.id, found)


def _halted(payout_id: str, found: tuple[str, ...]) -> PayoutHalted:
    return PayoutHalted(f"Payout {payout_id} is halted: {' '.join(found)}", "Find out why before anybody is paid.")


def _document(source: str) -> str:
    """A document's name without what makes no difference to a reader."""
    return " ".join(source.split()).casefold()


def _require_other_person(desk: PayoutDesk, prepared: Prepared, officer: OfficerKey) -> None:
    """Whoever prepared or approved a payout is never its second person, whatever the rule says."""
    persons, payout = people_of(desk.in_force.version.policy).persons, prepared.payout
    said = [(payout.proposer, "prepared"), *((given.officer, "approved") for given in payout.words.approvals)]
    person = persons.get(officer.officer, officer.officer)
    for name, verb in said:
        if persons.get(name, name) == person:
            raise NotTheSecondPerson(
                f"{officer.officer} {verb} payout {payout.id}, and cannot be the second person.",
                "Let another officer read the source document.",
            )


def _has(decision: Decision, why: Why) -> bool:
    return any(reason.code == why.code for reason in decision.reasons)


def _require_taken(matter: Matter, decision: Decision) -> None:
    if any(_has(decision, why) for why in (Why.EXECUTOR, Why.FORGED, Why.UNKNOWN_OFFICER, Why.REVOKED)):
        raise NotTheSecondPerson(why_not(decision), "Ask another officer whose role executes.")
    if decision.needs and all(need.kind is NeedKind.TIME for need in decision.needs):
        raise must_wait(matter, decision)
    if not decision.allowed:
        raise not_allowed(matter, decision)


def _require_entered(payout: PayoutRecord, officer: OfficerKey) -> None:
    entered = payout.words.execution
    if payout.state is not PayoutState.RELEASING or entered is None:
        raise TotalNotEntered(
            f"Payout {payout.id} is {payout.state.value}: nobody has entered its total again.",
            f"Let the second person do so: zakhira payout execute DIR {payout.id} --total --source",
        )
    if entered.officer != officer.officer:
        raise NotTheSecondPerson(
            f"{entered.officer} entered the total of payout {payout.id}, not {officer.officer}.",
            "Let the same officer release the next part.",
        )


def _require_time(prepared: Prepared, step: Step) -> None:
    last = prepared.payout.part_at
    if last is None:
        return
    from_ = last + timedelta(minutes=prepared.campaign.part_minutes)
    if step.at < from_:
        raise PartMustWait(
            f"The last part of payout {prepared.payout.id} went out at {utc_text(last)}; "
            f"{prepared.campaign.part_minutes} minutes pass before the next.",
            f"Look at what was paid, and come again at {utc_text(from_)}.",
        )

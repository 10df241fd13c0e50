"""One step of one or more spends: read at a numbered moment, written under that number, or not at all.

All steps of all spends are numbered together. Who writes under a number that somebody else has used meanwhile is
refused, so that no step is taken on a state that is no longer there and no coin is given to two spends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol, cast

from zakhira.controls.approval import PROPOSAL_DOMAIN
from zakhira.custody.instruction_text import BadInstruction
from zakhira.flows.governing.standing import authority_now
from zakhira.flows.movement_record import MOVEMENT, movement_of
from zakhira.flows.ports.books import Books, Record, Write
from zakhira.flows.ports.books_errors import KeyReused
from zakhira.flows.spending.refusals import ClockSetBack, ProposalForged, SpendsMoved, UnknownSpend
from zakhira.flows.spending.spend import TREASURY_SPEND, Fields, TreasurySpend, spend_of
from zakhira.flows.spending.spend_line import line_of
from zakhira.flows.treasury import Treasury
from zakhira.kernel.interval import parse_utc, utc_text
from zakhira.kernel.signatures import signature_is_valid
from zakhira.ledger.entry import Entry

SPEND_STEPS = "spend steps"
"""Kind of the one record that counts the steps of all spends."""
_ALL = "treasury"
CLOCK_ALLOWANCE = timedelta(minutes=2)
"""How far the clocks of the machines that take steps may lie apart [E]: machines kept by NTP differ by less than a
second, and no time limit of a policy is as short as two minutes (low 1 s, high 10 min)."""


class Clocked(Protocol):
    """Books with a moment: all that taking a step needs."""

    @property
    def books(self) -> Books:
        """Where the steps are numbered."""

    @property
    def now(self) -> datetime:
        """The moment (UTC)."""


@dataclass(frozen=True)
class Step:
    """The number under which the next step is written, and the moment at which it is taken."""

    number: int
    at: datetime


def begin_step(treasury: Clocked, *, whatever_the_clock: bool = False) -> Step:
    """Take a number before anything is read.

    ``whatever_the_clock`` is for what must be possible at once and gains nobody anything: a stop.

    Raises:
        ClockSetBack: the clock stands before the last step.
    """
    at = treasury.now.replace(microsecond=0)
    body = treasury.books.latest(SPEND_STEPS, _ALL)
    if body is None:
        return Step(1, at)
    told = cast("Fields", body)
    last = parse_utc(str(told["at"]))
    if at < last - CLOCK_ALLOWANCE and not whatever_the_clock:
        raise ClockSetBack(
            f"The clock says {utc_text(at)}, and the last step of a spend was at {utc_text(last)}.",
            "Set the clock right; who set it back may be after a time limit.",
        )
    return Step(cast("int", told["number"]) + 1, max(at, last))


def load_spend(treasury: Treasury, spend_id: str) -> TreasurySpend:
    """A spend as it is, its instruction held against its proposer's signature.

    Raises:
        UnknownSpend: there is none of this id.
        ProposalForged: the instruction is not what was signed, or not by an officer of the policy.
    """
    body = treasury.books.latest(TREASURY_SPEND, spend_id)
    if body is None:
        raise UnknownSpend(f"There is no spend {spend_id!r}.", "See which there are: zakhira spend list DIR")
    try:
        spend = spend_of(body)
    except BadInstruction as error:
        raise _forged(spend_id, error.message) from None
    require_authentic(treasury, spend)
    return spend


def require_authentic(treasury: Treasury, spend: TreasurySpend) -> None:
    """Hold an instruction against its proposer's signature; raises ProposalForged.

    A key of any version of the policy counts: whether its officer may still act is for the policy to say.
    """
    instruction = spend.instruction
    keys = authority_now(treasury).keys_of(instruction.proposed_by)
    if not any(signature_is_valid(key, PROPOSAL_DOMAIN, instruction.hash, spend.proposal_signature) for key in keys):
        raise _forged(spend.id, f"{instruction.proposed_by} did not sign the instruction {instruction.hash}.")


def _forged(spend_id: str, what: str) -> ProposalForged:
    return ProposalForged(
        f"Spend {spend_id} in the books is not the one that was proposed: {what}",
        "Sign nothing. Somebody has written to the database: find out who, and restore a backup.",
    )


def commit_step(
    treasury: Clocked,
    step: Step,
    actor: str,
    action: str,
    spends: Sequence[TreasurySpend],
    records: Sequence[Record] = (),
    entries: tuple[Entry, ...] = (),
) -> tuple[TreasurySpend, ...]:
    """Write the spends as they are after the step, with their lines and what else belongs to it; the spends written.

    Raises:
        SpendsMoved: another step was written under this number; nothing of this one was.
    """
    written = tuple(replace(spend, at=step.at) for spend in spends)
    counter = Record(SPEND_STEPS, _ALL, {"number": step.number, "at": utc_text(step.at)})
    ours = (item for spend in written for item in (spend.record, line_of(spend).record))
    names = " ".join(spend.id for spend in written[:3]) + (" ..." if len(written) > 3 else "")  # noqa: PLR2004  # a few
    write = Write(
        f"spend step/{step.number:08d}",
        actor,
        f"{action}: {names}" if names else action,
        step.at,
        entries,
        (counter, *ours, *records, *_counted_on(treasury.books, written, records)),
    )
    try:
        treasury.books.commit(write)
    except KeyReused:
        raise SpendsMoved(
            f"Somebody else took a step of a spend at the same moment (number {step.number}).", "Do it again."
        ) from None
    return written


def _counted_on(books: Books, spends: Sequence[TreasurySpend], records: Sequence[Record]) -> list[Record]:
    """What the spends count as in rolling windows from this step on, where that changes."""
    begun = {record.id for record in records if record.kind == MOVEMENT}
    by_id = {spend.id: spend for spend in spends if spend.id not in begun}
    changed = []
    for name, body in (books.bodies(MOVEMENT, list(by_id)) if by_id else {}).items():
        before, spend = movement_of(name, body), by_id[name]
        after = replace(
            before,
            state=spend.movement_state,
            lot_purposes=spend.lot_purposes or before.lot_purposes,
            fee_units=spend.highest_fee_sats if before.outside_units else 0,
        )
        if after != before:
            changed.append(after.record)
    return changed

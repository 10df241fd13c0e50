"""Parts that a bank pays: an order for each, written once, and what the bank answers."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import cast

from zakhira.controls.engine.people import people_of
from zakhira.flows.officer_words import sign_approval
from zakhira.flows.paying.approving import load_prepared
from zakhira.flows.paying.bank_order import bank_order, row_reference
from zakhira.flows.paying.desk import PayoutDesk
from zakhira.flows.paying.key_holders import persons_of, require_key, require_not_frozen
from zakhira.flows.paying.payout_record import PayoutRecord
from zakhira.flows.paying.preparing import Prepared
from zakhira.flows.paying.refusals import (
    AnswerNotTaken,
    BadPayoutOrder,
    NotThisWay,
    OrderChanged,
    PayoutWordNotTaken,
    UnknownOrder,
)
from zakhira.flows.paying.stopping import require_going, stop_by_release
from zakhira.flows.ports.bank import (
    BankFiles,
    BankOrder,
    BankStatus,
    BankStatusReport,
    TransferState,
)
from zakhira.flows.ports.books import Record
from zakhira.flows.ports.signing import OfficerKey
from zakhira.flows.reconciling.bank_records import BANK_STATEMENT, PAYOUT_ANSWER, order_record, statement_of
from zakhira.flows.spending.step import begin_step, commit_step
from zakhira.flows.word_text import approval_json
from zakhira.kernel.canonical import Json, content_hash
from zakhira.kernel.ids import derive_id
from zakhira.ledger.entry import Entry, reversal
from zakhira.settlement.payouts.batch import PayoutRow
from zakhira.settlement.payouts.campaign import Way
from zakhira.settlement.payouts.entries import row_entry_id
from zakhira.settlement.payouts.release import Part

PAYOUT_ORDER = "payout order"
"""Kind of the records of orders to a bank; the id is the message's. A part is ordered once, for one day."""
MOST_DAYS_AHEAD = 30
"""How far ahead a bank may be told to pay [E]: a payroll is ordered within its month (low 10, high 90). A day that
somebody mistyped by years would stand for ever."""
_ID_SHOWN = 35
"""Of an id that a bank tells: ISO 20022 knows none that is longer (Max35Text)."""


@dataclass(frozen=True)
class WrittenOrder:
    """An order as a file for the bank."""

    order: BankOrder
    content: bytes

    @property
    def sha256(self) -> str:
        """Of the bytes, in hex: who hands the file to the bank compares it with the file that they hand."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True)
class Answered:
    """What a bank's answer comes to: how many transfers it accepts or still looks at, and whom it does not pay."""

    payout: PayoutRecord
    accepted: int
    pending: int
    rejected: tuple[tuple[str, str], ...]
    """payees with the bank's reason"""
    strange: tuple[str, ...]
    """what the bank says otherwise than it was ordered, in sentences: it has stopped the payout"""


def write_orders(
    desk: PayoutDesk, files: BankFiles, payout_id: str, execute_on: date, officer: OfficerKey
) -> tuple[WrittenOrder, ...]:
    """An order for each part that is out. A part that was ordered before gives the same bytes, whatever day is asked.

    Raises:
        NotThisWay: the campaign does not pay by a bank. Faults: a field that a bank does not take.
        PayoutWordNotTaken: the key does not count, it is neither the preparer's nor the second person's, or the
            reserve is frozen.
        PayoutsStopped: an officer stopped it, whether it was ordered before or not.
        BadPayoutOrder: a part is not ordered yet, and the day is over or too far ahead.
        OrderChanged: the bytes are not those that were ordered before.
    """
    prepared, _ = load_prepared(desk, payout_id)
    _require_bank(prepared)
    _require_orderer(desk, prepared, officer)
    require_going(desk, payout_id)
    found = []
    for part in prepared.payout.parts:
        if part.end > prepared.payout.released:
            break
        name = f"{payout_id}-{part.number}"
        body = desk.books.latest(PAYOUT_ORDER, name)
        told = cast("Mapping[str, Json]", body or {})
        if body is None:
            _require_day(desk, execute_on)
        day = execute_on if body is None else date.fromisoformat(str(told["execute_on"]))
        execution = prepared.payout.words.execution
        assert execution is not None, "a part is out"
        rows = prepared.batch.rows[part.start : part.end]
        order = bank_order(prepared.campaign, payout_id, rows, part, execution.at, day)
        written = WrittenOrder(order, files.write_bank_order(order))
        if told.get("sha256", written.sha256) != written.sha256:
            raise OrderChanged(
                f"Order {name} has SHA-256 {written.sha256} now, and was ordered with {told['sha256']}.",
                "Hand the bank no second file for it. Find out what changed: the books, or this program's version.",
            )
        if body is None:
            step = begin_step(desk)
            what: Json = {
                "payout": payout_id,
                "part": part.number,
                "execute_on": str(day),
                "sha256": written.sha256,
            }
            records = (Record(PAYOUT_ORDER, name, what), order_record(order, prepared.campaign.ordered))
            commit_step(desk, step, officer.officer, f"payout ordered from the bank: {name}", (), records)
        found.append(written)
    return tuple(found)


def _require_orderer(desk: PayoutDesk, prepared: Prepared, officer: OfficerKey) -> None:
    require_key(desk, officer)
    require_not_frozen(desk)
    payout = prepared.payout
    entered = payout.words.execution.officer if payout.words.execution else payout.proposer
    mine, *theirs = persons_of(desk, officer.officer, payout.proposer, entered)
    if mine not in theirs:
        raise PayoutWordNotTaken(
            f"{officer.officer} neither prepared payout {payout.id} nor entered its total.",
            f"Let {payout.proposer} or {entered} order it.",
        )


def _require_day(desk: PayoutDesk, day: date) -> None:
    today = people_of(desk.in_force.version.policy).day(desk.now)
    last = today + timedelta(days=MOST_DAYS_AHEAD)
    if not today <= day <= last:
        raise BadPayoutOrder(
            f"{day} is not within {today} (where the programme is) and {last}.",
            "Give the day on which the bank shall pay.",
        )


def _require_bank(prepared: Prepared) -> None:
    if prepared.campaign.way is not Way.BANK:
        raise NotThisWay(
            f"Campaign {prepared.campaign.id} pays by {prepared.campaign.way.value}.", "No bank is asked for it."
        )


def take_bank_status(
    desk: PayoutDesk, payout_id: str, report: BankStatusReport, sha256: str, officer: OfficerKey
) -> Answered:
    """Record what the bank answers: what it does not pay goes back into the fund; the same answer changes nothing.

    An answer is a file that anybody can write. So an officer other than the preparer signs for it by ``sha256`` (of
    the file, in hex), and nothing that a statement shows as paid comes back. A bank that understood another amount, or
    answers what its order does not name, stops the payout.

    Raises:
        PayoutWordNotTaken: the key is no officer's. AnswerNotTaken: it is the preparer's, or the bank has paid.
        UnknownOrder: the answer is about another order. NotThisWay: the campaign does not pay by a bank.
    """
    step = begin_step(desk)
    prepared, _ = load_prepared(desk, payout_id)
    _require_bank(prepared)
    _require_bringer(desk, prepared, officer)
    part = next((one for one in prepared.payout.parts if f"{payout_id}-{one.number}" == report.order_id), None)
    if part is None or desk.books.latest(PAYOUT_ORDER, report.order_id) is None:
        raise UnknownOrder(
            f"The bank answers to {report.order_id!r}, which is no order of payout {payout_id}.",
            "Take the answer to the payout that it belongs to.",
        )
    said = list(_said(prepared, part, report))
    accepted = sum(state is TransferState.ACCEPTED for _, state, _ in said)
    refused = [(row, why) for row, state, why in said if state is TransferState.REJECTED]
    before = prepared.payout
    fresh = [row for row, _ in refused if row.payee not in before.rejected]
    _require_unpaid(desk, prepared, part, fresh)
    after = replace(before, rejected=(*before.rejected, *(row.payee for row in fresh)))
    records = [*([after.record] if fresh else []), *_answer_record(desk, prepared, report, sha256, officer, fresh)]
    if records:
        entries = tuple(_taken_back(desk, payout_id, row, report.id) for row in fresh)
        commit_step(desk, step, officer.officer, f"bank answered to {report.order_id}", (), records, entries)
    strange = (*_other_amounts(prepared, part, report), *_not_ordered(prepared, part, report))
    if strange:
        stop_by_release(desk, payout_id, " ".join(strange))
    pending = len(said) - accepted - len(refused)
    return Answered(after, accepted, pending, tuple((row.payee, why) for row, why in refused), strange)


def _require_bringer(desk: PayoutDesk, prepared: Prepared, officer: OfficerKey) -> None:
    """Whoever prepared a payout does not say what the bank did with it."""
    require_key(desk, officer)
    payout = prepared.payout
    mine, theirs = persons_of(desk, officer.officer, payout.proposer)
    if mine == theirs:
        raise AnswerNotTaken(
            f"{officer.officer} prepared payout {payout.id}: what comes back could be paid again on one person's word.",
            "Let another officer bring the bank's answer.",
        )


def _require_unpaid(desk: PayoutDesk, prepared: Prepared, part: Part, rows: list[PayoutRow]) -> None:
    """Nothing comes back that a statement shows as paid, and not as returned."""
    order = f"{prepared.payout.id}-{part.number}"
    all_of_it = sum(row.amount.units for row in prepared.batch.rows[part.start : part.end])
    moved: Counter[str] = Counter()
    for body in desk.books.records(BANK_STATEMENT).values() if rows else ():  # whoever imported it: a doubt is enough
        for entry in statement_of(cast("Mapping[str, Json]", body)["statement"]).entries:
            for line in entry.lines:
                moved[line.end_to_end_id] += line.amount.units
            if not entry.lines and entry.order_id == order and abs(entry.amount.units) == all_of_it:
                moved[order] += entry.amount.units
    places = {prepared.batch.rows[place].payee: place for place in range(part.start, part.end)}
    for row in rows:
        if moved[order] < 0 or moved[row_reference(prepared.payout.id, places[row.payee])] < 0:
            raise AnswerNotTaken(
                f"A statement shows that the bank paid {row.payee} for order {order}.",
                "Ask the bank. Where it took the payment back, import the statement that shows it, and come again.",
            )


def _answer_record(
    desk: PayoutDesk,
    prepared: Prepared,
    report: BankStatusReport,
    sha256: str,
    officer: OfficerKey,
    fresh: list[PayoutRow],
) -> Iterator[Record]:
    """Who brought which file, signed, once for each file and order; and what comes back by it."""
    name = f"{report.order_id} {sha256}"
    if desk.books.latest(PAYOUT_ANSWER, name) is None:
        payout_id, back = prepared.payout.id, {row.payee for row in fresh}
        places = (place for place, row in enumerate(prepared.batch.rows) if row.payee in back)
        hash_ = content_hash({"payout": payout_id, "order": report.order_id, "answer": sha256})
        at, policy_hash = desk.now.replace(microsecond=0), desk.in_force.version.hash
        word = sign_approval(officer, hash_, at, policy_hash)
        body: Json = {
            "payout": payout_id,
            "order": report.order_id,
            "answer": report.id,
            "sha256": sha256,
            "taken_back": [row_reference(payout_id, place) for place in places],
            "word": approval_json(word),
        }
        yield Record(PAYOUT_ANSWER, name, body)


def _said(
    prepared: Prepared, part: Part, report: BankStatusReport
) -> Iterator[tuple[PayoutRow, TransferState | None, str]]:
    named = {status.end_to_end_id: status for status in report.transfers}
    for place in range(part.start, part.end):
        row = prepared.batch.rows[place]
        status = named.get(row_reference(prepared.payout.id, place))
        if status is None:
            yield row, report.state, f"{report.code} {report.reason}".strip()
        else:
            yield row, status.state, f"{status.code} {status.reason}".strip()


def _other_amounts(prepared: Prepared, part: Part, report: BankStatusReport) -> Iterator[str]:
    named: dict[str, BankStatus] = {status.end_to_end_id: status for status in report.transfers}
    for place in range(part.start, part.end):
        row, status = prepared.batch.rows[place], named.get(row_reference(prepared.payout.id, place))
        if status is not None and status.amount is not None and status.amount != row.amount:
            yield f"The bank understood {status.amount} for {row.payee}, and the order says {row.amount}."


def _not_ordered(prepared: Prepared, part: Part, report: BankStatusReport) -> Iterator[str]:
    ordered = {row_reference(prepared.payout.id, place) for place in range(part.start, part.end)}
    strays = [status.end_to_end_id for status in report.transfers if status.end_to_end_id not in ordered]
    if strays:
        more = f" and {len(strays) - 1} more" if len(strays) > 1 else ""
        yield f"The bank answers {strays[0][:_ID_SHOWN]!r}{more}, which order {report.order_id} does not name."


def _taken_back(desk: PayoutDesk, payout_id: str, row: PayoutRow, answer: str) -> Entry:
    posted = desk.ledger.entry(row_entry_id(payout_id, row.payee))
    assert posted is not None, "a row that is out has its entry"
    name = derive_id("entry", "payout refused by a bank", payout_id, row.payee)
    because = f"A bank did not pay {row.payee}: payout {payout_id}"
    return reversal(posted.entry, name, desk.now, because, f"bank status {answer}")

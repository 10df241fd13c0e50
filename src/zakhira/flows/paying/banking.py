"""Parts that a bank pays: an order for each, written once, and what the bank answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import cast

from zakhira.flows.paying.approving import load_prepared
from zakhira.flows.paying.bank_order import bank_order, row_reference
from zakhira.flows.paying.desk import PayoutDesk
from zakhira.flows.paying.payout_record import PayoutRecord
from zakhira.flows.paying.preparing import Prepared
from zakhira.flows.paying.refusals import NotThisWay, UnknownOrder
from zakhira.flows.paying.stopping import RELEASE, stop_by_release
from zakhira.flows.ports.bank import (
    BankFiles,
    BankOrder,
    BankStatus,
    BankStatusReport,
    TransferState,
)
from zakhira.flows.ports.books import Record
from zakhira.flows.ports.signing import OfficerKey
from zakhira.flows.reconciling.bank_records import order_record
from zakhira.flows.spending.step import begin_step, commit_step
from zakhira.kernel.canonical import Json
from zakhira.kernel.ids import derive_id
from zakhira.ledger.entry import Entry, reversal
from zakhira.settlement.payouts.batch import PayoutRow
from zakhira.settlement.payouts.campaign import Way
from zakhira.settlement.payouts.entries import row_entry_id
from zakhira.settlement.payouts.release import Part

PAYOUT_ORDER = "payout order"
"""Kind of the records of orders to a bank; the id is the message's. A part is ordered once, for one day."""


@dataclass(frozen=True)
class WrittenOrder:
    """An order as a file for the bank."""

    order: BankOrder
    content: bytes


@dataclass(frozen=True)
class Answered:
    """What a bank's answer comes to: how many transfers it accepts or still looks at, and whom it does not pay."""

    payout: PayoutRecord
    accepted: int
    pending: int
    rejected: tuple[tuple[str, str], ...]
    """payees with the bank's reason"""


def write_orders(
    desk: PayoutDesk, files: BankFiles, payout_id: str, execute_on: date, officer: OfficerKey
) -> tuple[WrittenOrder, ...]:
    """An order for each part that is out. A part that was ordered before gives the same bytes, whatever day is asked.

    Raises:
        NotThisWay: the campaign does not pay by a bank. Faults: a field that a bank does not take.
    """
    prepared, _ = load_prepared(desk, payout_id)
    _require_bank(prepared)
    found = []
    for part in prepared.payout.parts:
        if part.end > prepared.payout.released:
            break
        name = f"{payout_id}-{part.number}"
        body = desk.books.latest(PAYOUT_ORDER, name)
        day = execute_on if body is None else date.fromisoformat(str(cast("Mapping[str, Json]", body)["execute_on"]))
        execution = prepared.payout.words.execution
        assert execution is not None, "a part is out"
        rows = prepared.batch.rows[part.start : part.end]
        order = bank_order(prepared.campaign, payout_id, rows, part, execution.at, day)
        content = files.write_bank_order(order)
        if body is None:
            step = begin_step(desk)
            record = Record(PAYOUT_ORDER, name, {"payout": payout_id, "part": part.number, "execute_on": str(day)})
            records = (record, order_record(order, prepared.campaign.ordered))
            commit_step(desk, step, officer.officer, f"payout ordered from the bank: {name}", (), records)
        found.append(WrittenOrder(order, content))
    return tuple(found)


def _require_bank(prepared: Prepared) -> None:
    if prepared.campaign.way is not Way.BANK:
        raise NotThisWay(
            f"Campaign {prepared.campaign.id} pays by {prepared.campaign.way.value}.", "No bank is asked for it."
        )


def take_bank_status(desk: PayoutDesk, payout_id: str, report: BankStatusReport) -> Answered:
    """Record what the bank answers: what it does not pay goes back into the fund; the same answer changes nothing.

    A bank that understood another amount stops the payout.

    Raises:
        UnknownOrder: the answer is about another order. NotThisWay: the campaign does not pay by a bank.
    """
    step = begin_step(desk)
    prepared, _ = load_prepared(desk, payout_id)
    _require_bank(prepared)
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
    after = replace(before, rejected=(*before.rejected, *(row.payee for row in fresh)))
    if fresh:
        entries = tuple(_taken_back(desk, payout_id, row, report.id) for row in fresh)
        commit_step(desk, step, RELEASE, f"bank refused transfers of {payout_id}", (), (after.record,), entries)
    wrong = list(_other_amounts(prepared, part, report))
    if wrong:
        stop_by_release(desk, payout_id, " ".join(wrong))
    pending = len(said) - accepted - len(refused)
    return Answered(after, accepted, pending, tuple((row.payee, why) for row, why in refused))


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


def _taken_back(desk: PayoutDesk, payout_id: str, row: PayoutRow, answer: str) -> Entry:
    posted = desk.ledger.entry(row_entry_id(payout_id, row.payee))
    assert posted is not None, "a row that is out has its entry"
    name = derive_id("entry", "payout refused by a bank", payout_id, row.payee)
    because = f"A bank did not pay {row.payee}: payout {payout_id}"
    return reversal(posted.entry, name, desk.now, because, f"bank status {answer}")

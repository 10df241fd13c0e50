"""A part of a payout as an order to a bank, and what a bank would not take of a batch, before anybody approves it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime

from zakhira.flows.ports.bank import BankAccount, BankFiles, BankOrder, BankTransfer
from zakhira.kernel.errors import Fault, Faults
from zakhira.settlement.payouts.batch import PayoutRow
from zakhira.settlement.payouts.campaign import Campaign
from zakhira.settlement.payouts.release import Part

_DRAFT = "draft"


def bank_order(
    campaign: Campaign, payout_id: str, rows: Sequence[PayoutRow], part: Part, at: datetime, day: date
) -> BankOrder:
    """The order of a part, whose rows these are; ``at`` (UTC) is when the second person entered the total."""
    holder, number, bank = campaign.debtor
    transfers = tuple(
        BankTransfer(row_reference(payout_id, place), row.name, row.account, row.bank, row.amount, row.reason)
        for place, row in enumerate(rows, part.start)
    )
    return BankOrder(f"{payout_id}-{part.number}", at, day, BankAccount(holder, number, bank), transfers)


def row_reference(payout_id: str, place: int) -> str:
    """What comes back in the bank's statement: the payout and the row, counted from 1."""
    return f"{payout_id}-{place + 1}"


def untaken(files: BankFiles, campaign: Campaign, rows: Sequence[PayoutRow], at: datetime, file: str) -> list[Fault]:
    """What a bank would not take of these rows: an account whose check digits are wrong, a name that is too long."""
    order = bank_order(campaign, _DRAFT, rows, Part(1, 0, len(rows)), at, at.date())
    lines = {row_reference(_DRAFT, place): row.line for place, row in enumerate(rows)}
    try:
        files.write_bank_order(order)
    except Faults as told:
        found = []
        for fault in told.faults:
            name, _, key = fault.key.partition(" ")
            found.append(replace(fault, file=file, line=lines.get(name, 0), key=key or name))
        return found
    return []

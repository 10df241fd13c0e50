"""Statements and orders of a bank as records of the books: each statement once, each order beside its payments."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import partial
from typing import cast

from zakhira.flows.ports.bank import (
    BankAccount,
    BankOrder,
    BankStatement,
    BankTransfer,
    StatementEntry,
    StatementLine,
)
from zakhira.flows.ports.books import Books, Record
from zakhira.flows.reconciling.reading import read_record
from zakhira.kernel.canonical import Json
from zakhira.kernel.interval import parse_utc, utc_text
from zakhira.kernel.money import Amount, parse_amount

BANK_STATEMENT = "bank statement"
"""Kind of the records of imported statements; the id is the account's number and the statement's id."""
BANK_ORDER = "bank order"
"""Kind of the records of what was ordered from banks; the id is the message's."""
PAYOUT_ANSWER = "payout answer"
"""Kind of the records of a bank's answers, with the word of the officer who brought the file, and what came back."""


def order_record(order: BankOrder, owed: str = "") -> Record:
    """The record of an order: written with what hands it out, it says which payments a bank's batch is made of.

    ``owed`` is the account of the ledger that holds what was ordered and is not proven paid: the statement books it
    off against the cash account. Without one, what the bank pays is booked elsewhere.
    """
    body: Json = {
        "owed": owed,
        "ordered_at": utc_text(order.ordered_at),
        "execute_on": order.execute_on.isoformat(),
        "debtor": {"holder": order.debtor.holder, "number": order.debtor.number, "bank": order.debtor.bank},
        "transfers": [
            {
                "end_to_end_id": item.end_to_end_id,
                "payee": item.payee,
                "account": item.account,
                "bank": item.bank,
                "amount": str(item.amount),
                "reason": item.reason,
            }
            for item in order.transfers
        ],
    }
    return Record(BANK_ORDER, order.message_id, body)


def taken_back(books: Books) -> frozenset[str]:
    """End-to-end ids of payments that are owed to nobody any more, as a bank is said to have refused them.

    Every version of an answer's record counts: a later one hides nothing.

    Raises:
        BooksDamaged: a record is no answer.
    """
    found = set[str]()
    for name in books.records(PAYOUT_ANSWER):
        for body in books.versions(PAYOUT_ANSWER, name):
            found.update(read_record(PAYOUT_ANSWER, name, body, _taken_back_of))
    return frozenset(found)


def _taken_back_of(body: Json) -> tuple[str, ...]:
    names = cast("Mapping[str, Json]", body)["taken_back"]
    if not isinstance(names, list | tuple):
        raise TypeError("taken_back is no list")
    return tuple(str(name) for name in names)


def bank_orders(books: Books) -> Mapping[str, BankOrder]:
    """Every order by its message id, the oldest first, each as it was first written: an order is never changed.

    Raises:
        BooksDamaged: a record is no order.
    """
    found = _first_bodies(books).items()
    return {name: read_record(BANK_ORDER, name, body, partial(order_of, name)) for name, body in found}


def ordered_transfers(orders: Mapping[str, BankOrder]) -> Mapping[str, tuple[str, BankTransfer]]:
    """Message id and transfer by end-to-end id; of two orders that name the same one, the first written counts."""
    found: dict[str, tuple[str, BankTransfer]] = {}
    for name, order in orders.items():
        for transfer in order.transfers:
            found.setdefault(transfer.end_to_end_id, (name, transfer))
    return found


def owed_accounts(books: Books) -> Mapping[str, str]:
    """The account that holds what was ordered, by message id; orders without one are left out."""
    bodies = _first_bodies(books).items()
    found = {name: read_record(BANK_ORDER, name, body, _owed_of) for name, body in bodies}
    return {name: code for name, code in found.items() if code}


def _first_bodies(books: Books) -> Mapping[str, Json]:
    return {name: books.versions(BANK_ORDER, name)[0] for name in books.records(BANK_ORDER)}


def _owed_of(body: Json) -> str:
    return str(cast("Mapping[str, Json]", body)["owed"])


def order_of(message_id: str, body: Json) -> BankOrder:
    """The order that :func:`order_record` wrote."""
    told = cast("Mapping[str, Json]", body)
    transfers = cast("list[Mapping[str, Json]]", told["transfers"])
    debtor = cast("Mapping[str, Json]", told["debtor"])
    if not transfers:
        raise ValueError("it orders nothing")
    return BankOrder(
        message_id,
        parse_utc(str(told["ordered_at"])),
        date.fromisoformat(str(told["execute_on"])),
        BankAccount(str(debtor["holder"]), str(debtor["number"]), str(debtor["bank"])),
        tuple(_transfer_of(item) for item in transfers),
    )


def _transfer_of(told: Mapping[str, Json]) -> BankTransfer:
    name, payee, account, bank, reason = (
        str(told[key]) for key in ("end_to_end_id", "payee", "account", "bank", "reason")
    )
    return BankTransfer(name, payee, account, bank, _money(told["amount"]), reason)


def plain_number(number: str) -> str:
    """A number of an account without the spaces that people write into it, in capitals."""
    return "".join(number.split()).upper()


def statement_id(statement: BankStatement) -> str:
    """The id of a statement's record."""
    return f"{statement.account} {statement.id}"


def statement_json(statement: BankStatement) -> Json:
    """A statement as plain data; money as text with its unit."""
    return {
        "id": statement.id,
        "account": statement.account,
        "sequence": statement.sequence,
        "created_at": utc_text(statement.created_at),
        "opening": str(statement.opening),
        "opened_on": statement.opened_on.isoformat(),
        "closing": str(statement.closing),
        "closed_on": statement.closed_on.isoformat(),
        "entries": [_entry_json(entry) for entry in statement.entries],
        "pending": statement.pending,
    }


def statement_of(body: Json) -> BankStatement:
    """The statement that :func:`statement_json` wrote."""
    told = cast("Mapping[str, Json]", body)
    return BankStatement(
        str(told["id"]),
        str(told["account"]),
        None if told["sequence"] is None else int(str(told["sequence"])),
        parse_utc(str(told["created_at"])),
        _money(told["opening"]),
        date.fromisoformat(str(told["opened_on"])),
        _money(told["closing"]),
        date.fromisoformat(str(told["closed_on"])),
        tuple(_entry_of(cast("Mapping[str, Json]", item)) for item in cast("list[Json]", told["entries"])),
        int(str(told["pending"])),
    )


def _entry_json(entry: StatementEntry) -> Json:
    return {
        "reference": entry.reference,
        "amount": str(entry.amount),
        "is_reversal": entry.is_reversal,
        "booked_on": entry.booked_on.isoformat(),
        "value_on": entry.value_on.isoformat() if entry.value_on else "",
        "lines": [
            {
                "amount": str(line.amount),
                "end_to_end_id": line.end_to_end_id,
                "order_id": line.order_id,
                "counterparty": line.counterparty,
                "account": line.account,
                "text": line.text,
            }
            for line in entry.lines
        ],
        "order_id": entry.order_id,
        "text": entry.text,
    }


def _entry_of(told: Mapping[str, Json]) -> StatementEntry:
    value_on = str(told["value_on"])
    return StatementEntry(
        str(told["reference"]),
        _money(told["amount"]),
        bool(told["is_reversal"]),
        date.fromisoformat(str(told["booked_on"])),
        date.fromisoformat(value_on) if value_on else None,
        tuple(_line_of(cast("Mapping[str, Json]", item)) for item in cast("list[Json]", told["lines"])),
        str(told["order_id"]),
        str(told["text"]),
    )


def _line_of(told: Mapping[str, Json]) -> StatementLine:
    name, order_id, counterparty, account, text = (
        str(told[key]) for key in ("end_to_end_id", "order_id", "counterparty", "account", "text")
    )
    return StatementLine(_money(told["amount"]), name, order_id, counterparty, account, text)


def _money(text: Json) -> Amount:
    return parse_amount(str(text))

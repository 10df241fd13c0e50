"""What was ordered and stands on a statement is paid: it is booked off what was ordered, once for each payment.

The order was approved, entered again by a second person and released; the statement is the evidence that the bank paid
it. Only a payment of exactly the ordered amount under exactly the ordered reference, to the ordered account where the
bank tells one, is booked: anything else is a case.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from zakhira.flows.ports.bank import BankOrder, BankStatement, BankTransfer, StatementEntry
from zakhira.flows.ports.books import Books, Write
from zakhira.flows.ports.ledger_books import LedgerBooks
from zakhira.flows.reconciling.bank_records import (
    bank_orders,
    ordered_transfers,
    owed_accounts,
    plain_number,
    taken_back,
)
from zakhira.flows.reconciling.evidence import Evidence
from zakhira.flows.reconciling.meters import BEGINNING, END
from zakhira.flows.reconciling.payees import is_other_payee
from zakhira.kernel.canonical import content_hash
from zakhira.kernel.ids import derive_id
from zakhira.ledger.entry import Entry, Posting
from zakhira.ledger.faults import AboveCeiling, AccountFrozen, Overdrawn, PeriodClosed, UnknownAccount, WrongCommodity
from zakhira.programme.reconciliation import BankAccountSpec

_REFUSED = (AboveCeiling, AccountFrozen, Overdrawn, PeriodClosed, UnknownAccount, WrongCommodity)


@dataclass(frozen=True)
class _Ordered:
    """A transfer that was ordered, with the account of what is owed for it."""

    transfer: BankTransfer
    owed: str


@dataclass(frozen=True)
class ProvenPaid:
    """A statement and the entries of ordered payments that it proves and that are not booked."""

    statement: BankStatement
    entries: tuple[Entry, ...]


def proven_paid(
    books: Books, ledger: LedgerBooks, accounts: Sequence[BankAccountSpec], evidence: Evidence
) -> tuple[ProvenPaid, ...]:
    """What undisputed statements under an officer's signature prove paid and the ledger does not have yet.

    An entry is dated by the bank's booking day and rests on the end-to-end id. A payment that the bank makes a second
    time is not there a second time.
    """
    orders, owed, refused = bank_orders(books), owed_accounts(books), taken_back(books)
    ordered = {
        end_to_end_id: _Ordered(transfer, owed[name])
        for end_to_end_id, (name, transfer) in ordered_transfers(orders).items()
        if name in owed and end_to_end_id not in refused
    }
    found = list[ProvenPaid]()
    statements = evidence.undisputed if ordered else ()
    for account in accounts if ordered else ():
        own = [item for item in statements if plain_number(item.account) == plain_number(account.number)]
        held = ledger.lines((account.account,), BEGINNING, END).get(account.account)
        done = {line.evidence for line in held.lines} if held else set[str]()
        for statement in own:
            paid: dict[str, date] = {}
            for name, on in _paid(statement, ordered, orders, done):
                paid.setdefault(name, on)
            done |= paid.keys()
            entries = tuple(_entry(ordered[name], account.account, on) for name, on in paid.items())
            if entries:
                found.append(ProvenPaid(statement, entries))
    return tuple(found)


def book_paid(
    books: Books,
    ledger: LedgerBooks,
    accounts: Sequence[BankAccountSpec],
    evidence: Evidence,
    actor: str,
    at: datetime,
) -> tuple[str, ...]:
    """Book what is proven paid; safe to repeat. What the ledger refuses is told, and stays a difference."""
    notes = list[str]()
    for proven in proven_paid(books, ledger, accounts, evidence):
        if _commit(books, proven.statement, proven.entries, actor, at):
            for entry in proven.entries:
                why = _commit(books, proven.statement, (entry,), actor, at)
                notes += [f"{entry.evidence} is paid, and the ledger refuses to book it: {why}"] if why else []
    return tuple(notes)


def _paid(
    statement: BankStatement, ordered: Mapping[str, _Ordered], orders: Mapping[str, BankOrder], done: set[str]
) -> Iterator[tuple[str, date]]:
    """The end-to-end ids that the statement proves paid and that are not booked, with the bank's booking day."""
    for entry in statement.entries:
        if entry.is_reversal:
            continue
        for name in _names(entry, ordered, orders):
            if name not in done:
                yield name, entry.booked_on


def _names(entry: StatementEntry, ordered: Mapping[str, _Ordered], orders: Mapping[str, BankOrder]) -> Iterator[str]:
    for line in entry.lines:
        told = ordered.get(line.end_to_end_id)
        if told is None or is_other_payee(line.account, told.transfer.account):
            continue
        if line.amount == -told.transfer.amount:
            yield line.end_to_end_id
    order = orders.get(entry.order_id)
    if not entry.lines and order is not None and entry.amount == -order.total:
        yield from (item.end_to_end_id for item in order.transfers if item.end_to_end_id in ordered)


def _entry(paid: _Ordered, cash: str, on: date) -> Entry:
    name, amount = paid.transfer.end_to_end_id, paid.transfer.amount
    postings = (Posting(paid.owed, amount), Posting(cash, -amount))
    at = datetime.combine(on, time(12), UTC)
    return Entry(derive_id("entry", "bank paid", name), at, f"Paid by the bank: {name}", name, postings)


def _commit(books: Books, statement: BankStatement, entries: tuple[Entry, ...], actor: str, at: datetime) -> str:
    """Write the entries together; why the ledger refuses them, or nothing."""
    key = f"bank paid/{content_hash([entry.id for entry in entries])}"
    try:
        books.commit(Write(key, actor, f"book what {statement.id} proves paid", at, entries=entries))
    except _REFUSED as error:
        return error.message
    return ""

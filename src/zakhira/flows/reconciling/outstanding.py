"""What was ordered from a bank and is on no statement: explained for as long as banks take, then somebody must ask."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta

from zakhira.flows.ports.bank import BankOrder, BankStatement
from zakhira.flows.ports.books import Books
from zakhira.flows.ports.ledger_books import LedgerBooks
from zakhira.flows.reconciling.bank_records import bank_orders, owed_accounts, plain_number
from zakhira.flows.reconciling.difference import Difference, Part
from zakhira.flows.reconciling.matching import MATCH_DAYS
from zakhira.kernel.money import Amount


def outstanding(
    books: Books, ledger: LedgerBooks, statements: Sequence[BankStatement], booked: frozenset[str]
) -> Iterator[Difference]:
    """One difference for each account of what was ordered that is not empty; ``booked`` are the references paid.

    What a bank refused was taken off that account before, so that its balance is what somebody still waits for.
    """
    orders, owed = bank_orders(books), owed_accounts(books)
    closed = _last_days(statements)
    balances = ledger.balances_at(sorted(set(owed.values())))
    for code, balance in sorted(balances.items()):
        waiting = [
            order
            for name, order in orders.items()
            if owed.get(name) == code and any(item.end_to_end_id not in booked for item in order.transfers)
        ]
        if balance.units and waiting:
            yield _difference(code, balance, waiting, closed)


def _difference(code: str, balance: Amount, waiting: Sequence[BankOrder], closed: Mapping[str, date]) -> Difference:
    oldest = min(waiting, key=lambda order: order.execute_on)
    late = [order for order in waiting if _is_late(order, closed.get(plain_number(order.debtor.number)))]
    what = f"Of what was ordered {-balance} is on no statement; the oldest order is {oldest.message_id}, for "
    what += f"{oldest.execute_on}."
    why = "" if late else "banks may take some days, or no statement of those days was imported"
    return Difference(Part.BANK, f"ordered/{code}", code, what, Amount(0, balance.commodity), -balance, why)


def _is_late(order: BankOrder, closed_on: date | None) -> bool:
    return closed_on is not None and closed_on >= order.execute_on + timedelta(days=MATCH_DAYS)


def _last_days(statements: Sequence[BankStatement]) -> dict[str, date]:
    last: dict[str, date] = {}
    for statement in statements:
        number = plain_number(statement.account)
        last[number] = max(statement.closed_on, last.get(number, statement.closed_on))
    return last

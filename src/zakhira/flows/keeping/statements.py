"""Statements of accounts over a period, as whoever owns or owes reads them."""

from __future__ import annotations

from collections.abc import Sequence

from zakhira.flows.ports.ledger_books import LedgerBooks
from zakhira.kernel.money import Amount
from zakhira.ledger.chart import natural
from zakhira.ledger.periods import Period
from zakhira.ledger.statement import AccountStatement, Movement


def account_statements(ledger: LedgerBooks, codes: Sequence[str], period: Period) -> tuple[AccountStatement, ...]:
    """Statements of accounts over a period, in the natural sign of each kind; debits and credits as posted."""
    found = []
    states = ledger.states(codes)
    shown = ledger.lines(codes, period.start, period.end)
    for code in codes:
        state = states.get(code)
        if state is None or code not in shown:
            continue
        kind, balance = state.spec.kind, shown[code].opening
        zero = Amount(0, balance.commodity)
        debits, credited, movements = zero, zero, []
        for line in shown[code].lines:
            amount = line.posting.amount
            balance += amount
            debits, credited = (debits + amount, credited) if amount.units > 0 else (debits, credited - amount)
            moved = Movement(
                line.entry_id,
                line.at,
                line.narration,
                line.evidence,
                natural(amount, kind),
                line.posting.lot,
                natural(balance, kind),
            )
            movements.append(moved)
        opening = natural(shown[code].opening, kind)
        found.append(
            AccountStatement(
                code,
                balance.commodity,
                kind,
                opening,
                debits,
                credited,
                natural(balance, kind),
                tuple(movements),
            )
        )
    return tuple(found)

"""Statements of accounts over a period, as whoever owns or owes reads them."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from zakhira.flows.ports.ledger_books import AccountLines, LedgerBooks
from zakhira.kernel.money import Amount
from zakhira.ledger.chart import natural
from zakhira.ledger.periods import Period
from zakhira.ledger.statement import AccountStatement, Movement


def account_statements(ledger: LedgerBooks, codes: Sequence[str], period: Period) -> tuple[AccountStatement, ...]:
    """Statements of accounts over a period, in the natural sign of each kind; debits and credits as posted."""
    with _without_collecting():
        return _statements(ledger, codes, period)


@contextmanager
def _without_collecting() -> Iterator[None]:
    """A million small things that hold no cycles are made, and not looked through again and again meanwhile."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _statements(ledger: LedgerBooks, codes: Sequence[str], period: Period) -> tuple[AccountStatement, ...]:
    found = []
    states = ledger.states(codes)
    shown = ledger.lines(codes, period.start, period.end)
    for code in codes:
        state = states.get(code)
        if state is None or code not in shown:
            continue
        found.append(_statement(code, state.spec.kind, shown[code]))
    return tuple(found)


def _statement(code: str, kind: str, shown: AccountLines) -> AccountStatement:
    """Counted in plain units: a month of ten thousand accounts has as many lines as a book has letters."""
    commodity, sign = shown.opening.commodity, natural(Amount(1, shown.opening.commodity), kind).units
    units, debits, credited = shown.opening.units, 0, 0
    movements = []
    for line in shown.lines:
        amount = line.posting.amount
        units += amount.units
        debits += max(amount.units, 0)
        credited -= min(amount.units, 0)
        moved = amount if sign > 0 else -amount
        after = Amount(sign * units, commodity)
        movements.append(
            Movement(line.entry_id, line.at, line.narration, line.evidence, moved, line.posting.lot, after)
        )
    return AccountStatement(
        code,
        commodity,
        kind,
        natural(shown.opening, kind),
        Amount(debits, commodity),
        Amount(credited, commodity),
        Amount(sign * units, commodity),
        tuple(movements),
    )

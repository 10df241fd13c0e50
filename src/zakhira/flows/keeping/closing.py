"""What a period comes to before it is closed: sums of every branch, and what is not reconciled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from zakhira.flows.paying.desk import PayoutDesk
from zakhira.flows.ports.ledger_books import AccountState, AsOf, LedgerBooks
from zakhira.kernel.money import Amount
from zakhira.ledger.chart import natural
from zakhira.ledger.periods import Period

_PAGE = 1000


@dataclass(frozen=True)
class PeriodSum:
    """What the accounts of one kind and commodity held before a period and at its end, in their natural sign."""

    kind: str
    commodity: str
    accounts: int
    opening: Amount
    closing: Amount


@dataclass(frozen=True)
class PeriodView:
    """A period as it would be closed. ``unreconciled`` says what is open, in sentences."""

    period: Period
    sums: tuple[PeriodSum, ...]
    unreconciled: tuple[str, ...]


def period_view(desk: PayoutDesk, period: Period) -> PeriodView:
    """What closing a period would fix for good."""
    found: dict[tuple[str, str], PeriodSum] = {}
    for page in account_pages(desk.ledger):
        codes = [state.spec.code for state in page]
        opening = desk.ledger.balances_at(codes, AsOf(before=period.start))
        closing = desk.ledger.balances_at(codes, AsOf(before=period.end))
        for state in page:
            code, kind = state.spec.code, state.spec.kind
            before, after = natural(opening[code], kind), natural(closing[code], kind)
            known = found.get((kind, state.spec.commodity))
            found[kind, state.spec.commodity] = (
                PeriodSum(kind, state.spec.commodity, 1, before, after)
                if known is None
                else PeriodSum(kind, known.commodity, known.accounts + 1, known.opening + before, known.closing + after)
            )
    return PeriodView(period, tuple(found[key] for key in sorted(found)), tuple(desk.halts(desk.books)))


def account_pages(ledger: LedgerBooks, under: str = "") -> Iterator[tuple[AccountState, ...]]:
    """All accounts of a branch, a page at a time."""
    after = ""
    while page := ledger.accounts(under, after=after, limit=_PAGE):
        yield page
        after = page[-1].spec.code

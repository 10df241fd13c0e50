"""Why payouts stand still: cases that are large enough, until the difference is gone or two officers accepted it."""

from __future__ import annotations

from zakhira.flows.ports.books import Books
from zakhira.flows.reconciling.case import Case
from zakhira.flows.reconciling.keeping import listed

OFFICERS_TO_LIFT = 2
"""A halt is not lifted on one person's word: as for anything that lets value move."""


def halting_cases(books: Books) -> tuple[Case, ...]:
    """The cases that halt payouts now, the oldest first."""
    found = [case for case in listed(books).values() if case.halts and len(accepted_by(case)) < OFFICERS_TO_LIFT]
    return tuple(sorted(found, key=lambda case: case.opened_at))


def payout_halts(books: Books) -> tuple[str, ...]:
    """Why no payout may go out, in sentences; nothing if reconciliation has nothing against it."""
    return tuple(
        f"Case {case.id} ({case.part.value}, {case.subject}) of {abs_text(case)} is open: {case.what} "
        f"{case.owner} must act, or {OFFICERS_TO_LIFT} officers accept it: zakhira reconcile close."
        for case in halting_cases(books)
    )


def accepted_by(case: Case) -> frozenset[str]:
    """The officers who accepted the difference as it is."""
    return frozenset(item.word.officer for item in case.acceptances)


def abs_text(case: Case) -> str:
    """The size of a difference, with its unit."""
    return str(-case.gap if case.gap.units < 0 else case.gap)

"""Why payouts stand still: cases that are large, by themselves or together, until they are gone or two people accept.

What officers accepted counts as far as their signatures verify now; the records alone lift nothing.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from zakhira.controls.acts.authority import Authority
from zakhira.controls.approval import approval_is_genuine
from zakhira.controls.engine.people import people_of
from zakhira.flows.ports.books import Books
from zakhira.flows.reconciling.case import Acceptance, Case
from zakhira.flows.reconciling.difference import Part
from zakhira.flows.reconciling.keeping import listed
from zakhira.kernel.money import Amount, Commodity
from zakhira.programme.reconciliation import Reconciliation

OFFICERS_TO_LIFT = 2
"""A halt is not lifted on one person's word: as for anything that lets value move."""


@dataclass(frozen=True)
class HaltTerms:
    """From which amounts payouts halt, and whose word counts."""

    rules: Reconciliation
    authority: Authority


@dataclass(frozen=True)
class Halting:
    """Cases that halt payouts, the oldest first, and sums that do without one of their cases being large enough."""

    cases: tuple[Case, ...] = ()
    sums: tuple[tuple[Part, Amount, int], ...] = ()
    """part, the sizes of its cases in a commodity together, and how many they are"""

    @property
    def ids(self) -> tuple[str, ...]:
        """The cases by their ids."""
        return tuple(case.id for case in self.cases)


def halting(books: Books, terms: HaltTerms, preparer: str = "") -> Halting:
    """What halts payouts now. The word of ``preparer``, who prepared what is to be paid, lifts nothing.

    A case does as long as fewer than :data:`OFFICERS_TO_LIFT` persons accept it, if it is large enough or grave; and
    every such case of one part and commodity does, if their sizes together are large enough.

    Raises:
        BooksDamaged: a case's record is none.
    """
    there = [case for case in listed(books).values() if not is_lifted(case, terms.authority, preparer)]
    groups = defaultdict[tuple[Part, Commodity], list[Case]](list)
    for case in there:
        groups[case.part, case.gap.commodity].append(case)
    found, sums = dict[str, Case](), list[tuple[Part, Amount, int]]()
    for (part, commodity), these in groups.items():
        large = [case for case in these if case.halts or terms.rules.halts(case.gap)]
        total = Amount(sum(abs(case.gap.units) for case in these), commodity)
        if not large and terms.rules.halts(total):
            large = these
            sums.append((part, total, len(these)))
        found |= {case.id: case for case in large}
    return Halting(tuple(sorted(found.values(), key=lambda case: (case.opened_at, case.id))), tuple(sums))


def payout_halts(books: Books, terms: HaltTerms, preparer: str = "") -> tuple[str, ...]:
    """Why no payout may go out, in sentences; nothing if reconciliation has nothing against it."""
    found = halting(books, terms, preparer)
    summed = {(part, total.commodity) for part, total, _ in found.sums}
    lift = f"or {OFFICERS_TO_LIFT} officers accept it: zakhira reconcile close."
    single = [
        f"Case {case.id} ({case.part.value}, {case.subject}) of {abs_text(case)} is open: {case.what} "
        f"{case.owner} must act, {lift}"
        for case in found.cases
        if (case.part, case.gap.commodity) not in summed
    ]
    together = [
        f"{count} cases ({part.value}) are open that come to {total} together: see zakhira reconcile cases."
        for part, total, count in found.sums
    ]
    return (*single, *together)


def accepted_by(case: Case, authority: Authority) -> frozenset[str]:
    """The officers whose signature says that the difference may stay as it is, under a key that counts now."""
    return frozenset(item.word.officer for item in case.acceptances if acceptance_counts(case, item, authority))


def is_lifted(case: Case, authority: Authority, preparer: str = "") -> bool:
    """Whether enough people accept the case. Two offices of one person are one."""
    return len(_persons(accepted_by(case, authority), authority, preparer)) >= OFFICERS_TO_LIFT


def acceptance_counts(case: Case, given: Acceptance, authority: Authority) -> bool:
    """Whether an officer of the policy in force signed this, for the case as it is."""
    officer = authority.officer(given.word.officer)
    if officer is None or officer.public_key.lower() in authority.revoked:
        return False
    is_this = given.word.instruction_hash == case.acceptance_hash(given.because)
    return is_this and approval_is_genuine(given.word, officer.public_key)


def _persons(officers: frozenset[str], authority: Authority, preparer: str) -> set[str]:
    persons = people_of(authority.version.policy).persons
    return {persons[officer] for officer in officers} - {persons.get(preparer, preparer)}


def abs_text(case: Case) -> str:
    """The size of a difference, with its unit."""
    return str(-case.gap if case.gap.units < 0 else case.gap)

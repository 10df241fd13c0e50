"""Cases through their life: opened once for each difference, followed while it lasts, closed when it is gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from zakhira.flows.ports.books import Books, Write
from zakhira.flows.ports.books_errors import KeyReused
from zakhira.flows.reconciling.case import CASE, Case, CaseState, case_id, case_of, cases
from zakhira.flows.reconciling.difference import Difference, Findings
from zakhira.kernel.errors import InvalidInput
from zakhira.kernel.money import Amount
from zakhira.programme.reconciliation import Reconciliation

MOST_CASES = 200
"""Open cases of one part; what is found beyond them is one more case: nobody works through more one by one [E]."""
MOST_CHARACTERS = 500
"""Of an owner and of a reason: a sentence and a reference; the evidence itself is filed elsewhere [E]."""
GONE = "the difference is gone"
RECONCILER = "reconciler"


class UnknownCase(InvalidInput):
    """There is no case of this id."""

    code = "ZK-FLOWS-174"


class BadCaseWords(InvalidInput):
    """An owner or a reason is empty or too long."""

    code = "ZK-FLOWS-175"


@dataclass(frozen=True)
class CaseTerms:
    """What a case is opened with: who must act unless somebody is named, and from which amount on payouts halt."""

    rules: Reconciliation
    owner: str


@dataclass
class Kept:
    """What one comparison did to the cases."""

    opened: list[Case] = field(default_factory=list)
    changed: list[Case] = field(default_factory=list)
    """of another amount than before"""
    closed: list[Case] = field(default_factory=list)

    @property
    def is_nothing(self) -> bool:
        """Whether all cases are as they were."""
        return not (self.opened or self.changed or self.closed)


def keep_cases(books: Books, findings: Findings, terms: CaseTerms, at: datetime) -> Kept:
    """Bring the cases of one part up to what was found: safe to stop anywhere and to repeat.

    A case whose difference has another amount now is changed; one that had been accepted is open again then, as what
    was signed is not what is there. Nothing is closed where the world could not be asked.
    """
    known = {name: case for name, case in cases(books).items() if case.part is findings.part}
    there = {case_id(item.part, item.key): item for item in _bounded(findings.unexplained, known)}
    kept, writes = Kept(), list[tuple[Case | None, Case, str]]()
    for name, difference in there.items():
        before = known.get(name)
        after = _seen(before, difference, terms, at)
        if before is None or not before.is_listed:
            kept.opened.append(after)
            writes.append((before, after, "open case"))
        elif after != before:
            kept.changed.append(after)
            writes.append((before, after, "case changed"))
    for name, case in known.items():
        if case.is_listed and name not in there and findings.is_whole:
            closed = replace(case, state=CaseState.CLOSED, changed_at=at.replace(microsecond=0), because=GONE)
            kept.closed.append(closed)
            writes.append((case, closed, "close case"))
    for before, after, action in writes:
        change_case(books, before, after, action, RECONCILER, at)
    return kept


def _bounded(found: Sequence[Difference], known: Mapping[str, Case]) -> list[Difference]:
    """The differences that become cases: the known ones, the largest others, and one for all that are left.

    A ledger that lost thousands of coins is one matter, not thousands; and who forges entries must not fill the books.
    """
    kept = [item for item in found if (case := known.get(case_id(item.part, item.key))) and case.is_listed]
    keys = {item.key for item in kept}
    others = sorted((item for item in found if item.key not in keys), key=_size)
    room = max(0, MOST_CASES - len(kept))
    left = others[room:]
    sides = sorted({(item.gap.commodity, item.gap.units < 0) for item in left}, key=lambda one: (one[0].value, one[1]))
    kept += [_further([item for item in left if (item.gap.commodity, item.gap.units < 0) == side]) for side in sides]
    return kept + others[:room]


def _size(item: Difference) -> tuple[bool, int, str]:
    return (not item.is_grave, -abs(item.gap.units), item.key)


def _further(these: Sequence[Difference]) -> Difference:
    """What is left on one side, as one difference: of both sides together, gaps would make up for one another."""
    first = these[0]
    commodity, lacks = first.gap.commodity, "world lacks" if first.gap.units < 0 else "books lack"
    world = Amount(sum(item.world.units for item in these), commodity)
    books = Amount(sum(item.books.units for item in these), commodity)
    what = f"{len(these)} further differences in {commodity.unit} that the {lacks}, each smaller than those listed."
    key = f"further/{commodity.value}/{lacks}"
    return Difference(first.part, key, "all others", what, world, books, is_grave=any(item.is_grave for item in these))


def one_case(books: Books, name: str) -> Case:
    """One case; raises UnknownCase."""
    body = books.latest(CASE, name) if name.strip() else None
    if body is None:
        raise UnknownCase(f"There is no case {name[:40]!r}.", "See zakhira reconcile cases DIR.")
    return case_of(name, body)


def own_case(books: Books, name: str, owner: str, actor: str, at: datetime) -> Case:
    """Give a case to a role or an officer; raises UnknownCase, BadCaseWords."""
    require_words("owner", owner)
    while True:
        before = one_case(books, name)
        after = replace(before, owner=owner.strip())
        if after == before or change_case(books, before, after, "own case", actor, at):
            return after


def change_case(books: Books, before: Case | None, after: Case, action: str, actor: str, at: datetime) -> bool:
    """Write a case behind the version that was seen: False where somebody else wrote meanwhile, and nothing is done."""
    versions = books.versions(CASE, after.id)
    if (versions[-1] if versions else None) != (before.record.body if before else None):
        return False
    # Numbered, as a case may come to say again what it said before.
    write = Write(f"case {after.id} version {len(versions) + 1}", actor, action, at, records=(after.record,))
    try:
        books.commit(write)
    except KeyReused:
        return False
    return True


def require_words(what: str, words: str) -> None:
    """Nothing, if somebody wrote something; raises BadCaseWords."""
    if not words.strip() or len(words) > MOST_CHARACTERS or not words.isprintable():
        raise BadCaseWords(
            f"The {what} of a case is empty, longer than {MOST_CHARACTERS} characters or not one line.",
            "Write it anew.",
        )


def _seen(before: Case | None, difference: Difference, terms: CaseTerms, at: datetime) -> Case:
    """The case of a difference that is there."""
    halts = difference.is_grave or terms.rules.halts(difference.gap)
    if before is not None and before.is_listed:
        if (before.world, before.books) == (difference.world, difference.books):
            return replace(before, halts=halts)
        after = replace(before, what=difference.what, world=difference.world, books=difference.books, halts=halts)
        return replace(after, state=CaseState.OPEN, changed_at=None, because="", acceptances=())
    return Case(
        id=case_id(difference.part, difference.key),
        part=difference.part,
        key=difference.key,
        subject=difference.subject,
        what=difference.what,
        world=difference.world,
        books=difference.books,
        opened_at=at.replace(microsecond=0),
        owner=terms.owner,
        halts=halts,
        times=before.times + 1 if before else 1,
    )


def listed(books: Books) -> Mapping[str, Case]:
    """The cases whose difference is still there, open or accepted."""
    return {name: case for name, case in cases(books).items() if case.is_listed}


def age_text(case: Case, now: datetime) -> str:
    """How long a case is open: ``3 d``, ``5 h``, ``12 min``."""
    seconds = int((now - case.opened_at).total_seconds())
    for size, unit in ((86_400, "d"), (3_600, "h")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{max(0, seconds) // 60} min"

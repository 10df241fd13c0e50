"""What banks say is on each account of the programme against the account of the ledger that stands for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise

from zakhira.flows.ports.bank import BankOrder, BankStatement, StatementEntry
from zakhira.flows.ports.books import Books
from zakhira.flows.ports.ledger_books import LedgerBooks
from zakhira.flows.reconciling.bank_records import (
    bank_orders,
    plain_number,
    statement_id,
    statement_json,
    taken_back,
)
from zakhira.flows.reconciling.booking import proven_paid
from zakhira.flows.reconciling.difference import Difference, Findings, Line, Part
from zakhira.flows.reconciling.evidence import Evidence
from zakhira.flows.reconciling.importing import chain_notes, is_overlap
from zakhira.flows.reconciling.matching import MATCH_DAYS, BankItem, BookItem, match_items
from zakhira.flows.reconciling.meters import BEGINNING, END
from zakhira.flows.reconciling.outstanding import outstanding
from zakhira.flows.reconciling.payees import other_payees, paid_after_refusal
from zakhira.kernel.canonical import content_hash
from zakhira.kernel.money import Amount
from zakhira.programme.model import Programme
from zakhira.programme.reconciliation import BankAccountSpec

_OPENING = "opening"


def bank_findings(books: Books, ledger: LedgerBooks, programme: Programme, evidence: Evidence) -> Findings:
    """Hold the imported statements of every bank account against its account of the ledger, payment by payment.

    A posting that the bank has not booked yet is explained for as long as banks take (:data:`MATCH_DAYS`); a payment
    that the ledger does not have is a difference at once. A payment to another account than ordered, a statement that
    says two things and one that no officer signed halt payouts whatever the amount.
    """
    statements = evidence.statements
    orders, refused = bank_orders(books), taken_back(books)
    lines, differences = list[Line](), [*_disputed(evidence)]
    notes = list(chain_notes(statements))
    proven = proven_paid(books, ledger, programme.bank_accounts, evidence)
    paid = {entry.evidence: entry.postings[1].amount.units for item in proven for entry in item.entries}
    for account in programme.bank_accounts:
        own = [item for item in statements if plain_number(item.account) == plain_number(account.number)]
        if not own:
            notes.append(f"No statement of {account.id} ({account.number}) was imported: nothing is known of it.")
            continue
        compared = _Account(account, tuple(own), _postings(ledger, account.account), paid).compare(orders, refused)
        lines.append(compared[0])
        differences += compared[1]
    booked = frozenset(line.reference for code in programme.bank_accounts for line in _postings(ledger, code.account))
    differences += outstanding(books, ledger, statements, booked)
    if not programme.bank_accounts:
        notes.append("The programme names no bank account ([[bank_account]]).")
    return Findings(Part.BANK, tuple(lines), tuple(differences), tuple(notes))


def _postings(ledger: LedgerBooks, code: str) -> tuple[BookItem, ...]:
    """Every posting on the account. A period before is not folded: what lies before the statements is summed later."""
    held = ledger.lines((code,), BEGINNING, END).get(code)
    if held is None:
        return ()
    seen: dict[str, int] = {}
    items = []
    for line in held.lines:
        place = seen[line.entry_id] = seen.get(line.entry_id, 0) + 1
        items.append(
            BookItem(
                f"{line.entry_id}/{place}", line.posting.amount.units, line.at.date(), line.evidence, line.narration
            )
        )
    return tuple(items)


@dataclass(frozen=True)
class _Account:
    """One bank account: its statements in order of time, and the postings of its account of the ledger."""

    spec: BankAccountSpec
    statements: tuple[BankStatement, ...]
    postings: tuple[BookItem, ...]
    paid: Mapping[str, int]
    """end-to-end ids that the statements prove paid and that only have to be booked, with what each takes"""

    def compare(self, orders: Mapping[str, BankOrder], refused: frozenset[str]) -> tuple[Line, list[Difference]]:
        """The account's line and its differences."""
        first, last = self.statements[0], self.statements[-1]
        items, gaps = self._items()
        matched = match_items(items, self._matchable(first), orders)
        early = [item for item in self.postings if item.on < first.opened_on]
        left = {item.key for item in matched.books}
        taken = {item.key for _, ours in matched.pairs for item in ours}
        before = sum(item.units for item in early if item.key not in taken)
        world, books = last.closing, self._amount(sum(item.units for item in self.postings))
        line = Line(self.spec.id, world, books, len(items))
        late = [item for item in matched.books if item.key in left and item.on >= first.opened_on]
        differences = [
            *self._opening(first, before),
            *gaps,
            *other_payees(self.spec.id, items, orders, self._amount(0)),
            *paid_after_refusal(self.spec.id, items, refused, orders, self._amount(0)),
            *self._not_in_books(matched.bank, orders),
            *(self._not_at_bank(item, last) for item in late),
        ]
        return line, differences

    def _amount(self, units: int) -> Amount:
        return Amount(units, self.statements[0].opening.commodity)

    def _matchable(self, first: BankStatement) -> Iterator[BookItem]:
        """Postings since the first statement, and those just before that a bank books later."""
        since = first.opened_on - timedelta(days=MATCH_DAYS)
        return (item for item in self.postings if item.on >= since)

    def _items(self) -> tuple[list[BankItem], list[Difference]]:
        """Every payment once, and what is missing between statements."""
        items = list(_items_of(self.statements[0], self.statements[0].entries))
        gaps = []
        for before, after in pairwise(self.statements):
            fresh = _fresh(before, after)
            twice = sum(entry.amount.units for entry in after.entries) - sum(entry.amount.units for entry in fresh)
            items += _items_of(after, fresh)
            gap = self._amount(after.opening.units - before.closing.units + twice)
            if gap.units:
                what = (
                    f"Between statements {before.id} and {after.id} of {self.spec.id} money moved that no entry tells."
                )
                key = f"{statement_id(before)}/{after.id}"
                gaps.append(Difference(Part.BANK, key, self.spec.id, what, gap, self._amount(0)))
        return items, gaps

    def _opening(self, first: BankStatement, before: int) -> Iterator[Difference]:
        if first.opening.units != before:
            what = f"{self.spec.id} opens its first statement, {first.id}, with another balance than the ledger."
            key = f"{self.spec.id}/{_OPENING}"
            yield Difference(Part.BANK, key, self.spec.id, what, first.opening, self._amount(before))

    def _not_in_books(self, items: Iterable[BankItem], orders: Mapping[str, BankOrder]) -> Iterator[Difference]:
        waiting = dict(self.paid)
        for item in items:
            verb = "took back" if item.is_reversal else "booked"
            what = f"The bank {verb} {item.words} on {item.on}, which the ledger does not have."
            order = None if item.reference else orders.get(item.order_id)
            names = [transfer.end_to_end_id for transfer in order.transfers] if order else [item.reference]
            why = ""
            if not item.is_reversal and sum(waiting.get(name, 0) for name in names) == item.units:
                why = "ordered, and paid as ordered: to be booked"
                waiting = {name: units for name, units in waiting.items() if name not in names}
            yield Difference(Part.BANK, item.key, self.spec.id, what, self._amount(item.units), self._amount(0), why)

    def _not_at_bank(self, item: BookItem, last: BankStatement) -> Difference:
        what = f"The ledger has {item.words!r} of {item.on} ({item.reference}), which the bank did not book."
        why = ""
        if item.on > last.closed_on - timedelta(days=MATCH_DAYS):
            why = f"the last statement closes on {last.closed_on}"
        return Difference(Part.BANK, item.key, self.spec.id, what, self._amount(0), self._amount(item.units), why)


def _disputed(evidence: Evidence) -> Iterator[Difference]:
    """Statements that cannot be what the bank said, as far as the books can tell."""
    for kept, other in evidence.differing:
        key = f"differs/{statement_id(kept)}/{content_hash(statement_json(other))[:16]}"
        what = f"Statement {kept.id} was taken in twice, and says two things: the first stays, nothing rests on it."
        subject = f"{kept.account} (statement)"
        yield Difference(Part.BANK, key, subject, what, other.closing, _like(other, kept.closing), is_grave=True)
    for item in evidence.unsigned:
        key = f"unsigned/{statement_id(item)}/{content_hash(statement_json(item))[:16]}"
        what = f"Statement {item.id} was written to the books, and no officer signed it: it counts as nothing."
        nothing = Amount(0, item.closing.commodity)
        yield Difference(Part.BANK, key, f"{item.account} (statement)", what, item.closing, nothing, is_grave=True)


def _like(other: BankStatement, amount: Amount) -> Amount:
    """The amount, or nothing where the other statement is in another currency."""
    is_same = amount.commodity is other.closing.commodity
    return amount if is_same else Amount(0, other.closing.commodity)


def _fresh(before: BankStatement, after: BankStatement) -> Sequence[StatementEntry]:
    """The entries of the later statement that are not in the earlier one, where the two overlap."""
    if not is_overlap(before, after):
        return after.entries
    seen = {_same(entry) for entry in before.entries}
    return [entry for entry in after.entries if _same(entry) not in seen]


def _same(entry: StatementEntry) -> tuple[str, int, date]:
    return (entry.reference, entry.amount.units, entry.booked_on)


def _items_of(statement: BankStatement, entries: Iterable[StatementEntry]) -> Iterator[BankItem]:
    for entry in entries:
        key = f"{statement_id(statement)}/{entry.reference}"
        whole = BankItem(
            key, entry.amount.units, entry.booked_on, "", entry.order_id, entry.is_reversal, _words(entry.text, entry)
        )
        if not entry.lines and entry.amount.units:
            yield whole
        for number, line in enumerate(entry.lines, 1):
            if not line.amount.units:
                continue  # a line of words: nothing moved
            yield replace(
                whole,
                key=f"{key}/{number}" if len(entry.lines) > 1 else key,
                units=line.amount.units,
                reference=line.end_to_end_id,
                order_id=line.order_id or entry.order_id,
                words=_words(line.end_to_end_id or line.counterparty or line.text or entry.text, entry),
                account=line.account,
            )


def _words(text: str, entry: StatementEntry) -> str:
    return f"{text[:60]!r}" if text else f"an entry with the reference {entry.reference}"

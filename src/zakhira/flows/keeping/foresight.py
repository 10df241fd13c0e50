"""What the books would refuse of an act, before anybody is asked to sign it and when it is only tried."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from zakhira.flows.keeping.act import LedgerAct
from zakhira.flows.keeping.refusals import DatedAhead
from zakhira.flows.ports.books import Books
from zakhira.flows.ports.books_errors import EntryExists
from zakhira.flows.ports.ledger_books import ACCOUNT, LedgerBooks
from zakhira.flows.ports.ledger_records import changes_of
from zakhira.ledger.account_record import HeldAccount
from zakhira.ledger.entry import Entry
from zakhira.ledger.fold import LedgerFold


def require_writable(books: Books, ledger: LedgerBooks, act: LedgerAct, today: date) -> None:
    """Pass if the books would take the act now; whether coins stand behind a claim is seen when it is written.

    ``today`` is the day (UTC) behind which no entry is dated: what has not happened is not in a balance.

    Raises:
        DatedAhead: an entry of it is dated in the future.
        EntryExists: an entry of it is in the books.
        what :meth:`zakhira.ledger.fold.LedgerFold.require` raises.
    """
    for entry in act.entries:
        if entry.at.date() > today:
            raise DatedAhead(
                f"{act.title}: {entry.at.date()} is in the future, today is {today}.", "Post it when it has happened."
            )
        if ledger.entry(entry.id) is not None:
            raise EntryExists(f"The entry {entry.id!r} is in the books already.", "Correct it by a further entry.")
    fold = _fold_of(books, ledger, act)
    fold.require(act.entries, changes_of(act.records))


def _fold_of(books: Books, ledger: LedgerBooks, act: LedgerAct) -> LedgerFold:
    """As much of the ledger as the act touches."""
    fold = LedgerFold(closed_through=ledger.closed_through())
    touched = {posting.account for entry in act.entries for posting in entry.postings}
    touched |= {record.id for record in act.records if record.kind == ACCOUNT}
    for code, state in ledger.states(sorted(touched)).items():
        fold.accounts[code] = HeldAccount(state.spec, state.holder, state.is_frozen)
        fold.sums.accounts[code] = state.balance.units
    for code in _with_lots(act.entries):
        for held in books.lots(code):
            fold.sums.lots[code, held.lot.outpoint] = held.amount.units
            fold.sums.sources[code, held.lot.outpoint] = held.lot.source
    for entry in act.entries:
        there = ledger.entry(entry.reverses) if entry.reverses else None
        if there is not None:
            fold.entries[there.entry.id] = there.entry
            if there.reversed_by:
                fold.reversed_by[there.entry.id] = there.reversed_by
    return fold


def _with_lots(entries: Iterable[Entry]) -> list[str]:
    return sorted({posting.account for entry in entries for posting in entry.postings if posting.lot is not None})

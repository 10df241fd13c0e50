"""In-memory twin of the questions to the ledger, over the twin of the books."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime

from zakhira.flows.ports.ledger_books import (
    NOW,
    AccountLines,
    AccountState,
    AsOf,
    Backing,
    PostedEntry,
    PostedLine,
)
from zakhira.kernel.money import COINS, Amount, Commodity
from zakhira.ledger.chart import is_under
from zakhira.ledger.entry import Entry
from zakhira.simulator.books import SimulatedBooks


class SimulatedLedger:
    """Implements ``flows.ports.ledger_books.LedgerBooks``."""

    def __init__(self, books: SimulatedBooks) -> None:
        self._books = books

    def account(self, code: str) -> AccountState | None:
        """One account as it is now."""
        return self.states((code,)).get(code)

    def states(self, codes: Sequence[str]) -> Mapping[str, AccountState]:
        """These accounts as they are now; an account that is not there is left out."""
        ledger = self._books.ledger
        entries = (entry for entry, _, _ in self._books.entered)
        counts = Counter(posting.account for entry in entries for posting in entry.postings)
        found = {}
        for code in codes:
            held = ledger.accounts.get(code)
            if held is not None:
                balance = Amount(ledger.sums.accounts.get(code, 0), Commodity[held.spec.commodity])
                found[code] = AccountState(held.spec, balance, counts[code], held.is_frozen, held.holder)
        return found

    def accounts(self, under: str = "", *, after: str = "", limit: int = 1000) -> tuple[AccountState, ...]:
        """The accounts at and below a branch, by code."""
        codes = sorted(code for code in self._books.ledger.accounts if is_under(code, under))
        chosen = codes[bisect_right(codes, after) :][:limit] if after else codes[:limit]
        return tuple(self.states(chosen).values())

    def balances_at(self, codes: Sequence[str], as_of: AsOf = NOW) -> Mapping[str, Amount]:
        """The balances of these accounts as of two dates."""
        specs = self._books.ledger.specs
        sums = {code: 0 for code in codes if code in specs}
        for entry, _, entered_at in self._books.entered:
            if (as_of.before is not None and entry.at >= as_of.before) or (
                as_of.known_before is not None and entered_at >= as_of.known_before
            ):
                continue
            for posting in entry.postings:
                if posting.account in sums:
                    sums[posting.account] += posting.amount.units
        return {code: Amount(units, Commodity[specs[code].commodity]) for code, units in sums.items()}

    def lines(self, codes: Sequence[str], start: datetime, end: datetime) -> Mapping[str, AccountLines]:
        """The postings of entries dated ``start`` to before ``end`` on these accounts."""
        opening = self.balances_at(codes, AsOf(before=start))
        found: dict[str, list[PostedLine]] = {code: [] for code in opening}
        for entry, entered_at in sorted(self._dated(start, end), key=lambda item: item[0].at):
            for posting in entry.postings:
                if posting.account in found:
                    line = PostedLine(entry.id, entry.at, entered_at, entry.narration, entry.evidence, posting)
                    found[posting.account].append(line)
        return {code: AccountLines(opening[code], tuple(lines)) for code, lines in found.items()}

    def entry(self, entry_id: str) -> PostedEntry | None:
        """One entry."""
        reversed_by = self._books.ledger.reversed_by.get(entry_id, "")
        for entry, write, entered_at in self._books.entered:
            if entry.id == entry_id:
                return PostedEntry(entry, entered_at, write.audit.key, reversed_by)
        return None

    def closed_through(self) -> date | None:
        """The last day of the last closed period."""
        return self._books.ledger.closed_through

    def backing(self, commodity: Commodity) -> Backing | None:
        """What stands behind the claims in a coin; None for what is no coin."""
        return self._books.stock.backing if commodity in COINS else None

    def _dated(self, start: datetime, end: datetime) -> list[tuple[Entry, datetime]]:
        return [(entry, at) for entry, _, at in self._books.entered if start <= entry.at < end]

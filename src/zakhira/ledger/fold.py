"""The ledger as a fold over writes: states of accounts, sums, reversals and closed periods, and what it refuses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from zakhira.ledger.account_record import HeldAccount, changed
from zakhira.ledger.balances import Tally, require_bounds, require_covered, require_within, tally
from zakhira.ledger.checks import require_valid
from zakhira.ledger.entry import Entry
from zakhira.ledger.faults import AccountFrozen
from zakhira.ledger.periods import Period, require_next, require_open
from zakhira.ledger.reversals import require_reversal
from zakhira.programme.model import AccountSpec


@dataclass(frozen=True)
class Changes:
    """What the records of one write change: accounts in their order, and periods that it closes."""

    accounts: tuple[HeldAccount, ...] = ()
    periods: tuple[Period, ...] = ()


NO_CHANGES = Changes()


@dataclass
class LedgerFold:
    """All that decides whether a further write may be. Entries of a write come before what its records change."""

    accounts: dict[str, HeldAccount] = field(default_factory=dict)
    sums: Tally = field(default_factory=Tally)
    entries: dict[str, Entry] = field(default_factory=dict)
    reversed_by: dict[str, str] = field(default_factory=dict)
    closed_through: date | None = None

    @property
    def specs(self) -> Mapping[str, AccountSpec]:
        """The accounts as they are now, by code."""
        return {code: account.spec for code, account in self.accounts.items()}

    def require(self, entries: tuple[Entry, ...], changes: Changes = NO_CHANGES) -> Tally:
        """What the entries add to the sums, if entries and changes may be written.

        Raises:
            what :func:`zakhira.ledger.checks.require_valid` raises, AccountFrozen, PeriodClosed, BadReversal,
            Overdrawn, AboveCeiling, BalanceTooLarge: the entries.
            AccountChanged, Overdrawn, AboveCeiling, PeriodOutOfOrder: the changes.
        """
        if not entries:
            self._require_changes(changes, Tally())
            return Tally()
        touched = {posting.account for entry in entries for posting in entry.postings}
        specs = {code: self.accounts[code].spec for code in touched if code in self.accounts}
        require_valid(entries, specs)
        self._require_postable(entries)
        added = tally(entries)
        require_covered(self.sums, added, specs)
        require_within(self.sums, added, specs)
        self._require_changes(changes, added)
        return added

    def add(self, entries: Iterable[Entry], changes: Changes = NO_CHANGES) -> None:
        """Take in what was written, without asking whether it may be."""
        for entry in entries:
            self.entries[entry.id] = entry
            if entry.reverses:
                self.reversed_by.setdefault(entry.reverses, entry.id)
            self.sums.add((entry,))
        for account in changes.accounts:
            known = self.accounts.get(account.spec.code)
            self.accounts[account.spec.code] = account if known is None else changed(known, account)
        for period in changes.periods:
            self.closed_through = max(period.last, self.closed_through or period.last)

    def _require_postable(self, entries: tuple[Entry, ...]) -> None:
        undone: dict[str, str] = {}
        known = {entry.id: entry for entry in entries}
        for entry in entries:
            for posting in entry.postings:
                if self.accounts[posting.account].is_frozen:
                    raise AccountFrozen(
                        f"The entry {entry.id} posts to {posting.account}, which is frozen.",
                        "See why: zakhira ledger show DIR ACCOUNT. Whoever froze it says what has to be cleared.",
                    )
            require_open(entry.at, self.closed_through, entry.id)
            if entry.reverses:
                taken = undone.get(entry.reverses) or self.reversed_by.get(entry.reverses, "")
                require_reversal(entry, self.entries.get(entry.reverses, known.get(entry.reverses)), taken)
                undone[entry.reverses] = entry.id

    def _require_changes(self, changes: Changes, added: Tally) -> None:
        latest: dict[str, HeldAccount] = {}
        for account in changes.accounts:
            code = account.spec.code
            known = latest.get(code) or self.accounts.get(code)
            latest[code] = account if known is None else changed(known, account)
            held = self.sums.accounts.get(code, 0) + added.accounts.get(code, 0)
            require_bounds(latest[code].spec, held, 0)
        closed = self.closed_through
        for period in changes.periods:
            require_next(period, closed)
            closed = period.last

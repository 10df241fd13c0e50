"""What the ledger answers: accounts with their state, balances as of two dates, statements, entries, closed periods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from zakhira.kernel.money import Amount, Commodity
from zakhira.ledger.entry import Entry, Posting
from zakhira.programme.model import AccountSpec

ACCOUNT = "account"
"""Kind of the records that open an account or change its state; the id is the account's code (:func:`account_body`)."""
PERIOD = "period"
"""Kind of the records that close a period; the id is the last day of it (``2026-05-31``), and it stays closed."""


@dataclass(frozen=True)
class AsOf:
    """Which postings count, by two dates.

    ``before``: those of entries that happened before it (None: whenever). ``known_before``: what the books knew before
    it (None: what they know now). Both in UTC; the end of a day is the next midnight.
    """

    before: datetime | None = None
    known_before: datetime | None = None


NOW = AsOf()


@dataclass(frozen=True)
class AccountState:
    """An account as it is now. ``balance`` is stored as posted (debits positive)."""

    spec: AccountSpec
    balance: Amount
    postings: int
    is_frozen: bool
    holder: str
    """id of the participant whose claim it is; blank for the programme's own"""


@dataclass(frozen=True, slots=True)
class PostedLine:
    """One posting on an account, with its entry."""

    entry_id: str
    at: datetime
    entered_at: datetime
    narration: str
    evidence: str
    posting: Posting


@dataclass(frozen=True)
class AccountLines:
    """An account over a period: what it held before, and its postings by event date."""

    opening: Amount
    lines: tuple[PostedLine, ...]


@dataclass(frozen=True)
class PostedEntry:
    """An entry as it stands in the books. ``reversed_by`` is the id of the entry that took it back, or blank."""

    entry: Entry
    entered_at: datetime
    write_key: str
    reversed_by: str


@dataclass(frozen=True)
class Backing:
    """What stands behind the claims in one coin, in least units, as the database keeps it in one row.

    ``proven``: unspent coins of the followed chain that lie deep enough. ``own_change``: outputs of our own spends that
    do not yet. ``suspense``: held, of unknown origin. ``encumbered``: pledged. ``held``: under a statutory hold.
    ``outgoing``: our spends on their way. Claims: ``demand`` and ``term``.
    """

    commodity: Commodity
    proven: int
    own_change: int
    suspense: int
    encumbered: int
    held: int
    outgoing: int
    demand: int
    term: int
    is_halted: bool

    @property
    def available(self) -> int:
        """What may stand behind any claim."""
        return self.proven + self.own_change - self.suspense - self.encumbered - self.outgoing

    @property
    def available_on_demand(self) -> int:
        """What may stand behind claims that are payable on demand."""
        return self.available - self.held

    @property
    def free(self) -> int:
        """What no claim needs: so much may be pledged. Below 0 by as much as is missing."""
        return min(self.available - self.demand - self.term, self.available_on_demand - self.demand)

    @property
    def deficit(self) -> int:
        """By how much claims are above what stands behind them; 0 when all is well, and where nothing is owed."""
        owed = self.demand + self.term
        above = owed - self.available if owed else 0
        above_on_demand = self.demand - self.available_on_demand if self.demand else 0
        return max(0, above, above_on_demand)


class LedgerBooks(Protocol):
    """Questions to the ledger; writing goes through ``Books.commit``. Every method may raise DatabaseUnreachable."""

    def account(self, code: str) -> AccountState | None:
        """One account as it is now."""

    def states(self, codes: Sequence[str]) -> Mapping[str, AccountState]:
        """These accounts as they are now, in one question; an account that is not there is left out."""

    def accounts(self, under: str = "", *, after: str = "", limit: int = 1000) -> tuple[AccountState, ...]:
        """The accounts at and below a branch of the tree, by code, those behind ``after``, up to a limit."""

    def balances_at(self, codes: Sequence[str], as_of: AsOf = NOW) -> Mapping[str, Amount]:
        """The balances of these accounts as of two dates; an account that is not there is left out."""

    def lines(self, codes: Sequence[str], start: datetime, end: datetime) -> Mapping[str, AccountLines]:
        """The postings of entries dated ``start`` to before ``end`` on these accounts."""

    def entry(self, entry_id: str) -> PostedEntry | None:
        """One entry."""

    def closed_through(self) -> date | None:
        """The last day of the last closed period: nothing dated up to it is posted any more."""

    def backing(self, commodity: Commodity) -> Backing | None:
        """What stands behind the claims in a coin; None for what is no coin."""

"""The acts on the ledger: post a journal, take an entry back, change what an account may, close a period."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from msgspec import structs

from zakhira.flows.keeping.act import LedgerAct
from zakhira.flows.keeping.refusals import NothingToChange, ReversedTooEarly, UnknownEntry, UnknownLedgerAccount
from zakhira.flows.paying.desk import PayoutDesk
from zakhira.flows.ports.ledger_books import ACCOUNT, AccountState, LedgerBooks
from zakhira.flows.ports.ledger_records import account_record, period_record
from zakhira.kernel.ids import derive_id
from zakhira.kernel.money import Amount
from zakhira.ledger.account_record import HeldAccount
from zakhira.ledger.entry import Entry, Posting, reversal
from zakhira.ledger.periods import Period, midnight, require_next, require_over


@dataclass(frozen=True)
class Journal:
    """What an accountant posts by hand. ``day`` is when it happened (UTC)."""

    day: date
    narration: str
    evidence: str
    lines: tuple[Posting, ...]
    id: str = ""


def post_act(journal: Journal) -> LedgerAct:
    """The act that posts a journal. Its entry's id follows from what it says, unless it has one of its own."""
    made = Entry("journal", midnight(journal.day), journal.narration, journal.evidence, journal.lines)
    entry = structs.replace(made, id=journal.id or derive_id("entry", "journal", *_plain(made)))
    return LedgerAct("post a journal", f"{journal.narration} ({journal.evidence})", (entry,))


def _plain(entry: Entry) -> Sequence[str]:
    parts = [entry.at.isoformat(), entry.narration, entry.evidence]
    return [*parts, *(f"{one.account} {one.amount} {one.lot} {one.cost}" for one in entry.postings)]


def reverse_act(ledger: LedgerBooks, entry_id: str, day: date | None, because: str, evidence: str) -> LedgerAct:
    """The act that takes an entry back, dated on ``day`` (None: at the moment of the entry itself).

    Raises:
        UnknownEntry: there is none of this id.
        ReversedTooEarly: the day lies before the entry's.
    """
    posted = ledger.entry(entry_id)
    if posted is None:
        raise UnknownEntry(
            f"There is no entry {entry_id[:80]!r}.", "See the entries of an account: zakhira ledger show"
        )
    if day is not None and day < posted.entry.at.date():
        raise ReversedTooEarly(
            f"{entry_id} happened on {posted.entry.at.date()}, after {day}.", "Date the reversal on that day or later."
        )
    at = posted.entry.at if day is None else max(midnight(day), posted.entry.at)
    made = reversal(posted.entry, derive_id("entry", "reversal", entry_id), at, because, evidence)
    return LedgerAct(f"reverse {entry_id}", because, (made,))


def require_accounts(ledger: LedgerBooks, codes: Sequence[str]) -> Mapping[str, AccountState]:
    """These accounts as they are now; raises UnknownLedgerAccount for the first that is not there."""
    states = ledger.states(codes)
    for code in codes:
        if code not in states:
            raise UnknownLedgerAccount(
                f"There is no account {code[:80]!r}.", "See which there are: zakhira ledger accounts"
            )
    return states


def held_account(ledger: LedgerBooks, code: str) -> tuple[HeldAccount, AccountState]:
    """An account as its records tell it, and its state; raises UnknownLedgerAccount."""
    state = require_accounts(ledger, (code,))[code]
    return HeldAccount(state.spec, state.holder, state.is_frozen), state


def freeze_act(desk: PayoutDesk, code: str, because: str, *, freezes: bool) -> LedgerAct:
    """The act that freezes an account or lets it go on; raises UnknownLedgerAccount, NothingToChange, VaultAccount."""
    account, _ = held_account(desk.ledger, code)
    if account.is_frozen == freezes:
        what = "frozen already" if freezes else "not frozen"
        raise NothingToChange(f"{code} is {what}.", "See it: zakhira ledger show DIR ACCOUNT")
    record = account_record(replace(account, is_frozen=freezes), because)
    title = f"{'freeze' if freezes else 'unfreeze'} {code}"
    return LedgerAct(title, because, records=(record,), turn=_turn(desk, code))


def _turn(desk: PayoutDesk, code: str) -> int:
    """How often the account was opened or changed by a record."""
    return len(desk.books.versions(ACCOUNT, code))


def ceiling_act(desk: PayoutDesk, code: str, ceiling: Amount | None, because: str) -> LedgerAct:
    """The act that gives an account a ceiling in its natural sign, or takes it away (None).

    Raises:
        UnknownLedgerAccount, NothingToChange, VaultAccount: see the names.
    """
    account, _ = held_account(desk.ledger, code)
    if account.spec.ceiling == ceiling:
        raise NothingToChange(f"{code} has the ceiling {ceiling or 'none'} already.", "Give it another.")
    record = account_record(replace(account, spec=replace(account.spec, ceiling=ceiling)), because)
    title = f"ceiling of {code}: {ceiling or 'none'}"
    return LedgerAct(title, because, records=(record,), turn=_turn(desk, code))


def close_act(ledger: LedgerBooks, period: Period, because: str, now: datetime) -> LedgerAct:
    """The act that closes a period for good; raises PeriodOutOfOrder, PeriodNotOver."""
    require_next(period, ledger.closed_through())
    require_over(period, now)
    record = period_record(period, because)
    return LedgerAct(f"close {period.first} to {period.last}", because, records=(record,))

"""Records that change the ledger itself: accounts that are opened or change, periods that close."""

from __future__ import annotations

from collections.abc import Iterable

from zakhira.flows.ports.books import Record
from zakhira.flows.ports.ledger_books import ACCOUNT, PERIOD
from zakhira.ledger.account_record import HeldAccount, account_body, account_of
from zakhira.ledger.fold import NO_CHANGES, Changes
from zakhira.ledger.periods import Period, period_body, period_of


def account_record(account: HeldAccount, because: str) -> Record:
    """The record that opens an account, or changes its overdraft, ceiling or freeze."""
    return Record(ACCOUNT, account.spec.code, account_body(account, because))


def period_record(period: Period, because: str) -> Record:
    """The record that closes a period."""
    return Record(PERIOD, period.last.isoformat(), period_body(period, because))


def changes_of(records: Iterable[Record]) -> Changes:
    """What the records of a write change of the ledger.

    Raises:
        BadAccountRecord, VaultAccount, BadHolder, BadPeriodRecord: a record says what cannot be.
    """
    chosen = [record for record in records if record.kind in (ACCOUNT, PERIOD)]
    if not chosen:
        return NO_CHANGES
    accounts = tuple(account_of(record.id, record.body) for record in chosen if record.kind == ACCOUNT)
    return Changes(accounts, tuple(period_of(record.id, record.body) for record in chosen if record.kind == PERIOD))

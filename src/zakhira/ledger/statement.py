"""The ledger's statement: opening, movements and closing of each account, as plain data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from zakhira.kernel.errors import InvalidInput
from zakhira.kernel.interval import require_utc
from zakhira.kernel.money import Amount, Commodity
from zakhira.ledger.entry import Entry, Lot
from zakhira.programme.model import AccountSpec


class BadPeriod(InvalidInput):
    """A period ends before it starts."""

    code = "ZK-LEDGER-012"


@dataclass(frozen=True, slots=True)
class Movement:
    """One posting of the period, with the account's balance after it."""

    entry: str
    at: datetime
    narration: str
    evidence: str
    amount: Amount
    lot: Lot | None
    balance: Amount


@dataclass(frozen=True, slots=True)
class AccountStatement:
    """One account over the period: ``opening + debits - credits = closing``; debits and credits are at least 0."""

    account: str
    commodity: Commodity
    kind: str
    opening: Amount
    debits: Amount
    credits: Amount
    closing: Amount
    movements: tuple[Movement, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """Every account over ``start`` (included) to ``end`` (excluded), both UTC, in the order of the accounts given."""

    start: datetime
    end: datetime
    accounts: tuple[AccountStatement, ...]

    def account(self, code: str) -> AccountStatement:
        """The statement of one account; asked for one that is not in the statement it raises KeyError."""
        for account in self.accounts:
            if account.account == code:
                return account
        raise KeyError(code)


def statement(entries: Iterable[Entry], accounts: Iterable[AccountSpec], start: datetime, end: datetime) -> Statement:
    """Draw up the statement of the entries dated ``start`` to before ``end``; entries of one instant keep their order.

    Raises:
        NotUtc: a bound is not in UTC.
        BadPeriod: the period ends before it starts.
    """
    if require_utc(end) < require_utc(start):
        raise BadPeriod(f"{end.isoformat()} is before {start.isoformat()}.", "Give the earlier instant first.")
    dated = sorted((entry for entry in entries if entry.at < end), key=lambda entry: entry.at)
    earlier = [entry for entry in dated if entry.at < start]
    within = dated[len(earlier) :]
    return Statement(start, end, tuple(_account_statement(account, earlier, within) for account in accounts))


def _account_statement(account: AccountSpec, earlier: list[Entry], within: list[Entry]) -> AccountStatement:
    commodity = Commodity[account.commodity]
    opening = sum(
        posting.amount.units for entry in earlier for posting in entry.postings if posting.account == account.code
    )
    balance, debits, credit_units = opening, 0, 0
    movements = []
    for entry in within:
        for posting in entry.postings:
            if posting.account != account.code:
                continue
            balance += posting.amount.units
            debits += max(posting.amount.units, 0)
            credit_units += max(-posting.amount.units, 0)
            movements.append(
                Movement(
                    entry.id,
                    entry.at,
                    entry.narration,
                    entry.evidence,
                    posting.amount,
                    posting.lot,
                    Amount(balance, commodity),
                )
            )
    return AccountStatement(
        account.code,
        commodity,
        account.kind,
        Amount(opening, commodity),
        Amount(debits, commodity),
        Amount(credit_units, commodity),
        Amount(balance, commodity),
        tuple(movements),
    )

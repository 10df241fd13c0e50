"""Balances of accounts and lots as a pure fold over entries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from zakhira.kernel.money import MAX_UNITS, Amount, Commodity
from zakhira.ledger.chart import bounds_of, natural
from zakhira.ledger.entry import Entry, Lot
from zakhira.ledger.faults import AboveCeiling, BalanceTooLarge, Overdrawn
from zakhira.programme.model import AccountSpec

LotKey: TypeAlias = tuple[str, str]
"""Account and outpoint."""


@dataclass(frozen=True)
class LotBalance:
    """What is left of one lot on one account."""

    account: str
    lot: Lot
    amount: Amount


@dataclass(frozen=True)
class Tally:
    """Sums of postings in least units: by account, and by account and outpoint with the source named first."""

    accounts: dict[str, int] = field(default_factory=dict)
    lots: dict[LotKey, int] = field(default_factory=dict)
    sources: dict[LotKey, str] = field(default_factory=dict)

    def add(self, entries: Iterable[Entry]) -> None:
        """Add the postings of these entries."""
        for entry in entries:
            for posting in entry.postings:
                units = posting.amount.units
                self.accounts[posting.account] = self.accounts.get(posting.account, 0) + units
                if posting.lot is not None:
                    key = (posting.account, posting.lot.outpoint)
                    self.lots[key] = self.lots.get(key, 0) + units
                    self.sources.setdefault(key, posting.lot.source)


def tally(entries: Iterable[Entry]) -> Tally:
    """Sum the postings of these entries."""
    sums = Tally()
    sums.add(entries)
    return sums


def fold_balances(entries: Iterable[Entry], accounts: Iterable[AccountSpec]) -> dict[str, Amount]:
    """Every account's balance after these entries, by code; an account without postings has 0."""
    sums = tally(entries).accounts
    ordered = sorted(accounts, key=lambda account: account.code)
    return {account.code: Amount(sums.get(account.code, 0), Commodity[account.commodity]) for account in ordered}


def fold_lots(entries: Iterable[Entry]) -> tuple[LotBalance, ...]:
    """The lots that are not used up after these entries, by account and outpoint."""
    sums = tally(entries)
    return lots_left(sums)


def lots_left(sums: Tally, account: str | None = None) -> tuple[LotBalance, ...]:
    """The lots in ``sums`` that are not used up, by account and outpoint; of one account, or of all."""
    return tuple(
        LotBalance(key[0], Lot(key[1], sums.sources[key]), Amount(units, Commodity.BTC))
        for key, units in sorted(sums.lots.items())
        if units and account in (None, key[0])
    )


def require_covered(before: Tally, added: Tally, accounts: Mapping[str, AccountSpec]) -> None:
    """Pass if the balances can carry what is added: no coin leaves an asset account that is not there.

    Raises:
        Overdrawn: a lot of an asset account would go below 0.
        BalanceTooLarge: a balance would not fit 63 bits.
    """
    for (code, outpoint), units in added.lots.items():
        held = before.lots.get((code, outpoint), 0)
        if accounts[code].kind == "asset" and held + units < 0:
            message = f"{-units} sat would leave lot {outpoint} of {code}, which holds {held} sat."
            raise Overdrawn(message, "Move only what the lot holds; nothing was written.")
    for code, units in added.accounts.items():
        if abs(before.accounts.get(code, 0) + units) > MAX_UNITS:
            raise BalanceTooLarge(f"The balance of {code} would not fit 63 bits.", "Check the amounts.")


def require_within(before: Tally, added: Tally, accounts: Mapping[str, AccountSpec]) -> None:
    """Pass if no account that is touched ends outside the bounds of :func:`zakhira.ledger.chart.bounds_of`.

    Raises:
        Overdrawn: an account would fall below its floor.
        AboveCeiling: an account would hold more than its ceiling.
    """
    for code, units in added.accounts.items():
        require_bounds(accounts[code], before.accounts.get(code, 0), units)


def require_bounds(spec: AccountSpec, held_units: int, added_units: int) -> None:
    """Pass if an account that holds so much may get so much, in stored units; raises Overdrawn, AboveCeiling."""
    bounds, commodity = bounds_of(spec), Commodity[spec.commodity]
    after = held_units + added_units
    if bounds.least <= after <= bounds.most:
        return
    held, moved = (natural(Amount(units, commodity), spec.kind) for units in (held_units, added_units))
    below = natural(Amount(after, commodity), spec.kind).units < 0
    if not added_units:
        cause = Overdrawn if below else AboveCeiling
        raise cause(
            f"{spec.code} holds {held}: these bounds do not fit that.", "Give it bounds that fit what is there."
        )
    if below:
        raise Overdrawn(
            f"{spec.code} holds {held}, and {-moved} more would leave it.",
            "Move only what is there; nothing was written.",
        )
    raise AboveCeiling(
        f"{spec.code} holds {held} of at most {spec.ceiling}, and {moved} would come to it.",
        "Post less, or let its ceiling be changed: zakhira ledger ceiling --help",
    )

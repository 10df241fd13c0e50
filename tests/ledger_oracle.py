"""What the books must come to, worked out in the plainest way: lists of what was written, summed from the start."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from zakhira.flows.ports.books_errors import EntryExists, KeyReused
from zakhira.flows.ports.coin_events import CoinEvent, CoinEventKind
from zakhira.kernel.money import MAX_UNITS
from zakhira.ledger.entry import Entry
from zakhira.ledger.faults import (
    AboveCeiling,
    AccountChanged,
    AccountFrozen,
    BadReversal,
    ClaimsAboveBacking,
    CreditsHalted,
    LotMissing,
    Overdrawn,
    PeriodClosed,
    PeriodOutOfOrder,
    TooFewPostings,
    Unbalanced,
    UnknownAccount,
    WrongCommodity,
    ZeroPosting,
)

CREDIT = ("liability", "income", "equity")


@dataclass
class Account:
    """An account as the oracle knows it; ``ceiling`` in the natural sign."""

    commodity: str
    kind: str
    claim: str = ""
    ceiling: int | None = None
    is_overdraft_allowed: bool = False
    is_frozen: bool = False


@dataclass
class Oracle:
    """Everything that was accepted, in order. It never keeps a sum: it counts again."""

    accounts: dict[str, Account] = field(default_factory=dict)
    posted: list[tuple[Entry, int]] = field(default_factory=list)
    """entries with the number of the write"""
    keys: dict[str, object] = field(default_factory=dict)
    writes: int = 0
    closed: date | None = None
    coins: dict[str, tuple[int, int, bool]] = field(default_factory=dict)
    """coins of the vaults by outpoint: satoshi, height, and whether they are spent"""
    proven: set[str] = field(default_factory=set)
    """those that were deep enough once, and still are on the chain"""
    tip: int = 0
    depth: int = 2
    is_halted: bool = False
    holds_backing: bool = True

    def balance(self, code: str, before: datetime | None = None, writes: int | None = None) -> int:
        """The sum of an account over entries dated before an instant, in the first so many writes."""
        return sum(
            posting.amount.units
            for entry, number in self.posted
            for posting in entry.postings
            if posting.account == code
            and (before is None or entry.at < before)
            and (writes is None or number <= writes)
        )

    def movements(self, code: str, start: datetime, end: datetime) -> list[tuple[str, int]]:
        """Entries and units on an account by event date, the earlier written first within one instant."""
        found = [
            (entry.at, entry.id, posting.amount.units)
            for entry, _ in self.posted
            for posting in entry.postings
            if posting.account == code and start <= entry.at < end
        ]
        return [(entry_id, units) for _, entry_id, units in sorted(found, key=lambda item: item[0])]

    def refusals(self, key: str, content: object, entries: tuple[Entry, ...]) -> set[str]:
        """The codes of all that is wrong with posting these now; a write that is told again has nothing wrong."""
        if key in self.keys:
            return set() if self.keys[key] == content else {KeyReused.code}
        found = {code for entry in entries for code in self._entry_faults(entry)}
        ids = Counter([*(entry.id for entry in entries), *(entry.id for entry, _ in self.posted)])
        if any(ids[entry.id] > 1 for entry in entries):
            found.add(EntryExists.code)
        found |= self._reversal_faults(entries)
        return found | self._bound_faults(entries) | self._backing_faults(entries)

    def is_replay(self, key: str) -> bool:
        """Whether a write of this key was accepted."""
        return key in self.keys

    def accept(self, key: str, content: object, entries: tuple[Entry, ...]) -> None:
        """Take in what was accepted."""
        self.keys[key] = content
        self.writes += 1
        self.posted += [(entry, self.writes) for entry in entries]

    def backed(self) -> int:
        """What stands behind claims, in satoshi."""
        return sum(self.coins[name][0] for name in self.proven if not self.coins[name][2]) - self.claims("suspense")

    def claims(self, *classes: str) -> int:
        """What is owed in coin, of these classes, in satoshi."""
        return -sum(self.balance(code) for code, account in self.accounts.items() if account.claim in classes)

    def see(self, events: Iterable[CoinEvent]) -> None:
        """Take in what the chain did."""
        for event in events:
            name, kind = event.outpoint, event.kind
            if kind is CoinEventKind.BLOCK_CONNECTED:
                self.tip = event.height
            elif kind is CoinEventKind.BLOCK_DISCONNECTED:
                self.tip = event.height - 1
            elif kind is CoinEventKind.COIN_CREATED:
                self.coins[name] = (event.amount_sats, event.height, False)
            elif kind is CoinEventKind.COIN_REMOVED:
                del self.coins[name]
            else:
                amount_sats, height, _ = self.coins[name]
                self.coins[name] = (amount_sats, height, kind is CoinEventKind.COIN_SPENT)
        deep = self.tip - self.depth + 1
        self.proven &= self.coins.keys()
        self.proven |= {name for name, (_, height, _) in self.coins.items() if height <= deep}
        # What the world takes is recorded, and stops credits until somebody lets them in again.
        self.is_halted |= self.holds_backing and self.deficit() > 0

    def deficit(self) -> int:
        """By how much claims are above what stands behind them, in satoshi."""
        owed = self.claims("demand", "term")
        return max(0, owed - self.backed()) if owed else 0

    def with_account(self, code: str, **told: object) -> Account:
        """The account after a change of it."""
        return replace(self.accounts[code], **told)  # type: ignore[arg-type]  # fields of the account

    def bounds_of(self, account: Account) -> tuple[int, int]:
        """The least and the most in stored units."""
        low = 0 if account.kind in ("asset", "liability") and not account.is_overdraft_allowed else -MAX_UNITS
        high = MAX_UNITS if account.ceiling is None else account.ceiling
        return (-high, -low) if account.kind in CREDIT else (low, high)

    def change_faults(self, code: str, account: Account) -> set[str]:
        """What keeps an account from being changed so; one that was opened without an overdraft never gets one."""
        known = self.accounts.get(code)
        if known is not None and account.is_overdraft_allowed and not known.is_overdraft_allowed:
            return {AccountChanged.code}
        before = self.accounts.get(code)
        if before is not None and account.is_overdraft_allowed and not before.is_overdraft_allowed:
            return {AccountChanged.code}
        low, high = self.bounds_of(account)
        held = self.balance(code)
        if low <= held <= high:
            return set()
        below = held > high if account.kind in CREDIT else held < low
        return {Overdrawn.code if below else AboveCeiling.code}

    def closing_faults(self, first: date) -> set[str]:
        """What keeps a period from being closed."""
        follows = self.closed is None or first == self.closed + timedelta(days=1)
        return set() if follows else {PeriodOutOfOrder.code}

    def _entry_faults(self, entry: Entry) -> Iterable[str]:
        if len(entry.postings) < 2:
            yield TooFewPostings.code
        sums: Counter[str] = Counter()
        for posting in entry.postings:
            account = self.accounts.get(posting.account)
            sums[posting.amount.commodity.name] += posting.amount.units
            if posting.amount.units == 0:
                yield ZeroPosting.code
            if account is None:
                yield UnknownAccount.code
                continue
            if account.commodity != posting.amount.commodity.name:
                yield WrongCommodity.code
            if account.kind == "asset" and posting.amount.commodity.name == "BTC" and posting.lot is None:
                yield LotMissing.code
            if account.is_frozen:
                yield AccountFrozen.code
        if any(sums.values()):
            yield Unbalanced.code
        if self.closed is not None and entry.at.date() <= self.closed:
            yield PeriodClosed.code

    def _reversal_faults(self, entries: tuple[Entry, ...]) -> set[str]:
        undone = [entry.reverses for entry, _ in self.posted if entry.reverses]
        known = {entry.id: entry for entry in (*(one for one, _ in self.posted), *entries)}
        for entry in entries:
            if not entry.reverses:
                continue
            original = known.get(entry.reverses)
            if original is None or original.id == entry.id or original.reverses or entry.reverses in undone:
                return {BadReversal.code}
            undone.append(entry.reverses)
            if sorted(_plain(entry, 1)) != sorted(_plain(original, -1)):
                return {BadReversal.code}
        return set()

    def _bound_faults(self, entries: tuple[Entry, ...]) -> set[str]:
        found = set()
        added: Counter[str] = Counter()
        lots: Counter[tuple[str, str]] = Counter()
        for entry in entries:
            for posting in entry.postings:
                added[posting.account] += posting.amount.units
                if posting.lot is not None:
                    lots[posting.account, posting.lot.outpoint] += posting.amount.units
        for code, units in added.items():
            account = self.accounts.get(code)
            if account is None:
                continue
            low, high = self.bounds_of(account)
            after = self.balance(code) + units
            if not low <= after <= high:
                below = after > high if account.kind in CREDIT else after < low
                found.add(Overdrawn.code if below else AboveCeiling.code)
        for (code, outpoint), units in lots.items():
            if code in self.accounts and self.accounts[code].kind == "asset":
                held = sum(
                    posting.amount.units
                    for entry, _ in self.posted
                    for posting in entry.postings
                    if posting.account == code and posting.lot is not None and posting.lot.outpoint == outpoint
                )
                if held + units < 0:
                    found.add(Overdrawn.code)
        return found

    def _backing_faults(self, entries: tuple[Entry, ...]) -> set[str]:
        if not self.holds_backing:
            return set()
        added = {"demand": 0, "term": 0, "suspense": 0}
        for entry in entries:
            for posting in entry.postings:
                account = self.accounts.get(posting.account)
                if account is not None and account.claim:
                    added[account.claim] -= posting.amount.units
        demand, term = added["demand"], added["term"]
        if demand <= 0 and demand + term <= 0:
            return set()
        found = {CreditsHalted.code} if self.is_halted and demand + term > 0 else set()
        if demand + term > 0 and self.claims("demand", "term") + demand + term > self.backed() - added["suspense"]:
            found.add(ClaimsAboveBacking.code)
        return found


def _plain(entry: Entry, sign: int) -> list[tuple[str, int, str]]:
    return [(one.account, sign * one.amount.units, one.lot.outpoint if one.lot else "") for one in entry.postings]

"""Payments on a bank's statements matched with postings of the ledger: by reference, by order, by amount and date."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TypeVar

from zakhira.flows.ports.bank import BankOrder

Item = TypeVar("Item")
Key = TypeVar("Key", bound=Hashable)

MATCH_DAYS = 5
"""Days by which a bank's booking may lie apart from ours where no reference tells: a weekend and two holidays [E]."""


@dataclass(frozen=True)
class BankItem:
    """A payment on a statement, or a batch of which the bank tells the total; ``units`` are positive coming in."""

    key: str
    """the statement's account and id, the entry's reference, and the place within it"""
    units: int
    on: date
    reference: str
    """end-to-end id, or empty"""
    order_id: str
    is_reversal: bool
    words: str
    account: str = ""
    """the other side's account, where the bank tells it"""


@dataclass(frozen=True)
class BookItem:
    """A posting on the account of the ledger that stands for the bank account."""

    key: str
    """id of its entry, and the place within the account's postings of it"""
    units: int
    on: date
    reference: str
    """the entry's evidence: an end-to-end id, a message id of an order, or another document"""
    words: str


@dataclass
class Matched:
    """Pairs of groups, and what is left on either side. A group on one side sums to its group on the other."""

    pairs: list[tuple[tuple[BankItem, ...], tuple[BookItem, ...]]] = field(default_factory=list)
    bank: list[BankItem] = field(default_factory=list)
    books: list[BookItem] = field(default_factory=list)

    def take(self, bank: Sequence[BankItem], books: Sequence[BookItem]) -> None:
        """Pair two groups."""
        self.pairs.append((tuple(bank), tuple(books)))
        gone_bank, gone_books = {item.key for item in bank}, {item.key for item in books}
        self.bank = [item for item in self.bank if item.key not in gone_bank]
        self.books = [item for item in self.books if item.key not in gone_books]


def match_items(bank: Iterable[BankItem], books: Iterable[BookItem], orders: Mapping[str, BankOrder]) -> Matched:
    """Match what belongs together beyond doubt; what is left on either side was not found on the other.

    First by end-to-end reference and amount; then an order's batch with its payments, either way round; then by amount
    and date, where nothing was ordered under the posting's reference and no choice is left open.
    """
    found = Matched(bank=list(bank), books=list(books))
    _by_reference(found)
    ordered = {item.end_to_end_id: name for name, order in orders.items() for item in order.transfers}
    _by_order(found, ordered, orders)
    _by_amount(found, ordered, orders)
    return found


def _by_reference(found: Matched) -> None:
    books = _grouped(found.books, lambda item: (item.reference, item.units))
    pairs = []
    for item in found.bank:
        waiting = books.get((item.reference, item.units)) if item.reference else None
        if waiting:
            pairs.append((item, waiting.pop(0)))
    _take_pairs(found, pairs)


def _by_order(found: Matched, ordered: Mapping[str, str], orders: Mapping[str, BankOrder]) -> None:
    """A batch against its payments, or the payments of an order against one posting for all of it."""
    bank = _grouped(found.bank, lambda item: _order_of_bank(item, ordered))
    books = _grouped(
        found.books, lambda item: ordered.get(item.reference) or (item.reference if item.reference in orders else None)
    )
    for name in orders:
        theirs, ours = bank.get(name, []), books.get(name, [])
        if theirs and ours and sum(item.units for item in theirs) == sum(item.units for item in ours):
            found.take(theirs, ours)


def _order_of_bank(item: BankItem, ordered: Mapping[str, str]) -> str:
    return item.order_id or ordered.get(item.reference, "")


def _by_amount(found: Matched, ordered: Mapping[str, str], orders: Mapping[str, BankOrder]) -> None:
    """Equal amounts at near dates, in the order of their dates, where both sides have as many of them.

    A posting under a reference that a bank was given is left alone: the bank tells it back, so that a payment without
    it is another one.
    """
    free = [item for item in found.books if item.reference not in ordered and item.reference not in orders]
    bank = _grouped((item for item in found.bank if not item.is_reversal), lambda item: item.units)
    books = _grouped(free, lambda item: item.units)
    pairs = []
    for units, unsorted in bank.items():
        theirs = sorted(unsorted, key=lambda item: item.on)
        ours = sorted(books.get(units, []), key=lambda item: item.on)
        near = [abs(a.on - b.on) <= timedelta(days=MATCH_DAYS) for a, b in zip(theirs, ours, strict=False)]
        if len(theirs) == len(ours) and all(near):
            pairs += list(zip(theirs, ours, strict=True))
    _take_pairs(found, pairs)


def _take_pairs(found: Matched, pairs: Sequence[tuple[BankItem, BookItem]]) -> None:
    found.pairs += [((theirs,), (ours,)) for theirs, ours in pairs]
    bank, books = {theirs.key for theirs, _ in pairs}, {ours.key for _, ours in pairs}
    found.bank = [item for item in found.bank if item.key not in bank]
    found.books = [item for item in found.books if item.key not in books]


def _grouped(items: Iterable[Item], key: Callable[[Item], Key]) -> dict[Key, list[Item]]:
    groups: dict[Key, list[Item]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return groups

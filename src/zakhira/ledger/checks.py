"""Checks of an entry before it is written; the database holds the same rules once more."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from zakhira.kernel.errors import Fault, InvalidInput
from zakhira.kernel.money import COINS, Commodity
from zakhira.ledger.entry import Entry, Posting
from zakhira.ledger.faults import (
    ENTRY_FAULTS,
    BadCost,
    BadLot,
    BlankEntry,
    LotMissing,
    LotOnMoney,
    TooFewPostings,
    Unbalanced,
    UnknownAccount,
    WrongCommodity,
    ZeroPosting,
)
from zakhira.programme.model import AccountSpec

MIN_POSTINGS = 2
"""Double entry: what one account gets, another gives."""
MONEY = (Commodity.PKR, Commodity.USD)
"""What a cost is told in."""

_OUTPOINT = re.compile(r"[0-9a-f]{64}:(?:0|[1-9][0-9]{0,9})")
_CLASSES = {fault.code: fault for fault in ENTRY_FAULTS}


def entry_faults(entry: Entry, accounts: Mapping[str, AccountSpec]) -> tuple[Fault, ...]:
    """Everything that is wrong with ``entry``; nothing if it may be written.

    ``accounts`` are the programme's accounts by code. In a fault, ``line`` is the number of the posting, from 1, and
    0 for the entry as a whole.
    """
    faults = _whole_faults(entry)
    for number, posting in enumerate(entry.postings, 1):
        for fault, message, remedy in _posting_faults(posting, accounts):
            faults.append(Fault(f"entry {entry.id}", number, posting.account, fault.code, message, remedy))
    return tuple(faults)


def require_valid(entries: Iterable[Entry], accounts: Mapping[str, AccountSpec]) -> None:
    """Pass if every entry may be written.

    Raises:
        InvalidInput: the class of the first fault (:data:`ENTRY_FAULTS`); its message tells all faults.
    """
    faults = [fault for entry in entries if not _is_plain(entry, accounts) for fault in entry_faults(entry, accounts)]
    if faults:
        raise _CLASSES[faults[0].code]("; ".join(_sentence(fault) for fault in faults), faults[0].remedy)


def _is_plain(entry: Entry, accounts: Mapping[str, AccountSpec]) -> bool:
    """Whether it moves one commodity between accounts that count it, without lots or costs, in balance.

    Most entries do, and need no closer look; about the others this says nothing.
    """
    postings = entry.postings
    if len(postings) < MIN_POSTINGS:
        return False
    commodity = postings[0].amount.commodity
    name = commodity._value_
    sum_units = 0
    for posting in postings:
        amount, account = posting.amount, accounts.get(posting.account)
        if account is None or amount.commodity is not commodity or account.commodity != name:
            return False
        if not amount.units or posting.lot or posting.cost or (account.kind == "asset" and commodity in COINS):
            return False
        sum_units += amount.units
    return not sum_units and bool(entry.id.strip() and entry.narration.strip() and entry.evidence.strip())


def _sentence(fault: Fault) -> str:
    place = f"{fault.file} posting {fault.line} on {fault.key}" if fault.line else fault.file
    return f"{place}: {fault.message}"


def _whole_faults(entry: Entry) -> list[Fault]:
    found: list[tuple[type[InvalidInput], str, str]] = []
    blank = [name for name in ("id", "narration", "evidence") if not getattr(entry, name).strip()]
    if blank:
        found.append((BlankEntry, f"it has no {' and no '.join(blank)}.", "Say what happened and on what evidence."))
    if len(entry.postings) < MIN_POSTINGS:
        count = len(entry.postings)
        found.append((TooFewPostings, f"it has {count} postings.", "Give what one account gets and another gives."))
    sums: Counter[Commodity] = Counter()
    for posting in entry.postings:
        sums[posting.amount.commodity] += posting.amount.units
    for commodity, units in sums.items():
        if units:
            message = f"its postings sum to {units} least units of {commodity.value}, not to 0."
            found.append((Unbalanced, message, "Let debits and credits cancel in each commodity."))
    return [Fault(f"entry {entry.id}", 0, "", fault.code, message, remedy) for fault, message, remedy in found]


def _posting_faults(
    posting: Posting, accounts: Mapping[str, AccountSpec]
) -> Iterable[tuple[type[InvalidInput], str, str]]:
    account = accounts.get(posting.account)
    if account is None:
        yield UnknownAccount, "there is no such account.", "Add it to the programme's accounts or correct its code."
    elif account.commodity != posting.amount.commodity.value:
        message = f"the account counts {account.commodity}, the posting {posting.amount.commodity.value}."
        yield WrongCommodity, message, "Post to an account of that commodity."
    if posting.amount.units == 0:
        yield ZeroPosting, "it posts nothing.", "Leave the posting out."
    yield from _lot_faults(posting, needs_lot=account is None or account.kind == "asset")
    yield from _cost_faults(posting)


def _lot_faults(posting: Posting, *, needs_lot: bool) -> Iterable[tuple[type[InvalidInput], str, str]]:
    """A coin on an asset account is a certain coin; elsewhere a lot says which one it was, where that is known."""
    amount, lot = posting.amount, posting.lot
    if lot is None:
        if needs_lot and amount.commodity in COINS:
            yield LotMissing, f"{amount} has no lot.", "Name the outpoint that holds the coin and its source."
    elif amount.commodity not in COINS:
        yield LotOnMoney, f"{amount} carries the lot {lot.outpoint}.", "Only coins have lots."
    elif _OUTPOINT.fullmatch(lot.outpoint) is None or not lot.source.strip():
        message = f"{lot.outpoint!r} from {lot.source!r} is not a lot."
        yield BadLot, message, "Write the outpoint as txid:vout and say where the coin came from."


def _cost_faults(posting: Posting) -> Iterable[tuple[type[InvalidInput], str, str]]:
    cost = posting.cost
    if cost is None:
        return
    if cost.commodity not in MONEY or cost.commodity is posting.amount.commodity or cost.units < 0:
        message = f"{posting.amount} cannot have the cost {cost}."
        yield BadCost, message, "Give the cost in PKR or USD, another commodity than the posting's, at least 0."

"""An entry is written only if it is whole, balanced and each coin in it has its lot."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from zakhira.kernel.errors import InvalidInput
from zakhira.kernel.money import Amount, Commodity, sats
from zakhira.ledger.checks import entry_faults, require_valid
from zakhira.ledger.entry import Entry, Lot, Posting
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

AT = datetime(2026, 1, 1, tzinfo=UTC)
LOT = Lot("ab" * 32 + ":1", "pool north")
ROYALTY = Entry(
    "royalty-1",
    AT,
    "Royalty of day 1",
    "ab" * 32,
    (Posting("assets:vault:intake", sats(500), LOT), Posting("income:royalty", sats(-500), LOT)),
)
INVOICE = Entry(
    "energy-1",
    AT,
    "Energy of day 1",
    "day 1",
    (
        Posting("assets:receivable:energy", Amount(90_000, Commodity.PKR)),
        Posting("income:energy", Amount(-90_000, Commodity.PKR)),
    ),
)


def with_posting(entry: Entry, index: int, posting: Posting) -> Entry:
    """The entry with one posting replaced."""
    return replace(entry, postings=(*entry.postings[:index], posting, *entry.postings[index + 1 :]))


def test_good_entries_have_no_fault(accounts: dict[str, AccountSpec]) -> None:
    """A royalty in coin and an invoice in rupees may be written, and so may a cost, and income without a lot."""
    require_valid([ROYALTY, INVOICE], accounts)
    worth = with_posting(ROYALTY, 0, replace(ROYALTY.postings[0], cost=Amount(0, Commodity.PKR)))
    require_valid([worth, with_posting(ROYALTY, 1, replace(ROYALTY.postings[1], lot=None))], accounts)
    assert entry_faults(ROYALTY, accounts) == ()


BAD: list[tuple[Entry, type[InvalidInput], int]] = [
    (with_posting(ROYALTY, 1, Posting("income:royalty", sats(-499), LOT)), Unbalanced, 0),
    (with_posting(ROYALTY, 1, Posting("income:royalties", sats(-500), LOT)), UnknownAccount, 2),
    (with_posting(ROYALTY, 1, Posting("income:energy", sats(-500), LOT)), WrongCommodity, 2),
    (with_posting(ROYALTY, 0, Posting("assets:vault:intake", sats(500))), LotMissing, 1),
    (with_posting(INVOICE, 0, replace(INVOICE.postings[0], lot=LOT)), LotOnMoney, 1),
    (replace(ROYALTY, postings=(*ROYALTY.postings, Posting("income:royalty", sats(0), LOT))), ZeroPosting, 3),
    (replace(ROYALTY, postings=()), TooFewPostings, 0),
    (with_posting(ROYALTY, 0, Posting("assets:vault:intake", sats(500), Lot("ab:1", "pool"))), BadLot, 1),
    (with_posting(ROYALTY, 0, Posting("assets:vault:intake", sats(500), Lot("ab" * 32 + ":01", "pool"))), BadLot, 1),
    (with_posting(ROYALTY, 0, Posting("assets:vault:intake", sats(500), Lot(LOT.outpoint, " "))), BadLot, 1),
    (with_posting(INVOICE, 0, replace(INVOICE.postings[0], cost=Amount(1, Commodity.PKR))), BadCost, 1),
    (with_posting(INVOICE, 0, replace(INVOICE.postings[0], cost=sats(1))), BadCost, 1),
    (with_posting(ROYALTY, 0, replace(ROYALTY.postings[0], cost=Amount(-1, Commodity.PKR))), BadCost, 1),
    (replace(ROYALTY, evidence=""), BlankEntry, 0),
    (replace(ROYALTY, id=" "), BlankEntry, 0),
]


@pytest.mark.parametrize(("entry", "cause", "line"), BAD)
def test_each_fault_is_named_with_its_place(
    accounts: dict[str, AccountSpec], entry: Entry, cause: type[InvalidInput], line: int
) -> None:
    """Each thing that can be wrong with an entry is told by its own code, with the posting that has it."""
    assert [(fault.code, fault.line) for fault in entry_faults(entry, accounts)] == [(cause.code, line)]
    with pytest.raises(cause):
        require_valid([ROYALTY, entry], accounts)


def test_every_cause_is_tested() -> None:
    """The table of bad entries above covers all causes, and no two causes share a code."""
    assert {cause for _, cause, _ in BAD} == set(ENTRY_FAULTS)
    assert len({cause.code for cause in ENTRY_FAULTS}) == len(ENTRY_FAULTS)


def test_all_faults_are_told_together(accounts: dict[str, AccountSpec]) -> None:
    """An entry with four faults is refused once, and the message tells all four."""
    bad = replace(
        ROYALTY, evidence="", postings=(Posting("income:nothing", sats(1)), Posting("income:energy", sats(-2), LOT))
    )
    codes = {fault.code for fault in entry_faults(bad, accounts)}
    assert codes == {BlankEntry.code, Unbalanced.code, UnknownAccount.code, LotMissing.code, WrongCommodity.code}
    with pytest.raises(BlankEntry, match=r"no such account.*has no lot.*counts PKR"):
        require_valid([bad], accounts)


def test_commodities_do_not_cancel(accounts: dict[str, AccountSpec]) -> None:
    """One rupee more and one cent less is not balanced, although the least units sum to 0."""
    entry = replace(
        INVOICE,
        postings=(
            Posting("assets:receivable:energy", Amount(1, Commodity.PKR)),
            Posting("income:rent", Amount(-1, Commodity.USD)),
        ),
    )
    assert [fault.code for fault in entry_faults(entry, accounts)] == [Unbalanced.code, Unbalanced.code]


@given(units=st.lists(st.integers(-(2**62), 2**62).filter(bool), min_size=1, max_size=6))
def test_balanced_if_and_only_if_the_sum_is_zero(units: list[int]) -> None:
    """Whatever the amounts, the check for balance agrees with their sum."""
    accounts = {"a": AccountSpec("a", "PKR", "asset")}
    postings = tuple(Posting("a", Amount(one, Commodity.PKR)) for one in (*units, 7))
    found = {fault.code for fault in entry_faults(replace(INVOICE, postings=postings), accounts)}
    assert (Unbalanced.code in found) == (sum(units) + 7 != 0)

"""The ledger refuses what must not be: frozen accounts, closed periods, bounds, and reversals that are none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from msgspec import structs

from zakhira.kernel.errors import ZakhiraError
from zakhira.kernel.money import Amount, Commodity, sats
from zakhira.ledger.account_record import HeldAccount
from zakhira.ledger.chart import bounds_of
from zakhira.ledger.entry import Entry, Lot, Posting, reversal
from zakhira.ledger.faults import (
    AboveCeiling,
    AccountChanged,
    AccountFrozen,
    BadReversal,
    Overdrawn,
    PeriodClosed,
    PeriodOutOfOrder,
)
from zakhira.ledger.fold import Changes, LedgerFold
from zakhira.ledger.periods import Period
from zakhira.programme.model import AccountSpec

AT = datetime(2026, 5, 20, tzinfo=UTC)
CASH, OWED, EARNED, SWAP = "assets:cash", "liabilities:due", "income:fees", "conversion:pkr-usd:PKR"
SPECS = (
    AccountSpec(CASH, "PKR", "asset"),
    AccountSpec(OWED, "PKR", "liability", ceiling=Amount(1000, Commodity.PKR)),
    AccountSpec(EARNED, "PKR", "income"),
    AccountSpec(SWAP, "PKR", "conversion"),
    AccountSpec("assets:overdraft", "PKR", "asset", overdraft="allowed"),
)


def ledger() -> LedgerFold:
    """A ledger with 500 paisa of cash that came from fees."""
    made = LedgerFold({spec.code: HeldAccount(spec) for spec in SPECS})
    made.add((move("e-1", EARNED, CASH, 500),))
    return made


def move(entry_id: str, source: str, target: str, paisa: int, at: datetime = AT) -> Entry:
    """Paisa from one account to another."""
    amount = Amount(paisa, Commodity.PKR)
    return Entry(entry_id, at, "Moved", "letter", (Posting(target, amount), Posting(source, -amount)))


def test_bounds_in_stored_units() -> None:
    """An asset lies at 0 or above, a liability at 0 or below and above its ceiling; others where they want."""
    cash, owed, earned, _, overdraft = (bounds_of(spec) for spec in SPECS)
    assert cash.least == 0
    assert (owed.least, owed.most) == (-1000, 0)
    assert earned.least == -earned.most == overdraft.least == -overdraft.most


@pytest.mark.parametrize(
    ("entry", "cause"),
    [
        (move("e", CASH, EARNED, 501), Overdrawn),
        (move("e", OWED, CASH, 1001), AboveCeiling),
        (move("e", CASH, OWED, 1), Overdrawn),
    ],
)
def test_bounds_are_kept(entry: Entry, cause: type[ZakhiraError]) -> None:
    """More than is there does not leave, more than the ceiling does not come, and what is not owed is not paid back."""
    with pytest.raises(cause):
        ledger().require((entry,))


def test_what_is_just_within_passes() -> None:
    """The last paisa, the ceiling itself, and what an overdraft or no bound allows."""
    for entry in (
        move("e", CASH, EARNED, 500),
        move("e", OWED, CASH, 1000),
        move("e", "assets:overdraft", CASH, 10**9),
        move("e", SWAP, CASH, 10**9),
        move("e", EARNED, SWAP, 10**9),
    ):
        ledger().require((entry,))


def test_the_entries_of_a_write_count_together() -> None:
    """What one brings another may take, whatever their order."""
    ledger().require((move("a", CASH, EARNED, 700), move("b", EARNED, CASH, 200)))
    with pytest.raises(Overdrawn):
        ledger().require((move("a", CASH, EARNED, 400), move("b", CASH, EARNED, 101)))


def test_a_frozen_account_gets_and_gives_nothing() -> None:
    """Both ways; others go on; what a write itself freezes comes after its entries."""
    made = ledger()
    frozen = HeldAccount(SPECS[0], is_frozen=True)
    made.require((move("e", EARNED, CASH, 1),), Changes((frozen,)))
    made.add((), Changes((frozen,)))
    for entry in (move("e", EARNED, CASH, 1), move("e", CASH, EARNED, 1)):
        with pytest.raises(AccountFrozen, match=CASH):
            made.require((entry,))
    made.require((move("e", SWAP, EARNED, 1),))
    made.add((), Changes((HeldAccount(SPECS[0]),)))
    made.require((move("e", EARNED, CASH, 1),))


def test_a_ceiling_below_what_is_held_is_refused() -> None:
    """A change of bounds must fit what is there."""
    held = HeldAccount(replace(SPECS[0], ceiling=Amount(500, Commodity.PKR)))
    ledger().require((), Changes((held,)))
    with pytest.raises(AboveCeiling):
        ledger().require((), Changes((replace(held, spec=replace(held.spec, ceiling=Amount(499, Commodity.PKR))),)))
    with pytest.raises(AccountChanged):
        ledger().require((), Changes((replace(held, spec=replace(held.spec, kind="expense")),)))


def test_closed_is_closed() -> None:
    """Nothing is dated into a closed period; the next one must follow; reversals are dated later."""
    made = ledger()
    made.add((), Changes((), (Period(date(2026, 5, 1), date(2026, 5, 31)),)))
    for day in (1, 31):
        with pytest.raises(PeriodClosed):
            made.require((move("e", EARNED, CASH, 1, datetime(2026, 5, day, 23, 59, tzinfo=UTC)),))
    june = datetime(2026, 6, 1, tzinfo=UTC)
    made.require((move("e", EARNED, CASH, 1, june),))
    made.require((reversal(made.entries["e-1"], "r", june, "Wrong payer", "letter 9"),))
    for period in (Period(date(2026, 5, 1), date(2026, 5, 31)), Period(date(2026, 6, 2), date(2026, 6, 30))):
        with pytest.raises(PeriodOutOfOrder):
            made.require((), Changes((), (period,)))
    made.require((), Changes((), (Period(date(2026, 6, 1), date(2026, 6, 1)),)))


def _back(entry: Entry) -> Entry:
    return reversal(entry, "r", AT, "Wrong payer", "letter 9")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda entry: structs.replace(entry, reverses="nothing"),
        lambda entry: structs.replace(entry, reverses="r"),
        lambda entry: structs.replace(entry, postings=move("x", CASH, EARNED, 499).postings),
        lambda entry: structs.replace(entry, postings=move("x", EARNED, CASH, 500).postings),
        lambda entry: structs.replace(entry, postings=move("x", CASH, SWAP, 500).postings),
        lambda entry: structs.replace(entry, postings=entry.postings * 2),
        lambda entry: structs.replace(entry, at=entry.at - timedelta(microseconds=1)),
    ],
)
def test_a_reversal_takes_back_the_whole(spoil: Callable[[Entry], Entry]) -> None:
    """Another amount, another account, part of it, twice of it, before it, or nothing that is there: no reversal."""
    made = ledger()
    made.add((move("more", EARNED, CASH, 5000),))
    with pytest.raises(BadReversal):
        made.require((spoil(_back(made.entries["e-1"])),))


def test_a_thing_is_undone_once() -> None:
    """Neither a second time, in the same write or later, nor is the undoing undone."""
    made = ledger()
    made.add((move("more", EARNED, CASH, 5000),))
    back = _back(made.entries["e-1"])
    with pytest.raises(BadReversal, match="was reversed by r"):
        made.require((back, structs.replace(back, id="r2")))
    made.add((back,))
    with pytest.raises(BadReversal, match="was reversed by r"):
        made.require((structs.replace(back, id="r2"),))
    with pytest.raises(BadReversal, match="is itself the reversal"):
        made.require((reversal(back, "r3", AT, "Right after all", "letter 10"),))


def test_the_order_of_postings_does_not_matter() -> None:
    """A reversal is the same with its lines in another order, lots included."""
    lot = Lot("ab" * 32 + ":0", "pool")
    specs = (AccountSpec("assets:vault:a", "BTC", "asset"), AccountSpec("income:coins", "BTC", "income"))
    made = LedgerFold({spec.code: HeldAccount(spec) for spec in specs})
    came = Entry("c", AT, "x", "x", (Posting("assets:vault:a", sats(5), lot), Posting("income:coins", sats(-5))))
    made.add((came,))
    back = _back(came)
    made.require((structs.replace(back, postings=back.postings[::-1]),))
    other = structs.replace(lot, outpoint="cd" * 32 + ":0")
    moved = (structs.replace(back.postings[0], lot=other), back.postings[1])
    with pytest.raises(BadReversal):
        made.require((structs.replace(back, postings=moved),))

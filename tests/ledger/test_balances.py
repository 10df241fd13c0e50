"""Balances and lots are a fold over entries, and no coin leaves a vault that is not there."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zakhira.kernel.money import MAX_UNITS, Amount, Commodity, sats
from zakhira.ledger.balances import LotBalance, fold_balances, fold_lots, lots_left, require_covered, tally
from zakhira.ledger.entry import Entry, Lot, Posting
from zakhira.ledger.faults import BalanceTooLarge, Overdrawn
from zakhira.programme.model import AccountSpec

AT = datetime(2026, 1, 1, tzinfo=UTC)
INTAKE, COLD, ROYALTY, FEES = (
    "assets:vault:intake",
    "assets:vault:cold",
    "income:royalty",
    "expenses:network-fees",
)


def outpoint(number: int) -> str:
    """A made-up outpoint."""
    return f"{number:064x}:0"


def receipt(number: int, amount_sats: int) -> Entry:
    """A royalty that arrives at the intake vault."""
    lot = Lot(outpoint(number), "pool north")
    postings = (Posting(INTAKE, sats(amount_sats), lot), Posting(ROYALTY, sats(-amount_sats), lot))
    return Entry(f"royalty-{number}", AT, "Royalty", "txid", postings)


def sweep(number: int, spent: list[tuple[int, int]], fee_sats: int) -> Entry:
    """Lots of the intake vault become one lot of the cold vault."""
    made = Lot(outpoint(number), "sweep")
    total = sum(amount for _, amount in spent)
    gone = [Posting(INTAKE, sats(-amount), Lot(outpoint(lot), "pool north")) for lot, amount in spent]
    came = [Posting(COLD, sats(total - fee_sats), made), Posting(FEES, sats(fee_sats), made)]
    return Entry(f"sweep-{number}", AT, "Sweep", "txid", (*gone, *came))


def test_a_sweep_moves_lots(accounts: dict[str, AccountSpec]) -> None:
    """Two royalties of 500 and 300 sat are swept for a fee of 20: cold holds one lot of 780, intake nothing."""
    entries = [receipt(1, 500), receipt(2, 300), sweep(3, [(1, 500), (2, 300)], 20)]
    balances = fold_balances(entries, accounts.values())
    assert balances[INTAKE] == sats(0)
    assert balances[COLD] == sats(780)
    assert balances[FEES] == sats(20)
    assert balances["income:rent"] == Amount(0, Commodity.USD)
    assert list(balances) == sorted(accounts)
    left = lots_left(tally(entries), COLD)
    assert left == (LotBalance(COLD, Lot(outpoint(3), "sweep"), sats(780)),)
    assert {lot.account for lot in fold_lots(entries)} == {COLD, FEES, ROYALTY}


def test_the_first_source_names_the_lot() -> None:
    """A lot keeps the source that it was first posted with on the account."""
    later = Entry("x", AT, "x", "x", (Posting(INTAKE, sats(-1), Lot(outpoint(1), "elsewhere")),))
    assert fold_lots([receipt(1, 500), later])[0].lot.source == "pool north"


def test_a_lot_cannot_be_overdrawn(accounts: dict[str, AccountSpec]) -> None:
    """500 sat more cannot leave a lot than it holds, although the account as a whole holds enough."""
    before = tally([receipt(1, 500), receipt(2, 300)])
    require_covered(before, tally([sweep(3, [(1, 500)], 20)]), accounts)
    with pytest.raises(Overdrawn, match="holds 500 sat"):
        require_covered(before, tally([sweep(3, [(1, 501)], 20)]), accounts)


def test_income_may_go_below_zero(accounts: dict[str, AccountSpec]) -> None:
    """Credits on income are negative by nature; only assets are guarded."""
    require_covered(tally([]), tally([receipt(1, 500)]), accounts)


def test_a_balance_fits_63_bits(accounts: dict[str, AccountSpec]) -> None:
    """A balance beyond what the database can hold is refused and not wrapped around."""
    rent = "assets:receivable:rent"
    most = Entry("x", AT, "x", "x", (Posting(rent, Amount(MAX_UNITS, Commodity.USD)),))
    one = Entry("y", AT, "y", "y", (Posting(rent, Amount(1, Commodity.USD)),))
    require_covered(tally([]), tally([most]), accounts)
    with pytest.raises(BalanceTooLarge):
        require_covered(tally([most]), tally([one]), accounts)


RECEIPTS = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 10**9)), max_size=20)


@given(RECEIPTS.flatmap(lambda receipts: st.tuples(st.just(receipts), st.permutations(receipts))))
def test_the_fold_does_not_depend_on_the_order(
    orders: tuple[list[tuple[int, int]], list[tuple[int, int]]],
) -> None:
    """Balances and lots are sums: entries in another order come to the same, and the parts come to the whole."""
    one, other = ([receipt(number, amount) for number, amount in order] for order in orders)
    assert fold_lots(one) == fold_lots(other)
    total = sum(amount for _, amount in orders[0])
    assert sum(lot.amount.units for lot in fold_lots(one) if lot.account == INTAKE) == total

"""The reserve ties out to the satoshi, or says by how much it does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zakhira.kernel.money import Amount, Commodity, sats
from zakhira.ledger.faults import UnknownAccount, WrongCommodity
from zakhira.ledger.reserve import COLD, COMMUNITY, INTAKE, NETWORK_FEES, ROYALTY, reserve_identity


def balances(received: int, fees: int, intake: int, cold: int, claims: int) -> dict[str, Amount]:
    """Balances as the ledger has them: income and liabilities are credits."""
    return {
        ROYALTY: sats(-received),
        NETWORK_FEES: sats(fees),
        INTAKE: sats(intake),
        COLD: sats(cold),
        COMMUNITY: sats(-claims),
    }


def test_it_ties_out() -> None:
    """1,000 sat came, 20 went in fees, 480 wait and 500 are cold; 50 are owed."""
    identity = reserve_identity(balances(1000, 20, 480, 500, 50))
    assert identity.holds
    assert identity.claims_covered
    assert identity.backing_sats == 980


def test_one_satoshi_off() -> None:
    """A satoshi that is missing is told, with its sign."""
    identity = reserve_identity(balances(1000, 20, 479, 500, 50))
    assert not identity.holds
    assert identity.difference_sats == 1


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 3 * 10**9))
def test_claims_against_backing(intake: int, cold: int, claims: int) -> None:
    """Claims are covered exactly when the vaults hold as much."""
    identity = reserve_identity(balances(intake + cold, 0, intake, cold, claims))
    assert identity.holds
    assert identity.claims_covered == (claims <= intake + cold)


def test_missing_account_and_wrong_commodity() -> None:
    """Without the account, or with one in rupees, there is no tie-out."""
    lacking = balances(1, 0, 1, 0, 0)
    del lacking[COLD]
    with pytest.raises(UnknownAccount, match="assets:vault:cold"):
        reserve_identity(lacking)
    with pytest.raises(WrongCommodity):
        reserve_identity({**lacking, COLD: Amount(0, Commodity.PKR)})

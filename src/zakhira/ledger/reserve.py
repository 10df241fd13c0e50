"""The tie-out of the reserve: received - fees = intake + cold, and claims against backing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from zakhira.kernel.money import Amount, Commodity
from zakhira.ledger.faults import UnknownAccount, WrongCommodity

INTAKE = "assets:vault:intake"
COLD = "assets:vault:cold"
ROYALTY = "income:royalty"
NETWORK_FEES = "expenses:network-fees"
COMMUNITY = "liabilities:community"


@dataclass(frozen=True)
class ReserveIdentity:
    """The reserve in satoshi, as the ledger has it. Income and liabilities are turned to positive numbers."""

    received_sats: int
    fees_sats: int
    intake_sats: int
    cold_sats: int
    claims_sats: int

    @property
    def backing_sats(self) -> int:
        """Coins in the vaults."""
        return self.intake_sats + self.cold_sats

    @property
    def difference_sats(self) -> int:
        """Received - fees - (intake + cold): 0 when the books tie out."""
        return self.received_sats - self.fees_sats - self.backing_sats

    @property
    def holds(self) -> bool:
        """Whether received - fees = intake + cold, to the satoshi."""
        return self.difference_sats == 0

    @property
    def claims_covered(self) -> bool:
        """Whether the coins in the vaults cover what the programme owes in coin."""
        return self.claims_sats <= self.backing_sats


def reserve_identity(balances: Mapping[str, Amount]) -> ReserveIdentity:
    """Compute the tie-out from the accounts' balances.

    Raises:
        UnknownAccount: the balances lack one of the accounts.
        WrongCommodity: one of them does not count BTC.
    """
    return ReserveIdentity(
        received_sats=-_sats(balances, ROYALTY),
        fees_sats=_sats(balances, NETWORK_FEES),
        intake_sats=_sats(balances, INTAKE),
        cold_sats=_sats(balances, COLD),
        claims_sats=-_sats(balances, COMMUNITY),
    )


def _sats(balances: Mapping[str, Amount], code: str) -> int:
    amount = balances.get(code)
    if amount is None:
        raise UnknownAccount(f"The balances have no {code}.", "Add the account to the programme's accounts.")
    if amount.commodity is not Commodity.BTC:
        raise WrongCommodity(f"{code} counts {amount.commodity.value}.", "The reserve's accounts count BTC.")
    return amount.units

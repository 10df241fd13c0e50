"""Differences between books and world: who must act, from which amount payouts stop, which bank accounts are ours."""

from __future__ import annotations

from dataclasses import dataclass

from zakhira.kernel.money import Amount, Commodity

WH_PER_MWH = 1_000_000
PAISA_PER_PKR = 100
CENTS_PER_USD = 100


@dataclass(frozen=True)
class Reconciliation:
    """A difference of at least the amount of its commodity halts payouts; a smaller one is a case and no more.

    The defaults stand in the data dictionary with their reason, marked [E].
    """

    owner_roles: tuple[str, ...] = ()
    """who must act on a case; left out: whoever may propose spends"""
    halt_from_sats: int = 1_000_000
    halt_from_pkr: int = 1_000_000
    halt_from_usd: int = 3_500
    halt_from_mwh: int = 10

    def halts(self, difference: Amount) -> bool:
        """Whether a difference of this size, in either direction, stops payouts."""
        from_units = {
            Commodity.BTC: self.halt_from_sats,
            Commodity.PKR: self.halt_from_pkr * PAISA_PER_PKR,
            Commodity.USD: self.halt_from_usd * CENTS_PER_USD,
            Commodity.WH: self.halt_from_mwh * WH_PER_MWH,
        }
        return abs(difference.units) >= from_units[difference.commodity]


@dataclass(frozen=True)
class BankAccountSpec:
    """An account of the programme at a bank, and the account of the ledger that stands for it."""

    id: str
    holder: str
    number: str
    """an IBAN, or the bank's own number"""
    account: str
    """code of an asset account in PKR or USD"""
    bank: str = ""
    """its BIC, or another name that it goes by"""

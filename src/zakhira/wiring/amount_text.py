"""Amounts of bitcoin as a terminal shows them, and as a person types them."""

from __future__ import annotations

from zakhira.kernel.errors import InvalidInput
from zakhira.kernel.money import SATS_PER_BTC, Commodity, parse_amount


class NotBitcoin(InvalidInput):
    """An amount of money stands where an amount of bitcoin belongs, or it is not above 0."""

    code = "ZK-WIRING-030"


def btc_text(amount_sats: int) -> str:
    """Exact, with the last groups set apart: ``12.345 678 90``."""
    sign = "-" if amount_sats < 0 else ""
    whole, part = divmod(abs(amount_sats), SATS_PER_BTC)
    digits = f"{part:08d}"
    return f"{sign}{whole:,}.{digits[:3]} {digits[3:6]} {digits[6:]}"


def counted(count: int, noun: str, many: str = "") -> str:
    """``1 block``, ``2 blocks``, ``1,000 keys``; ``many`` is the plural where it is not the noun and an s."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {many or f'{noun}s'}"


def sats_of(text: str) -> int:
    """Satoshi of an amount with its unit.

    Raises:
        BadAmount: it has no unit, or is none.
        NotBitcoin: its unit is of money, or it is not above 0.
    """
    amount = parse_amount(text)
    if amount.commodity is not Commodity.BTC or amount.units <= 0:
        raise NotBitcoin(f"{text!r} is no amount of bitcoin above 0.", "Write it like '0.5 BTC' or '50000 sat'.")
    return amount.units

"""Amounts as whole least units of one commodity; two commodities never mix (C4)."""

from __future__ import annotations

import re
from enum import Enum

import msgspec

from zakhira.kernel.errors import InvalidInput


class Commodity(Enum):
    """A thing that is counted, with the number of decimals of its written unit."""

    BTC = "BTC"
    PKR = "PKR"
    USD = "USD"
    WH = "WH"

    @property
    def decimals(self) -> int:
        """Decimals between the written unit and the least unit: 8 for satoshi, 2 for paisa and cent, 0 for Wh."""
        return _DECIMALS[self]

    @property
    def unit(self) -> str:
        """The written unit: ``BTC``, ``PKR``, ``USD``, and ``Wh`` for watt-hours."""
        return "Wh" if self is Commodity.WH else self.value


_DECIMALS = {Commodity.BTC: 8, Commodity.PKR: 2, Commodity.USD: 2, Commodity.WH: 0}
COINS = (Commodity.BTC,)
"""What is held on a chain: claims in these stand behind coins."""


MAX_UNITS = 2**63 - 1
"""The largest count of least units: what a PostgreSQL bigint holds."""

SATS_PER_BTC = 100_000_000
MAX_MONEY_SATS = 21_000_000 * SATS_PER_BTC
"""Consensus limit on any amount of bitcoin (Bitcoin Core, consensus/amount.h)."""

_UNITS = {
    "sat": (Commodity.BTC, 0),
    "sats": (Commodity.BTC, 0),
    "Wh": (Commodity.WH, 0),
    "kWh": (Commodity.WH, 3),
    "MWh": (Commodity.WH, 6),
    "GWh": (Commodity.WH, 9),
    **{name: (Commodity[name], Commodity[name].decimals) for name in ("BTC", "PKR", "USD")},
}
"""Written units: what they count, and how many decimals they have down to its least unit."""
_AMOUNT = re.compile(r"(?P<sign>-?)(?P<whole>[0-9]{1,19})(?:\.(?P<part>[0-9]+))? (?P<unit>[A-Za-z]+)")


class MixedCommodities(InvalidInput):
    """Two amounts of different commodities were put together."""

    code = "ZK-KERNEL-010"


class BadAmount(InvalidInput):
    """A text or a number is not an amount with its unit."""

    code = "ZK-KERNEL-011"


class Amount(msgspec.Struct, frozen=True, gc=False):
    """A signed count of least units (satoshi, paisa, cent) of one commodity.

    Raises:
        BadAmount: ``units`` is not an int or does not fit 63 bits.
        MixedCommodities: on arithmetic or comparison of two commodities.
    """

    units: int
    commodity: Commodity

    def __post_init__(self) -> None:
        if type(self.units) is not int or not -MAX_UNITS <= self.units <= MAX_UNITS:
            raise BadAmount(f"{self.units!r} is not a whole count of least units.", "Give an integer below 2^63.")

    def _same(self, other: Amount) -> None:
        if self.commodity is not other.commodity:
            raise MixedCommodities(
                f"{self} and {other} are of different commodities.", "Convert one at a dated rate first."
            )

    def __add__(self, other: Amount) -> Amount:
        self._same(other)
        return Amount(self.units + other.units, self.commodity)

    def __sub__(self, other: Amount) -> Amount:
        self._same(other)
        return Amount(self.units - other.units, self.commodity)

    def __neg__(self) -> Amount:
        return Amount(-self.units, self.commodity)

    def __lt__(self, other: Amount) -> bool:
        self._same(other)
        return self.units < other.units

    def __le__(self, other: Amount) -> bool:
        self._same(other)
        return self.units <= other.units

    def __str__(self) -> str:
        """Write exactly, in the written unit: ``0.12345678 BTC``, ``-12.50 PKR``."""
        scale = 10**self.commodity.decimals
        whole, part = divmod(abs(self.units), scale)
        sign = "-" if self.units < 0 else ""
        decimals = f".{part:0{self.commodity.decimals}d}" if self.commodity.decimals else ""
        return f"{sign}{whole}{decimals} {self.commodity.unit}"


_BITCOIN = Commodity.BTC
"""As a name of its own: a member of an enumeration takes longer to look up than an amount to make."""


def sats(units: int) -> Amount:
    """An amount of bitcoin in satoshi."""
    return Amount(units, _BITCOIN)


def parse_amount(text: str) -> Amount:
    """Read ``0.5 BTC``, ``500 sat``, ``1000 PKR``, ``12.50 USD`` or ``1.5 MWh``: the unit is never left out.

    Raises:
        BadAmount: no unit, an unknown unit, or more decimals than the commodity has.
    """
    match = _AMOUNT.fullmatch(text.strip())
    if match is None:
        raise BadAmount(f"{text!r} is not an amount with its unit.", "Write it like '0.5 BTC' or '1000 PKR'.")
    unit = match["unit"]
    if unit not in _UNITS:
        raise BadAmount(f"{unit!r} in {text!r} is not a unit that is counted.", "Use BTC, sat, PKR, USD, Wh or MWh.")
    commodity, places = _UNITS[unit]
    part = (match["part"] or "").rstrip("0")
    if len(part) > places:
        raise BadAmount(f"{text!r} has more decimals than {unit} has.", "Round it first.")
    units = int(match["whole"]) * 10**places + int(part.ljust(places, "0") or "0")
    return Amount(-units if match["sign"] else units, commodity)


def split_units(total: int, weights: list[int]) -> list[int]:
    """Split ``total`` least units by ``weights`` so that the parts sum to it exactly (largest remainder).

    Ties go to the earlier part. ``total`` and every weight are at least 0 and the weights do not all vanish.
    """
    whole = sum(weights)
    if total < 0 or whole <= 0 or min(weights) < 0:
        raise BadAmount(f"Cannot split {total} by {weights}.", "Give a total and weights of at least 0, not all 0.")
    parts = [total * weight // whole for weight in weights]
    remainders = sorted(range(len(weights)), key=lambda i: (-(total * weights[i] % whole), i))
    for i in remainders[: total - sum(parts)]:
        parts[i] += 1
    return parts

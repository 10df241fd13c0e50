"""How numbers are written for a person: grouping, digits, units, money and local time, all in one place."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from zakhira.kernel.money import SATS_PER_BTC, Amount, Commodity

THIN_SPACE = "\u202f"
"""Narrow no-break space: groups digits and joins a number to its unit without a line break between them."""
MINUS = "\u2212"
GROUP_DIGITS = 3
PROSE_DIGITS = 3
PKR_PER_CRORE = 10_000_000

_SCALE_WORDS = ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"))
_ENERGY_UNITS = ((1e6, "TWh"), (1e3, "GWh"), (1.0, "MWh"))
_FINE_SHARE = 0.01
"""Below one per cent a share is written with its significant digits, so that a small gap is not rounded to 0."""
_MOST_DECIMALS = 6
_ROUNDING = 1e-6
"""What floating point may have lost before a number is rounded down."""


def _group_left(digits: str) -> str:
    head = len(digits) % GROUP_DIGITS
    groups = [digits[:head]] if head else []
    groups += [digits[i : i + GROUP_DIGITS] for i in range(head, len(digits), GROUP_DIGITS)]
    return THIN_SPACE.join(groups)


def _signed(negative: bool, text: str) -> str:  # noqa: FBT001  # the sign is the first word of a number
    return MINUS + text if negative else text


def whole(value: int) -> str:
    """An integer in groups of three: ``12 345 678``."""
    return _signed(value < 0, _group_left(str(abs(value))))


def fixed(value: float, decimals: int = 0) -> str:
    """A number with so many decimals, rounded half to even, whole part in groups. Not a number is written as a dash."""
    if not math.isfinite(value):
        return "\u2013"
    text = f"{abs(value):.{decimals}f}"
    left, _, right = text.partition(".")
    negative = value < 0 and float(text) != 0
    return _signed(negative, _group_left(left) + (f".{right}" if right else ""))


def prose(value: float, digits: int = PROSE_DIGITS) -> str:
    """A number at so many significant digits and no trailing zeros after the point: ``1 230``, ``12.3``, ``0.001 23``.

    Whole parts are never rounded away: 1,987 stays ``1 987``, since a reader adds up what is said.
    """
    if not math.isfinite(value):
        return "\u2013"
    if value == 0:
        return "0"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    text = f"{abs(value):.{decimals}f}"
    left, _, right = text.partition(".")
    right = right.rstrip("0")
    groups = THIN_SPACE.join(right[i : i + GROUP_DIGITS] for i in range(0, len(right), GROUP_DIGITS))
    negative = value < 0 and float(text) != 0
    return _signed(negative, _group_left(left) + (f".{groups}" if groups else ""))


def with_unit(text: str, unit: str) -> str:
    """A written number and its unit, which do not part at the end of a line."""
    return f"{text}{THIN_SPACE}{unit}" if unit else text


def scaled(value: float) -> str:
    """A large number with its word: ``12.3 million``; below a million as :func:`prose` writes it."""
    for size, word in _SCALE_WORDS:
        if abs(value) >= size:
            return f"{prose(value / size)}{THIN_SPACE}{word}"
    return prose(value)


def power(value_mw: float) -> str:
    """A power in prose: ``1 987 MW``, ``43.5 MW``."""
    return with_unit(prose(value_mw), "MW")


def energy(value_mwh: float) -> str:
    """An energy in prose, in the unit that fits: MWh, GWh or TWh."""
    for size, unit in _ENERGY_UNITS:
        if abs(value_mwh) >= size:
            return with_unit(prose(value_mwh / size), unit)
    return with_unit(prose(value_mwh), "MWh")


def percent(share: float) -> str:
    """A share in per cent: ``61%``, ``5.2%``.

    A tiny one keeps a digit (``0.000 01%``) and one just below the whole stays below it (``99.98%``): neither 0 nor 100
    is said of what is not.
    """
    size = abs(share)
    if size < _FINE_SHARE:
        return prose(100 * share, 1 if size < _FINE_SHARE / 100 else 2) + "%"
    if 1 - _FINE_SHARE < size < 1:
        decimals = min(_MOST_DECIMALS, max(1, math.ceil(-math.log10(100 * (1 - size)))))
        return (
            fixed(math.copysign(math.floor(100 * size * 10**decimals + _ROUNDING) / 10**decimals, share), decimals)
            + "%"
        )
    return fixed(100 * share, 1 if size < 10 * _FINE_SHARE else 0) + "%"


def btc(units_sats: int) -> str:
    """Bitcoin exact to 8 decimals, the last groups set apart: ``0.123 456 78``."""
    left, right = divmod(abs(units_sats), SATS_PER_BTC)
    decimals = f"{right:08d}"
    groups = THIN_SPACE.join((decimals[:3], decimals[3:6], decimals[6:]))
    return _signed(units_sats < 0, f"{_group_left(str(left))}.{groups}")


def btc_prose(units_sats: int) -> str:
    """Bitcoin in prose, at 4 significant digits, with its unit: ``12.35 BTC``."""
    return with_unit(prose(units_sats / SATS_PER_BTC, 4), "BTC")


def amount(value: Amount) -> str:
    """An exact amount without its unit, for a column that carries it."""
    if value.commodity is Commodity.BTC:
        return btc(value.units)
    scale = 10**value.commodity.decimals
    left, right = divmod(abs(value.units), scale)
    part = f".{right:0{value.commodity.decimals}d}" if value.commodity.decimals else ""
    return _signed(value.units < 0, f"{_group_left(str(left))}{part}")


def usd(value: float) -> str:
    """US dollars in prose: ``USD 12.3 million``."""
    return f"USD{THIN_SPACE}{scaled(value)}"


def pkr(value: float) -> str:
    """Rupees in prose, in billions or millions and in crore beside it: ``PKR 1.23 billion (123 crore)``."""
    crore = value / PKR_PER_CRORE
    beside = f" ({prose(crore)}{THIN_SPACE}crore)" if abs(crore) >= 1 else ""
    return f"PKR{THIN_SPACE}{scaled(value)}{beside}"


def offset_text(offset: timedelta) -> str:
    """An offset from UTC: ``+05:00``."""
    minutes = round(offset.total_seconds() / 60)
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def local_time(at: datetime, zone: ZoneInfo) -> str:
    """An instant in the programme's local time, to the minute, with the offset: ``2026-01-01 00:00 +05:00``."""
    local = at.astimezone(zone)
    offset = local.utcoffset()
    assert offset is not None, "a zone has an offset"
    return f"{local:%Y-%m-%d %H:%M}{THIN_SPACE}{offset_text(offset)}"


def hour_text(hour: int) -> str:
    """An hour of the day: ``13:00``."""
    return f"{hour % 24:02d}:00"

"""Whether a single amount can be meant: held against the campaign's stated range and what it has paid so far."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from statistics import median_low

from zakhira.kernel.money import Amount, BadAmount, parse_amount
from zakhira.settlement.payouts.campaign import Campaign

OTHER_UNIT = 1_000
"""From this factor on an amount is not a large one but one in another unit: kilo and milli are 1,000 apart, and coins
and their least units 100,000,000."""
ENOUGH_HISTORY = 5
"""Amounts from which on a median says more than the stated range [E] (low 3, high 30)."""
_NUMBER = re.compile(r"([0-9]+(?:\.[0-9]+)?) ([A-Za-z]+)")
_UNITS = ("sat", "BTC", "PKR", "USD", "Wh", "kWh", "MWh", "GWh")
_HUNDREDTHS = {"PKR": "paisa", "USD": "cents"}


def usual_amount(campaign: Campaign, history: Sequence[int]) -> Amount:
    """What the campaign usually pays: the median of what it has paid (least units), else the middle of its range.

    The middle is the geometric one: as many times above the lowest as below the highest.
    """
    if len(history) >= ENOUGH_HISTORY:
        return Amount(median_low(history), campaign.asset)
    return Amount(max(1, math.isqrt(campaign.lowest.units * campaign.highest.units)), campaign.asset)


def implausible(campaign: Campaign, usual: Amount, amount: Amount, written: str) -> str:
    """Why an amount cannot be meant, in a sentence with the unit that may be; empty if it can.

    ``written`` is the amount as it stands in the file.
    """
    is_asset = amount.commodity is campaign.asset
    is_far = is_asset and not _is_near(amount, usual)
    if is_asset and not is_far and campaign.lowest <= amount <= campaign.highest:
        return ""
    guesses = " or ".join(_meant(campaign, written))
    meant = f" Did you mean {guesses}?" if guesses else ""
    shown = _grouped(written)
    if not is_asset:
        return f"{shown} is not in {campaign.asset.unit}, which campaign {campaign.id} pays.{meant}"
    times = ratio_words(amount, usual)
    if is_far:
        return f"{shown} is {times} the usual {usual}: that is another unit.{meant}"
    span = f"{campaign.lowest} to {campaign.highest}"
    return f"{shown} is outside the stated range of {span}, and {times} the usual {usual}.{meant}"


def _is_near(amount: Amount, usual: Amount) -> bool:
    return amount.units < OTHER_UNIT * usual.units and usual.units < OTHER_UNIT * amount.units


def ratio_words(amount: Amount, usual: Amount) -> str:
    """``1,000,000 times`` or ``one part in 1,000 of``; three digits of it where it is no whole multiple."""
    high, low = max(amount.units, usual.units), min(amount.units, usual.units)
    ratio = Decimal(high) / Decimal(low)
    words = f"{high // low:,}" if high % low == 0 else f"about {Decimal(f'{ratio:.3g}'):,f}"
    return f"{words} times" if amount.units >= usual.units else f"one part in {words} of"


def _meant(campaign: Campaign, written: str) -> Iterator[str]:
    """The same number in another unit, where the campaign could mean that."""
    found = _NUMBER.fullmatch(written.strip())
    if found is None:
        return
    number, unit = found.groups()
    for other in _UNITS:
        if other == unit or (unit, other) == ("sats", "sat"):
            continue
        if _can_be(campaign, f"{number} {other}") is not None:
            yield f"{_grouped(number)} {other}"
    hundredths = _HUNDREDTHS.get(campaign.asset.value)
    if hundredths and "." not in number:
        text = f"{Decimal(number) / 100} {campaign.asset.value}"
        if _can_be(campaign, text) is not None:
            yield f"{_grouped(number)} {hundredths} ({_grouped(text)})"


def _can_be(campaign: Campaign, text: str) -> Amount | None:
    """The amount that a text says, if it lies in the stated range."""
    try:
        amount = parse_amount(text)
    except BadAmount:
        return None
    if amount.commodity is campaign.asset and campaign.lowest <= amount <= campaign.highest:
        return amount
    return None


def _grouped(text: str) -> str:
    """``620000 BTC`` as people read it: ``620,000 BTC``."""
    number, space, unit = text.partition(" ")
    whole, point, part = number.partition(".")
    return f"{int(whole):,}{point}{part}{space}{unit}" if whole.isdecimal() else text

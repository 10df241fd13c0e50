"""What one more unit of each limit is worth, in plain words."""

from __future__ import annotations

from zakhira.planning.allocation import ShadowPrice
from zakhira.planning.limits import Limit
from zakhira.programme.series import Floats

WORTH_TELLING_USD = 0.5
"""A limit whose price is below this does not bind."""


def shadow_prices_of(limits: tuple[Limit, ...], duals_usd: Floats) -> tuple[ShadowPrice, ...]:
    """The limits that bind, dearest first by what a hundredth more of them is worth."""
    binding = [(limit, float(dual)) for limit, dual in zip(limits, duals_usd, strict=True) if dual > WORTH_TELLING_USD]
    binding.sort(key=lambda pair: (-pair[1] * pair[0].capacity, pair[0].name))
    return tuple(
        ShadowPrice(
            limit.name,
            limit.unit,
            dual,
            f"One more {limit.unit} of {limit.words} is worth {round(dual):,} USD a year at the margin.",
        )
        for limit, dual in binding
    )

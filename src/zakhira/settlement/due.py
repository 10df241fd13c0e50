"""What pools owe after a day: amounts too small to pay wait for the next day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from zakhira.settlement.day import SettledDay

MIN_PAYMENT_SATS = 1_000
"""Above the dust limit of every standard output (Bitcoin Core at 3,000 sat/kvB: 294 for P2WPKH, 330 for P2WSH)."""


@dataclass(frozen=True)
class Due:
    """What a pool pays for one licensee: the royalty to the programme's intake, the rest to the licensee."""

    licensee: str
    pool: str
    royalty_sats: int
    licensee_sats: int


@dataclass(frozen=True)
class Dues:
    """``pay`` leaves now, ``carry`` waits."""

    pay: tuple[Due, ...]
    carry: Mapping[str, Due]


def dues_of_day(carried: Mapping[str, Due], settled: SettledDay) -> Dues:
    """Add a settled day to what was carried and split it into what is paid and what waits.

    Both amounts of a licensee leave together, once each is 0 or at least :data:`MIN_PAYMENT_SATS` and not both are 0.
    """
    pay: list[Due] = []
    carry: dict[str, Due] = {}
    for day in settled.licensees:
        before = carried.get(day.licensee, Due(day.licensee, day.pool, 0, 0))
        due = Due(
            day.licensee,
            day.pool,
            before.royalty_sats + day.royalty_sats,
            before.licensee_sats + day.licensee_sats,
        )
        amounts = (due.royalty_sats, due.licensee_sats)
        if any(amounts) and all(amount == 0 or amount >= MIN_PAYMENT_SATS for amount in amounts):
            pay.append(due)
        elif any(amounts):
            carry[day.licensee] = due
    return Dues(tuple(pay), carry)

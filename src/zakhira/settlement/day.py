"""What a day comes to: work, coins, rent and invoices by licensee, in whole least units."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ZoneEnergy:
    """Surplus energy that a licensee used in one zone, in whole watt-hours as the meters' records have it."""

    zone: str
    energy_wh: int


@dataclass(frozen=True)
class LicenseeDay:
    """One licensee's day. Coins are the pool's payment for accepted work, split into share and royalty.

    ``expected_sats`` is what the difficulty formula gives for all the work; ``paid_sats`` what the pool pays after
    rejects and its fee: ``royalty_sats + licensee_sats``. ``energy_paisa`` is the invoice for surplus energy,
    ``rent_cents`` the programme's share of AI revenue.
    """

    licensee: str
    pool: str
    energy_mwh: float
    work_hashes: float
    expected_sats: int
    paid_sats: int
    royalty_sats: int
    licensee_sats: int
    energy_paisa: int
    gpu_hours: float
    rent_cents: int
    zones: tuple[ZoneEnergy, ...] = ()
    """the same energy by zone; each hour of a meter counts as whole watt-hours"""


@dataclass(frozen=True)
class SettledDay:
    """All licensees' days, with the state of the network that they were settled at."""

    day: int
    difficulty: float
    height: int
    licensees: tuple[LicenseeDay, ...]

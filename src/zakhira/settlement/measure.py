"""A day's metered megawatts to work, coins, invoices and rent, in whole least units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from zakhira.compute.halls import gpu_hours_per_mwh
from zakhira.kernel.errors import InvalidInput
from zakhira.mining.machines import hashes_per_mwh
from zakhira.mining.network import NetworkPath, NetworkState, advance
from zakhira.programme.model import HallClass, Licensee, Pool, Programme
from zakhira.programme.series import Floats
from zakhira.settlement.day import LicenseeDay, SettledDay, ZoneEnergy

KWH_PER_MWH = 1000.0
WH_PER_MWH = 1_000_000
MW_DECIMALS = 6
"""Meters are recorded to a watt, so that an hour of one is a whole number of watt-hours."""
PAISA_PER_PKR = 100.0
CENTS_PER_USD = 100.0


class UnknownMeter(InvalidInput):
    """A meter names a licensee, a class or a site that the programme does not have."""

    code = "ZK-SETTLEMENT-001"


class ReadingsDoNotFit(InvalidInput):
    """The readings are not one row for each meter, or hold something that is no reading."""

    code = "ZK-SETTLEMENT-002"


@dataclass(frozen=True)
class Meter:
    """What one meter stands for: a class at a site of a licensee. ``key`` is ``site/class``."""

    key: str
    licensee: str
    class_id: str

    @property
    def site(self) -> str:
        """The site that it stands at."""
        return self.key.partition("/")[0]


@dataclass(frozen=True)
class Readings:
    """A day's hourly readings [meter, hour]: MW on surplus, MW on firm supply, and what the surplus cost in rupees."""

    used_mw: Floats
    firm_mw: Floats
    energy_cost_pkr: Floats


def settle_day(
    programme: Programme, meters: Sequence[Meter], readings: Readings, network: NetworkState, day: int
) -> tuple[SettledDay, NetworkState]:
    """Settle day ``day`` and carry the network over it.

    All licensees' work moves the network together. Coins are what the difficulty formula gives for the work of each
    hour at that hour's difficulty; the day states the difficulty and height of its first hour. Pools take off rejects
    and their fee. Fractions of a satoshi are dropped; invoices and rent are rounded to the nearest paisa and cent. Firm
    supply is the grid's own business and is not invoiced here.

    Raises:
        UnknownMeter: a meter is not of this programme.
        ReadingsDoNotFit: readings and meters differ in number, or a reading is negative or not a number.
    """
    _require_fit(programme, meters, readings)
    rates = {machine.id: hashes_per_mwh(machine) for machine in programme.machines}
    per_mwh = np.array([rates.get(meter.class_id, 0.0) for meter in meters])
    hashes = readings.used_mw * per_mwh[:, None]
    path = advance(network, hashes.sum(axis=0), programme.network)
    pools = {pool.id: pool for pool in programme.pools}
    days = tuple(
        _licensee_day(programme, licensee, pools[licensee.pool], meters, readings, hashes, path)
        for licensee in programme.licensees
        if any(meter.licensee == licensee.id for meter in meters)
    )
    return SettledDay(day, network.difficulty, network.height, days), path.end


def share_of(units: int, share: float) -> int:
    """The whole least units in a share of an amount, rounded down; the share is taken as written (0.1 is 1/10)."""
    return int(units * Fraction(repr(float(share))))


def _licensee_day(  # one row of the settlement needs all of its parts
    programme: Programme,
    licensee: Licensee,
    pool: Pool,
    meters: Sequence[Meter],
    readings: Readings,
    hashes: Floats,
    path: NetworkPath,
) -> LicenseeDay:
    rows = [index for index, meter in enumerate(meters) if meter.licensee == licensee.id]
    expected = float((hashes[rows].sum(axis=0) * path.reward_sats_per_hash).sum())
    paid_sats = int(expected * (1.0 - pool.reject_share) * (1.0 - pool.fee_share))
    royalty_sats = share_of(paid_sats, licensee.royalty_share)
    energy_mwh = float(readings.used_mw[rows].sum())
    markup_pkr = energy_mwh * KWH_PER_MWH * programme.prices.energy_markup_pkr_per_kwh
    gpu_hours, revenue_usd = _hall_revenue(programme, meters, readings, rows)
    return LicenseeDay(
        licensee=licensee.id,
        pool=pool.id,
        energy_mwh=energy_mwh,
        work_hashes=float(hashes[rows].sum()),
        expected_sats=int(expected),
        paid_sats=paid_sats,
        royalty_sats=royalty_sats,
        licensee_sats=paid_sats - royalty_sats,
        energy_paisa=round((float(readings.energy_cost_pkr[rows].sum()) + markup_pkr) * PAISA_PER_PKR),
        gpu_hours=gpu_hours,
        rent_cents=round(revenue_usd * licensee.rent_share * CENTS_PER_USD),
        zones=_by_zone(programme, meters, readings, rows),
    )


def hour_wh(power_mw: float) -> int:
    """The energy of one hour at a meter, in whole watt-hours: of the power as it is recorded, to a watt."""
    return round(round(power_mw, MW_DECIMALS) * WH_PER_MWH)


def _by_zone(
    programme: Programme, meters: Sequence[Meter], readings: Readings, rows: list[int]
) -> tuple[ZoneEnergy, ...]:
    zones = {site.id: site.zone for site in programme.sites}
    sums: dict[str, int] = {}
    for row in rows:
        zone = zones[meters[row].site]
        sums[zone] = sums.get(zone, 0) + sum(hour_wh(float(power_mw)) for power_mw in readings.used_mw[row])
    return tuple(ZoneEnergy(zone, energy_wh) for zone, energy_wh in sorted(sums.items()) if energy_wh)


def _hall_revenue(
    programme: Programme, meters: Sequence[Meter], readings: Readings, rows: list[int]
) -> tuple[float, float]:
    """GPU-hours and US dollars of the licensee's halls, on surplus and on firm supply alike."""
    halls: dict[str, HallClass] = {hall.id: hall for hall in programme.halls}
    gpu_hours = revenue_usd = 0.0
    for row in rows:
        hall = halls.get(meters[row].class_id)
        if hall is not None:
            served = float((readings.used_mw[row] + readings.firm_mw[row]).sum()) * gpu_hours_per_mwh(hall)
            gpu_hours += served
            revenue_usd += served * hall.gpu_hour_usd
    return gpu_hours, revenue_usd


def _require_fit(programme: Programme, meters: Sequence[Meter], readings: Readings) -> None:
    licensees = {licensee.id for licensee in programme.licensees}
    classes = {item.id for item in programme.machines} | {item.id for item in programme.halls}
    sites = {site.id for site in programme.sites}
    for meter in meters:
        if meter.licensee not in licensees or meter.class_id not in classes or meter.site not in sites:
            raise UnknownMeter(f"The meter {meter} is not of this programme.", "Use the meters of its plan.")
    arrays = (readings.used_mw, readings.firm_mw, readings.energy_cost_pkr)
    shapes = {array.shape for array in arrays}
    if len(shapes) != 1 or readings.used_mw.ndim != 2 or len(readings.used_mw) != len(meters):  # noqa: PLR2004
        raise ReadingsDoNotFit(f"Readings of shapes {shapes} for {len(meters)} meters.", "Give [meter, hour] arrays.")
    if not all(bool(np.isfinite(array).all() and (array >= 0).all()) for array in arrays):
        raise ReadingsDoNotFit("A reading is negative or not a number.", "Read the meter again.")

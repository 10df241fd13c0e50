"""Granted megawatts laid out as arrays: by site, zone and place in the merit order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from zakhira.compute.halls import load_share
from zakhira.kernel.errors import InvalidInput
from zakhira.mining.machines import derate_share, margin_usd_per_mwh
from zakhira.programme.model import HallClass, MachineClass, Programme
from zakhira.programme.series import Floats

Places: TypeAlias = npt.NDArray[np.intp]

KWH_PER_MWH = 1000.0
STEPS_PER_HOUR = 12
"""Five-minute steps in an hour: a site may rise by its ramp in each."""


class UnknownGrant(InvalidInput):
    """A grant names a site or class that the programme does not have, or twice the same."""

    code = "ZK-DISPATCH-001"


@dataclass(frozen=True)
class GrantedPower:
    """MW of one class (a fleet's or a hall's) at one site."""

    site: str
    class_id: str
    power_mw: float

    @property
    def key(self) -> str:
        """``site/class``, unique."""
        return f"{self.site}/{self.class_id}"


@dataclass(frozen=True)
class Step:
    """One class in the merit order: the grants that are of it, and what 1 MWh of surplus is worth to it, in rupees."""

    item: MachineClass | HallClass
    rows: Places
    value_pkr_per_mwh: float

    @property
    def is_hall(self) -> bool:
        """Halls always run: on firm supply where the surplus goes to somebody to whom it is worth more."""
        return isinstance(self.item, HallClass)


@dataclass(frozen=True)
class Layout:
    """Grants [row] with their site and zone, and the steps that serve them.

    ``effective_mw`` is what ``granted_mw`` leave where they exceed the site's connection or the licensee's quota.
    ``ramp_mw`` [site] is the most by which a site may rise from hour to hour, or above its schedule in an hour.
    """

    keys: tuple[str, ...]
    zones: tuple[str, ...]
    granted_mw: Floats
    effective_mw: Floats
    site_of: Places
    zone_of: Places
    ramp_mw: Floats
    steps: tuple[Step, ...]


def lay_out(programme: Programme, granted: Sequence[GrantedPower], reward_sats_per_hash: float) -> Layout:
    """Bring grants into the order of service: by what surplus is worth to them at these rewards, halls before equals.

    Raises:
        UnknownGrant: a site or class is not in the programme, or a site has a class twice.
    """
    sites = {site.id: index for index, site in enumerate(programme.sites)}
    zones = {zone.id: index for index, zone in enumerate(programme.zones)}
    classes = {item.id for item in programme.machines} | {item.id for item in programme.halls}
    keys = tuple(grant.key for grant in granted)
    for grant in granted:
        if grant.site not in sites or grant.class_id not in classes or keys.count(grant.key) > 1:
            raise UnknownGrant(f"The grant {grant.key!r} is unknown or doubled.", "Plan again from this programme.")
    site_of = np.array([sites[grant.site] for grant in granted], dtype=np.intp)
    granted_mw = np.array([grant.power_mw for grant in granted], dtype=np.float64)
    return Layout(
        keys=keys,
        zones=tuple(zones),
        granted_mw=granted_mw,
        effective_mw=granted_mw * _share_within_limits(programme, site_of, granted_mw),
        site_of=site_of,
        zone_of=np.array([zones[programme.sites[index].zone] for index in site_of], dtype=np.intp),
        ramp_mw=np.array([s.ramp_share_per_5min * STEPS_PER_HOUR * s.connection_mw for s in programme.sites]),
        steps=_steps(programme, granted, reward_sats_per_hash),
    )


def _share_within_limits(programme: Programme, site_of: Places, granted_mw: Floats) -> Floats:
    """The share of each grant that fits its site's connection and its licensee's quota, all grants alike."""
    connection = np.array([site.connection_mw for site in programme.sites])
    at_site = np.bincount(site_of, granted_mw, len(connection))
    owners = {licensee.id: index for index, licensee in enumerate(programme.licensees)}
    owner_of = np.array([owners[programme.sites[index].licensee] for index in site_of], dtype=np.intp)
    quota = np.array([licensee.quota_mw for licensee in programme.licensees])
    of_owner = np.bincount(owner_of, granted_mw, len(quota))
    by_site = np.divide(connection, at_site, out=np.ones_like(connection), where=at_site > connection)
    by_owner = np.divide(quota, of_owner, out=np.ones_like(quota), where=of_owner > quota)
    share: Floats = np.minimum(by_site[site_of], by_owner[owner_of])
    return share


def _steps(programme: Programme, granted: Sequence[GrantedPower], reward_sats_per_hash: float) -> tuple[Step, ...]:
    prices = programme.prices

    def rows(class_id: str) -> Places:
        return np.array([row for row, grant in enumerate(granted) if grant.class_id == class_id], dtype=np.intp)

    firm_pkr = prices.firm_tariff_pkr_per_kwh * KWH_PER_MWH
    halls = [Step(hall, rows(hall.id), firm_pkr) for hall in programme.halls]
    fleets = [
        Step(
            machine,
            rows(machine.id),
            margin_usd_per_mwh(machine, reward_sats_per_hash, prices.btc_usd) * prices.pkr_per_usd,
        )
        for machine in programme.machines
    ]
    steps = sorted((*halls, *fleets), key=lambda step: -step.value_pkr_per_mwh)
    return tuple(step for step in steps if len(step.rows))


def run_shares(layout: Layout, ambient_c: Floats) -> tuple[Floats, Floats, Floats]:
    """Shares of effective MW that are fit to run, by cause: availability [row], sold [row], heat [row, hour]."""
    fit, sold = np.ones(len(layout.keys)), np.ones(len(layout.keys))
    heat = np.ones((len(layout.keys), ambient_c.shape[1]))
    for step in layout.steps:
        fit[step.rows] = step.item.availability_share
        if isinstance(step.item, HallClass):
            sold[step.rows] = load_share(step.item) / step.item.availability_share
        else:
            heat[step.rows] = derate_share(step.item, ambient_c[layout.zone_of[step.rows]])
    return fit, sold, heat

"""The allocation problem as arrays: columns (a class at a site), limits on their sums, and each zone's supply."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zakhira.energy.surplus import PlugSurplus, surplus_at_plug
from zakhira.kernel.errors import InvalidInput
from zakhira.mining.machines import derate_share
from zakhira.planning.worth import HOURS_PER_YEAR, ClassWorth, class_worths
from zakhira.programme.model import Programme, Site, Zone
from zakhira.programme.series import Floats, Series

USD_PER_MUSD = 1e6


class LimitNotPossible(InvalidInput):
    """A limit of the allocation is negative or not a number."""

    code = "ZK-PLANNING-001"


class SeriesDoNotFit(InvalidInput):
    """The series hold no hour, or not the programme's zones."""

    code = "ZK-PLANNING-002"


@dataclass(frozen=True)
class Column:
    """A class at a site: what may be granted megawatts. ``zone`` and ``worth`` are positions."""

    site: Site
    zone: int
    worth: int


@dataclass(frozen=True)
class Limit:
    """``coefficients @ power_mw <= capacity``, with words for whoever asks what one more ``unit`` is worth."""

    name: str
    words: str
    unit: str
    capacity: float
    coefficients: Floats


@dataclass(frozen=True)
class ZoneSupply:
    """A zone's surplus at the plug in the hours that have any that is worth using.

    ``run_share`` [class, hour] is the most of a granted MW that may run: load share times what the heat leaves.
    """

    zone: Zone
    plug: PlugSurplus
    run_share: Floats


@dataclass(frozen=True)
class AllocationProblem:
    """Everything that the methods of planning need. Money per year; ``year_scale`` takes the horizon to a year."""

    worths: tuple[ClassWorth, ...]
    columns: tuple[Column, ...]
    limits: tuple[Limit, ...]
    supplies: tuple[ZoneSupply, ...]
    horizon_hours: int
    year_scale: float
    pkr_per_usd: float

    def by_zone_and_class(self, power_mw: Floats) -> Floats:
        """Sum MW of columns to [zone, class]."""
        totals = np.zeros((len(self.supplies), len(self.worths)))
        for column, mw in zip(self.columns, power_mw, strict=True):
            totals[column.zone, column.worth] += mw
        return totals


def build_problem(programme: Programme, series: Series) -> AllocationProblem:
    """Bring a programme and its series into arrays.

    Raises:
        LimitNotPossible: a limit is negative or not a number.
        SeriesDoNotFit: no hours, or other zones than the programme's.
    """
    if series.hours.count == 0 or set(series.zones) != {zone.id for zone in programme.zones}:
        raise SeriesDoNotFit(
            f"The series hold {series.hours.count} hours of the zones {', '.join(series.zones)}.",
            "Give at least an hour, and each zone of the programme once.",
        )
    worths = class_worths(programme)
    place = {zone.id: index for index, zone in enumerate(programme.zones)}
    columns = tuple(Column(site, place[site.zone], index) for site in programme.sites for index in range(len(worths)))
    return AllocationProblem(
        worths=worths,
        columns=columns,
        limits=_limits(programme, worths, columns),
        supplies=tuple(_supply(zone, series, worths, programme.prices.pkr_per_usd) for zone in programme.zones),
        horizon_hours=series.hours.count,
        year_scale=HOURS_PER_YEAR / series.hours.count,
        pkr_per_usd=programme.prices.pkr_per_usd,
    )


def _supply(zone: Zone, series: Series, worths: tuple[ClassWorth, ...], pkr_per_usd: float) -> ZoneSupply:
    """The zone's hours with surplus that is cheap enough for somebody; the others can change nothing."""
    plug = surplus_at_plug(series, zone)
    dearest_pkr = max((worth.surplus_value_usd_per_mwh for worth in worths), default=0.0) * pkr_per_usd
    kept = ((plug.power_mw > 0) & (plug.cost_pkr_per_mwh < dearest_pkr)).any(axis=1)
    ambient_c = series.ambient_c[series.zones.index(zone.id)][kept]
    shares = [
        worth.load_share
        * (np.ones_like(ambient_c) if worth.machine is None else derate_share(worth.machine, ambient_c))
        for worth in worths
    ]
    run_share = np.array(shares).reshape(len(worths), len(ambient_c))
    return ZoneSupply(zone, PlugSurplus(plug.power_mw[kept], plug.cost_pkr_per_mwh[kept]), run_share)


def _limits(programme: Programme, worths: tuple[ClassWorth, ...], columns: tuple[Column, ...]) -> tuple[Limit, ...]:
    def mask(chosen: list[bool]) -> Floats:
        return np.array(chosen, dtype=np.float64)

    limits = [Limit("cap", "the programme's allocation", "MW", programme.cap_mw, np.ones(len(columns)))]
    for licensee in programme.licensees:
        chosen = mask([column.site.licensee == licensee.id for column in columns])
        limits.append(Limit(f"quota:{licensee.id}", f"{licensee.name}'s quota", "MW", licensee.quota_mw, chosen))
    for index, zone in enumerate(programme.zones):
        chosen = mask([column.zone == index for column in columns])
        limits.append(Limit(f"zone:{zone.id}", f"the zone {zone.name}", "MW", zone.max_mw, chosen))
    for site in programme.sites:
        chosen = mask([column.site.id == site.id for column in columns])
        words = f"the connection of the site {site.id}"
        limits.append(Limit(f"connection:{site.id}", words, "MW", site.connection_mw, chosen))
    for index, worth in enumerate(worths):
        chosen = mask([column.worth == index for column in columns])
        limits.append(Limit(f"class:{worth.class_id}", f"the supply of {worth.name}", "MW", worth.limit_mw, chosen))
    capital = np.array([worths[column.worth].capital_usd_per_mw for column in columns]) / USD_PER_MUSD
    budget = programme.prices.capital_budget_usd / USD_PER_MUSD
    limits.append(Limit("budget", "the capital budget", "million USD", budget, capital))
    for limit in limits:
        if not limit.capacity >= 0:
            raise LimitNotPossible(f"{limit.words} is {limit.capacity} {limit.unit}.", "Give a limit of at least 0.")
    return tuple(limits)

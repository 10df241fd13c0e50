"""The allocation problem as arrays: columns (a class at a site), limits on their sums, and the years of work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from zakhira.compute.halls import load_profile
from zakhira.energy.surplus import PlugSurplus, surplus_at_plug
from zakhira.kernel.errors import InvalidInput
from zakhira.mining.epochs import Epochs, epochs_of
from zakhira.mining.machines import derate_share
from zakhira.planning.limits import Column, Limit, base_usd_per_mw, limits_of, years_at_work
from zakhira.planning.outlook import Outlook, certain_outlook
from zakhira.planning.worth import HOURS_PER_YEAR, ClassWorth, class_worths
from zakhira.programme.model import Phase, Programme, Zone
from zakhira.programme.series import Floats, Series

Places: TypeAlias = npt.NDArray[np.intp]


class SeriesDoNotFit(InvalidInput):
    """The series hold no hour, or not the programme's zones."""

    code = "ZK-PLANNING-002"


@dataclass(frozen=True)
class ZoneSupply:
    """A zone's surplus at the plug in the hours that have any.

    ``run_share`` [class, hour] is the most of a granted MW that may run: load share times what the heat leaves;
    ``hours`` [hour] are the positions of these hours in the horizon.
    """

    zone: Zone
    plug: PlugSurplus
    run_share: Floats
    hours: Places


@dataclass(frozen=True)
class OperatingYear:
    """A year of work: the horizon, or the horizon as it will be in a later phase.

    ``weight`` is what a dollar of this year counts for: its discount, times the years until the next phase.
    ``classes`` [class] are the positions among the problem's worths of what may run; ``class_of`` [column] is the
    position in ``classes`` that a column adds to, or -1. ``supplies`` [surplus year][zone].
    """

    phase: int
    weight: float
    classes: Places
    class_of: Places
    supplies: tuple[tuple[ZoneSupply, ...], ...]
    epochs: Epochs


@dataclass(frozen=True)
class AllocationProblem:
    """Everything that the methods of planning need. Money per year; ``year_scale`` takes the horizon to a year.

    ``base_usd_per_mw`` [column] is what a MW is worth without any surplus: less its capital; halls on firm supply.
    """

    worths: tuple[ClassWorth, ...]
    columns: tuple[Column, ...]
    limits: tuple[Limit, ...]
    base_usd_per_mw: Floats
    years: tuple[OperatingYear, ...]
    outlook: Outlook
    response: str
    elasticity: float
    horizon_hours: int
    year_scale: float
    pkr_per_usd: float

    @property
    def supplies(self) -> tuple[ZoneSupply, ...]:
        """The zones of the first year, with the reference surplus."""
        return self.years[0].supplies[0]

    def by_zone_and_class(self, power_mw: Floats, year: OperatingYear | None = None) -> Floats:
        """Sum MW of columns to [zone, class] of a year, the first unless told."""
        year = year or self.years[0]
        totals = np.zeros((len(year.supplies[0]), len(year.classes)))
        for column, place, mw in zip(self.columns, year.class_of, power_mw, strict=True):
            if place >= 0:
                totals[column.zone, place] += mw
        return totals


def build_problem(
    programme: Programme,
    series: Series,
    outlook: Outlook | None = None,
    surplus_years: tuple[Series, ...] = (),
    phases: tuple[Phase, ...] = (),
) -> AllocationProblem:
    """Bring a programme and its series into arrays.

    ``surplus_years`` are those beside ``series`` that the outlook's scenarios name; ``phases`` plans a build-up.

    Raises:
        LimitNotPossible: a limit is negative or not a number.
        SeriesDoNotFit: no hours, or other zones than the programme's.
    """
    for each in (series, *surplus_years):
        _require_fit(programme, each)
    stages = phases or (Phase("year", 0, programme.cap_mw, programme.prices.capital_budget_usd),)
    worths = tuple(worth for stage in stages for worth in class_worths(programme, stage.year))
    kinds = len(worths) // len(stages)
    place = {zone.id: index for index, zone in enumerate(programme.zones)}
    columns = tuple(
        Column(site, place[site.zone], phase * kinds + kind, phase)
        for phase in range(len(stages))
        for site in programme.sites
        for kind in range(kinds)
    )
    every_series = (series, *surplus_years)
    years = tuple(
        _operating_year(programme, every_series, stages, phase, worths, columns) for phase in range(len(stages))
    )
    return AllocationProblem(
        worths=worths,
        columns=columns,
        limits=limits_of(programme, worths, columns, stages),
        base_usd_per_mw=base_usd_per_mw(programme, worths, columns, stages, build_up=bool(phases)),
        years=years,
        outlook=outlook
        or certain_outlook(programme, max(year.epochs.count for year in years), tuple(stage.year for stage in stages)),
        response=programme.planning.response,
        elasticity=programme.planning.elasticity,
        horizon_hours=series.hours.count,
        year_scale=HOURS_PER_YEAR / series.hours.count,
        pkr_per_usd=programme.prices.pkr_per_usd,
    )


def _require_fit(programme: Programme, series: Series) -> None:
    if series.hours.count == 0 or set(series.zones) != {zone.id for zone in programme.zones}:
        raise SeriesDoNotFit(
            f"The series hold {series.hours.count} hours of the zones {', '.join(series.zones)}.",
            "Give at least an hour, and each zone of the programme once.",
        )


def _operating_year(
    programme: Programme,
    every_series: tuple[Series, ...],
    stages: tuple[Phase, ...],
    phase: int,
    worths: tuple[ClassWorth, ...],
    columns: tuple[Column, ...],
) -> OperatingYear:
    """What works in a phase, on which surplus, in which epochs."""
    at_work = years_at_work(worths, stages)[phase]
    classes = np.flatnonzero(at_work > 0)
    where = np.full(len(worths), -1, dtype=np.intp)
    where[classes] = np.arange(len(classes))
    kept = tuple(worths[position] for position in classes)
    return OperatingYear(
        phase=phase,
        weight=_year_weight(programme, stages, phase),
        classes=classes,
        class_of=where[[column.worth for column in columns]],
        supplies=tuple(supplies_of(programme, series, kept, stages[phase].surplus_share) for series in every_series),
        epochs=epochs_of(programme.network, every_series[0].hours.count, stages[phase].year),
    )


def _year_weight(programme: Programme, stages: tuple[Phase, ...], phase: int) -> float:
    """Discounts of the years from this phase to the next; the last phase counts for one year."""
    first = stages[phase].year
    after = stages[phase + 1].year if phase + 1 < len(stages) else first + 1
    return float(sum((1.0 + programme.prices.discount_share_per_year) ** -year for year in range(first, after)))


def supplies_of(
    programme: Programme, series: Series, worths: tuple[ClassWorth, ...], surplus_share: float = 1.0
) -> tuple[ZoneSupply, ...]:
    """Each zone's hours with surplus; ``surplus_share`` of it is left."""
    profiles = {hall.id: load_profile(programme, hall, series.hours) for hall in programme.halls}
    return tuple(_supply(zone, series, worths, profiles, surplus_share) for zone in programme.zones)


def _supply(
    zone: Zone, series: Series, worths: tuple[ClassWorth, ...], profiles: dict[str, Floats], surplus_share: float
) -> ZoneSupply:
    plug = surplus_at_plug(series, zone)
    kept = np.flatnonzero((plug.power_mw > 0).any(axis=1))
    ambient_c = series.ambient_c[series.zones.index(zone.id)][kept]
    shares = [
        worth.load_share
        * (profiles[worth.class_id][kept] if worth.machine is None else derate_share(worth.machine, ambient_c))
        for worth in worths
    ]
    run_share = np.array(shares).reshape(len(worths), len(kept))
    kept_plug = PlugSurplus(plug.power_mw[kept] * surplus_share, plug.cost_pkr_per_mwh[kept])
    return ZoneSupply(zone, kept_plug, run_share, kept)

"""Why a zone got what it got: its surplus by cost, each class's margin by hour, the last MW, and the next best use."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np

from zakhira.kernel.errors import InvalidInput
from zakhira.kernel.interval import DAY_HOURS, HourRange
from zakhira.planning.allocation import Plan, ShadowPrice
from zakhira.planning.limits import USD_PER_MUSD
from zakhira.planning.outlook_oracle import outlook_oracle
from zakhira.planning.problem import AllocationProblem, Places
from zakhira.planning.zone_hours import Prices, ZoneHours, marginal_usd_per_hash, power_of, zone_hours
from zakhira.programme.model import Programme
from zakhira.programme.series import Floats

BANDS = 6
"""Costs of surplus are told in so many bands."""
ALTERNATIVES = 3


class UnknownZone(InvalidInput):
    """The programme has no zone of this id."""

    code = "ZK-PLANNING-022"


@dataclass(frozen=True)
class CostBand:
    """Surplus whose cost lies from ``from_usd`` up to ``to_usd`` a MWh, in a year: what there is and what is used."""

    from_usd: float
    to_usd: float
    surplus_mwh: float
    used_mwh: float


@dataclass(frozen=True)
class ClassStory:
    """A class in the zone, in a year. Margins are what a MWh of the cheapest surplus leaves, by local hour of day.

    ``paying_hours`` are those whose cheapest surplus costs less than a MWh is worth to the class; ``last_mw_usd`` is
    what the last MW granted adds and ``next_mw_usd`` what one more would, both less capital; ``charge_usd`` is what the
    limits that bind would lose elsewhere for one more.
    """

    class_id: str
    name: str
    power_mw: float
    value_usd_per_mwh: float
    paying_hours: float
    run_hours: float
    used_mwh: float
    margin_usd_per_mwh: tuple[float, ...]
    last_mw_usd: float
    next_mw_usd: float
    charge_usd: float

    @property
    def gain_usd(self) -> float:
        """What one more MW would add to the whole plan: above 0 only where the plan is not the best."""
        return self.next_mw_usd - self.charge_usd


@dataclass(frozen=True)
class Alternative:
    """A use that the plan did not choose, with what another MW of it would add or lose to the whole plan."""

    zone: str
    class_id: str
    gain_usd: float


@dataclass(frozen=True)
class ZoneStory:
    """Everything that is told of a zone; hours and MWh are a year's."""

    zone: str
    name: str
    power_mw: float
    max_mw: float
    hours: float
    surplus_hours: float
    surplus_mwh: float
    bands: tuple[CostBand, ...]
    classes: tuple[ClassStory, ...]
    binding: tuple[ShadowPrice, ...]
    elsewhere: tuple[Alternative, ...]


def explain_zone(programme: Programme, problem: AllocationProblem, plan: Plan, zone_id: str) -> ZoneStory:
    """The story of a zone in the plan's first year of work, on the reference surplus.

    Raises:
        UnknownZone: the programme has no such zone.
    """
    ids = [zone.id for zone in programme.zones]
    if zone_id not in ids:
        raise UnknownZone(f"There is no zone {zone_id!r}.", f"Give one of {', '.join(ids)}.")
    zone = ids.index(zone_id)
    power_mw = power_of(programme, problem, plan)
    look = zone_hours(problem, power_mw, zone, marginal_usd_per_hash(problem, power_mw))
    prices = {price.limit: price.value_usd for price in plan.shadow_prices}
    charges = sum(
        (prices.get(limit.name, 0.0) * limit.coefficients for limit in problem.limits), np.zeros(len(problem.columns))
    )
    here = np.array([column.zone == zone for column in problem.columns])
    binding = {limit.name for limit in problem.limits if (limit.coefficients[here] != 0).any()}
    return ZoneStory(
        zone=zone_id,
        name=programme.zones[zone].name,
        power_mw=float(power_mw[here].sum()),
        max_mw=programme.zones[zone].max_mw,
        hours=problem.horizon_hours * problem.year_scale,
        surplus_hours=problem.year_scale * int((look.power_mw.sum(axis=0) > 0).sum()),
        surplus_mwh=problem.year_scale * float(look.power_mw.sum()),
        bands=_bands(look),
        classes=_classes(programme, problem, power_mw, look, charges),
        binding=tuple(price for price in plan.shadow_prices if price.limit in binding),
        elsewhere=_elsewhere(programme, problem, power_mw, zone, charges),
    )


def _bands(look: ZoneHours) -> tuple[CostBand, ...]:
    """The surplus by cost, in bands of equal width between the cheapest and the dearest."""
    mwh, cost, used = look.power_mw.ravel(), look.cost_usd_per_mwh.ravel(), look.used_mw()[1].ravel()
    kept = mwh > 0
    if not kept.any():
        return ()
    edges = np.linspace(cost[kept].min(), cost[kept].max(), BANDS + 1)
    if edges[0] == edges[-1]:
        edges = edges[[0, -1]]
    band = np.clip(np.searchsorted(edges, cost[kept], side="right") - 1, 0, len(edges) - 2)
    sums = [look.year_scale * np.bincount(band, each[kept], len(edges) - 1) for each in (mwh, used)]
    return tuple(
        CostBand(float(edges[i]), float(edges[i + 1]), float(sums[0][i]), float(sums[1][i]))
        for i in range(len(edges) - 1)
        if sums[0][i] > 0
    )


def local_hour_of_day(programme: Programme, hours: HourRange) -> Places:
    """The local hour of day of each hour [hour]."""
    zone = ZoneInfo(programme.time_zone)
    return np.array([hours.at(hour).astimezone(zone).hour for hour in range(hours.count)], dtype=np.intp)


def _classes(
    programme: Programme, problem: AllocationProblem, power_mw: Floats, look: ZoneHours, charges: Floats
) -> tuple[ClassStory, ...]:
    year = problem.years[0]
    of_day = local_hour_of_day(programme, programme.horizon)[look.hours]
    value, first, used = look.value_usd_per_mwh(Prices()), look.first_cost(Prices()), look.used_mw()[0]
    count = np.maximum(np.bincount(of_day, minlength=DAY_HOURS), 1)
    stories = []
    for place, position in enumerate(year.classes):
        worth = problem.worths[position]
        margin = np.maximum(value[place] - first, 0.0)
        columns = [
            index
            for index, (column, at) in enumerate(zip(problem.columns, year.class_of, strict=True))
            if column.zone == look.zone and at == place
        ]
        stories.append(
            ClassStory(
                class_id=worth.class_id,
                name=worth.name,
                power_mw=float(look.granted_mw[place]),
                value_usd_per_mwh=float(value[place].mean()) if len(first) else 0.0,
                paying_hours=look.year_scale * int((value[place] > first).sum()),
                run_hours=look.year_scale * int((used[place] > 0).sum()),
                used_mwh=look.year_scale * float(used[place].sum()),
                margin_usd_per_mwh=tuple(map(float, np.bincount(of_day, margin, DAY_HOURS) / count)),
                last_mw_usd=_step_usd(problem, power_mw, columns, -1.0),
                next_mw_usd=_step_usd(problem, power_mw, columns, 1.0),
                charge_usd=min((float(charges[index]) for index in columns), default=0.0),
            )
        )
    return tuple(stories)


def _step_usd(problem: AllocationProblem, power_mw: Floats, columns: list[int], step_mw: float) -> float:
    """What the last MW of some columns adds, or what one more would; not a number where nothing is held or may be."""
    held = [index for index in columns if power_mw[index] > 0]
    chosen = (held or columns) if step_mw > 0 else held
    if not chosen:
        return float("nan")
    index = max(chosen, key=lambda at: power_mw[at])
    step = step_mw if step_mw > 0 else -min(-step_mw, float(power_mw[index]))
    moved = power_mw.copy()
    moved[index] += step
    oracle = outlook_oracle(problem)
    weights = problem.outlook.weights
    change = float(weights @ (oracle.scenario_usd(moved) - oracle.scenario_usd(power_mw)))
    return (change + float(problem.base_usd_per_mw[index]) * step) / step


def _elsewhere(
    programme: Programme, problem: AllocationProblem, power_mw: Floats, zone: int, charges: Floats
) -> tuple[Alternative, ...]:
    """Uses in other zones by what another MW would add to the whole plan, the best of each zone and class first."""
    slope = outlook_oracle(problem).look(power_mw).slope_musd_per_mw.sum(axis=0) * USD_PER_MUSD
    gain = problem.base_usd_per_mw + slope - charges
    best: dict[tuple[str, str], float] = {}
    for index, column in enumerate(problem.columns):
        if column.zone != zone and column.phase == 0 and power_mw[index] == 0:
            key = (programme.zones[column.zone].id, problem.worths[column.worth].class_id)
            best[key] = max(best.get(key, -np.inf), float(gain[index]))
    ranked = sorted(best.items(), key=lambda pair: -pair[1])[:ALTERNATIVES]
    return tuple(Alternative(zone_id, class_id, usd) for (zone_id, class_id), usd in ranked)

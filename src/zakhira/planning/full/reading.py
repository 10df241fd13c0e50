"""What the full programme's own use does in a year, by zone and class, in the mean of its scenarios."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from zakhira.planning.full.assembly import Places
from zakhira.planning.full.build import FullModel, Part
from zakhira.planning.outlook_use import YearUse
from zakhira.programme.model import Programme
from zakhira.programme.series import Floats

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class HallYear:
    """Means over the scenarios [zone, class] of a year's horizon: where a hall's load came from, and what it earned.

    ``revenue_usd`` counts what was served at each scenario's price of a GPU-hour; ``unserved_mwh`` holds agreed
    interruptions too.
    """

    load_mwh: Floats
    backup_mwh: Floats
    fuel_usd: Floats
    unserved_mwh: Floats
    penalty_usd: Floats
    revenue_usd: Floats


@dataclass(frozen=True)
class FullYear:
    """One year of work."""

    use: YearUse
    halls: HallYear


def years_of(programme: Programme, model: FullModel, primal: Floats) -> tuple[FullYear, ...]:
    """Every year of work at a solution.

    What surplus costs is shared pro rata to use: within a zone's hour, where lines run within the hour of all zones
    that they join, and where any of these has a battery within the whole horizon.
    """
    problem, group = model.problem, _groups(programme)
    with_battery = [group[_place(programme, battery.zone)] for battery in programme.batteries]
    stored = np.isin(group, with_battery)
    found = []
    for number, year in enumerate(problem.years):
        shape = (len(programme.zones), len(year.classes))
        use, halls = (np.zeros((count, *shape)) for count in (4, 6))
        for part in model.parts:
            if part.year == number:
                weight = float(problem.outlook.weights[part.scenario])
                use += weight * _use(model, part, primal, group, stored)
                halls += weight * _halls(programme, model, part, primal)
        found.append(FullYear(YearUse(*use), HallYear(*halls)))
    return tuple(found)


def _place(programme: Programme, zone: str) -> int:
    return next(number for number, each in enumerate(programme.zones) if each.id == zone)


def _groups(programme: Programme) -> Places:
    """The lowest zone that lines join each zone to [zone]."""
    group = np.arange(len(programme.zones))
    for link in programme.links:
        if min(link.limit_mw, link.wheeling_mw) > 0:
            one, other = (group[_place(programme, zone)] for zone in (link.from_zone, link.to_zone))
            group[group == max(one, other)] = min(one, other)
    return group


def _use(model: FullModel, part: Part, primal: Floats, group: Places, stored: Bools) -> Floats:
    """Surplus in MWh, its cost, bitcoin and their USD [4, zone, class]."""
    use = np.maximum(primal[part.columns.use], 0.0)
    taken = np.maximum(primal[part.columns.taken], 0.0) * part.supply.cost_usd_per_mwh
    cost = _shared_cost(use, taken.sum(axis=2), group, stored)
    year, problem = model.problem.years[part.year], model.problem
    of_hour = year.epochs.of_hours()
    hashes = np.array([problem.worths[position].hashes_per_mwh for position in year.classes])
    mined = use * hashes[:, None]
    by_epoch: Floats = np.bincount(of_hour, mined.sum(axis=(0, 1)), year.epochs.count).astype(np.float64)
    coins = part.network.epoch_btc[0] * part.network.share(by_epoch[None])[0]
    per_hash = np.divide(coins, by_epoch, out=np.zeros_like(coins), where=by_epoch > 0)
    btc = mined * per_hash[of_hour]
    usd = btc * part.network.btc_usd[0][of_hour]
    return np.array([use.sum(axis=2), cost, btc.sum(axis=2), usd.sum(axis=2)])


def _shared_cost(use: Floats, cost_usd: Floats, group: Places, stored: Bools) -> Floats:
    """The cost [zone, hour] of the surplus on the classes [zone, class] that use it [zone, class, hour]."""
    result = np.zeros(use.shape[:2])
    for joined in np.unique(group):
        here = np.flatnonzero(group == joined)
        used, cost = use[here].sum(axis=(0, 1)), cost_usd[here].sum(axis=0)
        if stored[here].any():
            used, cost = np.full_like(used, used.sum()), np.full_like(cost, cost.sum())
        price = np.divide(cost, used, out=np.zeros_like(cost), where=used > 0)
        result[here] = (use[here] * price).sum(axis=2)
    return result


def _halls(programme: Programme, model: FullModel, part: Part, primal: Floats) -> Floats:
    """The figures of :class:`HallYear` [6, zone, class] of a scenario."""
    problem, year = model.problem, model.problem.years[part.year]
    standing = np.maximum(primal[model.capacity.standing[part.year]], 0.0)
    result = np.zeros((6, *standing.shape))
    result[0] = standing * part.supply.run_share.sum(axis=2)
    fuel = np.zeros(len(programme.zones))
    for backup in programme.backups:
        fuel[_place(programme, backup.zone)] = backup.fuel_usd_per_mwh
    for columns in part.halls:
        kind = columns.place
        backup, unserved, paused = (
            np.maximum(primal[each], 0.0).sum(axis=1) for each in (columns.backup, columns.unserved, columns.paused)
        )
        result[1, :, kind], result[2, :, kind] = backup, backup * fuel
        result[3, :, kind] = unserved + paused
        result[4, :, kind] = unserved * columns.hall.unserved_usd_per_mwh
    revenue = np.array([problem.worths[position].revenue_usd_per_mwh for position in year.classes])
    is_hall = np.array([problem.worths[position].is_hall for position in year.classes], dtype=np.bool_)
    result[5] = (result[0] - result[3]) * revenue * float(problem.outlook.gpu_factor[part.scenario])
    result[:, :, ~is_hall] = 0.0
    return result

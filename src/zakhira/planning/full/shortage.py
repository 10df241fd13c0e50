"""Where halls cannot be served as promised: how much load is missing, and how little could be promised."""

from __future__ import annotations

import numpy as np

from zakhira.planning.full.build import FullModel, Grounds, build_full
from zakhira.planning.full.supply import local_months
from zakhira.planning.infeasible import broken_promises
from zakhira.planning.limits import Limit
from zakhira.planning.master import PlanInfeasible
from zakhira.planning.solver import LinearSolver, SolverStatus
from zakhira.programme.series import Floats

NOTHING_MWH = 1e-3
MWH_PER_GWH = 1000.0


def why_not_served(grounds: Grounds, solver: LinearSolver) -> PlanInfeasible | None:
    """Name the promises that the limits, or the supply of halls, do not let anybody keep; None if that is not it."""
    found = broken_promises(grounds.problem, solver)
    if found is not None:
        return found
    missing = _missing_mwh(grounds, solver)
    if missing is None or missing.sum() <= NOTHING_MWH:
        return None
    promises = [limit for limit in grounds.problem.limits if limit.floor > 0]
    short = _short_mw(grounds, solver, promises)
    zones = [_zone_words(grounds, int(zone), missing) for zone in np.flatnonzero(missing.sum(axis=1) > NOTHING_MWH)]
    told = [
        f"of {promise.words} ({promise.floor:.10g} MW) at most {promise.floor - less:.6g} MW can be"
        for promise, less in zip(promises, short, strict=True)
        if less > NOTHING_MWH
    ]
    return PlanInfeasible(
        f"AI capacity that is promised cannot be served: {'; '.join([*zones, *told])}.",
        "Raise firm_limit_mw, give the zone backup, promise less, or lower the class's service_share.",
    )


def _missing_mwh(grounds: Grounds, solver: LinearSolver) -> Floats | None:
    """The least load beyond the service level that stays unserved [zone, month], in the worst scenario and year."""
    model = build_full(grounds)
    model.lp.forget_worths()
    shorts = []
    for part in model.parts:
        for halls in part.halls:
            short = model.lp.columns(halls.service.shape)
            model.lp.term(halls.service, short, -1.0)
            model.lp.worth(short, -1.0)
            shorts.append((part.scenario, part.year, short))
    if not shorts:
        return None
    solution = solver.load(model.lp.program()).solve()
    if solution.status is not SolverStatus.OPTIMAL:
        return None
    totals: dict[tuple[int, int], Floats] = {}
    for scenario, year, short in shorts:
        totals[scenario, year] = totals.get((scenario, year), np.zeros(short.shape)) + solution.primal[short]
    return max(totals.values(), key=lambda total: float(total.sum()))


def _short_mw(grounds: Grounds, solver: LinearSolver, promises: list[Limit]) -> Floats:
    """The fewest MW [promise] that must not be promised so that the rest can be served."""
    model = build_full(grounds)
    model.lp.forget_worths()
    short = model.lp.columns((len(promises),))
    model.lp.worth(short, -1.0)
    model.lp.term(_rows_of(model, promises), short, 1.0)
    solution = solver.load(model.lp.program()).solve()
    return solution.primal[short] if solution.status is SolverStatus.OPTIMAL else np.zeros(len(promises))


def _rows_of(model: FullModel, promises: list[Limit]) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """The rows of promises: each holds its floor, and the connection above it."""
    places = [number for number, limit in enumerate(model.problem.limits) if limit.floor > 0]
    assert len(places) == len(promises)
    return np.asarray(model.capacity.limits[places], dtype=np.intp)


def _zone_words(grounds: Grounds, zone: int, missing_mwh: Floats) -> str:
    """What a zone has for its halls, and what it lacks."""
    place = grounds.programme.zones[zone]
    backup = sum(each.power_mw for each in grounds.programme.backups if each.zone == place.id)
    month = int(np.argmax(missing_mwh[zone]))
    names = local_months(grounds.programme, grounds.every_series[0].hours)[1]
    return (
        f"in the zone {place.name} with firm supply of {place.firm_limit_mw:.10g} MW and backup of {backup:.10g} MW,"
        f" {missing_mwh[zone].sum() / MWH_PER_GWH:.6g} GWh beyond the service level are missing"
        f" (most in {names[month]}: {missing_mwh[zone, month] / MWH_PER_GWH:.6g} GWh)"
    )

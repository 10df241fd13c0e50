"""A programme and its series as the coupled problem of a price taker: every hour, with lines and batteries."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from zakhira.compute.halls import load_profile
from zakhira.energy.surplus import surplus_at_plug
from zakhira.mining.machines import derate_share
from zakhira.planning.coupled.problem import Battery, CoupledProblem, Link
from zakhira.planning.network_answer import network_answer
from zakhira.planning.problem import AllocationProblem
from zakhira.programme.model import Programme
from zakhira.programme.series import Floats, Series


def coupled_problem(
    programme: Programme,
    series: Series,
    problem: AllocationProblem,
    *,
    with_lines: bool = True,
    usd_per_hash: Floats | None = None,
) -> CoupledProblem:
    """The first year of ``problem`` on ``series``, in its certain outlook, as if the network did not answer to us.

    ``usd_per_hash`` [epoch] is what a hash is worth, in place of what the stated network pays.

    ``with_lines=False`` leaves out lines and batteries. Floors of limits become limits of their own, below the others.
    """
    year = problem.years[0]
    worths = [problem.worths[position] for position in year.classes]
    answer = network_answer(problem.outlook, year.phase, year.epochs, "none", 0.0)
    by_epoch = answer.first_usd_per_hash[0] if usd_per_hash is None else usd_per_hash
    hash_usd = by_epoch[year.epochs.of_hours()]
    value = [
        np.full(len(hash_usd), worth.surplus_value_usd_per_mwh)
        if worth.is_hall
        else worth.hashes_per_mwh * hash_usd - worth.opex_usd_per_mwh
        for worth in worths
    ]
    plugs = [surplus_at_plug(series, zone) for zone in programme.zones]
    place = {zone.id: number for number, zone in enumerate(programme.zones)}
    floors = [limit for limit in problem.limits if limit.floor > 0]
    capacity = np.array([limit.capacity for limit in problem.limits] + [-limit.floor for limit in floors])
    rows = np.array([limit.coefficients for limit in problem.limits] + [-limit.coefficients for limit in floors])
    rows[np.isinf(capacity)] = 0.0  # a limit without end holds nothing; its place is kept
    return CoupledProblem(
        base_usd_per_mw=problem.base_usd_per_mw,
        column_zone=np.array([column.zone for column in problem.columns], dtype=np.intp),
        column_class=np.asarray(year.class_of, dtype=np.intp),
        value_usd_per_mwh=np.array(value).reshape(len(worths), series.hours.count),
        run_share=_run_share(programme, series, problem),
        surplus_mw=np.array([plug.power_mw.T for plug in plugs]),
        cost_usd_per_mwh=np.array([plug.cost_pkr_per_mwh.T for plug in plugs]) / problem.pkr_per_usd,
        year_scale=np.full(series.hours.count, problem.year_scale),
        limit_rows=rows.reshape(-1, len(problem.columns)),
        limit_capacity=np.where(np.isinf(capacity), 0.0, capacity),
        links=_links(programme, place) if with_lines else (),
        batteries=_batteries(programme, place) if with_lines else (),
    )


def with_capacity(coupled: CoupledProblem, capacity_mw: Floats) -> CoupledProblem:
    """The same hours with MW [zone, class] that are given and cost nothing more: a column for each that is not 0.

    Capacity that costs nothing is taken in full or is not needed, so that the best use is that of all of it.
    """
    zone, kind = np.nonzero(capacity_mw > 0)
    return replace(
        coupled,
        base_usd_per_mw=np.zeros(len(zone)),
        column_zone=zone,
        column_class=kind,
        limit_rows=np.eye(len(zone)),
        limit_capacity=capacity_mw[zone, kind],
    )


def limit_names(problem: AllocationProblem) -> tuple[str, ...]:
    """A name for each row of the limits of :func:`coupled_problem`."""
    floors = [f"least {limit.name}" for limit in problem.limits if limit.floor > 0]
    return (*(limit.name for limit in problem.limits), *floors)


def _run_share(programme: Programme, series: Series, problem: AllocationProblem) -> Floats:
    """The most of a granted MW that may run [zone, class, hour]: load share times what heat and the profile leave."""
    profiles = {hall.id: load_profile(programme, hall, series.hours) for hall in programme.halls}
    shares = np.empty((len(programme.zones), len(problem.years[0].classes), series.hours.count))
    for number, zone in enumerate(programme.zones):
        ambient_c = series.ambient_c[series.zones.index(zone.id)]
        for kind, position in enumerate(problem.years[0].classes):
            worth = problem.worths[position]
            left = profiles[worth.class_id] if worth.machine is None else derate_share(worth.machine, ambient_c)
            shares[number, kind] = worth.load_share * left
    return shares


def _links(programme: Programme, place: dict[str, int]) -> tuple[Link, ...]:
    return tuple(
        Link(place[link.from_zone], place[link.to_zone], min(link.limit_mw, link.wheeling_mw), link.loss_share)
        for link in programme.links
    )


def _batteries(programme: Programme, place: dict[str, int]) -> tuple[Battery, ...]:
    """What a cycle loses is lost in equal parts on the way in and on the way out."""
    return tuple(
        Battery(place[unit.zone], unit.power_mw, unit.energy_mwh, *[math.sqrt(unit.round_trip_share)] * 2)
        for unit in programme.batteries
    )

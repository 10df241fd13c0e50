"""PyPSA's optimum of the network is ours: small instances of every kind, against one plain linear programme."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.linalg import block_diag

from plain_coupled import solve_plain
from zakhira.adapters.highs import HighsSolver
from zakhira.adapters.pypsa.library import PypsaMissing, load_pypsa, quiet
from zakhira.adapters.pypsa.network import (
    Labels,
    LimitNotExpressible,
    StretchesNotExpressible,
    ZoneLabel,
    network_of,
)
from zakhira.planning.coupled.problem import Battery, CoupledProblem, Link

SAME = 1e-6


@dataclass(frozen=True)
class Kind:
    """What an instance has beside zones, classes and hours."""

    zones: int = 2
    hours: int = 24
    blocks: int = 1
    links: bool = False
    batteries: bool = False
    heat: bool = False
    dark: bool = False
    cap_mw: float = 1e6
    budget_musd: float = 1e6
    moving_values: bool = False
    promise_mw: float = 0.0


def instance(seed: int, kind: Kind) -> CoupledProblem:
    """Three classes in each zone; charges so that some pay and some do not."""
    rng = np.random.default_rng(seed)
    classes, columns = 3, 3 * kind.zones
    zone, place = np.divmod(np.arange(columns), classes)
    surplus = rng.gamma(2.0, 15.0, (kind.zones, kind.blocks, kind.hours))
    surplus[rng.random(surplus.shape) < 0.1] = 0.0
    if kind.dark:
        surplus[:, :, np.arange(kind.hours) % 24 >= 16] = 0.0
        surplus[1:2] = 0.0
    share = np.full((kind.zones, classes, kind.hours), 0.95)
    if kind.heat:
        share *= rng.choice([1.0, 0.6, 0.0], size=share.shape, p=[0.7, 0.2, 0.1])
    value = np.repeat(np.linspace(60.0, 110.0, classes)[:, None], kind.hours, axis=1)
    if kind.moving_values:
        value[:, kind.hours // 2 :] *= 0.6
    capital = np.array([0.4, 0.9, 1.5])[place]
    promise = np.where(zone == 0, -1.0, 0.0)
    rows = [np.ones(columns), capital, (zone == 0) * 1.0, (place == 1) * 1.0, promise]
    limits = [kind.cap_mw, kind.budget_musd, 70.0, 55.0, -kind.promise_mw]
    each_way = 0.88**0.5
    return CoupledProblem(
        base_usd_per_mw=-150_000.0 * capital * rng.uniform(0.8, 1.2, columns),
        column_zone=zone.astype(np.intp),
        column_class=place.astype(np.intp),
        value_usd_per_mwh=value,
        run_share=share,
        surplus_mw=surplus,
        cost_usd_per_mwh=np.sort(rng.uniform(5.0, 70.0, surplus.shape), axis=1),
        year_scale=np.full(kind.hours, 8760.0 / kind.hours),
        limit_rows=np.array(rows),
        limit_capacity=np.array(limits),
        links=tuple(Link(a, a + 1, 12.0, 0.02 * a) for a in range(kind.zones - 1)) if kind.links else (),
        batteries=tuple(Battery(z, 6.0, 20.0, each_way, each_way) for z in range(kind.zones)) if kind.batteries else (),
    )


def labels(problem: CoupledProblem) -> Labels:
    zones = [f"zone {number}" for number in range(problem.run_share.shape[0])]
    columns = tuple(
        f"{zones[zone]} class {kind}" for zone, kind in zip(problem.column_zone, problem.column_class, strict=True)
    )
    places = tuple(ZoneLabel(name, 25.0, 67.0 + number) for number, name in enumerate(zones))
    every = len(problem.limit_capacity) // 5
    limits = tuple(
        f"{name} {number}".removesuffix(" 0")
        for number in range(every)
        for name in ("cap", "budget", "first zone", "second class", "promise")
    )
    return Labels("Instance", datetime(2026, 1, 1, tzinfo=UTC), places, columns, limits)


def optimise(network: Any) -> float:  # noqa: ANN401  # a pypsa.Network
    """The value that PyPSA finds, in USD a year."""
    with quiet():
        status = network.optimize(
            solver_name="highs", include_objective_constant=False, solver_options={"output_flag": False}
        )
    assert tuple(status) == ("ok", "optimal")
    return -float(network.objective)


DAY = (
    Kind(zones=1, cap_mw=40.0),
    Kind(zones=3, blocks=3, budget_musd=60.0),
    Kind(blocks=2, heat=True, promise_mw=50.0),
    Kind(zones=4, links=True, dark=True, cap_mw=60.0),
    Kind(zones=1, dark=True),
    Kind(zones=2, links=True, heat=True, budget_musd=45.0),
)
DAYS = (
    Kind(zones=1, hours=48, batteries=True, cap_mw=30.0),
    Kind(hours=48, batteries=True, moving_values=True),
    Kind(zones=3, hours=48, blocks=2, links=True, batteries=True, budget_musd=70.0),
    Kind(zones=2, hours=48, links=True, batteries=True, dark=True),
    Kind(zones=3, hours=48, blocks=3, moving_values=True, cap_mw=70.0),
    Kind(4, 48, 3, True, True, True, True, 80.0, 50.0, True),  # everything
)


def joined(problems: list[CoupledProblem]) -> CoupledProblem:
    """Problems of the same hours beside one another, with nothing in common: PyPSA's seconds are paid once."""
    zones = np.cumsum([0, *(problem.run_share.shape[0] for problem in problems)])
    classes = np.cumsum([0, *(problem.run_share.shape[1] for problem in problems)])
    hours, blocks = problems[0].run_share.shape[2], max(problem.surplus_mw.shape[1] for problem in problems)
    share = np.zeros((zones[-1], classes[-1], hours))
    surplus, cost = np.zeros((zones[-1], blocks, hours)), np.zeros((zones[-1], blocks, hours))
    for number, problem in enumerate(problems):
        here = slice(zones[number], zones[number + 1])
        share[here, classes[number] : classes[number + 1]] = problem.run_share
        surplus[here, : problem.surplus_mw.shape[1]] = problem.surplus_mw
        cost[here, : problem.surplus_mw.shape[1]] = problem.cost_usd_per_mwh
    pairs = list(zip(zones[:-1], problems, strict=True))
    return CoupledProblem(
        base_usd_per_mw=np.concatenate([problem.base_usd_per_mw for problem in problems]),
        column_zone=np.concatenate([problem.column_zone + first for first, problem in pairs]),
        column_class=np.concatenate(
            [problem.column_class + first for first, problem in zip(classes[:-1], problems, strict=True)]
        ),
        value_usd_per_mwh=np.concatenate([problem.value_usd_per_mwh for problem in problems]),
        run_share=share,
        surplus_mw=surplus,
        cost_usd_per_mwh=cost,
        year_scale=problems[0].year_scale,
        limit_rows=block_diag(*(problem.limit_rows for problem in problems)),
        limit_capacity=np.concatenate([problem.limit_capacity for problem in problems]),
        links=tuple(
            replace(link, zone_a=link.zone_a + int(first), zone_b=link.zone_b + int(first))
            for first, problem in pairs
            for link in problem.links
        ),
        batteries=tuple(
            replace(unit, zone=unit.zone + int(first)) for first, problem in pairs for unit in problem.batteries
        ),
    )


def value_in(network: Any, zones: list[str]) -> float:  # noqa: ANN401  # a pypsa.Network
    """What the solution of a network is worth in some zones, in USD a year, from its parts."""
    weight = network.snapshot_weightings.objective
    columns = network.links.index[network.links.p_nom_extendable & network.links.bus0.isin(zones)]
    blocks = network.generators.index[network.generators.bus.isin(zones)]
    paid = 0.0
    for component, power, names in (
        ("Link", network.links_t.p0, columns),
        ("Generator", network.generators_t.p, blocks),
    ):
        cost = network.get_switchable_as_dense(component, "marginal_cost")[names]
        paid += float((power[names] * cost).sum(axis=1) @ weight)
    links = network.links.loc[columns]
    return -paid - float((links.p_nom_opt * (links.capital_cost + links.fom_cost)).sum())


@pytest.mark.parametrize("kinds", [DAY, DAYS], ids=["a day", "two days"])
def test_the_optimum_is_ours(kinds: tuple[Kind, ...], solver: HighsSolver) -> None:
    """Six kinds of instances beside one another: a plain n.optimize() finds each one's optimal value."""
    problems = [instance(seed, kind) for seed, kind in enumerate(kinds)]
    together = joined(problems)
    network = network_of(together, labels(together))
    assert optimise(network) == pytest.approx(sum(solve_plain(problem, solver)[0] for problem in problems), rel=SAME)
    granted = network.links.p_nom_opt[network.links.p_nom_extendable].to_numpy()
    assert (together.limit_rows @ granted <= together.limit_capacity + 1e-4).all()
    first = 0
    for problem in problems:
        zones = [f"zone {number}" for number in range(first, first + problem.run_share.shape[0])]
        first += len(zones)
        value_usd, _ = solve_plain(problem, solver)
        assert value_usd > 1e5
        assert value_in(network, zones) == pytest.approx(value_usd, rel=SAME)


def test_a_limit_has_its_price_in_a_file(tmp_path: Path, pypsa: Any, solver: HighsSolver) -> None:  # noqa: ANN401
    """Written to netCDF and read again: the same optimum, and the cap's price is what one more MW adds to it."""
    problem = instance(3, Kind(zones=2, hours=24, blocks=2, links=True, batteries=True, cap_mw=40.0))
    with quiet():
        network_of(problem, labels(problem)).export_to_netcdf(str(tmp_path / "plan.nc"))
        read = pypsa.Network(str(tmp_path / "plan.nc"))
    value_usd, _ = solve_plain(problem, solver)
    assert optimise(read) == pytest.approx(value_usd, rel=SAME)
    assert read.name == "Instance"
    assert read.snapshots[0] == datetime(2026, 1, 1)  # noqa: DTZ001  # PyPSA's snapshots have no zone
    more = replace(problem, limit_capacity=problem.limit_capacity + np.array([0.01, 0.0, 0.0, 0.0, 0.0]))
    added = (solve_plain(more, solver)[0] - value_usd) / 0.01
    assert added > 1000.0
    assert -read.global_constraints.mu["cap"] == pytest.approx(added, rel=1e-3)


def test_two_ways_to_weigh_classes_are_refused() -> None:
    """A second limit with coefficients of its own has no place in PyPSA: named, not dropped."""
    problem = instance(0, Kind())
    rows = problem.limit_rows.copy()
    rows[3] = np.arange(len(rows[3])) + 1.0
    with pytest.raises(LimitNotExpressible, match="budget and second class"):
        network_of(replace(problem, limit_rows=rows), labels(problem))


@pytest.mark.parametrize("name", ["a, b", "a (b)", " a"])
def test_names_that_pypsa_would_cut_are_refused(name: str) -> None:
    """PyPSA splits a limit's carriers at commas and drops brackets: such a column would leave its limits."""
    problem = instance(0, Kind())
    wrong = replace(labels(problem), columns=(name, *labels(problem).columns[1:]))
    with pytest.raises(LimitNotExpressible, match="name"):
        network_of(problem, wrong)


def test_stretches_are_refused() -> None:
    """Two surplus years in a row are no network: a battery would carry from one into the other."""
    problem = replace(instance(0, Kind()), chain_starts=(0, 12))
    with pytest.raises(StretchesNotExpressible, match="2 stretches"):
        network_of(problem, labels(problem))


def test_without_pypsa_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyPSA is optional: its absence names the module and the command that brings it."""

    def missing(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(PypsaMissing) as caught:
        load_pypsa()
    assert "pypsa" in caught.value.message
    assert caught.value.remedy == "Run: pip install zakhira[pypsa]"

"""Random coupled problems, and the same as one plain linear programme."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
import pytest
from scipy import sparse

from zakhira.adapters.highs import HighsSolver
from zakhira.kernel.ids import seeded_rng
from zakhira.planning.coupled.problem import Battery, CoupledProblem, Link
from zakhira.planning.solver import LinearProgram, Rows
from zakhira.programme.series import Floats

Random = Callable[..., CoupledProblem]
Plain = Callable[[CoupledProblem], float]


def random_problem(
    seed: int,
    zones: int = 3,
    hours: int = 48,
    blocks: int = 1,
    dead_share: float = 0.0,
    links: int = 0,
    batteries: int = 0,
    stretches: int = 1,
    cap_mw: float = 300.0,
) -> CoupledProblem:
    """Three machine classes and one of halls in each zone; ``dead_share`` of the zone-hours have no surplus."""
    rng = seeded_rng(seed, "coupled")
    classes, time = 4, np.arange(hours)
    sun = np.maximum(0.0, np.sin((time % 24 - 6) / 12 * np.pi))
    surplus = np.maximum(rng.uniform(0, 60, (zones, 1, hours)) + 100 * sun * rng.uniform(0, 1, (zones, 1, 1)), 0.0)
    surplus = np.repeat(surplus / blocks, blocks, axis=1)
    surplus[np.broadcast_to(rng.random((zones, 1, hours)) < dead_share, surplus.shape)] = 0.0
    cost = rng.uniform(10, 45, (zones, 1, hours)) + 12.0 * np.arange(blocks)[None, :, None]
    zone, kind = np.repeat(np.arange(zones), classes), np.tile(np.arange(classes), zones)
    annuity = np.array([0.2e5, 0.55e5, 1.4e5, 0.3e5])
    capital = np.array([0.3, 0.7, 1.6, 9.0])
    rows = [np.ones(len(zone)), capital[kind], *((kind == k) * 1.0 for k in range(classes))]
    capacity = [cap_mw, 0.9 * cap_mw, 0.5 * cap_mw, 0.5 * cap_mw, 0.4 * cap_mw, 0.1 * cap_mw]
    ends = [(a, b) for a in range(zones) for b in range(a + 1, zones)]
    chosen = [(a, a + 1) for a in range(zones - 1)] if links < zones else ends
    return CoupledProblem(
        base_usd_per_mw=-annuity[kind] * rng.uniform(1.0, 1.05, len(kind)),
        column_zone=zone,
        column_class=kind,
        value_usd_per_mwh=np.repeat(np.array([[55.0], [68.0], [90.0], [81.0]]), hours, axis=1),
        run_share=np.clip(rng.uniform(0.7, 1.0, (zones, classes, hours)), 0, 0.95),
        surplus_mw=surplus,
        cost_usd_per_mwh=cost,
        year_scale=np.full(hours, 8760.0 / hours),
        limit_rows=np.array(rows),
        limit_capacity=np.array(capacity),
        links=tuple(Link(a, b, float(rng.uniform(5, 40)), 0.02) for a, b in chosen[:links]),
        batteries=tuple(Battery(z, 8.0, 32.0, 0.94, 0.94) for z in range(batteries)),
        chain_starts=tuple(int(start) for start in np.arange(stretches) * hours // stretches),
    )


@dataclass
class _Sheet:
    """The plain programme, written down entry by entry."""

    problem: CoupledProblem
    entries: list[tuple[int, int, float]] = field(default_factory=list)
    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        zones, classes, hours = self.problem.run_share.shape
        blocks, stores = self.problem.surplus_mw.shape[1], len(self.problem.batteries)
        shapes = [(len(self.problem.base_usd_per_mw),), (zones, classes, hours), (zones, blocks, hours)]
        shapes += [(len(self.problem.links), 2, hours), (stores, hours), (stores, hours), (stores, hours)]
        first = np.concatenate(([0], np.cumsum([int(np.prod(shape)) for shape in shapes])))
        numbers = [first[n] + np.arange(first[n + 1] - first[n]).reshape(shape) for n, shape in enumerate(shapes)]
        self.count = int(first[-1])
        _, self.use, self.taken, self.flow, self.charge, self.discharge, self.stored = numbers

    def row(self, low: float, high: float, terms: Iterable[tuple[int, float]]) -> None:
        self.entries += [(len(self.low), int(column), float(value)) for column, value in terms]
        self.low.append(low)
        self.high.append(high)

    def plug(self, zone: int, hour: int) -> None:
        terms = [(column, -1.0) for column in self.use[zone, :, hour]]
        terms += [(column, 1.0) for column in self.taken[zone, :, hour]]
        for link, (there, back) in zip(self.problem.links, self.flow[:, :, hour], strict=True):
            kept = 1.0 - link.loss_share
            if zone == link.zone_a:
                terms += [(there, -1.0), (back, kept)]
            if zone == link.zone_b:
                terms += [(back, -1.0), (there, kept)]
        for number, battery in enumerate(self.problem.batteries):
            if battery.zone == zone:
                terms += [(self.charge[number, hour], -1.0), (self.discharge[number, hour], 1.0)]
        self.row(0.0, 0.0, terms)

    def store(self, number: int, start: int, end: int) -> None:
        battery = self.problem.batteries[number]
        for hour in range(start, end):
            before = hour - 1 if hour > start else end - 1
            terms = [(self.stored[number, before], 1.0), (self.stored[number, hour], -1.0)]
            terms += [(self.charge[number, hour], battery.charge_share)]
            terms += [(self.discharge[number, hour], -1.0 / battery.discharge_share)]
            self.row(0.0, 0.0, terms)

    def rows(self) -> Rows:
        at_row, at_column, values = (np.array(part) for part in zip(*self.entries, strict=True))
        matrix = sparse.csr_matrix((values, (at_row, at_column)), shape=(len(self.low), self.count))
        return Rows(
            lower=np.array(self.low),
            upper=np.array(self.high),
            starts=matrix.indptr.astype(np.int32),
            columns=matrix.indices.astype(np.int32),
            values=matrix.data.astype(np.float64),
        )

    def bounds(self) -> tuple[Floats, Floats]:
        """The objective in units of 1e6 USD, and the upper bounds."""
        problem, objective, upper = self.problem, np.zeros(self.count), np.full(self.count, np.inf)
        objective[: len(problem.base_usd_per_mw)] = problem.base_usd_per_mw
        objective[self.use] = problem.value_usd_per_mwh * problem.year_scale
        objective[self.taken] = -problem.cost_usd_per_mwh * problem.year_scale
        upper[self.taken] = problem.surplus_mw
        for number, link in enumerate(problem.links):
            upper[self.flow[number]] = link.limit_mw
        for number, battery in enumerate(problem.batteries):
            upper[self.charge[number]] = upper[self.discharge[number]] = battery.power_mw
            upper[self.stored[number]] = battery.energy_mwh
        return objective / 1e6, upper


def plain_program(problem: CoupledProblem) -> LinearProgram:
    """The problem as one linear programme, in units of 1e6 USD, written down row by row of its definition."""
    zones, classes, hours = problem.run_share.shape
    sheet = _Sheet(problem)
    for zone, hour in np.ndindex(zones, hours):
        sheet.plug(zone, hour)
    for number in range(len(problem.batteries)):
        for start, end in zip(problem.chain_starts, problem.chain_ends, strict=True):
            sheet.store(number, start, end)
    for zone, kind, hour in np.ndindex(zones, classes, hours):
        mine = np.flatnonzero((problem.column_zone == zone) & (problem.column_class == kind))
        share = -float(problem.run_share[zone, kind, hour])
        sheet.row(-np.inf, 0.0, [(int(sheet.use[zone, kind, hour]), 1.0), *((int(column), share) for column in mine)])
    for coefficients, limit in zip(problem.limit_rows, problem.limit_capacity, strict=True):
        sheet.row(-np.inf, float(limit), [(int(n), float(coefficients[n])) for n in np.flatnonzero(coefficients)])
    objective, upper = sheet.bounds()
    return LinearProgram(objective, np.zeros(sheet.count), upper, sheet.rows())


@pytest.fixture(scope="session")
def draw() -> Random:
    """Draw a problem."""
    return random_problem


@pytest.fixture(scope="session")
def optimum(solver: HighsSolver) -> Plain:
    """The optimal value in USD a year by the plain programme."""
    return lambda problem: solver.load(plain_program(problem)).solve().objective * 1e6

"""The master: limits and cuts in a linear programme, which oracles refine until both bounds meet."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from zakhira.kernel.errors import InvalidInput, OutsideFailure
from zakhira.planning.limits import USD_PER_MUSD, Limit
from zakhira.planning.oracle import ValueOracle
from zakhira.planning.problem import AllocationProblem
from zakhira.planning.solver import (
    LinearModel,
    LinearProgram,
    LinearSolution,
    LinearSolver,
    Rows,
    SolverStatus,
    rows_of,
)
from zakhira.programme.series import Floats

GAP_STOP_SHARE = 5e-8
"""Bounds this close count as met: half of the 1e-7 that a plan shall keep, so that rounding its grants has room."""
NOISE_USD = 0.01
"""Bounds of a plan that is worth nothing need not be nearer than what the solver's tolerance leaves in dollars."""
WHOLE_STOP_SHARE = 1e-6
"""With whole numbers they count as met here: the solver's own search stops at a tenth of it."""
MAX_ROUNDS = 1000
START_SHARES = (0.25, 1.0, 4.0)
"""With many pieces the search begins with cuts at so many times an even split of the first limit as well."""
SLOPE_FLOOR = 1e-12
"""Slopes below this, in millions of USD per MW, are noise of the sums."""
LEVEL_SHARE = 0.15
"""A stabilised round looks for the nearest point whose bound lies this share of the gap above the best value."""


class PlanInfeasible(InvalidInput):
    """No allocation keeps the limits."""

    code = "ZK-PLANNING-003"


class PlanUnbounded(InvalidInput):
    """Nothing bounds the allocation."""

    code = "ZK-PLANNING-004"


class PlanNotFound(OutsideFailure):
    """The bounds did not meet within the rounds allowed."""

    code = "ZK-PLANNING-005"


@dataclass(frozen=True)
class Cut:
    """``value of the piece <= offset + slope @ MW``, in millions of USD a year."""

    piece: int
    offset: float
    slope: Floats


@dataclass(frozen=True)
class Valued:
    """A point with its value by the oracles in USD a year, and the cuts that touch the value there."""

    power_mw: Floats
    value_usd: float
    cuts: tuple[Cut, ...]


@dataclass(frozen=True)
class Bounds:
    """The best point found, the upper bound, and what the master knew when they met (or when it was stopped)."""

    best: Valued
    upper_usd: float
    rounds: int
    limit_duals_usd: Floats
    cuts: tuple[Cut, ...]

    @property
    def gap_share(self) -> float:
        """(upper - lower) / max(1, |upper|)."""
        return (self.upper_usd - self.best.value_usd) / max(1.0, abs(self.upper_usd))

    def met(self, stop_share: float) -> bool:
        """Whether the bounds are so near that a search for this gap ends."""
        return self.upper_usd - self.best.value_usd <= allowed_usd(self.upper_usd, stop_share)


def allowed_usd(upper_usd: float, stop_share: float) -> float:
    """How far bounds may be apart that count as met."""
    return max(stop_share * abs(upper_usd), NOISE_USD)


Progress = Callable[[int, float, float], None]


@dataclass(frozen=True)
class Master:
    """The master problem's numbers. Columns: MW of each (site, class), then the value of each piece."""

    base_usd_per_mw: Floats
    limits: tuple[Limit, ...]
    oracles: tuple[ValueOracle, ...]
    first_piece: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        sizes = [oracle.pieces for oracle in self.oracles]
        object.__setattr__(self, "first_piece", tuple(sum(sizes[:number]) for number in range(len(sizes) + 1)))

    @property
    def columns(self) -> int:
        """How many MW are to be chosen."""
        return len(self.base_usd_per_mw)

    @property
    def pieces(self) -> int:
        """How many values are summed."""
        return self.first_piece[-1]

    def valued(self, power_mw: Floats) -> Valued:
        """Ask every oracle for its value and its cuts at a point."""
        value_musd = float(self.base_usd_per_mw @ power_mw) / USD_PER_MUSD
        cuts: list[Cut] = []
        for first, oracle in zip(self.first_piece, self.oracles, strict=False):
            look = oracle.look(power_mw)
            value_musd += look.value_musd
            cuts.extend(
                Cut(first + piece, float(look.offset_musd[piece]), look.slope_musd_per_mw[piece])
                for piece in range(oracle.pieces)
            )
        return Valued(power_mw, value_musd * USD_PER_MUSD, tuple(cuts))

    def cut_rows(self, cuts: tuple[Cut, ...]) -> Rows:
        """The cuts as rows of the master."""
        slopes = np.array([cut.slope for cut in cuts]).reshape(len(cuts), self.columns)
        row, column = np.nonzero(np.abs(slopes) > SLOPE_FLOOR)
        ends = np.cumsum(np.bincount(row, minlength=len(cuts)) + 1)
        places, values = np.empty(len(row) + len(cuts), dtype=np.int32), np.ones(len(row) + len(cuts))
        inner = np.arange(len(row)) + row
        places[inner], values[inner] = column, -slopes[row, column]
        places[ends - 1] = [self.columns + cut.piece for cut in cuts]
        return Rows(
            lower=np.full(len(cuts), -math.inf),
            upper=np.array([cut.offset for cut in cuts]),
            starts=np.concatenate(([0], ends)).astype(np.int32),
            columns=places,
            values=values,
        )

    def limit_rows(self) -> Rows:
        """The problem's limits as rows."""
        entries = []
        for limit in self.limits:
            terms = [(int(index), float(limit.coefficients[index])) for index in np.flatnonzero(limit.coefficients)]
            entries.append((limit.floor if limit.floor > 0 else -math.inf, limit.capacity, terms))
        return rows_of(entries)

    def program(self) -> LinearProgram:
        """The master without cuts, in millions of USD a year."""
        count = self.columns + self.pieces
        lower = np.concatenate([np.zeros(self.columns), np.full(self.pieces, -math.inf)])
        objective = np.concatenate([self.base_usd_per_mw / USD_PER_MUSD, np.ones(self.pieces)])
        return LinearProgram(objective, lower, np.full(count, math.inf), self.limit_rows())


def master_of(problem: AllocationProblem, oracles: tuple[ValueOracle, ...]) -> Master:
    """The master of a problem with the oracles that value its years."""
    return Master(problem.base_usd_per_mw, problem.limits, oracles)


def require_optimal(solution: LinearSolution) -> LinearSolution:
    """Turn the solver's other answers into errors.

    Raises:
        PlanInfeasible: no point keeps the limits.
        PlanUnbounded: the value has no bound.
    """
    if solution.status is SolverStatus.INFEASIBLE:
        raise PlanInfeasible("No allocation keeps the limits.", "Look for limits that contradict one another.")
    if solution.status is SolverStatus.UNBOUNDED:
        raise PlanUnbounded("Nothing bounds the allocation.", "Give the programme a finite cap.")
    return solution


@dataclass
class Search:
    """The state of a search: what is known so far. It may be stopped at any round and still gives its best."""

    master: Master
    best: Valued
    cuts: list[Cut]
    upper_usd: float = math.inf
    rounds: int = 0
    limit_duals_usd: Floats = field(default_factory=lambda: np.zeros(0))

    @property
    def gap_usd(self) -> float:
        """How far the bounds are apart."""
        return self.upper_usd - self.best.value_usd

    def take(self, found: Valued) -> None:
        """Learn from a point."""
        self.best = found if found.value_usd > self.best.value_usd else self.best
        self.cuts.extend(found.cuts)

    def bounds(self) -> Bounds:
        """What is known."""
        upper = max(self.upper_usd, self.best.value_usd)
        return Bounds(self.best, upper, self.rounds, self.limit_duals_usd, tuple(self.cuts))


def close_bounds(
    master: Master,
    solver: LinearSolver,
    progress: Progress | None = None,
    stop_share: float = GAP_STOP_SHARE,
    *,
    stabilised: bool = False,
) -> Bounds:
    """Solve, ask the oracles, cut, and solve again until the bounds meet.

    These are plain cutting planes (Kelley 1960). With a single curved piece their points would jump: ``stabilised``
    looks at the point nearest to the best one that the cuts still promise a part of the gap (the level method of
    Lemarechal, Nemirovskii and Nesterov, 1995). The first cuts are at zero, so that no value is ever unbounded.
    ``progress`` is told the round and both bounds in USD a year; an interruption inside it ends the search with the
    best point so far, whose gap is told.

    Raises:
        PlanInfeasible, PlanUnbounded: the solver's answer.
        PlanNotFound: the bounds are apart after :data:`MAX_ROUNDS`.
    """
    model: LinearModel = solver.load(master.program())
    first = master.valued(_feasible_start(master, solver))
    search = Search(master, first, list(first.cuts))
    model.add_rows(master.cut_rows(first.cuts))
    if master.pieces > 1 and master.limits:
        for power_mw in _even_splits(master):
            model.add_rows(master.cut_rows(_learn(search, power_mw)))
    try:
        while not _round(search, model, stop_share, stabilised=stabilised):
            if progress is not None:
                progress(search.rounds, search.best.value_usd, search.upper_usd)
            if search.rounds >= MAX_ROUNDS:
                raise PlanNotFound(
                    f"The bounds {search.best.value_usd:.0f} and {search.upper_usd:.0f} USD did not meet"
                    f" in {MAX_ROUNDS} rounds.",
                    "Report it with the programme's folder.",
                )
    except KeyboardInterrupt:
        if not math.isfinite(search.upper_usd):
            raise
    if progress is not None:
        progress(search.rounds, search.best.value_usd, search.upper_usd)
    return search.bounds()


def _feasible_start(master: Master, solver: LinearSolver) -> Floats:
    """Nothing at all, unless promises forbid it: then the least that keeps them."""
    nothing = np.zeros(master.columns)
    if all(limit.floor <= 0 for limit in master.limits):
        return nothing
    program = LinearProgram(-np.ones(master.columns), nothing, np.full(master.columns, math.inf), master.limit_rows())
    return np.maximum(require_optimal(solver.load(program).solve()).primal, 0.0)


def _even_splits(master: Master) -> Iterator[Floats]:
    """Points where cuts are likely to be of use; they need not keep the limits."""
    held = master.limits[0].coefficients > 0
    even_mw = master.limits[0].capacity / max(float(master.limits[0].coefficients.sum()), 1.0)
    if math.isfinite(even_mw):
        for share in START_SHARES:
            yield np.where(held, share * even_mw, 0.0)


def _learn(search: Search, power_mw: Floats) -> tuple[Cut, ...]:
    """Cuts at a point that may break limits, so that its value bounds nothing from below."""
    cuts = search.master.valued(power_mw).cuts
    search.cuts.extend(cuts)
    return cuts


def _round(search: Search, model: LinearModel, stop_share: float, *, stabilised: bool) -> bool:
    """One round; whether the bounds have met."""
    master = search.master
    solution = require_optimal(model.solve())
    search.rounds += 1
    search.upper_usd = min(search.upper_usd, solution.objective * USD_PER_MUSD)
    search.limit_duals_usd = solution.duals[: len(master.limits)] * USD_PER_MUSD
    allowed = allowed_usd(search.upper_usd, stop_share)
    if search.gap_usd <= allowed:
        return True
    point = np.maximum(solution.primal[: master.columns], 0.0)
    if stabilised and master.pieces == 1:
        point = _level_point(search, point)
    found = master.valued(point)
    search.take(found)
    model.add_rows(master.cut_rows(found.cuts))
    return search.gap_usd <= allowed


def _level_point(search: Search, vertex: Floats) -> Floats:
    """The point nearest to the best at which every cut promises the level; the vertex if there is no such point.

    With one piece the cuts bound the whole value, so that the pieces drop out and nothing but MW is left.
    """
    from zakhira.planning.least_distance import nearest  # noqa: PLC0415  # SciPy loads slowly; few plans need it

    master = search.master
    level_musd = (search.upper_usd - (1.0 - LEVEL_SHARE) * search.gap_usd) / USD_PER_MUSD
    base = master.base_usd_per_mw / USD_PER_MUSD
    rows = [base + cut.slope for cut in search.cuts]
    floors = [level_musd - cut.offset for cut in search.cuts]
    for limit in master.limits:
        rows.append(-limit.coefficients)
        floors.append(-limit.capacity)
        if limit.floor > 0:
            rows.append(limit.coefficients)
            floors.append(limit.floor)
    found = nearest(search.best.power_mw, np.array(rows), np.array(floors))
    return vertex if found is None else found

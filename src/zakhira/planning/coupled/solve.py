"""Solve the allocation with coupled hours to a stated gap: a predictor-corrector interior-point method with bounds.

S. Mehrotra, "On the implementation of a primal-dual interior point method", SIAM J. Optim. 2 (1992); further centrality
correctors after J. Gondzio, Comput. Optim. Appl. 6 (1996).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from zakhira.planning.coupled.bounds import (
    ColumnBounds,
    Lower,
    Upper,
    capacity_program,
    lower_bound,
    scarcity_price,
    upper_bound,
)
from zakhira.planning.coupled.elimination import Pattern, pattern_of
from zakhira.planning.coupled.layout import Layout, lay_out
from zakhira.planning.coupled.limits import column_bounds, inner_point, keep_limits, weighted_centre
from zakhira.planning.coupled.newton import Newton, NewtonFailed
from zakhira.planning.coupled.problem import CoupledAnswer, CoupledProblem, Ending
from zakhira.planning.coupled.state import Direction, State, Targets, start
from zakhira.planning.solver import LinearSolver, SolverStatus
from zakhira.programme.series import Floats

MAX_ROUNDS = 150
CERTIFY_BELOW = 12.0
"""Bounds are computed once the sum of products is below so many times the gap that is asked for."""
CLOSE_SHARE = 0.2
"""Below this part of the gap that is asked for, the iterate itself is tried as well."""
PRODUCT_FLOOR = 1e-15
"""Scaled products below this on average are below what the arithmetic resolves."""
AHEAD_SHARE = 0.8
PRICE_SHARES = (0.0, 0.25)
TO_BOUNDARY = 0.9995
SHORT_STEP = 1e-5
SHORT_STEPS = 2
"""So many steps in a row below :data:`SHORT_STEP` move nothing any more."""

VALUE_FLOOR_USD = 1.0
"""The gap is relative to the value, but never to less than this."""

Progress = Callable[[int, float, float], None]
Clock = Callable[[], float]


@dataclass
class _Search:
    """The iteration with the best of each bound so far."""

    problem: CoupledProblem
    reduced: CoupledProblem
    kept: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
    solver: LinearSolver
    columns: ColumnBounds
    inner_mw: Floats
    layout: Layout
    pattern: Pattern
    state: State
    rounds: int = 0
    lower: Lower | None = None
    upper: Upper | None = None
    log: list[str] = field(default_factory=list)

    def certify(self, ahead: Direction | None = None) -> None:
        """Compute both bounds at the iterate and keep the better.

        ``ahead`` is the predictor: the way the iterate would go if nothing had to stay above 0. The bounds need no such
        thing: four fifths of that way ahead the lower bound is about four times nearer than at the iterate itself.
        """
        state, problem, unit = self.state, self.problem, self.layout.unit_mw
        far = 0.0 if ahead is None else AHEAD_SHARE
        flat = state.value if ahead is None else state.value + far * ahead.value
        x_mw = np.zeros(len(self.kept))
        x_mw[self.kept] = state.x * unit if ahead is None else (state.x + far * ahead.x) * unit
        if not self.layout.live_row.any():
            x_mw = _idle_capacity(problem, self.solver, self.columns)
        x_mw = keep_limits(problem, x_mw, self.inner_mw)
        lower = lower_bound(problem, self.layout, flat, x_mw)
        if self.lower is None or lower.value_usd > self.lower.value_usd:
            self.lower = lower
        for share in (0.0,) if ahead is None else PRICE_SHARES:
            step = (0.0, 0.0) if ahead is None else (share * ahead.price, share * ahead.worth)
            price, worth = self._prices(state.price + step[0], state.worth + step[1])
            upper = upper_bound(problem, self.solver, price, worth, self.columns)
            if self.upper is None or upper.value_usd < self.upper.value_usd:
                self.upper = upper

    def _prices(self, scaled: Floats, scaled_worth: Floats) -> tuple[Floats, dict[int, Floats]]:
        """Prices in USD/MWh times year_scale, cut to what an optimal price can be."""
        unit, layout = self.layout.unit_usd_per_mwh, self.layout
        top = scarcity_price(self.problem)
        bottom = min(0.0, float(self.problem.cost_usd_per_mwh.min(initial=0.0))) * float(self.problem.year_scale.max())
        price = np.clip(scaled * unit, bottom, top)
        needed = (self.problem.surplus_mw.sum(axis=1) <= 0) & (layout.live_row == 0)
        price = np.where(layout.live_row > 0, price, np.where(needed, top, 0.0))
        worth: dict[int, Floats] = {}
        for number, battery in enumerate(layout.batteries):
            share = battery.discharge_share
            found = np.clip(scaled_worth[number] * unit, bottom, top * share)
            live = layout.live_row[battery.zone] > 0
            worth[battery.zone] = np.where(live, found, price[battery.zone] * share)
        return price, worth

    @property
    def gap_share(self) -> float:
        """The relative distance of the bounds."""
        if self.lower is None or self.upper is None:
            return np.inf
        return (self.upper.value_usd - self.lower.value_usd) / max(abs(self.upper.value_usd), VALUE_FLOOR_USD)

    def answer(self, ending: Ending, seconds: float | None) -> CoupledAnswer:
        """The best of both bounds as an answer."""
        assert self.lower is not None
        assert self.upper is not None
        scale = self.problem.year_scale
        with np.errstate(divide="ignore", invalid="ignore"):
            price = np.where(scale > 0, self.upper.price_usd_per_mwh / scale, 0.0)
        return CoupledAnswer(
            x_mw=self.lower.x_mw,
            lower_usd=self.lower.value_usd,
            upper_usd=max(self.upper.value_usd, self.lower.value_usd),
            rounds=self.rounds,
            ending=ending,
            limit_duals_usd=self.upper.limit_duals_usd,
            price_usd_per_mwh=price,
            use_mwh=self.lower.use_mwh,
            flow_mwh=self.lower.flow_mwh,
            use_mw=self.lower.use_mw,
            link_rent_usd_per_mw=self.upper.link_rent_usd_per_mw,
            residual_mw=self.lower.residual_mw,
            seconds=seconds,
        )


def solve_coupled(
    problem: CoupledProblem,
    solver: LinearSolver,
    stop_gap: float,
    progress: Progress | None = None,
    clock: Clock | None = None,
    max_rounds: int = MAX_ROUNDS,
) -> CoupledAnswer:
    """The best capacities, with bounds whose relative distance is at most ``stop_gap`` where ``ending`` is CLOSED.

    ``progress`` hears the round and both bounds in USD a year (infinite before the first are known). A
    KeyboardInterrupt from it, or from anywhere in a round, ends the search with the best answer so far. ``clock`` gives
    seconds.

    Raises:
        CoupledInfeasible, CoupledUnbounded: the limits contradict one another, or do not bound the value.
        NewtonFailed: not one round could be computed.
    """
    began = clock() if clock is not None else 0.0
    search = _prepare(problem, solver)
    try:
        ending = _iterate(search, stop_gap, progress, max_rounds)
    except KeyboardInterrupt:
        ending = Ending.INTERRUPTED
    if search.lower is None or ending is not Ending.CLOSED:
        search.certify()
        ending = Ending.CLOSED if search.gap_share <= stop_gap else ending
    return search.answer(ending, clock() - began if clock is not None else None)


def _prepare(problem: CoupledProblem, solver: LinearSolver) -> _Search:
    """Drop the columns that can only be 0, and start inside."""
    columns = column_bounds(problem, solver)
    kept = columns.implied_mw > 0
    rows = problem.limit_rows[:, kept]
    filled = (rows != 0).any(axis=1) | (problem.limit_capacity < 0)
    reduced = replace(
        problem,
        base_usd_per_mw=problem.base_usd_per_mw[kept],
        column_zone=problem.column_zone[kept],
        column_class=problem.column_class[kept],
        limit_rows=rows[filled],
        limit_capacity=problem.limit_capacity[filled],
    )
    inside = inner_point(reduced, solver, ColumnBounds(columns.implied_mw[kept], columns.given_mw[kept]))
    layout = lay_out(reduced, columns.implied_mw[kept])
    inner_mw = np.zeros(len(kept))
    inner_mw[kept] = inside
    used = np.count_nonzero(layout.run_share, axis=2).ravel()
    sharing = np.bincount(layout.pair, minlength=len(used))
    weight = 1.0 + (used / np.maximum(sharing, 1))[layout.pair]
    state = start(layout, weighted_centre(reduced, inside, weight) / layout.unit_mw)
    pattern = pattern_of(layout.zones, layout.links)
    return _Search(problem, reduced, kept, solver, columns, inner_mw, layout, pattern, state)


def _idle_capacity(problem: CoupledProblem, solver: LinearSolver, columns: ColumnBounds) -> Floats:
    """The best capacities in MW where no hour has anything to use: they earn by being there, or are not built."""
    unit = max(float(np.abs(problem.base_usd_per_mw).max(initial=0.0)), VALUE_FLOOR_USD)
    program = capacity_program(problem, problem.base_usd_per_mw / unit, columns.given_mw)
    solution = solver.load(program).solve()
    assert solution.status is SolverStatus.OPTIMAL, "the limits were found to hold a point and to bound the value"
    return solution.primal


def _iterate(search: _Search, stop_gap: float, progress: Progress | None, max_rounds: int) -> Ending:
    """Step until the bounds meet, nothing moves any more, or the rounds are used up."""
    state, short = search.state, 0
    unit_usd = search.layout.unit_mw * search.layout.unit_usd_per_mwh
    while search.rounds < max_rounds:
        search.rounds += 1
        try:
            newton = Newton(search.layout, state, search.pattern)
        except NewtonFailed:
            if search.rounds == 1:
                raise
            return Ending.STALLED
        ahead = newton.refined(newton.direction(Targets(0.0, 0.0, 0.0, 0.0)))
        product_usd = state.product() * unit_usd
        if not (product_usd > PRODUCT_FLOOR * state.pairs * unit_usd and np.isfinite(ahead.x).all()):
            return Ending.STALLED
        known = max(abs(search.upper.value_usd) if search.upper is not None else 0.0, abs(_worth(search)))
        if product_usd <= CERTIFY_BELOW * stop_gap * known or not search.layout.live_row.any():
            search.certify(ahead)
        if product_usd <= CLOSE_SHARE * stop_gap * known:
            search.certify()
        if progress is not None:
            lower = search.lower.value_usd if search.lower is not None else -np.inf
            progress(search.rounds, lower, search.upper.value_usd if search.upper is not None else np.inf)
        if search.gap_share <= stop_gap:
            return Ending.CLOSED
        length = max(_step(state, newton, ahead))
        short = short + 1 if length < SHORT_STEP else 0
        if short == SHORT_STEPS:
            return Ending.STALLED
    return Ending.ROUNDS


def _worth(search: _Search) -> float:
    """The iterate's value in USD a year, exact only once its balances close."""
    layout, state = search.layout, search.state
    value = float(layout.base @ state.x - layout.cost @ state.value)
    return value * layout.unit_mw * layout.unit_usd_per_mwh


def _step(state: State, newton: Newton, step: Direction) -> tuple[float, float]:
    """Correct and centre the predictor, and move. Returns the lengths of the steps of values and of duals."""
    mean = state.product() / state.pairs
    primal, dual = state.longest(step)
    aimed = state.product_after(step, primal, dual) / state.pairs
    target = mean * min(1.0, max(aimed / mean, 0.0)) ** 3
    second_order = Targets(
        lower=target - step.value * step.lower_dual,
        upper=target - step.slack * step.upper_dual,
        x=target - step.x * step.x_dual,
        row=target - step.row_slack * step.row_dual,
    )
    step, primal, dual = _best_share(state, step, newton.correction(second_order), min(primal, dual, 1.0) ** 2)
    for _ in range(MAX_CORRECTORS):
        if min(primal, dual) > LONG_STEP:
            break
        change = _centring(state, step, min(1.0, REACH * primal + 0.1), min(1.0, REACH * dual + 0.1), target)
        better, longer, longer_dual = _best_share(state, step, newton.correction(change), 0.1)
        if longer + longer_dual < primal + dual + 0.02:
            break
        step, primal, dual = better, longer, longer_dual
    step = newton.refined(step)
    primal, dual = state.longest(step)
    primal, dual = min(1.0, TO_BOUNDARY * primal), min(1.0, TO_BOUNDARY * dual)
    state.move(step, primal, dual)
    return primal, dual


MAX_CORRECTORS = 4
LONG_STEP = 0.9
REACH = 1.3
LOW_SHARE, HIGH_SHARE = 0.3, 3.0
SHARES = 6


def _best_share(state: State, step: Direction, change: Direction, least: float) -> tuple[Direction, float, float]:
    """The step with that share of a change, from ``least`` to 1, with which values and duals get farthest.

    M. Colombo and J. Gondzio, Comput. Optim. Appl. 41 (2008): a corrector that is too long does harm.
    """
    shares = tuple(float(share) for share in np.linspace(1.0, least, SHARES))
    lengths = state.lengths(step, change, shares)
    best = max(range(SHARES), key=lambda number: (round(sum(lengths[number]), 2), -number))
    return step.plus(change, shares[best]), *lengths[best]


def _centring(state: State, step: Direction, primal: float, dual: float, target: float) -> Targets:
    """What takes the products at the end of a longer step back to within LOW_SHARE and HIGH_SHARE of the target."""

    def missing(value: Floats, change: Floats, dual_value: Floats, dual_change: Floats) -> Floats:
        product = (value + primal * change) * (dual_value + dual * dual_change)
        wanted = np.clip(product, LOW_SHARE * target, HIGH_SHARE * target)
        wanted -= product
        return np.maximum(wanted, -HIGH_SHARE * target, out=wanted)

    return Targets(
        lower=missing(state.value, step.value, state.lower_dual, step.lower_dual),
        upper=missing(state.slack, step.slack, state.upper_dual, step.upper_dual),
        x=missing(state.x, step.x, state.x_dual, step.x_dual),
        row=missing(state.row_slack, step.row_slack, state.row_dual, step.row_dual),
    )

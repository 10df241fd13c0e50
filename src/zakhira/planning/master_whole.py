"""Whole modules and opened sites in the master: cuts hold at any MW, so that a mixed programme bounds the truth too."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from zakhira.planning.limits import USD_PER_MUSD
from zakhira.planning.master import (
    GAP_STOP_SHARE,
    MAX_ROUNDS,
    WHOLE_STOP_SHARE,
    Bounds,
    Cut,
    Master,
    PlanInfeasible,
    PlanNotFound,
    Progress,
    Valued,
    allowed_usd,
    close_bounds,
    require_optimal,
)
from zakhira.planning.solver import LinearProgram, LinearSolution, LinearSolver, Rows, SolverStatus, rows_of
from zakhira.planning.whole import Whole
from zakhira.programme.series import Floats


@dataclass(frozen=True)
class WholeMaster:
    """A master whose MW come in modules and whose sites cost to open. Its columns stand behind the master's own."""

    master: Master
    whole: Whole

    def valued(self, power_mw: Floats) -> Valued:
        """The oracles' value less what the opened sites cost."""
        found = self.master.valued(self.whole.rounded(power_mw))
        return Valued(found.power_mw, found.value_usd - self.whole.cost_usd(found.power_mw), found.cuts)

    def program(self) -> LinearProgram:
        """The master without cuts, with a whole number for each sized column and for each site."""
        base, sized = self.master.program(), np.flatnonzero(self.whole.module_mw > 0)
        count, sites = len(base.objective), len(self.whole.sites)
        cost = [-site.cost_usd / USD_PER_MUSD for site in self.whole.sites]
        return LinearProgram(
            objective=np.concatenate([base.objective, np.zeros(len(sized)), cost]),
            lower=np.concatenate([base.lower, np.zeros(len(sized) + sites)]),
            upper=np.concatenate([base.upper, np.full(len(sized), math.inf), np.ones(sites)]),
            rows=base.rows,
            whole=np.concatenate([np.zeros(count, dtype=np.bool_), np.ones(len(sized) + sites, dtype=np.bool_)]),
        )

    def rows(self) -> Rows:
        """MW = size x modules; the MW of a site within its most if it is open, and none if it is not."""
        first = self.master.columns + self.master.pieces
        sized = np.flatnonzero(self.whole.module_mw > 0)
        entries = [
            (0.0, 0.0, [(int(index), 1.0), (first + number, -float(self.whole.module_mw[index]))])
            for number, index in enumerate(sized)
        ]
        for number, site in enumerate(self.whole.sites):
            terms = [(int(index), 1.0) for index in np.flatnonzero(site.columns)]
            entries.append((-math.inf, 0.0, [*terms, (first + len(sized) + number, -site.most_mw)]))
        return rows_of(entries)


def close_whole_bounds(
    master: Master,
    whole: Whole,
    solver: LinearSolver,
    progress: Progress | None = None,
    stop_share: float = WHOLE_STOP_SHARE,
    *,
    stabilised: bool = False,
) -> Bounds:
    """First without whole numbers, whose cuts make the mixed programme tight; then that programme, cut by cut.

    The upper bound is the best that the mixed programme's own search still allows. There are no prices of limits.
    An interruption inside ``progress`` ends the search with the best point so far; before there is one with whole
    numbers, it is passed on.

    Raises:
        PlanInfeasible, PlanUnbounded: the solver's answer; modules may be too large for any to be granted.
        PlanNotFound: the bounds are apart after as many rounds as the master may take.
    """
    relaxed = close_bounds(master, solver, progress, max(stop_share / 10, GAP_STOP_SHARE), stabilised=stabilised)
    mixed = WholeMaster(master, whole)
    model = solver.load(mixed.program())
    model.add_rows(mixed.rows())
    model.add_rows(master.cut_rows(relaxed.cuts))
    best, upper, cuts = None, relaxed.upper_usd, list(relaxed.cuts)
    rounds, seen = relaxed.rounds, list[Floats]()
    try:
        while best is None or upper - best.value_usd > allowed_usd(upper, stop_share):
            if rounds >= MAX_ROUNDS + relaxed.rounds:
                raise PlanNotFound(
                    f"With whole numbers the bounds did not meet in {MAX_ROUNDS} rounds.",
                    "Report it with the programme's folder.",
                )
            solution = _require_whole(model.solve())
            rounds += 1
            upper = min(upper, solution.bound * USD_PER_MUSD)
            found = mixed.valued(np.maximum(solution.primal[: master.columns], 0.0))
            if any(np.array_equal(found.power_mw, point) for point in seen):
                break  # the solver's tolerance is all that is left of the gap, which is told
            seen.append(found.power_mw)
            best = found if best is None or found.value_usd > best.value_usd else best
            cuts += found.cuts
            model.add_rows(master.cut_rows(found.cuts))
            if progress is not None:
                progress(rounds, best.value_usd, max(upper, best.value_usd))
    except KeyboardInterrupt:
        if best is None:
            raise
    assert best is not None, "no point was seen before the first"
    return _bounds(best, upper, rounds, len(master.limits), tuple(cuts))


def _require_whole(solution: LinearSolution) -> LinearSolution:
    """Without whole numbers there was a plan: say that they are what stands in the way."""
    if solution.status is SolverStatus.INFEASIBLE:
        raise PlanInfeasible(
            "The limits and promises can be kept, but not in whole modules.",
            "Promise a whole number of modules that fits the connection, or make module_mw smaller.",
        )
    return require_optimal(solution)


def _bounds(best: Valued, upper_usd: float, rounds: int, limits: int, cuts: tuple[Cut, ...]) -> Bounds:
    return Bounds(best, max(upper_usd, best.value_usd), rounds, np.zeros(limits), cuts)

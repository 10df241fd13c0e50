"""The structured method against one plain linear programme, and its bounds wherever the search ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from zakhira.adapters.highs import HighsSolver
from zakhira.planning.coupled.limits import CoupledInfeasible, CoupledUnbounded
from zakhira.planning.coupled.problem import Battery, CoupledMalformed, CoupledProblem, Ending, Link
from zakhira.planning.coupled.solve import solve_coupled

Random = Callable[..., CoupledProblem]
Plain = Callable[[CoupledProblem], float]

CASES: tuple[dict[str, int | float], ...] = (
    {"zones": 1, "hours": 24},
    {"zones": 1, "hours": 36, "batteries": 1},
    {"zones": 2, "hours": 48, "links": 1, "blocks": 3},
    {"zones": 3, "hours": 48, "links": 2, "batteries": 3},
    {"zones": 3, "hours": 36, "links": 3, "batteries": 1},
    {"zones": 3, "hours": 48, "links": 2, "batteries": 2, "dead_share": 0.4},
    {"zones": 4, "hours": 24, "links": 6, "dead_share": 0.7},
    {"zones": 4, "hours": 30, "links": 1, "batteries": 1, "dead_share": 0.5, "blocks": 2},
    {"zones": 2, "hours": 48, "links": 1, "batteries": 2, "stretches": 3},
    {"zones": 3, "hours": 24, "dead_share": 0.33},
    {"zones": 6, "hours": 24, "links": 5, "batteries": 4, "dead_share": 0.33, "blocks": 3},
    {"zones": 2, "hours": 336, "links": 1, "batteries": 1, "dead_share": 0.2},
)


@pytest.mark.parametrize("number", range(len(CASES)))
def test_equals_the_plain_programme(number: int, draw: Random, optimum: Plain, solver: HighsSolver) -> None:
    """The optimum lies between the bounds, and the point found is worth the optimum to 1e-6."""
    problem = draw(number, **CASES[number])
    best = optimum(problem)
    answer = solve_coupled(problem, solver, 2e-7)
    assert answer.ending is Ending.CLOSED
    assert answer.lower_usd <= best * (1 + 1e-9)
    assert answer.upper_usd >= best * (1 - 1e-9)
    assert answer.lower_usd == pytest.approx(best, rel=1e-6)
    assert (problem.limit_rows @ answer.x_mw <= problem.limit_capacity * (1 + 1e-12)).all()


@pytest.mark.parametrize("rounds", [1, 3, 8])
@pytest.mark.parametrize("number", [2, 5, 7, 8])
def test_bounds_hold_wherever_the_search_ends(
    number: int, rounds: int, draw: Random, optimum: Plain, solver: HighsSolver
) -> None:
    """Cut off after a few rounds, the answer says so, and the optimum still lies between its bounds."""
    problem = draw(number, **CASES[number])
    answer = solve_coupled(problem, solver, 1e-9, max_rounds=rounds)
    best = optimum(problem)
    assert answer.ending is Ending.ROUNDS
    assert answer.lower_usd <= best <= answer.upper_usd
    assert answer.gap_share > 1e-9


def test_an_interruption_gives_the_best_so_far(draw: Random, optimum: Plain, solver: HighsSolver) -> None:
    """Ctrl-C while progress is told: the answer has both bounds and says that it was interrupted."""
    problem = draw(20, links=2, batteries=1)

    def stop(number: int, lower_usd: float, upper_usd: float) -> None:
        if number == 6:
            raise KeyboardInterrupt

    answer = solve_coupled(problem, solver, 1e-9, progress=stop)
    assert answer.ending is Ending.INTERRUPTED
    assert answer.rounds == 6
    assert answer.lower_usd <= optimum(problem) <= answer.upper_usd


def test_what_one_more_is_worth(draw: Random, optimum: Plain, solver: HighsSolver) -> None:
    """The worth of one more MW of the cap and of a link is what the plain programme gains by a little more."""
    problem = draw(21, zones=2, hours=72, links=1, batteries=1, cap_mw=120.0)
    answer = solve_coupled(problem, solver, 1e-9)
    capacity = problem.limit_capacity.copy()
    capacity[0] += 0.01
    more_cap = (optimum(replace(problem, limit_capacity=capacity)) - optimum(problem)) / 0.01
    assert answer.limit_duals_usd[0] == pytest.approx(more_cap, rel=1e-3, abs=20.0)
    wider = replace(problem.links[0], limit_mw=problem.links[0].limit_mw + 0.01)
    more_link = (optimum(replace(problem, links=(wider,))) - optimum(problem)) / 0.01
    assert more_link > 100.0
    assert answer.link_rent_usd_per_mw[0] == pytest.approx(more_link, rel=1e-2)


def test_the_answer_adds_up(draw: Random, solver: HighsSolver) -> None:
    """The use of all zones is the surplus taken less losses, and the clock's seconds are told."""
    problem = draw(22, zones=3, links=2)
    ticks = iter(range(100))
    answer = solve_coupled(problem, solver, 1e-8, clock=lambda: float(next(ticks)))
    assert answer.seconds == 1.0
    assert answer.residual_mw < 1e-6
    lost = 0.02 * float(answer.flow_mwh.sum())
    offered = float((problem.surplus_mw.sum(axis=1) @ problem.year_scale).sum())
    assert 0 < float(answer.use_mwh.sum()) <= offered - lost + 1e-3


def test_a_column_that_a_limit_closes(draw: Random, optimum: Plain, solver: HighsSolver) -> None:
    """A class with a limit of 0 gets nothing, and the rest is solved as before."""
    problem = draw(23, links=2, batteries=3)
    capacity = problem.limit_capacity.copy()
    capacity[3] = 0.0
    problem = replace(problem, limit_capacity=capacity)
    answer = solve_coupled(problem, solver, 2e-7)
    assert (answer.x_mw[problem.column_class == 1] == 0).all()
    assert answer.lower_usd == pytest.approx(optimum(problem), rel=1e-6)


def test_no_surplus_at_all(draw: Random, solver: HighsSolver) -> None:
    """Nothing to use: no capacity, no value."""
    problem = draw(24, links=2, batteries=1, dead_share=1.0)
    answer = solve_coupled(problem, solver, 1e-7)
    assert answer.ending is Ending.CLOSED
    assert answer.lower_usd == pytest.approx(0.0, abs=1e-6)
    assert answer.upper_usd == pytest.approx(0.0, abs=1e-6)


def test_surplus_that_pays_for_nothing(draw: Random, solver: HighsSolver) -> None:
    """A single hour with surplus pays for no capacity: the optimum is to build nothing, and it is found."""
    problem = draw(1071, zones=1, hours=29, dead_share=0.9, stretches=3, cap_mw=30.0)
    answer = solve_coupled(problem, solver, 2e-7)
    assert answer.ending is Ending.CLOSED
    assert answer.upper_usd == pytest.approx(0.0, abs=1e-6)


def test_two_links_side_by_side(draw: Random, optimum: Plain, solver: HighsSolver) -> None:
    """Two equal links between the same zones, and one of 0 MW: each has its own flow."""
    problem = draw(31, zones=2, hours=36)
    problem = replace(problem, links=(Link(0, 1, 0.0, 0.02), Link(0, 1, 6.0, 0.02), Link(0, 1, 6.0, 0.02)))
    answer = solve_coupled(problem, solver, 2e-7)
    assert answer.lower_usd == pytest.approx(optimum(problem), rel=1e-6)
    assert answer.flow_mwh[0] == pytest.approx([0.0, 0.0])
    assert answer.flow_mwh[1].sum() > 0
    assert answer.flow_mwh[1] == pytest.approx(answer.flow_mwh[2], rel=1e-3)


def test_a_minimum_is_kept(draw: Random, optimum: Plain, solver: HighsSolver) -> None:
    """A limit with a negative coefficient asks for at least 30 MW of the dearest class."""
    problem = draw(25, links=2)
    least = np.where(problem.column_class == 2, -1.0, 0.0)
    rows, capacity = np.vstack([problem.limit_rows, least]), np.append(problem.limit_capacity, -30.0)
    problem = replace(problem, limit_rows=rows, limit_capacity=capacity)
    answer = solve_coupled(problem, solver, 2e-7)
    assert answer.x_mw[problem.column_class == 2].sum() >= 30.0 * (1 - 1e-12)
    assert answer.lower_usd == pytest.approx(optimum(problem), rel=1e-6)


def test_limits_that_contradict_one_another(draw: Random, solver: HighsSolver) -> None:
    """At least 500 MW under a cap of 300 MW."""
    problem = draw(26)
    rows = np.vstack([problem.limit_rows, -np.ones(len(problem.base_usd_per_mw))])
    problem = replace(problem, limit_rows=rows, limit_capacity=np.append(problem.limit_capacity, -500.0))
    with pytest.raises(CoupledInfeasible):
        solve_coupled(problem, solver, 1e-6)


def test_capacity_that_earns_by_being_there(draw: Random, solver: HighsSolver) -> None:
    """Without limits, a class that earns without running has no bound; one that costs has."""
    problem = draw(27, links=1)
    free = replace(problem, limit_rows=np.zeros((0, 12)), limit_capacity=np.zeros(0))
    answer = solve_coupled(free, solver, 1e-6)
    assert answer.ending is Ending.CLOSED
    base = problem.base_usd_per_mw.copy()
    base[5] = 10.0
    with pytest.raises(CoupledUnbounded, match="column 5"):
        solve_coupled(replace(free, base_usd_per_mw=base), solver, 1e-6)


def _with(problem: CoupledProblem, **changes: object) -> CoupledProblem:
    return replace(problem, **changes)  # type: ignore[arg-type]  # the test puts in what does not fit


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"year_scale": np.ones(3)}, "shape"),
        ({"base_usd_per_mw": np.full(12, np.nan)}, "not finite"),
        ({"surplus_mw": np.full((3, 1, 48), -1.0)}, "below 0"),
        ({"column_zone": np.full(12, 7)}, "does not exist"),
        ({"chain_starts": (0, 60)}, "not ascending"),
        ({"links": (Link(0, 0, 1.0, 0.0),)}, "cannot be"),
        ({"batteries": (Battery(0, 1.0, 1.0, 0.0, 1.0),)}, "cannot be"),
        ({"batteries": (Battery(0, 1.0, 1.0, 1.0, 1.0), Battery(0, 1.0, 1.0, 1.0, 1.0))}, "two batteries"),
    ],
)
def test_arrays_that_do_not_fit(changes: dict[str, object], words: str, draw: Random) -> None:
    """Each fault is named when the problem is made."""
    with pytest.raises(CoupledMalformed, match=words):
        _with(draw(28), **changes)

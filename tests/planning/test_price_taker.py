"""A programme as the coupled problem: the same plan where nothing is coupled, and each part where it belongs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from example_programme import build_programme, random_series
from plain_coupled import solve_plain
from zakhira.adapters.highs import HighsSolver
from zakhira.planning.full_model import solve_full
from zakhira.planning.price_taker import coupled_problem, limit_names
from zakhira.planning.problem import build_problem
from zakhira.programme.model import Battery, Link, LoadWindow, Programme, Site

HOURS = 30


def _with_lines(programme: Programme) -> Programme:
    return replace(
        programme,
        links=(Link("east", "west", 8.0, 0.03, wheeling_mw=5.0),),
        batteries=(Battery("west", 5.0, 12.0, 0.81),),
    )


@pytest.mark.parametrize("with_lines", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_two_plain_programmes_agree(seed: int, with_lines: bool, solver: HighsSolver) -> None:  # noqa: FBT001  # a case
    """Written twice, from the programme and from the coupled arrays, both linear programmes have the same optimum."""
    base, series = build_programme(HOURS), random_series(np.random.default_rng(seed), HOURS)
    programme = _with_lines(base) if with_lines else base
    value_usd, _ = solve_plain(coupled_problem(programme, series, build_problem(programme, series)), solver)
    assert value_usd == pytest.approx(solve_full(programme, series, solver).value_usd, rel=1e-9)


def test_lines_and_batteries_can_only_help(solver: HighsSolver) -> None:
    """With a line and a battery the plan is worth more, never less; wheeling narrows the line."""
    programme, series = _with_lines(build_programme(HOURS)), random_series(np.random.default_rng(3), HOURS)
    problem = build_problem(programme, series)
    arrays = coupled_problem(programme, series, problem)
    assert arrays.links[0].limit_mw == 5.0
    assert arrays.batteries[0].charge_share == pytest.approx(0.9)
    alone, _ = solve_plain(coupled_problem(programme, series, problem, with_lines=False), solver)
    together, _ = solve_plain(arrays, solver)
    assert together > alone + 1.0


def test_the_rows_have_names_and_a_promise_is_one(solver: HighsSolver) -> None:
    """AI capacity that was promised is a limit from below: the last rows, negated, and it holds."""
    programme, series = build_programme(HOURS), random_series(np.random.default_rng(4), HOURS)
    site = replace(programme.sites[0], hall_min_mw=3.0)
    promised = replace(programme, sites=(site, *programme.sites[1:]))
    assert isinstance(site, Site)
    problem = build_problem(promised, series)
    arrays, names = coupled_problem(promised, series, problem), limit_names(problem)
    assert len(names) == len(arrays.limit_capacity) == len(set(names))
    assert names[-1] == f"least promise:{site.id}"
    _, power_mw = solve_plain(arrays, solver)
    halls = [index for index, column in enumerate(problem.columns) if column.site.id == site.id and column.worth == 0]
    assert power_mw[halls].sum() >= 3.0 - 1e-6
    assert (arrays.limit_rows @ power_mw <= arrays.limit_capacity + 1e-6).all()


def test_a_hall_runs_by_its_windows() -> None:
    """A load window moves the hall's use between hours and keeps its mean; fleets do not follow it."""
    programme, series = build_programme(24), random_series(np.random.default_rng(5), 24)
    night = replace(programme, load_windows=(LoadWindow("h100", 0, 6, 0.4),))
    plain = coupled_problem(programme, series, build_problem(programme, series)).run_share
    moved = coupled_problem(night, series, build_problem(night, series)).run_share
    assert moved[0, 0].mean() == pytest.approx(plain[0, 0].mean())
    assert np.ptp(moved[0, 0]) > 0.1
    np.testing.assert_array_equal(moved[:, 1:], plain[:, 1:])

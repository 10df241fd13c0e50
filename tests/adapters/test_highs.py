"""HiGHS behind the solver's protocol: answers, duals, and refusal of whatever is not an answer."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest

from zakhira.adapters.highs import HighsSolver, ModelRefused, OptionRefused, SolverStopped
from zakhira.planning.solver import LinearProgram, SolverStatus, rows_of

FREE = math.inf


def _program(upper: float = 3.0) -> LinearProgram:
    """Maximise x + 2y with x + y <= upper, x <= 1."""
    rows = rows_of([(-FREE, upper, [(0, 1.0), (1, 1.0)])])
    return LinearProgram(np.array([1.0, 2.0]), np.zeros(2), np.array([1.0, FREE]), rows)


def test_optimum_and_duals() -> None:
    """All into y: objective 6, and one more unit of the row is worth 2."""
    solution = HighsSolver().load(_program()).solve()
    assert solution.status is SolverStatus.OPTIMAL
    assert solution.objective == pytest.approx(6)
    assert solution.primal.tolist() == pytest.approx([0, 3])
    assert solution.duals.tolist() == pytest.approx([2])


def test_rows_are_added_to_a_loaded_model() -> None:
    """With y <= 1 the optimum is x = 1, y = 1; adding no rows changes nothing."""
    model = HighsSolver().load(_program())
    model.solve()
    model.add_rows(rows_of([(-FREE, 1.0, [(1, 1.0)])]))
    model.add_rows(rows_of([]))
    solution = model.solve()
    assert solution.objective == pytest.approx(3)
    assert solution.duals.tolist() == pytest.approx([0, 2])


def _knapsack(count: int, seed: int = 1) -> LinearProgram:
    """Things to pack, of which each is taken whole or left: integer weights, one sack of half of all."""
    rng = np.random.default_rng(seed)
    weight, value = rng.integers(1, 30, count).astype(float), rng.integers(1, 30, count).astype(float)
    rows = rows_of([(-FREE, float(weight.sum() // 2), [(j, float(weight[j])) for j in range(count)])])
    return LinearProgram(value, np.zeros(count), np.ones(count), rows, np.ones(count, dtype=np.bool_))


def test_whole_numbers_with_their_bound() -> None:
    """Counting all 4,096 ways gives the same optimum; the bound is not below it, within the gap; there are no duals."""
    program = _knapsack(12)
    solution = HighsSolver().load(program).solve()
    ways = np.array(np.meshgrid(*[[0.0, 1.0]] * 12)).reshape(12, -1)
    weight, room = program.rows.values, program.rows.upper[0]
    best = (program.objective @ ways)[weight @ ways <= room].max()
    assert solution.objective == pytest.approx(best)
    assert solution.bound == pytest.approx(best, rel=2e-7)
    assert solution.bound >= solution.objective - 1e-9
    assert not len(solution.duals)
    assert np.abs(solution.primal - np.rint(solution.primal)).max() < 1e-6


def test_whole_and_other_numbers_together_and_rows_added() -> None:
    """Maximise 2x + y with x whole and x + y <= 2.5; then x <= 1.5 leaves x = 1, y = 1.5."""
    rows = rows_of([(-FREE, 2.5, [(0, 1.0), (1, 1.0)])])
    program = LinearProgram(np.array([2.0, 1.0]), np.zeros(2), np.full(2, FREE), rows, np.array([True, False]))
    model = HighsSolver().load(program)
    assert model.solve().primal.tolist() == pytest.approx([2.0, 0.5])
    model.add_rows(rows_of([(-FREE, 1.5, [(0, 1.0)])]))
    solution = model.solve()
    assert solution.primal.tolist() == pytest.approx([1.0, 1.5])
    assert [solution.objective, solution.bound] == pytest.approx([3.5, 3.5])


def test_without_whole_numbers_the_bound_is_the_objective() -> None:
    """A linear programme leaves no gap."""
    solution = HighsSolver().load(_program()).solve()
    assert solution.bound == solution.objective


def test_whole_numbers_without_an_answer() -> None:
    """Infeasible and unbounded are told with whole numbers too, and a time limit stays an error."""
    whole = np.array([True])
    between = LinearProgram(np.ones(1), np.array([0.2]), np.array([0.8]), rows_of([(-FREE, 5.0, [(0, 1.0)])]), whole)
    endless = LinearProgram(np.ones(1), np.zeros(1), np.array([FREE]), rows_of([]), whole)
    assert HighsSolver().load(between).solve().status is SolverStatus.INFEASIBLE
    assert HighsSolver().load(endless).solve().status is SolverStatus.UNBOUNDED
    with pytest.raises(SolverStopped, match="Time limit"):
        HighsSolver(time_limit_s=0.0).load(_knapsack(200)).solve()


@pytest.mark.parametrize(("lower", "status"), [(-1.0, SolverStatus.OPTIMAL), (0.5, SolverStatus.INFEASIBLE)])
def test_nothing_to_choose(lower: float, status: SolverStatus) -> None:
    """Without a column every row is worth 0: optimal if its sides hold that, infeasible if they do not."""
    nothing = np.zeros(0)
    model = HighsSolver().load(LinearProgram(nothing, nothing, nothing, rows_of([(lower, 1.0, [])])))
    assert model.solve().status is status
    assert HighsSolver().load(LinearProgram(nothing, nothing, nothing, rows_of([]))).solve().objective == 0.0


def test_infeasible_and_unbounded_are_told_apart() -> None:
    """Each is an answer of its own, with no arrays to be mistaken for a solution."""
    infeasible = HighsSolver().load(_program(-1.0)).solve()
    unbounded = HighsSolver().load(_program(FREE)).solve()
    assert infeasible.status is SolverStatus.INFEASIBLE
    assert unbounded.status is SolverStatus.UNBOUNDED
    assert math.isnan(unbounded.objective)
    assert not len(unbounded.primal)


def test_a_time_limit_is_an_error() -> None:
    """A programme too large for the time given is never passed off as solved."""
    rng = np.random.default_rng(3)
    size = 300
    entries = [(-FREE, 1.0, [(j, float(rng.random())) for j in range(size)]) for _ in range(size)]
    program = LinearProgram(rng.random(size), np.zeros(size), np.full(size, FREE), rows_of(entries))
    with pytest.raises(SolverStopped, match=r"ZK-HIGHS-003.*Time limit"):
        HighsSolver(time_limit_s=0.0).load(program).solve()


def test_a_refused_option_is_an_error() -> None:
    """HiGHS answers an impossible value with a status; we do not read past it."""
    with pytest.raises(OptionRefused, match=r"ZK-HIGHS-001.*threads"):
        HighsSolver(threads=-5).load(_program())


@pytest.mark.parametrize("column", [-1, 2])
def test_rows_must_be_sound(column: int) -> None:
    """A column that does not exist is refused, in the programme and in added rows."""
    model = HighsSolver().load(_program())
    with pytest.raises(ModelRefused, match="ZK-HIGHS-002"):
        model.add_rows(rows_of([(-FREE, 1.0, [(column, 1.0)])]))


def test_not_a_number_is_refused() -> None:
    """NaN in a row, a bound or the objective."""
    model = HighsSolver().load(_program())
    with pytest.raises(ModelRefused):
        model.add_rows(rows_of([(-FREE, math.nan, [(0, 1.0)])]))
    bad = LinearProgram(np.array([math.nan]), np.zeros(1), np.ones(1), rows_of([]))
    with pytest.raises(ModelRefused):
        HighsSolver().load(bad)


def test_crossed_bounds_are_refused_or_infeasible() -> None:
    """A column whose lower bound is above its upper one has no solution."""
    crossed = LinearProgram(np.ones(1), np.array([2.0]), np.array([1.0]), rows_of([(-FREE, 5.0, [(0, 1.0)])]))
    assert HighsSolver().load(crossed).solve().status is SolverStatus.INFEASIBLE


def test_nothing_is_printed() -> None:
    """The solver's banner must not reach the terminal, not even when C flushes its buffers at the end."""
    code = (
        "import numpy as np; from zakhira.adapters.highs import HighsSolver;"
        "from zakhira.planning.solver import LinearProgram, rows_of;"
        "HighsSolver().load(LinearProgram(np.ones(1), np.zeros(1), np.ones(1), rows_of([]))).solve()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")

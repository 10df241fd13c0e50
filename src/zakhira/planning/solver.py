"""What planning asks of a solver of linear programmes: arrays in; status, primal and duals out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from zakhira.programme.series import Floats

Integers: TypeAlias = npt.NDArray[np.int32]


class SolverStatus(Enum):
    """The three answers that a solver may give. Anything else (a limit, a doubt) is an error of the adapter."""

    OPTIMAL = "optimal"
    INFEASIBLE = "infeasible"
    UNBOUNDED = "unbounded"


@dataclass(frozen=True)
class Rows:
    """Rows ``lower <= A x <= upper`` in compressed form: row ``i`` has ``columns[starts[i]:starts[i + 1]]``."""

    lower: Floats
    upper: Floats
    starts: Integers
    columns: Integers
    values: Floats


@dataclass(frozen=True)
class LinearProgram:
    """Maximise ``objective @ x`` subject to ``rows`` and ``lower <= x <= upper`` (infinite where there is no bound).

    ``whole`` [column], if given, is true where x must be a whole number.
    """

    objective: Floats
    lower: Floats
    upper: Floats
    rows: Rows
    whole: npt.NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class LinearSolution:
    """What came out. Without the status OPTIMAL the arrays are empty and the objective is NaN.

    ``duals`` [row] is what the objective gains from one more unit of the row's binding bound; with whole numbers there
    are none, and ``bound`` is then above the objective by the gap that the solver left.
    """

    status: SolverStatus
    objective: float
    primal: Floats
    duals: Floats
    bound: float = math.nan


class LinearModel(Protocol):
    """A loaded programme that keeps its basis, so that solving again after more rows is quick."""

    def add_rows(self, rows: Rows) -> None:
        """Add further rows below those that are there."""

    def solve(self) -> LinearSolution:
        """Solve to optimality, or tell that it is infeasible or unbounded."""


class LinearSolver(Protocol):
    """A solver. Every method may raise an error of the adapter if an option, a limit or a status is not as asked."""

    def load(self, program: LinearProgram) -> LinearModel:
        """Take a programme over."""


def rows_of(entries: Sequence[tuple[float, float, Sequence[tuple[int, float]]]]) -> Rows:
    """Rows from ``(lower, upper, [(column, value), ...])``."""
    lengths = [len(terms) for _, _, terms in entries]
    terms = [term for _, _, row in entries for term in row]
    return Rows(
        lower=np.array([entry[0] for entry in entries], dtype=np.float64),
        upper=np.array([entry[1] for entry in entries], dtype=np.float64),
        starts=np.concatenate(([0], np.cumsum(lengths))).astype(np.int32),
        columns=np.array([column for column, _ in terms], dtype=np.int32),
        values=np.array([value for _, value in terms], dtype=np.float64),
    )

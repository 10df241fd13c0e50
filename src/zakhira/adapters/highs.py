"""HiGHS as the solver of linear programmes: one thread, and every status and option checked (C15)."""

from __future__ import annotations

import math

import highspy
import numpy as np

from zakhira.kernel.errors import OutsideFailure
from zakhira.planning.solver import LinearModel, LinearProgram, LinearSolution, Rows, SolverStatus
from zakhira.programme.series import Floats


class OptionRefused(OutsideFailure):
    """HiGHS did not take an option, or took another value."""

    code = "ZK-HIGHS-001"


class ModelRefused(OutsideFailure):
    """HiGHS did not take the programme or its rows as they are."""

    code = "ZK-HIGHS-002"


class SolverStopped(OutsideFailure):
    """HiGHS ended without an answer: a limit, an interruption, or a status that is none of the three answers."""

    code = "ZK-HIGHS-003"


TOLERANCE = 1e-9
"""HiGHS's default of 1e-7, in millions of USD and on every cut, would blur an upper bound by a dollar."""
MIP_GAP_SHARE = 1e-7
"""The gap at which HiGHS may stop with whole numbers; its default of 1e-4 would be the whole certificate."""
DEFAULT_TIME_LIMIT_S = 300.0
"""Far above any programme seen (milliseconds to seconds): beyond it something is wrong."""


class HighsSolver:
    """Fulfils ``planning.solver.LinearSolver`` with HiGHS.

    One thread by default: two were eight times slower on a busy machine of two cores.

    Raises:
        OptionRefused: HiGHS does not know an option or its value.
    """

    def __init__(self, threads: int = 1, time_limit_s: float = DEFAULT_TIME_LIMIT_S) -> None:
        self.threads = threads
        self.time_limit_s = time_limit_s

    def load(self, program: LinearProgram) -> LinearModel:
        """Take a programme over.

        Raises:
            OptionRefused: an option was not taken.
            ModelRefused: the programme is malformed: a NaN, a column out of range.
        """
        highs = _QuietHighs()
        for name, value in (
            ("output_flag", False),
            ("threads", self.threads),
            ("time_limit", self.time_limit_s),
            ("random_seed", 0),
            ("solver", "choose" if program.whole is not None else "simplex"),
            ("mip_rel_gap", MIP_GAP_SHARE),
            ("mip_feasibility_tolerance", TOLERANCE),
            ("primal_feasibility_tolerance", TOLERANCE),
            ("dual_feasibility_tolerance", TOLERANCE),
        ):
            _set_option(highs, name, value)
        _require_ok(highs.passModel(_highs_lp(program)), "the programme")
        return _HighsModel(highs, len(program.objective), is_mixed=program.whole is not None)


class _QuietHighs(highspy.Highs):
    """HiGHS whose constructor prints no banner: it would enable its callbacks, and speak, before it can be silenced."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # its constructor alone has no annotation

    def enableCallbacks(self) -> highspy.HighsStatus:  # noqa: N802  # the library's spelling
        self.silent()
        status: highspy.HighsStatus = super().enableCallbacks()  # type: ignore[no-untyped-call]  # no annotation
        return status


class _HighsModel:
    """A programme inside HiGHS."""

    def __init__(self, highs: highspy.Highs, columns: int, *, is_mixed: bool) -> None:
        self._highs = highs
        self._columns = columns
        self._is_mixed = is_mixed

    def add_rows(self, rows: Rows) -> None:
        """Add rows. Raises ModelRefused if HiGHS does not take them as they are."""
        count = len(rows.lower)
        if count:
            _require_sound(rows, self._columns)
            status = self._highs.addRows(
                count, rows.lower, rows.upper, len(rows.values), rows.starts[:-1], rows.columns, rows.values
            )
            _require_ok(status, f"{count} rows")

    def solve(self) -> LinearSolution:
        """Solve. Raises SolverStopped unless the answer is optimal, infeasible or unbounded beyond doubt."""
        status = self._run()
        if status == highspy.HighsModelStatus.kUnboundedOrInfeasible:
            _set_option(self._highs, "presolve", "off")
            status = self._run()
            _set_option(self._highs, "presolve", "choose")
        if status == highspy.HighsModelStatus.kOptimal:
            return self._optimal()
        if status == highspy.HighsModelStatus.kModelEmpty:
            return self._nothing_to_choose()
        answers = {
            highspy.HighsModelStatus.kInfeasible: SolverStatus.INFEASIBLE,
            highspy.HighsModelStatus.kUnbounded: SolverStatus.UNBOUNDED,
        }
        if status not in answers:
            raise SolverStopped(
                f"HiGHS ended with {self._highs.modelStatusToString(status)!r}.",
                "Run it again with more time; if it stays, check the programme's figures for extreme sizes.",
            )
        return LinearSolution(answers[status], math.nan, np.empty(0), np.empty(0))

    def _run(self) -> highspy.HighsModelStatus:
        if self._highs.run() == highspy.HighsStatus.kError:
            raise SolverStopped("HiGHS reports an error.", "Check the programme's figures for extreme sizes.")
        return self._highs.getModelStatus()

    def _nothing_to_choose(self) -> LinearSolution:
        """Without columns every row is worth 0: that keeps its sides, or nothing can."""
        lp = self._highs.getLp()
        lower, upper = np.array(lp.row_lower_, dtype=np.float64), np.array(lp.row_upper_, dtype=np.float64)
        if (lower > 0).any() or (upper < 0).any():
            return LinearSolution(SolverStatus.INFEASIBLE, math.nan, np.empty(0), np.empty(0))
        return LinearSolution(SolverStatus.OPTIMAL, 0.0, np.empty(0), np.zeros(len(lower)), 0.0)

    def _optimal(self) -> LinearSolution:
        solution = self._highs.getSolution()
        if not (solution.value_valid and (solution.dual_valid or self._is_mixed)):
            raise SolverStopped("HiGHS says optimal but gives no valid solution.", "Report it to HiGHS.")
        info = self._highs.getInfo()
        objective = float(info.objective_function_value)
        bound = float(info.mip_dual_bound) if self._is_mixed else objective
        primal: Floats = np.array(solution.col_value, dtype=np.float64)
        duals: Floats = np.array([] if self._is_mixed else solution.row_dual, dtype=np.float64)
        return LinearSolution(SolverStatus.OPTIMAL, objective, primal, duals, bound)


def _set_option(highs: highspy.Highs, name: str, value: bool | float | str) -> None:  # noqa: FBT001  # HiGHS decides
    """Set an option and read it back: a refused or misspelt one must never pass."""
    status = highs.setOptionValue(name, value)
    read_status, read = highs.getOptionValue(name) if status == highspy.HighsStatus.kOk else (status, None)
    if read_status != highspy.HighsStatus.kOk or read != value:
        raise OptionRefused(f"HiGHS does not take {name} = {value!r}.", "Install the version in the requirements.")


def _require_ok(status: highspy.HighsStatus, what: str) -> None:
    if status != highspy.HighsStatus.kOk:
        raise ModelRefused(f"HiGHS does not take {what} without complaint.", "Check the figures for NaN and extremes.")


def _require_sound(rows: Rows, columns: int) -> None:
    """What HiGHS would drop or mend in silence."""
    inside = bool(((rows.columns >= 0) & (rows.columns < columns)).all())
    finite = bool(np.isfinite(rows.values).all() and not (np.isnan(rows.lower).any() or np.isnan(rows.upper).any()))
    if not (inside and finite):
        raise ModelRefused("A row has a NaN or a column that does not exist.", "Check the figures for NaN.")


def _highs_lp(program: LinearProgram) -> highspy.HighsLp:
    """The programme in HiGHS's own structure."""
    _require_sound(program.rows, len(program.objective))
    if not np.isfinite(program.objective).all() or np.isnan(program.lower).any() or np.isnan(program.upper).any():
        raise ModelRefused("The objective or a bound is not a number.", "Check the figures for NaN.")
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = len(program.objective), len(program.rows.lower)
    lp.sense_ = highspy.ObjSense.kMaximize
    lp.col_cost_, lp.col_lower_, lp.col_upper_ = program.objective, program.lower, program.upper
    if program.whole is not None:
        kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
        lp.integrality_ = [kinds[int(whole)] for whole in program.whole]
    lp.row_lower_, lp.row_upper_ = program.rows.lower, program.rows.upper
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_ = program.rows.starts
    lp.a_matrix_.index_ = program.rows.columns
    lp.a_matrix_.value_ = program.rows.values
    return lp

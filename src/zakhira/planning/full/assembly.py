"""A linear programme put together from arrays of columns, rows and terms."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array

from zakhira.planning.solver import LinearProgram, Rows
from zakhira.programme.series import Floats

Places = npt.NDArray[np.intp]
Shape = tuple[int, ...]


@dataclass
class Assembly:
    """Columns and rows as they come; indices are handed out in the shape that is asked for."""

    column_count: int = 0
    row_count: int = 0
    _bounds: list[tuple[Floats, Floats, npt.NDArray[np.bool_]]] = field(default_factory=list)
    _sides: list[tuple[Floats, Floats]] = field(default_factory=list)
    _values: list[tuple[Places, Floats]] = field(default_factory=list)
    _terms: list[tuple[Places, Places, Floats]] = field(default_factory=list)

    def columns(
        self, shape: Shape, upper: Floats | float = math.inf, lower: float = 0.0, *, whole: bool = False
    ) -> Places:
        """New columns of this shape; ``upper`` is broadcast to it."""
        size = math.prod(shape)
        top = np.broadcast_to(np.asarray(upper, dtype=np.float64), shape).ravel()
        self._bounds.append((np.full(size, lower), top, np.full(size, whole)))
        found = np.arange(self.column_count, self.column_count + size).reshape(shape)
        self.column_count += size
        return found

    def rows(self, shape: Shape, lower: Floats | float, upper: Floats | float) -> Places:
        """New rows of this shape; both sides are broadcast to it."""
        size = math.prod(shape)
        sides = [np.broadcast_to(np.asarray(side, dtype=np.float64), shape).ravel() for side in (lower, upper)]
        self._sides.append((sides[0], sides[1]))
        found = np.arange(self.row_count, self.row_count + size).reshape(shape)
        self.row_count += size
        return found

    def term(self, rows: Places, columns: Places, value: Floats | float = 1.0) -> None:
        """Add ``value`` x column to each row; the three are broadcast together."""
        row, column, number = np.broadcast_arrays(rows, columns, np.asarray(value, dtype=np.float64))
        kept = number != 0
        self._terms.append((row[kept], column[kept], number[kept]))

    def worth(self, columns: Places, value: Floats | float) -> None:
        """Add ``value`` to what one of each column adds to the objective."""
        place, number = np.broadcast_arrays(columns, np.asarray(value, dtype=np.float64))
        self._values.append((place.ravel(), number.ravel()))

    def forget_worths(self) -> None:
        """Set the objective to nothing."""
        self._values.clear()

    def program(self) -> LinearProgram:
        """The whole of it; terms of the same row and column are summed."""
        objective = np.zeros(self.column_count)
        for place, number in self._values:
            np.add.at(objective, place, number)
        lower, upper, whole = (np.concatenate([bound[k] for bound in self._bounds]) for k in range(3))
        return LinearProgram(objective, lower, upper, self._rows(), whole if whole.any() else None)

    def _rows(self) -> Rows:
        row, column, number = (np.concatenate([np.asarray(term[k]) for term in self._terms]) for k in range(3))
        matrix = coo_array((number, (row, column)), shape=(self.row_count, self.column_count)).tocsr()
        return Rows(
            lower=np.concatenate([side[0] for side in self._sides]),
            upper=np.concatenate([side[1] for side in self._sides]),
            starts=matrix.indptr.astype(np.int32),
            columns=matrix.indices.astype(np.int32),
            values=matrix.data,
        )

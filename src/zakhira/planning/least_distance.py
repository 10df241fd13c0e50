"""The nearest point of a polyhedron: least distance programming (Lawson and Hanson 1974, chapter 23)."""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls

from zakhira.programme.series import Floats

NOTHING = 1e-12
"""A residual below this means that the rows contradict one another."""
FINITE = 1e30
"""Floors below minus this bound nothing."""


def nearest(point: Floats, rows: Floats, floors: Floats) -> Floats | None:
    """The x >= 0 with ``rows @ x >= floors`` that lies nearest to ``point`` [column]; None if there is none.

    Rows are scaled to length 1 and the problem is turned into one of non-negative least squares.
    """
    length = np.linalg.norm(rows, axis=1)
    kept = (length > 0) & (floors > -FINITE)
    matrix = np.vstack([rows[kept] / length[kept, None], np.eye(len(point))])
    floor = np.concatenate([floors[kept] / length[kept], np.zeros(len(point))]) - matrix @ point
    size = max(1.0, float(np.abs(floor).max()))
    stacked = np.vstack([matrix.T, floor / size])
    wanted = np.zeros(len(point) + 1)
    wanted[-1] = 1.0
    try:
        multipliers, _ = nnls(stacked, wanted, maxiter=30 * stacked.shape[1])
    except RuntimeError:  # out of iterations
        return None
    residual = stacked @ multipliers - wanted
    if abs(residual[-1]) < NOTHING:
        return None
    found: Floats = np.maximum(point - size * residual[:-1] / residual[-1], 0.0)
    return found

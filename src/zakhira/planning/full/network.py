"""What an epoch's hashes earn where the network answers to us: a concave function under its tangents."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from zakhira.planning.full.assembly import Assembly, Places
from zakhira.planning.full.hours import HourColumns
from zakhira.planning.full.recourse import Recourse
from zakhira.planning.network_answer import NetworkAnswer
from zakhira.planning.problem import AllocationProblem, OperatingYear
from zakhira.planning.solver import Rows
from zakhira.programme.series import Floats

FIRST_WORK = (0.0, 0.001, 0.004, 0.015, 0.06, 0.25, 1.0)
"""The first tangents touch here, as our work over others'; further ones touch where the programme goes."""


@dataclass(frozen=True)
class Mined:
    """The epochs of a scenario's year, in units of the hashes of the most efficient class's MWh.

    ``work`` and ``earned`` [epoch] are columns: hashes, and the hashes that would earn the same if the first hash's
    revenue held for all; ``unit_hashes`` is the unit, ``value_musd`` [epoch] what one unit earned is worth.
    """

    network: NetworkAnswer
    work: Places
    earned: Places
    unit_hashes: float
    value_musd: Floats

    @property
    def others(self) -> Floats:
        """Others' hashes [epoch] in the unit."""
        return np.asarray(self.network.others_hashes[0] / self.unit_hashes, dtype=np.float64)

    def earned_at(self, work: Floats) -> Floats:
        """What ``work`` [epoch] earns in truth."""
        return np.asarray(self.others * self.network.share(work[None] * self.unit_hashes)[0], dtype=np.float64)

    def tangents(self, work: Floats) -> tuple[Floats, Floats]:
        """Height at no work and slope [epoch] of the tangents at ``work`` [epoch]."""
        at = work[None] * self.unit_hashes
        slope = (self.network.marginal_usd_per_hash(at) / self.network.first_usd_per_hash)[0]
        return self.earned_at(work) - slope * work, np.asarray(slope, dtype=np.float64)


def add_mined(
    recourse: Recourse,
    problem: AllocationProblem,
    year: OperatingYear,
    network: NetworkAnswer,
    columns: HourColumns,
    scale: float,
) -> Mined:
    """Work is the sum of the fleets' hashes over an epoch, and earns at most what each tangent says.

    ``network`` is this scenario's alone; some class of the year must be a fleet.
    """
    lp, epochs = recourse.lp, year.epochs.count
    hashes = np.array([problem.worths[position].hashes_per_mwh for position in year.classes])
    unit = float(hashes.max())
    work, earned = lp.columns((epochs,)), lp.columns((epochs,))
    sums = lp.rows((epochs,), 0.0, 0.0)
    lp.term(sums, work, 1.0)
    lp.term(sums[year.epochs.of_hours()], columns.use, -(hashes / unit)[:, None])
    value = scale * network.first_usd_per_hash[0] * unit
    recourse.worth(earned, value)
    mined = Mined(network, work, earned, unit, value)
    for share in FIRST_WORK:
        _add_tangents(lp, mined, share * mined.others)
    return mined


def _add_tangents(lp: Assembly, mined: Mined, work: Floats) -> None:
    height, slope = mined.tangents(work)
    rows = lp.rows(work.shape, -math.inf, height)
    lp.term(rows, mined.earned, 1.0)
    lp.term(rows, mined.work, -slope)


def tangent_rows(mined: tuple[Mined, ...], primal: Floats) -> Rows:
    """Further tangents, where a solution's work is."""
    heights, slopes = zip(*(each.tangents(np.maximum(primal[each.work], 0.0)) for each in mined), strict=True)
    earned = np.concatenate([each.earned for each in mined])
    work = np.concatenate([each.work for each in mined])
    slope = np.concatenate(slopes)
    return Rows(
        lower=np.full(len(earned), -math.inf),
        upper=np.concatenate(heights),
        starts=(2 * np.arange(len(earned) + 1)).astype(np.int32),
        columns=np.column_stack([earned, work]).ravel().astype(np.int32),
        values=np.column_stack([np.ones(len(slope)), -slope]).ravel(),
    )

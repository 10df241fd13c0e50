"""The value of megawatts in a zone whose order of service never changes: duration curves in place of hours.

Where every class may run the same share in all hours, class k reaches from R(k-1) to R(k) = sum of what runs of the
classes up to it, in the order of their values v. With F(k, R) = sum over slabs of (v(k) - cost)+ x (what of the slab
lies below R), the zone is worth the sum over k of F(k, R(k)) - F(k, R(k-1)), which is a sum of one concave function of
each R(k). Sorted ends of the slabs and running sums of their weights give it by one binary search.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from zakhira.planning.oracle import Look
from zakhira.programme.series import Floats

Places = npt.NDArray[np.intp]


@dataclass(frozen=True)
class WeightedEnds:
    """Sorted ends of slabs with running sums of each class's weights, and of weights times ends [class, end + 1]."""

    ends_mw: Floats
    weights: Floats
    moments: Floats

    def below(self, reach_mw: Floats, rows: Places) -> tuple[Floats, Floats]:
        """The sum of weight x min(end, reach) for the classes ``rows`` at their reaches, and how fast it grows."""
        place = np.searchsorted(self.ends_mw, reach_mw, "right")
        above = self.weights[rows, -1] - self.weights[rows, place]
        return self.moments[rows, place] + above * reach_mw, above


def weighted_ends(ends_mw: Floats, weights: Floats) -> WeightedEnds:
    """Sort the ends [slab] with the weights [class, slab]."""
    order = np.argsort(ends_mw)
    ends, sorted_weights = ends_mw[order], weights[:, order]
    nothing = np.zeros((len(weights), 1))
    return WeightedEnds(
        ends_mw=ends,
        weights=np.hstack([nothing, np.cumsum(sorted_weights, axis=1)]),
        moments=np.hstack([nothing, np.cumsum(sorted_weights * ends, axis=1)]),
    )


@dataclass(frozen=True)
class DurationOracle:
    """A zone's even hours, with a piece for each class in the order of service.

    ``share`` [class] of a granted MW runs, classes in their order; ``columns`` of the zone stand at ``steps`` of that
    order. ``lows`` is None where no slab lies above another one. ``count`` is how many columns there are in all.
    """

    share: Floats
    highs: WeightedEnds
    lows: WeightedEnds | None
    columns: Places
    steps: Places
    count: int
    scale: float

    @property
    def pieces(self) -> int:
        """One for each class."""
        return len(self.share)

    def look(self, power_mw: Floats) -> Look:
        """The operating value of MW [column]; capital is left out, and so is what a hall earns on firm supply."""
        classes = len(self.share)
        granted = np.bincount(self.steps, power_mw[self.columns], classes)
        reach = np.cumsum(granted * self.share)
        own, growth = self._below(reach, np.arange(classes))
        after, after_growth = self._below(reach[:-1], np.arange(1, classes))
        own[:-1] -= after
        growth[:-1] -= after_growth
        slopes = np.zeros((classes, self.count))
        held = self.steps[None, :] <= np.arange(classes)[:, None]
        slopes[:, self.columns] = np.where(held, growth[:, None] * self.share[self.steps], 0.0) * self.scale
        values = own * self.scale
        return Look(float(values.sum()), values - slopes @ power_mw, slopes)

    def _below(self, reach_mw: Floats, rows: Places) -> tuple[Floats, Floats]:
        value, growth = self.highs.below(reach_mw, rows)
        if self.lows is not None:
            under, less = self.lows.below(reach_mw, rows)
            value, growth = value - under, growth - less
        return value, growth


def duration_oracle(
    values_usd_per_mwh: Floats,
    share: Floats,
    ends_mw: tuple[Floats, Floats],
    cost_usd_per_mwh: Floats,
    columns: tuple[Places, Places],
    count: int,
    scale: float,
) -> DurationOracle:
    """Prepare slabs from ``ends_mw`` (low and high [slab]) for classes of these values and shares [class].

    ``columns`` are the zone's columns and the class of each.
    """
    order = np.argsort(-values_usd_per_mwh, kind="stable")
    step_of = np.empty_like(order)
    step_of[order] = np.arange(len(order))
    weights = np.maximum(values_usd_per_mwh[order][:, None] - cost_usd_per_mwh, 0.0)
    low_mw, high_mw = ends_mw
    stacked = low_mw > 0
    return DurationOracle(
        share=share[order],
        highs=weighted_ends(high_mw, weights),
        lows=weighted_ends(low_mw[stacked], weights[:, stacked]) if stacked.any() else None,
        columns=columns[0],
        steps=step_of[columns[1]],
        count=count,
        scale=scale,
    )

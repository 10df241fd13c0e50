"""The future as scenarios with weights: prices, others' hashrate, the price of GPU-hours, and the year of surplus."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from zakhira.kernel.errors import InvalidInput
from zakhira.programme.model import Programme
from zakhira.programme.series import Floats

Places: TypeAlias = npt.NDArray[np.intp]

WEIGHT_ROUNDING = 1e-9
"""Weights are sums of decimal fractions: they may miss 1 by the rounding of binary numbers."""


class OutlookNotPossible(InvalidInput):
    """Weights do not sum to one, a figure is not a number or not above 0, or shapes do not belong together."""

    code = "ZK-PLANNING-006"


@dataclass(frozen=True)
class Outlook:
    """Scenarios of one or several years of work, by epoch.

    ``weights`` [scenario] sum to 1; ``surplus_year`` [scenario] is a position among the programme's years of surplus;
    ``btc_usd`` and ``others_eh_per_s`` [scenario, phase, epoch]; ``gpu_factor`` [scenario] multiplies the rent of a
    GPU-hour.

    Raises:
        OutlookNotPossible: see there.
    """

    weights: Floats
    surplus_year: Places
    btc_usd: Floats
    others_eh_per_s: Floats
    gpu_factor: Floats

    def __post_init__(self) -> None:
        count = len(self.weights)
        shapes = {self.surplus_year.shape, self.gpu_factor.shape} == {(count,)}
        if not shapes or count == 0 or self.btc_usd.shape != self.others_eh_per_s.shape or len(self.btc_usd) != count:
            raise OutlookNotPossible(
                "The scenarios' figures have different counts.", "Give each scenario every figure."
            )
        for name, values in (
            ("price", self.btc_usd),
            ("hashrate", self.others_eh_per_s),
            ("GPU factor", self.gpu_factor),
        ):
            if not (np.isfinite(values).all() and (values > 0).all()):
                raise OutlookNotPossible(f"A {name} is not a number above 0.", "Look for empty cells, zeroes and NaN.")
        total = float(self.weights.sum())
        if not (self.weights >= 0).all() or not abs(total - 1.0) <= WEIGHT_ROUNDING:
            raise OutlookNotPossible(f"The weights sum to {total:.9g}.", "Give weights of at least 0 that sum to 1.")

    @property
    def count(self) -> int:
        """How many scenarios."""
        return len(self.weights)

    def of_phase(self, phase: int) -> Outlook:
        """The same scenarios with this phase's figures alone."""
        cut = slice(phase, phase + 1)
        return replace(self, btc_usd=self.btc_usd[:, cut], others_eh_per_s=self.others_eh_per_s[:, cut])


def certain_outlook(programme: Programme, epochs: int, years: tuple[int, ...] = (0,)) -> Outlook:
    """One scenario: the programme's prices and network as they stand, its own year of surplus.

    Phases some ``years`` later have the prices and the network that the drifts of ``[planning]`` lead to by then.
    """
    later = np.array(years, dtype=np.float64)[None, :, None]
    shape = (1, len(years), epochs)
    price = programme.prices.btc_usd * np.exp(programme.planning.btc_drift_per_year * later)
    others = programme.network.hashrate_eh_per_s * np.exp(programme.planning.hashrate_drift_per_year * later)
    return Outlook(
        weights=np.ones(1),
        surplus_year=np.zeros(1, dtype=np.intp),
        btc_usd=np.broadcast_to(price, shape),
        others_eh_per_s=np.broadcast_to(others, shape),
        gpu_factor=np.ones(1),
    )

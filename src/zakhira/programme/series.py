"""The hourly series of a programme as validated arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from zakhira.kernel.interval import HourRange

Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Series:
    """Hourly data by zone, aligned with ``zones`` and ``hours``; nothing is missing, NaN or negative.

    ``surplus_mw`` [zone, hour, block] at the plant's bus; ``cost_pkr_per_mwh`` [zone, hour, block], ascending over the
    blocks of an hour; ``ambient_c`` [zone, hour].
    """

    zones: tuple[str, ...]
    hours: HourRange
    surplus_mw: Floats
    cost_pkr_per_mwh: Floats
    ambient_c: Floats

    def window(self, hours: HourRange) -> Series:
        """The same series cut to ``hours``, which must lie inside."""
        first = self.hours.index_of(hours.start)
        assert 0 <= first <= self.hours.count - hours.count, "the window lies outside the series"
        cut = slice(first, first + hours.count)
        return Series(self.zones, hours, self.surplus_mw[:, cut], self.cost_pkr_per_mwh[:, cut], self.ambient_c[:, cut])

"""The allocation problem with coupled hours as plain arrays, and the answer to it with its two bounds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from zakhira.kernel.errors import InvalidInput
from zakhira.programme.series import Floats

Indices = npt.NDArray[np.intp]


class CoupledMalformed(InvalidInput):
    """The arrays of a coupled problem do not fit together, or hold a figure that cannot be."""

    code = "ZK-PLANNING-041"


@dataclass(frozen=True)
class Link:
    """A line between the zones at two positions: ``limit_mw`` sent each way, ``loss_share`` of it lost."""

    zone_a: int
    zone_b: int
    limit_mw: float
    loss_share: float


@dataclass(frozen=True)
class Battery:
    """A battery at a zone's plug. Charging 1 MWh stores ``charge_share``; 1 MWh stored gives ``discharge_share``."""

    zone: int
    power_mw: float
    energy_mwh: float
    charge_share: float
    discharge_share: float


@dataclass(frozen=True)
class CoupledProblem:
    """Maximise the net value of capacities ``x`` [column] in MW and of their hourly use, in USD a year.

    The value is ``base @ x + sum over hours of year_scale * (values of the use - costs of the surplus taken)``. In each
    zone and hour the use by class stays within ``run_share * (sum of x of that zone and class)``, the surplus taken
    within its blocks, and what flows into the plug equals what flows out.

    Shapes: ``base_usd_per_mw``, ``column_zone``, ``column_class`` [column]; ``value_usd_per_mwh`` [class, hour];
    ``run_share`` [zone, class, hour]; ``surplus_mw``, ``cost_usd_per_mwh`` [zone, block, hour] at the plug;
    ``year_scale`` [hour] in hours a year that the hour stands for (probability times years may be in it);
    ``limit_rows`` [limit, column] and ``limit_capacity`` [limit] for ``limit_rows @ x <= limit_capacity``.
    ``chain_starts`` are the first hours of stretches (surplus years, scenarios): in each, batteries end as they began.

    Raises:
        CoupledMalformed: shapes differ, a figure is not finite, a share is outside 0 to 1, a position does not exist.
    """

    base_usd_per_mw: Floats
    column_zone: Indices
    column_class: Indices
    value_usd_per_mwh: Floats
    run_share: Floats
    surplus_mw: Floats
    cost_usd_per_mwh: Floats
    year_scale: Floats
    limit_rows: Floats
    limit_capacity: Floats
    links: tuple[Link, ...] = ()
    batteries: tuple[Battery, ...] = ()
    chain_starts: tuple[int, ...] = (0,)

    def __post_init__(self) -> None:
        zones, classes, hours = self.run_share.shape
        columns, blocks = len(self.base_usd_per_mw), self.surplus_mw.shape[1]
        self._require_shapes(zones, classes, hours, columns, blocks)
        for name in _FINITE:
            if not np.isfinite(getattr(self, name)).all():
                raise CoupledMalformed(f"{name} holds a figure that is not finite.", _MEND)
        for name in ("run_share", "surplus_mw", "year_scale"):
            if (getattr(self, name) < 0).any():
                raise CoupledMalformed(f"{name} holds {getattr(self, name).min()}, below 0.", _MEND)
        if not (_inside(self.column_zone, zones) and _inside(self.column_class, classes)):
            raise CoupledMalformed("A column lies in a zone or class that does not exist.", _MEND)
        starts = self.chain_starts
        if not (starts and starts[0] == 0 and all(a < b for a, b in zip(starts, (*starts[1:], hours), strict=True))):
            raise CoupledMalformed(f"chain_starts are {starts}: not ascending from 0 within {hours} hours.", _MEND)
        self._require_devices(zones)

    def _require_shapes(self, zones: int, classes: int, hours: int, columns: int, blocks: int) -> None:
        wanted = {
            "column_zone": (columns,),
            "column_class": (columns,),
            "value_usd_per_mwh": (classes, hours),
            "surplus_mw": (zones, blocks, hours),
            "cost_usd_per_mwh": (zones, blocks, hours),
            "year_scale": (hours,),
            "limit_rows": (len(self.limit_capacity), columns),
        }
        for name, shape in wanted.items():
            found = getattr(self, name).shape
            if found != shape:
                raise CoupledMalformed(f"{name} has the shape {found} instead of {shape}.", _MEND)

    def _require_devices(self, zones: int) -> None:
        for link in self.links:
            ends_exist = 0 <= link.zone_a < zones and 0 <= link.zone_b < zones and link.zone_a != link.zone_b
            if not (ends_exist and 0 <= link.limit_mw < np.inf and 0 <= link.loss_share < 1):
                raise CoupledMalformed(f"{link} cannot be.", "Give two zones, a limit of at least 0, a loss below 1.")
        for battery in self.batteries:
            shares = 0 < battery.charge_share <= 1 and 0 < battery.discharge_share <= 1
            sizes = 0 <= battery.power_mw < np.inf and 0 <= battery.energy_mwh < np.inf
            if not (0 <= battery.zone < zones and shares and sizes):
                raise CoupledMalformed(f"{battery} cannot be.", "Give a zone, sizes of at least 0, shares in (0, 1].")
        if len({battery.zone for battery in self.batteries}) < len(self.batteries):
            raise CoupledMalformed("A zone has two batteries.", "Join them into one.")

    @property
    def chain_ends(self) -> tuple[int, ...]:
        """The hour behind the last of each stretch."""
        return (*self.chain_starts[1:], self.run_share.shape[2])

    def capacity_mw(self, x_mw: Floats) -> Floats:
        """MW by zone and class of MW by column."""
        zones, classes, _ = self.run_share.shape
        total = np.zeros((zones, classes))
        np.add.at(total, (self.column_zone, self.column_class), x_mw)
        return total


class Ending(Enum):
    """Why a search ended. The bounds hold in each case; only CLOSED says that they are as near as was asked."""

    CLOSED = "closed"
    INTERRUPTED = "interrupted"
    STALLED = "stalled"
    ROUNDS = "rounds"


@dataclass(frozen=True)
class CoupledAnswer:
    """The best capacities found, and what they are worth: ``lower_usd <= optimum <= upper_usd``, in USD a year.

    ``x_mw`` [column]; ``lower_usd`` is the value of the use given here, ``upper_usd`` a Lagrangian bound at
    ``price_usd_per_mwh`` [zone, hour]. ``limit_duals_usd`` [limit] is what one more unit of a limit is worth a year;
    ``use_mwh`` [zone, class] and ``flow_mwh`` [link, direction a to b or b to a] are sums over the hours by their
    year_scale; ``use_mw`` [class, hour] is the use of all zones; ``link_rent_usd_per_mw`` [link] is what one more MW of
    a link is worth a year. ``residual_mw`` is the largest amount by which a balance fails to close by rounding; its
    worth is taken off ``lower_usd``.
    """

    x_mw: Floats
    lower_usd: float
    upper_usd: float
    rounds: int
    ending: Ending
    limit_duals_usd: Floats
    price_usd_per_mwh: Floats
    use_mwh: Floats
    flow_mwh: Floats
    use_mw: Floats
    link_rent_usd_per_mw: Floats
    residual_mw: float
    seconds: float | None

    @property
    def gap_share(self) -> float:
        """The bounds' distance relative to the upper bound, or to 1 USD where that is more."""
        return (self.upper_usd - self.lower_usd) / max(abs(self.upper_usd), 1.0)


_FINITE = (
    "base_usd_per_mw",
    "value_usd_per_mwh",
    "run_share",
    "surplus_mw",
    "cost_usd_per_mwh",
    "year_scale",
    "limit_rows",
    "limit_capacity",
)
_MEND = "Report it with the programme's folder."


def _inside(positions: Indices, count: int) -> bool:
    return bool(((positions >= 0) & (positions < count)).all())

"""The price taker's problem as a PyPSA network whose plain ``n.optimize()`` has the same optimum.

Zones are buses at the plug, blocks of surplus generators, batteries storage units, lines a link each way. A column (a
class at a site) is an extendable link that takes power away: with a carrier of its own and ``length`` 1, so that
PyPSA's limits on the volume of links are limits on megawatts, and its limit on their cost is the capital budget.
``capital_cost`` is the capital of a MW, and ``fom_cost`` is what makes of it the yearly value of a MW without surplus.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from zakhira.adapters.pypsa.library import Frame, Network, load_pandas, load_pypsa, quiet
from zakhira.kernel.errors import InvalidInput
from zakhira.planning.coupled.problem import CoupledProblem
from zakhira.programme.series import Floats

Flags: TypeAlias = npt.NDArray[np.bool_]

USED = "used"
"""The bus at which power is used: nothing arrives there."""
SURPLUS, LINE, BATTERY = "surplus", "line", "battery"
"""Carriers. Each column has one of its own, named as the column."""
SAME_SHARE = 1e-12
"""Coefficients of a limit that differ by less are the same figure, rounded twice."""


class LimitNotExpressible(InvalidInput):
    """PyPSA has no such limit: two limits weigh a class differently, or a name has a comma or a bracket."""

    code = "ZK-PYPSA-002"


class StretchesNotExpressible(InvalidInput):
    """Hours in several stretches (surplus years, scenarios) are no single PyPSA network."""

    code = "ZK-PYPSA-003"


@dataclass(frozen=True)
class ZoneLabel:
    """A zone's name and place."""

    name: str
    latitude_deg: float
    longitude_deg: float


@dataclass(frozen=True)
class Labels:
    """What the arrays of a problem stand for, in its order; ``start`` is the first hour in UTC."""

    name: str
    start: datetime
    zones: tuple[ZoneLabel, ...]
    columns: tuple[str, ...]
    limits: tuple[str, ...]


def network_of(problem: CoupledProblem, labels: Labels) -> Network:
    """Build the network. Minus its objective is the problem's value in USD a year.

    Raises:
        PypsaMissing: PyPSA is not installed.
        LimitNotExpressible, StretchesNotExpressible: the problem has no network.
    """
    if len(problem.chain_starts) > 1:
        raise StretchesNotExpressible(
            f"The hours are {len(problem.chain_starts)} stretches.", "Write one surplus year without scenarios."
        )
    limits = _Limits.of(problem, labels)
    pypsa = load_pypsa()
    with quiet():
        network: Network = pypsa.Network(name=labels.name)
        _add_hours(network, problem, labels)
        carriers = [SURPLUS, LINE, BATTERY, USED, *labels.columns]
        network.add("Carrier", carriers)
        names = [zone.name for zone in labels.zones]
        x, y = [zone.longitude_deg for zone in labels.zones], [zone.latitude_deg for zone in labels.zones]
        network.add("Bus", names, x=x, y=y)
        network.add("Bus", USED, carrier=USED)
        _add_surplus(network, problem, names)
        _add_columns(network, problem, labels, limits.weights)
        _add_lines(network, problem, names)
        _add_batteries(network, problem, names)
        limits.add_to(network, labels)
    return network


def _add_hours(network: Network, problem: CoupledProblem, labels: Labels) -> None:
    """Hourly snapshots in UTC. What an hour counts for in a year weighs money, never the hour of a battery."""
    pandas = load_pandas()
    hours = problem.run_share.shape[2]
    network.set_snapshots(pandas.date_range(labels.start.replace(tzinfo=None), periods=hours, freq="h"))
    weights = {"objective": problem.year_scale, "stores": np.ones(hours), "generators": problem.year_scale}
    network.snapshot_weightings = pandas.DataFrame(weights, index=network.snapshots)


def _add_surplus(network: Network, problem: CoupledProblem, names: list[str]) -> None:
    """A generator for each block that ever has power."""
    most_mw = problem.surplus_mw.max(axis=2, initial=0.0)
    blocks = [(int(zone), int(block)) for zone, block in np.argwhere(most_mw > 0)]
    shares = [problem.surplus_mw[block] / most_mw[block] for block in blocks]
    labels = [f"{names[zone]} block {block + 1}" for zone, block in blocks]
    network.add(
        "Generator",
        labels,
        bus=[names[zone] for zone, _ in blocks],
        carrier=SURPLUS,
        p_nom=[float(most_mw[block]) for block in blocks],
        p_max_pu=_by_hour(network, labels, shares),
        marginal_cost=_by_hour(network, labels, [problem.cost_usd_per_mwh[block] for block in blocks]),
    )


def _add_columns(network: Network, problem: CoupledProblem, labels: Labels, weights: Floats) -> None:
    """A column is a link from its zone to nowhere."""
    places = [(int(zone), int(kind)) for zone, kind in zip(problem.column_zone, problem.column_class, strict=True)]
    network.add(
        "Link",
        labels.columns,
        bus0=[labels.zones[zone].name for zone, _ in places],
        bus1=USED,
        efficiency=0.0,
        carrier=list(labels.columns),
        length=1.0,
        p_nom_extendable=True,
        p_max_pu=_by_hour(network, labels.columns, [problem.run_share[place] for place in places]),
        marginal_cost=_by_hour(network, labels.columns, [-problem.value_usd_per_mwh[kind] for _, kind in places]),
        capital_cost=weights,
        fom_cost=-problem.base_usd_per_mw - weights,
    )


def _add_lines(network: Network, problem: CoupledProblem, names: list[str]) -> None:
    """A link each way; what enters it is limited, and its loss is lost on the way."""
    ends = [
        (number, link, *pair)
        for number, link in enumerate(problem.links, 1)
        for pair in ((link.zone_a, link.zone_b), (link.zone_b, link.zone_a))
    ]
    network.add(
        "Link",
        [f"line {number} {names[start]} to {names[end]}" for number, _, start, end in ends],
        bus0=[names[start] for _, _, start, _ in ends],
        bus1=[names[end] for _, _, _, end in ends],
        carrier=LINE,
        efficiency=[1.0 - link.loss_share for _, link, _, _ in ends],
        p_nom=[link.limit_mw for _, link, _, _ in ends],
    )


def _add_batteries(network: Network, problem: CoupledProblem, names: list[str]) -> None:
    batteries = [battery for battery in problem.batteries if battery.power_mw > 0]
    network.add(
        "StorageUnit",
        [f"{names[battery.zone]} battery" for battery in batteries],
        bus=[names[battery.zone] for battery in batteries],
        carrier=BATTERY,
        p_nom=[battery.power_mw for battery in batteries],
        max_hours=[battery.energy_mwh / battery.power_mw for battery in batteries],
        efficiency_store=[battery.charge_share for battery in batteries],
        efficiency_dispatch=[battery.discharge_share for battery in batteries],
        cyclic_state_of_charge=True,
    )


def _by_hour(network: Network, names: Sequence[str], values: list[Floats]) -> Frame | list[float]:
    """Values [name][hour] as PyPSA takes them: one figure for each name where no hour differs, else a table."""
    if all((row == row[0]).all() for row in values):
        return [float(row[0]) for row in values]
    return load_pandas().DataFrame(np.array(values).T, index=network.snapshots, columns=list(names))


@dataclass(frozen=True)
class _Limits:
    """Limits as (name, mask [column], sense, constant): on plain sums of MW, and on sums weighed by ``weights``.

    ``weights`` [column] are what limits such as a budget weigh the columns by; zeros where no such limit is.
    """

    sums: tuple[tuple[str, Flags, str, float], ...]
    weights: Floats
    weighted: tuple[tuple[str, Flags, str, float], ...]

    @classmethod
    def of(cls, problem: CoupledProblem, labels: Labels) -> _Limits:
        """Sort the limits into what PyPSA can say.

        Raises:
            LimitNotExpressible: two limits weigh a column differently, or a name would be cut.
        """
        for name in labels.columns:
            if set(name) & set(",[]()") or name != name.strip():
                raise LimitNotExpressible(f"The name {name!r} has a comma, a bracket or a blank at its end.", _RENAME)
        sums: list[tuple[str, Flags, str, float]] = []
        weighted: list[tuple[str, Flags, str, float]] = []
        weights = np.zeros(len(labels.columns))
        for name, row, capacity in zip(labels.limits, problem.limit_rows, problem.limit_capacity, strict=True):
            mask = row != 0
            if not mask.any() or not np.isfinite(capacity):
                continue
            first = float(row[mask][0])
            if np.abs(row[mask] - first).max() <= SAME_SHARE * abs(first):
                sums.append((name, mask, "<=" if first > 0 else ">=", float(capacity / first)))
                continue
            if (mask & (weights != 0) & (weights != row)).any():
                others = " and ".join([*(other for other, *_ in weighted), name])
                raise LimitNotExpressible(f"The limits {others} weigh a class differently.", "Leave one of them out.")
            weights = np.where(mask, row, weights)
            weighted.append((name, mask, "<=", float(capacity)))
        return cls(tuple(sums), weights, tuple(weighted))

    def add_to(self, network: Network, labels: Labels) -> None:
        """Add them all, in the order of their kinds."""
        kinds = {"transmission_volume_expansion_limit": self.sums, "transmission_expansion_cost_limit": self.weighted}
        for kind, limits in kinds.items():
            for name, mask, sense, constant in limits:
                carriers = ", ".join(column for column, used in zip(labels.columns, mask, strict=True) if used)
                network.add(
                    "GlobalConstraint", name, type=kind, carrier_attribute=carriers, sense=sense, constant=constant
                )


_RENAME = "Give it another name."

"""The surplus of a solved PyPSA network: what its generators could have made beyond what they did, by bus and hour."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zakhira.adapters.pypsa.hours import hours_of
from zakhira.adapters.pypsa.library import Frame, Network, load_pypsa, quiet
from zakhira.adapters.pypsa.lines import NetworkLine, lines_between
from zakhira.energy.cost_blocks import cost_blocks
from zakhira.kernel.errors import InvalidInput
from zakhira.kernel.interval import HourRange
from zakhira.programme.series import Floats

ELECTRIC = ("AC", "DC")
"""Carriers of buses that carry power. Fuel has generators as well, at buses of its own."""
NOISE_MW = 1e-4
"""Unused capacity below 100 W is what a solver leaves by rounding ..."""
NOISE_SHARE = 1e-6
"""... and so is this share of a generator's capacity."""
ABOVE_CAPACITY_SHARE = 1e-3
"""A generator that runs so far above its capacity was not solved with it."""
LARGEST_MW = 1e6
"""More than any grid: such a generator stands for shed load or for an unlimited market."""
MOST_LONGITUDE_DEG, MOST_LATITUDE_DEG = 180.0, 90.0


class NetworkUnreadable(InvalidInput):
    """The file is not there, or is no PyPSA network in netCDF."""

    code = "ZK-PYPSA-010"


class NetworkWithoutSolution(InvalidInput):
    """The network was not optimised: no dispatch is in it."""

    code = "ZK-PYPSA-011"


class NetworkNotANumber(InvalidInput):
    """A figure of a generator is not a number, not finite, or larger than any grid."""

    code = "ZK-PYPSA-012"


class NetworkOfAnotherKind(InvalidInput):
    """The network has investment periods, scenarios or piecewise costs."""

    code = "ZK-PYPSA-013"


class DispatchAboveCapacity(InvalidInput):
    """A generator runs above its capacity: dispatch and capacities are not of one solution."""

    code = "ZK-PYPSA-014"


class NoSurplus(InvalidInput):
    """No generator has unused capacity below the cost."""

    code = "ZK-PYPSA-015"


class PlaceNotPossible(InvalidInput):
    """A bus's x and y are no longitude and latitude."""

    code = "ZK-PYPSA-016"


@dataclass(frozen=True)
class NetworkZone:
    """A bus with surplus."""

    bus: str
    latitude_deg: float
    longitude_deg: float


@dataclass(frozen=True)
class NetworkSurplus:
    """Unused available capacity by bus: ``power_mw`` and ``cost_per_mwh`` [bus, block, hour], cost ascending.

    The cost is in the network's own money. ``generators`` were counted; ``notes`` say what was left out.
    """

    name: str
    zones: tuple[NetworkZone, ...]
    hours: HourRange
    power_mw: Floats
    cost_per_mwh: Floats
    lines: tuple[NetworkLine, ...]
    generators: int
    notes: tuple[str, ...]


def read_network(path: Path) -> Network:
    """Read a network from netCDF.

    Raises:
        PypsaMissing: PyPSA is not installed.
        NetworkUnreadable: there is no such file, or it is none.
    """
    if not path.is_file():
        raise NetworkUnreadable(f"{path} is not a file.", "Name a network written by export_to_netcdf.")
    pypsa = load_pypsa()
    try:
        with quiet():
            return pypsa.Network(str(path))
    except (OSError, RuntimeError, ValueError, KeyError, AttributeError, TypeError) as error:
        # What PyPSA raises depends on how the file is damaged, or on what else it is.
        reason = str(error).partition("\n")[0] or type(error).__name__
        message = f"{path} cannot be read as a PyPSA network: {reason}."
        raise NetworkUnreadable(message, "Write it with export_to_netcdf, to a name that ends in .nc.") from None


def surplus_of(
    network: Network,
    cost_below: float,
    most_blocks: int,
    time_zone: str = "UTC",
    carriers: tuple[str, ...] = ELECTRIC,
) -> NetworkSurplus:
    """Find the surplus of generators at buses of ``carriers`` whose energy costs less than ``cost_below``.

    A generator that must not run below a minimum is counted from nothing; costs that rise with the output count at
    the middle of what is unused.

    Raises:
        NetworkOfAnotherKind, NetworkWithoutSolution, NetworkNotANumber, DispatchAboveCapacity, NoSurplus,
        PlaceNotPossible: see there; or the errors of ``hours_of``.
    """
    _require_plain(network)
    hours = hours_of(list(network.snapshots), time_zone)
    static = network.generators
    electric = network.buses.index[network.buses.carrier.isin(carriers)]
    counted = static.index[static.bus.isin(electric) & static.active & (static.sign > 0)]
    unused_mw, cost = _unused(network, counted)
    cheap_mw = np.where(cost < cost_below, unused_mw, 0.0)
    used = np.flatnonzero(cheap_mw.sum(axis=1) > 0)
    if not len(used):
        raise NoSurplus(
            f"None of {len(counted)} generators has unused capacity that costs less than {cost_below:g}.",
            "Raise --cost-below, or name the buses that carry power with --bus-carrier.",
        )
    _require_real(counted[used], cheap_mw[used])
    buses = static.bus[counted].to_numpy()[used]
    names = [name for name in network.buses.index if name in set(buses)]
    blocks = [cost_blocks(cheap_mw[used[buses == bus]], cost[used[buses == bus]], most_blocks) for bus in names]
    power_mw, cost_per_mwh = _padded(blocks)
    return NetworkSurplus(
        name=str(network.name or "PyPSA network"),
        zones=tuple(_zone(network, bus) for bus in names),
        hours=hours,
        power_mw=power_mw,
        cost_per_mwh=cost_per_mwh,
        lines=lines_between(network, names),
        generators=len(used),
        notes=_notes(network, len(static) - len(counted), names, carriers),
    )


def _require_plain(network: Network) -> None:
    """One year without scenarios, optimised, with one figure for a generator's cost.

    Raises:
        NetworkOfAnotherKind, NetworkWithoutSolution: it is not.
    """
    kinds = {
        "investment periods": len(network.investment_periods) > 0,
        "scenarios": bool(network.has_scenarios),
        "piecewise costs": network.c.generators.has_piecewise("marginal_cost"),
    }
    for kind, there in kinds.items():
        if there:
            raise NetworkOfAnotherKind(f"The network has {kind}.", "Give a network of one year with plain costs.")
    solved = (network.generators_t.p, network.buses_t.marginal_price, network.buses_t.p)
    if all(frame.shape[1] == 0 for frame in solved):
        raise NetworkWithoutSolution("The network holds no dispatch.", "Run n.optimize() and export it again.")


def _unused(network: Network, names: Frame) -> tuple[Floats, Floats]:
    """Capacity available and not used, and what its energy costs, both [generator, hour].

    Raises:
        NetworkNotANumber, DispatchAboveCapacity: see there.
    """
    static = network.generators.loc[names]
    nominal_mw = np.where(static.p_nom_extendable, static.p_nom_opt, static.p_nom).astype(np.float64)[:, None]
    share = _by_hour(network, "p_max_pu", names)
    made_mw = network.generators_t.p.reindex(columns=names, fill_value=0.0).to_numpy().T
    marginal, quadratic = _by_hour(network, "marginal_cost", names), _by_hour(network, "marginal_cost_quadratic", names)
    figures = {"p_nom_opt": nominal_mw, "p_max_pu": share, "p": made_mw, "marginal_cost": marginal + quadratic}
    for what, values in figures.items():
        _require_numbers(network, names, what, values)
    most_mw = nominal_mw * share
    above = made_mw - most_mw > NOISE_MW + ABOVE_CAPACITY_SHARE * np.abs(nominal_mw)
    if above.any():
        row, hour = np.argwhere(above)[0]
        message = f"The generator {names[row]!r} makes {made_mw[row, hour]:g} MW of {most_mw[row, hour]:g} MW"
        raise DispatchAboveCapacity(f"{message} at {network.snapshots[hour]}.", "Optimise it again and export it.")
    unused_mw = np.where(most_mw - made_mw > NOISE_MW + NOISE_SHARE * nominal_mw, most_mw - made_mw, 0.0)
    return unused_mw, marginal + quadratic * (most_mw + made_mw)


def _by_hour(network: Network, attribute: str, names: Frame) -> Floats:
    """An attribute of generators [generator, hour], whether it changes or not."""
    table: Floats = network.get_switchable_as_dense("Generator", attribute)[names].to_numpy().T
    return table


def _require_numbers(network: Network, names: Frame, what: str, values: Floats) -> None:
    bad = ~np.isfinite(values)
    if bad.any():
        row, hour = np.argwhere(bad)[0]
        when = f" at {network.snapshots[hour]}" if values.shape[1] > 1 else ""
        raise NetworkNotANumber(
            f"{what} of the generator {names[row]!r}{when} is {values[row, hour]:g}.",
            "Give each generator finite figures, or switch it off (active = False).",
        )


def _require_real(names: Frame, unused_mw: Floats) -> None:
    """Raises NetworkNotANumber for a generator larger than any grid."""
    largest = int(unused_mw.max(axis=1).argmax())
    if unused_mw[largest].max() > LARGEST_MW:
        message = (
            f"The generator {names[largest]!r} has {unused_mw[largest].max():g} MW unused, more than any grid has."
        )
        raise NetworkNotANumber(message, "Lower --cost-below beneath its cost, or switch it off (active = False).")


def _padded(blocks: list[tuple[Floats, Floats]]) -> tuple[Floats, Floats]:
    """Blocks of every bus as [bus, block, hour]; those that a bus does not have are empty and cost as its last."""
    most = max(len(mw) for mw, _ in blocks)
    power = [np.concatenate((mw, np.zeros((most - len(mw), mw.shape[1])))) for mw, _ in blocks]
    cost = [np.concatenate((cost, np.repeat(cost[-1:], most - len(cost), axis=0))) for _, cost in blocks]
    return np.array(power), np.array(cost)


def _zone(network: Network, bus: str) -> NetworkZone:
    """A bus with its place. Raises PlaceNotPossible if x and y are none."""
    longitude, latitude = float(network.buses.x[bus]), float(network.buses.y[bus])
    if not (abs(longitude) <= MOST_LONGITUDE_DEG and abs(latitude) <= MOST_LATITUDE_DEG):  # a NaN is refused with it
        raise PlaceNotPossible(
            f"The bus {bus!r} lies at x = {longitude:g}, y = {latitude:g}.",
            "Give x as the longitude and y as the latitude in degrees.",
        )
    return NetworkZone(bus, latitude, longitude)


def _notes(network: Network, left_out: int, names: list[str], carriers: tuple[str, ...]) -> tuple[str, ...]:
    notes = []
    if left_out:
        words = " or ".join(carriers)
        notes.append(f"{left_out} generators were left out: not active, a load, or at a bus that is not {words}.")
    if len(network.storage_units):
        notes.append("Storage is not counted, nor is water that it spills.")
    nowhere = sum(network.buses.x[bus] == 0 and network.buses.y[bus] == 0 for bus in names)
    if nowhere:
        notes.append(f"{nowhere} of {len(names)} zones have no place in the network: they lie at 0, 0.")
    return tuple(notes)

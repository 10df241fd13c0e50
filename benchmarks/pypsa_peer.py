"""PyPSA with HiGHS as the peer of the plan: the same instance, from arrays in memory to the answer.

    python benchmarks/pypsa_peer.py {separable,derated,coupled} [--hours N] [--zones N] [--seed N] [--options NAME]

The network is the one that a PyPSA user would write: generators with ``sign=-1`` as flexible load, limits on their
capacities as extra constraints. Loading PyPSA does not count; building its network and model does. Each run has a
process of its own, so that its peak memory is its own. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import importlib
import json
import logging
import multiprocessing
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import plan_instances
from benchmarks.plan_instances import Instance

OPTIONS: Mapping[str, Mapping[str, object]] = {
    "simplex": {"solver": "simplex"},
    "ipm": {"solver": "ipm"},
    "ipm-no-crossover": {"solver": "ipm", "run_crossover": "off"},
    "ipm-no-crossover-tight": {"solver": "ipm", "run_crossover": "off", "ipm_optimality_tolerance": 1e-10},
}
"""HiGHS as a user may set it. Without crossover the default tolerance of 1e-8 is looser than a vertex."""
FASTEST: Mapping[str, str] = {"separable": "ipm", "derated": "ipm", "coupled": "ipm-no-crossover"}
"""What took the least time of the processor: on the full year for the first two, on a third (730 h) for the last.

On the full year simplex had no answer for the separable case after 900 s; the derated case takes the same time with
and without crossover. All of them agreed to 5e-8 or better.
"""
MUSD = 1e6
KIB_PER_GB = 1e6 / 1.024


class PypsaAnswer(NamedTuple):
    """The value in USD a year; seconds by the clock; peak memory; and seconds of the processor, for a busy machine."""

    objective_usd: float
    seconds: float
    peak_gb: float
    cpu_seconds: float


class PeerFailed(RuntimeError):
    """PyPSA gave no optimal answer."""


def pypsa_answer(instance: Instance, options: str | Mapping[str, object] = "ipm") -> PypsaAnswer:
    """Build and solve in a new process, with options of HiGHS or their name in ``OPTIONS``.

    Raises:
        PeerFailed: the status is not ("ok", "optimal"), or the process died.
    """
    chosen = OPTIONS[options] if isinstance(options, str) else options
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_child, args=(instance, dict(chosen), sender))
    child.start()
    sender.close()
    try:
        answer = receiver.recv()
    except EOFError:
        raise PeerFailed("The process of the peer died.") from None
    finally:
        child.join()
    if isinstance(answer, str):
        raise PeerFailed(answer)
    return PypsaAnswer(*answer)


def _child(instance: Instance, options: dict[str, object], sender: Connection) -> None:
    """Solve and send the answer, or a sentence on why there is none."""
    warnings.simplefilter("ignore")
    pypsa = importlib.import_module("pypsa")  # takes seconds: only the child pays for it
    logging.disable(logging.WARNING)
    pypsa.options.api.legacy_string_dtype = False
    clock, processor = time.perf_counter(), time.process_time()
    network = peer_network(instance)
    status = network.optimize(
        solver_name="highs",
        io_api="direct",
        include_objective_constant=False,
        extra_functionality=limits_of(instance),
        solver_options={"output_flag": False, **options},
    )
    seconds, cpu_seconds = time.perf_counter() - clock, time.process_time() - processor
    refused = _refused(network.model.solver_model, options)
    if tuple(status) != ("ok", "optimal") or refused:
        sender.send(refused or f"PyPSA ended with {status}.")
        return
    sender.send((-float(network.objective) * MUSD, seconds, _peak_gb(), cpu_seconds))


def _refused(highs: Any, options: Mapping[str, object]) -> str:  # noqa: ANN401  # highspy has no types here
    """Why an answer is not that of the options: linopy passes what HiGHS refuses, and HiGHS solves by other means."""
    for name, value in options.items():
        _, read = highs.getOptionValue(name)
        if read != value:
            return f"HiGHS did not take {name} = {value!r}."
    interior = options.get("solver") in {"ipm", "ipx", "hipo"}
    if interior and highs.getInfo().ipm_iteration_count <= 0:
        return f"HiGHS made no interior point iterations with {options}."
    return ""


def peer_network(instance: Instance) -> Any:  # noqa: ANN401  # PyPSA is not there for everybody: its type has no name
    """The instance as a PyPSA network, in millions of USD."""
    pandas, pypsa = importlib.import_module("pandas"), importlib.import_module("pypsa")
    network = pypsa.Network()
    network.set_snapshots(pandas.date_range("2026-01-01", periods=instance.hours, freq="h"))
    weight = np.full(instance.hours, instance.year_scale / MUSD)
    network.snapshot_weightings = pandas.DataFrame(
        {"objective": weight, "stores": np.ones(instance.hours), "generators": np.ones(instance.hours)},
        index=network.snapshots,
    )
    zones = [f"z{zone}" for zone in range(instance.zones)]
    network.add("Bus", zones)

    def table(values: Any, names: list[str]) -> Any:  # noqa: ANN401  # any array
        return pandas.DataFrame(np.reshape(values, (len(names), -1)).T, index=network.snapshots, columns=names)

    blocks = instance.surplus_mw.shape[1]
    names = [f"{zone} block {block}" for zone in zones for block in range(blocks)]
    most_mw = instance.surplus_mw.max(axis=2)
    network.add(
        "Generator",
        names,
        bus=np.repeat(zones, blocks),
        p_nom=most_mw.ravel(),
        p_max_pu=table(instance.surplus_mw / most_mw[:, :, None], names),
        marginal_cost=table(instance.cost_usd_per_mwh, names),
    )
    columns = [f"{zone} class {kind}" for zone in zones for kind in range(instance.classes)]
    same = bool((instance.run_share == instance.run_share[:, :, :1]).all())
    network.add(
        "Generator",
        columns,
        bus=np.repeat(zones, instance.classes),
        sign=-1.0,
        p_nom_extendable=True,
        p_max_pu=instance.run_share[:, :, 0].ravel() if same else table(instance.run_share, columns),
        marginal_cost=-np.tile(instance.value_usd_per_mwh, instance.zones),
        capital_cost=np.tile(instance.charge_usd_per_mw, instance.zones) / MUSD,
    )
    _add_lines_and_batteries(network, instance, zones)
    return network


def _add_lines_and_batteries(network: Any, instance: Instance, zones: list[str]) -> None:  # noqa: ANN401  # see above
    ends = [(link, *pair) for link in instance.links for pair in (("zone_a", "zone_b"), ("zone_b", "zone_a"))]
    network.add(
        "Link",
        [f"line {number}" for number in range(len(ends))],
        bus0=[zones[getattr(link, start)] for link, start, _ in ends],
        bus1=[zones[getattr(link, end)] for link, _, end in ends],
        efficiency=[1.0 - link.loss_share for link, _, _ in ends],
        p_nom=[link.limit_mw for link, _, _ in ends],
    )
    network.add(
        "StorageUnit",
        [f"{zones[battery.zone]} battery" for battery in instance.batteries],
        bus=[zones[battery.zone] for battery in instance.batteries],
        p_nom=[battery.power_mw for battery in instance.batteries],
        max_hours=[battery.energy_mwh / battery.power_mw for battery in instance.batteries],
        efficiency_store=[battery.charge_share for battery in instance.batteries],
        efficiency_dispatch=[battery.discharge_share for battery in instance.batteries],
        cyclic_state_of_charge=True,
    )


def limits_of(instance: Instance) -> Callable[[Any, Any], None]:
    """The cap and the budget, as PyPSA takes constraints of a user's own."""

    def add(network: Any, _snapshots: Any) -> None:  # noqa: ANN401  # PyPSA's protocol
        xarray = importlib.import_module("xarray")
        capacity = network.model.variables["Generator-p_nom"]
        names = capacity.indexes[capacity.dims[0]]
        capital = dict(zip(_columns(instance), np.tile(instance.capital_usd_per_mw, instance.zones), strict=True))
        weights = xarray.DataArray([capital[name] / MUSD for name in names], coords=[names], dims=capacity.dims)
        network.model.add_constraints(capacity.sum() <= instance.cap_mw, name="cap")
        network.model.add_constraints((weights * capacity).sum() <= instance.budget_usd / MUSD, name="budget")

    return add


def _columns(instance: Instance) -> list[str]:
    return [f"z{zone} class {kind}" for zone in range(instance.zones) for kind in range(instance.classes)]


def _peak_gb() -> float:
    """The most memory that this process ever held, as Linux counts it."""
    text = Path("/proc/self/status").read_text(encoding="ascii")
    return int(text.partition("VmHWM:")[2].split()[0]) / KIB_PER_GB


def main() -> int:
    """Solve one instance and print."""
    parser = argparse.ArgumentParser(description="Time PyPSA with HiGHS on an instance of the allocation.")
    parser.add_argument("case", choices=("separable", "derated", "coupled"))
    parser.add_argument("--hours", type=int)
    parser.add_argument("--zones", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--options", choices=tuple(OPTIONS), help="else the fastest known")
    arguments = parser.parse_args()
    options = arguments.options or FASTEST[arguments.case]
    size = {"hours": arguments.hours} if arguments.hours else {}
    make: Callable[..., Instance] = getattr(plan_instances, arguments.case)
    instance = make(arguments.seed, arguments.zones, **size)
    answer = pypsa_answer(instance, options)
    what = f"{instance.name}: {instance.zones} zones, {instance.classes} classes, {instance.hours} hours"
    print(f"{what}, {options}: {answer.objective_usd:,.2f} USD a year")
    print(f"{answer.seconds:.2f} s, {answer.cpu_seconds:.2f} s of the processor, {answer.peak_gb:.2f} GB")
    print(json.dumps({"benchmark": "pypsa_peer", "case": arguments.case, "options": options, **answer._asdict()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())

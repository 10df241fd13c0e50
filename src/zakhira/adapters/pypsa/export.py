"""``zakhira plan --to-pypsa``: a programme's plan as a PyPSA network on disk."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from zakhira.adapters.pypsa.library import Network, quiet
from zakhira.adapters.pypsa.network import Labels, ZoneLabel, network_of
from zakhira.kernel.errors import InvalidInput, OutsideFailure
from zakhira.planning.coupled.problem import CoupledProblem
from zakhira.planning.price_taker import coupled_problem, limit_names
from zakhira.planning.problem import AllocationProblem, build_problem
from zakhira.programme.model import Programme
from zakhira.programme.series import Series

ENDING = ".nc"
UNLIMITED = 1e6
"""The dictionary's word for a grid without a limit."""
META = "zakhira"
USD_PER_MUSD = 1e6


class NetworkNameNotPossible(InvalidInput):
    """A network is written to a name that ends in .nc."""

    code = "ZK-PYPSA-004"


class NetworkNotWritten(OutsideFailure):
    """The disk or its permissions do not let the network be written."""

    code = "ZK-PYPSA-005"


@dataclass(frozen=True)
class WrittenNetwork:
    """What was written, and what of the programme is not in it."""

    path: Path
    hours: int
    columns: int
    limits: int
    left_out: tuple[str, ...]


def programme_network(programme: Programme, series: Series) -> Network:
    """The programme's plan as a price taker, as a network. Minus its objective is the plan's value in USD a year.

    Raises:
        The errors of ``build_problem`` and of ``network_of``.
    """
    problem = build_problem(programme, series)
    arrays = _budget_in_usd(coupled_problem(programme, series, problem), problem)
    labels = Labels(
        name=programme.name,
        start=series.hours.start,
        zones=tuple(ZoneLabel(zone.id, zone.latitude_deg, zone.longitude_deg) for zone in programme.zones),
        columns=tuple(f"{column.site.id} {problem.worths[column.worth].class_id}" for column in problem.columns),
        limits=limit_names(problem),
    )
    network = network_of(arrays, labels)
    network.meta = {
        META: {
            "programme": programme.id,
            "digest": programme.digest,
            "objective": "minus the value of the plan in USD a year",
            "left_out": list(left_out(programme)),
        }
    }
    return network


def write_network(programme: Programme, series: Series, path: Path) -> WrittenNetwork:
    """Write :func:`programme_network` as netCDF; a file of that name is replaced whole.

    Raises:
        NetworkNameNotPossible, NetworkNotWritten; or the errors of ``programme_network``.
    """
    if path.suffix != ENDING:
        raise NetworkNameNotPossible(f"{path} does not end in {ENDING}.", f"Call it {path.with_suffix(ENDING).name}.")
    network = programme_network(programme, series)
    draft = path.with_name(f".{path.name}.new{ENDING}")
    try:
        with quiet():
            network.export_to_netcdf(str(draft))
        draft.replace(path)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise NetworkNotWritten(f"{path} cannot be written: {reason}.", "Look at disk and permissions.") from None
    finally:
        draft.unlink(missing_ok=True)
    columns, limits = int(network.links.p_nom_extendable.sum()), len(network.global_constraints)
    return WrittenNetwork(path, len(network.snapshots), columns, limits, left_out(programme))


def left_out(programme: Programme) -> tuple[str, ...]:
    """What the programme says and a network of linear generators and links does not hold, in sentences."""
    planning = programme.planning
    modules_mw = [unit.module_mw for unit in programme.machines] + [unit.module_mw for unit in programme.halls]
    found = {
        f"response {planning.response}: the network is a price taker's": planning.response != "none",
        f"objective {planning.objective}: the network maximises value": planning.objective != "value",
        "that no licensee may lose: only the sum counts": planning.licensee_losses == "refused",
        "risk: the network has no scenarios": planning.risk_weight > 0,
        "whole modules: capacities are continuous": any(mw > 0 for mw in modules_mw),
        "fixed costs of sites": any(site.fixed_cost_usd_per_year > 0 for site in programme.sites),
        "phases: the network is one year": bool(programme.phases),
        "other surplus years: the network has the year of reference": bool(programme.surplus_years),
        "limits of firm supply": any(zone.firm_limit_mw < UNLIMITED for zone in programme.zones),
        "backup of halls": bool(programme.backups),
    }
    return tuple(words for words, there in found.items() if there)


def _budget_in_usd(arrays: CoupledProblem, problem: AllocationProblem) -> CoupledProblem:
    """Limits of money in USD, as a network's costs are."""
    unit = [USD_PER_MUSD if limit.unit == "million USD" else 1.0 for limit in problem.limits]
    scale = np.array(unit + [1.0] * (len(arrays.limit_capacity) - len(unit)))
    return replace(arrays, limit_rows=arrays.limit_rows * scale[:, None], limit_capacity=arrays.limit_capacity * scale)

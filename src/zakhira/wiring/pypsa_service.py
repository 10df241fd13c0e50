"""PyPSA both ways: ``zakhira surplus from-pypsa``, and the price taker's problem written as a network."""

from __future__ import annotations

import secrets
from pathlib import Path

import numpy as np

from zakhira.adapters.programme_folder import load_programme
from zakhira.adapters.pypsa.export import write_network
from zakhira.adapters.pypsa.solved import NetworkSurplus, read_network, surplus_of
from zakhira.adapters.pypsa.surplus_programme import Money, WrittenProgramme, write_programme
from zakhira.cli.answer import Answer, Table
from zakhira.cli.services import NetworkImport
from zakhira.kernel.canonical import Json


def from_network(order: NetworkImport) -> Answer:
    """Find the surplus of a solved network and write a programme with it."""
    found = surplus_of(read_network(order.network), order.cost_below, order.blocks, order.time_zone, order.bus_carriers)
    money = Money(order.usd_per_unit, order.pkr_per_usd)
    written = write_programme(order.out, found, money, f"drill {secrets.token_hex(8)}", order.time_zone)
    zones = _zone_facts(written)
    total_gwh = sum(float(str(zone["energy_mwh"])) for zone in zones) / 1000
    facts: dict[str, Json] = {
        "files": [str(path) for path in written.files],
        "generators": found.generators,
        "hours": found.hours.count,
        "lines": len(found.lines),
        "zones": zones,
        "notes": list(_notes(found, order)),
    }
    table = Table(
        f"Surplus of {found.name}",
        ("zone", "mean MW", "most MW", "GWh", "PKR/MWh"),
        tuple(
            (
                str(zone["zone"]),
                f"{zone['mean_mw']:,.1f}",
                f"{zone['most_mw']:,.1f}",
                f"{float(str(zone['energy_mwh'])) / 1000:,.1f}",
                f"{zone['cost_pkr_per_mwh']:,.0f}",
            )
            for zone in zones
        ),
        right=(1, 2, 3, 4),
        notes=_notes(found, order),
    )
    sentence = f"{total_gwh:,.1f} GWh of surplus in {len(zones)} zones. Next: zakhira check {order.out}"
    return Answer((table,), facts, sentence)


def plan_to_network(folder: Path, path: Path) -> Answer:
    """Write the plan of a programme as a PyPSA network, and say what it leaves out."""
    programme, series = load_programme(folder)
    written = write_network(programme, series, path)
    facts: dict[str, Json] = {
        "file": str(path),
        "hours": written.hours,
        "columns": written.columns,
        "limits": written.limits,
        "left_out": list(written.left_out),
    }
    rows = (("hours", f"{written.hours:,}"), ("columns", f"{written.columns:,}"), ("limits", f"{written.limits:,}"))
    notes = (
        "n.optimize() maximises the value of the plan: its objective is minus that value in USD a year.",
        *(f"Not in the network: {words}." for words in written.left_out),
    )
    table = Table("What the network holds", ("part", "count"), rows, right=(1,), notes=notes)
    return Answer((table,), facts, f"The plan of {programme.name} as a PyPSA network is in {path}.")


def _zone_facts(written: WrittenProgramme) -> list[dict[str, Json]]:
    rows: list[dict[str, Json]] = []
    for index, zone in enumerate(written.zones):
        mw, cost = written.series.surplus_mw[index], written.series.cost_pkr_per_mwh[index]
        rows.append(
            {
                "zone": zone,
                "mean_mw": float(mw.sum(axis=1).mean()),
                "most_mw": float(mw.sum(axis=1).max()),
                "energy_mwh": float(mw.sum()),
                "cost_pkr_per_mwh": float(np.average(cost, weights=mw)),
            }
        )
    return rows


def _notes(found: NetworkSurplus, order: NetworkImport) -> tuple[str, ...]:
    below = f" that cost less than {order.cost_below:g} a MWh" if np.isfinite(order.cost_below) else ""
    return (
        f"Unused available capacity of {found.generators} generators{below}.",
        *found.notes,
        "Lines carry what they can, not what the network's own flows leave of it.",
        "The air is taken to have 25 C at all hours: bring the temperatures with `zakhira series import`.",
    )

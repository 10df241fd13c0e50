"""A programme folder out of the surplus of a network; everything that no network knows is that of the scaffold."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from zakhira.adapters.power_system_files import AMBIENT_FILE, SURPLUS_FILE, ambient_parquet, surplus_parquet
from zakhira.adapters.programme_folder import PROGRAMME_FILE, load_dictionary
from zakhira.adapters.programme_scaffold import scaffold_files, write_files
from zakhira.adapters.pypsa.lines import NetworkLine
from zakhira.adapters.pypsa.solved import NetworkSurplus
from zakhira.kernel.errors import Faults, InvalidInput
from zakhira.kernel.interval import HourRange, utc_text
from zakhira.programme.series import Series
from zakhira.programme.validation import parse_programme
from zakhira.programme.value import MAX_ID, MAX_TEXT

AMBIENT_C = 25.0
"""No network knows the air's temperature: mild everywhere until a planner says otherwise [E]."""
SCAFFOLD_CAP_MW = 120.0
"""The scaffold's allocation, which its budget and its classes' limits go with."""
LARGEST_MW = 1e6
_REPLACED = ("programme", "zone", "link", "licensee", "site")
_LICENSEE = "operator"


class CostNotPossible(InvalidInput):
    """A generator's cost in rupees is beyond what a series may hold."""

    code = "ZK-PYPSA-030"


class NoWholeDay(InvalidInput):
    """The snapshots hold no whole local day, which a programme's run starts with."""

    code = "ZK-PYPSA-031"


@dataclass(frozen=True)
class Money:
    """What a unit of the network's money is worth in USD, and a USD in rupees; 0: the scaffold's rate."""

    usd_per_unit: float = 1.0
    pkr_per_usd: float = 0.0


@dataclass(frozen=True)
class WrittenProgramme:
    """The files written, the programme file first; zones by id, with the surplus that stands in the series."""

    files: tuple[Path, ...]
    zones: tuple[str, ...]
    series: Series


def write_programme(
    folder: Path, surplus: NetworkSurplus, money: Money, phrase: str, time_zone: str = "UTC"
) -> WrittenProgramme:
    """Write a programme that `zakhira check` accepts into ``folder``, which must be new or empty.

    Raises:
        CostNotPossible, NoWholeDay: the surplus fits no programme.
        Faults: a figure of the network is outside the data dictionary.
        FolderNotEmpty, ScaffoldNotWritten: the folder.
    """
    scaffold = scaffold_files(phrase)
    rate = money.pkr_per_usd or _scaffold_rate(scaffold[PROGRAMME_FILE])
    ids = _ids([zone.bus for zone in surplus.zones])
    series = _series(surplus, ids, money.usd_per_unit * rate)
    text = "\n\n".join(_paragraphs(scaffold[PROGRAMME_FILE], surplus, series, money, time_zone)) + "\n"
    programme, faults = parse_programme(text.encode(), PROGRAMME_FILE, load_dictionary())
    if programme is None:
        raise Faults(faults)
    contents: dict[str, str | bytes] = {
        PROGRAMME_FILE: text,
        SURPLUS_FILE: surplus_parquet(series),
        AMBIENT_FILE: ambient_parquet(series),
        "trust.keys": scaffold["trust.keys"],
    }
    return WrittenProgramme(tuple(write_files(folder, contents)), ids, series)


def _scaffold_rate(text: str) -> float:
    found = re.search(r"^pkr_per_usd = \{ value = ([0-9.]+)", text, re.MULTILINE)
    assert found is not None, "the scaffold has an exchange rate"
    return float(found[1])


def _ids(names: list[str]) -> tuple[str, ...]:
    """A short name for each bus: small letters, digits and hyphens, each once."""
    ids: list[str] = []
    for name in names:
        plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[: MAX_ID - 8].strip("-") or "bus"
        number, candidate = 1, plain
        while candidate in ids:
            number += 1
            candidate = f"{plain}-{number}"
        ids.append(candidate)
    return tuple(ids)


def _series(surplus: NetworkSurplus, ids: tuple[str, ...], pkr_per_unit: float) -> Series:
    """The arrays of a programme, [zone, hour, block] in rupees.

    Raises:
        CostNotPossible: see there.
    """
    cost = np.swapaxes(surplus.cost_per_mwh, 1, 2) * pkr_per_unit
    attribute = load_dictionary().table("surplus series").attribute("cost_pkr_per_mwh")
    assert attribute is not None, "the dictionary has the cost of surplus"
    for extreme in (float(cost.min()), float(cost.max())):
        if not attribute.admits(extreme):
            raise CostNotPossible(f"A block costs {extreme:,.0f} PKR/MWh.", f"Costs are {attribute.range_text}.")
    ambient = np.full(cost.shape[:2], AMBIENT_C)
    return Series(ids, surplus.hours, np.ascontiguousarray(np.swapaxes(surplus.power_mw, 1, 2)), cost, ambient)


def _paragraphs(scaffold: str, surplus: NetworkSurplus, series: Series, money: Money, time_zone: str) -> Iterator[str]:
    """The scaffold's tables, with those of the network in place of its own."""
    most_mw = [min(float(math.ceil(mw)), LARGEST_MW) for mw in series.surplus_mw.sum(axis=2).max(axis=1)]
    cap_mw = min(math.fsum(most_mw), LARGEST_MW)
    placed: set[str] = set()
    for paragraph in scaffold.rstrip("\n").split("\n\n"):
        header = re.search(r"^\[+([a-z._]+)", paragraph, re.MULTILINE)
        table = header[1] if header else ""
        if table not in _REPLACED:
            yield _adapted(table, paragraph, cap_mw / SCAFFOLD_CAP_MW, money)
        elif table not in placed:
            placed.add(table)
            yield from _replacement(table, surplus, series, most_mw, cap_mw, time_zone)


def _adapted(table: str, paragraph: str, scale: float, money: Money) -> str:
    """A table of the scaffold with files, limits, budget and exchange rate of this programme."""
    if table == "series":
        return paragraph.replace("series/surplus.csv", SURPLUS_FILE).replace("series/ambient.csv", AMBIENT_FILE)
    if table in {"machine", "hall"}:
        return _scaled(paragraph, "limit_mw", scale)
    if table == "prices":
        paragraph = _scaled(paragraph, "capital_budget_usd", scale)
        rate = f"pkr_per_usd = {money.pkr_per_usd:.10g}"
        return re.sub(r"^pkr_per_usd = .*$", rate, paragraph, flags=re.MULTILINE) if money.pkr_per_usd else paragraph
    return paragraph


def _scaled(paragraph: str, key: str, scale: float) -> str:
    pattern = rf"^{key} = ([0-9.]+)"
    return re.sub(pattern, lambda found: f"{key} = {float(found[1]) * scale:.6g}", paragraph, flags=re.MULTILINE)


def _replacement(
    table: str, surplus: NetworkSurplus, series: Series, most_mw: list[float], cap_mw: float, time_zone: str
) -> Iterator[str]:
    """The tables of the network of one kind."""
    if table == "programme":
        yield _head(surplus.name, series.hours, cap_mw, time_zone)
    elif table == "licensee":
        yield (
            f'# One company for all; share the quota out as you license it.\n[[licensee]]\nid = "{_LICENSEE}"\n'
            f'name = "Operator"\nquota_mw = {cap_mw:.10g}\npool = "pool-a"\nroyalty_share = 0.1\nrent_share = 0.05'
        )
    elif table == "link":
        places = {zone.bus: name for zone, name in zip(surplus.zones, series.zones, strict=True)}
        yield from (_link(line, places) for line in surplus.lines)
    else:
        for zone, name, mw in zip(surplus.zones, series.zones, most_mw, strict=True):
            if table == "zone":
                yield (
                    f'[[zone]]\nid = "{name}"\nname = {_text(zone.bus)}\nlatitude_deg = {zone.latitude_deg:.6f}\n'
                    f"longitude_deg = {zone.longitude_deg:.6f}\ngrid_node = {_text(zone.bus)}\nmax_mw = {mw:.10g}"
                )
            else:
                yield f'[[site]]\nid = "{name}"\nlicensee = "{_LICENSEE}"\nzone = "{name}"\nconnection_mw = {mw:.10g}'


def _head(name: str, hours: HourRange, cap_mw: float, time_zone: str) -> str:
    return (
        f"# Written from the surplus of a solved PyPSA network: zones, lines and series are its own.\n"
        f"# The air is taken to have {AMBIENT_C:g} C at all hours [E]; what else no network knows is an example's.\n"
        f'[programme]\nformat_version = 1\nid = "{_ids([name])[0]}"\nname = {_text(name)}\ntime_zone = "{time_zone}"\n'
        f'horizon_start = "{utc_text(hours.start)}"\nhorizon_hours = {hours.count}\n'
        f'run_start = "{utc_text(_first_midnight(hours, time_zone))}"\ncap_mw = {cap_mw:.10g}\nchain = "regtest"'
    )


def _link(line: NetworkLine, places: dict[str, str]) -> str:
    loss = "" if line.loss_share is None else f"\nloss_share = {line.loss_share:.6g}"
    ends = f'from_zone = "{places[line.bus_a]}"\nto_zone = "{places[line.bus_b]}"'
    return f"[[link]]\n{ends}\nlimit_mw = {line.limit_mw:.10g}{loss}"


def _text(name: str) -> str:
    """A name as a TOML string: a JSON string of printable characters is one."""
    printable = "".join(letter if letter.isprintable() else " " for letter in name).strip()
    return json.dumps(printable[:MAX_TEXT] or "bus", ensure_ascii=False)


def _first_midnight(hours: HourRange, time_zone: str) -> datetime:
    """The first local midnight with a day left behind it. Raises NoWholeDay if there is none."""
    zone = ZoneInfo(time_zone)
    day = hours.start.astimezone(zone).date()
    while True:
        midnight = datetime.combine(day, time(0), zone).astimezone(UTC)
        if midnight + timedelta(days=1) > hours.end:
            first = utc_text(hours.start)
            raise NoWholeDay(f"{hours.count} hours from {first} hold no whole day of {time_zone}.", "Give more hours.")
        if midnight >= hours.start:
            return midnight
        day += timedelta(days=1)

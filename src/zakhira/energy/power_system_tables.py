"""Reads the tables of a power system into typed facts; every fault is collected with its file, line and column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace

import numpy as np

from zakhira.energy.power_system import (
    REGIONS,
    Limit,
    Plant,
    PowerSystem,
    PublishedFigure,
    SystemFigures,
    SystemMonths,
    SystemYear,
    SystemZone,
    Technology,
)
from zakhira.energy.power_system_reader import MISSING_FIGURE, TWICE, Table, TableReader, unit_of
from zakhira.kernel.errors import Faults
from zakhira.programme.series import Floats

HOURS = 24
QUANTITIES = ("month_gwh", "year_percent", "profile_mw")
BASES = ("scaled", "fitted", "result")
TOTAL = "total"
SUBJECT_HOURS = tuple(str(hour) for hour in range(HOURS))
LEAST_PUBLISHED = 1e-6
"""A difference is a share of the published figure, which therefore cannot be 0."""
_PLANT_ATTRIBUTES = ("cost_offset_pkr_per_kwh", "fuel_limit_share")
_TECHNOLOGY_ATTRIBUTES = tuple(field.name for field in fields(Technology) if field.name != "id")
_SYSTEM_ATTRIBUTES = tuple(field.name for field in (*fields(SystemFigures), *fields(SystemMonths)))


def _read_plants(reader: TableReader, zones: Sequence[str]) -> tuple[Plant, ...]:
    file = "plants.csv"
    plants = []
    for row in reader.rows[file]:
        cells = row.cells
        capacity_mw = reader.number(file, row, "capacity_mw")
        reader.provenance(file, row, f"{cells['plant']}.capacity_mw", capacity_mw, "MW")
        plants.append(
            Plant(
                cells["plant"],
                cells["name"],
                reader.reference(file, row, "zone", ("", *zones)),
                cells["node"],
                reader.reference(file, row, "region", REGIONS),
                cells["technology"],
                int(reader.number(file, row, "unit_count", 1, 1000)) or 1,
                capacity_mw,
                reader.constant(cells["plant"], "cost_offset_pkr_per_kwh"),
                reader.by_month(cells["plant"], "fuel_limit_share"),
            )
        )
    return tuple(plants)


def _read_technologies(reader: TableReader) -> tuple[Technology, ...]:
    names = dict.fromkeys(row.cells["technology"] for row in reader.rows["plants.csv"])
    return tuple(
        Technology(
            name,
            min_load_share=reader.constant(name, "min_load_share"),
            planned_days=reader.constant(name, "planned_days"),
            forced_outage_share=reader.constant(name, "forced_outage_share"),
            forced_days=reader.constant(name, "forced_days"),
            variable_om_pkr_per_kwh=reader.constant(name, "variable_om_pkr_per_kwh"),
            headroom_cost_share=reader.constant(name, "headroom_cost_share"),
            must_take_share=reader.by_month(name, "must_take_share"),
            fuel_pkr_per_kwh=reader.by_month(name, "fuel_pkr_per_kwh"),
            available_share=reader.by_month(name, "available_share"),
        )
        for name in names
    )


def _read_zones(reader: TableReader) -> tuple[SystemZone, ...]:
    file = "zones.csv"
    zones = []
    for row in reader.rows[file]:
        limits = {"latitude_deg": 90.0, "summer_max_c": 60.0, "winter_max_c": 60.0, "day_range_c": 40.0}
        values = [reader.number(file, row, column, -high, high) for column, high in limits.items()]
        for column, value in zip(limits, values, strict=True):
            reader.provenance(file, row, f"{row.cells['zone']}.{column}", value, unit_of(column))
        zones.append(SystemZone(row.cells["zone"], reader.reference(file, row, "region", REGIONS), *values))
    return tuple(zones)


def _read_shapes(reader: TableReader) -> tuple[Floats, Floats]:
    file = "demand_shape.csv"
    rows = {row.cells["hour"]: row for row in reader.rows[file]}
    shapes = np.ones((2, HOURS))
    for hour in range(HOURS):
        row = rows.get(str(hour))
        if row is None:
            if reader.rows[file]:
                reader.fault(MISSING_FIGURE, file, 0, "hour", f"Hour {hour} is missing.", "Give the hours 0 to 23.")
            continue
        for index, column in enumerate(("winter_share", "summer_share")):
            shapes[index, hour] = reader.number(file, row, column, 0.01, 10.0) or 1.0
            reader.provenance(file, row, f"shape.{column}.{hour}", shapes[index, hour], "share")
    winter, summer = shapes / shapes.mean(axis=1, keepdims=True)
    return winter, summer


def _read_limits(reader: TableReader, nodes: Sequence[str]) -> tuple[tuple[Limit, ...], tuple[Limit, ...]]:
    file = "transmission.csv"
    limits = []
    for row in reader.rows[file]:
        known = REGIONS if row.cells["to"] else nodes
        limit_mw = reader.number(file, row, "limit_mw")
        reader.provenance(file, row, f"{row.cells['id']}.limit_mw", limit_mw, "MW")
        if row.cells["to"]:
            reader.reference(file, row, "to", REGIONS)
        limits.append(Limit(row.cells["id"], reader.reference(file, row, "from", known), row.cells["to"], limit_mw))
    lines = tuple(limit for limit in limits if limit.to_node)
    return lines, tuple(limit for limit in limits if not limit.to_node)


def _read_published(reader: TableReader) -> tuple[PublishedFigure, ...]:
    file = "published.csv"
    subjects = (TOTAL, *dict.fromkeys(row.cells["technology"] for row in reader.rows["plants.csv"]))
    published = []
    for row in reader.rows[file]:
        cells = row.cells
        reader.reference(file, row, "quantity", QUANTITIES)
        reader.reference(file, row, "basis", BASES)
        reader.reference(file, row, "period", ("",) if cells["quantity"] == "year_percent" else reader.months)
        reader.reference(file, row, "subject", SUBJECT_HOURS if cells["quantity"] == "profile_mw" else subjects)
        value = reader.number(file, row, "value", LEAST_PUBLISHED)
        reader.provenance(file, row, f"published.{cells['label']}", value, cells["unit"])
        published.append(
            PublishedFigure(
                cells["quantity"],
                cells["subject"],
                cells["period"],
                cells["label"],
                cells["unit"],
                value,
                cells["basis"],
                reader.number(file, row, "tolerance_share"),
                cells["tag"],
                cells["source"],
                cells["date"],
            )
        )
    return tuple(published)


def _read_years(reader: TableReader) -> tuple[SystemYear, ...]:
    file = "years.csv"
    reader.unique(file, lambda row: row.cells["year"])
    limits = {"hydro_factor": 3.0, "demand_factor": 3.0, "solar_factor": 10.0, "weight_share": 1.0}
    years = []
    for row in reader.rows[file]:
        figures = {column: reader.number(file, row, column, 0.0, high) for column, high in limits.items()}
        for column, value in figures.items():
            reader.provenance(file, row, f"{row.cells['year']}.{column}", value, unit_of(column))
        years.append(SystemYear(row.cells["year"], row.cells["name"], **figures))
    return tuple(years)


def read_power_system(tables: Mapping[str, Table]) -> PowerSystem:
    """Read and check all tables (:data:`COLUMNS`) of a power system.

    Raises:
        Faults: with codes ZK-ENERGY-101 to 110: everything that was found, by file, line and column.
    """
    reader = TableReader(tables)
    keys = {"zones.csv": "zone", "demand_shape.csv": "hour", "transmission.csv": "id"}
    for file, column in keys.items():
        reader.unique(file, lambda row, column=column: row.cells[column])  # type: ignore[misc]
    reader.unique("published.csv", lambda row: row.cells["label"])
    plant_rows = reader.rows["plants.csv"]
    subjects: dict[str, Sequence[str]] = {"system": _SYSTEM_ATTRIBUTES}
    subjects |= {row.cells["technology"]: _TECHNOLOGY_ATTRIBUTES for row in plant_rows}
    for row in plant_rows:
        if row.cells["plant"] in subjects:
            message = f"{row.cells['plant']!r} is a technology, or stands in an earlier line."
            reader.fault(TWICE, "plants.csv", row.line, "plant", message, "Give the plant a name of its own.")
        subjects.setdefault(row.cells["plant"], _PLANT_ATTRIBUTES)
    reader.read_values(subjects)
    zones = _read_zones(reader)
    corridor, evacuation = _read_limits(reader, [row.cells["node"] for row in plant_rows])
    winter_shape, summer_shape = _read_shapes(reader)
    system = PowerSystem(
        reader.months,
        SystemFigures(*(reader.constant("system", field.name) for field in fields(SystemFigures))),
        SystemMonths(*(reader.by_month("system", field.name) for field in fields(SystemMonths))),
        winter_shape,
        summer_shape,
        _read_technologies(reader),
        _read_plants(reader, [zone.id for zone in zones]),
        zones,
        corridor,
        evacuation,
        _read_published(reader),
        (),
        _read_years(reader),
    )
    if reader.faults:
        raise Faults(reader.faults)
    return replace(system, assumptions=tuple(reader.assumptions))

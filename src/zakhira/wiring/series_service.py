"""``zakhira series import``: a planner's own files as a series of the programme, and what was done to them."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from zakhira.adapters.planner_file import FileForm, encode_series, read_planner_table
from zakhira.adapters.programme_folder import load_dictionary, load_programme_file
from zakhira.adapters.series_file import read_series_columns
from zakhira.cli.answer import Answer, Progress, Table
from zakhira.cli.services import SeriesImport
from zakhira.kernel.canonical import Json
from zakhira.kernel.errors import Fault, Faults, InvalidInput, OutsideFailure
from zakhira.kernel.interval import utc_text
from zakhira.programme.local_time import local_text
from zakhira.programme.model import Programme
from zakhira.programme.planner_table import (
    COST,
    DONE,
    FILLED,
    RESOLUTIONS_S,
    SKIPPED,
    SURPLUS_MW,
    USED_TWICE,
    ImportedSeries,
    Kind,
    PlannerTable,
    Repair,
    Repaired,
    Told,
)
from zakhira.programme.series_check import check_file
from zakhira.programme.series_columns import at_text
from zakhira.programme.series_repair import import_series

CALIBRATION_FILE = "calibration.csv"
WHOLE_FROM = 100_000
HOUR_S = 3600


class PlannerFileUnreadable(InvalidInput):
    """A planner's file is not there, or is a folder or may not be read."""

    code = "ZK-SERIES-001"


class ClockZoneUnknown(InvalidInput):
    """The time zone that was told for a planner's file does not exist."""

    code = "ZK-SERIES-002"


class UnevenOptions(InvalidInput):
    """Blocks or costs were told for some of a planner's files and not for others."""

    code = "ZK-SERIES-003"


class SeriesNotReplaced(OutsideFailure):
    """The imported series could not be written into the programme's folder; the one before is still there."""

    code = "ZK-SERIES-004"


def import_files(order: SeriesImport, progress: Progress) -> Answer:
    """Read a planner's files, turn them into a series of the programme, and write it if that was asked for.

    What is written was read back and passed the checks of ``zakhira check`` first.

    Raises:
        PlannerFileUnreadable, ClockZoneUnknown, UnevenOptions: what was told cannot be followed.
        Faults: everything in the files that is not as it must be and was not to be repaired.
        SeriesNotReplaced: the disk or the folder refuses.
    """
    programme, _ = load_programme_file(order.programme)
    told = _told(order)
    zones, dictionary = tuple(zone.id for zone in programme.zones), load_dictionary()
    series, faults = import_series(_tables(order, progress), told, zones, programme.horizon, dictionary)
    if series is None or faults:
        raise Faults(faults)
    name = programme.surplus_file if told.kind is Kind.SURPLUS else programme.temperature_file
    path = order.programme / name
    content = encode_series(told.kind, zones, programme.horizon, series.figures, name)
    columns = read_series_columns(content, str(path))
    if isinstance(columns, Fault):
        raise Faults([columns])
    _, faults = check_file(columns, told.kind.table, zones, programme.horizon, dictionary)
    if faults:
        raise Faults(faults)
    if order.write:
        _replace(path, content)
    return _answer(order, programme, told, series, path)


def _told(order: SeriesImport) -> Told:
    if order.time_zone:
        try:
            ZoneInfo(order.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):  # a folder's name such as "Asia" is an OSError
            raise ClockZoneUnknown(
                f"There is no time zone {order.time_zone!r}.", "Use a name such as Asia/Karachi or UTC."
            ) from None
    for option, given in (("--block", order.blocks), ("--cost-pkr-per-mwh", order.costs_pkr_per_mwh)):
        if len(given) > 1 and len(given) != len(order.files):
            raise UnevenOptions(
                f"{option} is given {len(given)} times for {len(order.files)} files.",
                "Give it once for all files, or once for each in their order.",
            )
    return Told(
        kind=Kind(order.kind),
        time_zone=order.time_zone,
        resolution_s=RESOLUTIONS_S[order.resolution] if order.resolution else 0,
        repairs=frozenset(Repair(word) for word in order.repairs),
        max_gap_hours=order.max_gap_hours,
        blocks=order.blocks,
        costs_pkr_per_mwh=order.costs_pkr_per_mwh,
        stamps_end=order.stamps_end,
        time_format=order.time_format,
    )


def _tables(order: SeriesImport, progress: Progress) -> list[PlannerTable]:
    form = FileForm(order.delimiter, order.decimal_comma, order.time_column)
    tables, faults = [], []
    for number, path in enumerate(order.files):
        progress("Reading", number, len(order.files), path.name)
        try:
            content = path.read_bytes()
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise PlannerFileUnreadable(f"{path} cannot be read: {reason}.", "Name a CSV or Parquet file.") from None
        table = read_planner_table(content, str(path), form)
        if isinstance(table, Fault):
            faults.append(table)
        else:
            tables.append(table)
    if faults:
        raise Faults(faults)
    progress("Reading", len(order.files), len(order.files), "laying out")
    return tables


def _replace(path: Path, content: bytes) -> None:
    draft = path.with_name(path.name + ".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # a power cut leaves the old series or the new one, never an empty file
        draft.replace(path)
    except OSError as error:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        remedy = "Make room or give leave to write, and run the command again."
        raise SeriesNotReplaced(f"{path} is as it was: {error.strerror or error}.", remedy) from None


def _answer(order: SeriesImport, programme: Programme, told: Told, series: ImportedSeries, path: Path) -> Answer:
    hours, zones = programme.horizon, [zone.id for zone in programme.zones]
    totals = _zone_facts(series, zones)
    facts: dict[str, Json] = {
        "kind": told.kind.value,
        "files": [str(file) for file in order.files],
        "rows_read": series.rows_read,
        "resolution_minutes": series.resolution_s // 60,
        "minutes_past_the_hour": series.phase_s % HOUR_S // 60,
        "horizon_start_utc": utc_text(hours.start),
        "horizon_hours": hours.count,
        "repairs": [_repair_facts(entry, told.kind) for entry in series.repaired],
        "zones": [*totals],
        "file": str(path),
        "written": order.write,
    }
    counted = f"{series.rows_read:,} rows, {series.resolution_s // 60} minutes apart, are {hours.count:,} hours"
    blocks = next(iter(series.figures.values())).shape[2]
    of = f" in {blocks} blocks" if blocks > 1 else ""
    places = f"{len(zones)} zone{'s' if len(zones) > 1 else ''}"
    done = "Nothing had to be repaired." if not series.repaired else "What was repaired stands below."
    tables = (_repair_table(series, told, programme),) if series.repaired else ()
    end = _zone_table(totals, told.kind, _notes(order, series, path))
    return Answer((*tables, end), facts, f"{counted} of {places}{of}. {done}")


def _zone_facts(series: ImportedSeries, zones: list[str]) -> list[dict[str, Json]]:
    rows: list[dict[str, Json]] = []
    for index, zone in enumerate(zones):
        if SURPLUS_MW not in series.figures:
            values = series.figures["ambient_c"][index]
            rows.append(
                {
                    "zone": zone,
                    "mean_c": float(values.mean()),
                    "lowest_c": float(values.min()),
                    "highest_c": float(values.max()),
                }
            )
            continue
        surplus, cost = series.figures[SURPLUS_MW][index], series.figures[COST][index]
        energy_mwh = float(surplus.sum())
        mean_cost = float((surplus * cost).sum() / energy_mwh) if energy_mwh > 0 else None
        most_mw = float(surplus.sum(axis=1).max())
        rows.append({"zone": zone, "energy_mwh": energy_mwh, "most_mw": most_mw, "mean_cost_pkr_per_mwh": mean_cost})
    return rows


def _repair_facts(entry: Repaired, kind: Kind) -> dict[str, Json]:
    unit = "mwh" if kind is Kind.SURPLUS else "mean_c"
    return {
        "zone": entry.zone,
        "repair": entry.repair.value,
        "what": entry.what,
        "rows": entry.count,
        "first_utc": at_text(entry.first_s),
        "last_utc": at_text(entry.last_s),
        f"before_{unit}": entry.before,
        f"after_{unit}": entry.after,
    }


def _repair_table(series: ImportedSeries, told: Told, programme: Programme) -> Table:
    unit = "MWh" if told.kind is Kind.SURPLUS else "mean °C"
    clock = ZoneInfo(programme.time_zone)
    rows = tuple(
        (
            entry.zone,
            f"{entry.repair.value}: {entry.what}",
            f"{entry.count:,}",
            local_text(entry.first_s, clock),
            local_text(entry.last_s, clock),
            _figure(entry.before),
            _figure(entry.after),
        )
        for entry in series.repaired
    )
    heads = ("zone", "repair", "rows", "first", "last", f"{unit} before", f"{unit} after")
    done = dict.fromkeys((entry.repair, entry.what) for entry in series.repaired)
    words = [f"{repair.value}, {what}: {DONE[repair, what]}." for repair, what in done if (repair, what) in DONE]
    clocks = f"Times are local ({programme.time_zone}). Before and after: all of the zone, not the rows alone."
    return Table("Repaired as told", heads, rows, right=(2, 5, 6), notes=(*words, clocks))


def _zone_table(totals: list[dict[str, Json]], kind: Kind, notes: tuple[str, ...]) -> Table:
    surplus = ("zone", "MWh", "most MW", "mean PKR/MWh")
    ambient = ("zone", "mean °C", "lowest °C", "highest °C")
    rows = tuple(tuple(_cell(value) for value in row.values()) for row in totals)
    return Table("The series", surplus if kind is Kind.SURPLUS else ambient, rows, right=(1, 2, 3), notes=notes)


def _figure(value: float) -> str:
    """To a tenth; large ones whole, so that the table fits the terminal. JSON has them exactly."""
    return f"{value:,.0f}" if abs(value) >= WHOLE_FROM else f"{value:,.1f}"


def _cell(value: Json) -> str:
    if isinstance(value, float):
        return f"{value:,.1f}"
    return "none" if value is None else str(value)


def _notes(order: SeriesImport, series: ImportedSeries, path: Path) -> tuple[str, ...]:
    notes = []
    past = series.phase_s % HOUR_S // 60
    if series.resolution_s == HOUR_S and past:
        notes.append(
            f"The rows start {past} minutes past the full hour in UTC and the programme's hours on it: each hour has "
            f"{past} minutes of one row and {60 - past} of the next. What lies outside the horizon is left out."
        )
    if {SKIPPED, USED_TWICE} <= {entry.what for entry in series.repaired}:
        notes.append(
            "The files have the hour that the clocks skip, and the one that they repeat only once, as clocks have that "
            "are never changed: if theirs is one, tell its zone, such as Etc/GMT-1 for UTC+01:00, and not dst."
        )
    filled = sum(entry.count for entry in series.repaired if entry.what == FILLED)
    if filled:
        needed = next(iter(series.figures.values())).size * HOUR_S // series.resolution_s
        notes.append(f"{filled:,} of {needed:,} figures ({filled / needed:.2%}) are interpolated, not measured.")
    if order.kind == Kind.SURPLUS.value and (order.programme / CALIBRATION_FILE).exists():
        notes.append(
            f"{CALIBRATION_FILE} compares a generated series with published figures, not this one: remove it, or the "
            "report shows it."
        )
    told = f"Written: {path}" if order.write else f"Nothing was written. Add --write to replace {path}."
    return (*notes, told)

"""The columns of the series files as a validated Series: every hour of every zone once, in ascending cost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zakhira.kernel.errors import Fault
from zakhira.kernel.interval import HourRange, utc_text
from zakhira.programme.dictionary import Dictionary
from zakhira.programme.faults import Cause
from zakhira.programme.record import closest
from zakhira.programme.series import Floats, Series
from zakhira.programme.series_columns import (
    FAULTS_PER_KIND,
    NO_NUMBER,
    NO_ZONE,
    Flags,
    Ints,
    SeriesColumns,
    SeriesPlace,
    at_text,
    cell_faults,
    header_faults,
)
from zakhira.programme.value import shown

HOUR_S = 3600


@dataclass(frozen=True)
class _Grid:
    """Where each row belongs: ``slot`` = (zone * hours + hour) * blocks + block - 1; -1 for a row without a place."""

    slot: Ints
    shape: tuple[int, int, int]

    def fill(self, values: Floats) -> Floats:
        """The column as [zone, hour, block]; NaN where no row belongs."""
        out = np.full(self.shape, np.nan)
        placed = self.slot >= 0
        out.reshape(-1)[self.slot[placed]] = values[placed]
        return out


def check_series(
    surplus: SeriesColumns,
    ambient: SeriesColumns,
    zones: tuple[str, ...],
    hours: HourRange,
    dictionary: Dictionary,
) -> tuple[Series | None, list[Fault]]:
    """Check both files against the zones and the horizon of the programme.

    Returns the series and no faults, or None and the faults of both files: at most FAULTS_PER_KIND of each kind and
    file, then how many more there are.
    """
    found_surplus, faults = check_file(surplus, "surplus series", zones, hours, dictionary)
    found_ambient, more = check_file(ambient, "ambient series", zones, hours, dictionary)
    faults += more
    if found_surplus is None or found_ambient is None or faults:
        return None, sorted(set(faults))
    series = Series(
        zones=zones,
        hours=hours,
        surplus_mw=found_surplus["surplus_mw"],
        cost_pkr_per_mwh=found_surplus["cost_pkr_per_mwh"],
        ambient_c=found_ambient["ambient_c"][:, :, 0],
    )
    return series, []


def check_file(
    columns: SeriesColumns, table_name: str, zones: tuple[str, ...], hours: HourRange, dictionary: Dictionary
) -> tuple[dict[str, Floats] | None, list[Fault]]:
    """Check one file: its figures by column as [zone, hour, block] and no faults, or None and the faults."""
    table = dictionary.table(table_name)
    place = SeriesPlace(columns, [])
    if not header_faults(place, table):
        return None, place.faults
    if not len(columns.zone):
        place.note(Cause.NO_ROWS, None, "", "The series has no rows.")
        return None, place.faults
    cell_faults(place, table.attributes)
    zone_of_row = _zones(place, zones)
    hour_of_row = _hours(place, hours)
    block = table.attribute("block")
    last = int(block.maximum.value) if block and block.maximum else 1
    block_of_row, blocks = _blocks(place, last) if block else (np.zeros_like(columns.zone), 1)
    usable = (zone_of_row >= 0) & (hour_of_row >= 0) & (hour_of_row < hours.count) & (block_of_row >= 0)
    slot = np.where(usable, (zone_of_row * hours.count + hour_of_row) * blocks + block_of_row, -1)
    shape = (len(zones), hours.count, blocks)
    _coverage(place, slot, shape, zones, hours)
    grid = _Grid(slot, shape)
    filled = {name: grid.fill(values) for name, values in columns.numbers.items()}
    if "cost_pkr_per_mwh" in filled:
        _ascending(place, filled["cost_pkr_per_mwh"], grid, zones, hours)
    return (None if place.faults else filled), place.faults


def _zones(place: SeriesPlace, zones: tuple[str, ...]) -> Ints:
    """The programme's number of each row's zone; -1 for none."""
    columns = place.columns
    known = np.array([zones.index(name) if name in zones else NO_ZONE for name in (*columns.zone_names, "")])
    number = known[columns.zone].astype(np.int64)  # NO_ZONE picks the last, which is no zone
    place.note_rows(Cause.UNREADABLE_CELL, columns.zone == NO_ZONE, "zone", lambda _row: "The cell is empty.")
    strangers = [index for index, name in enumerate(columns.zone_names) if name not in zones]
    for index in strangers[:FAULTS_PER_KIND]:
        name, rows = columns.zone_names[index], np.flatnonzero(columns.zone == index)
        message = f"{len(rows)} row{'s are' if len(rows) > 1 else ' is'} of the zone {shown(name)}."
        place.note(Cause.UNKNOWN_ZONE, int(rows[0]), "zone", message, closest(name, zones))
    if len(strangers) > FAULTS_PER_KIND:
        row = int(np.flatnonzero(columns.zone == strangers[FAULTS_PER_KIND])[0])
        place.note(Cause.UNKNOWN_ZONE, row, "zone", f"{len(strangers) - FAULTS_PER_KIND} more zones from here on.")
    for name in zones:
        if name not in columns.zone_names:
            place.note(Cause.MISSING_ZONE, None, "zone", f"The zone {name!r} has no rows.")
    return number


def _hours(place: SeriesPlace, hours: HourRange) -> Ints:
    """The hour of each row from the start of the horizon; -1 for none."""
    start_s = place.columns.start_s
    readable = start_s != NO_NUMBER
    first_s = int(hours.start.timestamp())
    since_s = np.where(readable, start_s - first_s, 0)
    hour = since_s // HOUR_S
    off = hour * HOUR_S != since_s
    place.note_rows(Cause.OFF_HOUR, off, "start_utc", lambda row: f"{at_text(int(start_s[row]))} is no full hour.")
    good = readable & ~off
    outside = good & ((hour < 0) | (hour >= hours.count))
    if good.any() and (outside.any() or hour[good].min() > 0 or hour[good].max() < hours.count - 1):
        first, last = int(start_s[good].min()), int(start_s[good].max()) + HOUR_S
        programme = f"the programme {utc_text(hours.start)} to {utc_text(hours.end)}"
        message = f"The series covers {at_text(first)} to {at_text(last)}, {programme}."
        if outside.any():
            message += f" {int(outside.sum())} rows are outside, from here on."
        row = int(np.flatnonzero(outside)[0]) if outside.any() else None
        place.note(Cause.OTHER_HORIZON, row, "start_utc", message)
    return np.where(good, hour, -1)


def _blocks(place: SeriesPlace, last: int) -> tuple[Ints, int]:
    """The block of each row counted from 0 (-1 for none), and how many blocks there are."""
    block = place.columns.block
    bad = (block < 1) | (block > last)
    bad &= block != NO_NUMBER
    place.note_rows(Cause.BAD_BLOCK, bad, "block", lambda row: f"Block {block[row]} is not 1 to {last}.")
    good = (block >= 1) & (block <= last)
    return np.where(good, block - 1, -1), int(block[good].max()) if good.any() else 1


def _coverage(
    place: SeriesPlace, slot: Ints, shape: tuple[int, int, int], zones: tuple[str, ...], hours: HourRange
) -> None:
    """Every slot once: note what is given twice, and what is missing between what is there."""
    used = slot[slot >= 0]
    counts = np.bincount(used, minlength=shape[0] * shape[1] * shape[2])
    if counts.max() > 1:
        order = np.argsort(slot, kind="stable")
        ordered = slot[order]
        twice = order[1:][(ordered[1:] == ordered[:-1]) & (ordered[1:] >= 0)]

        def say(row: int) -> str:
            zone, hour, block = (int(part) for part in np.unravel_index(slot[row], shape))
            of = f", block {block + 1}" if shape[2] > 1 else ""
            return f"{utc_text(hours.at(hour))} is given again for the zone {zones[zone]!r}{of}."

        place.note_rows(Cause.REPEATED_HOUR, np.sort(twice), "start_utc", say)
    if counts.min() == 0:
        _gaps(place, slot, counts.reshape(shape) > 0, zones, hours)


def _gaps(place: SeriesPlace, slot: Ints, present: Flags, zones: tuple[str, ...], hours: HourRange) -> None:
    """Note each run of missing hours of a zone and block between the first and the last hour of the whole file."""
    covered = np.flatnonzero(present.any(axis=(0, 2)))
    if not len(covered):
        return
    gaps = []
    for zone in np.flatnonzero(present.any(axis=(1, 2))).tolist():
        for block in range(present.shape[2]):
            here = present[zone, covered[0] : covered[-1] + 1, block]
            edges = np.diff(np.concatenate(([True], here, [True])).astype(np.int8))
            starts, ends = np.flatnonzero(edges < 0) + covered[0], np.flatnonzero(edges > 0) + covered[0]
            gaps += [(zone, int(first), int(end), block) for first, end in zip(starts, ends, strict=True)]
    for zone, first, end, block in gaps[:FAULTS_PER_KIND]:
        span = (
            utc_text(hours.at(first))
            if end == first + 1
            else f"{utc_text(hours.at(first))} to {utc_text(hours.at(end))}"
        )
        of = f", block {block + 1}" if present.shape[2] > 1 else ""
        count = f"{end - first} hour{'s are' if end > first + 1 else ' is'} missing"
        row = _row_before(slot, present.shape, zone, first, block)
        place.note(Cause.GAP, row, "start_utc", f"{count} for the zone {zones[zone]!r}{of}: {span}.")
    if len(gaps) > FAULTS_PER_KIND:
        place.note(Cause.GAP, None, "start_utc", f"{len(gaps) - FAULTS_PER_KIND} more gaps.")


def _row_before(slot: Ints, shape: tuple[int, ...], zone: int, hour: int, block: int) -> int | None:
    """The row of the hour before (else after) the gap in the same zone and block: where a reader will look."""
    at = (zone * shape[1] + hour) * shape[2] + block
    first, last = zone * shape[1] * shape[2], (zone + 1) * shape[1] * shape[2]
    same = (slot >= first) & (slot < last) & (slot % shape[2] == block)
    before = np.flatnonzero(same & (slot < at))
    if len(before):
        return int(before[np.argmax(slot[before])])
    after = np.flatnonzero(same & (slot > at))
    return int(after[np.argmin(slot[after])]) if len(after) else None


def _ascending(place: SeriesPlace, cost: Floats, grid: _Grid, zones: tuple[str, ...], hours: HourRange) -> None:
    falls = np.flatnonzero(np.diff(cost, axis=2, prepend=-np.inf).reshape(-1) < 0)
    if not len(falls):
        return
    placed = np.flatnonzero(grid.slot >= 0)
    row_of_slot = np.empty(cost.size, dtype=np.int64)
    row_of_slot[grid.slot[placed]] = placed
    slot_of_row = {int(row_of_slot[slot]): int(slot) for slot in falls}

    def say(row: int) -> str:
        zone, hour, block = (int(part) for part in np.unravel_index(slot_of_row[row], grid.shape))
        before, here = cost[zone, hour, block - 1], cost[zone, hour, block]
        at = utc_text(hours.at(hour))
        return f"Block {block + 1} of {zones[zone]!r} at {at} costs {here:g} PKR/MWh, block {block} costs {before:g}."

    place.note_rows(Cause.COST_DESCENDS, np.array(sorted(slot_of_row), dtype=np.int64), "cost_pkr_per_mwh", say)

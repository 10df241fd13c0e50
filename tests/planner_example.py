"""A planner's rows in memory as the table that a reader would make of them, and their import."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from zakhira.kernel.errors import Fault
from zakhira.kernel.interval import HourRange, utc_text
from zakhira.programme.dictionary import Dictionary, parse_dictionary
from zakhira.programme.planner_table import Cells, ImportedSeries, PlannerTable, Repair, Told
from zakhira.programme.series_columns import Unreadable
from zakhira.programme.series_repair import import_series

Row = tuple[str, str, float, float, float]
"""Zone, time, block, MW, PKR/MWh; NaN in a number stands for an empty cell."""

DICTIONARY: Dictionary = parse_dictionary(
    (Path(__file__).parent.parent / "src/zakhira/programme/dictionary.csv").read_bytes()
)
ZONES = ("a", "b")
START = datetime(2026, 1, 1, tzinfo=UTC)
HOURS = HourRange(START, 24)
ALL_REPAIRS = frozenset(Repair)


def cells(values: Sequence[float]) -> Cells:
    """A column of numbers, empty where NaN."""
    numbers = np.array(values, dtype=np.float64)
    return Cells(numbers, np.isnan(numbers), Unreadable(np.array([], dtype=np.int64), ()))


def coded(texts: Sequence[str]) -> tuple[tuple[str, ...], np.ndarray[tuple[int, ...], np.dtype[np.int64]]]:
    """The distinct texts, and each one's number among them (-1 where empty)."""
    names = tuple(dict.fromkeys(text for text in texts if text))
    return names, np.array([names.index(text) if text else -1 for text in texts], dtype=np.int64)


def long_table(rows: Sequence[Row], file: str = "p.csv") -> PlannerTable:
    """The rows as a file in long form."""
    zone_names, zone = coded([row[0] for row in rows])
    texts = [row[1] for row in rows]
    names = {text: number for number, text in enumerate(dict.fromkeys(text for text in texts if text))}
    return PlannerTable(
        file=file,
        has_lines=True,
        names=("zone", "time", "block", "surplus_mw", "cost_pkr_per_mwh"),
        rows=len(rows),
        time_column="time",
        time=np.array([names.get(text, -1) for text in texts], dtype=np.int64),
        time_texts=tuple(names),
        typed_s=None,
        typed_utc=False,
        zone_names=zone_names,
        zone=zone,
        cells={
            "block": cells([row[2] for row in rows]),
            "surplus_mw": cells([row[3] for row in rows]),
            "cost_pkr_per_mwh": cells([row[4] for row in rows]),
        },
    )


def utc_rows(hours: HourRange = HOURS, step_min: int = 60, zones: Sequence[str] = ZONES, blocks: int = 2) -> list[Row]:
    """Sound rows in UTC whose figures tell zone, time and block."""
    count = hours.count * 60 // step_min
    return [
        (name, utc_text(hours.start + at * timedelta(minutes=step_min)), block + 1, 10 + 7 * at % 5, 100 * block + 50)
        for name in zones
        for at in range(count)
        for block in range(blocks)
    ]


def told(*repairs: Repair, time_zone: str = "", max_gap_hours: float = 3) -> Told:
    """Only these repairs."""
    return Told(repairs=frozenset(repairs), time_zone=time_zone, max_gap_hours=max_gap_hours)


def imported(
    rows: Sequence[Row], order: Told, hours: HourRange = HOURS, zones: tuple[str, ...] = ZONES
) -> tuple[ImportedSeries | None, list[Fault]]:
    """The import of one file in long form."""
    return import_series([long_table(rows)], order, zones, hours, DICTIONARY)


def sound(rows: Sequence[Row], order: Told, hours: HourRange = HOURS, zones: tuple[str, ...] = ZONES) -> ImportedSeries:
    """The import, which must have no fault."""
    series, faults = imported(rows, order, hours, zones)
    assert faults == []
    assert series is not None
    return series


def codes(faults: Sequence[Fault]) -> set[int]:
    """The numbers of the causes of faults."""
    return {int(fault.code[-3:]) for fault in faults}

"""Times as planners write them: clock readings, their offsets, and the hours that daylight saving skips or repeats."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from zakhira.programme.series_columns import NO_NUMBER, Ints

_FORM = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(?:\.0{1,9})? ?(Z|[+-]\d\d(?::?\d\d)?)?", re.ASCII)
_WALL = datetime(1970, 1, 1)  # noqa: DTZ001  # a clock's reading has no zone until somebody tells it
_SECOND = timedelta(seconds=1)


def read_clock(text: str, form: str = "") -> tuple[int, int] | None:
    """What the clock shows, in seconds since 1970 on it, and its offset from UTC in seconds (NO_NUMBER without one).

    ISO 8601 with date, hour and minute, or ``form`` as strptime has it. None if the text is something else or holds a
    fraction of a second.
    """
    try:
        instant = datetime.strptime(text, form) if form else _from_iso(text)  # noqa: DTZ007  # may have no offset
    except ValueError:
        return None
    if instant is None or instant.microsecond:
        return None
    offset = instant.utcoffset()
    wall_s = (instant.replace(tzinfo=None) - _WALL) // _SECOND
    return wall_s, NO_NUMBER if offset is None else offset // _SECOND


def _from_iso(text: str) -> datetime | None:
    match = _FORM.fullmatch(text)
    return datetime.fromisoformat(f"{match[1]}T{match[2]}{match[3] or ''}") if match else None


def local_offsets(wall_s: Ints, zone: ZoneInfo) -> tuple[Ints, Ints]:
    """The offsets from UTC in seconds of clock readings, taken as the earlier and as the later of two passes (PEP 495).

    Both are equal for a time that happens once. The earlier is larger where the clocks go back over the time, and
    smaller where they skip it.
    """
    earlier, later = np.empty_like(wall_s), np.empty_like(wall_s)
    for index, seconds in enumerate(wall_s.tolist()):
        instant = (_WALL + timedelta(seconds=seconds)).replace(tzinfo=zone)
        earlier[index] = _seconds(instant)
        later[index] = _seconds(instant.replace(fold=1))
    return earlier, later


def _seconds(instant: datetime) -> int:
    offset = instant.utcoffset()
    assert offset is not None, "a time zone has an offset at every time"
    return offset // _SECOND


def local_text(start_s: int, zone: ZoneInfo) -> str:
    """Seconds since 1970 as the zone's local time with its offset: ``2026-10-25 02:00+01``."""
    local = datetime.fromtimestamp(start_s, UTC).astimezone(zone)
    return f"{local:%Y-%m-%d %H:%M}{local:%z}".removesuffix("00")

"""The snapshots of a network as hours in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from zakhira.kernel.errors import InvalidInput
from zakhira.kernel.interval import HOUR, HourRange

LEAST_HOURS, MOST_HOURS = 24, 8784
"""As the data dictionary has them for a programme's horizon: a day to a leap year."""


class SnapshotsNotHours(InvalidInput):
    """The snapshots are not consecutive full hours, or too few or too many of them."""

    code = "ZK-PYPSA-020"


class TimeZoneUnknown(InvalidInput):
    """There is no such time zone, or the snapshots are no clock's in it."""

    code = "ZK-PYPSA-021"


def hours_of(snapshots: list[Any], time_zone: str) -> HourRange:
    """The hours of snapshots, which carry no time zone in PyPSA, read as the clock of ``time_zone``.

    Raises:
        SnapshotsNotHours: they are no times, or not an hour apart.
        TimeZoneUnknown: there is no such zone, or the clock never showed such hours one after the other.
    """
    count = len(snapshots)
    if not all(isinstance(snapshot, datetime) for snapshot in snapshots):
        raise SnapshotsNotHours(f"The snapshots are no times: the first is {snapshots[0]!r}.", _MEND)
    if not LEAST_HOURS <= count <= MOST_HOURS:
        raise SnapshotsNotHours(
            f"The network has {count} snapshots.", f"A programme has {LEAST_HOURS} to {MOST_HOURS} hours."
        )
    instants = [_utc(snapshot, zone=_zone(time_zone)) for snapshot in snapshots]
    if instants[0] != instants[0].replace(minute=0, second=0, microsecond=0):
        raise SnapshotsNotHours(f"The first snapshot is {instants[0].isoformat()}: no full hour of UTC.", _MEND)
    for before, after, shown in zip(instants[:-1], instants[1:], snapshots[1:], strict=True):
        if after - before != HOUR:
            message = f"From the snapshot before {shown} to it are {(after - before) / HOUR:g} hours in {time_zone}."
            raise SnapshotsNotHours(message, _MEND)
    return HourRange(instants[0], count)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # a folder's name such as "Asia" is an OSError
        raise TimeZoneUnknown(f"There is no time zone {name!r}.", "Use a name such as UTC or Asia/Karachi.") from None


def _utc(snapshot: datetime, zone: ZoneInfo) -> datetime:
    """The instant; of an hour that the clock shows twice, the first. A later check sees what does not follow."""
    plain = datetime(*snapshot.timetuple()[:6], snapshot.microsecond, tzinfo=snapshot.tzinfo or zone)
    return plain.astimezone(UTC)


_MEND = "Give hourly snapshots; for another resolution write the series and use `zakhira series import`."

"""UTC instants and hours: the only clock face inside the program."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from zakhira.kernel.errors import InvalidInput

HOUR = timedelta(hours=1)
DAY_HOURS = 24


class NotUtc(InvalidInput):
    """An instant has no time zone, or another than UTC."""

    code = "ZK-KERNEL-020"


def require_utc(instant: datetime) -> datetime:
    """Return ``instant`` if it is in UTC.

    Raises:
        NotUtc: it is naive or in another zone.
    """
    if instant.tzinfo is not UTC and instant.utcoffset() != timedelta(0):
        raise NotUtc(f"{instant.isoformat()} is not in UTC.", "Convert it to UTC at the edge.")
    return instant


@dataclass(frozen=True)
class HourRange:
    """``count`` consecutive hours from ``start`` (UTC)."""

    start: datetime
    count: int

    def __post_init__(self) -> None:
        require_utc(self.start)
        if self.count < 0:
            raise InvalidInput(f"A range of {self.count} hours is not possible.", "Give a count of at least 0.")

    @property
    def end(self) -> datetime:
        """The instant after the last hour."""
        return self.start + self.count * HOUR

    def at(self, index: int) -> datetime:
        """The start of hour ``index``, counted from 0."""
        return self.start + index * HOUR

    def index_of(self, instant: datetime) -> int:
        """The hour that holds ``instant``; outside the range it is below 0 or at least ``count``."""
        return (require_utc(instant) - self.start) // HOUR


def utc_text(instant: datetime) -> str:
    """ISO 8601 in UTC with a final Z and no fraction of a second."""
    return require_utc(instant).strftime("%Y-%m-%dT%H:%M:%SZ")


def exact_utc_text(instant: datetime) -> str:
    """ISO 8601 in UTC with a final Z, and with microseconds when there are any: no two instants share a text."""
    return require_utc(instant).isoformat()[: -len("+00:00")] + "Z"


def parse_utc(text: str) -> datetime:
    """Read what :func:`utc_text` writes.

    Raises:
        NotUtc: the text is something else.
    """
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise NotUtc(f"{text!r} is not an instant like 2026-01-01T00:00:00Z.", "Write it so.") from None


def parse_exact_utc(text: str) -> datetime:
    """Read what :func:`exact_utc_text` writes, and nothing else; raises NotUtc."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.utcoffset() != timedelta(0) or exact_utc_text(found.replace(tzinfo=UTC)) != text:
        raise NotUtc(f"{text!r} is not an instant like 2026-01-01T00:00:00.000001Z.", "Write it so.")
    return found.replace(tzinfo=UTC)

"""Closed periods: days in order, never opened again, never before they are over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import cast

from zakhira.kernel.canonical import Json
from zakhira.ledger.faults import BadPeriodRecord, PeriodClosed, PeriodNotOver, PeriodOutOfOrder


@dataclass(frozen=True)
class Period:
    """Days from ``first`` to ``last``, both included, in UTC."""

    first: date
    last: date

    @property
    def start(self) -> datetime:
        """The instant at which it begins."""
        return midnight(self.first)

    @property
    def end(self) -> datetime:
        """The first instant behind it."""
        return midnight(self.last + timedelta(days=1))


def midnight(day: date) -> datetime:
    """Where a day begins (UTC)."""
    return datetime.combine(day, time(), UTC)


def period_body(period: Period, because: str) -> Json:
    """The body of the record that closes a period; its id is the last day."""
    return {"first": period.first.isoformat(), "because": because}


def period_of(last: str, body: Json) -> Period:
    """The period that a record closes; raises BadPeriodRecord."""
    told = cast("Mapping[str, object]", body) if isinstance(body, Mapping) else {}
    first, because = told.get("first"), told.get("because")
    if set(told) != {"first", "because"} or not isinstance(because, str) or not because.strip():
        raise BadPeriodRecord(f"The record of the period to {last} does not say from when it runs and why.", _MEND)
    try:
        period = Period(_day(first), _day(last))
    except ValueError:
        raise BadPeriodRecord(f"The period from {first} to {last} is not told in days.", _MEND) from None
    if period.last < period.first:
        raise BadPeriodRecord(f"The period ends on {last}, before it begins on {first}.", _MEND)
    return period


def _day(text: object) -> date:
    """A day as this program writes it, and in no other of the spellings of ISO 8601."""
    day = date.fromisoformat(str(text))
    if day.isoformat() != text:
        raise ValueError(text)
    return day


_MEND = "Name the last day as YYYY-MM-DD, with the first and the reason."


def require_next(period: Period, closed_through: date | None) -> None:
    """Pass if the period begins where the last closed one ends; the first may begin anywhere.

    Raises:
        PeriodOutOfOrder: it begins elsewhere, or lies in what is closed.
    """
    if closed_through is None or period.first == closed_through + timedelta(days=1):
        return
    raise PeriodOutOfOrder(
        f"Closed is what is dated up to {closed_through}; a period from {period.first} does not follow.",
        f"Close from {closed_through + timedelta(days=1)} on; what is closed stays closed.",
    )


def require_over(period: Period, now: datetime) -> None:
    """Pass if the last day of the period has ended at ``now`` (UTC); raises PeriodNotOver."""
    if now < period.end:
        raise PeriodNotOver(f"{period.last} ends at {period.end.isoformat()}.", "Close it when it is over.")


def require_open(at: datetime, closed_through: date | None, entry_id: str) -> None:
    """Pass if an entry of that instant (UTC) may still be posted; raises PeriodClosed."""
    if closed_through is not None and at < midnight(closed_through + timedelta(days=1)):
        raise PeriodClosed(
            f"The entry {entry_id} is dated {at.date()}, and everything up to {closed_through} is closed.",
            "Date the entry today, and say in its narration what it corrects.",
        )

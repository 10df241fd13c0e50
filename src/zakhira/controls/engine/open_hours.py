"""When a rule lets something be carried out: hours, weekdays and holidays of the local calendar."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from zakhira.kernel.interval import require_utc
from zakhira.programme.model import Policy
from zakhira.programme.policy import WEEKDAYS, Rule

LOOK_AHEAD_DAYS = 800
"""How far an opening is sought: past any run of holidays that a programme could mean; no opening in it is none."""
_DAY = timedelta(days=1)
_LAST_HOUR = 24


def always_open(rule: Rule) -> bool:
    """Whether the rule names no hours, weekdays or holidays."""
    return (rule.from_hour, rule.to_hour) == (0, _LAST_HOUR) and not rule.weekdays and rule.holidays != "closed"


def opens_at(rule: Rule, policy: Policy, at: datetime) -> datetime | None:
    """The first moment from ``at`` (UTC) on at which the rule is open: ``at`` itself when it is; None if never.

    A span belongs to the day on which it begins. Where the clocks skip its edge it lies at the moment of the change,
    and where they show the edge twice at the first time (PEP 495).
    """
    require_utc(at)
    if always_open(rule):
        return at
    zone = ZoneInfo(policy.time_zone)
    for begin, end in _spans(rule, policy, zone, at.astimezone(zone).date()):
        if at < end:
            return max(at, begin)
    return None


def _spans(rule: Rule, policy: Policy, zone: ZoneInfo, day: date) -> Iterator[tuple[datetime, datetime]]:
    """Open spans (UTC) of the days from the day before ``day`` on, in order."""
    closed = frozenset(holiday.day for holiday in policy.holidays) if rule.holidays == "closed" else frozenset()
    if rule.from_hour == rule.to_hour:
        return
    over_midnight = rule.to_hour < rule.from_hour
    for step in range(-1, LOOK_AHEAD_DAYS):
        begins_on = day + step * _DAY
        if begins_on in closed or (rule.weekdays and WEEKDAYS[begins_on.weekday()] not in rule.weekdays):
            continue
        yield (
            _instant(begins_on, rule.from_hour, zone),
            _instant(begins_on + _DAY if over_midnight else begins_on, rule.to_hour, zone),
        )


def _instant(day: date, hour: int, zone: ZoneInfo) -> datetime:
    if hour == _LAST_HOUR:
        day, hour = day + _DAY, 0
    return datetime.combine(day, time(hour), tzinfo=zone).astimezone(UTC)

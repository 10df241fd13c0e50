"""Hours, weekdays and holidays of the local calendar, over midnight and where the clocks change."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zakhira.controls.engine.open_hours import always_open, opens_at
from zakhira.programme.model import Policy
from zakhira.programme.policy import WEEKDAYS, Holiday, Rule

RULE = Rule("r", "Rule 1", ("spend",))
NEW_YORK = "America/New_York"


def utc(text: str) -> datetime:
    """An instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("from_hour", "to_hour", "weekdays", "zone", "at", "opening"),
    [
        # Karachi is five hours ahead and has no daylight saving.
        (9, 17, (), "Asia/Karachi", "2026-01-05 04:00", "2026-01-05 04:00"),
        (9, 17, (), "Asia/Karachi", "2026-01-05 11:59:59", "2026-01-05 11:59:59"),
        (9, 17, (), "Asia/Karachi", "2026-01-05 12:00", "2026-01-06 04:00"),
        (9, 17, (), "Asia/Karachi", "2026-01-05 03:59", "2026-01-05 04:00"),
        (9, 17, ("mon",), "Asia/Karachi", "2026-01-05 12:00", "2026-01-12 04:00"),
        # A Friday in Karachi begins on Thursday evening in UTC.
        (0, 24, ("fri",), "Asia/Karachi", "2026-01-08 19:00", "2026-01-08 19:00"),
        (0, 24, ("fri",), "Asia/Karachi", "2026-01-09 19:00", "2026-01-15 19:00"),
        # Over midnight the span belongs to the day on which it begins.
        (22, 6, ("fri",), "UTC", "2026-01-10 05:59", "2026-01-10 05:59"),
        (22, 6, ("fri",), "UTC", "2026-01-10 06:00", "2026-01-16 22:00"),
        (22, 6, ("fri",), "UTC", "2026-01-09 05:00", "2026-01-09 22:00"),
        (22, 6, (), "UTC", "2026-01-09 12:00", "2026-01-09 22:00"),
        # The clocks skip 2026-03-08 02:00 to 03:00 in New York: 02:00 opens as they jump, at 07:00 UTC.
        (2, 5, (), NEW_YORK, "2026-03-08 06:30", "2026-03-08 07:00"),
        (2, 5, (), NEW_YORK, "2026-03-08 08:59", "2026-03-08 08:59"),
        (2, 5, (), NEW_YORK, "2026-03-08 09:00", "2026-03-09 06:00"),
        # They show 01:00 to 02:00 twice on 2026-11-01: it opens at the first, and both count.
        (1, 3, (), NEW_YORK, "2026-11-01 04:00", "2026-11-01 05:00"),
        (1, 3, (), NEW_YORK, "2026-11-01 06:30", "2026-11-01 06:30"),
        (1, 3, (), NEW_YORK, "2026-11-01 08:00", "2026-11-02 06:00"),
        (0, 1, (), NEW_YORK, "2026-11-01 05:30", "2026-11-02 05:00"),
        # The day before and after in local hours, over both changes.
        (9, 17, (), NEW_YORK, "2026-03-07 13:00", "2026-03-07 14:00"),
        (9, 17, (), NEW_YORK, "2026-03-08 12:00", "2026-03-08 13:00"),
    ],
)
def test_the_next_opening(
    policy: Policy, from_hour: int, to_hour: int, weekdays: tuple[str, ...], zone: str, at: str, opening: str
) -> None:
    rule = replace(RULE, from_hour=from_hour, to_hour=to_hour, weekdays=weekdays)
    assert opens_at(rule, replace(policy, time_zone=zone), utc(at)) == utc(opening)


def test_holidays_close_the_days_that_they_name(policy: Policy) -> None:
    """Eid in Karachi: local days, and only for rules that close on them."""
    eid = tuple(Holiday(date(2026, 3, day), "Eid ul-Fitr") for day in (20, 21, 22))
    there = replace(policy, time_zone="Asia/Karachi", holidays=eid)
    closed = replace(RULE, from_hour=9, to_hour=17, holidays="closed")
    assert opens_at(closed, there, utc("2026-03-19 12:00")) == utc("2026-03-23 04:00")
    assert opens_at(replace(closed, holidays="open"), there, utc("2026-03-19 12:00")) == utc("2026-03-20 04:00")
    assert opens_at(replace(closed, from_hour=0, to_hour=24), there, utc("2026-03-19 19:00")) == utc("2026-03-22 19:00")


def test_a_rule_without_hours_is_always_open(policy: Policy) -> None:
    """And one whose span is empty, or whose days are all closed, never is."""
    at = utc("2026-01-05 04:00")
    assert always_open(RULE)
    assert opens_at(RULE, policy, at) == at
    assert opens_at(replace(RULE, from_hour=8, to_hour=8), policy, at) is None
    every = tuple(Holiday(date(2026, 1, 5) + timedelta(days=n), "") for n in range(-1, 900))
    assert opens_at(replace(RULE, holidays="closed"), replace(policy, holidays=every), at) is None


def is_open(rule: Rule, policy: Policy, at: datetime) -> bool:
    """Read off the clock on the wall and the calendar beside it, without any span."""
    local = at.astimezone(ZoneInfo(policy.time_zone))
    begun_yesterday = rule.to_hour < rule.from_hour and local.hour < rule.to_hour
    if rule.from_hour < rule.to_hour:
        in_hours = rule.from_hour <= local.hour < rule.to_hour
    else:
        in_hours = local.hour >= rule.from_hour or begun_yesterday
    day = local.date() - timedelta(days=begun_yesterday)
    closed = rule.holidays == "closed" and any(holiday.day == day for holiday in policy.holidays)
    return in_hours and not closed and (not rule.weekdays or WEEKDAYS[day.weekday()] in rule.weekdays)


@given(
    hours=st.tuples(st.integers(0, 23), st.integers(1, 24)).filter(lambda pair: pair[0] != pair[1] % 24),
    weekdays=st.sets(st.sampled_from(WEEKDAYS)),
    holidays=st.sets(st.integers(0, 14), max_size=4),
    closes=st.booleans(),
    zone=st.sampled_from(["Asia/Karachi", NEW_YORK, "Europe/London", "UTC", "Asia/Kathmandu"]),
    start=st.sampled_from(["2026-03-05 00:00", "2026-10-22 00:00", "2026-10-30 00:00", "2026-03-27 00:00"]),
    minutes=st.integers(0, 7 * 1440),
)
def test_openings_agree_with_the_clock_on_the_wall(
    policy: Policy,
    hours: tuple[int, int],
    weekdays: set[str],
    holidays: set[int],
    closes: bool,  # noqa: FBT001 - hypothesis names its arguments
    zone: str,
    start: str,
    minutes: int,
) -> None:
    """The opening found is open, nothing before it is: half hours around changes of the clocks, one by one."""
    rule = replace(
        RULE,
        from_hour=hours[0],
        to_hour=hours[1],
        weekdays=tuple(day for day in WEEKDAYS if day in weekdays),
        holidays="closed" if closes else "open",
    )
    first = utc(start)
    days = tuple(Holiday(first.date() + timedelta(days=n), "") for n in sorted(holidays))
    there = replace(policy, time_zone=zone, holidays=days)
    at = first + timedelta(minutes=minutes)
    opening = opens_at(rule, there, at)
    assert opening is not None
    assert is_open(rule, there, opening)
    step = at
    while step < min(opening, at + timedelta(days=9)):
        assert not is_open(rule, there, step), step
        step += timedelta(minutes=15)

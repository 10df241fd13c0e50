"""How alarms are told: once, again when they change or after a while, and when they are over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from zakhira.watch.alarm import Alarm, AlarmKind, News, Raised, Telling, alarm_of, raised_of, tell

START = datetime(2026, 1, 5, 12, tzinfo=UTC)
ALARM = Alarm(AlarmKind.NODE_DOWN, "node down", "The node does not answer.", {"height": 7})
TELLING = Telling(repeat_after=timedelta(hours=1), quiet_for=timedelta(minutes=1))


def told(raised: dict[str, Raised], at: datetime, *alarms: Alarm) -> tuple[dict[str, Raised], list[News]]:
    """One moment."""
    after, notices = tell(raised, alarms, at, TELLING)
    return after, [notice.news for notice in notices]


def test_an_alarm_that_holds_is_told_once_and_again_after_the_interval() -> None:
    """An hour of the same alarm every second: told at the beginning and at its end, not 3,600 times."""
    raised: dict[str, Raised] = {}
    news: list[tuple[int, News]] = []
    for second in range(3_601):
        raised, found = told(raised, START + timedelta(seconds=second), ALARM)
        news += [(second, one) for one in found]
    assert news == [(0, News.RAISED), (3_600, News.REPEATED)]


def test_a_changed_sentence_is_news() -> None:
    """Changed facts alone are not."""
    raised, _ = told({}, START, ALARM)
    other = Alarm(ALARM.kind, ALARM.key, ALARM.sentence, {"height": 8})
    raised, news = told(raised, START, other)
    assert news == []
    assert raised[ALARM.key].alarm.facts == {"height": 8}
    _, news = told(raised, START, Alarm(ALARM.kind, ALARM.key, "It refuses us."))
    assert news == [News.CHANGED]


def test_what_comes_and_goes_is_one_alarm() -> None:
    """A node that answers every other time: told once, and its end once it has been quiet for a minute."""
    raised: dict[str, Raised] = {}
    news: list[News] = []
    for second in range(0, 100, 2):
        for alarms in ((ALARM,), ()):
            raised, found = told(raised, START + timedelta(seconds=second), *alarms)
            news += found
    assert news == [News.RAISED]
    raised, found = told(raised, START + timedelta(seconds=98 + 60))
    assert (found, raised) == ([News.ENDED], {})


def test_an_alarm_survives_its_text() -> None:
    """Written and read again it is the same; the id of a telling names exactly that telling."""
    assert alarm_of(ALARM.as_json()) == ALARM
    raised, notices = tell({}, (ALARM,), START, TELLING)
    assert raised_of(raised[ALARM.key].as_json()) == raised[ALARM.key]
    _, again = tell({}, (ALARM,), START + timedelta(hours=1), TELLING)
    assert notices[0].as_json()["id"] != again[0].as_json()["id"]


def test_every_kind_has_a_code_of_its_own() -> None:
    """And a meaning."""
    assert len({kind.code for kind in AlarmKind}) == len(AlarmKind)
    assert all(kind.meaning for kind in AlarmKind)

"""How alarms are told: once, again when they change or after a while, and when they are over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from zakhira.watch.alarm import JOINED_OVER, Alarm, AlarmKind, News, Raised, Telling, alarm_of, joined, raised_of, tell

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


def _junk(count: int) -> list[Alarm]:
    names = [f"{number:05}" for number in range(count)]
    return [Alarm(AlarmKind.NOT_GENUINE, f"forged:{name}", f"Spend {name} is none.", {"spend": name}) for name in names]


def test_a_flood_of_one_cause_is_one_alarm_with_its_number() -> None:
    """Ten thousand junk spends and a theft: twenty by themselves, one for the rest, and the theft as ever."""
    thefts = [Alarm(AlarmKind.NO_INSTRUCTION, f"no_instruction:{n}", "Gone.", {"txid": str(n)}) for n in range(30)]
    told_of = joined([*_junk(10_000), *thefts, ALARM], {})
    assert len(told_of) == JOINED_OVER + 1 + len(thefts) + 1
    assert all(theft in told_of for theft in thefts)
    (more,) = [alarm for alarm in told_of if alarm.key == "more forged"]
    assert more.facts["count"] == 10_000 - JOINED_OVER
    assert "at least 1,000 more" in more.sentence


def test_a_flood_that_grows_is_no_news_each_time() -> None:
    """One more at each look, with names before and behind those that were told: neither ends nor changes anything."""
    raised, notices = tell({}, joined(_junk(100), {}), START, TELLING)
    assert len(notices) == JOINED_OVER + 1
    for extra in range(1, 50):
        early = [Alarm(AlarmKind.NOT_GENUINE, f"forged:!{number}", "Junk.") for number in range(extra)]
        at = START + timedelta(minutes=extra)
        raised, notices = tell(raised, joined([*early, *_junk(100 + extra)], raised), at, TELLING)
        assert [notice.alarm.key for notice in notices if notice.news is not News.CHANGED] == []
        assert len(notices) <= 1

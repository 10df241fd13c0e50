"""Alarms and how they are told: once, again when they change or after a while, and when they are over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum

from zakhira.kernel.canonical import Json, content_hash
from zakhira.kernel.interval import parse_utc, utc_text


class Severity(Enum):
    """How much haste there is."""

    CRITICAL = "critical"
    """coins are in other hands or about to be: stop everything and call"""
    WARNING = "warning"
    """the watch is blind on one eye, or something becomes dangerous: look today"""
    NOTICE = "notice"
    """a state that somebody should know of"""


class AlarmKind(Enum):
    """Every cause of an alarm: its code, how much haste there is, and what it means in general."""

    NO_INSTRUCTION = ("ZK-WATCH-001", Severity.CRITICAL, "coins of a vault move, and no approved instruction says so")
    REFUSED_BY_POLICY = ("ZK-WATCH-002", Severity.CRITICAL, "coins of a vault move as the policy does not allow")
    NOT_GENUINE = ("ZK-WATCH-003", Severity.CRITICAL, "a signature of an officer that does not verify")
    STRANGE_SIGNER = ("ZK-WATCH-004", Severity.CRITICAL, "signers that the rule does not name")
    INSTRUCTION_CHANGED = ("ZK-WATCH-005", Severity.CRITICAL, "an instruction that was changed or taken away later")
    USED_TWICE = ("ZK-WATCH-006", Severity.CRITICAL, "one instruction carried out by two transactions")
    COORDINATOR_SILENT = ("ZK-WATCH-007", Severity.WARNING, "no sign of life from the coordinator")
    SOURCE_UNREADABLE = ("ZK-WATCH-008", Severity.WARNING, "the signed instructions cannot be read")
    RECOVERY_NEAR = ("ZK-WATCH-009", Severity.WARNING, "the recovery path of a coin opens soon, or is open")
    HOLD_ENDS = ("ZK-WATCH-010", Severity.NOTICE, "the time lock of a held vault ends soon, or is over")
    KEY_OVERDUE = ("ZK-WATCH-011", Severity.WARNING, "a key has not been shown to work for too long")
    NODES_DIFFER = ("ZK-WATCH-012", Severity.CRITICAL, "two nodes follow different chains")
    NODE_BEHIND = ("ZK-WATCH-013", Severity.WARNING, "a node is behind the other, or its tip is old")
    NODE_DOWN = ("ZK-WATCH-014", Severity.CRITICAL, "a node of the watchtower does not answer")
    CONFIRMATION_LOST = ("ZK-WATCH-015", Severity.WARNING, "a reorganisation took the confirmation of a vault's coin")
    POLICY_UNPROVEN = ("ZK-WATCH-016", Severity.CRITICAL, "a change of the policy whose signatures do not bear it out")
    FROZEN = ("ZK-WATCH-017", Severity.NOTICE, "an officer has frozen the reserve")
    OUTBOX_FULL = ("ZK-WATCH-018", Severity.WARNING, "alarms that cannot be delivered pile up")
    UNREADABLE = ("ZK-WATCH-019", Severity.CRITICAL, "bytes that the decoders cannot read, or read differently")

    READ_AFTERWARDS = ("ZK-WATCH-020", Severity.WARNING, "coins moved before the signatures that allow it were there")
    VAULT_UNKNOWN = ("ZK-WATCH-022", Severity.WARNING, "officers accepted a vault that the watchtower's copy lacks")
    CLOCK_AHEAD = ("ZK-WATCH-021", Severity.WARNING, "the coordinator's clock is ahead of the watchtower's")

    @property
    def code(self) -> str:
        """The stable code."""
        return self.value[0]

    @property
    def severity(self) -> Severity:
        """How much haste there is."""
        return self.value[1]

    @property
    def meaning(self) -> str:
        """What it is, in general."""
        return self.value[2]


def kind_of_code(code: str) -> AlarmKind:
    """The cause with this code; raises ValueError for another."""
    for kind in AlarmKind:
        if kind.code == code:
            return kind
    raise ValueError(code)


@dataclass(frozen=True)
class Alarm:
    """Something that is wrong now. Two alarms of one ``key`` are the same; a changed sentence makes it news again.

    The sentence therefore holds no number that counts on by itself.
    """

    kind: AlarmKind
    key: str
    sentence: str
    """in plain words, with the rule that is broken where one is"""
    facts: Mapping[str, Json] = field(default_factory=dict)

    @property
    def rank(self) -> int:
        """Its place in a queue: 0 coins that moved, 1 what is critical else, 2 a warning, 3 a notice."""
        order = (Severity.CRITICAL, Severity.WARNING, Severity.NOTICE)
        return order.index(self.kind.severity) + (self.kind.severity is not Severity.CRITICAL or not self.moves_coins)

    @property
    def moves_coins(self) -> bool:
        """Whether it is about a transaction that spends coins of a vault."""
        return "txid" in self.facts

    def as_json(self) -> dict[str, Json]:
        """Plain data for notifiers and for the state on disk."""
        return {
            "code": self.kind.code,
            "severity": self.kind.severity.value,
            "key": self.key,
            "sentence": self.sentence,
            "facts": dict(self.facts),
        }


def alarm_of(body: Mapping[str, Json]) -> Alarm:
    """The alarm that :meth:`Alarm.as_json` wrote."""
    facts = body["facts"]
    assert isinstance(facts, Mapping), "facts are a mapping"
    return Alarm(kind_of_code(str(body["code"])), str(body["key"]), str(body["sentence"]), facts)


@dataclass(frozen=True)
class Raised:
    """An alarm that was told: since when it holds, and when it was told last and seen last."""

    alarm: Alarm
    since: datetime
    told_at: datetime
    seen_at: datetime

    def as_json(self) -> dict[str, Json]:
        """Plain data for the state on disk."""
        return {
            "alarm": self.alarm.as_json(),
            "since": utc_text(self.since),
            "told_at": utc_text(self.told_at),
            "seen_at": utc_text(self.seen_at),
        }


def raised_of(body: Mapping[str, Json]) -> Raised:
    """What :meth:`Raised.as_json` wrote."""
    told = body["alarm"]
    assert isinstance(told, Mapping), "an alarm is a mapping"
    instants = (parse_utc(str(body[name])) for name in ("since", "told_at", "seen_at"))
    return Raised(alarm_of(told), *instants)


class News(Enum):
    """Why an alarm is told."""

    RAISED = "raised"
    CHANGED = "changed"
    REPEATED = "repeated"
    ENDED = "ended"


@dataclass(frozen=True)
class Notice:
    """One telling of an alarm."""

    news: News
    alarm: Alarm
    since: datetime
    at: datetime

    def as_json(self) -> dict[str, Json]:
        """What a notifier sends. ``id`` is the same for the same telling: whoever gets it twice can drop one."""
        body: dict[str, Json] = {
            "news": self.news.value,
            "at": utc_text(self.at),
            "since": utc_text(self.since),
            **self.alarm.as_json(),
        }
        return {**body, "id": content_hash(body)[:32]}


JOINED_OVER = 20
"""[E] So many alarms of one cause are told one by one (low 5, high 100): whoever writes junk into the books must not
bury the one that matters. Those about coins that moved are never joined."""
_NAMED = 100


def joined(holding: Iterable[Alarm], raised: Mapping[str, Raised]) -> tuple[Alarm, ...]:
    """The alarms with what is too many of one cause as one, which says their number. Those told already stay alone."""
    alarms = {alarm.key: alarm for alarm in reversed(tuple(holding))}
    groups: dict[str, list[Alarm]] = {}
    for alarm in alarms.values():
        cause, is_one_of_many, _ = alarm.key.partition(":")
        if is_one_of_many and not alarm.moves_coins:
            groups.setdefault(cause, []).append(alarm)
    for cause, group in groups.items():
        if len(group) > JOINED_OVER:
            group.sort(key=lambda alarm: (alarm.key not in raised, alarm.key))
            rest = group[JOINED_OVER:]
            for alarm in rest:
                del alarms[alarm.key]
            alarms[f"more {cause}"] = _join(f"more {cause}", rest)
    return tuple(reversed(alarms.values()))


def _join(key: str, alarms: list[Alarm]) -> Alarm:
    """One alarm for many; its sentence says their number in powers of ten, so that each further one is no news."""
    about = 10 ** (len(str(len(alarms))) - 1)
    sentence = (
        f"Beside {JOINED_OVER} that are told one by one, at least {about:,} more of this kind hold: "
        f"{alarms[0].kind.meaning}. One of them: {alarms[0].sentence}"
    )
    named: list[Json] = [alarm.key for alarm in alarms[:_NAMED]]
    return Alarm(alarms[0].kind, key, sentence, {"count": len(alarms), "keys": named})


@dataclass(frozen=True)
class Telling:
    """How often what is still so is told, and for how long it must be gone before it counts as over."""

    repeat_after: timedelta = timedelta(hours=6)
    """[E] often enough that a shift hears of it, seldom enough to be read (low 1 h, high 24 h)"""
    quiet_for: timedelta = timedelta(minutes=1)
    """what comes and goes within this time is one alarm, not many"""


def tell(
    raised: Mapping[str, Raised], holding: Iterable[Alarm], at: datetime, telling: Telling
) -> tuple[dict[str, Raised], tuple[Notice, ...]]:
    """What is raised after this moment, and what is to be told of it now."""
    after = dict(raised)
    notices: list[Notice] = []
    seen: set[str] = set()
    for alarm in holding:
        if alarm.key in seen:
            continue
        seen.add(alarm.key)
        before = raised.get(alarm.key)
        if before is None:
            after[alarm.key] = Raised(alarm, at, at, at)
            notices.append(Notice(News.RAISED, alarm, at, at))
            continue
        news = _news(before, alarm, at, telling)
        after[alarm.key] = replace(before, alarm=alarm, seen_at=at, told_at=at if news else before.told_at)
        if news:
            notices.append(Notice(news, alarm, before.since, at))
    for key, before in raised.items():
        if key not in seen and at - before.seen_at >= telling.quiet_for:
            del after[key]
            notices.append(Notice(News.ENDED, before.alarm, before.since, at))
    return after, tuple(notices)


def _news(before: Raised, alarm: Alarm, at: datetime, telling: Telling) -> News | None:
    if (alarm.kind, alarm.sentence) != (before.alarm.kind, before.alarm.sentence):
        return News.CHANGED
    return News.REPEATED if at - before.told_at >= telling.repeat_after else None

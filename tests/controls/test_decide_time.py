"""Time changes an answer only through what a rule names; the hour of the clock as such means nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from officer_drill import OTHER_HASH, PAYEE, PROPOSED, Keys, answer, approve, codes, remarked, veto
from zakhira.adapters.drill_keys import officer_key
from zakhira.controls.approval import Approval
from zakhira.controls.engine.decision import Decision, Verdict
from zakhira.controls.engine.movement_log import MovementLog
from zakhira.controls.engine.movements import Movement
from zakhira.controls.engine.question import BoundLot
from zakhira.controls.engine.standing import Standing
from zakhira.kernel.money import Commodity, sats
from zakhira.programme.model import Policy
from zakhira.programme.policy import Deputy, Payee, Quorum, Rule, Statute, Window

MINUTE = timedelta(minutes=1)
WEEK = timedelta(weeks=1)
EXPIRES = PROPOSED + timedelta(hours=60)
RULES = st.builds(
    Rule,
    id=st.just("r"),
    clause=st.just("Rule 1"),
    actions=st.just(("spend",)),
    destinations=st.sampled_from(["any", "listed"]),
    propose_roles=st.just(("treasury",)),
    quorums=st.sampled_from(
        [
            (),
            (Quorum(1, ("governor",)),),
            (Quorum(1, ("governor",)),),
            (Quorum(1, ("governor",)), Quorum(1, ("comptroller",))),
        ]
    ),
    delay_hours=st.sampled_from([0, 3, 3, 17]),
    from_hour=st.sampled_from([0, 0, 9, 22]),
    to_hour=st.sampled_from([24, 24, 17, 6]),
    windows=st.lists(
        st.builds(Window, st.sampled_from([1, 5, 24]), st.sampled_from(["vault", "programme"]), st.just(sats(950_000))),
        min_size=1,
        max_size=1,
    ).map(tuple),
)
MINUTES = st.integers(-120, 62 * 60)
LOG = st.lists(st.tuples(st.integers(-30 * 60, 60 * 60), st.integers(60_000, 300_000)), max_size=2)
HEARD = st.integers(0, 200)
SAID = st.fixed_dictionaries({}, optional={"noor": HEARD, "sana": HEARD, "omar": HEARD}) | st.just({"noor": 100})


@cache
def signing_keys() -> Keys:
    """The keys of the fixture, once."""
    return {name: officer_key("tests of the controls", name) for name in ("noor", "sana", "omar")}


@cache
def yes(officer: str, at: datetime) -> Approval:
    """An approval, signed once."""
    return approve(signing_keys(), officer, at=at)


def scene(
    policy: Policy, rule: Rule, log: list[tuple[int, int]], said: dict[str, int], at: datetime, shift: timedelta
) -> Decision:
    """A question with everything in it moved by ``shift``; approvals are those that are known by ``at``."""
    start = PROPOSED + shift
    moments = {officer: start + minutes * MINUTE for officer, minutes in said.items()}
    day = start.astimezone(ZoneInfo("Asia/Karachi")).date()
    deputy = Deputy("omar", "noor", day + timedelta(days=1), day + timedelta(days=1))
    there = replace(
        policy,
        approval_hours=100,
        rules=(rule,),
        payees=(Payee("p", "A payee", PAYEE, start - timedelta(hours=48) + 10 * MINUTE),),
        deputies=(deputy,),
        time_zone="Asia/Karachi",
        statutes=(Statute("h", "A bill", "bill", "no", day, "hold", years=1),),
    )
    deposited = start.replace(year=start.year - 1) + 20 * MINUTE
    movements = [
        Movement(f"m{n}", start + minutes * MINUTE, "spend", Commodity.BTC, units, "cold", PAYEE, "")
        for n, (minutes, units) in enumerate(log)
    ]
    return answer(
        there,
        *(yes(officer, moment) for officer, moment in sorted(moments.items()) if moment <= at + shift),
        at=at + shift,
        proposed_at=start,
        expires_at=EXPIRES + shift,
        movements=MovementLog(movements),
        lots=(BoundLot("lot", "royalty", deposited, 900_000),),
    )


def told(decision: Decision) -> tuple[Verdict, str, set[str], set[str], int]:
    """The answer without the instants in its sentences."""
    return decision.verdict, decision.rule, codes(decision), remarked(decision), len(decision.needs)


@settings(max_examples=60, deadline=None)
@given(rule=RULES, log=LOG, said=SAID, minute=MINUTES, weeks=st.integers(1, 8))
def test_everything_later_by_whole_weeks_is_the_same(
    policy: Policy, rule: Rule, log: list[tuple[int, int]], said: dict[str, int], minute: int, weeks: int
) -> None:
    """Weeks, because rules name hours of days; in Karachi, where no clock is changed; and no 29 February between."""
    at = PROPOSED + minute * MINUTE
    here = scene(policy, rule, log, said, at, timedelta())
    there = scene(policy, rule, log, said, at, weeks * WEEK)
    assert told(here) == told(there)
    moved = [need.until for need in there.needs]
    assert moved == [None if need.until is None else need.until + weeks * WEEK for need in here.needs]


def edges(rule: Rule, log: list[tuple[int, int]], said: dict[str, int]) -> set[datetime]:
    """Every moment that the rule, the statute, the list or the proposal names, but for hours of the day."""
    found = {PROPOSED, EXPIRES, PROPOSED + 10 * MINUTE, PROPOSED + 20 * MINUTE}
    for minutes in said.values():
        moment = PROPOSED + minutes * MINUTE
        found |= {moment, moment + timedelta(hours=rule.delay_hours)}
    found.add(PROPOSED + timedelta(hours=rule.delay_hours))
    for minutes, _ in log:
        moment = PROPOSED + minutes * MINUTE
        found |= {moment, *(moment + timedelta(hours=window.hours) for window in rule.windows)}
    return found


def openings(rule: Rule) -> set[datetime]:
    """The hours of the rule on the days around, in Karachi, five hours ahead."""
    midnight = datetime(2026, 1, 4, tzinfo=UTC) - timedelta(hours=5)
    return {midnight + timedelta(days=day, hours=hour) for day in range(6) for hour in (rule.from_hour, rule.to_hour)}


@settings(max_examples=300, deadline=None)
@given(rule=RULES, log=LOG, said=SAID, which=st.integers(0, 60), before=st.integers(0, 60), later=st.integers(60, 400))
def test_between_the_moments_that_are_named_nothing_changes(
    policy: Policy, rule: Rule, log: list[tuple[int, int]], said: dict[str, int], which: int, before: int, later: int
) -> None:
    """Two moments without any edge between them have one answer, to the last word; they begin about an edge."""
    known = sorted({*edges(rule, log, said), *openings(rule)})
    about = [edge for edge in sorted(edges(rule, log, said)) if edge > PROPOSED]
    first = about[which % len(about)] - before * MINUTE
    last = first + later * MINUTE
    named = [edge for edge in known if first < edge <= last]
    if named:
        last = named[0] - timedelta(seconds=1)
    assert scene(policy, rule, log, said, first, timedelta()) == scene(policy, rule, log, said, last, timedelta())


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_the_order_of_what_was_said_does_not_matter(policy: Policy, keys: Keys, data: st.DataObject) -> None:
    """Yes's of every kind, no's, and several by one officer: any order is one answer."""
    ruled = replace(
        policy,
        rules=(
            Rule("r", "Rule 1", ("spend",), propose_roles=("treasury",), quorums=(Quorum(2, ("governor", "auditor")),)),
        ),
    )
    pool = [
        *(approve(keys, officer) for officer in ("sana", "noor", "omar", "amina")),
        approve(keys, "noor", at=PROPOSED + MINUTE),
        approve(keys, "tariq", policy_hash="v0"),
        approve(keys, "tariq", of=OTHER_HASH),
        replace(approve(keys, "bilal"), officer="sana"),
    ]
    no = [veto(keys, "omar", of=OTHER_HASH), veto(keys, "sana"), replace(veto(keys, "tariq"), reason="")]
    said = data.draw(st.lists(st.sampled_from(pool), max_size=6))
    against = data.draw(st.lists(st.sampled_from(no), max_size=3))
    standing = Standing(policy_hash=data.draw(st.sampled_from(["", "v0"])))
    first = answer(ruled, *said, vetoes=tuple(against), standing=standing)
    other = data.draw(st.permutations(said)), data.draw(st.permutations(against))
    assert answer(ruled, *other[0], vetoes=tuple(other[1]), standing=standing) == first

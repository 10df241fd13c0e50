"""Cases: names in place of signatures are answered as the signed matters are, and windows fill in order of time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations

from officer_drill import approve, execute
from policy_corpus_reader import CORPUS, read_planted
from policy_replay import KEYS, PAYEE, signing
from zakhira.controls.analysis.cases import Bench, Case, Ending, Outcome, question_of, replay, shifts
from zakhira.controls.engine.decide import decide
from zakhira.controls.engine.decision import Decision, Why
from zakhira.controls.engine.movement_log import MovementLog
from zakhira.controls.engine.question import Destination
from zakhira.controls.engine.standing import Standing
from zakhira.kernel.canonical import content_hash
from zakhira.kernel.money import Amount, sats
from zakhira.programme.model import Policy
from zakhira.programme.policy import Deputy

AT = datetime(2027, 6, 1, 6, tzinfo=UTC)
BTC = 100_000_000


def clean() -> Policy:
    """The clean policy of the corpus with a payee on its list."""
    return signing(read_planted(CORPUS / "clean-plain.toml").policy)


def payment(name: str, amount: Amount, at: datetime = AT, **other: object) -> Case:
    """A payment to the payee of the list, proposed and approved by the right people at once."""
    case = Case(
        id=name,
        action="spend",
        proposer="treasury-1",
        proposed_at=at,
        amount=amount,
        vault="cold",
        destinations=(Destination(PAYEE.address, amount),),
        purpose="works",
        approvers=("comptroller-1", "director-1"),
        executor="auditor-1",
    )
    return replace(case, **other)  # type: ignore[arg-type]  # fields of a case


def test_windows_fill_in_order_of_time_whatever_the_order_of_the_file() -> None:
    """0.99 BTC may leave in a week: of three payments of 0.4 BTC the latest is refused, and a week later it is not."""
    cases = [
        payment("third", sats(40_000_000), AT + timedelta(hours=2)),
        payment("first", sats(40_000_000)),
        payment("second", sats(40_000_000), AT + timedelta(hours=1)),
        payment("week later", sats(40_000_000), AT + timedelta(hours=169)),
    ]
    ends = replay(clean(), cases)
    assert [end.ending for end in ends] == [Ending.REFUSED, *[Ending.ALLOWED] * 3]
    assert (ends[0].rule, ends[0].why) == ("payments", Why.WINDOW_AMOUNT.code)
    assert replay(clean(), cases[::-1]) == ends[::-1]


def test_what_waits_is_asked_again_when_the_wait_is_over() -> None:
    """A large payment waits for its 12 hours and then for nine o'clock; a proposal that ends before that is refused."""
    told: list[tuple[str, Decision]] = []
    case = payment("large", sats(2 * BTC))
    (end,) = replay(clean(), [case], tell=lambda case, decision, _at: told.append((case.id, decision)))
    assert end == Outcome(Ending.ALLOWED, "large", "", datetime(2027, 6, 2, 4, tzinfo=UTC)), "09:00 in Karachi is 04:00"
    assert [(name, decision.verdict.name) for name, decision in told] == [("large", "NEEDS")]
    (late,) = replay(clean(), [replace(case, approved_at=AT + timedelta(hours=20))])
    assert (late.ending, late.why) == (Ending.REFUSED, Why.EXPIRED.code)


def test_who_is_missing_is_told() -> None:
    """Without the director or the second person the case stays where it is, and moves nothing."""
    cases = [
        payment("no director", sats(90_000_000), approvers=("comptroller-1",)),
        payment("nobody executes", sats(2 * BTC), executor=""),
        payment("the rest", sats(90_000_000), AT + timedelta(minutes=1)),
    ]
    ends = replay(clean(), cases)
    assert [end.ending for end in ends] == [Ending.MISSING, Ending.MISSING, Ending.ALLOWED]
    assert [end.why for end in ends[:1]] == ["director"]
    assert "auditor" in ends[1].why


def test_names_are_answered_as_signatures_are() -> None:
    """Every crew of up to three of eight officers, by name and with keys: the same verdict, rule, reasons and needs."""
    policy = replace(clean(), deputies=(Deputy("auditor-2", "director-1", AT.date(), AT.date()),))
    bench = Bench(policy)
    for count in range(4):
        for number, crew in enumerate(combinations(sorted(KEYS), count)):
            for executor in ("", "auditor-1", "director-2"):
                for amount in (sats(BTC // 2), sats(2 * BTC)):
                    name = f"{count}-{number}"
                    case = payment(name, amount, approvers=crew, executor=executor)
                    at = AT + timedelta(hours=1)
                    assert _short(bench.decide(case, at)) == _short(_signed(policy, case, at)), (crew, executor)


def _short(decision: Decision) -> tuple[object, ...]:
    reasons = {reason.code for reason in decision.reasons}
    return decision.verdict, decision.rule, reasons, [(need.text, need.until) for need in decision.needs]


def _signed(policy: Policy, case: Case, at: datetime) -> Decision:
    named = question_of(case, policy)
    of = content_hash(case.id)
    question = replace(
        named,
        hash=of,
        approvals=tuple(approve(KEYS, name, of, AT) for name in case.approvers),
        execution=execute(KEYS, case.executor, str(case.amount), of, AT) if case.executor else None,
    )
    return decide(policy, Standing(), MovementLog(), question, at)


def test_a_policy_with_cedar_text_of_its_own_is_asked_each_time() -> None:
    """What it forbids by the amount is forbidden by the amount, though the people are the same."""
    text = """@id("no-seven")
forbid (principal, action == Action::"propose", resource is Matter)
when { resource has amount && resource.amount == 7 };
"""
    cases = [payment("eight", sats(8)), payment("seven", sats(7), AT + timedelta(hours=1))]
    assert [end.ending for end in replay(clean(), cases)] == [Ending.ALLOWED, Ending.ALLOWED]
    ends = replay(replace(clean(), authorization=text), cases)
    assert [(end.ending, end.why) for end in ends] == [
        (Ending.ALLOWED, ""),
        (Ending.REFUSED, Why.NOT_PERMITTED.code),
    ]


def test_shifts_are_told_by_rule_the_more_permissive_first() -> None:
    """A policy without the window lets the third through; one that refuses all lets none."""
    cases = [payment(str(number), sats(40_000_000), AT + timedelta(hours=number)) for number in range(3)]
    policy = clean()
    loose = replace(policy, rules=tuple(replace(r, windows=()) if r.id == "payments" else r for r in policy.rules))
    shut = replace(policy, rules=tuple(rule for rule in policy.rules if rule.id != "payments"))
    before = replay(policy, cases)
    (looser,) = shifts(cases, before, replay(loose, cases))
    assert (looser.is_looser, looser.cases, looser.amount_sats, looser.example.id) == (True, 1, 40_000_000, "2")
    (stricter,) = shifts(cases, before, replay(shut, cases))
    assert (stricter.is_stricter, stricter.cases, stricter.new.why) == (True, 2, Why.NO_RULE.code), (
        "one was refused before"
    )
    assert shifts(cases, before, before) == ()

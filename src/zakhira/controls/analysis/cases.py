"""A matter with names in place of signatures, and how a policy would have ended many of them in order of time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import IntEnum
from heapq import heapify, heappop, heappush

from zakhira.controls.approval import Approval, Execution
from zakhira.controls.engine.decide import decide_in
from zakhira.controls.engine.decision import Decision, NeedKind, Verdict
from zakhira.controls.engine.evidence import Setting
from zakhira.controls.engine.movement_log import MovementLog
from zakhira.controls.engine.movements import Movement
from zakhira.controls.engine.named_people import NamedPeople
from zakhira.controls.engine.people import people_of
from zakhira.controls.engine.question import BoundLot, Destination, Question
from zakhira.controls.engine.rule_fit import plain_address
from zakhira.controls.engine.standing import Standing
from zakhira.kernel.money import Amount, Commodity
from zakhira.programme.model import Policy
from zakhira.programme.policy import Payee

REPORT_EVERY = 500
"""Cases between two words on how far it is."""
MOST_WAITS = 10
"""How often a case that waits is asked about again: after a delay the hours may be over, and so on."""
_STANDING = Standing()
"""No freeze, no revoked key, any version: a case says nothing of them."""
Report = Callable[[int, int], None]
"""``report(done, total)``."""
Tell = Callable[["Case", Decision, datetime], None]


@dataclass(frozen=True)
class Case:
    """Who proposed what when, who is said to have approved and executed it, and what was known of the coins."""

    id: str
    action: str
    proposer: str
    proposed_at: datetime
    amount: Amount | None = None
    vault: str = ""
    path: str = "main"
    destinations: tuple[Destination, ...] = ()
    purpose: str = ""
    approvers: tuple[str, ...] = ()
    approved_at: datetime | None = None
    """of the last approval; None: at once"""
    executor: str = ""
    executed_at: datetime | None = None
    """when it was, or shall be, carried out; None: as soon as it is approved"""
    fee_sats: int = 0
    balance: Amount | None = None
    lots: tuple[BoundLot, ...] = ()

    @property
    def asked_at(self) -> datetime:
        """When it is first asked whether it may be carried out."""
        return max(self.proposed_at, self.approved_at or self.proposed_at, self.executed_at or self.proposed_at)


class Ending(IntEnum):
    """What becomes of a case, ordered as answers are."""

    REFUSED = 0
    MISSING = 1
    """somebody has not approved or executed"""
    ALLOWED = 2


@dataclass(frozen=True)
class Outcome:
    """How a policy ends a case: by which rule, why not, and when it was allowed."""

    ending: Ending
    rule: str
    why: str = ""
    """code of the first reason, or what is missing"""
    at: datetime | None = None


def question_of(case: Case, policy: Policy) -> Question:
    """The case as a question; its signatures are empty, and counted by name alone."""
    said_at = case.approved_at or case.proposed_at
    execution = None
    if case.executor:
        amount = "" if case.amount is None else str(case.amount)
        execution = Execution(case.executor, case.id, amount, "case", "", max(said_at, case.executed_at or said_at))
    return Question(
        action=case.action,
        id=case.id,
        hash=case.id,
        proposer=case.proposer,
        proposed_at=case.proposed_at,
        expires_at=case.proposed_at + timedelta(hours=policy.approval_hours),
        amount=case.amount,
        fee_sats=case.fee_sats,
        vault=case.vault,
        path=case.path,
        destinations=case.destinations,
        purpose=case.purpose,
        lots=case.lots,
        balance=case.balance,
        approvals=tuple(Approval(name, case.id, "", said_at) for name in case.approvers),
        execution=execution,
    )


@dataclass
class Bench:
    """A policy with what was allowed under it so far, made to be asked about many cases.

    The same people under the same rule come to the same, whatever moves: that is found out once. Payees that no case
    pays are left out of what a destination is held against.
    """

    policy: Policy
    log: MovementLog = field(default_factory=MovementLog)

    def __post_init__(self) -> None:
        self._people = people_of(self.policy)
        self._attend = NamedPeople()
        self._narrowed: dict[frozenset[str], Policy] = {}
        self._payees: dict[str, list[Payee]] = {}
        for payee in self.policy.payees:
            self._payees.setdefault(plain_address(payee.address), []).append(payee)

    def decide(self, case: Case, at: datetime) -> Decision:
        """What the policy says of a case at ``at`` (UTC), after what was allowed before."""
        setting = Setting(question_of(case, self.policy), self._people, _STANDING, at, {})
        return decide_in(setting, self._policy_for(case), self.log, self._attend)

    def _policy_for(self, case: Case) -> Policy:
        paid = frozenset({plain_address(place.address) for place in case.destinations} & self._payees.keys())
        if paid not in self._narrowed:
            payees = tuple(payee for address in sorted(paid) for payee in self._payees[address])
            self._narrowed[paid] = replace(self.policy, payees=payees)
        return self._narrowed[paid]


def replay(
    policy: Policy,
    cases: Sequence[Case],
    report: Report = lambda _done, _total: None,
    tell: Tell = lambda _case, _decision, _at: None,
) -> list[Outcome]:
    """How a policy would have ended each case, all of them in order of time, so that windows fill as they would have.

    A case that has to wait is asked about again when the wait is over, as long as its proposal lasts;
    ``tell`` hears the answer to the first question about each.
    """
    bench = Bench(policy)
    ends: list[Outcome | None] = [None] * len(cases)
    queue = [(case.asked_at, number, 0) for number, case in enumerate(cases)]
    heapify(queue)
    done = 0
    while queue:
        at, number, waits = heappop(queue)
        case = cases[number]
        decision = bench.decide(case, at)
        if not waits:
            tell(case, decision, at)
        again = _again(decision)
        if again is not None and waits < MOST_WAITS:
            heappush(queue, (again, number, waits + 1))
            continue
        if decision.allowed:
            for movement in movements(case, at):
                bench.log.append(movement)
        ends[number] = _outcome(decision, at)
        done += 1
        if done % REPORT_EVERY == 0:
            report(done, len(cases))
    report(len(cases), len(cases))
    return [end for end in ends if end is not None]


def _again(decision: Decision) -> datetime | None:
    """When to ask again: where nothing but time is missing."""
    if decision.verdict is not Verdict.NEEDS or any(need.kind is not NeedKind.TIME for need in decision.needs):
        return None
    return max((need.until for need in decision.needs if need.until is not None), default=None)


def _outcome(decision: Decision, at: datetime) -> Outcome:
    if decision.allowed:
        return Outcome(Ending.ALLOWED, decision.rule, "", at)
    if decision.verdict is Verdict.REFUSED:
        return Outcome(Ending.REFUSED, decision.rule, decision.reasons[0].code)
    return Outcome(Ending.MISSING, decision.rule, ", ".join(decision.missing))


def movements(case: Case, at: datetime) -> Iterable[Movement]:
    """What a case counts as in windows once it is allowed at ``at`` (UTC)."""
    lots = tuple(dict.fromkeys(lot.purpose for lot in case.lots))
    stays = bool(case.vault) and all(place.vault == case.vault for place in case.destinations)
    for place in case.destinations if not stays else ():  # what comes back whole has not moved
        amount, where = place.amount, plain_address(place.address)
        yield Movement(
            *(case.id, at, case.action, amount.commodity, amount.units, case.vault, where, case.purpose),
            lots,
        )
    if not case.destinations and case.amount is not None:
        yield Movement(
            *(case.id, at, case.action, case.amount.commodity, case.amount.units, case.vault, "", case.purpose),
            lots,
        )


@dataclass(frozen=True)
class Shift:
    """Cases that one old and one new rule end, at least one of them otherwise than before."""

    old: Outcome
    new: Outcome
    cases: int
    amount_sats: int
    """in all, of those in bitcoin"""
    example: Case

    @property
    def is_looser(self) -> bool:
        """Whether more gets through."""
        return self.new.ending > self.old.ending

    @property
    def is_stricter(self) -> bool:
        """Whether less gets through."""
        return self.new.ending < self.old.ending


def shifts(cases: Sequence[Case], old: Sequence[Outcome], new: Sequence[Outcome]) -> tuple[Shift, ...]:
    """Changed endings by old and new rule and reason, the more permissive first and then by amount.

    A case that another rule refuses, or allows at the same time, has not changed.
    """
    found: dict[tuple[object, ...], Shift] = {}
    for case, was, now in zip(cases, old, new, strict=True):
        if was.ending is now.ending and was.at == now.at and (was.why == now.why or was.ending is not Ending.MISSING):
            continue
        units = case.amount.units if case.amount is not None and case.amount.commodity is Commodity.BTC else 0
        key = (was.ending, was.rule, was.why, now.ending, now.rule, now.why)
        known = found.get(key)
        found[key] = Shift(
            was,
            now,
            (known.cases if known else 0) + 1,
            (known.amount_sats if known else 0) + units,
            known.example if known else case,
        )
    return tuple(sorted(found.values(), key=lambda shift: (-(shift.new.ending - shift.old.ending), -shift.amount_sats)))

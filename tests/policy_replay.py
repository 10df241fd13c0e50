"""Plays what an analysis says through the engine itself, with keys and signatures, one matter after the other."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta

from officer_drill import approve, execute
from zakhira.adapters.drill_keys import officer_key, officer_public_key
from zakhira.controls.analysis.cells import OTHER_PURPOSE
from zakhira.controls.analysis.finding import Step
from zakhira.controls.engine.decide import decide
from zakhira.controls.engine.decision import Decision
from zakhira.controls.engine.movement_log import MovementLog
from zakhira.controls.engine.movements import Movement
from zakhira.controls.engine.question import Question
from zakhira.controls.engine.standing import Standing
from zakhira.kernel.canonical import content_hash
from zakhira.kernel.money import sats
from zakhira.programme.model import Policy
from zakhira.programme.policy import Payee

PHRASE = "replay of policies"
OFFICERS = tuple(f"{role}-{number}" for role in ("treasury", "comptroller", "director", "auditor") for number in (1, 2))
KEYS = {officer: officer_key(PHRASE, officer) for officer in OFFICERS}
"""Of every officer in the corpus."""
START = datetime(2027, 6, 1, tzinfo=UTC)
HUNDRED_MILLION_BTC = sats(10**16)
LOOK_AHEAD_HOURS = 240
PAYEE = Payee("replayed", "A payee of the list", "listed-payee", START - timedelta(days=3_660))


def signing(policy: Policy) -> Policy:
    """The policy with officers whose keys the test holds, and a payee who can be paid."""
    officers = tuple(replace(each, public_key=officer_public_key(PHRASE, each.id)) for each in policy.officers)
    return replace(policy, officers=officers, payees=(*policy.payees, PAYEE))


@dataclass
class Replay:
    """A policy in force, and what was allowed under it so far."""

    policy: Policy
    now: datetime = START
    log: MovementLog = field(default_factory=MovementLog)
    count: int = 0

    def step(self, step: Step) -> list[Decision]:
        """Do a step as often as it says; the answer to each matter at the first moment at which it is allowed."""
        return [self._matter(step, number) for number in range(step.times)]

    def _matter(self, step: Step, number: int) -> Decision:
        """Proposed when the wait is shortest: with a delay and hours, it depends on when it is put forward."""
        self.count += 1
        decision = None
        for hour in range(LOOK_AHEAD_HOURS):
            proposed_at = self.now + timedelta(hours=hour)
            for wait in range(self.policy.approval_hours):
                at = proposed_at + timedelta(hours=wait, minutes=1)
                question = self._question(step, number, proposed_at, at)
                decision = decide(self.policy, Standing(), self.log, question, at)
                if decision.allowed:
                    self._record(question, at)
                    return decision
                if not decision.needs:
                    return decision
        assert decision is not None, "there is an hour to look at"
        return decision

    def _question(self, step: Step, number: int, proposed_at: datetime, at: datetime) -> Question:
        cell = step.cell
        name = f"matter-{self.count}"
        purpose = f"purpose {number}" if cell.purpose == OTHER_PURPOSE else cell.purpose
        draft = Question(
            action=cell.action,
            id=name,
            hash=content_hash(name),
            proposer=step.proposer,
            proposed_at=proposed_at,
            expires_at=proposed_at + timedelta(hours=self.policy.approval_hours),
            amount=cell.amount,
            vault=cell.vault,
            path=cell.path,
            destinations=cell.destinations(PAYEE.address, f"outside-{number}"),
            purpose=purpose,
            balance=HUNDRED_MILLION_BTC,
        )
        approvals = tuple(approve(KEYS, name, draft.hash, proposed_at) for name in step.approvers)
        text = "" if cell.amount is None else str(cell.amount)
        execution = execute(KEYS, step.executor, text, draft.hash, at) if step.executor else None
        return replace(draft, approvals=approvals, execution=execution)

    def _record(self, question: Question, at: datetime) -> None:
        for place in question.destinations:
            self.log.append(
                Movement(
                    *(question.id, at, question.action, place.amount.commodity, place.amount.units, question.vault),
                    *(place.address, question.purpose),
                )
            )


def day_start(policy: Policy, text: str) -> datetime:
    """The start of a local day that a message names, or the replay's own."""
    for deputy in policy.deputies:
        if deputy.from_day.isoformat() in text:
            return datetime.combine(deputy.from_day, time(12), tzinfo=UTC)
    return START

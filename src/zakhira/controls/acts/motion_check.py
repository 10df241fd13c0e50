"""Whether a motion has its quorum, and from when it is in force: from the policy before it and signatures alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from zakhira.controls.acts.motion import POLICY_CHANGE, Motion
from zakhira.controls.approval import Approval, Veto
from zakhira.controls.engine.decide import decide
from zakhira.controls.engine.decision import Decision, NeedKind, Verdict, Why
from zakhira.controls.engine.movements import Moved
from zakhira.controls.engine.open_hours import opens_at
from zakhira.controls.engine.question import Question, Stage
from zakhira.controls.engine.rule_fit import rule_named
from zakhira.controls.engine.standing import Standing
from zakhira.kernel.money import Commodity
from zakhira.programme.model import Policy


class _NothingMoves:
    """A motion moves no value: windows see none."""

    def moved(
        self,
        commodity: Commodity,  # noqa: ARG002  # as the protocol has it
        since: datetime,  # noqa: ARG002
        until: datetime,  # noqa: ARG002
        *,
        scope: str,  # noqa: ARG002
        key: str = "",  # noqa: ARG002
        but: str = "",  # noqa: ARG002
        actions: tuple[str, ...] = (),  # noqa: ARG002
    ) -> Moved:
        """Nothing."""
        return Moved(0, 0)


@dataclass(frozen=True)
class MotionCheck:
    """What the signatures under a motion come to.

    ``complete_at`` is when its quorum was complete, ``in_force_at`` from when it is in force: both None as long as the
    quorum is not there. A veto until then ends it (``vetoed``).
    """

    decision: Decision
    complete_at: datetime | None = None
    in_force_at: datetime | None = None
    vetoed: bool = False

    def in_force(self, at: datetime) -> bool:
        """Whether it is in force at ``at`` (UTC)."""
        return self.in_force_at is not None and self.in_force_at <= at


def check_motion(
    policy_before: Policy,
    motion: Motion,
    approvals: Sequence[Approval],
    at: datetime,
    *,
    vetoes: Sequence[Veto] = (),
    revoked: Mapping[str, datetime] | None = None,
    known_at: Mapping[str, datetime] | None = None,
    may_say_no: frozenset[str] = frozenset(),
) -> MotionCheck:
    """Check a motion against ``policy_before``, the version that it was put under, as things are known at ``at`` (UTC).

    Approvals by keys that were revoked by then count nothing, whatever their dates: a stolen key can date its
    signature as it likes. ``known_at`` says when an approval or a veto became known to whoever checks, by the hash of
    its statement (else its own date counts): the lock runs from there, so that a quorum cannot shorten it by
    backdating. A freeze stops coins, and not this: a stolen key is replaced while nothing moves. The order of
    approvals does not matter, and what is signed after the quorum was complete changes nothing but by a veto. Of the
    keys that were revoked, those in ``may_say_no`` still veto.
    """
    matter = _Matter(policy_before, motion, dict(revoked or {}), may_say_no)
    counted = matter.counted(approvals)
    known = sorted((_known(given, known_at), given.statement_hash, given) for given in counted)
    check = MotionCheck(matter.ask(tuple(counted), (), max(at, motion.proposed_at)))
    for number, (moment, _, _) in enumerate(known, 1):
        decision = matter.ask(tuple(item for _, _, item in known[:number]), (), moment)
        if _is_complete(decision):
            check = MotionCheck(decision, moment, _starts(policy_before, motion, decision, moment))
            break
    for veto in vetoes:
        moment = _known(veto, known_at)
        decision = matter.ask((), (veto,), max(moment, motion.proposed_at))
        is_said = any(reason.code == Why.VETOED.code for reason in decision.reasons)
        if is_said and not check.in_force(moment):
            return MotionCheck(decision, vetoed=True)
    return check


@dataclass(frozen=True)
class _Matter:
    """A motion before the policy's engine."""

    policy: Policy
    motion: Motion
    revoked: Mapping[str, datetime]
    may_say_no: frozenset[str]

    def counted(self, approvals: Sequence[Approval]) -> list[Approval]:
        """Those whose keys were not revoked."""
        keys = {officer.id: officer.public_key.lower() for officer in self.policy.officers}
        return [given for given in approvals if keys.get(given.officer) not in self.revoked]

    def ask(self, approvals: tuple[Approval, ...], vetoes: tuple[Veto, ...], at: datetime) -> Decision:
        """The engine's answer.

        To a quorum a key that is revoked by now counts as revoked from the start, the proposer's as well: nothing of
        it holds for what is not in force. A no that was said before its key was revoked stands.
        """
        revoked = self.revoked if vetoes else dict.fromkeys(self.revoked, self.motion.proposed_at)
        standing = Standing(policy_hash=self.motion.policy_hash, revoked=revoked, may_say_no=self.may_say_no)
        return decide(self.policy, standing, _NothingMoves(), motion_question(self.motion, approvals, vetoes), at)


def motion_question(
    motion: Motion,
    approvals: tuple[Approval, ...] = (),
    vetoes: tuple[Veto, ...] = (),
    stage: Stage = Stage.EXECUTE,
) -> Question:
    """The motion as the one kind of question."""
    return Question(
        action=motion.kind,
        id=motion.id,
        hash=motion.hash,
        proposer=motion.proposer,
        proposed_at=motion.proposed_at,
        expires_at=motion.expires_at,
        approvals=approvals,
        vetoes=vetoes,
        stage=stage,
    )


def may_be_moved(policy: Policy, motion: Motion, revoked: Mapping[str, datetime], at: datetime) -> Decision:
    """Whether the proposer may put the motion forward at all at ``at`` (UTC)."""
    standing = Standing(policy_hash=motion.policy_hash, revoked=dict(revoked))
    return decide(policy, standing, _NothingMoves(), motion_question(motion, stage=Stage.PROPOSE), at)


def _known(word: Approval | Veto, known_at: Mapping[str, datetime] | None) -> datetime:
    """Never before the date that the officer signed."""
    return max(word.at, (known_at or {}).get(word.statement_hash, word.at))


def _is_complete(decision: Decision) -> bool:
    """Nothing but time is missing."""
    return decision.verdict is not Verdict.REFUSED and all(need.kind is NeedKind.TIME for need in decision.needs)


def _starts(policy: Policy, motion: Motion, decision: Decision, complete_at: datetime) -> datetime | None:
    """After the later of the lock and the rule's own delay, once the rule's hours are open; None if they never are."""
    rule = rule_named(policy, decision.rule)
    assert rule is not None, "a quorum is complete under a rule"
    lock_hours = policy.change_lock_hours if motion.kind == POLICY_CHANGE else 0
    return opens_at(rule, policy, complete_at + timedelta(hours=max(lock_hours, rule.delay_hours)))


def told_reasons(decision: Decision) -> str:
    """Why a motion is refused or what it lacks, in one line."""
    return " ".join((*map(str, decision.reasons), *(f"Missing: {need}." for need in decision.missing)))

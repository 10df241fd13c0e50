"""Whether a motion has its quorum, and from when it is in force: from the policy before it and signatures alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from zakhira.controls.approval import Approval, Veto
from zakhira.controls.decide import decide
from zakhira.controls.decision import Decision, NeedKind, Verdict, Why
from zakhira.controls.motion import POLICY_CHANGE, Motion
from zakhira.controls.movements import Moved
from zakhira.controls.question import Question, Stage
from zakhira.controls.standing import Standing
from zakhira.kernel.interval import utc_text
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
) -> MotionCheck:
    """Check a motion against ``policy_before``, the version that it was put under, as things are known at ``at`` (UTC).

    Approvals by keys that were revoked by then count nothing, whatever their dates: a stolen key can date its
    signature as it likes. ``known_at`` says by officer when an approval became known to whoever checks (else its own
    date counts): the lock runs from there. A freeze stops coins, and not this: a stolen key is replaced while nothing
    moves. The order of approvals does not matter.
    """
    counted, gone = _counted(policy_before, approvals, revoked or {}), dict(revoked or {})
    known = sorted(((_known(given, known_at), given.officer, given) for given in counted), key=lambda item: item[:2])
    standing = Standing(policy_hash=motion.policy_hash, revoked=gone)
    if vetoes:
        moment = max(veto.at for veto in vetoes)
        decision = _ask(policy_before, standing, motion, counted, tuple(vetoes), max(moment, motion.proposed_at))
        if any(reason.code == Why.VETOED.code for reason in decision.reasons):
            return MotionCheck(decision, vetoed=True)
    for number, (moment, _, _) in enumerate(known, 1):
        given = tuple(item for _, _, item in known[:number])
        decision = _ask(policy_before, standing, motion, given, (), moment)
        if _is_complete(decision):
            starts = _starts(policy_before, motion, decision, moment)
            return MotionCheck(decision, moment, starts)
    return MotionCheck(_ask(policy_before, standing, motion, counted, (), max(at, motion.proposed_at)))


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


def _counted(policy: Policy, approvals: Sequence[Approval], revoked: Mapping[str, datetime]) -> tuple[Approval, ...]:
    keys = {officer.id: officer.public_key.lower() for officer in policy.officers}
    return tuple(given for given in approvals if keys.get(given.officer) not in revoked)


def _known(approval: Approval, known_at: Mapping[str, datetime] | None) -> datetime:
    """Never before the date that the officer signed."""
    return max(approval.at, (known_at or {}).get(approval.officer, approval.at))


def _ask(
    policy: Policy,
    standing: Standing,
    motion: Motion,
    approvals: tuple[Approval, ...],
    vetoes: tuple[Veto, ...],
    at: datetime,
) -> Decision:
    return decide(policy, standing, _NothingMoves(), motion_question(motion, approvals, vetoes), at)


def _is_complete(decision: Decision) -> bool:
    """Nothing but time is missing."""
    return decision.verdict is not Verdict.REFUSED and all(need.kind is NeedKind.TIME for need in decision.needs)


def _starts(policy: Policy, motion: Motion, decision: Decision, complete_at: datetime) -> datetime:
    """The later of the lock's end and what the rule itself makes wait for."""
    lock = timedelta(hours=policy.change_lock_hours if motion.kind == POLICY_CHANGE else 0)
    waits = [need.until for need in decision.needs if need.until is not None]
    return max((complete_at + lock, *waits))


def told_reasons(decision: Decision) -> str:
    """Why a motion is refused or what it lacks, in one line."""
    return " ".join((*map(str, decision.reasons), *(f"Missing: {need}." for need in decision.missing)))


def lock_text(check: MotionCheck) -> str:
    """From when it is in force, in words; empty without a quorum."""
    return "" if check.in_force_at is None else f"in force from {utc_text(check.in_force_at)}"

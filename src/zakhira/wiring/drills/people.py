"""A drill of coercion: an officer does what a thief says, and then as many as the policy still withstands."""

from __future__ import annotations

from collections.abc import Callable

from zakhira.adapters.drill_keys import licensee_address
from zakhira.adapters.software_signer import OfficerKeyFile
from zakhira.controls.acts.authority import MotionRecord, MotionState
from zakhira.controls.engine.decision import NeedKind
from zakhira.controls.engine.people import people_of
from zakhira.flows.governing.acting import Chamber
from zakhira.flows.governing.freezing import freeze
from zakhira.flows.governing.motions import propose_thaw
from zakhira.flows.governing.officers import revoke
from zakhira.flows.spending.building import build
from zakhira.flows.spending.deciding import approve, decide
from zakhira.flows.spending.order import SpendOrder
from zakhira.flows.spending.proposing import propose
from zakhira.flows.spending.spend import TreasurySpend
from zakhira.flows.spending.step import load_spend
from zakhira.flows.treasury import policy_in_force
from zakhira.wiring.drills.carrying import (
    carry,
    free_officer,
    order_of,
    propose_by_somebody,
    proposers,
    quorum_of,
)
from zakhira.wiring.drills.passing import NobodyMay, pass_motion
from zakhira.wiring.drills.stage import COLD, INTAKE, Stage

AMOUNTS_SATS = (60_000_000, 40_000_000)
STOLEN_SATS = 20_000_000
_REASON = "drill: an officer is coerced"


def coerced_officer(stage: Stage) -> None:
    """No officer alone moves a coin, whatever the office; one honest officer stops the rest until a quorum goes on."""
    stage.receive(COLD, *AMOUNTS_SATS)
    thief = licensee_address(stage.phrase, "thief")
    stage.note("the thief's address", thief)
    for officer in policy_in_force(stage.treasury).officers:
        stage.refuses(
            f"{officer.id} ({officer.role}) alone tries to pay the thief",
            "one officer alone gets nothing built",
            _alone(stage, officer.id, thief),
        )
    object_ = _thing_to_steal(stage, thief)
    proposed = stage.does(
        "a coerced officer proposes what the policy lets one propose",
        "a proposal by itself moves nothing",
        lambda: propose_by_somebody(stage, object_),
        lambda spend: f"{spend.id} by {spend.instruction.proposed_by}: {spend.state.value}",
    )
    if proposed is None:
        return
    _all_but_one(stage, proposed.id)
    honest = _honest(stage, proposed.id)
    stage.does(
        f"{honest} stops everything",
        "one officer is enough, at once",
        lambda: freeze(stage.chamber, _REASON, stage.officer(honest)),
        lambda frozen: f"frozen; {len(frozen.in_other_hands)} spends in other hands",
    )
    stage.refuses(
        "the thief's people go on while it is frozen",
        "nothing is decided and nothing is built",
        lambda: (decide(stage.treasury, proposed.id), build(stage.treasury, proposed.id)),
    )
    coerced = proposed.instruction.proposed_by
    stage.does(
        f"{honest} revokes the key of {coerced}",
        "it counts no more from this moment",
        lambda: revoke(stage.chamber, coerced, _REASON, stage.officer(honest)),
        lambda _: "revoked",
    )
    _go_on(stage, proposed, coerced)


def _alone(stage: Stage, officer: str, thief: str) -> Callable[[], None]:
    """Everything that one officer can do towards a payment, in order; the first refusal ends it."""
    order = order_of(stage, f"alone-{officer}", COLD, ((thief, STOLEN_SATS),))

    def act() -> None:
        propose(stage.treasury, order, stage.officer(officer))
        approve(stage.treasury, order.id, stage.officer(officer))
        build(stage.treasury, order.id)

    return act


def _thing_to_steal(stage: Stage, thief: str) -> SpendOrder:
    """A payment to the thief if the policy lets one be proposed at all, else a move that suits the thief."""
    paying = order_of(stage, "theft", COLD, ((thief, STOLEN_SATS),))
    try:
        propose_by_somebody(stage, paying)
    except NobodyMay as error:
        stage.finds(
            "a payment to the thief is proposed by each who proposes",
            "the policy refuses it, whoever proposes",
            lambda error=error: (True, error.message),  # type: ignore[misc]  # bound at once
        )
        return order_of(stage, "theft", COLD, (("", STOLEN_SATS),), to_vault=INTAKE)
    return paying


def _all_but_one(stage: Stage, spend_id: str) -> None:
    """All officers whom the policy asks for but one are coerced: it is not enough."""

    def act() -> None:
        spend = decide(stage.treasury, spend_id)
        while spend.decision is not None:
            needs = [need for need in spend.decision.needs if need.kind is NeedKind.APPROVAL]
            if len(needs) <= 1:
                break
            approve(stage.treasury, spend_id, stage.officer(free_officer(stage, spend, needs[0].roles)))
            spend = decide(stage.treasury, spend_id)
        build(stage.treasury, spend_id)

    stage.refuses("all but the last of the people whom the policy asks for give in", "it is not built", act)
    given = load_spend(stage.treasury, spend_id).approvals
    stage.note("officers who gave in", 1 + len(given))


def _honest(stage: Stage, spend_id: str) -> str:
    """An officer who has neither proposed nor approved."""
    spend = load_spend(stage.treasury, spend_id)
    policy = policy_in_force(stage.treasury)
    people = people_of(policy)
    gone = {people.persons[name] for name in (spend.instruction.proposed_by, *(a.officer for a in spend.approvals))}
    return next(officer.id for officer in policy.officers if people.persons[officer.id] not in gone)


def _go_on(stage: Stage, stolen: TreasurySpend, coerced: str) -> None:
    """A quorum thaws; what the coerced officer proposed stays dead; honest work goes on without that officer."""
    stage.does(
        "a quorum of the others thaws it",
        "the policy's own quorum for it is enough",
        lambda: _thaw(stage, coerced),
        lambda state: f"motion {state.value}",
    )
    stage.refuses(
        "the thief's proposal is taken up again",
        "a proposal by a revoked key is not allowed",
        lambda: _decided(stage, stolen.id),
    )
    order = order_of(stage, "honest", COLD, (("", STOLEN_SATS // 2),), to_vault=INTAKE)
    if not [name for name in proposers(stage) if name != coerced]:
        stage.note("after the revocation", "the policy names no second proposer: work waits for a change of the policy")
        return
    stage.does(
        "honest officers move coins between vaults",
        "work goes on without the coerced officer",
        lambda: carry(stage, order, quorum_of(stage, COLD)),
        lambda sent: f"{sent.last.txid[:16]}... by {sent.instruction.proposed_by}",
    )
    stage.bury()
    stage.books_hold()


def _decided(stage: Stage, spend_id: str) -> None:
    decide(stage.treasury, spend_id)
    build(stage.treasury, spend_id)


def _thaw(stage: Stage, coerced: str) -> MotionState:
    """The first who may proposes it, and others approve until it is in force."""

    def put_forward(chamber: Chamber, officer: OfficerKeyFile) -> MotionRecord:
        return propose_thaw(chamber, _REASON + " no more", officer)

    state = pass_motion(stage.officers, "thaw", put_forward, (coerced,)).state
    if state is not MotionState.IN_FORCE:
        raise NobodyMay(f"The thaw is {state.value} after everybody has signed.", "Look at the policy's rule for it.")
    return state

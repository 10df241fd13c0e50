"""The states of a payout and the steps between them: who skips one is refused."""

from __future__ import annotations

from enum import Enum

from zakhira.kernel.errors import Refused


class IllegalPayoutStep(Refused):
    """A step that the payout's state does not allow."""

    code = "ZK-SETTLEMENT-040"


class PayoutState(Enum):
    """How far a payout is."""

    PREPARED = "prepared"
    """checked and put forward, nothing approved"""
    APPROVED = "approved"
    """every approval is there; it waits for the second person"""
    RELEASING = "releasing"
    """the second person read the same total; parts go out"""
    RELEASED = "released"
    """every row is out"""
    REFUSED = "refused"
    """an officer said no before anything went out"""


class PayoutStep(Enum):
    """What happens to a payout."""

    APPROVAL_COMPLETED = "approval completed"
    TOTAL_ENTERED = "total entered again"
    LAST_PART_OUT = "last part out"
    PAYOUT_REFUSED = "payout refused"


_STEPS = {
    (PayoutState.PREPARED, PayoutStep.APPROVAL_COMPLETED): PayoutState.APPROVED,
    (PayoutState.APPROVED, PayoutStep.TOTAL_ENTERED): PayoutState.RELEASING,
    (PayoutState.RELEASING, PayoutStep.LAST_PART_OUT): PayoutState.RELEASED,
    (PayoutState.PREPARED, PayoutStep.PAYOUT_REFUSED): PayoutState.REFUSED,
    (PayoutState.APPROVED, PayoutStep.PAYOUT_REFUSED): PayoutState.REFUSED,
}


def next_state(state: PayoutState, step: PayoutStep) -> PayoutState:
    """The state after the step; raises IllegalPayoutStep."""
    after = _STEPS.get((state, step))
    if after is None:
        raise IllegalPayoutStep(f"A payout that is {state.value} takes no step '{step.value}'.", "See its status.")
    return after

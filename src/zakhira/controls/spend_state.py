"""The life of a spend: which step may follow which."""

from __future__ import annotations

from enum import Enum

from zakhira.kernel.errors import Refused


class IllegalStep(Refused):
    """A spend cannot take this step from where it is."""

    code = "ZK-CONTROLS-001"


class SpendState(Enum):
    """Where a spend is."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    BUILT = "built"
    SIGNED = "signed"
    BROADCAST = "broadcast"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class SpendEvent(Enum):
    """What happened to a spend."""

    APPROVAL_COMPLETED = "the officers approved"
    TRANSACTION_BUILT = "the transaction was built and decoded twice"
    SIGNATURES_COMPLETED = "the signers signed"
    TRANSACTION_SENT = "the transaction was broadcast"
    TRANSACTION_CONFIRMED = "the transaction was confirmed"
    CONFIRMATION_LOST = "a reorganisation took the confirmation away"
    SPEND_REFUSED = "somebody refused"
    TIME_RAN_OUT = "the proposal expired"
    SPEND_CANCELLED = "the proposal was cancelled"


_STEPS: dict[SpendState, dict[SpendEvent, SpendState]] = {
    SpendState.PROPOSED: {
        SpendEvent.APPROVAL_COMPLETED: SpendState.APPROVED,
        SpendEvent.SPEND_REFUSED: SpendState.REFUSED,
        SpendEvent.TIME_RAN_OUT: SpendState.EXPIRED,
        SpendEvent.SPEND_CANCELLED: SpendState.CANCELLED,
    },
    SpendState.APPROVED: {
        SpendEvent.TRANSACTION_BUILT: SpendState.BUILT,
        SpendEvent.SPEND_REFUSED: SpendState.REFUSED,
        SpendEvent.TIME_RAN_OUT: SpendState.EXPIRED,
        SpendEvent.SPEND_CANCELLED: SpendState.CANCELLED,
    },
    SpendState.BUILT: {
        SpendEvent.SIGNATURES_COMPLETED: SpendState.SIGNED,
        SpendEvent.SPEND_REFUSED: SpendState.REFUSED,
        SpendEvent.TIME_RAN_OUT: SpendState.EXPIRED,
        SpendEvent.SPEND_CANCELLED: SpendState.CANCELLED,
    },
    # Whoever holds a signed transaction can send it: from here on a spend can neither expire nor be cancelled.
    SpendState.SIGNED: {SpendEvent.TRANSACTION_SENT: SpendState.BROADCAST},
    SpendState.BROADCAST: {SpendEvent.TRANSACTION_CONFIRMED: SpendState.CONFIRMED},
    SpendState.CONFIRMED: {SpendEvent.CONFIRMATION_LOST: SpendState.BROADCAST},
    SpendState.REFUSED: {},
    SpendState.EXPIRED: {},
    SpendState.CANCELLED: {},
}


def advance(state: SpendState, event: SpendEvent) -> SpendState:
    """The state after ``event``.

    Raises:
        IllegalStep: the event cannot follow the state.
    """
    following = _STEPS[state].get(event)
    if following is None:
        raise IllegalStep(f"A spend that is {state.value} cannot take: {event.value}.", "Look up where the spend is.")
    return following


def is_over(state: SpendState) -> bool:
    """Whether nothing can follow: refused, expired or cancelled."""
    return not _STEPS[state]

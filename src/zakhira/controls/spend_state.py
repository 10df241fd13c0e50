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
    DECIDED = "decided"
    BUILT = "built"
    HANDED_OUT = "handed out"
    SIGNED = "signed"
    BROADCAST = "broadcast"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    REPLACED = "replaced"

    @classmethod
    def _missing_(cls, value: object) -> SpendState | None:
        """Books of earlier versions say "approved" of what is decided."""
        return cls.DECIDED if value == "approved" else None


class SpendEvent(Enum):
    """What happened to a spend."""

    APPROVAL_COMPLETED = "the officers approved"
    TRANSACTION_BUILT = "the transaction was built and decoded twice"
    HANDED_TO_SIGNERS = "the transaction was handed out to signers"
    VERSION_ADDED = "another version was built with a higher fee"
    SIGNATURES_COMPLETED = "the signers signed"
    TRANSACTION_SENT = "the transaction was broadcast"
    TRANSACTION_CONFIRMED = "the transaction was confirmed"
    CONFIRMATION_LOST = "a reorganisation took the confirmation away"
    SPEND_REFUSED = "somebody refused"
    TIME_RAN_OUT = "the proposal expired"
    SPEND_CANCELLED = "the proposal was cancelled"
    COIN_SENT_HOME = "one of its coins was spent home in a block"
    COIN_TAKEN = "another transaction spent one of its coins in a block"
    COIN_FREED = "a reorganisation took away the transaction that had spent its coin"


_ENDS = {
    SpendEvent.SPEND_REFUSED: SpendState.REFUSED,
    SpendEvent.TIME_RAN_OUT: SpendState.EXPIRED,
    SpendEvent.SPEND_CANCELLED: SpendState.CANCELLED,
}
_OVERTAKEN = {
    SpendEvent.COIN_SENT_HOME: SpendState.CANCELLED,
    SpendEvent.COIN_TAKEN: SpendState.REPLACED,
}
"""What the chain alone can do to a transaction that is in other hands."""

_STEPS: dict[SpendState, dict[SpendEvent, SpendState]] = {
    SpendState.PROPOSED: {SpendEvent.APPROVAL_COMPLETED: SpendState.DECIDED, **_ENDS},
    SpendState.DECIDED: {SpendEvent.TRANSACTION_BUILT: SpendState.BUILT, **_ENDS},
    SpendState.BUILT: {
        SpendEvent.TRANSACTION_BUILT: SpendState.BUILT,
        SpendEvent.HANDED_TO_SIGNERS: SpendState.HANDED_OUT,
        **_ENDS,
    },
    # Whoever holds a transaction that may be signed can have it signed and send it: from here on a spend can neither
    # expire nor be cancelled by a word. Only a block that spends one of its coins elsewhere ends it.
    SpendState.HANDED_OUT: {
        SpendEvent.HANDED_TO_SIGNERS: SpendState.HANDED_OUT,
        SpendEvent.VERSION_ADDED: SpendState.HANDED_OUT,
        SpendEvent.SIGNATURES_COMPLETED: SpendState.SIGNED,
        SpendEvent.TRANSACTION_CONFIRMED: SpendState.CONFIRMED,
        **_OVERTAKEN,
    },
    SpendState.SIGNED: {
        SpendEvent.HANDED_TO_SIGNERS: SpendState.SIGNED,
        SpendEvent.VERSION_ADDED: SpendState.SIGNED,
        SpendEvent.SIGNATURES_COMPLETED: SpendState.SIGNED,
        SpendEvent.TRANSACTION_SENT: SpendState.BROADCAST,
        SpendEvent.TRANSACTION_CONFIRMED: SpendState.CONFIRMED,
        **_OVERTAKEN,
    },
    SpendState.BROADCAST: {
        SpendEvent.HANDED_TO_SIGNERS: SpendState.BROADCAST,
        SpendEvent.VERSION_ADDED: SpendState.BROADCAST,
        SpendEvent.SIGNATURES_COMPLETED: SpendState.BROADCAST,
        SpendEvent.TRANSACTION_SENT: SpendState.BROADCAST,
        SpendEvent.TRANSACTION_CONFIRMED: SpendState.CONFIRMED,
        **_OVERTAKEN,
    },
    SpendState.CONFIRMED: {SpendEvent.CONFIRMATION_LOST: SpendState.BROADCAST},
    SpendState.REFUSED: {},
    SpendState.EXPIRED: {},
    # Reached by a word before anything was handed out, that is final; reached through a block, the block can go again.
    SpendState.CANCELLED: {SpendEvent.COIN_FREED: SpendState.HANDED_OUT},
    SpendState.REPLACED: {SpendEvent.COIN_FREED: SpendState.HANDED_OUT},
}

OPEN_STATES = frozenset({SpendState.BUILT, SpendState.HANDED_OUT, SpendState.SIGNED, SpendState.BROADCAST})
"""States in which a spend's coins are its own: no other spend may choose them."""
OUT_STATES = frozenset({SpendState.HANDED_OUT, SpendState.SIGNED, SpendState.BROADCAST})
"""States in which others may hold a transaction of the spend that is or can be signed."""
_OVER = frozenset({SpendState.REFUSED, SpendState.EXPIRED, SpendState.CANCELLED, SpendState.REPLACED})


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
    """Whether the spend has ended without paying: refused, expired, cancelled or replaced.

    Only a reorganisation brings a spend back that a block had ended.
    """
    return state in _OVER

"""The life of a spend: every event in every state against a table, and any events in any order against an oracle."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from zakhira.controls.spend_state import OUT_STATES, IllegalStep, SpendEvent, SpendState, advance, is_over

WAY = [
    (SpendEvent.APPROVAL_COMPLETED, SpendState.DECIDED),
    (SpendEvent.TRANSACTION_BUILT, SpendState.BUILT),
    (SpendEvent.HANDED_TO_SIGNERS, SpendState.HANDED_OUT),
    (SpendEvent.SIGNATURES_COMPLETED, SpendState.SIGNED),
    (SpendEvent.TRANSACTION_SENT, SpendState.BROADCAST),
    (SpendEvent.TRANSACTION_CONFIRMED, SpendState.CONFIRMED),
]
WORDS = {
    SpendEvent.SPEND_REFUSED: SpendState.REFUSED,
    SpendEvent.TIME_RAN_OUT: SpendState.EXPIRED,
    SpendEvent.SPEND_CANCELLED: SpendState.CANCELLED,
}
"""What people or the clock say; it ends a spend only while nobody else holds its transaction."""
BLOCKS = {SpendEvent.COIN_SENT_HOME: SpendState.CANCELLED, SpendEvent.COIN_TAKEN: SpendState.REPLACED}
INSIDE = (SpendState.PROPOSED, SpendState.DECIDED, SpendState.BUILT)


S, E = SpendState, SpendEvent
STAYS: tuple[tuple[SpendEvent, frozenset[SpendState]], ...] = (
    (E.VERSION_ADDED, OUT_STATES),
    (E.HANDED_TO_SIGNERS, OUT_STATES),
    (E.SIGNATURES_COMPLETED, OUT_STATES - {S.HANDED_OUT}),
    (E.TRANSACTION_SENT, frozenset({S.BROADCAST})),
    (E.TRANSACTION_BUILT, frozenset({S.BUILT})),
)
"""What may happen again or beside, and leaves a spend where it is."""
MOVES: tuple[tuple[SpendEvent, frozenset[SpendState], SpendState], ...] = (
    *((event, frozenset(INSIDE), after) for event, after in WORDS.items()),
    *((event, OUT_STATES, after) for event, after in BLOCKS.items()),
    (E.COIN_FREED, frozenset(BLOCKS.values()), S.HANDED_OUT),
    (E.CONFIRMATION_LOST, frozenset({S.CONFIRMED}), S.BROADCAST),
    (E.TRANSACTION_CONFIRMED, OUT_STATES, S.CONFIRMED),
    (E.HANDED_TO_SIGNERS, frozenset({S.BUILT}), S.HANDED_OUT),
    (E.SIGNATURES_COMPLETED, frozenset({S.HANDED_OUT}), S.SIGNED),
    (E.TRANSACTION_SENT, frozenset({S.SIGNED}), S.BROADCAST),
    (E.TRANSACTION_BUILT, frozenset({S.DECIDED}), S.BUILT),
    (E.APPROVAL_COMPLETED, frozenset({S.PROPOSED}), S.DECIDED),
)


def expected(state: SpendState, event: SpendEvent) -> SpendState | None:
    """The rules by event, written down a second time."""
    found = [after for told, states, after in MOVES if told is event and state in states]
    found += [state for told, states in STAYS if told is event and state in states]
    assert len(found) <= 1, "one rule at most for an event in a state"
    return found[0] if found else None


def test_the_whole_way() -> None:
    """From the proposal to the confirmation, and back to broadcast when a reorganisation takes the block."""
    state = SpendState.PROPOSED
    for event, after in WAY:
        state = advance(state, event)
        assert state is after
    assert advance(state, SpendEvent.CONFIRMATION_LOST) is SpendState.BROADCAST


@pytest.mark.parametrize("state", SpendState)
@pytest.mark.parametrize("event", SpendEvent)
def test_every_event_in_every_state(state: SpendState, event: SpendEvent) -> None:
    """Each step is taken exactly where the rules allow it, and refused with its code elsewhere."""
    after = expected(state, event)
    if after is None:
        with pytest.raises(IllegalStep) as caught:
            advance(state, event)
        assert caught.value.code == "ZK-CONTROLS-001"
        assert state.value in caught.value.message
        assert event.value in caught.value.message
    else:
        assert advance(state, event) is after


@pytest.mark.parametrize("state", sorted(OUT_STATES, key=str))
@pytest.mark.parametrize("event", WORDS)
def test_no_word_calls_back_what_others_hold(state: SpendState, event: SpendEvent) -> None:
    """Whoever holds a transaction can send it, so the books may not call it cancelled."""
    with pytest.raises(IllegalStep):
        advance(state, event)


def test_books_of_earlier_versions_are_read() -> None:
    """What an earlier version wrote as approved is decided; other words are none."""
    assert SpendState("approved") is SpendState.DECIDED
    with pytest.raises(ValueError, match="nonsense"):
        SpendState("nonsense")


class SpendLife(RuleBasedStateMachine):
    """Any events in any order: what was handed out stays out until a block says otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self.state = SpendState.PROPOSED
        self.is_out = False
        """somebody else may hold a transaction of the spend, and no block has ended it"""

    @rule(event=st.sampled_from(SpendEvent))
    def take(self, event: SpendEvent) -> None:
        """Take the step exactly when the oracle can."""
        after = expected(self.state, event)
        # Freed coins revive only what was handed out; the flow never asks for it otherwise.
        if after is None or (event is SpendEvent.COIN_FREED and not self.is_out):
            return
        self.state = advance(self.state, event)
        self.is_out = self.is_out or event is SpendEvent.HANDED_TO_SIGNERS

    @invariant()
    def what_is_out_ends_by_a_block_alone(self) -> None:
        """Refused and expired are ends for proposals alone; over is over for these four states."""
        if self.is_out:
            assert self.state not in {SpendState.REFUSED, SpendState.EXPIRED, *INSIDE}
        assert is_over(self.state) == (self.state in {*WORDS.values(), *BLOCKS.values()})


TestSpendLife = SpendLife.TestCase

"""The life of a spend goes one way, and every other step is refused."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from zakhira.controls.spend_state import IllegalStep, SpendEvent, SpendState, advance, is_over

WAY = [
    SpendState.PROPOSED,
    SpendState.APPROVED,
    SpendState.BUILT,
    SpendState.SIGNED,
    SpendState.BROADCAST,
    SpendState.CONFIRMED,
]
STEPS = [
    SpendEvent.APPROVAL_COMPLETED,
    SpendEvent.TRANSACTION_BUILT,
    SpendEvent.SIGNATURES_COMPLETED,
    SpendEvent.TRANSACTION_SENT,
    SpendEvent.TRANSACTION_CONFIRMED,
]
ENDS = {
    SpendEvent.SPEND_REFUSED: SpendState.REFUSED,
    SpendEvent.TIME_RAN_OUT: SpendState.EXPIRED,
    SpendEvent.SPEND_CANCELLED: SpendState.CANCELLED,
}


def test_the_whole_way() -> None:
    """From the proposal to the confirmation, and back to broadcast when a reorganisation takes the block."""
    state = SpendState.PROPOSED
    for step, expected in zip(STEPS, WAY[1:], strict=True):
        state = advance(state, step)
        assert state is expected
    assert advance(state, SpendEvent.CONFIRMATION_LOST) is SpendState.BROADCAST


@pytest.mark.parametrize("state", WAY[:3])
@pytest.mark.parametrize("event", ENDS)
def test_until_it_is_signed_it_can_end(state: SpendState, event: SpendEvent) -> None:
    """A proposal, an approval or a built transaction can be refused, expire or be cancelled."""
    assert advance(state, event) is ENDS[event]
    assert is_over(advance(state, event))


@pytest.mark.parametrize("state", WAY[3:])
@pytest.mark.parametrize("event", ENDS)
def test_a_signed_spend_cannot_be_called_back(state: SpendState, event: SpendEvent) -> None:
    """Whoever holds the signed transaction can send it, so the books may not call it cancelled."""
    with pytest.raises(IllegalStep):
        advance(state, event)


class SpendLife(RuleBasedStateMachine):
    """Any events in any order against an oracle: the place on the way, or an end."""

    def __init__(self) -> None:
        super().__init__()
        self.state = SpendState.PROPOSED
        self.place: int | None = 0

    @rule(event=st.sampled_from(SpendEvent))
    def take(self, event: SpendEvent) -> None:
        """Take the step exactly when the oracle can."""
        place = self.place
        expected: tuple[SpendState, int | None] | None = None
        if place is not None and place < len(STEPS) and event is STEPS[place]:
            expected = (WAY[place + 1], place + 1)
        elif place is not None and place < WAY.index(SpendState.SIGNED) and event in ENDS:
            expected = (ENDS[event], None)
        elif place == len(STEPS) and event is SpendEvent.CONFIRMATION_LOST:
            expected = (SpendState.BROADCAST, place - 1)
        if expected is None:
            with pytest.raises(IllegalStep):
                advance(self.state, event)
        else:
            self.state = advance(self.state, event)
            assert self.state is expected[0]
            self.place = expected[1]

    @invariant()
    def an_end_is_an_end(self) -> None:
        """Only refused, expired and cancelled spends are over."""
        assert is_over(self.state) == (self.place is None)


TestSpendLife = SpendLife.TestCase

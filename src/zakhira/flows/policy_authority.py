"""The engine of the policy behind the seam to authority."""

from __future__ import annotations

from datetime import datetime

from zakhira.controls.engine.decide import decide
from zakhira.controls.engine.decision import Decision
from zakhira.controls.engine.question import Question
from zakhira.controls.engine.standing import Standing
from zakhira.flows.ports.movement_store import MovementStore
from zakhira.programme.model import Policy


class PolicyAuthority:
    """Implements :class:`zakhira.flows.ports.authority.SpendAuthority` over what was allowed before."""

    def __init__(self, movements: MovementStore) -> None:
        self._movements = movements

    @property
    def movements(self) -> MovementStore:
        """What was allowed before, and what of it is still to go."""
        return self._movements

    def decide(self, policy: Policy, standing: Standing, question: Question, at: datetime) -> Decision:
        """The answer to the question at ``at`` (UTC)."""
        return decide(policy, standing, self._movements, question, at)

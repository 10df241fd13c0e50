"""The one seam to authority: a question is asked, and the answer names the rule that decided, and why."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from zakhira.controls.engine.decision import Decision
from zakhira.controls.engine.question import Question
from zakhira.controls.engine.standing import Standing
from zakhira.flows.ports.movement_store import MovementStore
from zakhira.programme.model import Policy


class SpendAuthority(Protocol):
    """Whoever decides about value: the engine (zakhira.controls.engine.decide) over what was allowed before."""

    @property
    def movements(self) -> MovementStore:
        """What was allowed before, and what of it is still to go."""

    def decide(self, policy: Policy, standing: Standing, question: Question, at: datetime) -> Decision:
        """The answer to the question at ``at`` (UTC)."""

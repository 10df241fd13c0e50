"""The policy's engine: the first rule that fits decides, statutes and a freeze bind whatever it says."""

from __future__ import annotations

from datetime import datetime

from zakhira.controls.decision import Decision
from zakhira.controls.movements import Movements
from zakhira.controls.question import Question
from zakhira.controls.standing import Standing
from zakhira.programme.model import Policy


def decide(policy: Policy, standing: Standing, movements: Movements, question: Question, at: datetime) -> Decision:
    """Answer ``question`` at ``at`` (UTC).

    The order of approvals does not matter, and time changes an answer only through what a rule names. The answer is
    the lowest of the freeze's, the statutes' and the first fitting rule's.

    Raises:
        NotUtc: an instant is not in UTC.
    """
    raise NotImplementedError

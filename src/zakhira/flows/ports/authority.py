"""The one seam to authority: a decision is asked for, and comes with its reason and the clause that allows it."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from zakhira.controls.approval import Approval
from zakhira.controls.quorum import Decision
from zakhira.custody.coin import Instruction
from zakhira.programme.model import Policy


class SpendAuthority(Protocol):
    """Whoever decides whether a spend may be signed: today the quorum of the policy (zakhira.controls.quorum)."""

    def decide_spend(
        self, policy: Policy, instruction: Instruction, approvals: tuple[Approval, ...], at: datetime
    ) -> Decision:
        """Whether the instruction may be signed at ``at`` (UTC) with these approvals."""

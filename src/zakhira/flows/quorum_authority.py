"""The quorum of the policy behind the seam to authority: limits, time and the officers' signatures."""

from __future__ import annotations

from datetime import datetime

from zakhira.controls.approval import Approval
from zakhira.controls.quorum import Decision, decide_spend
from zakhira.custody.coin import Instruction
from zakhira.programme.model import Policy


class QuorumAuthority:
    """Implements :class:`zakhira.flows.ports.authority.SpendAuthority` with the policy alone."""

    def decide_spend(
        self, policy: Policy, instruction: Instruction, approvals: tuple[Approval, ...], at: datetime
    ) -> Decision:
        """Whether the instruction may be signed at ``at`` (UTC) with these approvals."""
        return decide_spend(
            policy,
            instruction.hash,
            sum(payment.amount_sats for payment in instruction.payments),
            instruction.fee_limit_sats,
            instruction.proposed_by,
            instruction.proposed_at,
            instruction.expires_at,
            approvals,
            at,
        )

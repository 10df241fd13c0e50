"""The state of authority at a moment, read from the books."""

from __future__ import annotations

from zakhira.controls.standing import Standing
from zakhira.flows.treasury import Treasury, policy_in_force
from zakhira.programme.policy_text import policy_hash


def standing_of(treasury: Treasury) -> Standing:
    """Which version of the policy is in force, whether there is a freeze, and which keys count no more."""
    return Standing(policy_hash=policy_hash(policy_in_force(treasury)))

"""A freeze: any officer stops at once whatever moves coins; receiving goes on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from zakhira.controls.acts.authority import Authority
from zakhira.controls.acts.motion import THAW
from zakhira.controls.acts.public_acts import FREEZE_DOMAIN, Act, SignedFreeze, freeze_statement
from zakhira.controls.spend_state import OUT_STATES
from zakhira.flows.governing.acting import Chamber, record_act
from zakhira.flows.ports.signing import OfficerKey
from zakhira.flows.spending.spend_line import SpendLine, spend_lines
from zakhira.programme.model import Policy


@dataclass(frozen=True)
class Frozen:
    """The freeze, and the spends that it cannot stop any more: others hold a transaction of each."""

    freeze: SignedFreeze
    in_other_hands: tuple[SpendLine, ...]
    can_be_thawed: bool
    """whether the policy has a rule for the thaw"""


def freeze(chamber: Chamber, reason: str, officer: OfficerKey) -> Frozen:
    """Stop at once; a freeze of the same officer that stands already is given again.

    It needs no node, and no clock that is right.

    Raises:
        NotAnOfficer, KeyRevoked, BadReason: who stops, and why.
    """

    def act(before: Authority, at: datetime) -> Act | None:
        if _standing_of(before, officer.officer) is not None:
            return None
        signature = officer.sign(FREEZE_DOMAIN, freeze_statement(officer.officer, reason, at))
        return SignedFreeze(officer.officer, reason, signature, at)

    after = record_act(chamber, officer.officer, "reserve frozen", act, whatever_the_clock=True)
    made = _standing_of(after, officer.officer)
    assert made is not None, "the officer's freeze stands"
    return Frozen(made, in_other_hands(chamber), can_thaw(after.version.policy))


def _standing_of(state: Authority, officer: str) -> SignedFreeze | None:
    return next((item for item in state.freezes.values() if item.officer == officer), None)


def in_other_hands(chamber: Chamber) -> tuple[SpendLine, ...]:
    """The spends of which somebody else holds a transaction that is or can be signed."""
    return tuple(line for line in spend_lines(chamber.books).values() if line.state in OUT_STATES)


def can_thaw(policy: Policy) -> bool:
    """Whether any rule lets a freeze be ended; a policy without rules lets all its approving roles together."""
    return not policy.rules or any(THAW in rule.actions and rule.effect == "allow" for rule in policy.rules)

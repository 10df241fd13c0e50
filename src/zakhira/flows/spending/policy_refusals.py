"""Why the policy lets a spend take no step now, or takes an officer's word not: one class per cause, with its code."""

from __future__ import annotations

from zakhira.kernel.errors import Refused


class SpendMustWait(Refused):
    """Everything is there but time: a delay is not over, or the hours in which it may be carried out have not come."""

    code = "ZK-FLOWS-105"


class ExecutionMissing(Refused):
    """The second person has not entered the amount again from the source document."""

    code = "ZK-FLOWS-106"


class EnteredOtherwise(Refused):
    """The amount or its unit was entered at execution otherwise than the instruction has it."""

    code = "ZK-FLOWS-107"


class NotExecutor(Refused):
    """The officer cannot be the second person: one who proposed or approved, or whose role does not execute."""

    code = "ZK-FLOWS-108"


class ExecutionNotAsked(Refused):
    """No rule asks for a second person at this spend, or the policy does not look for one now."""

    code = "ZK-FLOWS-109"


class VetoPowerless(Refused):
    """The rule lets others say no to this spend, not this officer."""

    code = "ZK-FLOWS-110"


class ApprovalUnderOtherPolicy(Refused):
    """An approval was given under another version of the policy than the one in force."""

    code = "ZK-FLOWS-111"


class EnteredTooOften(Refused):
    """The amount was entered otherwise so often that nobody may try again."""

    code = "ZK-FLOWS-113"

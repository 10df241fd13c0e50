"""Why a spend cannot take a step: one class per cause, each with its code."""

from __future__ import annotations

from zakhira.kernel.errors import InvalidInput, OutsideFailure, Refused


class UnknownSpend(InvalidInput):
    """There is no spend of this id."""

    code = "ZK-FLOWS-040"


class SpendIdTaken(InvalidInput):
    """The id stands for another order already."""

    code = "ZK-FLOWS-041"


class SpendsMoved(OutsideFailure):
    """Somebody else took a step at the same moment; nothing was written."""

    code = "ZK-FLOWS-042"


class ClockSetBack(Refused):
    """The clock stands before the last step: time limits could be gained by setting it back."""

    code = "ZK-FLOWS-043"


class ProposalForged(Refused):
    """The instruction in the books is not the one that its proposer signed."""

    code = "ZK-FLOWS-044"


class ApprovalElsewhere(Refused):
    """An approval is for another instruction: an earlier version, another spend, or edited amounts."""

    code = "ZK-FLOWS-045"


class ApprovalForged(Refused):
    """An approval is by nobody of the policy, by the proposer, or its signature is not by that officer's key."""

    code = "ZK-FLOWS-046"


class ApprovalMistimed(Refused):
    """An approval is dated before the proposal, after its end, or in the future."""

    code = "ZK-FLOWS-047"


class SpendNotAllowed(Refused):
    """The authority says no; the message has its reasons."""

    code = "ZK-FLOWS-048"


class SpendExpired(Refused):
    """The instruction's time is over."""

    code = "ZK-FLOWS-049"


class BadOrder(InvalidInput):
    """An order to spend lacks something, or an amount is not of bitcoin."""

    code = "ZK-FLOWS-050"


class CoinsTaken(Refused):
    """A coin that was named is part of another spend that is under way."""

    code = "ZK-FLOWS-051"


class CoinDiffers(OutsideFailure):
    """The node does not hold a coin as the books have it: another amount or script, spent, or unknown."""

    code = "ZK-FLOWS-052"


class FixedAmounts(Refused):
    """Coins and amounts of the instruction leave no fee to choose: it cannot be bumped by another version."""

    code = "ZK-FLOWS-053"


class InOtherHands(Refused):
    """A transaction of the spend was handed out: no word takes it back, only a double-spend home does."""

    code = "ZK-FLOWS-054"


class NothingToMove(Refused):
    """A vault has no coins that could be moved, gathered or refreshed."""

    code = "ZK-FLOWS-056"


class NothingToBump(Refused):
    """No version of the spend is in other hands, or none has an output of ours that a child could spend."""

    code = "ZK-FLOWS-057"


class NotReadyToSend(Refused):
    """No version of the spend has its quorum of signatures."""

    code = "ZK-FLOWS-058"


class NotProposer(Refused):
    """The officer may not propose, or not refuse, by the policy."""

    code = "ZK-FLOWS-059"


class NotAccepted(Refused):
    """The node's mempool would not take the transaction."""

    code = "ZK-FLOWS-060"


class BadPaymentLine(InvalidInput):
    """A payment is not an address with an amount and its unit."""

    code = "ZK-FLOWS-061"


class AnchorMisplaced(InvalidInput):
    """An anchor of the audit chain shall go along where none does: in batches, moves, a spend home or a child."""

    code = "ZK-FLOWS-101"

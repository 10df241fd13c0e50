"""What payouts refuse: one class per cause, each with its stable code."""

from __future__ import annotations

from zakhira.kernel.errors import InvalidInput, Refused


class UnknownCampaign(InvalidInput):
    """There is no campaign of this id."""

    code = "ZK-FLOWS-190"


class UnknownPayout(InvalidInput):
    """There is no payout of this id."""

    code = "ZK-FLOWS-191"


class CampaignTaken(InvalidInput):
    """The id of a campaign stands for other terms."""

    code = "ZK-FLOWS-192"


class PayoutTaken(InvalidInput):
    """The id of a payout stands for another batch."""

    code = "ZK-FLOWS-193"


class CampaignNotOpen(Refused):
    """The campaign has not been approved and funded, or was refused."""

    code = "ZK-FLOWS-194"


class PayoutForged(Refused):
    """A campaign or a payout in the books is not what its proposer signed."""

    code = "ZK-FLOWS-195"


class PayoutNotAllowed(Refused):
    """The policy does not allow it: an approval is missing, or a rule, a window or a freeze is against it."""

    code = "ZK-FLOWS-196"


class PayoutWordNotTaken(Refused):
    """An officer's yes or no is not genuine, not about this, or would not count."""

    code = "ZK-FLOWS-197"


class TotalEnteredOtherwise(Refused):
    """The second person read another total or another unit in the source document."""

    code = "ZK-FLOWS-198"


class TotalEnteredTooOften(Refused):
    """The total was entered otherwise again and again."""

    code = "ZK-FLOWS-199"


class NotTheSecondPerson(Refused):
    """The executing officer prepared or approved the payout, or holds no role that executes."""

    code = "ZK-FLOWS-200"


class PayoutMustWait(Refused):
    """A delay is not over, or the hours in which it may be carried out have not come."""

    code = "ZK-FLOWS-201"


class PayoutsStopped(Refused):
    """An officer has stopped payouts, or this one."""

    code = "ZK-FLOWS-202"


class PayoutHalted(Refused):
    """Something is off: no further part goes out."""

    code = "ZK-FLOWS-203"


class PartMustWait(Refused):
    """The time between two parts of a release is not over."""

    code = "ZK-FLOWS-204"


class TotalNotEntered(Refused):
    """The second person has not entered the total again."""

    code = "ZK-FLOWS-205"


class NothingStopped(InvalidInput):
    """Nothing stands still that could be resumed."""

    code = "ZK-FLOWS-206"


class BadPayoutOrder(InvalidInput):
    """An id, a source document, a reason or a day is missing or has a form that is not taken."""

    code = "ZK-FLOWS-208"


class NotThisWay(InvalidInput):
    """The campaign pays another way."""

    code = "ZK-FLOWS-209"


class UnknownOrder(InvalidInput):
    """A bank answers to an order that is not of this payout."""

    code = "ZK-FLOWS-210"


class SourceNamedOtherwise(Refused):
    """The second person names another source document than the one that the batch was made from."""

    code = "ZK-FLOWS-207"


class AnswerNotTaken(Refused):
    """A bank's answer that nobody who may has put their key to, or that a statement contradicts."""

    code = "ZK-FLOWS-211"


class OrderChanged(Refused):
    """What is to be ordered from a bank is not, to the byte, what was ordered before."""

    code = "ZK-FLOWS-212"

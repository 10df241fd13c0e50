"""What is refused of acts on the ledger."""

from __future__ import annotations

from zakhira.kernel.errors import InvalidInput, Refused


class ActNotAllowed(Refused):
    """The policy does not let this officer put such an act on the ledger forward, or stands against it."""

    code = "ZK-FLOWS-230"


class BadJournal(InvalidInput):
    """A journal lacks something, or says what no entry can be."""

    code = "ZK-FLOWS-231"


class UnknownEntry(InvalidInput):
    """There is no entry of this id in the books."""

    code = "ZK-FLOWS-232"


class UnknownLedgerAccount(InvalidInput):
    """There is no account of this code in the books."""

    code = "ZK-FLOWS-233"


class NothingToChange(Refused):
    """The account is so already."""

    code = "ZK-FLOWS-234"


class NoReason(InvalidInput):
    """An act on the ledger does not say why."""

    code = "ZK-FLOWS-235"


class ReversedTooEarly(InvalidInput):
    """A reversal is dated before the entry that it takes back."""

    code = "ZK-FLOWS-236"


class UnknownParticipant(InvalidInput):
    """There is no participant of this id."""

    code = "ZK-FLOWS-237"


class BadParticipant(InvalidInput):
    """A participant lacks a name, a kind or the reference of the office's file, or holds what nobody can."""

    code = "ZK-FLOWS-238"


class ReferenceTaken(Refused):
    """The office's reference stands for another participant."""

    code = "ZK-FLOWS-239"


class BadTransfer(InvalidInput):
    """A transfer has no amount above 0, goes nowhere, or concerns a certificate that is not payable yet."""

    code = "ZK-FLOWS-240"


class ParticipantsMoved(Refused):
    """Others opened participants at the same moment, again and again."""

    code = "ZK-FLOWS-241"


class DatedAhead(InvalidInput):
    """An entry of an act is dated in the future."""

    code = "ZK-FLOWS-242"


class NotOpenedByHand(Refused):
    """An account lies in a branch whose accounts come with a campaign, a participant or a vault."""

    code = "ZK-FLOWS-243"


class BadEncumbrance(InvalidInput):
    """An encumbrance has a name without form, or an amount that is none of a coin."""

    code = "ZK-FLOWS-244"


class EncumbranceStands(Refused):
    """Something is encumbered under this name already."""

    code = "ZK-FLOWS-245"


class NotFree(Refused):
    """More is to be encumbered than stands behind no claim."""

    code = "ZK-FLOWS-246"


class UnknownEncumbrance(InvalidInput):
    """Nothing is encumbered under this name."""

    code = "ZK-FLOWS-247"


class UnknownAct(InvalidInput):
    """No act with this hash waits for words."""

    code = "ZK-FLOWS-248"


class ActOvertaken(Refused):
    """What an act changes was changed by another since it was put forward."""

    code = "ZK-FLOWS-249"

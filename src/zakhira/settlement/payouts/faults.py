"""What can be wrong with a campaign or a batch of payouts: one class per cause, each with its stable code."""

from __future__ import annotations

from zakhira.kernel.errors import Fault, InvalidInput, Refused


class BadPayoutRow(InvalidInput):
    """A row lacks a field, has one that is not known, or one with characters that nobody sees."""

    code = "ZK-SETTLEMENT-020"


class BadPayoutAmount(InvalidInput):
    """An amount has no unit, an unknown one, too many decimals, or is larger than can be counted."""

    code = "ZK-SETTLEMENT-021"


class NothingPaid(InvalidInput):
    """An amount of nothing, or below."""

    code = "ZK-SETTLEMENT-022"


class NotTheAsset(InvalidInput):
    """An amount in another unit than the campaign pays."""

    code = "ZK-SETTLEMENT-023"


class PaidTwice(InvalidInput):
    """A payee stands in a batch more than once."""

    code = "ZK-SETTLEMENT-024"


class UnknownPayee(InvalidInput):
    """A payee that the books, or the policy's list, do not know."""

    code = "ZK-SETTLEMENT-025"


class AbovePayeeLimit(InvalidInput):
    """A payee would get more than the campaign gives to one."""

    code = "ZK-SETTLEMENT-026"


class AboveBudget(InvalidInput):
    """A batch takes more than is left of the campaign's budget."""

    code = "ZK-SETTLEMENT-027"


class FormulaInCell(InvalidInput):
    """A cell that a spreadsheet would compute."""

    code = "ZK-SETTLEMENT-028"


class ImplausibleAmount(InvalidInput):
    """An amount outside the campaign's stated range, or far from what it has paid so far."""

    code = "ZK-SETTLEMENT-029"


class BadTaxLines(InvalidInput):
    """Gross, tax and net of a row do not add up, or taxes are withheld where none can be."""

    code = "ZK-SETTLEMENT-030"


class OtherReason(InvalidInput):
    """A reason that the campaign does not pay for."""

    code = "ZK-SETTLEMENT-031"


class BadBatchSize(InvalidInput):
    """A batch without rows, or with more than one batch may have."""

    code = "ZK-SETTLEMENT-032"


class AccountAsAmount(InvalidInput):
    """An amount that is the number of the payee's account."""

    code = "ZK-SETTLEMENT-033"


class BadCampaign(InvalidInput):
    """Terms of a campaign that are missing, unknown or contradict each other."""

    code = "ZK-SETTLEMENT-034"


class UnreadablePayouts(InvalidInput):
    """A file of payouts that is no table, no JSON, or too large."""

    code = "ZK-SETTLEMENT-035"


class UnclearEncoding(InvalidInput):
    """A file whose characters cannot be told for sure."""

    code = "ZK-SETTLEMENT-036"


class NowhereToPay(InvalidInput):
    """A row for a bank without the payee's account."""

    code = "ZK-SETTLEMENT-037"


class OneAccountForTwo(InvalidInput):
    """Two payees with one account, or an account that is the campaign's own: one person would get what two may."""

    code = "ZK-SETTLEMENT-038"


class OtherAccountThanBefore(InvalidInput):
    """A payee whom the campaign pays to another account than before."""

    code = "ZK-SETTLEMENT-039"


class BeyondCampaign(Refused):
    """The database holds a payout against its campaign: terms, rows, limits, or how far it is, and says no."""

    code = "ZK-SETTLEMENT-041"


def fault(cause: type[InvalidInput], file: str, line: int, key: str, message: str, remedy: str) -> Fault:
    """A fault with its place."""
    return Fault(file, line, key, cause.code, message, remedy)

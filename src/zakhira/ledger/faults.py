"""What can be wrong with an entry: one class per cause, each with its stable code."""

from __future__ import annotations

from zakhira.kernel.errors import InvalidInput, Refused


class Unbalanced(InvalidInput):
    """The postings of an entry do not sum to zero in each commodity."""

    code = "ZK-LEDGER-001"


class UnknownAccount(InvalidInput):
    """An account is not among the programme's accounts."""

    code = "ZK-LEDGER-002"


class WrongCommodity(InvalidInput):
    """A posting is in another commodity than its account counts."""

    code = "ZK-LEDGER-003"


class LotMissing(InvalidInput):
    """A posting in BTC on an asset account does not say which coin it is about."""

    code = "ZK-LEDGER-004"


class LotOnMoney(InvalidInput):
    """A posting in money carries a lot; only coins have lots."""

    code = "ZK-LEDGER-005"


class ZeroPosting(InvalidInput):
    """A posting of nothing."""

    code = "ZK-LEDGER-006"


class TooFewPostings(InvalidInput):
    """An entry with fewer than two postings moves nothing from anywhere."""

    code = "ZK-LEDGER-007"


class BadLot(InvalidInput):
    """A lot does not name an outpoint (``txid:vout``) or its source."""

    code = "ZK-LEDGER-008"


class BlankEntry(InvalidInput):
    """An entry lacks its id, its narration or the document that it rests on."""

    code = "ZK-LEDGER-009"


class Overdrawn(Refused):
    """More would leave an account, or a lot of it, than is there."""

    code = "ZK-LEDGER-010"


class BalanceTooLarge(InvalidInput):
    """A balance would not fit 63 bits."""

    code = "ZK-LEDGER-011"


class PeriodClosed(Refused):
    """An entry is dated in a period that is closed."""

    code = "ZK-LEDGER-013"


class AccountFrozen(Refused):
    """An entry posts to an account that is frozen."""

    code = "ZK-LEDGER-014"


class AboveCeiling(Refused):
    """An account would hold more than its ceiling."""

    code = "ZK-LEDGER-015"


class BadReversal(InvalidInput):
    """A reversal does not take back one whole entry of the books, exactly and once."""

    code = "ZK-LEDGER-016"


class BadCost(InvalidInput):
    """A cost is not an amount of money of another commodity than the posting, at least 0."""

    code = "ZK-LEDGER-017"


class VaultAccount(InvalidInput):
    """An account of coins follows the chain: it cannot be frozen and has no ceiling."""

    code = "ZK-LEDGER-018"


class BadAccountRecord(InvalidInput):
    """A record of an account lacks a field or says what no account can be."""

    code = "ZK-LEDGER-019"


class AccountChanged(InvalidInput):
    """A record says another commodity, kind, claim or holder than the account was opened with."""

    code = "ZK-LEDGER-020"


class BadPeriodRecord(InvalidInput):
    """A record of a closed period does not name two days in order and why."""

    code = "ZK-LEDGER-021"


class PeriodOutOfOrder(Refused):
    """A period does not begin where the last closed one ends."""

    code = "ZK-LEDGER-022"


class PeriodNotOver(Refused):
    """A period is to be closed that is not over."""

    code = "ZK-LEDGER-023"


class ClaimsAboveBacking(Refused):
    """What is owed in a coin would be more than the coins that stand behind it."""

    code = "ZK-LEDGER-024"


class CreditsHalted(Refused):
    """Claims in a coin are above what stands behind them: no credit is given until that is mended."""

    code = "ZK-LEDGER-025"


class BadHolder(InvalidInput):
    """An account of a participant is not a liability, or names no participant."""

    code = "ZK-LEDGER-026"


ENTRY_FAULTS: tuple[type[InvalidInput], ...] = (
    Unbalanced,
    UnknownAccount,
    WrongCommodity,
    LotMissing,
    LotOnMoney,
    ZeroPosting,
    TooFewPostings,
    BadLot,
    BlankEntry,
    BadCost,
)
"""The causes that can be seen in an entry by itself."""

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
    """A posting in BTC does not say which coin it is about."""

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
    """More of a coin would leave an asset account than is there."""

    code = "ZK-LEDGER-010"


class BalanceTooLarge(InvalidInput):
    """A balance would not fit 63 bits."""

    code = "ZK-LEDGER-011"


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
)
"""The causes that can be seen in an entry by itself."""

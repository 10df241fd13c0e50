"""What the books refuse, and how the database behind them can fail."""

from __future__ import annotations

from zakhira.kernel.errors import InvalidInput, OutsideFailure, Refused
from zakhira.ledger.faults import (
    BadLot,
    BalanceTooLarge,
    BlankEntry,
    LotMissing,
    LotOnMoney,
    Overdrawn,
    TooFewPostings,
    Unbalanced,
    UnknownAccount,
    WrongCommodity,
    ZeroPosting,
)

__all__ = [
    "AccountConflict",
    "BadLot",
    "BalanceTooLarge",
    "BlankEntry",
    "ChainBroken",
    "DatabaseFull",
    "DatabaseRefused",
    "DatabaseUnreachable",
    "EntryExists",
    "InvariantBroken",
    "KeyReused",
    "LotMissing",
    "LotOnMoney",
    "NotTheWatcher",
    "NotToResume",
    "Overdrawn",
    "TooFewPostings",
    "Unbalanced",
    "UnknownAccount",
    "UnstorableText",
    "WatchersAlone",
    "WritersInTheWay",
    "WrongCommodity",
    "ZeroPosting",
]


class AccountConflict(InvalidInput):
    """An account exists with another commodity or kind."""

    code = "ZK-BOOKS-001"


class KeyReused(InvalidInput):
    """An idempotency key comes again with another input."""

    code = "ZK-BOOKS-002"


class EntryExists(InvalidInput):
    """An entry's id is in the books already."""

    code = "ZK-BOOKS-003"


class UnstorableText(InvalidInput):
    """A text holds the character NUL, or a key, a name or a kind is empty."""

    code = "ZK-BOOKS-004"


class DatabaseUnreachable(OutsideFailure):
    """The database does not answer or the connection broke. What was not acknowledged may be asked again."""

    code = "ZK-BOOKS-010"


class DatabaseFull(OutsideFailure):
    """The database has no room left on its disk."""

    code = "ZK-BOOKS-011"


class DatabaseRefused(OutsideFailure):
    """The database answers but does not let us in: wrong password, no such database, a right that is missing."""

    code = "ZK-BOOKS-012"


class InvariantBroken(OutsideFailure):
    """The database refused a write that the program held to be good, or is not what the program left behind."""

    code = "ZK-BOOKS-013"


class ChainBroken(OutsideFailure):
    """The audit chain in the database does not hold, or what was to be added does not follow from it."""

    code = "ZK-BOOKS-015"


class WritersInTheWay(OutsideFailure):
    """Others were writing the same things at the same moment, again and again. Nothing was written."""

    code = "ZK-BOOKS-016"


class BooksDamaged(OutsideFailure):
    """A row without which the books cannot be read is gone: somebody with the owner's rights took it away."""

    code = "ZK-BOOKS-040"


class NotTheWatcher(Refused):
    """Facts of the chain, from a process that was not given the watcher's login."""

    code = "ZK-BOOKS-045"


class WatchersAlone(Refused):
    """What raises the backing, from somebody who does not follow the chain."""

    code = "ZK-BOOKS-041"


class NotToResume(Refused):
    """Credits are not halted, the deficit is still there, or another one came since officers spoke."""

    code = "ZK-BOOKS-042"

"""What can be asked of the backing beside the row itself: the deficits that the world caused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from zakhira.flows.ports.ledger_books import Backing
from zakhira.kernel.money import Commodity


@dataclass(frozen=True)
class Deficit:
    """A moment at which the world left claims above what stands behind them, or covered again (``by`` 0).

    In least units of the commodity. ``write`` is the number of the write that held the facts.
    """

    number: int
    commodity: Commodity
    write: int
    at: datetime
    claims: int
    available: int
    demand: int
    on_demand: int
    """available to claims that are payable on demand"""
    by: int


class BackingStore(Protocol):
    """The backing of the books. Every method may raise DatabaseUnreachable."""

    def backing(self, commodity: Commodity) -> Backing | None:
        """What stands behind the claims in a coin now; None for what is no coin."""

    def deficits(self, limit: int = 20) -> tuple[Deficit, ...]:
        """The last deficits, the newest first."""

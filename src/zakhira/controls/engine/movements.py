"""What has been allowed to move, as rolling windows need it: sums and counts over a span of time, by scope."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from zakhira.kernel.money import Commodity


@dataclass(frozen=True)
class Movement:
    """An allowed matter that moved or may still move value. ``at`` is when it was first allowed (UTC)."""

    id: str
    at: datetime
    action: str
    commodity: Commodity
    units: int
    vault: str
    destination: str
    """one movement for each destination of a matter"""
    purpose: str
    lot_purposes: tuple[str, ...] = ()
    """purposes of the coins that moved"""


class Moved(NamedTuple):
    """How much and how many in a span."""

    units: int
    matters: int
    """not destinations"""


class Movements(Protocol):
    """Whoever can sum what was allowed. Matters that ended without paying are not among them."""

    def moved(
        self,
        commodity: Commodity,
        since: datetime,
        until: datetime,
        *,
        scope: str,
        key: str = "",
        but: str = "",
        actions: tuple[str, ...] = (),
    ) -> Moved:
        """What was allowed in ``since < at <= until``.

        ``scope`` is ``vault``, ``destination``, ``purpose``, ``programme`` or ``lot purpose`` (of the coins, spends
        outside alone); ``key`` the vault, address or purpose; ``but`` the id of a matter that is left out (the one that
        is asked about); ``actions`` the actions that count, empty: all.
        """

"""What allowed matters moved and will still move, summed by whoever keeps the books."""

from __future__ import annotations

from typing import Protocol

from zakhira.controls.engine.movements import Movements
from zakhira.kernel.money import Commodity


class MovementStore(Movements, Protocol):
    """The sums that rolling windows need, and what is still to go. Every method may raise DatabaseUnreachable."""

    def waiting(self, commodity: Commodity, *, scope: str, key: str = "", but: str = "") -> int:
        """Units of allowed matters whose coins are still where they were, without the matter ``but``.

        ``scope`` and ``key`` are those of :meth:`Movements.moved`.
        """

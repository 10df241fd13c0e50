"""What was allowed to move, summed over the records of the twin of the books."""

from __future__ import annotations

from datetime import datetime

from zakhira.controls.engine.movements import Moved, Movement
from zakhira.flows.movement_record import MOVEMENT, WAITING, movement_of
from zakhira.flows.ports.books import Books
from zakhira.kernel.interval import require_utc
from zakhira.kernel.money import Commodity


class SimulatedMovements:
    """Implements :class:`zakhira.flows.ports.movement_store.MovementStore` by reading every record anew."""

    def __init__(self, books: Books) -> None:
        self._books = books

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
        """What was allowed in ``since < at <= until``; see the Protocol."""
        found = [
            movement
            for name, body in self._books.records(MOVEMENT).items()
            for movement in movement_of(name, body).movements
            if movement.commodity is commodity
            and require_utc(since) < movement.at <= require_utc(until)
            and movement.id != but
            and (not actions or movement.action in actions)
            and _is_in_scope(movement, scope, key)
        ]
        return Moved(sum(movement.units for movement in found), len({movement.id for movement in found}))

    def waiting(self, commodity: Commodity, *, scope: str, key: str = "", but: str = "") -> int:
        """What allowed matters will still take; see the port."""
        return sum(
            movement.units
            for name, body in self._books.records(MOVEMENT).items()
            if (told := movement_of(name, body)).state == WAITING
            for movement in told.movements
            if movement.commodity is commodity and movement.id != but and _is_in_scope(movement, scope, key)
        )


def _is_in_scope(movement: Movement, scope: str, key: str) -> bool:
    if scope == "lot purpose":
        return movement.action == "spend" and key in movement.lot_purposes
    scopes = {
        "vault": movement.vault,
        "destination": movement.destination,
        "purpose": movement.purpose,
        "programme": key,
    }
    return scopes[scope] == key

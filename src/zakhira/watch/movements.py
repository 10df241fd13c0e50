"""What moved out of the vaults, as rolling windows need it: the watchtower's own count, from the chain."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from zakhira.controls.movements import Moved, Movement
from zakhira.kernel.money import Commodity, sats

_SCOPES = {"vault": "vault", "destination": "destination", "purpose": "purpose"}


@dataclass(frozen=True)
class OwnMovements:
    """Implements :class:`zakhira.controls.movements.Movements` over what was seen.

    A transaction counts from when its signatures were complete: the coordinator counts it from later or the same
    moment on, so that an honest spend is never over a limit here and under it there.
    """

    movements: tuple[Movement, ...]

    def moved(
        self,
        commodity: Commodity,
        since: datetime,
        until: datetime,
        *,
        scope: str,
        key: str = "",
        but: str = "",
    ) -> Moved:
        """What moved in ``since < at <= until``; see the protocol."""
        found = [
            one
            for one in self.movements
            if since < one.at <= until and one.commodity is commodity and one.id != but and _fits(one, scope, key)
        ]
        return Moved(sum(one.units for one in found), len({one.id for one in found}))


def _fits(one: Movement, scope: str, key: str) -> bool:
    if scope == "lot purpose":
        return one.action == "spend" and key in one.lot_purposes
    return scope == "programme" or getattr(one, _SCOPES[scope]) == key


def movements_of(
    spend_id: str, at: datetime, action: str, vault: str, payments: Iterable[tuple[str, int]], purpose: str
) -> tuple[Movement, ...]:
    """One movement for each destination of a spend that was carried out."""
    return tuple(
        Movement(spend_id, at, action, Commodity.BTC, sats(amount_sats).units, vault, address, purpose)
        for address, amount_sats in payments
    )

"""What an allowed matter moves, as the books keep it: it counts from its first yes until it ends without paying."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from zakhira.controls.engine.movements import Movement
from zakhira.controls.spend_action import SPEND
from zakhira.flows.ports.books import Record
from zakhira.kernel.canonical import Json
from zakhira.kernel.interval import parse_utc, utc_text
from zakhira.kernel.money import Commodity

MOVEMENT = "movement"
"""Kind of these records; the id is the matter's. The newest holds; the database counts by them (migration 3)."""
WAITING, DONE, ENDED = "waiting", "done", "ended"
"""Its coins are still where they were, they have gone, or it has ended without paying and counts no more."""


@dataclass(frozen=True)
class MovementRecord:
    """A matter that was allowed, with what it pays to whom. ``at`` is when it was first allowed (UTC, seconds)."""

    id: str
    at: datetime
    action: str
    commodity: Commodity
    vault: str
    purpose: str
    parts: tuple[tuple[str, int], ...]
    """destinations with their units, each destination once"""
    lot_purposes: tuple[str, ...] = ()
    """purposes of the coins that move, once they are chosen"""
    state: str = WAITING
    outside_units: int = 0
    """of a spend: what goes to addresses that are not ours, and so stands behind no claim from its first yes on"""
    fee_units: int = 0
    """of a spend: the highest fee of its transactions, 0 until one is built"""

    @property
    def record(self) -> Record:
        """The record of this state."""
        body: Json = {
            "state": self.state,
            "at": utc_text(self.at),
            "action": self.action,
            "commodity": self.commodity.value,
            "vault": self.vault,
            "purpose": self.purpose,
            "parts": [{"destination": destination, "units": units} for destination, units in self.parts],
            "lot_purposes": list(self.lot_purposes),
            "outside_units": self.outside_units,
            "fee_units": self.fee_units,
        }
        return Record(MOVEMENT, self.id, body)

    @property
    def movements(self) -> tuple[Movement, ...]:
        """A movement for each destination; none of a matter that ended without paying."""
        if self.state == ENDED:
            return ()
        return tuple(
            Movement(
                self.id,
                self.at,
                self.action,
                self.commodity,
                units,
                self.vault,
                destination,
                self.purpose,
                self.lot_purposes,
            )
            for destination, units in self.parts
        )


def joined_parts(payments: Iterable[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    """Payments with those to one destination added up, so that a window counts a matter once for each destination."""
    sums: dict[str, int] = {}
    for destination, units in payments:
        sums[destination] = sums.get(destination, 0) + units
    return tuple(sums.items())


def movement_of(name: str, body: Json) -> MovementRecord:
    """The state that :attr:`MovementRecord.record` wrote."""
    told = cast("Mapping[str, Json]", body)
    parts = cast("list[Mapping[str, Json]]", told["parts"])
    # Books of earlier versions do not say how much of it goes outside: then all counts.
    paid_units = sum(cast("int", part["units"]) for part in parts)
    return MovementRecord(
        id=name,
        at=parse_utc(str(told["at"])),
        action=str(told["action"]),
        commodity=Commodity(told["commodity"]),
        vault=str(told["vault"]),
        purpose=str(told["purpose"]),
        parts=tuple((str(part["destination"]), cast("int", part["units"])) for part in parts),
        lot_purposes=tuple(cast("list[str]", told["lot_purposes"])),
        state=str(told["state"]),
        outside_units=cast("int", told.get("outside_units", paid_units if told["action"] == SPEND else 0)),
        fee_units=cast("int", told.get("fee_units", 0)),
    )

"""A line for each spend: what must be known of all of them at once, without reading their transactions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from zakhira.controls.spend_state import OPEN_STATES, SpendState
from zakhira.flows.ports.books import Books, Record
from zakhira.flows.spending.spend import TreasurySpend
from zakhira.kernel.canonical import Json
from zakhira.kernel.interval import parse_utc, utc_text

SPEND_LINE = "spend line"
"""Kind of the records of lines; the id is the spend's. Written in the same write as the spend itself."""


@dataclass(frozen=True)
class SpendLine:
    """What a list shows of a spend, the coins that are its own, and where it was confirmed."""

    id: str
    kind: str
    state: SpendState
    from_vault: str
    paid_sats: int
    purpose: str
    proposed_by: str
    expires_at: datetime
    replaces: str
    outpoints: tuple[str, ...]
    """the coins of all versions that count: those handed out, or else the newest"""
    height: int
    """of the block that holds it; 0 until then"""
    block_hash: str

    @property
    def takes_coins(self) -> bool:
        """Whether its coins may not be chosen by others now."""
        return self.state in OPEN_STATES

    @property
    def record(self) -> Record:
        """The record of this line."""
        body: Json = {
            "kind": self.kind,
            "state": self.state.value,
            "from_vault": self.from_vault,
            "paid_sats": self.paid_sats,
            "purpose": self.purpose,
            "proposed_by": self.proposed_by,
            "expires_at": utc_text(self.expires_at),
            "replaces": self.replaces,
            "outpoints": list(self.outpoints),
            "height": self.height,
            "block_hash": self.block_hash,
        }
        return Record(SPEND_LINE, self.id, body)


def line_of(spend: TreasurySpend) -> SpendLine:
    """The line of a spend as it is now."""
    counted = spend.out or spend.versions[-1:]
    newest = spend.versions[-1:]
    done = spend.confirmation
    return SpendLine(
        id=spend.id,
        kind=spend.kind,
        state=spend.state,
        from_vault=spend.instruction.from_vault,
        paid_sats=spend.paid_sats,
        purpose=spend.instruction.purpose,
        proposed_by=spend.instruction.proposed_by,
        expires_at=spend.instruction.expires_at,
        replaces=spend.instruction.replaces,
        outpoints=tuple(sorted({outpoint for version in (*counted, *newest) for outpoint in version.inputs})),
        height=done.height if done else 0,
        block_hash=done.block_hash if done else "",
    )


def spend_lines(books: Books) -> Mapping[str, SpendLine]:
    """Every spend's line by its id, in the order in which they were proposed."""
    return {name: _read(name, cast("Mapping[str, Json]", body)) for name, body in books.records(SPEND_LINE).items()}


def taken_coins(lines: Mapping[str, SpendLine]) -> Mapping[str, tuple[str, ...]]:
    """Which spends under way have each coin: one, or an original and the spends that would take it home."""
    taken: dict[str, tuple[str, ...]] = {}
    for line in lines.values():
        if line.takes_coins:
            for outpoint in line.outpoints:
                taken[outpoint] = (*taken.get(outpoint, ()), line.id)
    return taken


def _read(name: str, told: Mapping[str, Json]) -> SpendLine:
    return SpendLine(
        id=name,
        kind=str(told["kind"]),
        state=SpendState(told["state"]),
        from_vault=str(told["from_vault"]),
        paid_sats=cast("int", told["paid_sats"]),
        purpose=str(told["purpose"]),
        proposed_by=str(told["proposed_by"]),
        expires_at=parse_utc(str(told["expires_at"])),
        replaces=str(told["replaces"]),
        outpoints=tuple(cast("list[str]", told["outpoints"])),
        height=cast("int", told["height"]),
        block_hash=str(told["block_hash"]),
    )

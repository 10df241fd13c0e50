"""What the watchtower knows: the chain as it followed it, the vaults' coins, their spends, and what is raised."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from zakhira.kernel.canonical import Json
from zakhira.kernel.interval import parse_utc, utc_text
from zakhira.watch.alarm import Alarm, Raised, alarm_of
from zakhira.watch.first_read import FirstRead

Fields = Mapping[str, Json]


@dataclass(frozen=True)
class Lot:
    """Where the value of a coin came from: the coin that arrived from outside, and when (UTC)."""

    outpoint: str
    deposited_at: datetime


@dataclass(frozen=True)
class VaultCoin:
    """An output on the followed chain that pays a vault. A spent one stays until its spend lies deep."""

    outpoint: str
    vault: str
    branch: int
    index: int
    amount_sats: int
    script_hex: str
    height: int
    block_hash: str
    lots: tuple[Lot, ...]
    spent_by: str = ""
    spent_height: int = 0

    @property
    def is_unspent(self) -> bool:
        """Whether no block spends it."""
        return not self.spent_by

    def as_json(self) -> Json:
        """Plain data for the state on disk."""
        return {
            "outpoint": self.outpoint,
            "vault": self.vault,
            "branch": self.branch,
            "index": self.index,
            "amount_sats": self.amount_sats,
            "script_hex": self.script_hex,
            "height": self.height,
            "block_hash": self.block_hash,
            "lots": [[lot.outpoint, utc_text(lot.deposited_at)] for lot in self.lots],
            "spent_by": self.spent_by,
            "spent_height": self.spent_height,
        }


def coin_of(body: Json) -> VaultCoin:
    """What :meth:`VaultCoin.as_json` wrote."""
    told = dict(cast("Fields", body))
    lots = cast("list[list[str]]", told.pop("lots"))
    return VaultCoin(**told, lots=tuple(Lot(lot, parse_utc(at)) for lot, at in lots))  # type: ignore[arg-type]  # its own


@dataclass(frozen=True)
class SeenSpend:
    """A transaction that spends coins of a vault, and the verdict on it."""

    txid: str
    raw_hex: str
    coins: tuple[str, ...]
    """those of its coins that are ours"""
    first_seen: datetime
    not_there_at: datetime | None = None
    """the last look before at which it was neither in the mempool nor in a block; None: there was none"""
    height: int = 0
    """0 while it is in the mempool alone"""
    block_hash: str = ""
    block_at: datetime | None = None
    is_gone: bool = False
    """it left the mempool without a block"""
    spend_id: str = ""
    instruction_hash: str = ""
    counted_at: datetime | None = None
    """when its signatures were complete: from when it counts in rolling windows"""
    alarms: tuple[Alarm, ...] = ()
    judged_on: str = ""
    """names what the verdict was taken on"""

    def as_json(self) -> Json:
        """Plain data for the state on disk."""
        return {
            "txid": self.txid,
            "raw_hex": self.raw_hex,
            "coins": list(self.coins),
            "first_seen": utc_text(self.first_seen),
            "not_there_at": utc_text(self.not_there_at) if self.not_there_at else "",
            "height": self.height,
            "block_hash": self.block_hash,
            "block_at": utc_text(self.block_at) if self.block_at else "",
            "is_gone": self.is_gone,
            "spend_id": self.spend_id,
            "instruction_hash": self.instruction_hash,
            "counted_at": utc_text(self.counted_at) if self.counted_at else "",
            "alarms": [alarm.as_json() for alarm in self.alarms],
            "judged_on": self.judged_on,
        }


def _instant(value: Json) -> datetime | None:
    return parse_utc(str(value)) if value else None


def _not_there(told: Fields) -> datetime | None:
    """States of before said only whether it was seen as it came: then it was there not a minute before."""
    return _instant(told["first_seen"] if told.get("seen_live") else told.get("not_there_at", ""))


def seen_spend_of(body: Json) -> SeenSpend:
    """What :meth:`SeenSpend.as_json` wrote."""
    told = cast("Fields", body)
    return SeenSpend(
        txid=str(told["txid"]),
        raw_hex=str(told["raw_hex"]),
        coins=tuple(cast("list[str]", told["coins"])),
        first_seen=parse_utc(str(told["first_seen"])),
        not_there_at=_not_there(told),
        height=cast("int", told["height"]),
        block_hash=str(told["block_hash"]),
        block_at=_instant(told["block_at"]),
        is_gone=bool(told["is_gone"]),
        spend_id=str(told["spend_id"]),
        instruction_hash=str(told["instruction_hash"]),
        counted_at=_instant(told["counted_at"]),
        alarms=tuple(alarm_of(item) for item in cast("list[Fields]", told["alarms"])),
        judged_on=str(told["judged_on"]),
    )


@dataclass(frozen=True)
class WatchState:
    """All of it; each step gives a new one, and what did not change is the same object."""

    blocks: Mapping[int, str] = field(default_factory=dict)
    """hashes by height, the last :data:`KEPT_BLOCKS` of them"""
    coins: Mapping[str, VaultCoin] = field(default_factory=dict)
    spends: Mapping[str, SeenSpend] = field(default_factory=dict)
    lost: Mapping[str, int] = field(default_factory=dict)
    """coins whose block a reorganisation took, with the height that it had"""
    signed: Mapping[str, Json] = field(default_factory=dict)
    """what the source said last of each spend, so that nothing is forgotten while it cannot be read"""
    acts: Mapping[str, Json] = field(default_factory=dict)
    """every act as it was read first, and what was read under its id later"""
    vetoes: Mapping[str, Json] = field(default_factory=dict)
    """every veto that was ever read, by its signature"""
    missing: Mapping[str, str] = field(default_factory=dict)
    """acts and vetoes that the source did not say at its last reading as they were read before"""
    read: Mapping[str, FirstRead] = field(default_factory=dict)
    """when each signature under a spend was first read, by the signature"""
    raised: Mapping[str, Raised] = field(default_factory=dict)
    times: Mapping[str, str] = field(default_factory=dict)
    """instants by name: ``started``, ``caught up`` (tip and mempool were looked through), ``heartbeat`` ..."""

    @property
    def height(self) -> int:
        """Of the last block that was followed; -1 before the first."""
        return max(self.blocks, default=-1)

    def time(self, name: str) -> datetime | None:
        """An instant that was noted."""
        return _instant(self.times.get(name, ""))


KEPT_BLOCKS = 4_032
"""Four weeks: no reorganisation that a reserve lives through is deeper. Older hashes and spent coins are let go."""

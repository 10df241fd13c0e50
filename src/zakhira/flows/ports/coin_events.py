"""What the chain did to the vaults, as facts that are appended: blocks and coins, connected and taken back."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from zakhira.kernel.canonical import Json
from zakhira.kernel.errors import OutsideFailure


class BrokenChainEvent(OutsideFailure):
    """A fact of the chain does not follow from the facts before it: a gap, an unknown coin, a coin spent twice."""

    code = "ZK-BOOKS-014"


class CoinEventKind(StrEnum):
    """What happened. The last three take back what a disconnected block had done."""

    BLOCK_CONNECTED = "block connected"
    COIN_CREATED = "coin created"
    COIN_SPENT = "coin spent"
    COIN_UNSPENT = "coin unspent"
    COIN_REMOVED = "coin removed"
    BLOCK_DISCONNECTED = "block disconnected"


@dataclass(frozen=True)
class CoinEvent:
    """One fact. ``height`` and ``block_hash`` name the block that did it, or that is taken back.

    Fields that a kind does not use keep their defaults; the functions below make each kind.
    """

    kind: CoinEventKind
    height: int
    block_hash: str
    previous_hash: str = ""
    outpoint: str = ""
    vault: str = ""
    branch: int = 0
    place: int = 0
    amount_sats: int = 0
    script_hex: str = ""
    is_coinbase: bool = False
    spent_by: str = ""

    def as_json(self) -> dict[str, Json]:
        """The fields that its kind uses, as plain data."""
        found: dict[str, Json] = {"kind": self.kind.value, "height": self.height, "block_hash": self.block_hash}
        if self.kind is CoinEventKind.BLOCK_CONNECTED:
            found["previous_hash"] = self.previous_hash
        elif self.kind is not CoinEventKind.BLOCK_DISCONNECTED:
            found["outpoint"] = self.outpoint
        if self.kind is CoinEventKind.COIN_CREATED:
            found |= {
                "vault": self.vault,
                "branch": self.branch,
                "place": self.place,
                "amount_sats": self.amount_sats,
                "script_hex": self.script_hex,
                "is_coinbase": self.is_coinbase,
            }
        if self.kind is CoinEventKind.COIN_SPENT:
            found["spent_by"] = self.spent_by
        return found


@dataclass(frozen=True)
class WatchedCoin:
    """An output that pays a vault, on the followed chain. ``spent_by`` is the spending transaction, or empty."""

    outpoint: str
    vault: str
    branch: int
    place: int
    amount_sats: int
    script_hex: str
    height: int
    block_hash: str
    is_coinbase: bool
    spent_by: str = ""
    spent_height: int = -1
    spent_hash: str = ""

    def confirmations_at(self, height: int) -> int:
        """Blocks on top of and with the coin when the tip is at ``height``."""
        return height - self.height + 1


def block_connected(height: int, block_hash: str, previous_hash: str) -> CoinEvent:
    """A block became the tip."""
    return CoinEvent(CoinEventKind.BLOCK_CONNECTED, height, block_hash, previous_hash=previous_hash)


def block_disconnected(height: int, block_hash: str) -> CoinEvent:
    """The tip is taken back; what it did to coins must have been taken back before."""
    return CoinEvent(CoinEventKind.BLOCK_DISCONNECTED, height, block_hash)


def coin_created(coin: WatchedCoin) -> CoinEvent:
    """A block of the followed chain pays a vault."""
    return CoinEvent(
        CoinEventKind.COIN_CREATED,
        coin.height,
        coin.block_hash,
        outpoint=coin.outpoint,
        vault=coin.vault,
        branch=coin.branch,
        place=coin.place,
        amount_sats=coin.amount_sats,
        script_hex=coin.script_hex,
        is_coinbase=coin.is_coinbase,
    )


def coin_spent(outpoint: str, height: int, block_hash: str, spent_by: str) -> CoinEvent:
    """A block of the followed chain spends a coin."""
    return CoinEvent(CoinEventKind.COIN_SPENT, height, block_hash, outpoint=outpoint, spent_by=spent_by)


def coin_unspent(coin: WatchedCoin) -> CoinEvent:
    """The block that spent the coin is being taken back."""
    return CoinEvent(CoinEventKind.COIN_UNSPENT, coin.spent_height, coin.spent_hash, outpoint=coin.outpoint)


def coin_removed(coin: WatchedCoin) -> CoinEvent:
    """The block that created the coin is being taken back."""
    return CoinEvent(CoinEventKind.COIN_REMOVED, coin.height, coin.block_hash, outpoint=coin.outpoint)


def events_bytes(events: Iterable[CoinEvent]) -> bytes:
    """The events as canonical JSON (RFC 8785): ASCII text, booleans and integers alone, so the plain encoder does."""
    return json.dumps([event.as_json() for event in events], sort_keys=True, separators=(",", ":")).encode()

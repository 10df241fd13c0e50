"""The followed chain as a fold over its events: what the database's trigger keeps, computed anew in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from zakhira.flows.ports.coin_events import BrokenChainEvent, CoinEvent, CoinEventKind, WatchedCoin


@dataclass
class ChainFold:
    """Blocks of the followed chain by height, and every coin of a vault that they created, spent ones included."""

    blocks: dict[int, str] = field(default_factory=dict)
    coins: dict[str, WatchedCoin] = field(default_factory=dict)

    def copy(self) -> ChainFold:
        """A fold of its own with the same content."""
        return ChainFold(dict(self.blocks), dict(self.coins))

    def add(self, events: Iterable[CoinEvent]) -> None:
        """Take in events in order.

        Raises:
            BrokenChainEvent: one does not follow; those before it have been taken in.
        """
        for event in events:
            if not _STEPS[event.kind](self, event):
                raise BrokenChainEvent(
                    f"{event.kind.value} at height {event.height} ({event.outpoint or event.block_hash}) does not "
                    "follow from what the chain did before.",
                    "Read the state again and follow the chain from there.",
                )

    @property
    def tip(self) -> tuple[int, str] | None:
        """Height and hash of the last block that was connected, or None."""
        if not self.blocks:
            return None
        height = max(self.blocks)
        return height, self.blocks[height]

    def connect(self, event: CoinEvent) -> bool:
        """Take in a block; whether it follows."""
        tip = self.tip
        if tip is not None and (event.height - 1, event.previous_hash) != tip:
            return False
        self.blocks[event.height] = event.block_hash
        return True

    def disconnect(self, event: CoinEvent) -> bool:
        """Take the tip back; whether it was the tip and nothing is left of it."""
        if self.tip != (event.height, event.block_hash):
            return False
        del self.blocks[event.height]
        return not any(event.height in {coin.height, coin.spent_height} for coin in self.coins.values())

    def create(self, event: CoinEvent) -> bool:
        """Take in a coin; whether its block is followed and it is new."""
        if not self._is_followed(event) or event.outpoint in self.coins:
            return False
        self.coins[event.outpoint] = WatchedCoin(
            event.outpoint,
            event.vault,
            event.branch,
            event.place,
            event.amount_sats,
            event.script_hex,
            event.height,
            event.block_hash,
            event.is_coinbase,
        )
        return True

    def remove(self, event: CoinEvent) -> bool:
        """Take a coin back; whether it was there and unspent."""
        coin = self.coins.get(event.outpoint)
        if coin is None or coin.spent_by or (coin.height, coin.block_hash) != (event.height, event.block_hash):
            return False
        del self.coins[event.outpoint]
        return True

    def spend(self, event: CoinEvent) -> bool:
        """Spend a coin; whether it was there and unspent."""
        coin = self.coins.get(event.outpoint)
        if coin is None or coin.spent_by or coin.height > event.height or not self._is_followed(event):
            return False
        self.coins[event.outpoint] = replace(
            coin, spent_by=event.spent_by, spent_height=event.height, spent_hash=event.block_hash
        )
        return True

    def unspend(self, event: CoinEvent) -> bool:
        """Take a spend back; whether this block had spent it."""
        coin = self.coins.get(event.outpoint)
        if coin is None or (coin.spent_height, coin.spent_hash) != (event.height, event.block_hash):
            return False
        self.coins[event.outpoint] = replace(coin, spent_by="", spent_height=-1, spent_hash="")
        return True

    def _is_followed(self, event: CoinEvent) -> bool:
        return self.blocks.get(event.height) == event.block_hash


_STEPS = {
    CoinEventKind.BLOCK_CONNECTED: ChainFold.connect,
    CoinEventKind.BLOCK_DISCONNECTED: ChainFold.disconnect,
    CoinEventKind.COIN_CREATED: ChainFold.create,
    CoinEventKind.COIN_REMOVED: ChainFold.remove,
    CoinEventKind.COIN_SPENT: ChainFold.spend,
    CoinEventKind.COIN_UNSPENT: ChainFold.unspend,
}


def fold_breaks(fold: ChainFold, blocks: Mapping[int, str], coins: Iterable[WatchedCoin]) -> list[str]:
    """Where what a store shows is not what its events come to, in sentences."""
    breaks = []
    if dict(blocks) != fold.blocks:
        breaks.append("blocks: the followed chain in the store is not what its events come to.")
    shown = {coin.outpoint: coin for coin in coins}
    return breaks + [
        f"coin {outpoint}: the store does not show what its events come to."
        for outpoint in sorted(shown.keys() | fold.coins.keys())
        if shown.get(outpoint) != fold.coins.get(outpoint)
    ]

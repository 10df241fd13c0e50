"""The lots that a spend would let go, with the moments at which they were deposited."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from zakhira.controls.engine.question import BoundLot
from zakhira.flows.coin_papers import COIN_PAPER, paper_of
from zakhira.flows.spending.spend import TreasurySpend
from zakhira.flows.treasury import Treasury


@dataclass(frozen=True)
class _Source:
    """A coin that would move: what it holds, and as which outpoints its satoshi first arrived."""

    amount_sats: int
    purpose: str
    lots: tuple[str, ...]


def bound_lots(treasury: Treasury, spend: TreasurySpend) -> tuple[BoundLot, ...]:
    """One lot for each coin of the newest version, or of the named coins before there is one; none otherwise.

    Of a coin that holds several lots the youngest counts, for its satoshi cannot be told apart.
    """
    sources = list(_sources(treasury, spend))
    deposits = _deposits(treasury, sources)
    bound = []
    for source in sources:
        deposited_at, lot = max((deposits[lot], lot) for lot in source.lots)
        bound.append(BoundLot(lot, source.purpose, deposited_at, source.amount_sats))
    return tuple(bound)


def _sources(treasury: Treasury, spend: TreasurySpend) -> Iterable[_Source]:
    if spend.versions:
        for item in spend.last.coins:
            lots = item.lots or (item.coin.outpoint,)
            yield _Source(item.coin.amount_sats, item.purpose, lots)
        return
    named = spend.instruction.inputs
    bodies = treasury.books.bodies(COIN_PAPER, list(named))
    for outpoint in named:
        coin = treasury.coins.coin(outpoint)
        if coin is not None and outpoint in bodies:
            paper = paper_of(outpoint, bodies[outpoint])
            yield _Source(coin.amount_sats, paper.purpose, paper.lots or (outpoint,))


def _deposits(treasury: Treasury, sources: Iterable[_Source]) -> Mapping[str, datetime]:
    """When each lot came into a block. One that no followed block has counts as of now: a hold is rather too long."""
    lots = sorted({lot for source in sources for lot in source.lots})
    blocks = {lot: coin.block_hash for lot in lots if (coin := treasury.coins.coin(lot)) is not None}
    hashes = sorted(set(blocks.values()))
    times = dict(zip(hashes, treasury.node.block_times(hashes), strict=True)) if hashes else {}
    return {lot: times[blocks[lot]] if lot in blocks else treasury.now for lot in lots}

"""How blocks and the mempool change the state: coins that come and go, and what a reorganisation takes back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from zakhira.kernel.interval import utc_text
from zakhira.watch.look import Seen, own_outputs
from zakhira.watch.places import Places
from zakhira.watch.ports import SeenBlock, SeenTransaction
from zakhira.watch.state import KEPT_BLOCKS, Lot, SeenSpend, VaultCoin, WatchState

CAUGHT_UP = "caught up"
"""Names among the state's instants the last look that went through every block and the mempool: what it did not show
was not there."""


@dataclass
class _Draft:
    """Copies that are changed together and become the next state."""

    blocks: dict[int, str]
    coins: dict[str, VaultCoin]
    spends: dict[str, SeenSpend]
    lost: dict[str, int]


def follow(state: WatchState, seen: Seen, places: Places) -> WatchState:
    """The state after what was seen of the chain and the mempool; verdicts are not taken here."""
    if seen.fork_height is None and not seen.blocks and seen.pool is None:
        return state
    draft = _Draft(dict(state.blocks), dict(state.coins), dict(state.spends), dict(state.lost))
    if seen.fork_height is not None:
        _take_back(draft, seen.fork_height)
    not_there_at = state.time(CAUGHT_UP)
    for block in seen.blocks:
        _connect(draft, block, places, seen.at, not_there_at)
    times = state.times
    if seen.pool is not None:
        _take_pool(draft, seen, not_there_at)
        if max(draft.blocks, default=-1) >= seen.tip_height:
            times = {**times, CAUGHT_UP: utc_text(seen.at)}
    _let_go(draft)
    return replace(
        state,
        blocks=draft.blocks if draft.blocks != state.blocks else state.blocks,
        coins=draft.coins if draft.coins != state.coins else state.coins,
        spends=draft.spends if draft.spends != state.spends else state.spends,
        lost=draft.lost if draft.lost != state.lost else state.lost,
        times=times,
    )


def _take_back(draft: _Draft, fork: int) -> None:
    for height in [height for height in draft.blocks if height > fork]:
        del draft.blocks[height]
    for outpoint, coin in list(draft.coins.items()):
        if coin.height > fork:
            del draft.coins[outpoint]
            draft.lost[outpoint] = coin.height
        elif coin.spent_height > fork:
            draft.coins[outpoint] = replace(coin, spent_by="", spent_height=0)
    for txid, spend in list(draft.spends.items()):
        if spend.height > fork:
            draft.spends[txid] = replace(spend, height=0, block_hash="", block_at=None)


def _connect(draft: _Draft, block: SeenBlock, places: Places, at: datetime, not_there_at: datetime | None) -> None:
    draft.blocks[block.height] = block.hash
    spends = {transaction.txid: transaction for transaction in block.transactions}
    for output in block.outputs:
        place = places.of(output.script_hex)
        if place is None:
            continue
        source = spends.get(output.outpoint.partition(":")[0])
        lots = _lots(draft, source) if source else ()
        draft.coins[output.outpoint] = VaultCoin(
            output.outpoint,
            place.vault,
            place.branch,
            place.index,
            output.amount_sats,
            output.script_hex,
            block.height,
            block.hash,
            lots or (Lot(output.outpoint, block.at),),
        )
        draft.lost.pop(output.outpoint, None)
    for transaction in block.transactions:
        for outpoint in transaction.spends:
            if outpoint in draft.coins:
                coin = draft.coins[outpoint]
                draft.coins[outpoint] = replace(coin, spent_by=transaction.txid, spent_height=block.height)
        _note(draft, transaction, at, not_there_at)
        spend = _back(draft, transaction.txid)
        draft.spends[transaction.txid] = replace(spend, height=block.height, block_hash=block.hash, block_at=block.at)


def _lots(draft: _Draft, source: SeenTransaction) -> tuple[Lot, ...]:
    """A coin that our own coins made carries their lots on: when it was deposited does not begin anew."""
    found = {lot for outpoint in source.spends if outpoint in draft.coins for lot in draft.coins[outpoint].lots}
    return tuple(sorted(found, key=lambda lot: (lot.deposited_at, lot.outpoint)))


def _note(draft: _Draft, transaction: SeenTransaction, at: datetime, not_there_at: datetime | None) -> None:
    if transaction.txid not in draft.spends:
        draft.spends[transaction.txid] = SeenSpend(
            transaction.txid, transaction.raw_hex, transaction.spends, at, not_there_at
        )


def _back(draft: _Draft, txid: str) -> SeenSpend:
    """The transaction as one that is there. Where another has carried out its spend meanwhile it is judged anew."""
    spend = draft.spends[txid]
    if not spend.is_gone:
        return spend
    taken = any(one.spend_id == spend.spend_id and not one.is_gone for one in draft.spends.values())
    return replace(spend, is_gone=False, judged_on="" if taken else spend.judged_on)


def _take_pool(draft: _Draft, seen: Seen, not_there_at: datetime | None) -> None:
    for transaction in seen.fresh:
        _note(draft, transaction, seen.at, not_there_at)
        draft.spends[transaction.txid] = _back(draft, transaction.txid)
    there = set((seen.pool or {}).values())
    for txid, spend in list(draft.spends.items()):
        if not spend.height and not spend.is_gone and txid not in there:
            draft.spends[txid] = replace(spend, is_gone=True)


def _let_go(draft: _Draft) -> None:
    """Old hashes and long spent coins; the transactions stay, for they count in windows."""
    last = max(draft.blocks, default=0)
    for height in [height for height in draft.blocks if height <= last - KEPT_BLOCKS]:
        del draft.blocks[height]
    for outpoint, coin in list(draft.coins.items()):
        if coin.spent_by and coin.spent_height <= last - KEPT_BLOCKS:
            del draft.coins[outpoint]


def pending_coins(state: WatchState, places: Places) -> dict[str, VaultCoin]:
    """Outputs of ours that spends in the mempool make: their lots are those of what they spend."""
    found: dict[str, VaultCoin] = {}
    waiting = [spend for spend in state.spends.values() if not spend.height and not spend.is_gone]
    for spend in sorted(waiting, key=lambda one: any(outpoint not in state.coins for outpoint in one.coins)):
        lots = {lot for name in spend.coins if (c := state.coins.get(name) or found.get(name)) for lot in c.lots}
        for outpoint, (script_hex, amount_sats) in own_outputs(spend.txid, spend.raw_hex, places).items():
            place = places.of(script_hex)
            assert place is not None, "own outputs are ours"
            found[outpoint] = VaultCoin(
                outpoint,
                place.vault,
                place.branch,
                place.index,
                amount_sats,
                script_hex,
                0,
                "",
                tuple(sorted(lots, key=lambda lot: (lot.deposited_at, lot.outpoint)))
                or (Lot(outpoint, spend.first_seen),),
            )
    return found

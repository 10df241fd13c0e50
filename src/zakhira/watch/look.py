"""Looking: what has come since the state at hand, asked of the nodes and of the source. Nothing is decided here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from zakhira.custody.decoders import decode_transaction
from zakhira.kernel.errors import OutsideFailure, ZakhiraError
from zakhira.watch.places import Places
from zakhira.watch.ports import SecondNode, SeenBlock, SeenTransaction, SignedSource, SignedThings, WatchedNode
from zakhira.watch.state import WatchState

BLOCKS_AT_ONCE = 50
"""Blocks of one step while the chain is caught up with: each step is kept before the next begins."""
_STEP_BACK = 6


@dataclass(frozen=True)
class Eyes:
    """What the watchtower looks with. Opening may fail as well as asking, so that nodes are opened at each need."""

    node: Callable[[], WatchedNode]
    source: Callable[[], SignedSource]
    second: Callable[[], SecondNode] | None = None


@dataclass(frozen=True)
class SecondSeen:
    """The second node's view: its tip, and its hash at the height that both have."""

    height: int
    common_height: int
    hash_there: str
    own_hash_there: str


@dataclass(frozen=True)
class Seen:
    """What was seen in one look."""

    at: datetime
    tip_height: int = -1
    node_trouble: str = ""
    fork_height: int | None = None
    """blocks above it are no longer on the chain; None: nothing was taken back"""
    blocks: tuple[SeenBlock, ...] = ()
    pool: Mapping[str, str] | None = None
    """who spends our coins in the mempool, by outpoint; None where it could not be looked at"""
    fresh: tuple[SeenTransaction, ...] = ()
    """transactions of the mempool that the state does not know"""
    signed: SignedThings | None = None
    source_trouble: str = ""
    second: SecondSeen | None = None
    second_trouble: str = ""


@dataclass
class _Look:
    state: WatchState
    places: Places
    start: int
    outpoints: set[str] = field(default_factory=set)


def look(state: WatchState, eyes: Eyes, places: Places, start: int, at: datetime) -> Seen:
    """Look once. A part that does not answer is told in the trouble of that part, and the rest is looked at."""
    at = at.replace(microsecond=0)
    one = _Look(state, places, start, {coin.outpoint for coin in state.coins.values() if coin.is_unspent})
    try:
        node = eyes.node()
        tip_height, _ = node.tip()
        fork = _fork(state, node, tip_height)
        blocks = _blocks(one, node, tip_height, fork)
        pool, fresh = _pool(one, node)
    except OutsideFailure as error:
        signed, source_trouble = _read(eyes)
        return Seen(at, node_trouble=error.message, signed=signed, source_trouble=source_trouble)
    # What is in the mempool was recorded before it was sent: the source is asked after the node.
    signed, source_trouble = _read(eyes)
    second, second_trouble = _second(eyes, node, tip_height)
    return Seen(
        at=at,
        tip_height=tip_height,
        fork_height=fork if fork < state.height else None,
        blocks=blocks,
        pool=pool,
        fresh=fresh,
        signed=signed,
        source_trouble=source_trouble,
        second=second,
        second_trouble=second_trouble,
    )


def _read(eyes: Eyes) -> tuple[SignedThings | None, str]:
    try:
        return eyes.source().read(), ""
    except OutsideFailure as error:
        return None, error.message


def _fork(state: WatchState, node: WatchedNode, tip_height: int) -> int:
    """The highest height at which the node has the block that was followed; -1 where it has none of them."""
    height, step = min(state.height, tip_height), 1
    while height >= 0 and height in state.blocks:
        there = node.block_hashes(height, height)
        if there and there[0] == state.blocks[height]:
            return _last_same(state, node, height)
        height, step = height - step, min(step + 1, _STEP_BACK)
    return -1


def _last_same(state: WatchState, node: WatchedNode, height: int) -> int:
    """From a height that is the same on both, up to the last that is."""
    above = node.block_hashes(height + 1, min(state.height, height + _STEP_BACK))
    for offset, found in enumerate(above, start=1):
        if state.blocks.get(height + offset) != found:
            return height + offset - 1
    return height + len(above)


def _blocks(one: _Look, node: WatchedNode, tip_height: int, fork: int) -> tuple[SeenBlock, ...]:
    first = max(fork + 1, one.start)
    hashes = node.block_hashes(first, min(tip_height, first + BLOCKS_AT_ONCE - 1)) if first <= tip_height else ()
    # What a reorganisation gives back can be spent again in the new blocks.
    one.outpoints |= {coin.outpoint for coin in one.state.coins.values() if coin.spent_height > fork}
    found = []
    for height, block_hash in enumerate(hashes, start=first):
        block = node.block(height, block_hash, one.places.by_script.keys(), one.outpoints)
        while _uses(one.places, [output.script_hex for output in block.outputs]):
            block = node.block(height, block_hash, one.places.by_script.keys(), one.outpoints)
        one.outpoints |= {output.outpoint for output in block.outputs}
        one.outpoints -= {outpoint for transaction in block.transactions for outpoint in transaction.spends}
        found.append(block)
    return tuple(found)


def _uses(places: Places, scripts_hex: list[str]) -> bool:
    """Whether more scripts are watched now that these were used."""
    return sum(places.use(place) for script in scripts_hex if (place := places.of(script))) > 0


def _pool(one: _Look, node: WatchedNode) -> tuple[Mapping[str, str], tuple[SeenTransaction, ...]]:
    """Spends of our coins in the mempool, and of what those make for us in turn."""
    known = {txid: spend for txid, spend in one.state.spends.items() if not spend.is_gone}
    asked: set[str] = set()
    pool: dict[str, str] = {}
    raws: dict[str, str] = {}
    wanted = set(one.outpoints)
    while wanted:
        found = node.spenders(sorted(wanted))
        asked |= wanted
        pool |= found
        fresh = sorted(set(found.values()) - set(raws) - set(known))
        raws |= node.unconfirmed(fresh)
        ours = {txid: raws.get(txid) or known[txid].raw_hex for txid in set(found.values()) & (set(raws) | set(known))}
        wanted = {outpoint for txid, raw in ours.items() for outpoint in own_outputs(txid, raw, one.places)} - asked
    transactions = [
        SeenTransaction(txid, raw, tuple(sorted(outpoint for outpoint, by in pool.items() if by == txid)))
        for txid, raw in sorted(raws.items())
    ]
    return pool, tuple(transactions)


def own_outputs(txid: str, raw_hex: str, places: Places) -> dict[str, tuple[str, int]]:
    """The outputs of a transaction that pay our scripts: outpoint to script and amount. Undecodable pays nobody."""
    try:
        outputs = decode_transaction(raw_hex).outputs
    except ZakhiraError:
        return {}
    return {
        f"{txid}:{number}": (script_hex, amount_sats)
        for number, (script_hex, amount_sats) in enumerate(outputs)
        if places.of(script_hex)
    }


def _second(eyes: Eyes, node: WatchedNode, tip_height: int) -> tuple[SecondSeen | None, str]:
    if eyes.second is None:
        return None, ""
    try:
        other = eyes.second()
        height, _ = other.tip()
        common = min(height, tip_height)
        there, own = other.block_hashes(common, common), node.block_hashes(common, common)
    except OutsideFailure as error:
        return None, error.message
    if not there or not own:
        return None, ""
    return SecondSeen(height, common, there[0], own[0]), ""

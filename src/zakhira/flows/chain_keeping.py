"""The private chain is kept in the books, so that a node that lost blocks is given them again, and followed there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import cast

from zakhira.custody.descriptor import RECEIVE
from zakhira.flows.following import outpoint_bytes
from zakhira.flows.machinery import Machinery
from zakhira.flows.payments import intake_index, recorded_payments
from zakhira.flows.ports.backing_records import PROOF_DEPTH, depth_body
from zakhira.flows.ports.books import Books, Record, Write
from zakhira.flows.ports.chain import Block, PrivateChain
from zakhira.flows.ports.chain_pool import MATURITY_BLOCKS
from zakhira.flows.ports.coin_events import CoinEvent, WatchedCoin, block_connected, coin_created, coin_spent
from zakhira.flows.ports.coin_store import Depth
from zakhira.flows.ports.follow import Wanted
from zakhira.flows.spends import recorded_spends
from zakhira.flows.watched_places import Place
from zakhira.kernel.canonical import Json
from zakhira.kernel.money import Commodity
from zakhira.programme.model import Programme

BLOCKS = "blocks"
"""Kind of the records that hold raw blocks; the id is the first height, padded so that ids sort."""


def _as_json(block: Block) -> Json:
    return {"height": block.height, "hash": block.hash, "raw_hex": block.raw_hex}


def _from_json(body: Json) -> Block:
    fields = cast("Mapping[str, str | int]", body)
    return Block(int(fields["height"]), str(fields["hash"]), str(fields["raw_hex"]))


def recorded_blocks(books: Books) -> tuple[Block, ...]:
    """Every block that was recorded, from height 1 upwards."""
    chunks = (cast("Sequence[Json]", body) for body in books.records(BLOCKS).values())
    return tuple(_from_json(block) for chunk in chunks for block in chunk)


def recorded_height(books: Books) -> int:
    """The height of the last recorded block; 0 when nothing is recorded."""
    blocks = recorded_blocks(books)
    return blocks[-1].height if blocks else 0


def restore_chain(books: Books, chain: PrivateChain, now: datetime) -> None:
    """Bring the node back to at least the recorded tip.

    Blocks that the node has above the recorded tip stay: the run adopts them when it gets there.

    Raises:
        ChainDiverged: the node's best chain is not the recorded one and cannot be made so.
    """
    blocks = recorded_blocks(books)
    chain.set_time(now)
    if blocks:
        chain.restore(blocks)


def record_blocks(
    machinery: Machinery, programme: Programme, key: str, after: int, last: int, at: datetime, mined: Sequence[Block]
) -> int:
    """Record the best chain's blocks above ``after`` up to ``last``, with what they do to our vaults; return ``last``.

    ``mined`` spares the node the question where it is exactly these blocks. Safe to repeat.

    Raises:
        UnreadableBlock: bytes are not the block that they are called.
    """
    books = machinery.books
    if books.done(key) is not None:
        return last
    fresh = tuple(mined) if [block.height for block in mined] == list(range(after + 1, last + 1)) else ()
    blocks = fresh or machinery.chain.blocks(after + 1, last)
    record = Record(BLOCKS, f"{after + 1:08d}", [_as_json(block) for block in blocks])
    events = _facts(machinery, programme, (*_not_followed(machinery, after), *blocks))
    records = (record, *_depth(machinery, programme))
    books.commit(Write(key, "chain", "record blocks", at, records=records, coin_events=events))
    return last


def _not_followed(machinery: Machinery, after: int) -> tuple[Block, ...]:
    """Recorded blocks that are not followed: all of them in books from before the run followed its chain."""
    span = machinery.coins.span()
    followed = 0 if span is None else span.height
    if followed >= after:
        return ()
    return tuple(block for block in recorded_blocks(machinery.books) if followed < block.height <= after)


def _depth(machinery: Machinery, programme: Programme) -> tuple[Record, ...]:
    """How deep a coin must lie before it backs anything: as deep as before it is credited."""
    rule = Depth((0,), (programme.policy.confirmations,), MATURITY_BLOCKS)
    record = Record(PROOF_DEPTH, Commodity.BTC.value, depth_body(rule))
    return () if machinery.books.latest(record.kind, record.id) == record.body else (record,)


def _facts(machinery: Machinery, programme: Programme, blocks: Sequence[Block]) -> tuple[CoinEvent, ...]:
    """What these blocks do to our vaults, in order: whatever they pay was handed out before they were mined."""
    places = _places(machinery, programme)
    outpoints = {outpoint_bytes(outpoint) for outpoint in machinery.coins.unspent_outpoints()}
    wanted, events = Wanted(places, outpoints), list[CoinEvent]()
    for block in blocks:
        fetched = machinery.read_block(block)
        finds = fetched.scan(wanted)
        events.append(block_connected(block.height, block.hash, fetched.previous_hash))
        for output in finds.outputs:
            vault, branch, index = places[output.script]
            script, hash_ = output.script.hex(), block.hash
            coin = WatchedCoin(
                output.outpoint,
                vault,
                branch,
                index,
                output.amount_sats,
                script,
                block.height,
                hash_,
                output.is_coinbase,
            )
            events.append(coin_created(coin))
        # Spends last: a block may spend what it makes itself.
        events += [coin_spent(spend.outpoint, block.height, block.hash, spend.spent_by) for spend in finds.spends]
        outpoints |= {outpoint_bytes(output.outpoint) for output in finds.outputs}
        outpoints -= {outpoint_bytes(spend.outpoint) for spend in finds.spends}
    return tuple(events)


def _places(machinery: Machinery, programme: Programme) -> dict[bytes, Place]:
    """Every place of our vaults that was handed out, by its script."""
    intake = programme.policy.vault("intake").id
    places = {
        bytes.fromhex(output.script_hex): (intake, RECEIVE, intake_index(programme, payment.day, output.licensee))
        for payment in recorded_payments(machinery.books)
        for output in payment.outputs
        if output.is_royalty
    }
    for spend in recorded_spends(machinery.books):
        place = spend.destination
        places[bytes.fromhex(place.script_hex)] = (place.vault, place.branch, place.index)
    return places

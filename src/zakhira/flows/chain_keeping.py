"""The private chain is kept in the books as well, so that a node that lost blocks is given them again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import cast

from zakhira.flows.ports.books import Books, Record, Write
from zakhira.flows.ports.chain import Block, PrivateChain
from zakhira.kernel.canonical import Json

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
    books: Books, chain: PrivateChain, key: str, after: int, last: int, at: datetime, mined: Sequence[Block] = ()
) -> int:
    """Record the best chain's blocks above ``after`` up to ``last`` and return ``last``.

    ``mined`` spares the node the question where it is exactly these blocks.
    """
    fresh = tuple(mined) if [block.height for block in mined] == list(range(after + 1, last + 1)) else ()
    blocks = fresh or chain.blocks(after + 1, last)
    record = Record(BLOCKS, f"{after + 1:08d}", [_as_json(block) for block in blocks])
    books.commit(Write(key, "chain", "record blocks", at, records=(record,)))
    return last

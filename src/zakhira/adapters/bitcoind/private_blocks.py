"""Blocks of the private chain: mined at programme time, read whole, and given back to a node that lost them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bitcoin_core_rpc import RPCErrorCode

from zakhira.adapters.bitcoind.rpc import Call, Rpc
from zakhira.flows.ports.chain import Block
from zakhira.flows.ports.chain_errors import BlockMissing, ChainDiverged, NodeFailed
from zakhira.flows.ports.chain_pool import nobody_address
from zakhira.flows.ports.chain_timing import block_time_s, even_moments

_BATCH = 100


class PrivateBlocks:
    """The blocks of one private node."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc

    def height(self) -> int:
        """The height of the tip."""
        return int(self._rpc.call("getblockcount"))

    def hash_at(self, height: int) -> str | None:
        """The hash of the best chain's block at a height, or None where it has none."""
        return self._hashes([height])[0]

    def mine(self, orders: Sequence[tuple[str, datetime]]) -> list[str]:
        """Mine one block for each address and moment, in order; their hashes. The clock stays at the last moment."""
        hashes: list[str] = []
        for start in range(0, len(orders), _BATCH):
            calls: list[Call] = []
            for address, moment in orders[start : start + _BATCH]:
                calls.append(("setmocktime", [int(moment.timestamp())]))
                calls.append(("generatetoaddress", [1, address]))
            hashes += [str(found[0]) for found in self._rpc.batch(calls)[1::2]]
        return hashes

    def mine_to(self, height: int, now: datetime) -> tuple[Block, ...]:
        """See :meth:`zakhira.flows.ports.chain.PrivateChain.mine_to`."""
        info = self._rpc.call("getblockchaininfo")
        tip, tip_time_s = int(info["blocks"]), int(info["time"])
        missing = max(0, height - tip)
        moments = even_moments(missing, tip_time_s, now)
        hashes = self.mine([(nobody_address(), moment) for moment in moments])
        return self._whole(list(enumerate(hashes, start=tip + 1)))

    def read(self, first: int, last: int) -> tuple[Block, ...]:
        """See :meth:`zakhira.flows.ports.chain.PrivateChain.blocks`."""
        heights = range(first, last + 1)
        numbered = []
        for height, found in zip(heights, self._hashes(heights), strict=True):
            if found is None:
                raise BlockMissing(f"The node's chain has no block {height}.", "Restore the recorded blocks first.")
            numbered.append((height, found))
        return self._whole(numbered)

    def payees(self, first: int, last: int) -> list[str]:
        """The address that each block's coinbase pays first."""
        hashes = [found for found in self._hashes(range(first, last + 1)) if found is not None]
        payees: list[str] = []
        for start in range(0, len(hashes), _BATCH):
            calls: list[Call] = [("getblock", [found, 2]) for found in hashes[start : start + _BATCH]]
            payees += [
                str(block["tx"][0]["vout"][0]["scriptPubKey"].get("address", "")) for block in self._rpc.batch(calls)
            ]
        return payees

    def restore(self, blocks: Sequence[Block]) -> int:
        """See :meth:`zakhira.flows.ports.chain.PrivateChain.restore`; the time of the last block in seconds."""
        known = self._hashes([block.height for block in blocks])
        lost = [block for block, found in zip(blocks, known, strict=True) if found != block.hash]
        last_s = max((block_time_s(block) for block in blocks), default=0)
        if not lost:
            return last_s
        self._rpc.call("setmocktime", [max(last_s, self._clock_s())])
        for start in range(0, len(lost), _BATCH):
            calls: list[Call] = [("submitblock", [block.raw_hex]) for block in lost[start : start + _BATCH]]
            answers = self._rpc.try_batch(calls)
            for block, answer in zip(lost[start : start + _BATCH], answers, strict=True):
                _accept(block, answer)
        last = blocks[-1]
        if self.hash_at(last.height) != last.hash:
            raise self._diverged(lost[0], last)
        return last_s

    def _clock_s(self) -> int:
        return int(self._rpc.call("getblockchaininfo")["time"])

    def _diverged(self, fork: Block, last: Block) -> ChainDiverged:
        info = self._rpc.call("getblockchaininfo")
        return ChainDiverged(
            f"From height {fork.height} on, the node's chain (tip {info['blocks']}, {info['bestblockhash']}) is "
            f"another than the recorded one (tip {last.height}, {last.hash}).",
            "This is a reorganisation: find out who mined the other branch before anything else is moved.",
        )

    def _hashes(self, heights: Sequence[int]) -> list[str | None]:
        hashes: list[str | None] = []
        for start in range(0, len(heights), 10 * _BATCH):
            part = heights[start : start + 10 * _BATCH]
            for answer in self._rpc.try_batch([("getblockhash", [height]) for height in part]):
                if isinstance(answer, NodeFailed) and answer.rpc_code != RPCErrorCode.INVALID_PARAMETER:
                    raise answer
                hashes.append(None if isinstance(answer, NodeFailed) else str(answer))
        return hashes

    def _whole(self, numbered: Sequence[tuple[int, str]]) -> tuple[Block, ...]:
        blocks: list[Block] = []
        for start in range(0, len(numbered), _BATCH):
            part = numbered[start : start + _BATCH]
            raws = self._rpc.batch([("getblock", [found, 0]) for _, found in part])
            blocks += [Block(height, found, str(raw)) for (height, found), raw in zip(part, raws, strict=True)]
        return tuple(blocks)


def _accept(block: Block, answer: Any) -> None:  # noqa: ANN401 - JSON
    """Let pass what says that the block is known or taken; ``inconclusive`` is a branch that is not the best yet."""
    if answer in {None, "duplicate", "inconclusive", "duplicate-inconclusive"}:
        return
    raise ChainDiverged(
        f"The node does not take the recorded block {block.height} ({block.hash}): {answer}.",
        "The record and the node's chain do not fit: use the folder of this very run, or start a new one.",
    )

"""A bitcoind followed over RPC without any wallet; new blocks are noticed by ZMQ where the node offers it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from bitcoin_core_rpc import RPCErrorCode

from zakhira.adapters.bitcoind.block_scan import RawBlock, scan_transactions
from zakhira.adapters.bitcoind.node import chain_of
from zakhira.adapters.bitcoind.rpc import Call, Rpc
from zakhira.adapters.bitcoind.vaults import to_sats
from zakhira.flows.ports.chain_descriptor import split_branches
from zakhira.flows.ports.chain_errors import NodeFailed
from zakhira.flows.ports.follow import BlockNotKept, FetchedBlock, Finds, NodeCoin, UnreadableBlock, Wanted

AHEAD_BYTES = 8 * 1024 * 1024
"""Hex that one batch of blocks should come to: two full blocks; a batch is at least one block [E]."""
AHEAD_BLOCKS = 64
_HASHES = 2000
_POOL_BATCH = 500
POLL_S = 1.0


class BitcoindFollower:
    """Implements :class:`zakhira.flows.ports.follow.FollowedNode` on one node. For one thread; close it after use."""

    def __init__(
        self,
        rpc: Rpc,
        *,
        poll_s: float = POLL_S,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rpc = rpc
        self._poll_s = poll_s
        self._clock = clock
        self._sleep = sleep
        self._ahead = 1
        self._seen: set[str] = set()
        self._notices: _BlockNotices | None = None
        self._is_asked = False

    def __enter__(self) -> Self:
        """Use it in a ``with`` block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Close the subscription, if there is one."""
        if self._notices is not None:
            self._notices.close()
        self._notices, self._is_asked = None, False

    def chain_name(self) -> str:
        """main, test, signet or regtest."""
        return chain_of(self._rpc)

    def tip(self) -> tuple[int, str]:
        """Height and hash of the best block."""
        info = self._rpc.call("getblockchaininfo")
        return int(info["blocks"]), str(info["bestblockhash"])

    def block_hashes(self, first: int, last: int) -> tuple[str, ...]:
        """The best chain's hashes at these heights; fewer where the chain ends below ``last``."""
        hashes: list[str] = []
        for start in range(first, last + 1, _HASHES):
            calls: list[Call] = [("getblockhash", [height]) for height in range(start, min(start + _HASHES, last + 1))]
            for answer in self._rpc.try_batch(calls):
                if isinstance(answer, NodeFailed):
                    if answer.rpc_code != RPCErrorCode.INVALID_PARAMETER:
                        raise answer
                    return tuple(hashes)
                hashes.append(str(answer))
        return tuple(hashes)

    def is_catching_up(self) -> bool:
        """Whether the node has headers above its best block whose blocks it lacks (``getchaintips``)."""
        tips = self._rpc.call("getchaintips")
        best = max(int(tip["height"]) for tip in tips if tip["status"] == "active")
        return any(int(t["height"]) > best and t["status"] in {"headers-only", "valid-headers"} for t in tips)

    def blocks(self, hashes: Sequence[str]) -> Iterator[FetchedBlock]:
        """These blocks in order; how many are asked for at once follows from how large the last ones were."""
        start = 0
        while start < len(hashes):
            part = hashes[start : start + self._ahead]
            raws = self._rpc.try_batch([("getblock", [found, 0]) for found in part])
            average = max(1, sum(len(raw) for raw in raws if isinstance(raw, str)) // len(part))
            for found, raw in zip(part, raws, strict=True):
                yield _raw_block(found, raw)
            start += len(part)
            self._ahead = max(1, min(AHEAD_BLOCKS, 2 * self._ahead, AHEAD_BYTES // average))

    def block_times(self, hashes: Sequence[str]) -> tuple[datetime, ...]:
        """The times in the headers of these blocks (``getblockheader``)."""
        times: list[datetime] = []
        for start in range(0, len(hashes), _HASHES):
            part = hashes[start : start + _HASHES]
            answers = self._rpc.try_batch([("getblockheader", [found]) for found in part])
            times += [_header_time(found, answer) for found, answer in zip(part, answers, strict=True)]
        return tuple(times)

    def sightings(self, wanted: Wanted) -> Finds:
        """Unconfirmed transactions that concern us and were not in the mempool at the last call."""
        there = {str(txid) for txid in self._rpc.call("getrawmempool")}
        fresh = sorted(there - self._seen)
        finds = scan_transactions(self._raw_transactions(fresh), wanted)
        self._seen = there
        return finds

    def node_coin(self, outpoint: str) -> NodeCoin | None:
        """The coin as ``gettxout`` tells it, without the mempool."""
        txid, _, index = outpoint.partition(":")
        for _ in range(3):
            height, tip = self.tip()
            found = self._rpc.call("gettxout", [txid, int(index), False])
            if found is None:
                return None
            if found["bestblock"] == tip:
                return NodeCoin(
                    outpoint,
                    to_sats(found["value"]),
                    str(found["scriptPubKey"]["hex"]),
                    height - int(found["confirmations"]) + 1,
                    bool(found["coinbase"]),
                )
        raise NodeFailed("The node's tip moved each time that a coin was asked for.", "Ask again.")

    def derive_address(self, descriptor: str, branch: int, index: int) -> str:
        """The address that the node itself derives (``deriveaddresses``)."""
        single = split_branches(descriptor)[branch]
        return str(self._rpc.call("deriveaddresses", [single, [index, index]])[0])

    def wait_for_block(self, known_hash: str, timeout_s: float) -> bool:
        """Wait for another best block: a notice wakes the wait early, and the tip itself is what decides."""
        deadline = self._clock() + timeout_s
        notices = self._subscribed()
        while str(self._rpc.call("getbestblockhash")) == known_hash:
            left_s = deadline - self._clock()
            if left_s <= 0:
                return False
            if notices is None:
                self._sleep(min(self._poll_s, left_s))
            else:
                notices.wait(min(10 * self._poll_s, left_s))
        return True

    def _raw_transactions(self, txids: Sequence[str]) -> Iterator[bytes]:
        for start in range(0, len(txids), _POOL_BATCH):
            calls: list[Call] = [("getrawtransaction", [txid]) for txid in txids[start : start + _POOL_BATCH]]
            for answer in self._rpc.try_batch(calls):
                # One that left the mempool meanwhile is in a block, or gone: the blocks will tell.
                if isinstance(answer, str):
                    yield bytes.fromhex(answer)

    def _subscribed(self) -> _BlockNotices | None:
        if not self._is_asked:
            self._is_asked = True
            address = _notice_address(self._rpc)
            self._notices = None if address is None else _BlockNotices.open(address)
        return self._notices


def _raw_block(block_hash: str, raw: Any) -> RawBlock:  # noqa: ANN401 - JSON
    if isinstance(raw, NodeFailed):
        if raw.rpc_code in {RPCErrorCode.MISC_ERROR, RPCErrorCode.INVALID_ADDRESS_OR_KEY}:
            raise BlockNotKept(
                f"The node does not hold block {block_hash}: {raw.message}",
                "Follow a node that keeps all blocks since the first vault (no -prune, or a larger one).",
            )
        raise raw
    try:
        return RawBlock(block_hash, bytes.fromhex(raw))
    except (TypeError, ValueError):
        raise UnreadableBlock(f"The node's answer for block {block_hash} is no hex.", "Look into its log.") from None


def _header_time(block_hash: str, answer: Any) -> datetime:  # noqa: ANN401 - JSON
    if isinstance(answer, NodeFailed):
        if answer.rpc_code != RPCErrorCode.INVALID_ADDRESS_OR_KEY:
            raise answer
        raise BlockNotKept(f"The node does not know block {block_hash}.", "Ask a node of the same chain.")
    return datetime.fromtimestamp(int(answer["time"]), UTC)


def _notice_address(rpc: Rpc) -> str | None:
    """Where the node publishes hashes of blocks, if it does."""
    with suppress(NodeFailed):
        for notice in rpc.call("getzmqnotifications"):
            if notice["type"] == "pubhashblock":
                return str(notice["address"])
    return None


class _BlockNotices:
    """A ZMQ subscription to ``hashblock``. Notices are a hint to look, never believed: they may be lost or doubled."""

    def __init__(self, context: Any, socket: Any) -> None:  # noqa: ANN401 - pyzmq is optional
        self._context = context
        self._socket = socket

    @classmethod
    def open(cls, address: str) -> _BlockNotices:
        """Subscribe."""
        import zmq

        context = zmq.Context()
        socket = context.socket(zmq.SUB)
        socket.setsockopt(zmq.SUBSCRIBE, b"hashblock")
        socket.connect(address.replace("0.0.0.0", "127.0.0.1"))  # noqa: S104 - the node's own way to say any address
        return cls(context, socket)

    def wait(self, timeout_s: float) -> None:
        """Until a notice comes or the time is over; notices that pile up are read together."""
        if self._socket.poll(int(timeout_s * 1000)):
            while self._socket.poll(0):
                self._socket.recv_multipart()

    def close(self) -> None:
        """End the subscription."""
        self._socket.close(linger=0)
        self._context.term()

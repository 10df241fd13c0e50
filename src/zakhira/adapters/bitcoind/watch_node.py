"""The watchtower's node: blocks looked through for our scripts, and who spends our coins in its mempool."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime

from zakhira.adapters.bitcoind.block_scan import RawBlock, outpoint_bytes, outpoint_text
from zakhira.adapters.bitcoind.follow import BitcoindFollower
from zakhira.adapters.bitcoind.rpc import Call, Rpc
from zakhira.flows.ports.chain_errors import NodeFailed
from zakhira.flows.ports.follow import BlockNotKept, UnreadableBlock, Wanted
from zakhira.watch.ports import SeenBlock, SeenOutput, SeenTransaction

_OUTPOINTS = 2_000
"""Outpoints of one question to the mempool."""
_TRANSACTIONS = 200
FEW_COINS = 5_000
"""Up to here the node is asked for each coin (a fifth of a second); beyond, every input of its mempool is kept here."""
_OUTPOINT_BYTES, _SEQUENCE_BYTES, _VERSION_BYTES, _MARKER_BYTES = 36, 4, 4, 2
_LONG_SIZE = 0xFD
_TIME = slice(68, 72)
"""Of the header: its time, in seconds (Bitcoin Core, primitives/block.h)."""


class WatchNode:
    """Implements :class:`zakhira.watch.ports.WatchedNode` over RPC, without any wallet; it changes nothing."""

    def __init__(self, rpc: Rpc, few_coins: int = FEW_COINS) -> None:
        self._rpc = rpc
        self._few_coins = few_coins
        self._follower = BitcoindFollower(rpc)
        self._pool = _PoolInputs(rpc)

    def tip(self) -> tuple[int, str]:
        """Height and hash of the best block."""
        return self._follower.tip()

    def block_hashes(self, first: int, last: int) -> tuple[str, ...]:
        """The best chain's hashes at these heights; fewer where the chain ends below ``last``."""
        return self._follower.block_hashes(first, last)

    def block(self, height: int, block_hash: str, scripts: Collection[bytes], outpoints: AbstractSet[str]) -> SeenBlock:
        """What the block does to these; its bytes must be those that its hash names."""
        raw = self._raw(block_hash)
        finds = RawBlock(block_hash, raw).scan(Wanted(scripts, {outpoint_bytes(one) for one in outpoints}))
        spends: dict[str, list[str]] = {}
        for spend in finds.spends:
            spends.setdefault(spend.spent_by, []).append(spend.outpoint)
        whole = self._of_block(list(spends), block_hash)
        outputs = tuple(
            SeenOutput(found.outpoint, found.amount_sats, found.script.hex(), found.is_coinbase)
            for found in finds.outputs
        )
        return SeenBlock(
            height=height,
            hash=block_hash,
            previous_hash=raw[35:3:-1].hex(),
            at=datetime.fromtimestamp(int.from_bytes(raw[_TIME], "little"), UTC),
            outputs=outputs,
            transactions=tuple(SeenTransaction(txid, whole[txid], tuple(spent)) for txid, spent in spends.items()),
        )

    def spenders(self, outpoints: Sequence[str]) -> Mapping[str, str]:
        """Who spends these in the mempool (``gettxspendingprevout``): asked of the coins, so nothing is missed."""
        if len(outpoints) > self._few_coins:
            return self._pool.spenders(outpoints)
        found: dict[str, str] = {}
        for start in range(0, len(outpoints), _OUTPOINTS):
            part = outpoints[start : start + _OUTPOINTS]
            asked = [{"txid": one.partition(":")[0], "vout": int(one.partition(":")[2])} for one in part]
            for answer in self._rpc.call("gettxspendingprevout", [asked]):
                if "spendingtxid" in answer:
                    found[f"{answer['txid']}:{answer['vout']}"] = str(answer["spendingtxid"])
        return found

    def unconfirmed(self, txids: Sequence[str]) -> Mapping[str, str]:
        """Transactions of the mempool by id."""
        found: dict[str, str] = {}
        for start in range(0, len(txids), _TRANSACTIONS):
            part = txids[start : start + _TRANSACTIONS]
            calls: list[Call] = [("getrawtransaction", [txid]) for txid in part]
            answers = self._rpc.try_batch(calls)
            # One that left the mempool between the two questions is in a block, or gone: the next look tells.
            found |= {txid: raw for txid, raw in zip(part, answers, strict=True) if isinstance(raw, str)}
        return found

    def _raw(self, block_hash: str) -> bytes:
        try:
            return bytes.fromhex(self._rpc.call("getblock", [block_hash, 0]))
        except NodeFailed as error:
            raise BlockNotKept(
                f"The node does not hold block {block_hash}: {error.message}",
                "Watch with a node that keeps all blocks since the first vault.",
            ) from None
        except (TypeError, ValueError):
            raise UnreadableBlock(
                f"The node's answer for block {block_hash} is no hex.", "Look into its log."
            ) from None

    def _of_block(self, txids: Sequence[str], block_hash: str) -> dict[str, str]:
        """Whole transactions of one block; the node needs no index for that."""
        found: dict[str, str] = {}
        for start in range(0, len(txids), _TRANSACTIONS):
            part = txids[start : start + _TRANSACTIONS]
            answers = self._rpc.batch([("getrawtransaction", [txid, False, block_hash]) for txid in part])
            found |= dict(zip(part, map(str, answers), strict=True))
        return found


class _PoolInputs:
    """Every input of the mempool by the coin that it spends; at each look only what is new is fetched.

    It is held against the node's own list each time, so that nothing is missed.
    """

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc
        self._inputs: dict[str, tuple[str, ...]] = {}
        self._spender: dict[str, str] = {}

    def spenders(self, outpoints: Sequence[str]) -> dict[str, str]:
        """Who spends these."""
        self._refresh()
        return {outpoint: self._spender[outpoint] for outpoint in outpoints if outpoint in self._spender}

    def _refresh(self) -> None:
        there = {str(txid) for txid in self._rpc.call("getrawmempool")}
        for txid in self._inputs.keys() - there:
            for outpoint in self._inputs.pop(txid):
                if self._spender.get(outpoint) == txid:
                    del self._spender[outpoint]
        fresh = sorted(there - self._inputs.keys())
        for start in range(0, len(fresh), _TRANSACTIONS):
            part = fresh[start : start + _TRANSACTIONS]
            answers = self._rpc.try_batch([("getrawtransaction", [txid]) for txid in part])
            for txid, raw in zip(part, answers, strict=True):
                if isinstance(raw, str):
                    self._inputs[txid] = _inputs_of(bytes.fromhex(raw))
                    self._spender |= dict.fromkeys(self._inputs[txid], txid)


def _inputs_of(raw: bytes) -> tuple[str, ...]:
    """The coins that a transaction spends (BIP-144)."""
    at = _VERSION_BYTES + (_MARKER_BYTES if raw[_VERSION_BYTES] == 0 else 0)
    count, at = _compact(raw, at)
    found = []
    for _ in range(count):
        found.append(outpoint_text(raw[at : at + _OUTPOINT_BYTES]))
        length, at = _compact(raw, at + _OUTPOINT_BYTES)
        at += length + _SEQUENCE_BYTES
    return tuple(found)


def _compact(raw: bytes, at: int) -> tuple[int, int]:
    """A CompactSize and the place behind it."""
    first = raw[at]
    if first < _LONG_SIZE:
        return first, at + 1
    width = 2 << (first - _LONG_SIZE)
    return int.from_bytes(raw[at + 1 : at + 1 + width], "little"), at + 1 + width

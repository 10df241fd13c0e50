"""Chains to follow: the twin, and a real node, with what a test may do behind the watcher's back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Protocol, cast

from chain_bench import ELSEWHERE, replace_blocks
from watch_drill import START, WatchDrill, all_signed, keep_vaults, make_treasury, oracle_coins, script_of
from zakhira.adapters.bitcoind.follow import BitcoindFollower
from zakhira.adapters.bitcoind.node import BitcoindChain
from zakhira.adapters.bitcoind.process import BitcoindProcess
from zakhira.adapters.bitcoind.vaults import to_sats
from zakhira.flows.ports.chain import PrivateChain
from zakhira.flows.ports.coin_events import WatchedCoin
from zakhira.flows.ports.follow import FollowedNode
from zakhira.programme.model import Vault
from zakhira.simulator.books import SimulatedBooks
from zakhira.simulator.chain import SimulatedChain
from zakhira.simulator.chain_block import SimulatedBlock, make_block
from zakhira.simulator.coin_store import SimulatedCoins
from zakhira.simulator.follow import SimulatedFollower

FUNDS_SATS = 30_000_000_000
Places = Mapping[bytes, tuple[str, int, int]]


class FollowBench(Protocol):
    """A chain, and nodes that follow it."""

    @property
    def chain(self) -> PrivateChain:
        """The chain as it is paid and mined."""

    def node(self) -> FollowedNode:
        """A fresh connection, as after a restart."""

    def reorganise(self, depth: int) -> None:
        """Replace the last blocks by one more of another miner, without transactions."""

    def shorten(self, depth: int) -> None:
        """The node gives up its last blocks and has no others."""

    def know_more_headers(self) -> None:
        """The node hears of a header above its tip."""

    def oracle(self, places: Places) -> Mapping[str, WatchedCoin]:
        """Every coin of these scripts on the best chain, told without any code of the watcher."""


class TwinFollowBench:
    """The simulator's chain."""

    def __init__(self) -> None:
        self.chain = SimulatedChain()
        self._followers: list[SimulatedFollower] = []
        self.chain.fund_pools({"pool-1": FUNDS_SATS}, START)

    def node(self) -> FollowedNode:
        """Another view of the twin."""
        self._followers.append(SimulatedFollower(self.chain))
        return self._followers[-1]

    def reorganise(self, depth: int) -> None:
        """See the protocol."""
        self.chain.reorganise(depth)

    def shorten(self, depth: int) -> None:
        """See the protocol."""
        self.chain.state.cut(depth)

    def know_more_headers(self) -> None:
        """See the protocol."""
        for follower in self._followers:
            follower.catching_up = True

    def oracle(self, places: Places) -> Mapping[str, WatchedCoin]:
        """Read with embit."""
        return oracle_coins(self.chain, dict(places))


class RealFollowBench:
    """A real node in a folder of its own, with ZMQ if it was built with it."""

    def __init__(self, program: Path, folder: Path, extra: Sequence[str] = ()) -> None:
        self.process = BitcoindProcess.start(program, folder, START, extra=extra)
        self.rpc = self.process.rpc
        self.chain = BitcoindChain(self.process.rpc, self.process.remember_time)
        self.chain.fund_pools({"pool-1": FUNDS_SATS}, START)

    def node(self) -> FollowedNode:
        """A connection of its own that asks often."""
        return BitcoindFollower(self.process.rpc, poll_s=0.02)

    def reorganise(self, depth: int) -> None:
        """See the protocol."""
        replace_blocks(self.chain, self.rpc, depth)

    def shorten(self, depth: int) -> None:
        """See the protocol."""
        height, _ = self.chain.tip()
        self.rpc.call("invalidateblock", [self.chain.block_hash(height - depth + 1)])

    def know_more_headers(self) -> None:
        """A header on top of the tip is handed in without its block."""
        height, tip = self.chain.tip()
        told = self.rpc.call("getblockheader", [tip])
        below = SimulatedBlock(height, tip, "", told["time"], (), b"")
        block = make_block(below, script_of(ELSEWHERE), 1, (), told["time"] + 1)
        self.rpc.call("submitheader", [block.raw[:80].hex()])

    def oracle(self, places: Places) -> Mapping[str, WatchedCoin]:
        """Read from ``getblock`` with verbosity 2."""
        coins: dict[str, WatchedCoin] = {}
        height, _ = self.chain.tip()
        hashes = self.rpc.batch([("getblockhash", [at]) for at in range(1, height + 1)])
        for block in self.rpc.batch([("getblock", [found, 2]) for found in hashes]):
            for number, transaction in enumerate(block["tx"]):
                take_transaction(coins, places, block, transaction, is_coinbase=number == 0)
        return coins


def take_transaction(
    coins: dict[str, WatchedCoin],
    places: Places,
    block: Mapping[str, object],
    transaction: dict[str, list[dict[str, object]]],
    *,
    is_coinbase: bool,
) -> None:
    """What a transaction of ``getblock`` does to the coins."""
    txid, height, block_hash = str(transaction["txid"]), int(str(block["height"])), str(block["hash"])
    for spend in transaction["vin"]:
        outpoint = f"{spend.get('txid')}:{spend.get('vout')}"
        if outpoint in coins:
            told = {**coins[outpoint].__dict__, "spent_by": txid, "spent_height": height, "spent_hash": block_hash}
            coins[outpoint] = WatchedCoin(**told)
    for output in transaction["vout"]:
        script_hex = str(output["scriptPubKey"]["hex"])  # type: ignore[index]  # JSON
        if bytes.fromhex(script_hex) in places:
            outpoint = f"{txid}:{output['n']}"
            amount_sats = to_sats(cast("Decimal", output["value"]))
            place = places[bytes.fromhex(script_hex)]
            coins[outpoint] = WatchedCoin(outpoint, *place, amount_sats, script_hex, height, block_hash, is_coinbase)


@dataclass
class BenchDrill:
    """A watch drill on a bench, with fresh books."""

    bench: FollowBench
    drill: WatchDrill
    places: dict[bytes, tuple[str, int, int]] = field(default_factory=dict)


def bench_drill(bench: FollowBench, *vaults: Vault) -> WatchDrill:
    """Fresh books in memory with these vaults, and a fresh connection to the bench's chain."""
    books = SimulatedBooks()
    keep_vaults(books, *(all_signed(vault) for vault in vaults))
    return WatchDrill(bench.chain, make_treasury(books, SimulatedCoins(books), bench.node()))

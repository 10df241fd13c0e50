"""One suite for what is followed: the twin and a real bitcoind must answer alike, also through reorganisations."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from custody_drill import COLD, INTAKE, make_vault
from follow_bench import FollowBench, RealFollowBench, TwinFollowBench, bench_drill
from governing_drill import accept_vault
from watch_drill import BLOCK, WatchDrill, place, script_of
from zakhira.adapters.bitcoind.follow import BitcoindFollower
from zakhira.custody.descriptor import vault_descriptor
from zakhira.flows.following import follow_chain, outpoint_bytes, require_agreement, unconfirmed
from zakhira.flows.ports.chain_pool import pool_address
from zakhira.flows.ports.coin_events import WatchedCoin
from zakhira.flows.ports.follow import BlockNotKept, FollowedNode, NodeCatchingUp, NodeCoin, Wanted
from zakhira.flows.reservations import reserve_address

_NUMBERS = count(1)
FOREIGN = [place(COLD, 1000 + number).address for number in range(150)]


@pytest.fixture(scope="module", params=["twin", "bitcoind"])
def bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FollowBench]:
    """The suite runs on the twin and on a real node that announces its blocks over ZMQ; a chain for all tests."""
    if request.param == "twin":
        yield TwinFollowBench()
        return
    program: Path = request.getfixturevalue("bitcoind_path")
    folder = tmp_path_factory.mktemp("follow")
    real = RealFollowBench(program, folder / "node", [f"-zmqpubhashblock=ipc://{folder}/zmq"])
    yield real
    real.process.stop()


@pytest.fixture
def drill(bench: FollowBench) -> WatchDrill:
    """A vault that the chain has never seen, in fresh books; the chain is followed up to its tip."""
    vault = make_vault(f"vault-{next(_NUMBERS)}", "intake", 1, 2)
    made = bench_drill(bench, vault)
    accept_vault(made.treasury.books, made.treasury.policy, made.treasury.now, vault.id)
    follow_chain(made.treasury)
    made.now = made.now.replace(year=2027)
    return made


def vault_of(drill: WatchDrill) -> str:
    """The one vault of the drill."""
    (name,) = drill.treasury.books.records("vault")
    return name


def addresses(drill: WatchDrill, number: int) -> list[str]:
    """Reserved addresses of the drill's vault."""
    return [
        reserve_address(drill.treasury, vault_of(drill), "pool-1", "royalty", key=f"a{at}", by="dara").address.address
        for at in range(number)
    ]


def places(drill: WatchDrill, found: list[str]) -> dict[bytes, tuple[str, int, int]]:
    """Scripts of the first receiving places."""
    return {script_of(address): (vault_of(drill), 0, index) for index, address in enumerate(found)}


def stored(drill: WatchDrill, found: list[str]) -> dict[str, WatchedCoin]:
    """Every coin that the books show at these places."""
    coins = [coin for at in range(len(found)) for coin in drill.treasury.coins.coins_at(vault_of(drill), 0, at)]
    return {coin.outpoint: coin for coin in coins}


def test_tip_and_hashes(bench: FollowBench) -> None:
    """The tip is the last of the hashes, and above it there are none."""
    node = bench.node()
    height, tip = node.tip()
    assert node.chain_name() == "regtest"
    hashes = node.block_hashes(0, height + 5)
    assert len(hashes) == height + 1
    assert hashes[-1] == tip
    assert node.block_hashes(height - 2, height - 1) == hashes[-3:-1]
    assert node.block_hashes(height + 1, height + 9) == ()
    assert node.is_catching_up() is False


def test_blocks_in_order(bench: FollowBench) -> None:
    """Blocks come as asked for, each naming the one below; one that nobody knows is an error."""
    node = bench.node()
    height, _ = node.tip()
    hashes = node.block_hashes(height - 70, height)
    blocks = list(node.blocks(hashes))
    assert [block.hash for block in blocks] == list(hashes)
    assert [block.previous_hash for block in blocks[1:]] == list(hashes[:-1])
    with pytest.raises(BlockNotKept):
        list(node.blocks([*hashes[:3], "ab" * 32]))


def test_times_of_blocks(bench: FollowBench, drill: WatchDrill) -> None:
    """Each header's time, in the order that was asked for; of a block that nobody knows there is none."""
    drill.mine()
    first = bench.node().tip()[1]
    drill.mine()
    node = bench.node()
    height, tip = node.tip()
    assert node.block_times([tip, first]) == (drill.now, drill.now - BLOCK)
    assert node.block_times(()) == ()
    assert node.block_times(node.block_hashes(height - 2, height))[-1] == drill.now
    with pytest.raises(BlockNotKept):
        node.block_times([tip, "ab" * 32])


def test_one_of_ours_among_many_strangers(bench: FollowBench, drill: WatchDrill) -> None:
    """An output of ours among 150 others is found with its amount, and its company is told."""
    (ours,) = addresses(drill, 1)
    txid = drill.pay(*[(address, 10_000 + at) for at, address in enumerate(FOREIGN)], (ours, 77_777))
    drill.mine()
    node = bench.node()
    (block,) = node.blocks([node.tip()[1]])
    finds = block.scan(Wanted({script_of(ours)}, set()))
    (output,) = finds.outputs
    assert (output.outpoint, output.amount_sats, output.script) == (f"{txid}:150", 77_777, script_of(ours))
    assert not output.is_coinbase
    assert finds.spends == ()
    strangers = {script_of(address) for address in (*FOREIGN, pool_address("pool-1"))}
    assert 0 < len(finds.company[txid]) < len(strangers)
    assert set(finds.company[txid]) < strangers
    assert len(block.scan(Wanted(set(), set())).outputs) == 0


def test_spends_are_found(bench: FollowBench, drill: WatchDrill) -> None:
    """The pool's own coins followed from the first block on: what is left is what the node holds unspent."""
    pool = script_of(pool_address("pool-1"))
    for number in range(3):
        drill.pay((FOREIGN[number], 10_000))
    drill.mine()
    node = bench.node()
    held: dict[str, int] = {}
    outpoints: set[bytes] = set()
    gone = []
    for block in node.blocks(node.block_hashes(1, node.tip()[0])):
        finds = block.scan(Wanted({pool}, outpoints))
        held |= {output.outpoint: output.amount_sats for output in finds.outputs}
        outpoints |= {outpoint_bytes(output.outpoint) for output in finds.outputs}
        for spend in finds.spends:
            del held[spend.outpoint]
            outpoints.remove(outpoint_bytes(spend.outpoint))
            gone.append(spend.outpoint)
    assert gone
    assert all(node.node_coin(outpoint) is None for outpoint in gone)
    told = {outpoint: node.node_coin(outpoint) for outpoint in held}
    assert {outpoint: coin.amount_sats for outpoint, coin in told.items() if coin} == held


def test_single_coins(bench: FollowBench, drill: WatchDrill) -> None:
    """A coin is told as it is on the chain; one that waits, was spent or never was is not."""
    (ours,) = addresses(drill, 1)
    node = bench.node()
    txid = drill.pay((ours, 50_000))
    assert node.node_coin(f"{txid}:0") is None
    height, _ = drill.mine()
    assert node.node_coin(f"{txid}:0") == NodeCoin(f"{txid}:0", 50_000, script_of(ours).hex(), height, False)
    assert node.node_coin("ab" * 32 + ":0") is None


def test_the_node_derives(bench: FollowBench) -> None:
    """The node's own derivation of a vault's places is ours."""
    node = bench.node()
    for branch, index in ((0, 0), (1, 7), (0, 100_000)):
        assert node.derive_address(vault_descriptor(INTAKE), branch, index) == place(INTAKE, index, branch).address


def test_sightings_are_told_once(bench: FollowBench, drill: WatchDrill) -> None:
    """What waits is seen at the first call alone; after a restart it is seen again."""
    (ours,) = addresses(drill, 1)
    follow_chain(drill.treasury)
    txid = drill.pay((ours, 60_000))
    assert [one.outpoint for one in unconfirmed(drill.treasury).arrivals] == [f"{txid}:0"]
    assert unconfirmed(drill.treasury).arrivals == ()
    again = replace(drill.treasury, node=bench.node())
    assert [one.amount_sats for one in unconfirmed(again).arrivals] == [60_000]
    drill.mine()


def test_waiting_for_a_block(bench: FollowBench, drill: WatchDrill) -> None:
    """The wait ends when its time is over, and at once where the tip is another."""
    node = bench.node()
    _, tip = node.tip()
    assert node.wait_for_block(tip, 0.1) is False
    drill.mine()
    assert node.wait_for_block(tip, 5.0) is True
    if isinstance(node, BitcoindFollower):
        node.close()


@pytest.mark.parametrize("seed", range(3))
def test_reorganisations_and_restarts(bench: FollowBench, drill: WatchDrill, seed: int) -> None:
    """Payments, blocks, reorganisations of random depth and restarts: the books always show what the chain shows."""
    rng = np.random.default_rng(seed)
    ours = addresses(drill, 6)
    for step in range(8):
        for _ in range(int(rng.integers(3))):
            drill.pay((ours[int(rng.integers(6))], 10_000 + step), (FOREIGN[step], 20_000))
        drill.mine(int(rng.integers(1, 4)))
        if rng.random() < 0.5:
            bench.reorganise(int(rng.integers(1, 7)))
        if rng.random() < 0.5:
            drill.treasury = replace(drill.treasury, node=bench.node())
        followed = follow_chain(drill.treasury)
        assert (followed.height, followed.hash) == bench.chain.tip()
        assert stored(drill, ours) == bench.oracle(places(drill, ours))
    unspent = drill.treasury.coins.unspent_outpoints()
    require_agreement(drill.treasury, unspent)
    assert drill.treasury.books.breaks() == ()


def test_a_shorter_chain(bench: FollowBench, drill: WatchDrill) -> None:
    """A node that gives up blocks is followed down, and up again."""
    ours = addresses(drill, 1)
    drill.pay((ours[0], 50_000))
    drill.mine(2)
    assert follow_chain(drill.treasury).created == 1
    bench.shorten(2)
    followed = follow_chain(drill.treasury)
    assert (followed.connected, followed.disconnected) == (0, 2)
    assert stored(drill, ours) == {}
    drill.now += timedelta(days=1)  # the same time would make the very blocks that were given up
    drill.mine(4)
    follow_chain(drill.treasury)
    assert stored(drill, ours) == bench.oracle(places(drill, ours))
    assert len(stored(drill, ours)) == 1


def test_catching_up(bench: FollowBench, drill: WatchDrill) -> None:
    """A node that knows of headers without blocks is not followed, and nothing moves on its word."""
    bench.know_more_headers()
    assert drill.treasury.node.is_catching_up()
    with pytest.raises(NodeCatchingUp):
        follow_chain(drill.treasury)
    with pytest.raises(NodeCatchingUp):
        require_agreement(drill.treasury, [])


def test_notices_come_over_zmq(bitcoind_path: Path, tmp_path: Path) -> None:
    """A node that offers ZMQ wakes the wait: long before the next poll is due."""
    real = RealFollowBench(bitcoind_path, tmp_path / "node", [f"-zmqpubhashblock=ipc://{tmp_path}/zmq"])
    node: FollowedNode
    with real.process, BitcoindFollower(real.process.rpc, poll_s=30.0) as node:
        _, tip = node.tip()
        other = real.process.rpc
        timer = threading.Timer(0.5, lambda: other.call("generatetoaddress", [1, FOREIGN[0]]))
        timer.start()
        began = time.monotonic()
        assert node.wait_for_block(tip, 60.0) is True
        assert time.monotonic() - began < 20.0  # a poll comes after 300 s
        timer.join()

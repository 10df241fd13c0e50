"""The watchtower's node for real: blocks with our coins, and who spends them in the mempool."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from conftest import RegtestNode
from custody_drill import CHAIN, COLD
from node_drill import Drill
from zakhira.adapters.bitcoind.watch_node import WatchNode
from zakhira.custody.coin import Payment
from zakhira.custody.descriptor import derive_address
from zakhira.flows.ports.chain_errors import NodeFailed
from zakhira.flows.ports.follow import BlockNotKept


def test_what_a_block_and_the_mempool_say(regtest_node: RegtestNode) -> None:
    """A payment to us in the mempool and then in a block; a spend of its other output first there, then here."""
    drill = Drill(regtest_node.chain, regtest_node.now)
    drill.begin(1_000_000_000)
    node = WatchNode(regtest_node.rpc)
    place = derive_address(COLD, 0, 0, CHAIN)
    script = bytes.fromhex(place.script_hex)
    raw = regtest_node.chain.sign_pool_payment("pool-1", [Payment(place.address, 5_000_000)], 2)
    spent = regtest_node.rpc.call("decoderawtransaction", [raw])["vin"][0]
    coin = f"{spent['txid']}:{spent['vout']}"
    assert node.spenders([coin, "ab" * 32 + ":1"]) == {}
    txid = regtest_node.chain.broadcast(raw)
    assert node.spenders([coin, "ab" * 32 + ":1"]) == {coin: txid}
    assert node.unconfirmed([txid, "cd" * 32]) == {txid: raw}
    drill.mine()
    assert node.spenders([coin]) == {}
    height, tip = node.tip()
    found = node.block(height, tip, {script}, {coin})
    assert [(output.amount_sats, output.script_hex) for output in found.outputs] == [(5_000_000, place.script_hex)]
    assert [(one.txid, one.raw_hex, one.spends) for one in found.transactions] == [(txid, raw, (coin,))]
    assert (found.height, found.hash, found.previous_hash) == (height, tip, node.block_hashes(height - 1, height)[0])
    header = regtest_node.rpc.call("getblockheader", [tip])
    assert found.at == datetime.fromtimestamp(header["time"], UTC)


def test_many_coins_are_looked_up_in_the_whole_mempool(regtest_node: RegtestNode) -> None:
    """Beyond a number of coins every input of the mempool is kept: the same answers, as it fills and empties."""
    drill = Drill(regtest_node.chain, regtest_node.now)
    drill.begin(1_000_000_000)
    one_by_one, whole = WatchNode(regtest_node.rpc), WatchNode(regtest_node.rpc, few_coins=0)
    place = derive_address(COLD, 0, 0, CHAIN)
    asked = ["ab" * 32 + ":1"]
    for amount in (5_000_000, 6_000_000):
        raw = regtest_node.chain.sign_pool_payment("pool-1", [Payment(place.address, amount)] * 3, 2)
        asked += [
            f"{given['txid']}:{given['vout']}" for given in regtest_node.rpc.call("decoderawtransaction", [raw])["vin"]
        ]
        regtest_node.chain.broadcast(raw)
        found = whole.spenders(asked)
        assert found
        assert found == one_by_one.spenders(asked)
    drill.mine()
    assert whole.spenders(asked) == one_by_one.spenders(asked) == {}


def test_a_block_that_is_not_there(regtest_node: RegtestNode) -> None:
    """Told with what to do; and an outpoint that is none is the node's refusal, not an answer."""
    node = WatchNode(regtest_node.rpc)
    with pytest.raises(BlockNotKept):
        node.block(5, "ab" * 32, set(), set())
    with pytest.raises(NodeFailed):
        node.spenders(["zz" * 32 + ":1"])

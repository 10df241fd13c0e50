"""One suite for mempools: a real bitcoind's, and the twin's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from conftest import NODE_START
from zakhira.adapters.bitcoind.mempool import BitcoindMempool
from zakhira.adapters.bitcoind.node import BitcoindChain
from zakhira.adapters.bitcoind.process import BitcoindProcess
from zakhira.custody.anchor import ANCHOR_SCRIPT_BYTES, Anchor, anchor_script
from zakhira.custody.coin import Payment
from zakhira.custody.psbt_maps import UnsignedInput, UnsignedTx, write_unsigned_tx
from zakhira.flows.ports.chain import PrivateChain
from zakhira.flows.ports.chain_errors import NodeFailed, TransactionRejected
from zakhira.flows.ports.chain_pool import pool_address
from zakhira.flows.ports.mempool import DATA_REFUSALS, Mempool
from zakhira.simulator.chain import SimulatedChain
from zakhira.simulator.mempool import SimulatedMempool

POOL = "pool-1"
NEED_SATS = 60_000_000
BLOCK = timedelta(minutes=10)


@dataclass
class Place:
    """A funded private chain and the mempool above it."""

    chain: PrivateChain
    mempool: Mempool
    now: datetime

    def pay(self, amount_sats: int, rate_sat_per_vb: int) -> str:
        """A signed payment of the pool to itself; nothing is sent."""
        return self.chain.sign_pool_payment(POOL, [Payment(pool_address(POOL), amount_sats)], rate_sat_per_vb)

    def mine(self) -> str:
        """A block with all that waits; its hash."""
        self.now += BLOCK
        self.chain.mine_to(self.chain.tip()[0] + 1, self.now)
        return self.chain.tip()[1]


@contextmanager
def _twin(_program: Path, _folder: Path) -> Iterator[Place]:
    chain = SimulatedChain()
    yield Place(chain, SimulatedMempool(chain), NODE_START)


@contextmanager
def _real(program: Path, folder: Path) -> Iterator[Place]:
    with BitcoindProcess.start(program, folder / "node", NODE_START) as process:
        yield Place(BitcoindChain(process.rpc, process.remember_time), BitcoindMempool(process.rpc), NODE_START)


@pytest.fixture(params=[_twin, _real], ids=["twin", "bitcoind"])
def place(request: pytest.FixtureRequest, bitcoind_path: Path, tmp_path: Path) -> Iterator[Place]:
    """A chain on which the pool has coins."""
    make: Callable[[Path, Path], contextmanager[Place]] = request.param  # type: ignore[valid-type]  # a factory
    with make(bitcoind_path, tmp_path) as made:  # type: ignore[attr-defined]  # it is one
        made.chain.fund_pools({POOL: NEED_SATS}, made.now)
        yield made


def test_sent_once_and_told_again(place: Place) -> None:
    """A payment is taken; sending it again, in the mempool or in a block, is no error and changes nothing."""
    raw_hex = place.pay(1_000_000, 3)
    assert place.mempool.refusal(raw_hex) == ""
    txid = place.mempool.broadcast(raw_hex)
    assert place.mempool.refusal(raw_hex) == ""
    assert place.mempool.broadcast(raw_hex) == txid
    package = place.mempool.package(txid)
    assert package is not None
    assert (package.ancestors, package.descendants) == (1, 1)
    assert package.ancestor_fee_sats == package.descendant_fee_sats
    assert 3_000 <= package.parent_rate_sat_per_kvb <= 3_100
    block = place.mine()
    assert place.mempool.package(txid) is None
    assert place.mempool.refusal(raw_hex) == ""
    assert place.mempool.broadcast(raw_hex) == txid
    assert place.mempool.raw_transactions([txid], {txid: block}) == {txid: raw_hex}


def test_the_dearer_one_replaces(place: Place) -> None:
    """Of two payments that spend one coin, the dearer takes the place of the cheaper, never the other way round."""
    cheap, dear = place.pay(1_000_000, 2), place.pay(1_000_000, 20)
    first = place.mempool.broadcast(cheap)
    second = place.mempool.broadcast(dear)
    assert first != second
    assert place.mempool.package(first) is None
    assert place.mempool.package(second) is not None
    assert "fee" in place.mempool.refusal(cheap)
    with pytest.raises(TransactionRejected) as caught:
        place.mempool.broadcast(cheap)
    assert caught.value.code == "ZK-CHAIN-040"


def test_a_chain_of_two_is_one_package(place: Place) -> None:
    """A payment from unconfirmed change hangs on its parent, and the parent tells of it."""
    parent = place.mempool.broadcast(place.pay(1_000_000, 2))
    child = place.mempool.broadcast(place.pay(2_000_000, 9))
    top, bottom = place.mempool.package(parent), place.mempool.package(child)
    assert top is not None
    assert bottom is not None
    assert (top.descendants, bottom.ancestors) == (2, 2)
    assert top.descendant_fee_sats == bottom.ancestor_fee_sats
    assert top.descendant_vbytes == bottom.ancestor_vbytes


def test_rules_estimates_and_what_is_no_transaction(place: Place) -> None:
    """The rules are those of a node as it comes; a young chain has no estimate; bytes that are none are refused."""
    rules = place.mempool.mempool_rules()
    assert rules.mempool_min_sat_per_kvb >= 100
    assert rules.incremental_relay_sat_per_kvb >= 100
    assert rules.is_full_rbf
    assert place.mempool.fee_estimates(6) == {}
    with pytest.raises(TransactionRejected):
        place.mempool.refusal("00")
    with pytest.raises(NodeFailed):
        place.mempool.raw_transactions(["00" * 31 + "07"], {})


@contextmanager
def _mean_twin(_program: Path, _folder: Path) -> Iterator[Mempool]:
    mempool = SimulatedMempool(SimulatedChain())
    mempool.data_script_limit = ANCHOR_SCRIPT_BYTES - 1
    yield mempool


@contextmanager
def _mean_node(program: Path, folder: Path) -> Iterator[Mempool]:
    limit = [f"-datacarriersize={ANCHOR_SCRIPT_BYTES - 1}"]
    with BitcoindProcess.start(program, folder / "node", NODE_START, extra=limit) as process:
        yield BitcoindMempool(process.rpc)


@pytest.mark.parametrize("make", [_mean_twin, _mean_node], ids=["twin", "bitcoind"])
def test_data_is_looked_at_before_coins_and_signatures(
    make: Callable[[Path, Path], contextmanager[Mempool]],  # type: ignore[valid-type]  # a factory
    bitcoind_path: Path,
    tmp_path: Path,
) -> None:
    """A node that relays no such data says so of an unsigned transaction of coins that it does not know."""

    def unsigned(*scripts: str) -> str:
        outputs = tuple((1_000, bytes.fromhex(script)) for script in scripts)
        return write_unsigned_tx(UnsignedTx(2, (UnsignedInput(b"\xab" * 32, 0, 0xFFFFFFFD),), outputs, 0)).hex()

    paid, anchor = "0020" + "cd" * 32, anchor_script(Anchor(1, "ab" * 32).data)
    with make(bitcoind_path, tmp_path) as mempool:  # type: ignore[attr-defined]  # it is one
        assert mempool.refusal(unsigned(paid, anchor)).startswith(DATA_REFUSALS)
        assert not mempool.refusal(unsigned(paid)).startswith(DATA_REFUSALS)

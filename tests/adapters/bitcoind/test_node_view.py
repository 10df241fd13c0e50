"""A reader's node: what it tells of coins, and clear words when it refuses, is silent or cannot know."""

from __future__ import annotations

import hmac
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from zakhira.adapters.bitcoind.node import BitcoindChain
from zakhira.adapters.bitcoind.node_view import BitcoindView, connect
from zakhira.adapters.bitcoind.process import BitcoindProcess
from zakhira.adapters.bitcoind.rpc import Params, Rpc
from zakhira.custody.coin import Payment
from zakhira.flows.ports import chain_pool
from zakhira.flows.ports.chain_errors import (
    BadNodeAddress,
    NodeFailed,
    NodeRefused,
    NodeUnreachable,
    WrongChain,
)
from zakhira.proofs.node_view import CreatedOutput, NodeCannotAnswer

START = datetime(2026, 1, 1, tzinfo=UTC)
PASSWORD = "s3cret-word"
ACCOUNT = (f"-rpcauth=reader:5a17${hmac.new(b'5a17', PASSWORD.encode(), 'sha256').hexdigest()}",)


class Story:
    """Pool alpha pays beta twice (heights 103 and 105); the first payment is spent at 107."""

    def __init__(self, process: BitcoindProcess) -> None:
        self.process = process
        self.chain = BitcoindChain(process.rpc, process.remember_time)
        self.chain.fund_pools({"alpha": 1}, START)
        self.script = self._script("beta")
        self.first = self._pay("alpha", "beta", 2 * 10**8, 103)
        self.second = self._pay("alpha", "beta", 10**8, 105)
        self.spend = self._pay("beta", "gamma", 15 * 10**7, 107)
        self.chain.mine_to(110, START + timedelta(hours=10))

    def _script(self, pool: str) -> str:
        address = chain_pool.pool_address(pool)
        return str(self.process.rpc.call("validateaddress", [address])["scriptPubKey"])

    def _pay(self, payer: str, payee: str, amount_sats: int, height: int) -> str:
        payment = Payment(chain_pool.pool_address(payee), amount_sats)
        txid = self.chain.broadcast(self.chain.sign_pool_payment(payer, [payment], 5))
        self.chain.mine_to(height, START + timedelta(hours=height - 101))
        return f"{txid}:0"


@pytest.fixture(scope="module")
def story(bitcoind_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with BitcoindProcess.start(bitcoind_path, tmp_path_factory.mktemp("node"), START, extra=ACCOUNT) as process:
        yield Story(process)


def view(story: Story) -> BitcoindView:
    return connect(f"http://reader:{PASSWORD}@127.0.0.1:{story.process.port}", chain="regtest")


def test_what_any_node_knows(story: Story) -> None:
    """Chain, block hashes, an output in its block, and what is unspent now."""
    seen = view(story)
    assert seen.chain_name() == "regtest"
    assert seen.block_hash(110) == story.chain.tip()[1]
    assert seen.block_hash(111) is None
    at_103 = story.chain.block_hash(102) or ""
    assert seen.created_output(story.first, at_103) == CreatedOutput(2 * 10**8, story.script, "getrawtransaction")
    assert [seen.is_unspent(outpoint) for outpoint in (story.first, story.second)] == [False, True]
    assert "/" in seen.version()


def test_an_output_that_is_not_in_the_block_is_none(story: Story) -> None:
    """Another block, an unknown block, an output beyond the last, an unknown transaction."""
    seen = view(story)
    right = story.chain.block_hash(102) or ""
    wrong = story.chain.block_hash(104) or ""
    txid = story.first.partition(":")[0]
    for outpoint, block in (
        (story.first, wrong),
        (story.first, "00" * 32),
        (f"{txid}:9", right),
        ("11" * 32 + ":0", right),
    ):
        assert seen.created_output(outpoint, block) is None


def test_spends_are_found_by_the_index(story: Story) -> None:
    """Spent at its height; the unspent one is absent; the spend is not found from a later height on."""
    seen = view(story)
    scripts = {story.first: story.script, story.second: story.script}
    found = seen.spent_heights(scripts, 103)
    assert found.heights == {story.first: 106}
    assert found.feature.startswith("scanblocks")
    assert seen.spent_heights(scripts, 107).heights == {}
    assert seen.spent_heights(scripts, 111).heights == {}
    assert seen.spent_heights({}, 1).heights == {}


class Without(Rpc):
    """A node that lacks a call."""

    def __init__(self, inner: Rpc, missing: str) -> None:
        self._inner, self._missing = inner, missing
        super().__init__(inner._client)

    def call(
        self, method: str, params: Params = (), *, wallet: str | None = None, timeout_s: float | None = None
    ) -> object:
        if method == self._missing:
            raise NodeFailed("Method not found", rpc_code=-32601)
        return super().call(method, params, wallet=wallet, timeout_s=timeout_s)


def test_an_older_node_reads_the_relevant_blocks(story: Story) -> None:
    """Without getdescriptoractivity (Core 28) the answer is the same and says how it was found."""
    older = BitcoindView(Without(story.process.rpc, "getdescriptoractivity"))
    found = older.spent_heights({story.first: story.script}, 103)
    assert (found.heights, found.feature) == ({story.first: 106}, "scanblocks and getblock")


def test_without_an_index_every_block_is_read_up_to_a_limit(story: Story, bitcoind_path: Path, tmp_path: Path) -> None:
    """The same answer block by block; beyond the limit the node's owner is told what to offer."""
    recorded = story.chain.blocks(1, 110)
    with BitcoindProcess.start(bitcoind_path, tmp_path, START, extra=("-blockfilterindex=0",)) as plain:
        BitcoindChain(plain.rpc).restore(recorded)
        found = BitcoindView(plain.rpc).spent_heights({story.first: story.script}, 103)
        assert (found.heights, found.feature) == ({story.first: 106}, "getblock, every block")
        with pytest.raises(NodeCannotAnswer, match="block filter index") as caught:
            BitcoindView(plain.rpc, read_limit_blocks=5).spent_heights({story.first: story.script}, 103)
        assert "-blockfilterindex=1" in caught.value.remedy


def test_a_wrong_password_is_refused_without_being_repeated(story: Story) -> None:
    with pytest.raises(NodeRefused) as caught:
        connect(f"http://reader:wr0ng-word@127.0.0.1:{story.process.port}")
    assert "wr0ng-word" not in str(caught.value)


def test_the_cookie_opens_its_own_node_alone(story: Story, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{story.process.port}"
    cookie = tmp_path / "cookie"
    cookie.write_text("__cookie__:" + "0" * 64)
    with pytest.raises(NodeRefused):
        connect(url, cookie)
    with pytest.raises(NodeUnreachable, match="no cookie file"):
        connect(url, tmp_path / "none")


def test_another_chain_is_said(story: Story) -> None:
    with pytest.raises(WrongChain, match="regtest, not main"):
        connect(f"http://reader:{PASSWORD}@127.0.0.1:{story.process.port}", chain="main")


def test_nobody_there_and_nobody_answering() -> None:
    """A closed port, and a listener that never says a word."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        url = f"http://reader:{PASSWORD}@127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(NodeUnreachable) as refused:
            connect(url)
        other.listen()
        with pytest.raises(NodeUnreachable) as silent:
            connect(url, timeout_s=0.3)
    assert PASSWORD not in f"{refused.value}{silent.value}"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8332",
        f"http://reader@127.0.0.1:8332/{PASSWORD}",
        f"reader:{PASSWORD}@127.0.0.1",
        f"ftp://reader:{PASSWORD}@127.0.0.1",
        f"http://reader:{PASSWORD}@127.0.0.1:notaport",
        f"http://reader:{PASSWORD}@[::1",
        f"http://reader:{PASSWORD}@",
        "",
    ],
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(BadNodeAddress) as caught:
        connect(url)
    assert PASSWORD not in str(caught.value)


def test_two_ways_to_sign_in_are_one_too_many(tmp_path: Path) -> None:
    with pytest.raises(BadNodeAddress):
        connect(f"http://reader:{PASSWORD}@127.0.0.1:8332", tmp_path / "cookie")

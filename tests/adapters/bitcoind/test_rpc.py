"""The connection that is kept open, and the private chain's refusal of any other chain."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from zakhira.adapters.bitcoind.node import BitcoindChain
from zakhira.adapters.bitcoind.process import BitcoindProcess
from zakhira.adapters.bitcoind.rpc import Params, Rpc
from zakhira.flows.ports.chain_errors import NodeFailed, WrongChain

NODE_START = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_connection_that_the_node_closed_is_opened_anew(bitcoind_path: Path, tmp_path: Path) -> None:
    """The node closes idle connections after a second; the next call works all the same."""
    with BitcoindProcess.start(bitcoind_path, tmp_path, NODE_START, extra=("-rpcservertimeout=1",)) as process:
        rpc = process.rpc
        assert rpc.call("getblockcount") == 0
        time.sleep(2.5)
        assert rpc.call("getblockcount") == 0


def test_an_unexpected_error_keeps_its_code(bitcoind_path: Path, tmp_path: Path) -> None:
    """In a single call and in a batch, where the other answers stay."""
    with BitcoindProcess.start(bitcoind_path, tmp_path, NODE_START) as process:
        with pytest.raises(NodeFailed, match="Method not found") as caught:
            process.rpc.call("nosuchcall")
        assert caught.value.rpc_code == -32601
        answers = process.rpc.try_batch([("getblockcount", []), ("getblockhash", [7])])
        assert answers[0] == 0
        assert isinstance(answers[1], NodeFailed)
        with pytest.raises(NodeFailed, match="out of range"):
            process.rpc.batch([("getblockcount", []), ("getblockhash", [7])])


class OnMain(Rpc):
    """A node that says that it is on the main chain."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    @property
    def where(self) -> str:
        return "http://127.0.0.1:8332"

    def call(
        self, method: str, params: Params = (), *, wallet: str | None = None, timeout_s: float | None = None
    ) -> object:
        del params, wallet, timeout_s
        self.asked.append(method)
        return {"chain": "main", "blocks": 900_000, "bestblockhash": "00" * 32}


def test_a_drill_does_nothing_on_another_chain() -> None:
    """It asks which chain it is, and no more."""
    node = OnMain()
    with pytest.raises(WrongChain, match="main"):
        BitcoindChain(node)
    assert node.asked == ["getblockchaininfo"]

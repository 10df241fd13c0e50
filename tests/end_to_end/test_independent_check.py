"""bitcoind itself, with none of our code in between, finds the pack's coins and accepts its signatures."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from end_to_end.conftest import FinishedRun
from zakhira.adapters.bitcoind.process import BitcoindProcess
from zakhira.adapters.bitcoind.vaults import to_sats
from zakhira.flows.ports.chain_descriptor import split_branches

NOW = datetime(2026, 2, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def node(undisturbed: FinishedRun, bitcoind_path: Path, runs_folder: Path) -> Iterator[BitcoindProcess]:
    """The run's node, in a copy of its folder."""
    folder = runs_folder / "independent"
    shutil.copytree(undisturbed.out / "node", folder)
    with BitcoindProcess.start(bitcoind_path, folder, NOW) as process:
        yield process


def read(undisturbed: FinishedRun, name: str) -> Any:  # noqa: ANN401  # JSON
    """A file of the pack."""
    return json.loads((undisturbed.out / "pack" / name).read_text(encoding="utf-8"))


def test_the_node_finds_the_coins_by_the_descriptor(undisturbed: FinishedRun, node: BitcoindProcess) -> None:
    """Scantxoutset over the published descriptor comes to the stated total, coin by coin."""
    statement = read(undisturbed, "statement.json")
    branches = [{"desc": branch, "range": 100} for branch in split_branches(statement["descriptor"])]
    found = node.rpc.call("scantxoutset", ["start", branches])
    assert to_sats(found["total_amount"]) == statement["total_sats"]
    coins = {f"{coin['txid']}:{coin['vout']}": to_sats(coin["amount"]) for coin in found["unspents"]}
    assert coins == {coin["outpoint"]: coin["amount_sats"] for coin in read(undisturbed, "coins.json")}


def test_the_node_accepts_the_signatures(undisturbed: FinishedRun, node: BitcoindProcess) -> None:
    """Bitcoin Knots verifies BIP-322 itself; it takes the signature without the prefix of version 1.0.0."""
    if "Knots" not in node.version:
        pytest.skip("Bitcoin Core's verifymessage knows no BIP-322")
    challenge = read(undisturbed, "statement.json")["challenge"]
    proofs = read(undisturbed, "proofs.json")
    assert proofs
    for proof in proofs:
        signature = proof["signature"].removeprefix("smp")
        assert node.rpc.call("verifymessage", [proof["address"], signature, challenge]) is True
        assert node.rpc.call("verifymessage", [proof["address"], signature, challenge + "."]) is False

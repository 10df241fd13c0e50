"""Built by one program, signed by others, finalised by either: the node takes what comes out, and mines it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest

from conftest import NODE_START
from custody_drill import CHAIN
from interop_drill import (
    SIGNERS,
    Stage,
    built_by_bdk,
    built_by_bitcoind,
    built_by_us,
    set_stage,
    signed_by_each,
)
from spend_drill import CASES, Case, DrillSpend
from zakhira.adapters.bitcoind.process import BitcoindProcess
from zakhira.custody.decoders import decode_psbt, decode_transaction
from zakhira.custody.gathering import gather
from zakhira.custody.psbt_maps import read_maps, write_maps
from zakhira.custody.psbt_version import to_v2
from zakhira.custody.signer_keys import is_quorum_reached, quorum_of
from zakhira.custody.signing import finalise


@pytest.fixture(scope="module")
def stage(bitcoind_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A node on which every vault holds coins, and every timed path is open."""
    with BitcoindProcess.start(bitcoind_path, tmp_path_factory.mktemp("interop") / "node", NODE_START) as process:
        yield set_stage(process.rpc)


BUILDERS = {"ours": built_by_us, "bitcoind": built_by_bitcoind, "bdk": built_by_bdk}


def finals(stage: Stage, psbt: str) -> tuple[str, str]:
    """The transaction as our finaliser and as bitcoind's makes it."""
    theirs = stage.rpc.call("finalizepsbt", [psbt])
    assert theirs["complete"]
    return finalise(psbt, CHAIN), theirs["hex"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_mix_is_accepted(stage: Stage, case: Case) -> None:
    """Three builders, four kinds of signers in every quorum, two finalisers; one of them is mined."""
    spend = stage.spends[case.name]
    raw_hex = ""
    for name, build in BUILDERS.items():
        psbt = build(stage, spend)
        signed = signed_by_each(stage, spend, psbt, SIGNERS)
        threshold = quorum_of(spend.vault, case.path)[0]
        for quorum in combinations(range(len(SIGNERS)), threshold):
            gathered = gather(psbt, [signed[number] for number in quorum][::-1], CHAIN)
            assert is_quorum_reached(decode_psbt(gathered.psbt, CHAIN), spend.vault, case.path)
            for raw_hex in finals(stage, gathered.psbt):
                assert stage.verdict(raw_hex) == "allowed", (name, quorum)
                assert decode_transaction(raw_hex).txid == decode_psbt(psbt, CHAIN).txid
    txid = stage.rpc.call("sendrawtransaction", [raw_hex])
    stage.mine()
    assert stage.rpc.call("gettransaction", [txid], wallet=spend.vault.id)["confirmations"] == 1

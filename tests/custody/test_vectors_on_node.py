"""bitcoind and embit beside our reading of PSBT vectors: version 2 made version 0 is what the node decodes."""

from __future__ import annotations

import base64

import pytest
from embit.psbt import PSBT

from conftest import RegtestNode
from hostile_drill import TEMPLATES, honest_spend, second_version, text_of, tx_of
from vector_readings import ACCEPTS, load, our_psbt_verdict
from zakhira.custody.psbt_maps import UnsignedTx, write_unsigned_tx
from zakhira.custody.psbt_version import receive_psbt, unsigned_tx_of
from zakhira.kernel.errors import ZakhiraError

SATS = 100_000_000


def node_accepts(node: RegtestNode, psbt: str) -> bool:
    """Whether ``decodepsbt`` reads it."""
    try:
        node.rpc.call("decodepsbt", [psbt])
    except ZakhiraError:
        return False
    return True


def as_the_node_says(tx: UnsignedTx) -> tuple[object, ...]:
    """A transaction in the terms of ``decodepsbt``."""
    inputs = [(given.txid[::-1].hex(), given.vout, given.sequence) for given in tx.inputs]
    return tx.version, tx.locktime, inputs, [(sats, script.hex()) for sats, script in tx.outputs]


def by_the_node(node: RegtestNode, psbt: str) -> tuple[object, ...]:
    """The transaction of a PSBT as the node decodes it."""
    tx = node.rpc.call("decodepsbt", [psbt])["tx"]
    inputs = [(given["txid"], given["vout"], given["sequence"]) for given in tx["vin"]]
    outputs = [(round(output["value"] * SATS), output["scriptPubKey"]["hex"]) for output in tx["vout"]]
    return tx["version"], tx["locktime"], inputs, outputs


def test_the_node_reads_what_became_version_0(regtest_node: RegtestNode) -> None:
    """Vectors of BIP-370 and honest spends of every template, through version 2: the node reads the same transaction.

    Of the invalid vectors the node takes none, and neither do we; of the valid ones it takes all.
    """
    cases = [
        case["psbt"].encode()
        for group in ("valid", "locktimes")
        for case in load("370")[group]
        if case.get("locktime", 0) is not None
    ]
    cases += [second_version(honest_spend(template).maps) for template in TEMPLATES]
    for data in cases:
        received = receive_psbt(data)
        assert by_the_node(regtest_node, received.base64) == as_the_node_says(unsigned_tx_of(received.original))
    for bip in ("174", "371"):
        for case in load(bip)["valid"]:
            assert node_accepts(regtest_node, case["psbt"]), case["case"]
        for case in load(bip)["invalid"]:
            assert not node_accepts(regtest_node, case["psbt"]), case["case"]
            assert our_psbt_verdict(case["psbt"].encode()) != ACCEPTS


@pytest.mark.parametrize("template", TEMPLATES)
def test_embit_reads_our_version_2(template: str) -> None:
    """Embit knows version 2 itself: what we write in it is the transaction that version 0 carries."""
    spend = honest_spend(template)
    read = PSBT.parse(second_version(spend.maps))
    assert read.version == 2
    assert read.tx.serialize() == write_unsigned_tx(tx_of(spend.maps))
    again = receive_psbt(read.serialize())
    assert again.version == 2
    assert set(map(frozenset, again.original.inputs)) == set(
        map(frozenset, receive_psbt(second_version(spend.maps)).original.inputs)
    )
    assert unsigned_tx_of(again.original) == tx_of(spend.maps)
    assert base64.b64decode(text_of(spend.maps)) == receive_psbt(second_version(spend.maps)).raw_v0

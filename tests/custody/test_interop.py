"""Built by one program, signed by others, finalised by either: the node takes what comes out, and mines it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest

from conftest import NODE_START
from custody_drill import CHAIN
from hostile_drill import ANCHOR
from interop_drill import (
    ANCHORED,
    FORMS,
    SHARE,
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
from zakhira.custody.anchor import anchor_in
from zakhira.custody.coin import MAIN
from zakhira.custody.decoders import decode_psbt, decode_transaction
from zakhira.custody.gathering import gather, without_signatures
from zakhira.custody.psbt_maps import read_maps, write_maps
from zakhira.custody.psbt_version import answer_psbt, receive_psbt, to_v2
from zakhira.custody.signer_keys import is_quorum_reached, quorum_of, signer_shares
from zakhira.custody.signing import finalise


@pytest.fixture(scope="module")
def stage(bitcoind_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A node on which every vault holds coins, and every timed path is open."""
    with BitcoindProcess.start(bitcoind_path, tmp_path_factory.mktemp("interop") / "node", NODE_START) as process:
        yield set_stage(process.rpc)


SPENT = "missing-inputs"
"""What the node says of a transaction whose coins an earlier test spent."""
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


def test_timed_paths_were_closed_before_their_block(stage: Stage) -> None:
    """A recovery before its age and a held coin before its height: the node says why, and later took both."""
    assert stage.early == {
        "decaying-recovery": "non-BIP68-final",
        "held-main": "non-final",
        "taproot_recovery-recovery": "non-BIP68-final",
    }


def third(stage: Stage, form: str) -> tuple[DrillSpend, str, str]:
    """A spend of its own coins with two of five signatures: the spend, the PSBT sent out, and the one so far."""
    spend = stage.spends[f"{form}-third"]
    psbt = spend.build(stage.raw)
    return spend, psbt, gather(psbt, spend.sign(psbt, spend.vault.keys[:2]), CHAIN).psbt


@pytest.mark.parametrize("form", FORMS)
def test_bitcoinds_own_wallet_is_the_third_signer(stage: Stage, form: str) -> None:
    """Two of our signers, then the wallet with the third key as it is by default: it makes the PSBT final at once.

    Its signature is taken out of the final witness; the transaction that it offers is the one that we make.
    """
    spend, psbt, so_far = third(stage, form)
    key = spend.vault.keys[4]
    answer = stage.rpc.call("walletprocesspsbt", [so_far], wallet=stage.signing_wallet(spend.vault, key))
    assert answer["complete"]
    assert decode_psbt(answer["psbt"], CHAIN).inputs[0].is_final
    gathered = gather(so_far, [answer["psbt"]], CHAIN)
    assert gathered.signed_by == ((key.xpub[1:9], SHARE),)
    assert [
        share.signer for share in signer_shares(decode_psbt(gathered.psbt, CHAIN), spend.vault, MAIN) if share.is_done
    ] == [
        "cold-1",
        "cold-2",
        "cold-5",
    ]
    raw_hex = finalise(gathered.psbt, CHAIN)
    assert raw_hex == answer["hex"]
    # From the final PSBT alone all three signatures can be had.
    assert finalise(gather(psbt, [answer["psbt"]], CHAIN).psbt, CHAIN) == raw_hex
    txid = stage.rpc.call("sendrawtransaction", [raw_hex])
    stage.mine()
    assert stage.rpc.call("gettransaction", [txid], wallet=spend.vault.id)["confirmations"] == 1


@pytest.mark.parametrize("form", FORMS)
def test_an_anchor_is_read_signed_relayed_and_mined_by_bitcoind(stage: Stage, form: str) -> None:
    """The node reads the anchor as data of 0 sat, its wallet signs beside ours, and the block holds what was signed."""
    spend = stage.spends[f"{form}-{ANCHORED}"]
    psbt = spend.build(stage.raw)
    read = stage.rpc.call("decodepsbt", [psbt])["tx"]["vout"]
    (data,) = [output for output in read if output["scriptPubKey"]["type"] == "nulldata"]
    assert (data["value"], data["scriptPubKey"]["asm"]) == (0, f"OP_RETURN {ANCHOR.data}")
    so_far = gather(psbt, spend.sign(psbt, spend.vault.keys[:2]), CHAIN).psbt
    wallet = stage.signing_wallet(spend.vault, spend.vault.keys[4])
    answer = stage.rpc.call("walletprocesspsbt", [so_far], wallet=wallet)
    assert answer["complete"]
    raw_hex = finalise(gather(so_far, [answer["psbt"]], CHAIN).psbt, CHAIN)
    assert raw_hex == answer["hex"]
    assert stage.verdict(raw_hex) == "allowed"
    txid = stage.rpc.call("sendrawtransaction", [raw_hex])
    stage.mine()
    block = stage.rpc.call("gettransaction", [txid], wallet=spend.vault.id)["blockhash"]
    mined = decode_transaction(stage.rpc.call("getrawtransaction", [txid, False, block]))
    assert [anchor_in(script) for script, sats in mined.outputs if sats == 0] == [ANCHOR]


def test_what_bitcoind_adds_is_dropped_by_name(stage: Stage) -> None:
    """The wallet knows the whole tree: it shows further leaves and the unspendable key, none of which is taken over."""
    spend = stage.spends["taproot_recovery-main"]
    psbt = spend.build()
    wallet = stage.signing_wallet(spend.vault, spend.vault.keys[0])
    answer = stage.rpc.call("walletprocesspsbt", {"psbt": psbt, "finalize": False}, wallet=wallet)["psbt"]
    gathered = gather(psbt, [answer], CHAIN)
    # The first key signs for both leaves; the signature for the other leaf is no use on this path.
    assert gathered.dropped == (
        "input TAP_BIP32_DERIVATION",
        "input TAP_LEAF_SCRIPT",
        "input TAP_SCRIPT_SIG",
        "output TAP_BIP32_DERIVATION",
        "output TAP_TREE (changed)",
    )
    taken, sent = (decode_psbt(text, CHAIN) for text in (gathered.psbt, psbt))
    assert without_signatures(taken) == without_signatures(sent)
    assert [len(given.taproot.signatures) for given in taken.inputs] == [1] * SHARE


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_version_2_there_and_back(stage: Stage, case: Case) -> None:
    """What the node writes, as version 2 where it can, is made version 2, signed and taken."""
    spend = stage.spends[case.name]
    for version in stage.psbt_versions:
        psbt = built_by_bitcoind(stage, spend, version)
        received = receive_psbt(write_maps(to_v2(read_maps(base64.b64decode(psbt)))))
        assert received.version == 2
        threshold, keys = quorum_of(spend.vault, case.path)
        answers = [
            answer_psbt(received, base64.b64decode(signed)) for signed in spend.sign(received.base64, keys[:threshold])
        ]
        assert {receive_psbt(answer).version for answer in answers} == {2}
        assert stage.verdict(finalise(gather(psbt, answers, CHAIN).psbt, CHAIN)) in {"allowed", SPENT}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_psbts_go_to_bitcoind_and_back_without_loss(stage: Stage, case: Case) -> None:
    """A signed PSBT through ``combinepsbt`` of the node says what it said; the node counts its signatures as we do."""
    spend = stage.spends[case.name]
    psbt = spend.build(stage.raw)
    signed = spend.sign(psbt, quorum_of(spend.vault, case.path)[1][:2])
    ours = gather(psbt, signed, CHAIN).psbt
    theirs = stage.rpc.call("combinepsbt", [signed])
    assert decode_psbt(theirs, CHAIN) == decode_psbt(ours, CHAIN)
    told = stage.rpc.call("decodepsbt", [ours])["inputs"]
    counts = [
        len(given.get("partial_signatures", {})) + len(given.get("taproot_script_path_sigs", [])) for given in told
    ]
    assert counts == [2] * SHARE

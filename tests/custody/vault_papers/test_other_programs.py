"""Papers beside the programs that read them: bitcoind, rust-miniscript, embit, and HWI's own parser."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import bdkpython
import pytest
from embit.descriptor import Descriptor
from embit.networks import NETWORKS
from hwilib.descriptor import parse_descriptor

from conftest import RegtestNode
from paper_drill import CARRIED, RECORDS, request_of, taking_of
from register_drill import CHAIN, REQUESTS
from zakhira.custody.descriptor import derive_address, vault_descriptor
from zakhira.custody.vault_papers.descriptor_forms import branch_descriptor
from zakhira.custody.vault_papers.kinds import read_vault_paper, write_vault_paper

PLACES = [(0, 0), (1, 7)]
"""HWI computes its points in Python alone: about half a second for each key of an address."""
HWI_REFUSES = {
    "decaying": "needed within P2WSH",
    "decaying-shared": "needed within P2WSH",
    "held": "needed within P2WSH",
    "taproot": "multi_a is not a valid",
    "taproot-recovery": "multi_a is not a valid",
}
"""HWI 3.2.0 knows plain multisig alone: what it says of each other template."""


def descriptors_in(name: str, kind: str) -> list[str]:
    """The descriptors of a paper, as its bytes have them; each branch apart."""
    text = write_vault_paper(kind, request_of(name)).data.decode()
    if kind == "bitcoin-core":
        return [entry["desc"] for entry in json.loads(text)]
    if kind == "sparrow":
        return [line for line in text.split("\n") if line and not line.startswith("#")][1:]
    assert kind == "specter"
    return [json.loads(text)["descriptor"]]


def import_by(node: RegtestNode, name: str) -> None:
    """A wallet without private keys takes the array as it is written; its addresses and its own export are ours."""
    call, vault = node.rpc.call, RECORDS[name].vault
    call("createwallet", {"wallet_name": name, "disable_private_keys": True, "blank": True})
    requests = json.loads(write_vault_paper("bitcoin-core", replace(request_of(name), range_end=199)).data)
    answers = call("importdescriptors", [requests], wallet=name)
    assert [answer["success"] for answer in answers] == [True, True], answers
    for branch, request in enumerate(requests):
        info = call("getdescriptorinfo", [request["desc"]])
        assert (info["checksum"], info["isrange"], info["hasprivatekeys"]) == (request["desc"][-8:], True, False)
        derived = call("deriveaddresses", [request["desc"], [0, 7]])
        assert derived == [derive_address(vault, branch, index, CHAIN).address for index in range(8)]
    kind = "bech32m" if vault.template == "taproot" else "bech32"
    assert call("getnewaddress", ["", kind], wallet=name) == derive_address(vault, 0, 0, CHAIN).address
    assert call("getrawchangeaddress", [kind], wallet=name) == derive_address(vault, 1, 0, CHAIN).address
    listed = json.dumps(call("listdescriptors", wallet=name)).encode()
    assert read_vault_paper(listed, taking_of(name)).vault == vault


def test_bitcoind_imports_every_template_s_paper_and_gives_it_back(regtest_node: RegtestNode) -> None:
    """``importdescriptors``, ``getdescriptorinfo``, ``deriveaddresses``, new addresses, and ``listdescriptors``."""
    for name in REQUESTS:
        import_by(regtest_node, name)


def test_bitcoind_reads_the_plain_descriptor(regtest_node: RegtestNode) -> None:
    """Both branches in one text (BIP-389): the node expands it to the two that we write apart."""
    for name, record in RECORDS.items():
        text = write_vault_paper("descriptor", request_of(name)).data.decode().strip()
        info = regtest_node.rpc.call("getdescriptorinfo", [text])
        assert info["multipath_expansion"] == [branch_descriptor(record.vault, branch) for branch in (0, 1)]
        first = regtest_node.rpc.call("deriveaddresses", [text, [0, 2]])
        assert first == [
            [derive_address(record.vault, branch, index, CHAIN).address for index in range(3)] for branch in (0, 1)
        ]


@pytest.mark.parametrize(("name", "kind"), [c for c in CARRIED if c[1] in {"bitcoin-core", "sparrow", "specter"}])
def test_both_libraries_derive_the_same_from_a_paper(name: str, kind: str) -> None:
    """What stands in the file, read by rust-miniscript and by embit without any of our code."""
    vault = RECORDS[name].vault
    for branch, text in enumerate(descriptors_in(name, kind)):
        by_rust = bdkpython.Descriptor(text, bdkpython.NetworkKind.TEST)
        by_embit = Descriptor.from_string(text)
        for index in (0, 1, 999):
            ours = derive_address(vault, branch, index, CHAIN).address
            assert str(by_rust.derive_address(index, bdkpython.Network.REGTEST)) == ours
            assert by_embit.derive(index).address(NETWORKS[CHAIN]) == ours


@pytest.mark.parametrize("name", ["sortedmulti"])
def test_hwi_s_parser_takes_plain_multisig(name: str) -> None:
    """Each branch apart: HWI expands it to our scripts; two branches in one text it reads and cannot expand."""
    vault = RECORDS[name].vault
    for branch, index in PLACES:
        read = parse_descriptor(branch_descriptor(vault, branch))
        assert read.expand(index).output_script.hex() == derive_address(vault, branch, index, CHAIN).script_hex
    with pytest.raises(ValueError, match="Invalid BIP32 path"):
        parse_descriptor(vault_descriptor(vault)).expand(0)


@pytest.mark.parametrize(("name", "says"), HWI_REFUSES.items())
def test_hwi_s_parser_refuses_the_other_templates(name: str, says: str) -> None:
    """Miniscript and taproot multisig: marked here, so that a later HWI that takes them is noticed."""
    with pytest.raises(ValueError, match=says):
        parse_descriptor(branch_descriptor(RECORDS[name].vault, 0))


def specter_s_view(data: bytes) -> Any:  # noqa: ANN401  # embit ships no types
    """What Specter Desktop does with a wallet file (util/wallet_importer.py): its checks, in embit's terms."""
    read = Descriptor.from_string(json.loads(data)["descriptor"])
    assert all(key.is_extended and key.allowed_derivation.indexes == [0, None] for key in read.keys)
    assert read.is_basic_multisig
    return read


def test_specter_s_own_checks_pass() -> None:
    """Every key derives at /0/* alone, the quorum is plain, a device stands for each key in its order."""
    written = write_vault_paper("specter", request_of("sortedmulti")).data
    read = specter_s_view(written)
    devices = json.loads(written)["devices"]
    assert [key.fingerprint.hex() for key in read.keys] == [key.xpub[1:9] for key in RECORDS["sortedmulti"].vault.keys]
    assert [device["label"] for device in devices] == [key.signer for key in RECORDS["sortedmulti"].vault.keys]

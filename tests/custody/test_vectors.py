"""The public vectors of PSBTs, descriptors, miniscript, policies and setups, and what each reader makes of them."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import bdkpython
import pytest
from embit.descriptor import Descriptor
from embit.descriptor.checksum import add_checksum

from custody_drill import INTAKE
from vector_readings import (
    ACCEPTS,
    DIFFERS,
    RUST_ERRORS,
    checksummed,
    load,
    our_psbt_verdict,
    our_verdict,
    rows,
    scripts_by_embit,
    scripts_by_rust,
    table,
    verdict,
)
from zakhira.custody.decoders import decode_psbt
from zakhira.custody.descriptor import read_descriptor, vault_descriptor
from zakhira.custody.psbt_maps import read_maps, write_maps
from zakhira.custody.psbt_refusals import ImpossibleLocktime
from zakhira.custody.psbt_version import answer_psbt, receive_psbt, to_v0, to_v2
from zakhira.custody.refusals import MalformedDescriptor, UnsupportedDescriptor

PAGE = Path(__file__).resolve().parents[2] / "docs" / "custody-vectors.md"


def test_the_page_tells_how_every_vector_fares() -> None:
    """The table of the documentation is what the readers do today.

    ``python tests/vector_readings.py`` prints it anew.
    """
    assert table() in PAGE.read_text(encoding="utf-8")


def test_no_library_reads_a_vector_otherwise() -> None:
    """A vector is read as it says or not at all: nowhere does a library make another script of it."""
    for row in rows():
        assert DIFFERS not in row.rust + row.embit, row


@pytest.mark.parametrize("bip", ["174", "370", "371"])
def test_a_valid_psbt_goes_through_both_versions_byte_for_byte(bip: str) -> None:
    """Valid PSBTs come back as they came, and version 0 is the same after version 2."""
    cases = load(bip)["valid"]
    assert cases
    for case in cases:
        received = receive_psbt(case["psbt"].encode())
        assert answer_psbt(received, received.raw_v0) == case["psbt"].encode(), case["case"]
        maps = read_maps(received.raw_v0)
        assert write_maps(to_v0(to_v2(maps))) == received.raw_v0, case["case"]


def test_locktimes_are_those_of_the_vectors() -> None:
    """BIP-370's lock times, as both decoders read them after the PSBT has become version 0."""
    for case in load("370")["locktimes"]:
        data = case["psbt"].encode()
        if case["locktime"] is None:
            with pytest.raises(ImpossibleLocktime):
                receive_psbt(data)
            continue
        assert decode_psbt(receive_psbt(data).base64, "regtest").locktime == case["locktime"], case["case"]


@pytest.mark.parametrize("bip", ["174", "370", "371"])
def test_an_invalid_psbt_is_refused_by_a_code(bip: str) -> None:
    """Neither taken nor a crash: each invalid PSBT ends in a refusal of the custody room."""
    for case in load(bip)["invalid"]:
        assert our_psbt_verdict(case["psbt"].encode()).startswith("ZK-CUSTODY-"), case["case"]


@pytest.mark.parametrize(
    ("bip", "name"),
    [("384", "combo"), ("385", "raw"), ("385", "addr"), ("387", "sortedmulti_a"), ("390", "musig"), ("390", "rawtr")],
)
def test_what_the_libraries_cannot_read_is_refused_by_name(bip: str, name: str) -> None:
    """Descriptors of functions that one or both libraries lack: our reader names the function."""
    cases = [
        case["descriptor"] for case in load(bip)["valid"] if re.search(rf"^(?:tr\([^()]*)?{name}\(", case["descriptor"])
    ]
    assert cases
    for text in cases:
        with pytest.raises(UnsupportedDescriptor, match=name):
            read_descriptor(checksummed(text))


def spoilt_checksums() -> list[str]:
    """BIP-380's broken checksums, made of a descriptor that we would take."""
    good = vault_descriptor(INTAKE)
    body, _, check = good.partition("#")
    return [
        body,
        f"{body}#",
        f"{good}x",
        good[:-1],
        good.replace("sortedmulti(2", "sortedmulti(1"),
        f"{body}##{check[1:]}",
        body.replace("wsh", "wsÜ") + "#00000000",
    ]


@pytest.mark.parametrize("text", spoilt_checksums(), ids=range(7))
def test_a_broken_checksum_is_refused(text: str) -> None:
    """Missing, empty, too long, too short, of another text, with a stray mark, of a character without a place."""
    assert our_verdict(vault_descriptor(INTAKE)) == ACCEPTS
    with pytest.raises(MalformedDescriptor):
        read_descriptor(text)


def test_mixed_timelocks_fail_the_sanity_check() -> None:
    """rust-miniscript derives them all the same; its sanity check, which our reader asks for, refuses them."""
    for text in load("379")["mixed_timelocks"]:
        assert verdict(scripts_by_rust, f"wsh({text})", None) == ACCEPTS
        with pytest.raises(RUST_ERRORS):
            bdkpython.Descriptor(f"wsh({text})", bdkpython.NetworkKind.MAIN).sanity_check()


@pytest.mark.parametrize("setup", load("129")["setups"], ids=lambda setup: setup["mode"])
def test_first_addresses_of_setups(setup: dict[str, str]) -> None:
    """BIP-129's records: both libraries derive the first address that the record shows."""
    _, descriptor, _, address = setup["record"].split("\n")
    first = descriptor.partition("#")[0].replace("/**", "/0/*")
    by_rust = bdkpython.Descriptor(first, bdkpython.NetworkKind.MAIN).derive_address(0, bdkpython.Network.BITCOIN)
    assert str(by_rust) == Descriptor.from_string(first).derive(0).address() == address
    assert scripts_by_rust(first, 1) == scripts_by_embit(first, 1)
    if "#" in descriptor:
        assert add_checksum(descriptor.partition("#")[0]) == descriptor


def test_a_psbt_of_the_signers_vectors_names_no_vault() -> None:
    """BIP-174's PSBTs that a signer must refuse hold fields that no spend of ours has."""
    for case in load("174")["signer_refuses"]:
        decoded = decode_psbt(receive_psbt(base64.b64decode(case["psbt"])).base64, "regtest")
        assert decoded.unknown_fields == ("input",), case["case"]
        assert decoded.instruction_hash == ""

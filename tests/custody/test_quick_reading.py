"""What makes reading and deriving quick changes no answer: held against the slow way in each case."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

import bdkpython
import pytest
from embit.descriptor import Descriptor

from custody_drill import CHAIN
from spend_drill import CASES, Case, case_spend, vault_in
from zakhira.custody import bdk_psbt as quick
from zakhira.custody import descriptor as descriptors
from zakhira.custody.bdk_psbt import bdk_psbt
from zakhira.custody.descriptor import derive_place, vault_descriptor
from zakhira.custody.psbt_fields import IN_NON_WITNESS_UTXO
from zakhira.custody.psbt_maps import read_maps, write_maps
from zakhira.custody.read_by_embit import parse_psbt
from zakhira.custody.refusals import DecodersDisagree, Undecodable

FORMS = tuple(dict.fromkeys(case.form for case in CASES))
PSBT = case_spend(CASES[0]).build()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_psbt_handed_over_in_one_copy_is_the_same(case: Case) -> None:
    """Both ways of making rust-bitcoin's PSBT read the same bytes and give them back."""
    psbt = case_spend(case).build()
    slow = bdkpython.Psbt(psbt)
    assert json.loads(bdk_psbt(psbt).json_serialize()) == json.loads(slow.json_serialize())
    assert bdk_psbt(psbt).serialize() == slow.serialize()


@pytest.mark.parametrize("text", ["", "cHNidA==", "no psbt", PSBT[:-8], "\u00e9" * 40])
def test_what_rust_bitcoin_refuses_it_refuses_either_way(text: str) -> None:
    """The error is the library's own."""
    with pytest.raises(bdkpython.PsbtParseError):
        bdkpython.Psbt(text)
    with pytest.raises(bdkpython.PsbtParseError):
        bdk_psbt(text)


def test_another_release_of_the_library_is_asked_in_its_own_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the inner names are missing, the constructor is used."""

    class Elsewhere:
        Psbt = bdkpython.Psbt
        bdk = object()

    monkeypatch.setattr(quick, "bdkpython", Elsewhere)
    assert bdk_psbt(PSBT).serialize() == PSBT


@pytest.mark.parametrize("form", FORMS)
def test_places_are_those_of_the_whole_descriptor(form: str) -> None:
    """Keys derived to their branch first give the addresses and origins that the descriptor itself gives."""
    text = vault_descriptor(vault_in(form))
    whole = bdkpython.Descriptor(text, bdkpython.NetworkKind.TEST).to_single_descriptors()
    by_embit = Descriptor.from_string(text.partition("#")[0])
    for branch in (0, 1):
        for index in (0, 1, 1_000, 2**31 - 1):
            place = derive_place(text, branch, index, CHAIN)
            assert str(whole[branch].derive_address(index, bdkpython.Network.REGTEST)) == place.address
            derived = by_embit.branch(branch).derive(index)
            origins = {
                (bytes(key.origin.fingerprint).hex(), tuple(key.origin.derivation))
                for key in derived.keys
                if key.origin is not None
            }
            assert {(fingerprint, path) for _, fingerprint, path in place.origins} == origins


def test_a_branch_that_embit_derives_wrongly_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were embit's key of a branch another one, rust-miniscript's first address would differ: no address is given."""
    right = descriptors._branch_body
    monkeypatch.setattr(descriptors, "_branch_body", lambda body, side: right(body, 1 - side))
    for remembered in (descriptors._parse, descriptors.derive_place):
        remembered.cache_clear()
    vault = replace(vault_in("sortedmulti"), threshold=2)
    with pytest.raises(DecodersDisagree, match="from its branch"):
        derive_place(vault_descriptor(vault), 0, 0, CHAIN)


def test_a_previous_transaction_is_read_to_its_last_byte() -> None:
    """Embit's own reader stops at the end of the transaction and leaves the rest to be read as something else."""
    maps = read_maps(base64.b64decode(PSBT))
    raw = bytes.fromhex("02000000" + "01" + "11" * 32 + "00000000" + "00" + "ffffffff" + "00" + "00000000")
    for behind, is_read in ((b"", True), (b"\x00", False)):
        field = (IN_NON_WITNESS_UTXO, raw + behind)
        text = base64.b64encode(write_maps(replace(maps, inputs=((field, *maps.inputs[0]), *maps.inputs[1:]))))
        if is_read:
            assert parse_psbt(text.decode()).inputs[0].previous_id
            continue
        with pytest.raises(Undecodable):
            parse_psbt(text.decode())

"""Anchors of the audit chain: the data, the output, and every way in which the output could be another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custody_drill import CHAIN
from hostile_drill import (
    ANCHOR,
    CHANGE_SATS,
    TEMPLATES,
    Spend,
    anchored_spend,
    change_fields,
    honest_spend,
    place_at,
    put,
    second_version,
    text_of,
    tx_of,
    with_output,
    with_tx,
)
from spend_drill import CASES, Case, case_spend
from zakhira.custody.anchor import ANCHOR_SCRIPT_BYTES, MAX_POSITION, Anchor, BadAnchor, anchor_in, anchor_of
from zakhira.custody.checks import check_against
from zakhira.custody.decoded import INSTRUCTION_KEY
from zakhira.custody.decoders import decode_psbt
from zakhira.custody.psbt_maps import PsbtMaps
from zakhira.custody.psbt_version import receive_psbt
from zakhira.custody.refusals import (
    AnchorMissing,
    AnchorTwice,
    AnchorWithAmount,
    ForeignChange,
    SigningRefused,
    UnapprovedData,
    WrongAnchor,
    WrongFee,
    WrongInstruction,
)
from zakhira.custody.signer_keys import quorum_of
from zakhira.custody.signing import combine_signatures, finalise

SCRIPT = bytes.fromhex("6a2c" + ANCHOR.data)
DATA = 2
"""The number of the output that holds the anchor."""
Attack = Callable[[Spend], PsbtMaps]
SPENDS = {template: anchored_spend(template) for template in TEMPLATES}


@given(st.integers(1, MAX_POSITION), st.binary(min_size=32, max_size=32))
def test_an_anchor_is_44_bytes_and_comes_back(position: int, head: bytes) -> None:
    """Tag, hash and position are read back from the data and from the script, for any head of any chain."""
    anchor = Anchor(position, head.hex())
    assert bytes.fromhex(anchor.data) == b"ZKA1" + head + position.to_bytes(8, "big")
    assert anchor_of(anchor.data) == anchor == anchor_in("6a2c" + anchor.data)


@pytest.mark.parametrize(("position", "head"), [(0, "ab" * 32), (-1, "ab" * 32), (2**53, "ab" * 32), (1, "AB" * 32)])
def test_what_no_chain_has_is_no_anchor(position: int, head: str) -> None:
    """Positions begin at 1 and stay exact in JSON; a hash has one spelling."""
    with pytest.raises(BadAnchor):
        Anchor(position, head)


def _of(script: bytes, amount_sats: int = 0) -> Attack:
    def attack(spend: Spend) -> PsbtMaps:
        return with_output(spend.maps, DATA, amount_sats, script)

    return attack


def _with_further(*outputs: tuple[int, bytes]) -> Attack:
    """Outputs that pay for themselves out of the change, so that it is not the fee that gives them away."""

    def attack(spend: Spend) -> PsbtMaps:
        tx = tx_of(spend.maps)
        maps = with_tx(spend.maps, replace(tx, outputs=(*tx.outputs, *outputs)))
        return replace(maps, outputs=(*maps.outputs, *(() for _ in outputs)))

    return attack


def _without(spend: Spend) -> PsbtMaps:
    tx = tx_of(spend.maps)
    maps = with_tx(spend.maps, replace(tx, outputs=tx.outputs[:DATA]))
    return replace(maps, outputs=maps.outputs[:DATA])


def _with_keys(spend: Spend) -> PsbtMaps:
    return replace(spend.maps, outputs=(*spend.maps.outputs[:DATA], change_fields(place_at(spend.vault, 1, 3))))


def _burned(spend: Spend) -> PsbtMaps:
    """What should come back is burned on the anchor, to the last satoshi that the fee leaves."""
    maps = with_output(spend.maps, DATA, 1_000, SCRIPT)
    change = tx_of(maps).outputs[1]
    return with_output(maps, 1, CHANGE_SATS - 1_000, change[1])


def _instead_of_change(spend: Spend) -> PsbtMaps:
    return with_output(_without(spend), 1, CHANGE_SATS, SCRIPT)


def _edited(spend: Spend) -> PsbtMaps:
    """Another head, with the hash of the instruction that would carry it."""
    other = Anchor(ANCHOR.position - 1, "cd" * 32)
    edited = replace(spend.instruction, anchor=other.data)
    maps = with_output(spend.maps, DATA, 0, bytes.fromhex("6a2c" + other.data))
    return replace(maps, global_map=put(maps.global_map, INSTRUCTION_KEY, bytes.fromhex(edited.hash)))


ATTACKS: dict[str, tuple[Attack, type[SigningRefused]]] = {
    "a bit of the hash": (_of(SCRIPT[:10] + bytes([SCRIPT[10] ^ 1]) + SCRIPT[11:]), WrongAnchor),
    "an earlier position": (_of(SCRIPT[:-1] + bytes([SCRIPT[-1] - 1])), WrongAnchor),
    "another tag": (_of(SCRIPT[:5] + b"2" + SCRIPT[6:]), WrongAnchor),
    "another spelling": (_of(b"\x6a\x4c\x2c" + SCRIPT[2:]), WrongAnchor),
    "a second push": (_of(SCRIPT + b"\x04more"), WrongAnchor),
    "a longer push": (_of(b"\x6a\x30" + SCRIPT[2:] + b"more"), WrongAnchor),
    "nothing pushed": (_of(b"\x6a"), WrongAnchor),
    "keys beside it": (_with_keys, WrongAnchor),
    "an amount": (_of(SCRIPT, 1_000), AnchorWithAmount),
    "change burned": (_burned, AnchorWithAmount),
    "all change burned": (_instead_of_change, AnchorWithAmount),
    "twice": (_with_further((0, SCRIPT)), AnchorTwice),
    "other data beside it": (_with_further((0, b"\x6a\x04more")), AnchorTwice),
    "left out": (_without, AnchorMissing),
    "never run, behind a false": (_of(b"\x00" + SCRIPT), AnchorMissing),
    "a bare script beside it": (_with_further((0, b"\x00" + SCRIPT)), ForeignChange),
    "of another instruction": (_edited, WrongInstruction),
}


def check(spend: Spend, data: bytes) -> None:
    """What happens to bytes that come in: made version 0, decoded twice, held against the instruction."""
    decoded = decode_psbt(receive_psbt(data).base64, CHAIN)
    check_against(decoded, spend.instruction, spend.coins, spend.policy, CHAIN)


@pytest.mark.parametrize("template", TEMPLATES)
def test_the_approved_anchor_passes(template: str) -> None:
    """Both decoders read it alike, in both versions of the PSBT."""
    for data in (text_of(SPENDS[template].maps).encode(), second_version(SPENDS[template].maps)):
        check(SPENDS[template], data)


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("name", ATTACKS)
def test_another_anchor_is_refused_by_its_own_code(name: str, template: str) -> None:
    """Between builder and signer one thing about the data is changed; the refusal names it."""
    attack, error = ATTACKS[name]
    spoiled = attack(SPENDS[template])
    for data in (text_of(spoiled).encode(), second_version(spoiled)):
        with pytest.raises(error) as caught:
            check(SPENDS[template], data)
        assert caught.type is error


@pytest.mark.parametrize("script", [SCRIPT, b"\x6a", b"\x6a\x04more"])
@pytest.mark.parametrize("template", TEMPLATES)
def test_an_instruction_without_an_anchor_refuses_all_data(template: str, script: bytes) -> None:
    """The coordinator may not hang data on a spend of its own accord, not even a true head of the chain."""
    spend = honest_spend(template)
    with pytest.raises(UnapprovedData):
        check(spend, text_of(_with_further((0, script))(spend)).encode())


def test_an_amount_on_the_anchor_is_named_before_the_fee() -> None:
    """A satoshi on the anchor that would also break the fee is told as what it is; without it the fee is told."""
    spend = SPENDS["sortedmulti"]
    with pytest.raises(AnchorWithAmount):
        check(spend, text_of(_of(SCRIPT, CHANGE_SATS)(spend)).encode())
    cheap = replace(spend.instruction, fee_limit_sats=1)
    maps = replace(spend.maps, global_map=put(spend.maps.global_map, INSTRUCTION_KEY, bytes.fromhex(cheap.hash)))
    with pytest.raises(WrongFee):
        check(replace(spend, instruction=cheap), text_of(maps).encode())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_template_builds_and_signs_it(case: Case) -> None:
    """Built by ourselves on every path, the anchor stands first (BIP-69: by amount), and every signature covers it."""
    spend = case_spend(case)
    spend = replace(spend, instruction=replace(spend.instruction, anchor=ANCHOR.data))
    psbt = spend.build()
    outputs = decode_psbt(psbt, CHAIN).outputs
    assert [(anchor_in(o.script_hex), o.amount_sats, o.address) for o in outputs[:1]] == [(ANCHOR, 0, "")]
    assert all(anchor_in(output.script_hex) is None for output in outputs[1:])
    assert len(outputs[0].script_hex) // 2 == ANCHOR_SCRIPT_BYTES
    threshold, keys = quorum_of(spend.vault, case.path)
    raw_hex = finalise(combine_signatures(psbt, spend.sign(psbt, keys[:threshold]), CHAIN), CHAIN)
    assert ("6a2c" + ANCHOR.data) in raw_hex

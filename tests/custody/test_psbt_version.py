"""PSBTs of version 0 and 2 into each other and back, from every form in which they come."""

from __future__ import annotations

import base64
import json
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zakhira.custody.psbt_maps import (
    MAGIC,
    SEQUENCE,
    TX_MODIFIABLE,
    UNSIGNED_TX,
    V2_GLOBAL,
    V2_INPUT,
    V2_OUTPUT,
    VERSION,
    Map,
    PsbtMaps,
    UnsignedInput,
    UnsignedTx,
    read_maps,
    write_compact,
    write_maps,
    write_unsigned_tx,
)
from zakhira.custody.psbt_refusals import (
    MalformedPsbt,
    MissingPsbtField,
    MixedPsbtVersions,
    NotAPsbt,
    PsbtTooLarge,
    UnknownPsbtVersion,
)
from zakhira.custody.psbt_version import (
    FINAL_SEQUENCE,
    MAX_PSBT_BYTES,
    MAX_PSBT_FILE_BYTES,
    ReceivedPsbt,
    answer_psbt,
    psbt_bytes,
    receive_psbt,
    to_v0,
    to_v2,
    unsigned_tx_of,
)

VECTORS = Path(__file__).resolve().parent.parent / "vectors"
UPDATED = json.loads((VECTORS / "bip370.json").read_text())["valid"][1]["psbt"]

uint32 = st.integers(0, 2**32 - 1)
unsigned_txs = st.builds(
    UnsignedTx,
    st.integers(-(2**31), 2**31 - 1),
    st.lists(st.builds(UnsignedInput, st.binary(min_size=32, max_size=32), uint32, uint32), max_size=3).map(tuple),
    st.lists(st.tuples(st.integers(0, 2**64 - 1), st.binary(max_size=300)), max_size=3).map(tuple),
    uint32,
)


def other_fields(taken: frozenset[bytes]) -> st.SearchStrategy[Map]:
    """Fields that both versions have or neither knows, proprietary ones among them."""
    types = [kind for kind in range(0xFD) if bytes([kind]) not in taken | {UNSIGNED_TX, VERSION}]
    keys = st.builds(lambda kind, data: bytes([kind]) + data, st.sampled_from(types), st.binary(max_size=6))
    return st.dictionaries(keys, st.binary(max_size=300), max_size=4).map(lambda d: tuple(d.items()))


@st.composite
def v0_psbts(draw: st.DrawFn) -> PsbtMaps:
    """Any PSBT of version 0, its unsigned transaction at any place of the global map."""
    tx = draw(unsigned_txs)
    others = draw(other_fields(V2_GLOBAL))
    place = draw(st.integers(0, len(others)))
    return PsbtMaps(
        0,
        (*others[:place], (UNSIGNED_TX, write_unsigned_tx(tx)), *others[place:]),
        tuple(draw(other_fields(V2_INPUT)) for _ in tx.inputs),
        tuple(draw(other_fields(V2_OUTPUT)) for _ in tx.outputs),
    )


@given(v0_psbts())
def test_v0_through_v2_comes_back_byte_for_byte(maps: PsbtMaps) -> None:
    """Any PSBT of version 0, with unknown and proprietary fields anywhere: into version 2, over the wire, and back."""
    raw = write_maps(maps)
    assert read_maps(raw) == maps
    second = read_maps(write_maps(to_v2(maps)))
    assert second.version == 2
    assert unsigned_tx_of(second) == unsigned_tx_of(maps)
    assert write_maps(to_v0(second)) == raw


@given(v0_psbts(), st.sampled_from(["binary", "hex", "base64"]), st.integers(0, 255), st.booleans(), st.data())
def test_v2_comes_back_as_it_came(maps: PsbtMaps, form: str, flags: int, final: bool, data: st.DataObject) -> None:  # noqa: FBT001
    """A PSBT of version 2 with flags, sequences left out and fields in any order is answered byte for byte."""
    second = to_v2(maps)
    entries = data.draw(st.permutations([*second.global_map, (TX_MODIFIABLE, bytes([flags]))]))
    inputs = second.inputs
    if final:
        inputs = tuple(tuple(item for item in entries if item[0] != SEQUENCE) for entries in inputs)
    second = PsbtMaps(2, tuple(entries), inputs, second.outputs)
    sent = written(second, form)
    received = receive_psbt(sent)
    assert (received.form, received.version) == (form, 2)
    assert answer_psbt(received, received.raw_v0) == sent
    read = unsigned_tx_of(read_maps(received.raw_v0))
    expected = unsigned_tx_of(maps)
    assert (read.version, read.outputs, read.locktime) == (expected.version, expected.outputs, expected.locktime)
    assert [i.sequence for i in read.inputs] == [FINAL_SEQUENCE if final else i.sequence for i in expected.inputs]


def written(maps: PsbtMaps, form: str) -> bytes:
    """The bytes of a PSBT in one of the three forms."""
    raw = write_maps(maps)
    return {"binary": raw, "hex": raw.hex().encode(), "base64": base64.b64encode(raw)}[form]


@given(st.binary(max_size=400))
@settings(max_examples=300)
def test_any_bytes_are_read_or_refused(tail: bytes) -> None:
    """Bytes behind the magic: maps that write back to the same bytes, or a refusal by name."""
    raw = MAGIC + tail
    try:
        maps = read_maps(raw)
    except (MalformedPsbt, MissingPsbtField, MixedPsbtVersions, UnknownPsbtVersion):
        return
    assert write_maps(maps) == raw


def changed(received: ReceivedPsbt, key: bytes, value: bytes) -> bytes:
    """The version 0 bytes with one more field in the first input."""
    maps = read_maps(received.raw_v0)
    return write_maps(PsbtMaps(0, maps.global_map, ((*maps.inputs[0], (key, value)), *maps.inputs[1:]), maps.outputs))


def with_flags(flags: int) -> ReceivedPsbt:
    """BIP-370's updated PSBT, modifiable as the flags say."""
    maps = read_maps(base64.b64decode(UPDATED))
    return receive_psbt(
        write_maps(PsbtMaps(2, (*maps.global_map, (TX_MODIFIABLE, bytes([flags]))), maps.inputs, maps.outputs))
    )


ECDSA, LEAF_SIG, KEY_SIG = b"\x02" + b"\x02" * 33, b"\x14" + b"\x05" * 64, b"\x13"


@pytest.mark.parametrize(
    ("key", "value", "flags"),
    [
        (ECDSA, b"\x30\x01", 0),
        (ECDSA, b"\x30\x02", 2),
        (ECDSA, b"\x30\x03", 4),
        (ECDSA, b"\x30\x81", 1),
        (ECDSA, b"\x30\x82", 3),
        (ECDSA, b"\x30\x83", 5),
        (LEAF_SIG, bytes(64), 0),
        (KEY_SIG, bytes(64) + b"\x03", 4),
        (KEY_SIG, bytes(64) + b"\x82", 3),
        (b"\x08", b"\x00", 0),
        (b"\x19", b"", 3),
    ],
)
def test_a_new_signature_lowers_the_flags(key: bytes, value: bytes, flags: int) -> None:
    """What a signature covers may no longer change, and one for a single output says so (BIP-370, Signer)."""
    received = with_flags(3)
    answered = read_maps(answer_psbt(received, changed(received, key, value)))
    assert dict(answered.global_map)[TX_MODIFIABLE] == bytes([flags])
    assert dict(answered.inputs[0])[key] == value


def test_an_answer_about_another_transaction_is_refused() -> None:
    """The version 0 PSBT that is to go back pays one satoshi more."""
    received = receive_psbt(UPDATED.encode())
    tx = unsigned_tx_of(received.original)
    other = UnsignedTx(tx.version, tx.inputs, ((tx.outputs[0][0] + 1, tx.outputs[0][1]), *tx.outputs[1:]), tx.locktime)
    maps = read_maps(received.raw_v0)
    raw = write_maps(PsbtMaps(0, ((UNSIGNED_TX, write_unsigned_tx(other)),), maps.inputs, maps.outputs))
    with pytest.raises(MalformedPsbt, match="another transaction"):
        answer_psbt(received, raw)


def test_a_field_that_was_taken_out_stays_out() -> None:
    """The signer's witness is dropped from version 0; the answer in version 2 has it no longer either."""
    received = receive_psbt(UPDATED.encode())
    maps = read_maps(received.raw_v0)
    raw = write_maps(PsbtMaps(0, maps.global_map, ((),), maps.outputs))
    answered = read_maps(base64.b64decode(answer_psbt(received, raw)))
    assert {key for key, _ in answered.inputs[0]} <= V2_INPUT


@pytest.mark.parametrize("form", ["binary", "hex", "base64"])
def test_a_hundred_megabytes_are_refused_at_once(form: str) -> None:
    """A PSBT of 100 MB is refused by its size: no copy is made of it and nothing is decoded."""
    head = {"binary": MAGIC, "hex": MAGIC.hex().encode(), "base64": b"cHNidP8B"}[form]
    huge = head + b"0" * 100_000_000
    tracemalloc.start()
    start = time.process_time()
    with pytest.raises(PsbtTooLarge, match="100000"):
        receive_psbt(huge)
    spent = time.process_time() - start
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert spent < 0.1
    assert peak < 1_000_000


@pytest.mark.parametrize("form", ["binary", "base64"])
def test_the_limit_is_of_the_psbt_not_of_its_file(form: str) -> None:
    """A file within the limit of files whose PSBT is above the limit of PSBTs."""
    raw = MAGIC + bytes(MAX_PSBT_BYTES)
    data = raw if form == "binary" else base64.b64encode(raw)
    assert len(data) <= MAX_PSBT_FILE_BYTES
    with pytest.raises(PsbtTooLarge):
        receive_psbt(data)


def test_forms_are_told_by_their_bytes() -> None:
    """Binary, hex in either case and base64, with line ends, are one PSBT."""
    raw = base64.b64decode(UPDATED)
    texts = [raw.hex(), raw.hex().upper(), UPDATED, UPDATED + "\r\n", "\n".join([UPDATED[:64], UPDATED[64:]])]
    assert [psbt_bytes(text.encode()) for text in texts] == [(raw, form) for form in ["hex"] * 2 + ["base64"] * 3]
    assert psbt_bytes(raw) == (raw, "binary")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"psbt",
        b"70736274ff0",
        b"70736274ffzz",
        UPDATED[:-3].encode(),
        UPDATED.encode()[:-1] + b"*",
        b"cHNidP9=",
        UPDATED.encode() + b"=",
        base64.b64encode(b"not a psbt"),
        b"\xef\xbb\xbf" + UPDATED.encode(),
    ],
)
def test_bytes_of_no_form_are_refused(data: bytes) -> None:
    """Nothing, cut off, odd, with stray bits or marks: refused, never guessed."""
    with pytest.raises((NotAPsbt, MalformedPsbt)):
        receive_psbt(data)


def test_sizes_are_in_their_shortest_form() -> None:
    """A length written in more bytes than it needs would make two spellings of one PSBT."""
    for value in (0, 252, 253, 65535, 65536, 2**32 - 1, 2**32):
        assert len(write_compact(value)) == (1 if value < 253 else 3 if value < 2**16 else 5 if value < 2**32 else 9)
    for wide in (b"\xfd\x0a\x00", b"\xfe\x0a\x00\x00\x00", b"\xff" + (10).to_bytes(8, "little")):
        with pytest.raises(MalformedPsbt, match="needs"):
            read_maps(MAGIC + b"\x01\x00" + wide + bytes(11))


@pytest.mark.parametrize("version", [1, 3, 2**32 - 1])
def test_other_versions_are_refused(version: int) -> None:
    """There is no version 1, and none above 2 that anybody here could read."""
    tx = write_unsigned_tx(UnsignedTx(2, (), (), 0))
    raw = write_maps(PsbtMaps(0, ((UNSIGNED_TX, tx), (VERSION, version.to_bytes(4, "little"))), (), ()))
    with pytest.raises(UnknownPsbtVersion):
        read_maps(raw)


def test_a_field_of_the_wrong_length() -> None:
    """A sequence of three bytes, a count with something behind it, and key data where there is none."""
    maps = to_v2(read_maps(receive_psbt(UPDATED.encode()).raw_v0))
    spoilt = [
        PsbtMaps(
            2, maps.global_map, (tuple((k, v[:3] if k == SEQUENCE else v) for k, v in maps.inputs[0]),), maps.outputs
        ),
        PsbtMaps(
            2, tuple((k, v + b"\x00" if k == b"\x04" else v) for k, v in maps.global_map), maps.inputs, maps.outputs
        ),
        PsbtMaps(2, maps.global_map, ((*maps.inputs[0], (SEQUENCE + b"x", bytes(4))),), maps.outputs),
    ]
    for bad in spoilt:
        with pytest.raises(MalformedPsbt):
            read_maps(write_maps(bad))


def test_an_explicit_version_of_zero_is_its_absence() -> None:
    """The one thing that version 2 cannot give back."""
    maps = read_maps(receive_psbt(UPDATED.encode()).raw_v0)
    explicit = PsbtMaps(0, (*maps.global_map, (VERSION, bytes(4))), maps.inputs, maps.outputs)
    assert to_v0(to_v2(read_maps(write_maps(explicit)))) == maps

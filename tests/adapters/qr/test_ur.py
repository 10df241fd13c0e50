"""UR: the reference encoder's published numbers, fountain parts in any order, and parts that do not fit together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zakhira.adapters.qr.bytewords import decode_bytewords, encode_bytewords
from zakhira.adapters.qr.collect import join_frames
from zakhira.adapters.qr.fountain import (
    AliasTable,
    Xoshiro256,
    choose_degree,
    choose_fragments,
    fragment_length,
    make_part,
)
from zakhira.adapters.qr.message import Kind, Message
from zakhira.adapters.qr.refusals import (
    BadFrameSize,
    DamagedFrame,
    DamagedMessage,
    MessageTooLong,
    MissingFrames,
    MixedFrames,
    UnknownFrame,
    UnsupportedKind,
)
from zakhira.adapters.qr.ur import UrReader, split_ur, ur_part
from zakhira.kernel.ids import seeded_rng

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[2] / "vectors" / "ur.json").read_text(encoding="utf-8"))
NOISE = seeded_rng(1, "ur").bytes(2500)


def random_message(length: int) -> bytes:
    """The reference program's test message: bytes drawn from the seed ``Wolf``."""
    rng = Xoshiro256(b"Wolf")
    return bytes(rng.next_int(0, 255) for _ in range(length))


def cbor_of(data: bytes) -> bytes:
    """A CBOR byte string of 24 to 65,535 bytes."""
    head = b"\x58" + bytes([len(data)]) if len(data) < 256 else b"\x59" + len(data).to_bytes(2, "big")
    return head + data


def test_bytewords() -> None:
    """Two letters a byte, with a checksum; a wrong letter, checksum or length is refused."""
    for data, words in VECTORS["bytewords"]:
        assert encode_bytewords(bytes.fromhex(data)) == words
        assert decode_bytewords(words) == bytes.fromhex(data)
    for words in VECTORS["bytewords_bad"]:
        with pytest.raises(DamagedFrame):
            decode_bytewords(words)


def test_randomness_is_the_reference_programs() -> None:
    """Every step that encoder and decoder must agree upon gives the published numbers."""
    rng = Xoshiro256(b"Wolf")
    numbers = VECTORS["random_numbers_below_100"]["numbers"]
    assert [rng.next() % 100 for _ in numbers] == numbers
    rng = Xoshiro256(b"Wolf")
    numbers = VECTORS["random_numbers_1_to_10"]["numbers"]
    assert [rng.next_int(1, 10) for _ in numbers] == numbers
    rng, table = Xoshiro256(b"Wolf"), AliasTable.of(tuple(VECTORS["alias_draws"]["weights"]))
    draws = VECTORS["alias_draws"]["draws"]
    assert [table.draw(rng) for _ in draws] == draws
    degrees = VECTORS["degrees_of_11"]["degrees"]
    assert [choose_degree(11, Xoshiro256(f"Wolf-{n}".encode())) for n in range(1, len(degrees) + 1)] == degrees


def test_fragments_are_the_reference_programs() -> None:
    """Which fragments a part mixes, and how long fragments are."""
    message = random_message(1024)
    length = fragment_length(len(message), 100)
    checksum = make_part(message, length, 1).checksum
    expected = VECTORS["fragments_of_1024_byte_message_in_11"]
    assert [sorted(choose_fragments(n, 11, checksum)) for n in range(1, len(expected) + 1)] == expected
    for message_bytes, least, most, expected_length in VECTORS["fragment_lengths"]:
        assert fragment_length(message_bytes, most, least) == expected_length


def test_published_parts() -> None:
    """Twenty parts of a message in nine fragments, letter for letter; any of them that determine it make it again."""
    cbor = cbor_of(random_message(256))
    parts = [ur_part(cbor, fragment_length(len(cbor), 30), "bytes", n) for n in range(1, 21)]
    assert parts == VECTORS["random_message_256_in_30"]
    assert join_frames(parts[3:]).data == random_message(256)
    assert split_ur(Message(Kind.BYTES, random_message(50)), 400) == (VECTORS["random_message_50"].upper(),)


@pytest.mark.parametrize(("name", "data", "text"), VECTORS["single"])
def test_published_single_frames(name: str, data: str, text: str) -> None:
    """A PSBT and plain bytes in one frame, in both cases of letters."""
    kind = Kind.PSBT if name == "crypto-psbt" else Kind.BYTES
    message = Message(kind, bytes.fromhex(data))
    assert split_ur(message, 4000) == (text.upper(),)
    assert join_frames([text]) == join_frames([text.upper()]) == message


@given(st.integers(100, 2500), st.integers(130, 600), st.randoms(use_true_random=False))
def test_any_order_with_losses(size: int, letters: int, random: Any) -> None:  # noqa: ANN401
    """A third of the frames is lost and the rest comes in any order: with more mixed parts the message is whole."""
    message = Message(Kind.PSBT, NOISE[:size])
    frames = list(split_ur(message, letters, extra_share=3.0))
    assert all(len(frame) <= letters for frame in frames)
    random.shuffle(frames)
    reader = UrReader(frames[0])
    for frame in frames[1 : len(frames) * 2 // 3 + 1]:
        reader.add(frame)
    if reader.progress.is_complete:
        assert reader.message() == message
    else:
        with pytest.raises(MissingFrames):
            reader.message()
    for frame in frames:
        reader.add(frame)
    assert reader.message() == message


def test_frames_of_two_messages() -> None:
    """A part of another message, of another type, a single frame among parts: refused, and what was read stays."""
    message = Message(Kind.PSBT, NOISE)
    frames = split_ur(message, 500)
    for stranger in (
        split_ur(Message(Kind.PSBT, NOISE[::-1]), 500)[1],
        split_ur(Message(Kind.BYTES, NOISE), 500)[1],
        split_ur(Message(Kind.PSBT, NOISE), 300)[1],
        split_ur(Message(Kind.PSBT, NOISE[:50]), 500)[0],
    ):
        reader = UrReader(frames[0])
        with pytest.raises(MixedFrames):
            reader.add(stranger)
        for frame in frames:
            reader.add(frame)
        assert reader.message() == message
    with pytest.raises(MixedFrames):
        join_frames([VECTORS["single"][0][2], frames[0]])


def test_parts_that_contradict_one_another() -> None:
    """A part whose letters and checksum are right and whose content is not: found when it is redundant, or at the end.

    An attacker who makes such a part for a place that nobody else fills can only make the checksum fail.
    """
    cbor = cbor_of(NOISE)
    frames = [ur_part(cbor, 250, "crypto-psbt", n) for n in range(1, 12)]
    other = cbor[:250] + bytes([cbor[250] ^ 1]) + cbor[251:]
    part = make_part(other, 250, 2)
    forged = forged_part(part.number, part.fragments, len(cbor), make_part(cbor, 250, 1).checksum, part.data)
    reader = UrReader(frames[0])
    for frame in frames:
        reader.add(frame)
    with pytest.raises(DamagedMessage, match="contradicts"):
        reader.add(forged)
    with pytest.raises(DamagedMessage, match="checksum"):
        join_frames([forged if number == 1 else frame for number, frame in enumerate(frames)])


def head(major: int, value: int) -> bytes:
    """CBOR in the four-byte spelling where it is the shortest, else the shorter ones."""
    if value < 24:
        return bytes([major << 5 | value])
    for code, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if value < 1 << 8 * size:
            return bytes([major << 5 | code]) + value.to_bytes(size, "big")
    raise AssertionError(value)


def forged_part(number: int, fragments: int, message_bytes: int, checksum: int, data: bytes) -> str:
    """A part as anybody could write it."""
    cbor = b"\x85" + b"".join(head(0, value) for value in (number, fragments, message_bytes, checksum))
    return f"ur:crypto-psbt/{number}-{fragments}/{encode_bytewords(cbor + head(2, len(data)) + data)}"


@pytest.mark.parametrize(
    ("frame", "refusal"),
    [
        ("ur:", UnknownFrame),
        ("ur:crypto-psbt", UnknownFrame),
        ("ur:crypto-psbt/0-3/aeae", UnknownFrame),
        ("ur:crypto-psbt/1-3/", UnknownFrame),
        ("Ur:Crypto-PSBT/hdcx", UnknownFrame),
        ("ur:crypto-seed/oeadgdstaslplabghydrpfmkbggufgludprfgmaotpiecffltnlpqdenos", UnsupportedKind),
        ("ur:crypto-psbt/1-3/zzzz", DamagedFrame),
        (f"ur:bytes/{encode_bytewords(bytes.fromhex('5101'))}", DamagedMessage),
        (f"ur:bytes/{encode_bytewords(bytes.fromhex('580101'))}", DamagedFrame),
        (f"ur:bytes/{encode_bytewords(bytes.fromhex('5f4101ff'))}", DamagedFrame),
        (f"ur:bytes/{encode_bytewords(bytes.fromhex('6161'))}", DamagedFrame),
        (f"ur:bytes/1-2/{encode_bytewords(bytes.fromhex('85'))}", DamagedFrame),
        (f"ur:bytes/1-2/{encode_bytewords(bytes.fromhex('850102190100'))}", DamagedFrame),
        (forged_part(1, 2, 10, 1, b"12345").replace("/1-2/", "/2-2/"), DamagedFrame),
        (forged_part(1, 2, 3, 1, b"12345"), DamagedFrame),
        (forged_part(1, 2, 11, 1, b"12345"), DamagedFrame),
        (forged_part(1, 2, 0, 1, b"12345"), DamagedFrame),
        (forged_part(1, 2, 10, 1, b""), DamagedFrame),
        (forged_part(1, 4097, 4097 * 5, 1, b"12345"), MessageTooLong),
        (forged_part(1, 4000, 4_001_000, 1, b"1" * 1001), MessageTooLong),
        (forged_part(2**32, 2, 10, 1, b"12345"), DamagedFrame),
    ],
)
def test_frames_that_are_none(frame: str, refusal: type[Exception]) -> None:
    """Texts that no encoder writes are refused, each with its code and before memory is taken."""
    with pytest.raises(refusal):
        join_frames([frame])


def test_what_cannot_be_split() -> None:
    """Frames without room, and more fragments than a device shows."""
    with pytest.raises(BadFrameSize):
        split_ur(Message(Kind.PSBT, NOISE), 100)
    with pytest.raises(MessageTooLong):
        split_ur(Message(Kind.PSBT, bytes(3_000_000)), 400)

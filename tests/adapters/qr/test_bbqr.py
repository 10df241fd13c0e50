"""BBQr: published frames, any order, and every way in which frames do not fit together."""

from __future__ import annotations

import base64
import json
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zakhira.adapters.qr.bbqr import ENCODINGS, HEADER_LETTERS, BbqrReader, split_bbqr
from zakhira.adapters.qr.collect import join_frames
from zakhira.adapters.qr.message import MAX_MESSAGE_BYTES, Kind, Message
from zakhira.adapters.qr.refusals import (
    BadFrameSize,
    DamagedFrame,
    DamagedMessage,
    EmptyMessage,
    MessageTooLong,
    MissingFrames,
    MixedFrames,
    UnknownFrame,
    UnsupportedKind,
)
from zakhira.adapters.qr.symbol import frame_letters
from zakhira.kernel.ids import seeded_rng

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[2] / "vectors" / "bbqr.json").read_text(encoding="utf-8"))
NOISE = seeded_rng(1, "bbqr").bytes(3000)


def packed_frame(data: bytes, *, whole: bool = True) -> str:
    packer = zlib.compressobj(9, zlib.DEFLATED, -10)
    packed = packer.compress(data) + (packer.flush() if whole else packer.flush(zlib.Z_SYNC_FLUSH))
    return "B$ZP0100" + base64.b32encode(packed).decode().rstrip("=")


@pytest.mark.parametrize("vector", VECTORS["frames"], ids=lambda vector: vector["frames"][0][:12])
def test_published_frames(vector: dict[str, Any]) -> None:
    """What others wrote is what we write, letter for letter, and reads back."""
    message = Message(Kind(vector["kind"]), bytes.fromhex(vector["data"]))
    assert list(split_bbqr(message, 200, vector["encoding"])) == vector["frames"]
    assert join_frames(vector["frames"]) == message


def test_published_packed_frame() -> None:
    """A packed frame of another maker: the same letters, and chosen by itself because it is shorter."""
    packed = VECTORS["packed"]
    message = Message(Kind.PSBT, bytes.fromhex(packed["prefix"]) + packed["word"].encode() * packed["times"])
    assert split_bbqr(message, 200) == (packed["frame"],)
    assert join_frames([packed["frame"]]) == message


def test_capacity_is_the_tables() -> None:
    """The letters that a version holds are those of the specification's table; others do not exist."""
    assert {size: frame_letters(int(size)) for size in VECTORS["frame_letters"]} == VECTORS["frame_letters"]
    for version in (0, 41):
        with pytest.raises(BadFrameSize):
            frame_letters(version)


@given(
    st.binary(min_size=1, max_size=2000),
    st.sampled_from((None, *ENCODINGS)),
    st.integers(16, 400),
    st.randoms(use_true_random=False),
)
def test_any_order_with_repeats(data: bytes, encoding: str | None, letters: int, random: Any) -> None:  # noqa: ANN401
    """Whatever the bytes, encoding and frame size: frames in any order, some shown twice, make the same message."""
    message = Message(Kind.PSBT, data)
    frames = list(split_bbqr(message, letters, encoding))
    assert len({len(frame) for frame in frames[:-1]}) <= 1
    assert all(HEADER_LETTERS < len(frame) <= letters for frame in frames)
    shown = frames + random.sample(frames, k=min(3, len(frames)))
    random.shuffle(shown)
    assert join_frames(shown) == message


def test_missing_frames_are_named() -> None:
    """A reader that missed two frames says which ones; then it takes them."""
    frames = split_bbqr(Message(Kind.BYTES, NOISE), 400)
    reader = BbqrReader(frames[3])
    for frame in frames[4:]:
        reader.add(frame)
    assert reader.progress.missing == (1, 2, 3)
    with pytest.raises(MissingFrames, match="1, 2, 3"):
        reader.message()
    for frame in frames[:3]:
        reader.add(frame)
    assert reader.message().data == NOISE


def test_frames_of_two_messages() -> None:
    """Another count, another kind, other content at one place, or another length: refused, and what was read stays."""
    frames = split_bbqr(Message(Kind.BYTES, NOISE), 400, "2")
    strangers = (
        split_bbqr(Message(Kind.BYTES, NOISE[:500]), 400, "2")[0],
        split_bbqr(Message(Kind.TEXT, NOISE), 400, "2")[1],
        split_bbqr(Message(Kind.BYTES, NOISE[::-1]), 400, "2")[0],
        frames[1][:-8],
        frames[-1] + frames[0][8:],
    )
    for stranger in strangers:
        reader = BbqrReader(frames[0])
        reader.add(frames[2])
        with pytest.raises(MixedFrames):
            reader.add(stranger)
        for frame in frames[1:]:
            reader.add(frame)
        assert reader.message().data == NOISE


def test_short_last_frame_first() -> None:
    """The last frame may come first; a longer one than the rest is of another message."""
    frames = split_bbqr(Message(Kind.BYTES, NOISE), 400, "H")
    assert join_frames(reversed(frames)).data == NOISE
    reader = BbqrReader(frames[-1] + "00" * 400)
    with pytest.raises(MixedFrames):
        reader.add(frames[0])


@pytest.mark.parametrize(
    ("frame", "refusal"),
    [
        ("B$", UnknownFrame),
        ("B$2P01", UnknownFrame),
        ("b$2p0100obzwe5h7aa", UnknownFrame),
        ("B$QP0100OBZWE5H7AA", UnsupportedKind),
        ("B$2X0100OBZWE5H7AA", UnsupportedKind),
        ("B$2P0101OBZWE5H7AA", DamagedFrame),
        ("B$2P0000OBZWE5H7AA", DamagedFrame),
        ("B$2P0100", DamagedFrame),
        ("B$2P0100OBZWE5H7A", DamagedFrame),
        ("B$2P0100OBZWE5H7AB", DamagedFrame),
        ("B$2P0100OBZWE5H7A=", DamagedFrame),
        ("B$2P0100obzwe5h7aa", DamagedFrame),
        ("B$2P0100OBZWE5H71A", DamagedFrame),
        ("B$HP01007", DamagedFrame),
        ("B$HP010070 7", DamagedFrame),
        ("B$HP0100ff", DamagedFrame),
        ("B$2P0100ÄÖÜÄÖÜÄÖ", DamagedFrame),
    ],
)
def test_frames_that_are_none(frame: str, refusal: type[Exception]) -> None:
    """Headers and letters that no encoder writes are refused, each with its code."""
    with pytest.raises(refusal):
        join_frames([frame])


def test_packed_bomb_and_broken_packing() -> None:
    """Few letters that unpack to very much are stopped while they unpack; cut or trailing bytes are refused."""
    with pytest.raises(MessageTooLong):
        join_frames([packed_frame(bytes(MAX_MESSAGE_BYTES + 1))])
    assert len(join_frames([packed_frame(bytes(MAX_MESSAGE_BYTES))]).data) == MAX_MESSAGE_BYTES
    with pytest.raises(DamagedMessage, match="early or late"):
        join_frames([packed_frame(b"psbt" * 100, whole=False)])
    with pytest.raises(DamagedMessage, match="early or late"):
        join_frames(["B$ZP0100" + base64.b32encode(zlib.compress(b"psbt")[2:-4] + b"more").decode().rstrip("=")])
    with pytest.raises(DamagedMessage, match="does not unpack"):
        join_frames(["B$ZP0100" + base64.b32encode(b"\xff" * 20).decode().rstrip("=")])


def test_what_cannot_be_split() -> None:
    """Too many frames, frames without room, an unknown encoding, no bytes, too many bytes."""
    with pytest.raises(MessageTooLong):
        split_bbqr(Message(Kind.BYTES, NOISE), 11, "H")
    with pytest.raises(BadFrameSize):
        split_bbqr(Message(Kind.BYTES, NOISE), 15, "2")
    with pytest.raises(BadFrameSize):
        split_bbqr(Message(Kind.BYTES, NOISE), 400, "Q")
    with pytest.raises(EmptyMessage):
        Message(Kind.BYTES, b"")
    with pytest.raises(MessageTooLong):
        Message(Kind.BYTES, bytes(MAX_MESSAGE_BYTES + 1))

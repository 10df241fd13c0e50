"""Frames as pictures: a whole PSBT drawn, shown out of order and read back; damaged pictures and texts are refused."""

from __future__ import annotations

import base64
import re
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageSequence

from custody_drill import COLD, held_coins, make_sweep
from zakhira.adapters.qr.collect import MessageReader, join_frames, read_plain
from zakhira.adapters.qr.frames import Frames, Protocol, animation, frame_pictures, make_frames, write_frames
from zakhira.adapters.qr.message import Kind, Message
from zakhira.adapters.qr.reading import MAX_PIXELS, read_codes, read_message
from zakhira.adapters.qr.refusals import (
    BadFrameSize,
    MissingFrames,
    MixedFrames,
    NoCodeFound,
    NotAnImage,
    UnknownFrame,
    UnwritableFrames,
)
from zakhira.adapters.qr.symbol import frame_modules
from zakhira.kernel.errors import ZakhiraError
from zakhira.kernel.ids import seeded_rng

MESSAGE = Message(Kind.JSON, b'{"a":"' + base64.b64encode(seeded_rng(1, "frames").bytes(160)) + b'"}')


def pictures_of(data: bytes) -> list[bytes]:
    """Each frame of an animation as a picture of its own."""
    found = []
    for frame in ImageSequence.Iterator(Image.open(BytesIO(data))):
        out = BytesIO()
        frame.convert("L").save(out, format="PNG")
        found.append(out.getvalue())
    return found


def drawn(svg: str, scale: int = 4) -> bytes:
    """A frame's SVG as a PNG: the rectangles of its path, as any viewer fills them."""
    root = ET.fromstring(svg)  # noqa: S314  # our own drawing
    width, height = (int(float(part)) for part in root.attrib["viewBox"].split()[2:])
    picture = Image.new("L", (width, height), 255)
    path = next(element for element in root.iter() if element.tag.endswith("path"))
    for x, y, run in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\d+z", path.attrib["d"]):
        picture.paste(0, (int(x), int(y), int(x) + int(run), int(y) + 1))
    out = BytesIO()
    picture.resize((width * scale, height * scale), Image.Resampling.NEAREST).save(out, format="PNG")
    return out.getvalue()


@pytest.fixture(scope="module")
def psbt() -> bytes:
    """A real PSBT of about 20 kB: a sweep of many coins of a 3-of-5."""
    held = held_coins(COLD, tuple(1_000_000 + number for number in range(34)))
    return base64.b64decode(make_sweep(held).psbt)


@pytest.mark.parametrize(("protocol", "version"), [("bbqr", 20), ("ur", 27)])
def test_psbt_through_pictures(psbt: bytes, protocol: Protocol, version: int) -> None:
    """20 kB drawn as an animation; the frames are seen in a mixed order and some twice: the same bytes come back."""
    assert len(psbt) > 20_000
    frames = make_frames(Message(Kind.PSBT, psbt), protocol, "PSBT", version)
    assert len(frames.texts) > 5
    pictures = pictures_of(animation(frames, pixels_per_module=3))
    order = seeded_rng(1, protocol).permutation(len(pictures))
    shown = [pictures[index] for index in (*order[:2], *order)]
    if protocol == "ur":
        shown = shown[2 : len(shown) - len(shown) // 12]
    assert read_message(shown) == Message(Kind.PSBT, psbt)


@pytest.mark.parametrize("protocol", ["bbqr", "ur"])
def test_svg_frames_read_back(protocol: Protocol, tmp_path: Path) -> None:
    """The files that are written: one SVG a frame, in order, with title and description, and the animation."""
    frames = make_frames(MESSAGE, protocol, "request <1>", version=6)
    animated, *pictures = write_frames(frames, tmp_path / "out")
    texts = [picture.read_text(encoding="utf-8") for picture in pictures]
    assert len(texts) == len(frames.texts) > 1
    assert "<title" in texts[0]
    assert "QR code 1 of" in texts[0]
    assert "request &lt;1&gt;" in texts[0]
    assert "<desc" in texts[0]
    kind = Kind.JSON if protocol == "bbqr" else Kind.BYTES
    assert read_message(drawn(text) for text in reversed(texts)) == Message(kind, MESSAGE.data)
    assert read_message([animated.read_bytes()]).data == MESSAGE.data
    assert texts == list(frame_pictures(frames))


def test_all_codes_of_one_photograph() -> None:
    """Several codes in one picture, and a picture that is turned: all are read."""
    frames = make_frames(MESSAGE, "bbqr", "request", version=6)
    pictures = [Image.open(BytesIO(data)) for data in pictures_of(animation(frames, 4))]
    sheet = Image.new("L", (sum(picture.width for picture in pictures), pictures[0].height), 255)
    for number, picture in enumerate(pictures):
        sheet.paste(picture, (number * picture.width, 0))
    out = BytesIO()
    sheet.rotate(90, expand=True).convert("RGB").save(out, format="JPEG", quality=60)
    assert read_message([out.getvalue()]) == MESSAGE


def test_frames_of_two_messages_in_pictures() -> None:
    """A picture of another message among the first one's is refused; the first frames are not lost."""
    one, other = (
        make_frames(Message(Kind.TEXT, seeded_rng(size, "two").bytes(size)), "bbqr", "text", 4) for size in (198, 290)
    )
    reader = MessageReader()
    for text in one.texts[:-1]:
        reader.add(text)
    with pytest.raises(MixedFrames):
        reader.add(other.texts[0])
    reader.add(one.texts[-1])
    assert reader.message().data == seeded_rng(198, "two").bytes(198)


def test_pictures_that_are_none() -> None:
    """No picture, a broken one, a blank one and one with too many pixels."""
    whole = pictures_of(animation(make_frames(MESSAGE, "bbqr", "request", 6), 4))[0]
    for data in (b"", b"GIF89a", b"\x89PNG\r\n\x1a\n" + bytes(20), whole[: len(whole) // 2], b"%PDF-1.4", b"<svg/>"):
        with pytest.raises(NotAnImage):
            read_codes(data)
    blank, huge = BytesIO(), BytesIO()
    Image.new("L", (300, 300), 255).save(blank, format="PNG")
    with pytest.raises(NoCodeFound):
        read_codes(blank.getvalue())
    Image.new("1", (10_000, MAX_PIXELS // 10_000 + 1), 1).save(huge, format="PNG")
    with pytest.raises(NotAnImage, match="pixels"):
        read_codes(huge.getvalue())


def test_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "out").write_text("here", encoding="utf-8")
    with pytest.raises(UnwritableFrames):
        write_frames(make_frames(MESSAGE, "bbqr", "request", 10), tmp_path / "out")


def test_text_too_long_for_a_code() -> None:
    """No QR version holds it."""
    with pytest.raises(BadFrameSize):
        frame_modules(["A" * 4297])
    assert Frames("bbqr", "text", ("A" * 20,)).title(1) == "QR code 1 of 1: text"


def test_single_codes_without_protocol(psbt: bytes) -> None:
    """What devices show when it fits one code: a PSBT in base64 or hexadecimal, a transaction, JSON."""
    assert read_plain(base64.b64encode(psbt).decode()) == read_plain(psbt.hex()) == Message(Kind.PSBT, psbt)
    raw = "02000000" + "00" * 60
    assert join_frames([raw, raw]) == Message(Kind.TRANSACTION, bytes.fromhex(raw))
    assert join_frames(['{"a":1}']) == Message(Kind.JSON, b'{"a":1}')
    for text in ("", "hello", "{not json", "p1of3 cHNidP8=", "0200", "https://example.org", "[" * 5000):
        with pytest.raises(UnknownFrame):
            read_plain(text)
    with pytest.raises(MixedFrames):
        join_frames([raw, raw + "00"])
    with pytest.raises(MissingFrames):
        join_frames([])


FRAME_TEXTS = [
    text
    for protocol in ("bbqr", "ur")
    for text in make_frames(Message(Kind.PSBT, seeded_rng(2, "fuzz").bytes(300)), protocol, "fuzz", 6).texts
]


@settings(max_examples=300)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(FRAME_TEXTS),
            st.builds(
                lambda text, place, letter: text[: place % len(text)] + letter + text[place % len(text) + 1 :],
                st.sampled_from(FRAME_TEXTS),
                st.integers(0, 500),
                st.sampled_from(["", "A", "Z", "2", "0", "$", "/", "\u00e4", "AA"]),
            ),
            st.text(max_size=40),
        ),
        max_size=12,
    )
)
def test_fuzzed_texts(texts: list[str]) -> None:
    """Frames cut, changed, mixed and invented: a message whose every frame was whole, or an error with its code."""
    reader = MessageReader()
    for text in texts:
        try:
            reader.add(text)
        except ZakhiraError as error:
            assert error.code.startswith("ZK-QR-")  # noqa: PT017  # most texts are refused, and some are not
    try:
        reader.message()
    except ZakhiraError as error:
        assert error.code.startswith("ZK-QR-")  # noqa: PT017


PICTURE = pictures_of(animation(make_frames(MESSAGE, "bbqr", "request", 6), 3))[0]


@settings(max_examples=100)
@given(st.lists(st.tuples(st.integers(0, len(PICTURE) - 1), st.integers(0, 255)), max_size=6), st.integers(0, 400))
def test_fuzzed_pictures(changes: list[tuple[int, int]], cut: int) -> None:
    """A picture with changed and missing bytes is read or refused with a code, never anything else."""
    data = bytearray(PICTURE)
    for place, value in changes:
        data[place] = value
    try:
        read_message([bytes(data[: len(data) - cut])])
    except ZakhiraError as error:
        assert error.code.startswith("ZK-QR-")  # noqa: PT017  # some changes are harmless

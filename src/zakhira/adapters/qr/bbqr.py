"""BBQr: a message split over QR codes of equal size, each with an eight-letter header (Coinkite, BBQr.md).

Header: ``B$``, encoding (``H`` hexadecimal, ``2`` base 32, ``Z`` raw deflate with a 10-bit window and base 32), file
type, number of frames and number of this frame (from 0), both in two digits of base 36.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from dataclasses import dataclass

from zakhira.adapters.qr.message import MAX_MESSAGE_BYTES, Kind, Message, Progress
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

PREFIX = "B$"
HEADER_LETTERS = 8
MAX_FRAMES = 36**2 - 1
"""Two digits of base 36."""
WINDOW_BITS = 10
"""The window of ``Z`` is fixed, so that a small device can unpack it."""
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_HEADER = re.compile(r"B\$(?P<encoding>[0-9A-Z])(?P<type>[0-9A-Z])(?P<total>[0-9A-Z]{2})(?P<number>[0-9A-Z]{2})")
_TYPES = {
    "P": Kind.PSBT,
    "T": Kind.TRANSACTION,
    "J": Kind.JSON,
    "U": Kind.TEXT,
    "C": Kind.CBOR,
    "B": Kind.BYTES,
}
_LETTERS = {kind: letter for letter, kind in _TYPES.items()}
_WHOLE_LETTERS = {"H": 2, "2": 8, "Z": 8}
"""Letters that always stand for whole bytes, by encoding."""
ENCODINGS = tuple(_WHOLE_LETTERS)


def _base32(data: bytes) -> str:
    return base64.b32encode(data).decode().rstrip("=")


def _packed(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -WINDOW_BITS)
    return packer.compress(data) + packer.flush()


def _encode(data: bytes, encoding: str | None) -> tuple[str, str]:
    """The encoding that is used and the letters; the shortest unless one is asked for."""
    if encoding == "H":
        return "H", data.hex().upper()
    packed = _packed(data) if encoding != "2" else data
    if encoding == "Z" or len(packed) < len(data):
        return "Z", _base32(packed)
    return "2", _base32(data)


def _two_digits(number: int) -> str:
    return _DIGITS[number // 36] + _DIGITS[number % 36]


def split_bbqr(message: Message, frame_letters: int, encoding: str | None = None) -> tuple[str, ...]:
    """The message as frames of at most ``frame_letters`` letters (header included), all but the last of one length.

    ``encoding`` is ``H``, ``2`` or ``Z``; without it the shorter of ``Z`` and ``2`` is taken.

    Raises:
        MessageTooLong: more than 1,295 frames would be needed.
        BadFrameSize: a frame has no room for a whole group of letters, or the encoding is none of the three.
    """
    if encoding not in {None, *ENCODINGS}:
        raise BadFrameSize(f"BBQr has no encoding {encoding!r}.", f"Use one of {', '.join(ENCODINGS)}.")
    used, letters = _encode(message.data, encoding)
    group = _WHOLE_LETTERS[used]
    room = (frame_letters - HEADER_LETTERS) // group * group
    if room < group:
        raise BadFrameSize(f"A frame of {frame_letters} letters has no room for data.", "Use a larger QR version.")
    frames = -(-len(letters) // room)
    share = -(-len(letters) // (frames * group)) * group
    bodies = [letters[start : start + share] for start in range(0, len(letters), share)]
    if len(bodies) > MAX_FRAMES:
        raise MessageTooLong(f"{len(bodies)} frames are more than {MAX_FRAMES}.", "Use larger frames, or a file.")
    head = f"{PREFIX}{used}{_LETTERS[message.kind]}{_two_digits(len(bodies))}"
    return tuple(head + _two_digits(number) + body for number, body in enumerate(bodies))


@dataclass(frozen=True)
class _Header:
    encoding: str
    kind: Kind
    total: int
    number: int


def _parse_header(frame: str) -> _Header:
    match = _HEADER.match(frame)
    if match is None:
        raise UnknownFrame("The code does not carry BBQr's header.", "Show the codes of the message again.")
    if match["encoding"] not in _WHOLE_LETTERS:
        raise UnsupportedKind(f"BBQr's encoding {match['encoding']!r} is reserved.", "Use H, 2 or Z.")
    if match["type"] not in _TYPES:
        raise UnsupportedKind(
            f"BBQr's file type {match['type']!r} is not taken.", "Send a PSBT, a transaction, JSON or text."
        )
    total, number = int(match["total"], 36), int(match["number"], 36)
    if number >= total:
        raise DamagedFrame(f"A frame calls itself number {number + 1} of {total}.", "Show the codes again.")
    return _Header(match["encoding"], _TYPES[match["type"]], total, number)


def _decode_letters(letters: str, encoding: str) -> bytes:
    """The bytes of one frame; only the one spelling that an encoder writes is taken."""
    try:
        if encoding == "H":
            data = bytes.fromhex(letters)
            spelled = data.hex().upper()
        else:
            data = base64.b32decode(letters + "=" * (-len(letters) % 8))
            spelled = _base32(data)
    except (ValueError, binascii.Error):
        spelled, data = "", b""
    if not data or spelled != letters:
        raise DamagedFrame("A frame's letters do not decode to whole bytes.", "Show the codes again.")
    return data


def _unpacked(packed: bytes) -> bytes:
    """Raw deflate, unpacked to at most MAX_MESSAGE_BYTES and to its very end."""
    reader = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        data = reader.decompress(packed, MAX_MESSAGE_BYTES + 1)
    except zlib.error as error:
        raise DamagedMessage(f"The message does not unpack: {error}.", "Show the codes again.") from None
    if len(data) > MAX_MESSAGE_BYTES:
        raise MessageTooLong(f"The message unpacks to more than {MAX_MESSAGE_BYTES} bytes.", "Carry it as a file.")
    if not reader.eof or reader.unused_data:
        raise DamagedMessage("The packed message ends early or late.", "Show the codes again.")
    return data


class BbqrReader:
    """Takes frames in any order, repeated or not, until the message is whole.

    BBQr has no checksum: frames of two messages whose headers and lengths are alike cannot be told apart here. What
    reads the message (the PSBT's decoders, a canonical file) must find that out.
    """

    def __init__(self, frame: str) -> None:
        """Begin with any frame; raises what :meth:`add` raises."""
        header = _parse_header(frame)
        self._encoding, self._kind, self._total = header.encoding, header.kind, header.total
        self._parts: dict[int, bytes] = {}
        self.add(frame)

    def add(self, frame: str) -> Progress:
        """Take one more frame.

        Raises:
            UnknownFrame, UnsupportedKind, DamagedFrame: this one cannot be read; the others stay.
            MixedFrames: it is of another message than the frames before.
        """
        header = _parse_header(frame)
        remedy = "Start again and show the codes of one message."
        if (header.encoding, header.kind, header.total) != (self._encoding, self._kind, self._total):
            raise MixedFrames("A frame's header is of another message than the frames before.", remedy)
        part = _decode_letters(frame[HEADER_LETTERS:], header.encoding)
        if self._parts.get(header.number, part) != part:
            raise MixedFrames(f"Frame {header.number + 1} was seen before with other content.", remedy)
        self._require_equal_lengths(header.number, len(part), remedy)
        self._parts[header.number] = part
        return self.progress

    def _require_equal_lengths(self, number: int, length: int, remedy: str) -> None:
        last = self._total - 1
        others = {len(part) for place, part in self._parts.items() if place not in {last, number}}
        tail = length if number == last else len(self._parts.get(last, b""))
        full = others if number == last else {*others, length}
        if len(full) > 1 or (full and tail > next(iter(full))):
            raise MixedFrames("A frame has another length than the frames before.", remedy)

    @property
    def progress(self) -> Progress:
        """What has been seen and what is missing."""
        missing = tuple(number + 1 for number in range(self._total) if number not in self._parts)
        return Progress(len(self._parts), self._total, missing, not missing)

    def message(self) -> Message:
        """The whole message.

        Raises:
            MissingFrames: some have not been seen.
            DamagedMessage, MessageTooLong: the frames do not make a message.
        """
        missing = self.progress.missing
        if missing:
            shown = ", ".join(map(str, missing[:8])) + (" and more" if len(missing) > 8 else "")  # noqa: PLR2004
            raise MissingFrames(f"Of {self._total} frames these are missing: {shown}.", "Show the codes again.")
        data = b"".join(self._parts[number] for number in range(self._total))
        return Message(self._kind, _unpacked(data) if self._encoding == "Z" else data)

"""Uniform Resources: ``ur:type/message`` and ``ur:type/number-of/part`` (BCR-2020-005, types of BCR-2020-006)."""

from __future__ import annotations

import re

from zakhira.adapters.qr.bytewords import CHECKSUM_BYTES, decode_bytewords, encode_bytewords
from zakhira.adapters.qr.fountain import MAX_FRAGMENTS, FountainReader, Part, fragment_length, make_part
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

TYPES = {"crypto-psbt": Kind.PSBT, "psbt": Kind.PSBT, "bytes": Kind.BYTES}
"""``crypto-psbt`` is the first name (tag 310), which most devices read; ``psbt`` is its successor (tag 40310)."""
WRITTEN_TYPES = {Kind.PSBT: "crypto-psbt"}
"""Everything else is written as ``bytes``, which says nothing of its kind."""
LEAST_FRAGMENT_BYTES = 10
MAX_PART_NUMBER = 2**32 - 1
_FRAME = re.compile(
    r"ur:(?P<type>[a-z0-9-]{1,64})/(?:(?P<number>[1-9]\d{0,9})-(?P<total>[1-9]\d{0,9})/)?(?P<body>[a-z]+)"
)
_BYTE_STRING, _ARRAY, _UNSIGNED = 2, 4, 0
_PART_FIELDS = 5
_INLINE, _ONE_BYTE, _FOUR_BYTES = 24, 24, 26


def _head(major: int, value: int) -> bytes:
    """CBOR's shortest head of a major type (RFC 8949, 4.2.1); values of UR parts fit 32 bits."""
    if value < _INLINE:
        return bytes([major << 5 | value])
    for code, size in ((24, 1), (25, 2), (26, 4)):
        if value < 1 << 8 * size:
            return bytes([major << 5 | code]) + value.to_bytes(size, "big")
    raise MessageTooLong(f"{value} does not fit a part of a UR.", "Carry the message as a file.")


def _take(data: bytes, place: int, major: int) -> tuple[int, int]:
    """The value of a head and the place behind it; only the shortest spelling is taken."""
    if place >= len(data) or data[place] >> 5 != major:
        raise DamagedFrame("A frame holds other data than a UR's.", "Show the codes again.")
    code = data[place] & 31
    if code < _INLINE:
        return code, place + 1
    size = 1 << (code - _ONE_BYTE) if code <= _FOUR_BYTES else 0
    end = place + 1 + size
    value = int.from_bytes(data[place + 1 : end], "big")
    if size == 0 or end > len(data) or _head(major, value) != data[place:end]:
        raise DamagedFrame("A frame holds a length that is not written as it should be.", "Show the codes again.")
    return value, end


def _encode_part(part: Part) -> bytes:
    numbers = (part.number, part.fragments, part.message_bytes, part.checksum)
    return (
        _head(_ARRAY, _PART_FIELDS)
        + b"".join(_head(_UNSIGNED, number) for number in numbers)
        + _head(_BYTE_STRING, len(part.data))
        + part.data
    )


def _decode_part(data: bytes) -> Part:
    fields, place = _take(data, 0, _ARRAY)
    number, place = _take(data, place, _UNSIGNED)
    fragments, place = _take(data, place, _UNSIGNED)
    message_bytes, place = _take(data, place, _UNSIGNED)
    checksum, place = _take(data, place, _UNSIGNED)
    length, place = _take(data, place, _BYTE_STRING)
    part = Part(number, fragments, message_bytes, checksum, data[place:])
    if fields != _PART_FIELDS or length != len(part.data) or length == 0:
        raise DamagedFrame("A frame is cut short.", "Show the codes again.")
    if part.fragments > MAX_FRAGMENTS or part.message_bytes > MAX_MESSAGE_BYTES + CHECKSUM_BYTES + 1:
        raise MessageTooLong(
            f"The message has {part.message_bytes} bytes in {part.fragments} fragments.", "Carry it as a file."
        )
    if not 0 < part.message_bytes <= part.fragments * length < part.message_bytes + length:
        raise DamagedFrame("A frame's lengths do not fit one another.", "Show the codes again.")
    return part


def _body_bytes(frame_letters: int, type_name: str) -> int:
    """The bytes of fragment that a frame of so many letters can hold, with the longest head a part can have."""
    head = len(f"ur:{type_name}/{MAX_PART_NUMBER}-{MAX_FRAGMENTS}/")
    cbor_head = 1 + 5 + 3 + 5 + 5 + 5
    return (frame_letters - head) // 2 - CHECKSUM_BYTES - cbor_head


def split_ur(message: Message, frame_letters: int, extra_share: float = 0.5) -> tuple[str, ...]:
    """The message as one UR, or as parts of at most ``frame_letters`` letters, in capitals as QR codes want them.

    After the plain parts come ``extra_share`` times as many mixed ones: a reader that missed a frame need not wait for
    it to come round again.

    Raises:
        MessageTooLong: more than 4,096 fragments would be needed.
        BadFrameSize: a frame has no room for data.
    """
    type_name = WRITTEN_TYPES.get(message.kind, "bytes")
    cbor = _head(_BYTE_STRING, len(message.data)) + message.data
    single = f"ur:{type_name}/{encode_bytewords(cbor)}"
    if len(single) <= frame_letters:
        return (single.upper(),)
    room = _body_bytes(frame_letters, type_name)
    if room < LEAST_FRAGMENT_BYTES:
        raise BadFrameSize(f"A frame of {frame_letters} letters has no room for data.", "Use a larger QR version.")
    length = fragment_length(len(cbor), room)
    fragments = -(-len(cbor) // length)
    if fragments > MAX_FRAGMENTS:
        raise MessageTooLong(f"{fragments} fragments are more than {MAX_FRAGMENTS}.", "Use larger frames, or a file.")
    count = fragments + int(fragments * extra_share)
    return tuple(ur_part(cbor, length, type_name, number).upper() for number in range(1, count + 1))


def ur_part(cbor: bytes, length: int, type_name: str, number: int) -> str:
    """Part ``number`` (from 1, without end) of a multi-part UR over these CBOR bytes, in lower case."""
    part = make_part(cbor, length, number)
    return f"ur:{type_name}/{number}-{part.fragments}/{encode_bytewords(_encode_part(part))}"


def _unwrapped(type_name: str, cbor: bytes) -> Message:
    length, place = _take(cbor, 0, _BYTE_STRING)
    data = cbor[place:]
    if length != len(data):
        raise DamagedMessage("The message is not the one byte string that it should be.", "Show the codes again.")
    return Message(TYPES[type_name], data)


class UrReader:
    """Takes the parts of one UR in any order, repeated or not, until they determine the message."""

    def __init__(self, frame: str) -> None:
        """Begin with any frame; raises what :meth:`add` raises."""
        self._type = ""
        self._whole: bytes | None = None
        self._fountain: FountainReader | None = None
        self.add(frame)

    def add(self, frame: str) -> Progress:
        """Take one more frame.

        Raises:
            UnknownFrame, UnsupportedKind, DamagedFrame, MessageTooLong: this one cannot be read; the others stay.
            MixedFrames: it is of another message than the frames before.
            DamagedMessage: it contradicts them.
        """
        match = _FRAME.fullmatch(frame.lower() if frame.isupper() else frame)
        if match is None:
            raise UnknownFrame("The code carries no UR.", "Show the codes of the message again.")
        if match["type"] not in TYPES:
            raise UnsupportedKind(f"A UR of type {match['type']!r} is not taken.", f"Send one of {', '.join(TYPES)}.")
        body = decode_bytewords(match["body"])
        part = _decode_part(body) if match["number"] else None
        if part is not None and (part.number, part.fragments) != (int(match["number"]), int(match["total"])):
            raise DamagedFrame("A frame's address and its content differ.", "Show the codes again.")
        self._require_same(match["type"], part, body)
        self._type = match["type"]
        if part is None:
            self._whole = body
        elif self._fountain is None:
            self._fountain = FountainReader(part)
        else:
            self._fountain.add(part)
        return self.progress

    def _require_same(self, type_name: str, part: Part | None, body: bytes) -> None:
        if not self._type:
            return
        same = type_name == self._type
        if part is None:
            same = same and self._whole == body
        else:
            same = same and self._fountain is not None and self._fountain.frame == part.frame
        if not same:
            raise MixedFrames(
                "A frame is of another message than the frames before.", "Start again and show one message."
            )

    @property
    def progress(self) -> Progress:
        """How many independent parts have been seen."""
        if self._fountain is None:
            return Progress(1, 1, (), is_complete=True)
        needed = self._fountain.frame[0]
        return Progress(self._fountain.known, needed, (), self._fountain.known == needed)

    def message(self) -> Message:
        """The whole message.

        Raises:
            MissingFrames: more parts are needed.
            DamagedMessage: the parts do not make a message.
        """
        progress = self.progress
        if not progress.is_complete:
            raise MissingFrames(
                f"{progress.seen} of {progress.needed} parts have been seen.", "Go on showing the codes."
            )
        if self._fountain is not None:
            return _unwrapped(self._type, self._fountain.message())
        assert self._whole is not None, "a complete UR without parts is a single one"
        return _unwrapped(self._type, self._whole)

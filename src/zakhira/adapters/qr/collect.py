"""Texts of QR codes put together: the protocol is found from the first one, and one message is read at a time."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable

from zakhira.adapters.qr.bbqr import PREFIX, BbqrReader
from zakhira.adapters.qr.message import Kind, Message, Progress
from zakhira.adapters.qr.refusals import MissingFrames, MixedFrames, UnknownFrame
from zakhira.adapters.qr.ur import UrReader

PSBT_MAGIC = b"psbt\xff"
"""BIP-174."""
_LEAST_TRANSACTION_BYTES = 60
"""One input and one output without a witness (BIP-144)."""


def _as_hex(text: str) -> bytes | None:
    try:
        return bytes.fromhex(text) if text.isalnum() else None
    except ValueError:
        return None


def _as_base64(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def read_plain(text: str) -> Message:
    """A single code without a protocol: a PSBT in base64 or hexadecimal, a transaction in hexadecimal, or JSON.

    Raises:
        UnknownFrame: it is none of these.
    """
    text = text.strip()
    for data in (_as_hex(text), _as_base64(text)):
        if data is not None and data.startswith(PSBT_MAGIC):
            return Message(Kind.PSBT, data)
    raw = _as_hex(text)
    if raw is not None and len(raw) >= _LEAST_TRANSACTION_BYTES and raw[:4] in {b"\1\0\0\0", b"\2\0\0\0"}:
        return Message(Kind.TRANSACTION, raw)
    if text.startswith("{"):
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            pass
        else:
            return Message(Kind.JSON, text.encode())
    raise UnknownFrame(
        f"The code's text ({text[:24]!r}) is no frame of BBQr or UR, no PSBT, no transaction and no JSON.",
        "Show the codes that carry the message.",
    )


class _PlainReader:
    """A message in one code."""

    def __init__(self, text: str) -> None:
        self._text, self._message = text, read_plain(text)

    def add(self, text: str) -> Progress:
        """Take the same code again; raises MixedFrames for another."""
        if text != self._text:
            raise MixedFrames("A second code without a protocol was shown.", "Show one message.")
        return self.progress

    @property
    def progress(self) -> Progress:
        """One of one."""
        return Progress(1, 1, (), is_complete=True)

    def message(self) -> Message:
        """The message."""
        return self._message


class MessageReader:
    """Takes the texts of codes as they are seen, in any order, until one message is whole."""

    def __init__(self) -> None:
        self._reader: BbqrReader | UrReader | _PlainReader | None = None

    def add(self, text: str) -> Progress:
        """Take the text of one code.

        Raises:
            UnknownFrame, UnsupportedKind, DamagedFrame, MixedFrames, DamagedMessage, MessageTooLong: as their names
                say; what was read before stays.
        """
        if self._reader is not None:
            return self._reader.add(text)
        if text.startswith(PREFIX):
            self._reader = BbqrReader(text)
        elif text[:3].lower() == "ur:":
            self._reader = UrReader(text)
        else:
            self._reader = _PlainReader(text)
        return self._reader.progress

    @property
    def progress(self) -> Progress:
        """How far the message has come."""
        return self._reader.progress if self._reader else Progress(0, 0, (), is_complete=False)

    def message(self) -> Message:
        """The whole message; raises MissingFrames, DamagedMessage or MessageTooLong."""
        if self._reader is None:
            raise MissingFrames("No code has been read yet.", "Show the codes of the message.")
        return self._reader.message()


def join_frames(texts: Iterable[str]) -> Message:
    """The message of these texts, in any order; raises what :class:`MessageReader` raises."""
    reader = MessageReader()
    for text in texts:
        reader.add(text)
    return reader.message()

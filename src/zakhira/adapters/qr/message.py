"""What travels in QR codes: a kind and its bytes, with the limits that keep a reader's memory bounded."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from zakhira.adapters.qr.refusals import EmptyMessage, MessageTooLong

MAX_MESSAGE_BYTES = 4_000_000
"""BBQr's own ceiling is 3,470,600 bytes before compression; what unpacks to more is refused while it unpacks."""


class Kind(Enum):
    """What a message is, as its protocol says; the content is checked by whoever uses it."""

    PSBT = "psbt"
    TRANSACTION = "transaction"
    JSON = "json"
    TEXT = "text"
    CBOR = "cbor"
    BYTES = "bytes"


@dataclass(frozen=True)
class Message:
    """A kind and its bytes.

    Raises:
        EmptyMessage, MessageTooLong: as their names say.
    """

    kind: Kind
    data: bytes

    def __post_init__(self) -> None:
        if not self.data:
            raise EmptyMessage("The message has no bytes.", "Give the file that was meant.")
        if len(self.data) > MAX_MESSAGE_BYTES:
            raise MessageTooLong(
                f"The message has {len(self.data)} bytes, above {MAX_MESSAGE_BYTES}.", "Carry it as a file."
            )


@dataclass(frozen=True)
class Progress:
    """How far the reading of a message has come: frames needed, and distinct ones that helped so far."""

    seen: int
    needed: int
    missing: tuple[int, ...]
    """Frames (counted from 1) that are still needed; empty for UR, where any further frame helps."""
    is_complete: bool

"""Why QR codes cannot be drawn or read: one class per cause, each with its code."""

from __future__ import annotations

from zakhira.kernel.errors import InvalidInput, OutsideFailure


class MessageTooLong(InvalidInput):
    """A message has more bytes, or needs more frames, than its protocol or this program allows."""

    code = "ZK-QR-001"


class EmptyMessage(InvalidInput):
    """A message without a byte."""

    code = "ZK-QR-002"


class UnknownFrame(InvalidInput):
    """A text is no frame of BBQr or UR and no message that a single code may carry."""

    code = "ZK-QR-003"


class DamagedFrame(InvalidInput):
    """A frame's header is right and its body is not: letters, length or checksum are wrong."""

    code = "ZK-QR-004"


class MixedFrames(InvalidInput):
    """Frames of two different messages were shown together."""

    code = "ZK-QR-005"


class MissingFrames(InvalidInput):
    """Not every part of the message has been seen yet."""

    code = "ZK-QR-006"


class DamagedMessage(InvalidInput):
    """All frames are there, but the message that they make is not whole."""

    code = "ZK-QR-007"


class UnsupportedKind(InvalidInput):
    """A message of a kind that this program does not take: an executable, a seed, a reserved letter."""

    code = "ZK-QR-008"


class NotAnImage(InvalidInput):
    """Bytes that are no picture in a form that can be read, or one that is too large."""

    code = "ZK-QR-009"


class NoCodeFound(InvalidInput):
    """A picture in which no QR code can be read."""

    code = "ZK-QR-010"


class UnwritableFrames(OutsideFailure):
    """The folder for the frames cannot be written."""

    code = "ZK-QR-011"


class BadFrameSize(InvalidInput):
    """A QR version outside 1 to 40, or one too small for a frame's header."""

    code = "ZK-QR-012"

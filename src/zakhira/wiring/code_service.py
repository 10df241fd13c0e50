"""Files as QR codes and back, for machines that are not connected."""

from __future__ import annotations

from pathlib import Path

from zakhira.adapters.qr.collect import PSBT_MAGIC
from zakhira.adapters.qr.frames import Protocol, make_frames, write_frames
from zakhira.adapters.qr.message import MAX_MESSAGE_BYTES, Kind, Message
from zakhira.cli.answer import Answer, Table
from zakhira.custody.psbt_version import psbt_bytes
from zakhira.kernel.canonical import Json
from zakhira.wiring.signer_files import read_limited, read_pictures, write_new


def message_of(data: bytes) -> Message:
    """A file as a message: a PSBT in any form as its bytes, JSON and text as they are.

    Raises:
        EmptyMessage, MessageTooLong, and what ``psbt_bytes`` raises of a broken PSBT.
    """
    head = data.lstrip()[:16]
    if data.startswith(PSBT_MAGIC) or head.startswith(b"cHNidP") or head.lower().startswith(PSBT_MAGIC.hex().encode()):
        return Message(Kind.PSBT, psbt_bytes(data)[0])
    if head.startswith(b"{"):
        return Message(Kind.JSON, data)
    try:
        data.decode()
    except UnicodeDecodeError:
        return Message(Kind.BYTES, data)
    return Message(Kind.TEXT, data)


class CodeDesk:
    """Implements ``cli.signer_services.CodeServices``."""

    def write(self, file: Path, folder: Path, protocol: str, version: int) -> Answer:
        """Write a file as frames and one animation; raises FileUnreadable, UnwritableFrames and others of QR codes."""
        message = message_of(read_limited(file, 2 * MAX_MESSAGE_BYTES))
        named: Protocol = "ur" if protocol == "ur" else "bbqr"
        frames = make_frames(message, named, f"{message.kind.value} of {file.name}", version)
        paths = write_frames(frames, folder)
        facts: dict[str, Json] = {
            "animation": str(paths[0]),
            "frames": [str(path) for path in paths[1:]],
            "kind": message.kind.value,
            "bytes": len(message.data),
        }
        rows = (("animation", str(paths[0])), ("first frame", str(paths[1])), ("frames", str(len(paths) - 1)))
        sentence = f"{len(message.data)} bytes of {message.kind.value} are in {len(paths) - 1} codes."
        return Answer(
            (Table("Written", ("", ""), rows, (), ("Show the animation to the device's camera.",)),), facts, sentence
        )

    def read(self, pictures: tuple[Path, ...], out: Path) -> Answer:
        """Read the one message that pictures carry; raises NoCodeFound, MixedFrames and others of QR codes."""
        message = read_pictures(pictures)
        write_new(out, message.data)
        facts = {"file": str(out), "kind": message.kind.value, "bytes": len(message.data)}
        return Answer((), facts, f"{len(message.data)} bytes of {message.kind.value} are in {out}.")

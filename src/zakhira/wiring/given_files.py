"""Files that a person names for the desk: a PSBT or a key as bytes or as pictures of codes, and where results go."""

from __future__ import annotations

import base64
from pathlib import Path

from zakhira.adapters.qr.message import MAX_MESSAGE_BYTES, Kind
from zakhira.adapters.qr.reading import read_codes
from zakhira.custody.psbt_version import receive_psbt
from zakhira.kernel.errors import InvalidInput
from zakhira.wiring.signer_files import OutputExists, is_picture, read_limited, read_pictures

MAX_TEXT_BYTES = 4 * 1024 * 1024
"""Registers, papers of vaults and labels are far smaller."""


class NotAPsbt(InvalidInput):
    """A picture's codes carry something else than a PSBT."""

    code = "ZK-WIRING-027"


def destination(out: Path, name: str) -> Path:
    """Where a file goes: into ``out`` under its suggested name if that is a folder, else to ``out`` itself."""
    return out / name if out.is_dir() else out


def require_free(path: Path, data: bytes) -> None:
    """Nothing, if the file may be written: it is not there, or says this already; raises OutputExists."""
    if path.is_dir() or (path.exists() and read_limited(path, max(len(data), MAX_TEXT_BYTES)) != data):
        raise OutputExists(f"{path} exists and holds something else.", "Choose another name.")


def read_psbt(path: Path) -> str:
    """The PSBT (version 0, base64) of a file in any form, or of pictures of its codes.

    Raises:
        NotAPsbt: the codes carry something else.
        FileUnreadable, NoCodeFound, and what ``receive_psbt`` raises.
    """
    if path.is_dir() or is_picture(path):
        message = read_pictures((path,))
        if message.kind is not Kind.PSBT:
            raise NotAPsbt(f"The codes of {path} carry a {message.kind.value}.", "Give the codes of the PSBT.")
        data = message.data
    else:
        data = read_limited(path, 2 * MAX_MESSAGE_BYTES)
    return base64.b64encode(receive_psbt(data).raw_v0).decode()


def read_text(path: Path) -> bytes:
    """The bytes of a text file, or the texts of the codes in a picture, a line each; raises as ``read_psbt``."""
    data = read_limited(path, 16 * MAX_TEXT_BYTES if is_picture(path) else MAX_TEXT_BYTES)
    return "\n".join(read_codes(data)).encode() if is_picture(path) else data

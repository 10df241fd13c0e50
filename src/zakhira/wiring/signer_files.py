"""Files of a signer's machine: read with a limit, told apart by their first bytes, and never written over."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from zakhira.adapters.qr.collect import MessageReader
from zakhira.adapters.qr.message import Kind, Message
from zakhira.adapters.qr.reading import MAX_IMAGE_BYTES, read_codes
from zakhira.adapters.qr.refusals import NoCodeFound
from zakhira.custody.psbt_maps import MAGIC
from zakhira.flows.spend_file import MAX_SPEND_FILE_BYTES, NotASpendFile, SpendFile, spend_file_of
from zakhira.kernel.errors import InvalidInput, OutsideFailure

_PICTURE_HEADS = (b"\x89PNG", b"GIF8", b"\xff\xd8\xff", b"RIFF", b"BM")
"""The first bytes of PNG, GIF, JPEG, WEBP and BMP."""
PICTURE_ENDINGS = frozenset({".png", ".gif", ".jpg", ".jpeg", ".webp", ".bmp"})
MAX_PICTURES = 10_000


class FileUnreadable(InvalidInput):
    """A file that was named is not there, is no file, cannot be read, or is larger than anything of its kind."""

    code = "ZK-WIRING-040"


class OutputExists(InvalidInput):
    """A file of that name is there and holds something else; nothing is written over."""

    code = "ZK-WIRING-041"


class OutputUnwritable(OutsideFailure):
    """A file cannot be written."""

    code = "ZK-WIRING-042"


def read_limited(path: Path, limit: int) -> bytes:
    """The bytes of a file; its size is asked for before its bytes.

    Raises:
        FileUnreadable: it cannot be read, or has more than ``limit`` bytes.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            data = b"" if size > limit else file.read(limit + 1)
    except (OSError, ValueError) as error:  # a path with a zero byte is a ValueError
        what = error.strerror if isinstance(error, OSError) else "no path"
        raise FileUnreadable(f"{path} cannot be read: {what}.", "Check its name.") from None
    if max(size, len(data)) > limit:
        raise FileUnreadable(f"{path} has more than {limit} bytes.", "Give the file that was meant.")
    return data


def write_new(path: Path, data: bytes) -> None:
    """Write a file whole or not at all; the same content again is no change.

    Raises:
        OutputExists, OutputUnwritable: as their names say.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    try:
        if path.exists():
            if path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data:
                return
            raise OutputExists(f"{path} exists and holds something else.", "Choose another name.")
        try:
            with draft.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.link(draft, path)
        finally:
            draft.unlink(missing_ok=True)
    except FileExistsError:
        raise OutputExists(f"{path} exists and holds something else.", "Choose another name.") from None
    except OSError as error:
        raise OutputUnwritable(f"{path} cannot be written: {error.strerror}.", "Check folder and disk.") from None


def is_picture(path: Path) -> bool:
    """Whether a file begins as a picture does; a file that cannot be read is none."""
    try:
        with path.open("rb") as file:
            return file.read(4).startswith(_PICTURE_HEADS)
    except (OSError, ValueError):
        return False


def _picture_paths(paths: Iterable[Path]) -> Iterator[Path]:
    """Files as they are named, and the pictures of folders in the order of their names."""
    for path in paths:
        if path.is_dir():
            yield from sorted(item for item in path.iterdir() if item.suffix.lower() in PICTURE_ENDINGS)
        else:
            yield path


def read_pictures(paths: Iterable[Path]) -> Message:
    """The one message that pictures, or folders of them, carry in any order; blurred ones among them do no harm.

    Raises:
        NoCodeFound: no picture has a code that can be read.
        FileUnreadable, and the refusals of ``read_codes`` and of ``MessageReader``.
    """
    reader, found = MessageReader(), 0
    for number, path in enumerate(_picture_paths(paths)):
        if number >= MAX_PICTURES:
            raise FileUnreadable(f"There are more than {MAX_PICTURES} pictures.", "Give those of one message.")
        try:
            texts = read_codes(read_limited(path, MAX_IMAGE_BYTES))
        except NoCodeFound:
            continue
        found += len(texts)
        for text in texts:
            reader.add(text)
    if not found:
        raise NoCodeFound("No QR code can be read in any picture.", "Take them again: sharp, straight and whole.")
    return reader.message()


def read_spend(paths: tuple[Path, ...]) -> SpendFile:
    """The spend of a file, of pictures of its QR codes, or of a folder of them.

    Raises:
        NotASpendFile and the others of ``spend_file_of``; what :func:`read_pictures` raises.
    """
    if len(paths) == 1 and not paths[0].is_dir() and not is_picture(paths[0]):
        data = read_limited(paths[0], MAX_SPEND_FILE_BYTES)
    else:
        message = read_pictures(paths)
        data = message.data
        if message.kind in {Kind.PSBT, Kind.TRANSACTION}:
            raise NotASpendFile(f"The codes carry a bare {message.kind.value}.", "Ask for the codes of the spend file.")
    if data.startswith((MAGIC, b"cHNidP")):
        raise NotASpendFile(
            "This is a bare PSBT: nothing in it says who approved it.", "Ask for the spend file that goes with it."
        )
    return spend_file_of(data.removesuffix(b"\n"))

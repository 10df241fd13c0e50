"""A pack as a folder of files: written whole or not at all, read without following links."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path

from zakhira.kernel.errors import InvalidInput, OutsideFailure

MAX_FILE_BYTES = 64 * 1024 * 1024
"""A pack's largest file lists the ledger's entries: about 200 bytes each. What is larger was not made by Zakhira."""
MAX_FILES = 32
"""A pack has six files; a folder with many more is something else."""


class PackExists(InvalidInput):
    """The folder is there already; a published pack is never written over."""

    code = "ZK-PACK-001"


class PackUnreadable(InvalidInput):
    """The folder or a file of it cannot be read."""

    code = "ZK-PACK-002"


class PackNotPlain(InvalidInput):
    """Something in the folder is no plain file: a link, a folder, a device."""

    code = "ZK-PACK-003"


class PackTooLarge(InvalidInput):
    """A file is larger than a pack's file can be, or there are too many files."""

    code = "ZK-PACK-004"


class PackUnwritable(OutsideFailure):
    """The folder cannot be written: no right, no space."""

    code = "ZK-PACK-005"


def _write_file(path: Path, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_pack(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write a pack into a new folder: it appears with all its files or not at all.

    A folder that holds exactly these bytes already is left as it is, so that a run that was interrupted can repeat it.

    Raises:
        PackExists: the folder is there with something else in it.
        PackUnwritable: the disk or its rights do not allow it; nothing half-written is left.
    """
    if folder.exists():
        if read_pack(folder) == dict(files):
            return
        raise PackExists(f"{folder} is there with other files.", "Choose another folder; a pack is never written over.")
    draft = folder.with_name(f".{folder.name}.draft")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        for name, data in files.items():
            _write_file(draft / name, data)
        _sync_folder(draft)
        draft.rename(folder)
        _sync_folder(folder.parent)
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        raise PackUnwritable(f"{folder} cannot be written: {error.strerror}.", "Check space and rights.") from None


def _read_file(path: Path) -> bytes:
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(handle, "rb") as file:
        state = os.fstat(file.fileno())
        if not stat.S_ISREG(state.st_mode):
            raise PackNotPlain(f"{path} is not a plain file.", "Fetch the pack again.")
        data = file.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise PackTooLarge(f"{path} has more than {MAX_FILE_BYTES} bytes.", "Fetch the pack again.")
    return data


def read_pack(folder: Path) -> dict[str, bytes]:
    """Every file of the folder; what they say is not looked at.

    Raises:
        PackUnreadable, PackNotPlain, PackTooLarge: as their names say.
    """
    try:
        paths = sorted(folder.iterdir())
        if len(paths) > MAX_FILES:
            raise PackTooLarge(f"{folder} holds {len(paths)} files; a pack has six.", "Give the pack's own folder.")
        strange = [path for path in paths if not stat.S_ISREG(path.lstat().st_mode)]
        if strange:
            raise PackNotPlain(f"{strange[0]} is not a plain file.", "Fetch the pack again.")
        return {path.name: _read_file(path) for path in paths}
    except OSError as error:
        raise PackUnreadable(f"{folder} cannot be read: {error.strerror}.", "Check the path.") from None

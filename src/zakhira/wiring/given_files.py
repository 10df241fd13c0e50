"""Files that a person names: read whole up to a size, and written whole or not at all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from zakhira.kernel.errors import InvalidInput, OutsideFailure

MAX_FILE_BYTES = 64 * 1024 * 1024
"""Nothing of custody that is read whole is larger; a picture of a QR code has a few megabytes."""


class GivenFileMissing(InvalidInput):
    """A file that was named is not there, is a folder, or is too large."""

    code = "ZK-WIRING-027"


class GivenFileUnusable(OutsideFailure):
    """The operating system refuses to read or write a file that was named."""

    code = "ZK-WIRING-028"


class WouldOverwrite(InvalidInput):
    """A file that shall be written is there already and says something else."""

    code = "ZK-WIRING-029"


def read_given(path: Path, limit_bytes: int = MAX_FILE_BYTES) -> bytes:
    """The bytes of a file.

    Raises:
        GivenFileMissing, GivenFileUnusable: as their names say.
    """
    try:
        with path.open("rb") as file:
            data = file.read(limit_bytes + 1)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise GivenFileMissing(f"{path} cannot be read: {error.strerror}.", "Name a file that is there.") from None
    except OSError as error:
        raise GivenFileUnusable(f"{path} cannot be read: {error.strerror}.", "Look at its rights.") from None
    if len(data) > limit_bytes:
        raise GivenFileMissing(f"{path} has more than {limit_bytes} bytes.", "Name the right file.")
    return data


def destination(out: Path, name: str) -> Path:
    """Where a file goes: into ``out`` under its suggested name if that is a folder, else to ``out`` itself."""
    return out / name if out.is_dir() else out


def require_free(path: Path, data: bytes) -> None:
    """Nothing, if the file may be written: it is not there, or says this already; raises WouldOverwrite."""
    if path.is_dir():
        raise WouldOverwrite(f"{path} is a folder.", "Name a file.")
    if path.exists() and read_given(path) != data:
        raise WouldOverwrite(f"{path} is there already.", "Name a new file, or move the old one away.")


def write_given(path: Path, data: bytes) -> None:
    """Write a new file whole or not at all.

    Raises:
        WouldOverwrite: it is there already and says something else.
        GivenFileUnusable: it cannot be written.
    """
    require_free(path, data)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with draft.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise GivenFileUnusable(f"{path} cannot be written: {error.strerror}.", "Name another place.") from None

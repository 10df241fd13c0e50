"""The folder of a run: what lies where, one run at a time, and the files that are written whole or not at all."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from zakhira.kernel.errors import InvalidInput, OutsideFailure


class FolderInUse(OutsideFailure):
    """Another process runs in the folder."""

    code = "ZK-WIRING-001"


class FolderFull(OutsideFailure):
    """The disk of the run's folder is full, whatever it was that failed for it."""

    code = "ZK-WIRING-007"


class NotARunFolder(InvalidInput):
    """The folder is not one of a run, or holds other things."""

    code = "ZK-WIRING-002"


@dataclass(frozen=True)
class RunFolder:
    """Paths of a run under ``--out``."""

    root: Path

    @property
    def node(self) -> Path:
        """The private node's data."""
        return self.root / "node"

    @property
    def database(self) -> Path:
        """The embedded database's data."""
        return self.root / "database"

    @property
    def keys(self) -> Path:
        """The drill's encrypted key files."""
        return self.root / "keys"

    @property
    def pack(self) -> Path:
        """The published pack."""
        return self.root / "pack"

    @property
    def report(self) -> Path:
        """The report."""
        return self.root / "report.html"

    @property
    def outcome(self) -> Path:
        """The facts of the finished run as JSON."""
        return self.root / "outcome.json"


MAX_PATH_BYTES = 400
"""SQLite opens the node's wallets by paths of at most 512 bytes; their own names below ``--out`` take some of that."""
LEAST_FREE_BYTES = 50 * 1024 * 1024
"""Below this bitcoind ends itself (Bitcoin Core, node/blockstorage), and whatever else fails has the same cause."""
KNOWN_NAMES = {"node", "database", "database-keys", "keys", "pack", "report.html", "outcome.json", "run.lock"}


@contextmanager
def open_run_folder(root: Path) -> Iterator[RunFolder]:
    """Make the folder if needed and keep other runs out of it.

    Raises:
        NotARunFolder: it holds files that no run makes.
        FolderInUse: another process has it.
        FolderFull: something outside failed in it, and its disk is full.
    """
    folder = RunFolder(root.absolute())
    if (root.exists() or root.is_symlink()) and not root.is_dir():
        raise NotARunFolder(f"{root} is no folder.", "Give a folder as --out.")
    if root.exists() and not (root / "run.lock").exists():
        foreign = sorted({child.name for child in root.iterdir()} - KNOWN_NAMES)
        if foreign:
            raise NotARunFolder(f"{root} holds {', '.join(foreign[:5])}.", "Give a new or empty folder as --out.")
    if len(os.fsencode(folder.root)) > MAX_PATH_BYTES:
        raise NotARunFolder(
            f"The path {str(root)[:60]}... is too long.", f"Give an --out of at most {MAX_PATH_BYTES} bytes."
        )
    folder.root.mkdir(parents=True, exist_ok=True)
    with (folder.root / "run.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise FolderInUse(f"Another zakhira works in {root}.", "Wait for it, or choose another --out.") from None
        try:
            yield folder
        except OutsideFailure as error:
            if shutil.disk_usage(folder.root).free >= LEAST_FREE_BYTES:
                raise
            raise FolderFull(
                f"The disk of {root} is full. What failed for it: {error.code} {error.message}",
                f"Free at least {LEAST_FREE_BYTES >> 20} MiB and run the same command again: it carries on.",
            ) from error


def write_whole(path: Path, text: str) -> None:
    """Write a text file so that a reader sees the old one or the new one, never a part."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def passphrase_of(folder: RunFolder, given: str | None) -> str:
    """The passphrase of the drill's key files: the user's, or one made for this run and kept beside the keys (0600)."""
    if given:
        return given
    path = folder.keys / "passphrase"
    folder.keys.mkdir(mode=0o700, exist_ok=True)
    if not path.exists():
        draft = folder.keys / f".passphrase.{os.getpid()}"
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(24))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    return path.read_text(encoding="utf-8")

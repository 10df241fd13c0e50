"""A folder of signed instructions: written beside the coordinator, read by a watchtower that has no database to ask."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from zakhira.flows.spend_file import FORMAT as SPEND_FORMAT
from zakhira.flows.spend_file import spend_file_of
from zakhira.kernel.canonical import Json, canonical_bytes
from zakhira.kernel.errors import OutsideFailure, ZakhiraError
from zakhira.kernel.interval import parse_utc, utc_text
from zakhira.watch.ports import Heartbeat, SignedThings, SourceUnreadable

FORMAT = "zakhira-signed"
_PARTS = ("spend", "act")
HEARTBEAT = "heartbeat.json"
MAX_FILE_BYTES = 64 * 1024 * 1024


class FolderUnwritable(OutsideFailure):
    """The folder for signed instructions cannot be written."""

    code = "ZK-WATCH-054"


def write_signed(folder: Path, things: SignedThings) -> int:
    """Write what is new or changed, each file whole or not at all; how many files were written."""
    wanted = {
        _name(part, name): canonical_bytes({"format": FORMAT, "part": part, "id": name, "signed": body})
        for part, bodies in zip(_PARTS, (things.spends, things.acts), strict=True)
        for name, body in bodies.items()
    }
    if things.heartbeat is not None:
        beat = things.heartbeat
        told: dict[str, Json] = {"at": utc_text(beat.at), "height": beat.height, "block_hash": beat.block_hash}
        wanted[HEARTBEAT] = canonical_bytes(told)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        changed = {name: body for name, body in wanted.items() if _bytes(folder / name) != body}
        for name, body in changed.items():
            _write(folder / name, body)
    except OSError as error:
        raise FolderUnwritable(f"{folder} cannot be written: {error.strerror}.", "Look at its rights.") from None
    return len(changed)


def _name(part: str, name: str) -> str:
    """A file's name: an id may hold what a file system does not take."""
    return f"{part}-{hashlib.sha256(name.encode()).hexdigest()[:32]}.json"


def _bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _write(path: Path, body: bytes) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


class FolderSource:
    """Implements :class:`zakhira.watch.ports.SignedSource`: exported files, and spend files as signers get them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, tuple[int, int, tuple[str, str, Json] | None]] = {}

    def read(self) -> SignedThings:
        """All files that lie there; raises SourceUnreadable."""
        found: dict[str, dict[str, Json]] = {part: {} for part in _PARTS}
        try:
            paths = sorted(path for path in self._folder.iterdir() if path.suffix == ".json" and path.name[0] != ".")
            for path in paths:
                told = None if path.name == HEARTBEAT else self._file(path)
                if told is not None:
                    part, name, body = told
                    found[part][name] = body
            beat = _bytes(self._folder / HEARTBEAT)
        except OSError as error:
            raise SourceUnreadable(f"{self._folder} cannot be read: {error.strerror}.", "Look at its rights.") from None
        return SignedThings(found["spend"], found["act"], _heartbeat(beat) if beat else None)

    def _file(self, path: Path) -> tuple[str, str, Json] | None:
        status = path.stat()
        known = self._known.get(path.name)
        if known is not None and known[:2] == (status.st_mtime_ns, status.st_size):
            return known[2]
        told = _told(path, path.read_bytes()) if status.st_size <= MAX_FILE_BYTES else None
        self._known[path.name] = (status.st_mtime_ns, status.st_size, told)
        return told


def _heartbeat(body: bytes) -> Heartbeat | None:
    try:
        told = json.loads(body)
        return Heartbeat(parse_utc(told["at"]), int(told["height"]), str(told["block_hash"]))
    except (ValueError, KeyError, TypeError, ZakhiraError):
        return None


def _told(path: Path, data: bytes) -> tuple[str, str, Json] | None:
    """What a file says. One that cannot be read stands for a spend of the file's name, so that it is told of."""
    try:
        body = json.loads(data)
    except ValueError:
        return "spend", path.name, None
    if isinstance(body, dict) and body.get("format") == FORMAT and body.get("part") in _PARTS:
        return str(body["part"]), str(body.get("id")), cast("Json", body.get("signed"))
    if isinstance(body, dict) and body.get("format") == SPEND_FORMAT:
        return _of_spend_file(path, data)
    return None


def _of_spend_file(path: Path, data: bytes) -> tuple[str, str, Json]:
    try:
        file = spend_file_of(data)
    except ZakhiraError:
        return "spend", path.name, None
    body = cast("Mapping[str, Json]", json.loads(data))
    names = ("instruction", "proposal_signature", "approvals", "vetoes", "execution")
    return "spend", file.instruction.id, {name: body.get(name) for name in names}

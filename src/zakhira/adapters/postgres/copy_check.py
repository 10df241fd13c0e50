"""A copy of the data held against its manifest: each file, the manifest itself, and the log that the copy needs.

What ``pg_verifybackup`` checks (PostgreSQL's manual, "Backup Manifest Format"); that program of the wheel crashes.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zakhira.adapters.postgres.errors import BackupFailed
from zakhira.adapters.postgres.programs import Programs

MANIFEST = "backup_manifest"
_UNLISTED = {MANIFEST, "postgresql.auto.conf", "recovery.signal", "standby.signal"}
"""What may differ from the manifest without harm, as the manual has it; the log's segments are looked at as a log."""
_LOG_FOLDER = "pg_wal"
_WALK_SECONDS = 3_600.0
_TOLD = 3


def verify_copy(programs: Programs, data: Path) -> None:
    """See that nothing of a copy is missing, added or altered since it was made, and that its log can be read.

    Raises:
        BackupFailed: something is; the first faults are named.
    """
    try:
        manifest = _manifest(data)
        faults = [*_file_faults(data, manifest["Files"]), *_log_faults(programs, data, manifest["WAL-Ranges"])]
    except (OSError, ValueError, KeyError, TypeError) as error:
        faults = [f"its manifest cannot be read ({error})"]
    if faults:
        more = f" and {len(faults) - _TOLD} more" if len(faults) > _TOLD else ""
        raise BackupFailed(
            f"The copy {data} does not verify: {'; '.join(faults[:_TOLD])}{more}.",
            "Do not rely on it; use an earlier copy, and make another backup.",
        )


def _manifest(data: Path) -> dict[str, Any]:
    """Its last line holds the SHA-256 of all bytes before that line."""
    raw = (data / MANIFEST).read_bytes()
    covered = raw[: raw.rindex(b'"Manifest-Checksum"')]
    manifest: dict[str, Any] = json.loads(raw)
    if hashlib.sha256(covered).hexdigest() != manifest["Manifest-Checksum"]:
        raise ValueError("it was altered")
    return manifest


def _file_faults(data: Path, files: list[dict[str, Any]]) -> Iterator[str]:
    listed = set()
    for told in files:
        name = told["Path"] if "Path" in told else os.fsdecode(bytes.fromhex(told["Encoded-Path"]))
        listed.add(name)
        path = data / name
        if not path.is_file():
            yield f"{name} is missing"
        elif path.stat().st_size != told["Size"]:
            yield f"{name} has {path.stat().st_size:,} bytes, not {told['Size']:,}"
        elif told["Checksum-Algorithm"] != "SHA256" or _digest(path) != told["Checksum"]:
            yield f"{name} was altered"
    for path in sorted(data.rglob("*")):
        place = path.relative_to(data)
        if path.is_file() and str(place) not in listed | _UNLISTED and place.parts[0] != _LOG_FOLDER:
            yield f"{place} was added"


def _log_faults(programs: Programs, data: Path, ranges: list[dict[str, Any]]) -> Iterator[str]:
    for told in ranges:
        span = ("-t", str(told["Timeline"]), "-s", told["Start-LSN"], "-e", told["End-LSN"])
        done = programs.run("pg_waldump", "-q", "-p", str(data / _LOG_FOLDER), *span, timeout_s=_WALK_SECONDS)
        if done.returncode != 0:
            yield f"its log cannot be read ({done.stderr.strip() or done.returncode})"


def _digest(path: Path) -> str:
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()

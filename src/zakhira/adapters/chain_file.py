"""The audit chain to and from a file: written page by page, and verified on all cores."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from itertools import chain
from multiprocessing import get_context
from pathlib import Path
from typing import BinaryIO

from zakhira.controls.chain.audit import EMPTY_CHAIN, ChainBreak, ChainHead
from zakhira.controls.chain.audit_evidence import NO_EVIDENCE, Evidence
from zakhira.controls.chain.audit_file import (
    FIRST_LINE,
    Stretch,
    check_stretch,
    end_breaks,
    head_after,
    is_last_line,
    require_first_line,
)

STRETCH_BYTES = 32 * 1024 * 1024
"""What one process reads at a time: about 100,000 small writes."""
_BLOCK_BYTES = 1024 * 1024
_END_BYTES = 256
"""The last line is shorter than this."""

Progress = Callable[[int, int], None]
"""``progress(done_bytes, total_bytes)``"""


@dataclass(frozen=True)
class ChainVerdict:
    """What a file came to: all breaks in the order of its lines, and where the chain ends."""

    breaks: tuple[ChainBreak, ...]
    head: ChainHead


@dataclass(frozen=True)
class _Part:
    path: Path
    start: int
    end: int
    head: ChainHead
    evidence: Evidence


def check_chain_file(
    path: Path,
    evidence: Evidence = NO_EVIDENCE,
    *,
    workers: int = 0,
    stretch_bytes: int = STRETCH_BYTES,
    progress: Progress = lambda _done, _total: None,
) -> ChainVerdict:
    """Verify an exported chain: the content of every write, its header, its link, and what is known from outside.

    ``workers`` of 0 takes all cores; a file of one stretch is read by this process alone.

    Raises:
        NotAChainFile: it does not begin like one.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        require_first_line(file.readline(_END_BYTES))
        end = _last_line(file)
        parts = list(_parts(file, path, path.stat().st_size - len(end), evidence, stretch_bytes))
    known: set[bytes] = set()
    breaks: list[ChainBreak] = []
    head = EMPTY_CHAIN
    for part, stretch in zip(parts, _stretches(parts, workers), strict=True):
        if part.head != head:
            breaks.append(ChainBreak(part.head.position, "", "what follows does not join what stands before"))
        breaks += [*stretch.breaks, *_reused(stretch, part.head.position, known)]
        head = stretch.head
        progress(part.end, parts[-1].end)
    return ChainVerdict((*breaks, *end_breaks(end, head, evidence)), head)


def _stretches(parts: list[_Part], workers: int) -> Iterator[Stretch]:
    count = min(workers or os.cpu_count() or 1, len(parts))
    if count <= 1:
        yield from map(_check, parts)
        return
    with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_check, parts)


def _check(part: _Part) -> Stretch:
    with part.path.open("rb") as file:
        return check_stretch(chain.from_iterable(_blocks(file, part)), part.head, part.evidence)


def _blocks(file: BinaryIO, part: _Part) -> Iterator[list[bytes]]:
    file.seek(part.start)
    while (left := part.end - file.tell()) > 0:
        data = file.read(min(_BLOCK_BYTES, left))
        if file.tell() < part.end:
            data += file.readline()
        yield BytesIO(data).readlines()


def _parts(file: BinaryIO, path: Path, end: int, evidence: Evidence, stretch_bytes: int) -> Iterator[_Part]:
    """Stretches of whole lines; each but the first begins behind a line that says where the chain has come."""
    start, head = len(FIRST_LINE), EMPTY_CHAIN
    while end - start > stretch_bytes:
        file.seek(start + stretch_bytes)
        file.readline()
        line = file.readline()
        after = head_after(line)
        while line and after is None:
            line = file.readline()
            after = head_after(line)
        if after is None or file.tell() >= end:
            break
        yield _Part(path, start, file.tell(), head, evidence)
        start, head = file.tell(), after
    yield _Part(path, start, end, head, evidence)


def _last_line(file: BinaryIO) -> bytes:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(len(FIRST_LINE), size - _END_BYTES))
    read = file.read()
    line = read[read[:-1].rfind(b"\n") + 1 :]
    return line if is_last_line(line) and len(line) < _END_BYTES else b""


def _reused(stretch: Stretch, before: int, known: set[bytes]) -> list[ChainBreak]:
    """Keys that an earlier stretch has used; those used twice within one are told by itself."""
    fresh = set(stretch.keys)
    used = fresh & known
    known |= fresh
    return (
        [
            ChainBreak(position, key.decode(errors="replace"), "its key was used before")
            for position, key in enumerate(stretch.keys, before + 1)
            if key in used
        ]
        if used
        else []
    )

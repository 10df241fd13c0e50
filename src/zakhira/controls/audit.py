"""The audit chain: each entry carries the hash of the one before."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from zakhira.kernel.canonical import content_hash
from zakhira.kernel.interval import exact_utc_text

FIRST_PREVIOUS = "0" * 64
"""What the first entry carries in place of a hash."""


class ChainHead(NamedTuple):
    """The end of the sealed chain: how many writes it holds, and the hash that stands for all of them."""

    position: int
    """0 for an empty chain, whose hash is :data:`FIRST_PREVIOUS`."""
    hash: str
    """64 hex digits"""


@dataclass(frozen=True)
class AuditEntry:
    """Who did what, when, with the hash of the content written, chained by ``previous_hash``."""

    sequence: int
    key: str
    actor: str
    action: str
    at: datetime
    content_hash: str
    previous_hash: str
    hash: str


@dataclass(frozen=True)
class ChainBreak:
    """A place where the chain does not hold. ``position`` counts the entries given, from 1."""

    position: int
    sequence: int
    key: str
    what: str


def audit_hash(entry: AuditEntry) -> str:
    """SHA-256 over the canonical JSON of all fields of ``entry`` except the hash itself."""
    return content_hash(
        {
            "sequence": entry.sequence,
            "key": entry.key,
            "actor": entry.actor,
            "action": entry.action,
            "at": exact_utc_text(entry.at),
            "content_hash": entry.content_hash,
            "previous_hash": entry.previous_hash,
        }
    )


def next_entry(
    previous: AuditEntry | None, key: str, actor: str, action: str, at: datetime, content_hash: str
) -> AuditEntry:
    """The entry that follows ``previous``, or the first one (sequence 1) when there is none.

    Raises:
        NotUtc: ``at`` is not in UTC.
    """
    head = (0, FIRST_PREVIOUS) if previous is None else (previous.sequence, previous.hash)
    return entry_after(*head, key, actor, action, at, content_hash)


def entry_after(
    sequence: int, previous_hash: str, key: str, actor: str, action: str, at: datetime, content_hash: str
) -> AuditEntry:
    """The entry that follows the one with this sequence and hash (0 and :data:`FIRST_PREVIOUS` for an empty chain)."""
    draft = AuditEntry(sequence + 1, key, actor, action, at, content_hash, previous_hash, "")
    return replace(draft, hash=audit_hash(draft))


def verify_chain(entries: Iterable[AuditEntry]) -> list[ChainBreak]:
    """Every place where the chain from its first entry does not hold: hash, link, sequence or a key used twice."""
    breaks: list[ChainBreak] = []
    previous: AuditEntry | None = None
    keys: set[str] = set()
    for position, entry in enumerate(entries, 1):
        sequence, previous_hash = (1, FIRST_PREVIOUS) if previous is None else (previous.sequence + 1, previous.hash)
        found = []
        if entry.hash != audit_hash(entry):
            found.append("its hash is not the hash of its fields")
        if entry.previous_hash != previous_hash:
            found.append("it does not carry the hash of the entry before it")
        if entry.sequence != sequence:
            found.append(f"its number is {entry.sequence} where {sequence} is due")
        if entry.key in keys:
            found.append("its key was used before")
        breaks.extend(ChainBreak(position, entry.sequence, entry.key, what) for what in found)
        keys.add(entry.key)
        previous = entry
    return breaks

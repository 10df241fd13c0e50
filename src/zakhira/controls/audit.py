"""The audit chain: each entry carries the hash of the one before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

FIRST_PREVIOUS = "0" * 64
"""What the first entry carries in place of a hash."""


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

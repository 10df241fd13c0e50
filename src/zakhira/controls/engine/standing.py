"""What is so beside the policy: which version is in force since when, a freeze, and keys that were revoked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class Freeze:
    """Nothing moves until a quorum thaws it."""

    officer: str
    reason: str
    at: datetime


@dataclass(frozen=True)
class Standing:
    """The state of authority at a moment.

    ``policy_hash`` names the version in force: approvals under another do not count, nor those from before ``since``,
    when it came into force (a version that brings an older policy back brings none of its approvals). It is empty where
    only signatures are to be looked at, as on a signer's own machine. ``revoked`` has the public keys that count no
    more, with the moment. Of those, the keys in ``may_say_no`` (in small letters) were revoked by somebody else alone:
    a veto and a freeze of theirs count still, a yes never.
    """

    policy_hash: str = ""
    freeze: Freeze | None = None
    revoked: Mapping[str, datetime] = field(default_factory=dict)
    may_say_no: frozenset[str] = frozenset()
    since: datetime | None = None
    """None for the first version, and where nothing is known of versions"""

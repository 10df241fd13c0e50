"""What the watchtower goes by: its own copy of policy, vaults and keys, and the limits of its patience."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from zakhira.custody.vault_state import VaultRecord
from zakhira.programme.model import Policy
from zakhira.watch.alarm import Telling


@dataclass(frozen=True)
class Limits:
    """When what is not yet wrong becomes an alarm. All are estimates [E], to be set as the rules of the reserve say."""

    silent_after: timedelta = timedelta(minutes=10)
    """without a sign of life from the coordinator, which gives one at least every ten seconds (low 2 min, high 1 h)"""
    near_blocks: int = 4_032
    """before a recovery path or the end of a hold: four weeks, for a refresh without haste (low 1,008; high 8,640)"""
    proof_after_days: int = 180
    """since a key was last shown to work (low 90, high 365)"""
    behind_blocks: int = 3
    """that one node may lag behind the other (low 2, high 6)"""
    tip_older_than: timedelta = timedelta(hours=3)
    """without a block: the chance of that is one in 65 million for each block; zero: not looked at"""


@dataclass(frozen=True)
class KeyShown:
    """When a signer's key was last shown to work, as the copy says; None: never."""

    signer: str
    on: date | None


@dataclass(frozen=True)
class WatchTerms:
    """The copy. ``policy`` has no vaults; ``last_places`` says how far each branch was given out when it was made."""

    policy: Policy
    chain: str
    vaults: tuple[VaultRecord, ...]
    start_height: int = 0
    """the first block that can hold a coin of a vault"""
    last_places: Mapping[tuple[str, int], int] = field(default_factory=dict)
    keys: tuple[KeyShown, ...] = ()
    limits: Limits = field(default_factory=Limits)
    telling: Telling = field(default_factory=Telling)

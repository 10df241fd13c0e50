"""The state of authority at a moment: versions of the policy, motions, freezes, and keys that count no more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from zakhira.controls.acts.act_refusal import ActFault
from zakhira.controls.acts.motion import Motion
from zakhira.controls.acts.motion_check import MotionCheck
from zakhira.controls.acts.public_acts import Enrolment, Revocation, SignedFreeze
from zakhira.controls.approval import Approval, Veto
from zakhira.controls.engine.people import people_of
from zakhira.controls.engine.standing import Freeze, Standing
from zakhira.programme.model import Officer, Policy, Vault
from zakhira.programme.vault_text import vault_hash


class MotionState(Enum):
    """How far a motion is."""

    OPEN = "open"
    LOCKED = "approved, in its lock"
    IN_FORCE = "in force"
    VETOED = "vetoed"
    EXPIRED = "expired"
    OVERTAKEN = "overtaken"
    """another version came into force first"""


@dataclass(frozen=True)
class PolicyVersion:
    """A version of the policy, without vaults. ``motion`` is the hash of what made it; empty for the first."""

    number: int
    policy: Policy
    hash: str
    in_force_since: datetime
    motion: str = ""


@dataclass(frozen=True)
class MotionRecord:
    """A motion with what was signed about it, and what that comes to."""

    motion: Motion
    recorded_at: datetime
    approvals: tuple[Approval, ...] = ()
    vetoes: tuple[Veto, ...] = ()
    known_at: Mapping[str, datetime] = field(default_factory=dict)
    """when each signature was recorded, by the hash of its statement"""
    check: MotionCheck | None = None
    state: MotionState = MotionState.OPEN

    @property
    def is_pending(self) -> bool:
        """Whether it can still come into force."""
        return self.state in {MotionState.OPEN, MotionState.LOCKED}


@dataclass(frozen=True)
class AcceptedVault:
    """A vault that counts as ours, by the hash of its whole definition. ``motion`` is empty for those of the start."""

    hash: str
    since: datetime
    motion: str = ""
    succeeds: tuple[str, ...] = ()
    """the vaults whose coins may be moved to it for good"""


@dataclass(frozen=True)
class Authority:
    """The state of authority at ``at`` (UTC). Keys are in small letters."""

    at: datetime
    versions: tuple[PolicyVersion, ...] = ()
    """those that have come into force, the first one first; none where nothing was founded"""
    motions: Mapping[str, MotionRecord] = field(default_factory=dict)
    """by hash, in the order in which they were put forward"""
    freezes: Mapping[str, SignedFreeze] = field(default_factory=dict)
    """those that stand, by hash"""
    revoked: Mapping[str, Revocation] = field(default_factory=dict)
    """by key"""
    enrolments: tuple[Enrolment, ...] = ()
    vaults: Mapping[str, AcceptedVault] = field(default_factory=dict)
    """those that officers accepted as ours, or that were there from the start, by id"""
    may_adopt: bool = False
    """whether the founding says nothing of vaults, and none were adopted since"""
    faults: tuple[ActFault, ...] = ()
    """acts on the record that count nothing"""
    last_number: int = 0
    seen: frozenset[str] = frozenset()
    """hashes of what was signed, so that nothing is taken twice"""

    @property
    def version(self) -> PolicyVersion:
        """The version in force."""
        assert self.versions, "a policy was founded"
        return self.versions[-1]

    @property
    def standing(self) -> Standing:
        """What the policy's engine asks for."""
        first = next(iter(self.freezes.values()), None)
        freeze = None if first is None else Freeze(first.officer, first.reason, first.at)
        since = self.version.in_force_since if self.version.motion else None
        return Standing(self.version.hash, freeze, self.revoked_since, self.may_say_no, since)

    @property
    def may_say_no(self) -> frozenset[str]:
        """Keys that the version in force names and that another person alone revoked: a no of theirs counts.

        One officer could else silence the others. A version that no longer names the key bears its end out.
        """
        return frozenset(
            key
            for officer in self.version.policy.officers
            if (key := officer.public_key.lower()) in self.revoked and self.is_by_another(self.revoked[key])
        )

    def may_say_no_to(self, motion: Motion) -> frozenset[str]:
        """As :attr:`may_say_no`, but to a change that drops the key: a thief must not hold it by a veto for ever."""
        if motion.to is None:
            return self.may_say_no
        return self.may_say_no & {officer.public_key.lower() for officer in motion.to.officers}

    def is_by_another(self, revocation: Revocation) -> bool:
        """Whether another person than the key's officer said its end."""
        persons = people_of(self.version.policy).persons
        by, whose = revocation.by, revocation.officer
        return persons.get(by, by) != persons.get(whose, whose)

    @property
    def revoked_since(self) -> Mapping[str, datetime]:
        """The moment from which each revoked key counts no more."""
        return {key: revocation.at for key, revocation in self.revoked.items()}

    @property
    def enrolled(self) -> frozenset[tuple[str, str]]:
        """Officer and key of every proof that a key is held."""
        return frozenset((item.officer, item.public_key) for item in self.enrolments)

    def accepts(self, vault: Vault) -> bool:
        """Whether the vault counts as ours: this very definition was decided on."""
        accepted = self.vaults.get(vault.id)
        return accepted is not None and accepted.hash == vault_hash(vault)

    def officer(self, officer: str) -> Officer | None:
        """The officer of the version in force."""
        return next((item for item in self.version.policy.officers if item.id == officer), None)

    def keys_of(self, officer: str) -> frozenset[str]:
        """Every key that any version gave to the officer."""
        return frozenset(
            item.public_key.lower()
            for version in self.versions
            for item in version.policy.officers
            if item.id == officer
        )

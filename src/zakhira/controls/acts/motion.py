"""A motion: a change of the policy, the end of a freeze, or a vault accepted, as a document that officers sign."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import cast

from zakhira.kernel.canonical import Json, content_hash
from zakhira.kernel.errors import InvalidInput
from zakhira.kernel.interval import parse_utc, utc_text
from zakhira.programme.model import Policy, Vault
from zakhira.programme.policy_text import policy_hash, policy_json, policy_of
from zakhira.programme.vault_text import vault_hash, vault_json, vault_of

POLICY_CHANGE, THAW, VAULT = "policy-change", "thaw", "vault"
MOTION_KINDS = (POLICY_CHANGE, THAW, VAULT)
MOST_REASON_CHARACTERS = 500
"""Of a reason: a sentence and a reference; the evidence itself is filed elsewhere [E]."""
SHORT_HASH = 12
"""Hex digits by which people name a motion: 48 bits [E]."""


class BadMotionText(InvalidInput):
    """Plain data that shall be a motion is none."""

    code = "ZK-CONTROLS-067"


@dataclass(frozen=True)
class Motion:
    """What is moved, by whom, when and why. Dates are in UTC without fractions of a second.

    ``policy_hash`` names the version in force that it is put under; a change of the policy changes from it to ``to``
    (without vaults: those are made and retired in the books). A thaw names the freezes that it ends, by their hashes. A
    vault that is accepted is named by the hash of its whole definition, with the vault that it succeeds, if any.
    """

    kind: str
    """one of :data:`MOTION_KINDS`"""
    proposer: str
    proposed_at: datetime
    expires_at: datetime
    reason: str
    policy_hash: str
    to: Policy | None = None
    freezes: tuple[str, ...] = ()
    vault: Vault | None = None
    succeeds: str = ""

    @cached_property
    def statement(self) -> dict[str, Json]:
        """What is signed: the policy that it changes to, and a vault that it accepts, are named by their hashes."""
        return {
            "kind": self.kind,
            "proposer": self.proposer,
            "proposed_at": utc_text(self.proposed_at),
            "expires_at": utc_text(self.expires_at),
            "reason": self.reason,
            "from": self.policy_hash,
            "to": self.to_hash,
            "freezes": list(self.freezes),
            **self._about_vault,
        }

    @property
    def _about_vault(self) -> dict[str, Json]:
        if self.vault is None:
            return {}
        return {"vault": self.vault.id, "vault_hash": vault_hash(self.vault), "succeeds": self.succeeds}

    @cached_property
    def body(self) -> Json:
        """Plain data: what is recorded and published, with the whole policy that it changes to, or the whole vault."""
        whole: dict[str, Json] = {"policy": None if self.to is None else policy_json(self.to)}
        if self.vault is not None:
            whole["definition"] = vault_json(self.vault)
        return {**self.statement, **whole}

    @cached_property
    def to_hash(self) -> str:
        """The hash of the version that it changes to; empty where the policy stays."""
        return "" if self.to is None else policy_hash(self.to)

    @cached_property
    def hash(self) -> str:
        """SHA-256 over the canonical bytes of the statement: what every signature about it names."""
        return content_hash(self.statement)

    @property
    def id(self) -> str:
        """How people name it: the first digits of its hash."""
        return self.hash[:SHORT_HASH]


def motion_of(body: Json) -> Motion:
    """The motion that :attr:`Motion.body` wrote.

    Raises:
        BadMotionText: something is missing, unknown, or another spelling of the same motion.
        BadPolicyText: its policy is none.
    """
    try:
        told = cast("Mapping[str, Json]", body)
        motion = Motion(
            kind=str(told["kind"]),
            proposer=str(told["proposer"]),
            proposed_at=parse_utc(str(told["proposed_at"])),
            expires_at=parse_utc(str(told["expires_at"])),
            reason=str(told["reason"]),
            policy_hash=str(told["from"]),
            to=None if told["policy"] is None else policy_of(told["policy"]),
            freezes=tuple(map(str, cast("list[str]", told["freezes"]))),
            vault=vault_of(cast("Mapping[str, Json]", told["definition"])) if "definition" in told else None,
            succeeds=str(told.get("succeeds", "")),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise BadMotionText(f"The data are no motion: {error!r}.", "Ask for them again from their source.") from None
    if motion.body != body or not _is_whole(motion):
        raise BadMotionText("The data are no motion.", "Ask for them again from their source.")
    return motion


def _is_whole(motion: Motion) -> bool:
    """Whether it carries what its kind is about, and nothing else."""
    carried = (motion.to is not None, motion.vault is not None)
    return _CARRIED.get(motion.kind) == carried


_CARRIED = {POLICY_CHANGE: (True, False), THAW: (False, False), VAULT: (False, True)}
"""By kind: whether it carries a policy, and whether a vault."""

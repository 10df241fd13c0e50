"""Acts of authority as officers sign them: motions, yes and no, freezes, revocations and enrolments of keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias, cast

from zakhira.controls.acts.motion import Motion, motion_of
from zakhira.controls.approval import Approval, Veto
from zakhira.kernel.canonical import Json, content_hash
from zakhira.kernel.errors import InvalidInput
from zakhira.kernel.interval import parse_utc, utc_text
from zakhira.kernel.signatures import signature_is_valid
from zakhira.programme.model import Policy
from zakhira.programme.policy_text import policy_json, policy_of

FREEZE_DOMAIN = "freeze"
REVOCATION_DOMAIN = "revocation"
ENROLMENT_DOMAIN = "enrolment"
"""Over officer, key and date, by the key itself: whoever says that a key is theirs holds it."""


class BadActText(InvalidInput):
    """Plain data that shall be an act of authority are none."""

    code = "ZK-CONTROLS-068"


@dataclass(frozen=True)
class Founding:
    """The first version of the policy, as the programme said it when the books were opened. Nobody signs it.

    ``vaults`` are those that count as ours from the start: id and hash of each. None where books of before say nothing
    of vaults: then one :class:`Adoption` may follow.
    """

    policy: Policy
    vaults: tuple[tuple[str, str], ...] | None = None


@dataclass(frozen=True)
class Adoption:
    """The vaults that were there when vaults began to be decided on, in books of before. Nobody signs it."""

    vaults: tuple[tuple[str, str], ...]
    """id and hash of each"""


@dataclass(frozen=True)
class Proposal:
    """A motion with its proposer's signature (``PROPOSAL_DOMAIN``) over its hash."""

    motion: Motion
    signature: str


@dataclass(frozen=True)
class SignedFreeze:
    """An officer's stop to everything that moves coins."""

    officer: str
    reason: str
    signature: str
    at: datetime

    @property
    def statement_hash(self) -> str:
        """What the signature covers (:data:`FREEZE_DOMAIN`); names the freeze as well."""
        return freeze_statement(self.officer, self.reason, self.at)


def freeze_statement(officer: str, reason: str, at: datetime) -> str:
    """The hash that a freezing officer signs."""
    return content_hash({"officer": officer, "reason": reason, "at": utc_text(at)})


@dataclass(frozen=True)
class Revocation:
    """The end of an officer's key, said by the officer, or by another: then it is a freeze as well."""

    officer: str
    public_key: str
    """the key that counts no more, 64 hex digits in small letters"""
    by: str
    reason: str
    signature: str
    """of the officer ``by``"""
    at: datetime

    @property
    def statement_hash(self) -> str:
        """What the signature covers (:data:`REVOCATION_DOMAIN`)."""
        return revocation_statement(self.officer, self.public_key, self.by, self.reason, self.at)

    @property
    def freeze(self) -> SignedFreeze:
        """The stop that goes with the end of another's key, by the officer who ends it and by the same signature."""
        return SignedFreeze(self.by, f"revoked the key of {self.officer}: {self.reason}", self.signature, self.at)


def revocation_statement(officer: str, public_key: str, by: str, reason: str, at: datetime) -> str:
    """The hash that a revoking officer signs."""
    return content_hash({"officer": officer, "public_key": public_key, "by": by, "reason": reason, "at": utc_text(at)})


@dataclass(frozen=True)
class Enrolment:
    """Proof that a key is held, made by the key itself, before a policy names it."""

    officer: str
    public_key: str
    """64 hex digits in small letters"""
    signature: str
    at: datetime

    @property
    def statement_hash(self) -> str:
        """What the signature covers (:data:`ENROLMENT_DOMAIN`)."""
        return enrolment_statement(self.officer, self.public_key, self.at)


def enrolment_statement(officer: str, public_key: str, at: datetime) -> str:
    """The hash that a new key signs."""
    return content_hash({"officer": officer, "public_key": public_key, "at": utc_text(at)})


def freeze_is_genuine(freeze: SignedFreeze, public_key: str) -> bool:
    """Whether the key made the signature over all that the freeze says."""
    return signature_is_valid(public_key, FREEZE_DOMAIN, freeze.statement_hash, freeze.signature)


def revocation_is_genuine(revocation: Revocation, key_of_by: str) -> bool:
    """Whether the key of the officer ``by`` made the signature over all that the revocation says."""
    return signature_is_valid(key_of_by, REVOCATION_DOMAIN, revocation.statement_hash, revocation.signature)


def enrolment_is_genuine(enrolment: Enrolment) -> bool:
    """Whether the enrolled key itself made the signature."""
    return signature_is_valid(enrolment.public_key, ENROLMENT_DOMAIN, enrolment.statement_hash, enrolment.signature)


Act: TypeAlias = "Founding | Adoption | Proposal | Approval | Veto | SignedFreeze | Revocation | Enrolment"


@dataclass(frozen=True)
class RecordedAct:
    """An act with its number in the order in which the acts were recorded, and when that was (UTC).

    The date that its officer signed is never later. What depends on how long something has been known (the lock of a
    change) counts from ``at``: a quorum cannot shorten it by backdating its signatures.
    """

    number: int
    at: datetime
    act: Act


def act_json(recorded: RecordedAct) -> Json:
    """Plain data of a recorded act: what the books keep and what is published."""
    kind, body = _told(recorded.act)
    return {"number": recorded.number, "at": utc_text(recorded.at), "kind": kind, "act": body}


def _told(act: Act) -> tuple[str, Json]:
    if isinstance(act, Founding):
        told_vaults: dict[str, Json] = {} if act.vaults is None else {"vaults": _pairs_json(act.vaults)}
        return "founding", {"policy": policy_json(act.policy), **told_vaults}
    if isinstance(act, Adoption):
        return "adoption", {"vaults": _pairs_json(act.vaults)}
    if isinstance(act, Proposal):
        return "proposal", {"motion": act.motion.body, "signature": act.signature}
    kind = next(name for name, (made, _) in _FIELDS.items() if isinstance(act, made))
    _, fields = _FIELDS[kind]
    told: dict[str, Json] = {name: getattr(act, attribute) for name, attribute in fields.items()}
    return kind, {**told, "at": utc_text(act.at)}


def _pairs_json(vaults: Sequence[tuple[str, str]]) -> Json:
    return [{"vault": name, "hash": hash_} for name, hash_ in vaults]


def _pairs_of(body: Json) -> tuple[tuple[str, str], ...]:
    return tuple((str(item["vault"]), str(item["hash"])) for item in cast("Sequence[Mapping[str, Json]]", body))


_SIGNED = {"officer": "officer", "signature": "signature"}
_FIELDS: Mapping[str, tuple[type[Approval | Veto | SignedFreeze | Revocation | Enrolment], Mapping[str, str]]] = {
    "approval": (Approval, {**_SIGNED, "hash": "instruction_hash", "policy": "policy_hash"}),
    "veto": (Veto, {**_SIGNED, "hash": "instruction_hash", "reason": "reason"}),
    "freeze": (SignedFreeze, {**_SIGNED, "reason": "reason"}),
    "revocation": (Revocation, {**_SIGNED, "public_key": "public_key", "by": "by", "reason": "reason"}),
    "enrolment": (Enrolment, {**_SIGNED, "public_key": "public_key"}),
}
"""By kind: the class, and which of its texts stands under which name."""


def act_of(body: Json) -> RecordedAct:
    """The recorded act that :func:`act_json` wrote.

    Raises:
        BadActText: something is missing, unknown, or another spelling of the same act.
        BadMotionText, BadPolicyText: what it holds is no motion, or no policy.
    """
    try:
        told = cast("Mapping[str, Json]", body)
        act = _act(str(told["kind"]), cast("Mapping[str, Json]", told["act"]))
        recorded = RecordedAct(cast("int", told["number"]), parse_utc(str(told["at"])), act)
    except (KeyError, TypeError) as error:
        raise BadActText(f"The data are no act of authority: {error!r}.", "Ask for them from their source.") from None
    if act_json(recorded) != body:
        raise BadActText("The data are no act of authority.", "Ask for them from their source.")
    return recorded


def _act(kind: str, told: Mapping[str, Json]) -> Act:
    if kind == "founding":
        vaults = _pairs_of(told["vaults"]) if "vaults" in told else None
        return Founding(policy_of(told["policy"]), vaults)
    if kind == "adoption":
        return Adoption(_pairs_of(told["vaults"]))
    if kind == "proposal":
        return Proposal(motion_of(told["motion"]), str(told["signature"]))
    made, fields = _FIELDS[kind]
    texts = {attribute: str(told[name]) for name, attribute in fields.items()}
    return made(**texts, at=parse_utc(str(told["at"])))


ACTS_FORMAT = "zakhira-authority/1"


def acts_document(acts: Sequence[RecordedAct]) -> Json:
    """All acts as one document, for whoever follows authority without trusting the coordinator."""
    return {"format": ACTS_FORMAT, "acts": [act_json(recorded) for recorded in acts]}


def acts_of(document: Json) -> tuple[RecordedAct, ...]:
    """The acts that :func:`acts_document` wrote; raises BadActText, BadMotionText, BadPolicyText."""
    told = document if isinstance(document, Mapping) else {}
    acts = told.get("acts")
    if told.get("format") != ACTS_FORMAT or not isinstance(acts, Sequence) or isinstance(acts, str):
        raise BadActText(f"The data are no acts of {ACTS_FORMAT}.", "Ask for them from their source.")
    return tuple(map(act_of, acts))

"""The one kind of answer: refused, needs something, or allowed; with the rule that decided, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, IntEnum


class Verdict(IntEnum):
    """Ordered: refused < needs < allowed."""

    REFUSED = 0
    NEEDS = 1
    ALLOWED = 2


class Why(Enum):
    """Every cause of a refusal with its code's number and what it means in general."""

    NO_RULE = (30, "no rule of the policy fits: what is not allowed is refused")
    RULE_REFUSES = (31, "the first rule that fits refuses")
    FROZEN = (32, "the reserve is frozen")
    NOT_PERMITTED = (33, "the officer may not take this step")
    UNKNOWN_OFFICER = (34, "somebody who is no officer of the policy")
    PROPOSER_ROLE = (35, "the proposer holds no role that proposes this")
    NOTHING_MOVED = (36, "an amount that moves nothing")
    FEE_ABOVE_LIMIT = (37, "a fee above the policy's limit")
    EXPIRED = (38, "the proposal's time is over")
    FROM_THE_FUTURE = (39, "a proposal or a signature that is dated in the future: a clock is wrong")
    WAITS_TOO_LONG = (40, "a proposal that would wait longer than the policy lets it")
    FORGED = (41, "a signature that the officer's key did not make")
    OTHER_MATTER = (42, "a signature over another matter: replayed, or the instruction was changed after it")
    OTHER_POLICY = (43, "an approval under another version of the policy")
    MISTIMED = (44, "a signature that is dated outside the time of the proposal")
    BY_PROPOSER = (45, "an approval by the person who proposed")
    REVOKED = (46, "a signature by a key that was revoked")
    DEPUTY_OUT_OF_DATES = (47, "an approval by a deputy outside the dates")
    ONE_PERSON = (48, "one person would count twice")
    VETOED = (49, "an officer who may has said no")
    BALANCE_SHARE = (50, "more than the share of the balance that one spend may take")
    WINDOW_AMOUNT = (51, "more than may move in a rolling window")
    WINDOW_SHARE = (52, "more than the share of the balance that may move in a rolling window")
    WINDOW_COUNT = (53, "more matters than may be allowed in a rolling window")
    NOT_LISTED = (54, "a destination that is not on the list of payees")
    LISTED_TOO_LATE = (55, "a payee whose delay after listing is not over")
    STATUTE = (56, "a statute holds the coins")
    REKEYED_OTHERWISE = (57, "the amount or unit entered at execution is not the instruction's")
    EXECUTOR = (58, "the executing officer proposed or approved, or holds no role that executes")
    QUORUM_IMPOSSIBLE = (59, "too few persons hold the roles that the rule asks for")
    AMOUNT_NOT_SUM = (60, "an amount that is not the sum of its destinations")
    ACTION_OTHERWISE = (61, "a move or a way home that pays somebody outside")
    DEPUTY_BESIDE = (62, "a deputy beside the one he stands for")
    ADDRESS_SPELLING = (63, "an address in another spelling than the one that is kept")
    NOT_COINS = (64, "an amount of money where coins move")

    @property
    def code(self) -> str:
        """The stable code."""
        return f"ZK-CONTROLS-{self.value[0]:03d}"

    @property
    def meaning(self) -> str:
        """What is wrong, in general."""
        return self.value[1]


@dataclass(frozen=True, order=True)
class Reason:
    """Why not: the cause's code and a sentence with the values."""

    code: str
    text: str

    def __str__(self) -> str:
        return self.text


class NeedKind(Enum):
    """What can be missing."""

    APPROVAL = "approval"
    EXECUTION = "execution"
    TIME = "time"


@dataclass(frozen=True)
class Need:
    """Something that is missing: an approval by one of the roles, the second person, or time until ``until`` (UTC)."""

    kind: NeedKind
    text: str
    """in words: ``comptroller``, ``comptroller or director``, ``the delay until ...``"""
    roles: tuple[str, ...] = ()
    until: datetime | None = None


@dataclass(frozen=True)
class Decision:
    """The answer to a question at a moment.

    ``rule`` is the id of the rule that decided, or of the statute, or empty where none fitted. ``policy_hash`` names
    the version of the policy that it was taken under.
    """

    verdict: Verdict
    rule: str
    clause: str
    policy_hash: str = ""
    reasons: tuple[Reason, ...] = ()
    """why it is refused, sorted; none otherwise"""
    needs: tuple[Need, ...] = ()
    """what is missing, approvals first; none when it is refused or allowed"""
    remarks: tuple[Reason, ...] = ()
    """what was seen and changes nothing by itself, sorted: a signature that does not count and why, a payee whose delay
    is not over where a later rule fits, a statute that is asked again once coins are chosen"""

    @property
    def allowed(self) -> bool:
        """Whether it may be carried out."""
        return self.verdict is Verdict.ALLOWED

    @property
    def missing(self) -> tuple[str, ...]:
        """What is missing, in words."""
        return tuple(need.text for need in self.needs)

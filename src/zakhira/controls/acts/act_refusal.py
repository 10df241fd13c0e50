"""Why an act of authority does not count: one cause each, the same for whoever takes the act and whoever checks it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class ActCause(Enum):
    """Every cause, with what it means in general."""

    NOT_AN_OFFICER = "somebody who is no officer of the policy in force"
    KEY_REVOKED = "a key that was revoked"
    FORGED = "a signature that the officer's key did not make"
    MISTIMED = "a date in the future, outside the time of the motion, or long before a motion was recorded"
    UNKNOWN_MOTION = "a motion that was never put forward"
    OVERTAKEN = "a motion under a version of the policy that is no longer in force"
    MOTION_OVER = "a motion that has ended"
    NOT_ALLOWED = "the policy does not allow it"
    NOT_PERMITTED = "the permissions do not let the officer take this step"
    NOTHING_CHANGES = "a change that changes nothing"
    BACKDATED_LISTING = "a new payee whose listing is dated before the motion was recorded"
    UNUSABLE_TEXT = "Cedar text of the programme's own that cannot be used, or permits something"
    NOT_ENROLLED = "a new key of an officer that has not proven to be held"
    KEY_NOT_FREE = "a new key of an officer that was revoked, or is another officer's"
    UNKNOWN_FREEZE = "a freeze that does not stand"
    UNFIT_SUCCESSION = "a vault that succeeds itself, or one that never counted as ours"
    BAD_REASON = "no reason, or one that is too long"
    REPEATED = "an act that was recorded before"
    UNKNOWN_KEY = "a key that was never an officer's"
    OUT_OF_ORDER = "an act that does not follow the one before it"


@dataclass(frozen=True)
class ActRefusal:
    """Why not: the cause, and a sentence with the values."""

    cause: ActCause
    text: str


@dataclass(frozen=True)
class ActFault:
    """An act on the record that should not be there; it counts nothing."""

    number: int
    refusal: ActRefusal

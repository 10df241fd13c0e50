"""Why authority is not changed: one class per cause, each with its code."""

from __future__ import annotations

from zakhira.controls.acts.act_refusal import ActCause, ActRefusal
from zakhira.kernel.errors import InvalidInput, OutsideFailure, Refused, ZakhiraError


class AuthorityForged(Refused):
    """An act of authority in the books does not verify."""

    code = "ZK-FLOWS-120"


class AuthorityMoved(OutsideFailure):
    """Somebody else acted at the same moment, again and again; nothing was written."""

    code = "ZK-FLOWS-121"


class NotAnOfficer(Refused):
    """The key is not of an officer of the policy in force."""

    code = "ZK-FLOWS-122"


class KeyRevoked(Refused):
    """The key was revoked: it counts nowhere."""

    code = "ZK-FLOWS-123"


class ActForged(Refused):
    """The officer's key did not make the signature."""

    code = "ZK-FLOWS-124"


class ActMistimed(Refused):
    """The act is dated in the future, outside the time of its motion, or (a motion) long before it was recorded."""

    code = "ZK-FLOWS-125"


class UnknownMotion(InvalidInput):
    """There is no such motion, or several begin with what was given."""

    code = "ZK-FLOWS-126"


class MotionOvertaken(Refused):
    """The motion changes from a version of the policy that is no longer in force."""

    code = "ZK-FLOWS-127"


class MotionOver(Refused):
    """The motion has its quorum, is in force, vetoed or expired."""

    code = "ZK-FLOWS-128"


class MotionNotAllowed(Refused):
    """The policy does not allow this motion, or this officer's word about it."""

    code = "ZK-FLOWS-129"


class NothingChanges(InvalidInput):
    """The change would leave the policy as it is."""

    code = "ZK-FLOWS-130"


class BackdatedListing(Refused):
    """A new payee is listed from before the change was recorded: its delay would be cut short."""

    code = "ZK-FLOWS-131"


class KeyNotEnrolled(Refused):
    """A new key of an officer has not proven to be held."""

    code = "ZK-FLOWS-132"


class KeyNotFree(Refused):
    """A new key of an officer was revoked before, or is another officer's."""

    code = "ZK-FLOWS-133"


class PolicyFaulty(Refused):
    """Analysis finds faults in the changed policy."""

    code = "ZK-FLOWS-134"


class NothingToThaw(InvalidInput):
    """No such freeze stands."""

    code = "ZK-FLOWS-135"


class BadReason(InvalidInput):
    """An act needs a reason, in some sentences."""

    code = "ZK-FLOWS-136"


class NotPermitted(Refused):
    """The permissions do not let this officer take this step."""

    code = "ZK-FLOWS-137"


class UnknownKey(InvalidInput):
    """The key was never an officer's."""

    code = "ZK-FLOWS-139"


class SuccessionUnfit(InvalidInput):
    """A vault cannot succeed itself, nor one that never counted as ours."""

    code = "ZK-FLOWS-142"


_ERRORS: dict[ActCause, tuple[type[ZakhiraError], str]] = {
    ActCause.NOT_AN_OFFICER: (NotAnOfficer, "Use an officer's key; see: zakhira officer list DIR"),
    ActCause.KEY_REVOKED: (KeyRevoked, "Give the officer a new key by a change of the policy."),
    ActCause.FORGED: (ActForged, "Do not count it. Find out who made it."),
    ActCause.MISTIMED: (ActMistimed, "Set the clock right, and sign again."),
    ActCause.UNKNOWN_MOTION: (UnknownMotion, "See which there are: zakhira policy status DIR"),
    ActCause.OVERTAKEN: (MotionOvertaken, "Look at what came into force, and propose the change anew."),
    ActCause.MOTION_OVER: (MotionOver, "See where it is: zakhira policy status DIR"),
    ActCause.NOT_ALLOWED: (MotionNotAllowed, "Ask an officer whom the policy lets; see: zakhira policy show"),
    ActCause.NOT_PERMITTED: (NotPermitted, "Ask an officer whose role may; see: zakhira policy show"),
    ActCause.NOTHING_CHANGES: (NothingChanges, "Change the programme file first."),
    ActCause.BACKDATED_LISTING: (BackdatedListing, "Date listed_at now or later, and propose the change anew."),
    ActCause.UNUSABLE_TEXT: (PolicyFaulty, "Mend it; zakhira policy check names the place."),
    ActCause.NOT_ENROLLED: (KeyNotEnrolled, "Its holder proves it with: zakhira officer enrol DIR --key FILE"),
    ActCause.KEY_NOT_FREE: (KeyNotFree, "Make a key of its own: zakhira keys officer --help"),
    ActCause.UNKNOWN_FREEZE: (NothingToThaw, "See what stands: zakhira policy status DIR"),
    ActCause.UNFIT_SUCCESSION: (SuccessionUnfit, "Name a vault that is accepted: zakhira vault list DIR"),
    ActCause.BAD_REASON: (BadReason, "Say why, and where the evidence lies, in up to 500 characters."),
    ActCause.REPEATED: (MotionOver, "Nothing is to be done."),
    ActCause.UNKNOWN_KEY: (UnknownKey, "See whose keys there are: zakhira officer list DIR"),
    ActCause.OUT_OF_ORDER: (AuthorityForged, "Find out who has written to the database."),
}


def act_error(refusal: ActRefusal) -> ZakhiraError:
    """The error of a refusal, with what to do."""
    kind, remedy = _ERRORS[refusal.cause]
    return kind(refusal.text, remedy)

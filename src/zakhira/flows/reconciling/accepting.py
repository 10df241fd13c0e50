"""A difference that may stay: an officer signs so, and it stays listed as accepted until it is gone."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from zakhira.controls.acts.authority import Authority
from zakhira.flows.officer_words import sign_approval
from zakhira.flows.ports.books import Books
from zakhira.flows.ports.signing import OfficerKey
from zakhira.flows.reconciling.case import Acceptance, Case, CaseState
from zakhira.flows.reconciling.halts import acceptance_counts, accepted_by
from zakhira.flows.reconciling.keeping import change_case, one_case, require_words
from zakhira.kernel.errors import Refused


class AlreadyClosed(Refused):
    """The difference of a case is gone: there is nothing to accept."""

    code = "ZK-FLOWS-176"


class AcceptanceForged(Refused):
    """Who accepts a difference is no officer of the policy in force, or their key does not count any more."""

    code = "ZK-FLOWS-177"


class AcceptedAlready(Refused):
    """The officer accepted this difference before."""

    code = "ZK-FLOWS-178"


def accept_case(
    books: Books,
    authority: Authority,
    name: str,
    because: str,
    officer: OfficerKey,
    at: datetime,
) -> Case:
    """Sign that the difference of a case may stay as it is, and why; its amounts are part of what is signed.

    Words alone close nothing: the case is listed as accepted until the difference is gone. If its amount changes it is
    open again.

    Raises:
        UnknownCase, BadCaseWords: there is no such case, or no reason.
        AlreadyClosed, AcceptedAlready: there is nothing to accept, or this officer did.
        AcceptanceForged: no officer's key of the policy in force.
    """
    require_words("reason", because)
    while True:
        before = one_case(books, name)
        if not before.is_listed:
            raise AlreadyClosed(f"Case {name} is closed: {before.because}.", "Nothing is left to do.")
        if officer.officer in accepted_by(before, authority):
            raise AcceptedAlready(f"{officer.officer} accepted {name} before.", "Another officer may accept it, too.")
        after = _accepted(before, authority, because.strip(), officer, at.replace(microsecond=0))
        if change_case(books, before, after, "accept case", officer.officer, at):
            return after


def _accepted(before: Case, authority: Authority, because: str, officer: OfficerKey, at: datetime) -> Case:
    given = Acceptance(because, sign_approval(officer, before.acceptance_hash(because), at, authority.version.hash))
    if not acceptance_counts(before, given, authority):
        raise AcceptanceForged(
            f"The key of {officer.officer} is no officer's key that counts now.",
            "Let an officer of the policy in force accept it.",
        )
    return replace(
        before,
        state=CaseState.ACCEPTED,
        changed_at=at,
        because=because,
        acceptances=(*(item for item in before.acceptances if item.word.officer != officer.officer), given),
    )

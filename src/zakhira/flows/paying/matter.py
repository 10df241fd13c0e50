"""A matter of payouts as the policy is asked about it, with what officers have said to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import cast

from zakhira.controls.approval import PROPOSAL_DOMAIN, Approval, Execution, Veto
from zakhira.controls.engine.decision import Decision, NeedKind, Verdict, Why
from zakhira.controls.engine.people import people_of
from zakhira.controls.engine.question import Destination, Question, Stage
from zakhira.controls.engine.rule_fit import rule_named
from zakhira.flows.decision_text import waits_until, why_not
from zakhira.flows.officer_words import sign_approval, sign_veto
from zakhira.flows.paying.desk import PayoutDesk
from zakhira.flows.paying.refusals import PayoutForged, PayoutMustWait, PayoutNotAllowed, PayoutWordNotTaken
from zakhira.flows.ports.signing import OfficerKey
from zakhira.flows.word_text import Fields, approval_json, approval_of, execution_json, execution_of, veto_json, veto_of
from zakhira.kernel.canonical import Json
from zakhira.kernel.interval import parse_utc, utc_text
from zakhira.kernel.money import Amount
from zakhira.kernel.signatures import signature_is_valid


@dataclass(frozen=True)
class Matter:
    """What officers sign, by its hash: the terms of a campaign, a batch, or the end of a stop."""

    action: str
    id: str
    hash: str
    proposer: str
    proposed_at: datetime
    expires_at: datetime
    signature: str
    """the proposer's own, over the hash"""
    amount: Amount | None = None
    destinations: tuple[Destination, ...] = ()
    purpose: str = ""
    vault: str = ""


@dataclass(frozen=True)
class Words:
    """What officers have said to a matter; ``mismatches`` are totals that were entered otherwise."""

    approvals: tuple[Approval, ...] = ()
    vetoes: tuple[Veto, ...] = ()
    execution: Execution | None = None
    mismatches: tuple[Execution, ...] = ()
    recorded_at: Mapping[str, datetime] = field(default_factory=dict)
    """when a signature was first recorded (UTC), by the signature"""

    def recorded(self, signature: str, at: datetime) -> Mapping[str, datetime]:
        """The moments with one more."""
        return {**self.recorded_at, signature: self.recorded_at.get(signature, at)}


def words_json(words: Words) -> Json:
    """Words as plain data."""
    return {
        "approvals": [approval_json(given) for given in words.approvals],
        "vetoes": [veto_json(given) for given in words.vetoes],
        "execution": execution_json(words.execution),
        "mismatches": [execution_json(given) for given in words.mismatches],
        "recorded_at": {signature: utc_text(at) for signature, at in words.recorded_at.items()},
    }


def words_of(told: Json, matter_hash: str, earlier: Iterable[Json] = ()) -> Words:
    """The words of a record; every no and every wrong entry of its ``earlier`` versions is among them.

    Whoever can write to the books, and has no officer's key, could else wipe a no by one more record.
    """
    fields = cast("Fields", told)
    words = Words(
        approvals=tuple(approval_of(item) for item in cast("list[Fields]", fields["approvals"])),
        vetoes=tuple(veto_of(item, matter_hash) for item in cast("list[Fields]", fields["vetoes"])),
        execution=execution_of(cast("Fields", fields["execution"])) if fields["execution"] else None,
        mismatches=tuple(execution_of(item) for item in cast("list[Fields]", fields["mismatches"])),
        recorded_at={name: parse_utc(text) for name, text in cast("Mapping[str, str]", fields["recorded_at"]).items()},
    )
    for version in earlier:
        before = words_of(version, matter_hash)
        words = replace(
            words,
            vetoes=tuple(dict.fromkeys((*words.vetoes, *before.vetoes))),
            mismatches=tuple(dict.fromkeys((*words.mismatches, *before.mismatches))),
        )
    return words


def require_signed(desk: PayoutDesk, matter: Matter) -> None:
    """Hold a matter against its proposer's signature, by any key that the officer ever had; raises PayoutForged."""
    keys = desk.in_force.keys_of(matter.proposer)
    if not any(signature_is_valid(key, PROPOSAL_DOMAIN, matter.hash, matter.signature) for key in keys):
        raise PayoutForged(
            f"{matter.id} in the books is not what was put forward: {matter.proposer} did not sign {matter.hash}.",
            "Approve nothing. Somebody has written to the database: find out who, and restore a backup.",
        )


def ask(desk: PayoutDesk, matter: Matter, words: Words, at: datetime, stage: Stage = Stage.EXECUTE) -> Decision:
    """What the policy in force says at ``at`` (UTC). Begin the step before, so that of two who ask one can write."""
    state = desk.in_force
    return desk.authority.decide(state.version.policy, state.standing, _question(matter, words, stage), at)


def _question(matter: Matter, words: Words, stage: Stage) -> Question:
    return Question(
        action=matter.action,
        id=matter.id,
        hash=matter.hash,
        proposer=matter.proposer,
        proposed_at=matter.proposed_at,
        expires_at=matter.expires_at,
        amount=matter.amount,
        vault=matter.vault,
        destinations=matter.destinations,
        purpose=matter.purpose,
        approvals=words.approvals,
        vetoes=words.vetoes,
        execution=words.execution,
        seen_at=words.recorded_at,
        stage=stage,
    )


def was_approved(desk: PayoutDesk, matter: Matter, words: Words) -> bool:
    """Whether the words were enough when the last yes was given, by the version of the policy in force at that moment.

    For what was approved once and counts for good: later versions, keys that are revoked later, and a freeze of today
    change nothing of it.
    """
    state = desk.in_force
    at = max((given.at for given in words.approvals), default=matter.proposed_at)
    version = [one for one in state.versions if not one.motion or one.in_force_since <= at][-1]
    since = version.in_force_since if version.motion else None
    standing = replace(state.standing, policy_hash=version.hash, freeze=None, since=since)
    return is_approved(desk.authority.decide(version.policy, standing, _question(matter, words, Stage.EXECUTE), at))


def is_approved(decision: Decision) -> bool:
    """Whether every approval is there and nothing stands against it; time and the second person may be missing."""
    kinds = {need.kind for need in decision.needs}
    return decision.verdict is not Verdict.REFUSED and NeedKind.APPROVAL not in kinds


def require_approved(matter: Matter, decision: Decision) -> None:
    """Pass if nothing but time and the second person is missing; raises PayoutNotAllowed."""
    if not is_approved(decision):
        raise not_allowed(matter, decision)


def not_allowed(matter: Matter, decision: Decision) -> PayoutNotAllowed:
    """The policy's no as an error."""
    remedy = "Gather the approvals that are missing, or prepare it anew within the policy."
    return PayoutNotAllowed(f"{matter.id} is not allowed. {why_not(decision)}", remedy)


def must_wait(matter: Matter, decision: Decision) -> PayoutMustWait:
    """Time that is missing as an error."""
    until = waits_until(decision)
    remedy = f"Come again at {utc_text(until)}." if until else "Prepare it anew within the policy."
    return PayoutMustWait(f"{matter.id} is not to be carried out yet. {why_not(decision)}", remedy)


_NOT_COUNTED = {Why.OTHER_POLICY.code, Why.REVOKED.code}


def with_approval(desk: PayoutDesk, matter: Matter, words: Words, officer: OfficerKey, at: datetime) -> Words:
    """The words with the officer's yes, given now under the policy in force; the same yes again changes nothing.

    Raises:
        PayoutWordNotTaken: it is no officer's, the proposer's own, or by a role that the rule does not ask.
        PayoutNotAllowed: the reserve is frozen, or the proposal's time is over.
    """
    standing = desk.in_force.standing
    if any((given.officer, given.policy_hash) == (officer.officer, standing.policy_hash) for given in words.approvals):
        return words
    given = sign_approval(officer, matter.hash, at, standing.policy_hash)
    others = tuple(item for item in words.approvals if item.officer != officer.officer)
    before = ask(desk, matter, replace(words, approvals=others), at)
    after_words = replace(words, approvals=(*others, given), recorded_at=words.recorded(given.signature, at))
    after = ask(desk, matter, after_words, at)
    if any(reason.code in {Why.FROZEN.code, Why.EXPIRED.code} for reason in after.reasons):
        raise not_allowed(matter, after)
    found = sorted(set(after.reasons) - set(before.reasons))
    found += [item for item in after.remarks if item not in before.remarks and item.code in _NOT_COUNTED]
    if found:
        raise PayoutWordNotTaken(f"{found[0].code} {found[0].text}", "Ask an officer whose word counts.")
    _require_asked(desk, after, officer, at)
    return after_words


def _require_asked(desk: PayoutDesk, decision: Decision, officer: OfficerKey, at: datetime) -> None:
    """Refuse a yes by a role that the rule does not ask for."""
    policy = desk.in_force.version.policy
    rule, people = rule_named(policy, decision.rule), people_of(policy)
    if rule is None:
        return
    asked = tuple(role for quorum in rule.quorums for role in quorum.roles)
    if not people.offices_with(officer.officer, asked, at):
        held = " and ".join(people.roles_at(officer.officer, at)) or "no role"
        raise PayoutWordNotTaken(
            f"{officer.officer} holds {held}, which does not approve this (rule {rule.id}).",
            f"Ask one of {' or '.join(dict.fromkeys(asked))}.",
        )


def with_veto(desk: PayoutDesk, matter: Matter, words: Words, officer: OfficerKey, reason: str, at: datetime) -> Words:
    """The words with the officer's no; raises PayoutWordNotTaken where it would not count."""
    given = sign_veto(officer, matter.hash, reason, at)
    after = replace(words, vetoes=(*words.vetoes, given))
    decision = ask(desk, matter, after, at)
    if Why.VETOED.code not in {item.code for item in decision.reasons}:
        raise PayoutWordNotTaken(why_not(decision), "Ask an officer who may say no to it.")
    return after

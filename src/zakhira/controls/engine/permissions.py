"""Who may call what: Cedar's answer, from the policy's roles and rules and the programme's own policies."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import TypeAlias

from cedarpy import AuthzResult, PolicySet, Schema, is_authorized

from zakhira.controls.engine.cedar_text import (
    FIXED,
    NO_STEPS,
    SCHEMA,
    STEPS,
    STEPS_ON_KEYS,
    STEPS_ON_MATTERS,
    governing_text,
    rule_text,
)
from zakhira.controls.engine.people import People, people_of
from zakhira.controls.engine.question import Question
from zakhira.controls.engine.rule_fit import first_fit
from zakhira.controls.engine.standing import Standing
from zakhira.kernel.errors import InvalidInput
from zakhira.programme.model import Policy
from zakhira.programme.policy import Rule


class UnknownStep(InvalidInput):
    """A step that nobody can call, or one that is not about what was given."""

    code = "ZK-CONTROLS-020"


class BadAuthorization(InvalidInput):
    """Cedar text of the programme's own cannot be used (see :mod:`zakhira.controls.engine.cedar_faults`)."""

    code = "ZK-CONTROLS-022"


class CedarUnsure(InvalidInput):
    """Cedar met an error where it evaluated a policy: no answer of it is taken for a yes."""

    code = "ZK-CONTROLS-021"


_MEND = "Mend authorization in the policy: zakhira policy check names the line."


@dataclass(frozen=True)
class KeyOf:
    """The key of an officer, as the object of enrolling and revoking."""

    officer: str


About: TypeAlias = Question | KeyOf | None
"""A matter, a key, or the reserve as a whole."""


@dataclass(frozen=True)
class Permission:
    """``policies`` names the Cedar policies that decided, by their ``@id``; none where no policy permits it."""

    allowed: bool
    policies: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class Facts:
    """All that Cedar is told about one call."""

    step: str
    officer: str
    person: str
    roles: tuple[str, ...]
    revoked: bool
    frozen: bool
    rule: str = ""
    action: str = ""
    proposer: str = ""
    approvers: tuple[str, ...] = ()
    vault: str = ""
    path: str = ""
    purpose: str = ""
    amount: int | None = None
    commodity: str = ""
    holder: str = ""


def permit(policy: Policy, standing: Standing, officer: str, step: str, about: About, at: datetime) -> Permission:
    """Whether ``officer`` may call ``step`` at ``at`` (UTC): deputies hold roles on the local day of ``at``.

    It says nothing of the value that moves: :func:`zakhira.controls.engine.decide.decide` must say yes as well.
    The engine asks here for the proposer, for every approving officer and for the executing one.

    Raises:
        UnknownStep: there is no such step, or it is not about such an object.
        BadAuthorization, CedarUnsure: the programme's own Cedar text cannot be read or evaluated.
    """
    _require_sense(step, about)
    people = people_of(policy)
    if officer not in people.officers:
        return Permission(allowed=False, policies=(), reason=f"{officer} is no officer of the policy.")
    rule = first_fit(policy, about, at).rule if isinstance(about, Question) else None
    return ask_cedar(policy, standing, people, officer, step, about, rule, at)


def _require_sense(step: str, about: About) -> None:
    if step not in STEPS:
        raise UnknownStep(f"There is no step {step!r}.", f"Use one of {', '.join(STEPS)}.")
    wanted = Question if step in STEPS_ON_MATTERS else KeyOf if step in STEPS_ON_KEYS else type(None)
    if not isinstance(about, wanted):
        named = {Question: "a matter", KeyOf: "a key", type(None): "the reserve as a whole"}[wanted]
        raise UnknownStep(f"The step {step!r} is about {named}.", "Give that, and nothing else.")


def ask_cedar(
    policy: Policy,
    standing: Standing,
    people: People,
    officer: str,
    step: str,
    about: About,
    rule: Rule | None,
    at: datetime,
) -> Permission:
    """As :func:`permit`, for an officer that exists and the rule that is known to fit.

    Cedar is given the fixed policies, those of this rule and the programme's own: no other can be about the matter.
    """
    key = people.officers[officer].public_key.lower()
    moment = {name.lower(): since for name, since in standing.revoked.items()}.get(key)
    says_no = step in NO_STEPS and key in standing.may_say_no
    facts = Facts(
        step=step,
        officer=officer,
        person=people.persons[officer],
        roles=people.roles_at(officer, at),
        revoked=moment is not None and moment <= at and not says_no,
        frozen=standing.freeze is not None,
    )
    text = FIXED + (rule_text(rule) if rule is not None else "") + own_text(policy.authorization)
    if isinstance(about, Question):
        facts = _matter_facts(facts, people, about, rule, is_whole=bool(policy.authorization))
    elif isinstance(about, KeyOf):
        facts = replace(facts, holder=people.persons.get(about.officer, about.officer))
        text += governing_text(policy)
    return _answer(text, facts)


def _matter_facts(facts: Facts, people: People, about: Question, rule: Rule | None, *, is_whole: bool) -> Facts:
    """What the policies can refer to: those that follow from the rules ask for people alone."""
    persons = people.persons
    approved = {persons[given.officer] for given in about.approvals if given.officer in persons}
    facts = replace(
        facts,
        rule=rule.id if rule is not None else "",
        action=about.action,
        proposer=persons.get(about.proposer, ""),
        approvers=tuple(sorted(approved)) if is_whole or facts.step == "execute" else (),
    )
    if not is_whole:
        return facts
    amount = about.amount
    return replace(
        facts,
        vault=about.vault,
        path=about.path,
        purpose=about.purpose,
        amount=None if amount is None else amount.units,
        commodity="" if amount is None else amount.commodity.value,
    )


@lru_cache(maxsize=1)
def cedar_schema() -> Schema:
    """The schema of entities and actions, parsed."""
    return Schema.from_str(SCHEMA)


@lru_cache(maxsize=512)
def _parsed(text: str) -> PolicySet:
    try:
        return PolicySet.from_str(text)
    except ValueError as error:
        raise BadAuthorization(f"The Cedar text cannot be read: {error}.", _MEND) from error


@lru_cache(maxsize=512)
def own_text(text: str) -> str:
    """Cedar text of the programme's own, as it is: it can forbid more, and permit nothing.

    Who may do what follows from rules, which are looked at by analysis; a permit beside them would bypass it.

    Raises:
        BadAuthorization: it cannot be read, or permits something.
    """
    if is_permit(_parsed(text)):
        raise BadAuthorization("The Cedar text of the programme's own permits something: it may only forbid.", _MEND)
    return text


def is_permit(policies: PolicySet) -> bool:
    """Whether any of these permits anything, by a template as well."""
    told = policies.to_pst()
    return any(item.effect != "forbid" for item in (*told.static_policies.values(), *told.templates.values()))


@lru_cache(maxsize=65_536)
def _answer(text: str, facts: Facts) -> Permission:
    """Cedar's answer, which depends on its arguments alone: the same call is asked again at each step of a matter."""
    resource = _resource(facts)
    officer = {
        "uid": _uid("Officer", facts.officer),
        "attrs": {"person": facts.person, "revoked": facts.revoked},
        "parents": [_uid("Role", role) for role in facts.roles],
    }
    request = {
        "principal": _uid("Officer", facts.officer),
        "action": _uid("Action", facts.step),
        "resource": resource["uid"],
        "context": {"frozen": facts.frozen},
    }
    policies = _parsed(text)
    answer = is_authorized(request, policies, [officer, resource], schema=cedar_schema())
    if answer.diagnostics.errors:
        raise CedarUnsure(
            f"Cedar cannot say whether {facts.officer} may {facts.step}: {'; '.join(answer.diagnostics.errors)}.",
            _MEND,
        )
    return _told(answer, facts)


def _told(answer: AuthzResult, facts: Facts) -> Permission:
    names = answer.diagnostics.id_annotations_by_reason
    decided = tuple(
        sorted(names.get(reason, "a policy of the programme's own") for reason in answer.diagnostics.reasons)
    )
    what = facts.step.replace("-", " ")
    if answer.allowed:
        return Permission(allowed=True, policies=decided, reason=f"{facts.officer} may {what} it.")
    why = f"forbidden by: {', '.join(decided)}" if decided else "no policy permits it"
    return Permission(allowed=False, policies=decided, reason=f"{facts.officer} may not {what} this: {why}.")


def _uid(kind: str, name: str) -> dict[str, str]:
    return {"type": kind, "id": name}


def _resource(facts: Facts) -> dict[str, object]:
    if facts.step in STEPS_ON_KEYS:
        return {"uid": _uid("Key", facts.holder), "attrs": {"holder": facts.holder}, "parents": []}
    if facts.step not in STEPS_ON_MATTERS:
        return {"uid": _uid("Reserve", "the reserve"), "attrs": {}, "parents": []}
    told: dict[str, object] = {
        "action": facts.action,
        "proposer": facts.proposer,
        "approvers": list(facts.approvers),
        "vault": facts.vault,
        "path": facts.path,
        "purpose": facts.purpose,
        "commodity": facts.commodity,
    }
    if facts.amount is not None:
        told["amount"] = facts.amount
    parents = [_uid("Rule", facts.rule)] if facts.rule else []
    return {"uid": _uid("Matter", "matter"), "attrs": told, "parents": parents}

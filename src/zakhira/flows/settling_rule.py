"""Who may give a coin in suspense its purpose: the policy's rule for settling, and whether people fill its seats."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from zakhira.controls.engine.people import people_of
from zakhira.controls.engine.question import Question
from zakhira.controls.engine.rule_fit import first_fit
from zakhira.controls.engine.seats import Seating, seats_of
from zakhira.kernel.money import sats
from zakhira.programme.model import Officer, Policy
from zakhira.programme.policy import Quorum, Rule

SETTLE = "settle"
_NO_MOMENT = datetime(1970, 1, 1, tzinfo=UTC)
"""A settlement has no destination, and only payees depend on the moment."""


def settling_rule(policy: Policy, vault: str, purpose: str, amount_sats: int) -> Rule | None:
    """The rule that fits a settlement of this coin; None where none does or the first that fits refuses.

    A policy without rules lets a proposing officer and one who approves do it.
    """
    if not policy.rules:
        quorum = Quorum(1, policy.approve_roles)
        return Rule(SETTLE, policy.clause, (SETTLE,), propose_roles=(policy.propose_role,), quorums=(quorum,))
    question = Question(
        SETTLE, "", "", "", _NO_MOMENT, _NO_MOMENT, amount=sats(amount_sats), vault=vault, purpose=purpose
    )
    rule = first_fit(policy, question, _NO_MOMENT).rule
    return None if rule is None or rule.effect == "refuse" else rule


def stand_behind(policy: Policy, rule: Rule, signed: Sequence[Officer]) -> bool:
    """Whether one of the officers may propose by the rule, and the others, each another person, fill its seats.

    A rule without a quorum still asks for a second person: nothing is credited on one person's word.
    """
    people = people_of(policy)
    seats = seats_of(rule.quorums) or (policy.roles,)
    roles = {officer.id: people.roles(officer.id) for officer in policy.officers}
    for proposer in signed:
        if rule.propose_roles and not set(roles[proposer.id]) & set(rule.propose_roles):
            continue
        seating = Seating(seats, roles)
        for other in signed:
            if people.persons[other.id] != people.persons[proposer.id]:
                seating.add(people.persons[other.id], (other.id,))
        if not seating.fill():
            return True
    return False


def wanted_words(rule: Rule | None) -> str:
    """Who has to sign, in words."""
    if rule is None:
        return "nobody: no rule of the policy lets this coin be settled"
    proposers = " or ".join(rule.propose_roles) or "any role"
    others = [f"{quorum.count} of {' or '.join(quorum.roles)}" for quorum in rule.quorums] or ["one of any role"]
    return f"one of the role {proposers}, and as other persons {' and '.join(others)}"

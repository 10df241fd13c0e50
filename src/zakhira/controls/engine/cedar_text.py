"""Who may call what, as Cedar policies that a person can read: what follows from the rules, and the programme's own."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from zakhira.controls.engine.rule_fit import rules_of
from zakhira.programme.model import Policy
from zakhira.programme.policy import Rule

STEPS = (
    "propose",
    "approve",
    "veto",
    "execute",
    "hand-out",
    "broadcast",
    "freeze",
    "thaw",
    "revoke",
    "enrol",
    "settle",
    "sign-audit",
    "read",
)
"""What an officer can call. The names are the actions of the Cedar schema."""
STEPS_ON_MATTERS = ("propose", "approve", "veto", "execute", "hand-out", "broadcast", "thaw", "settle")
STEPS_ON_KEYS = ("revoke", "enrol")
NO_STEPS = ("veto", "freeze")
"""What a key that another officer alone revoked can do still: its officer is not told as revoked there."""

SCHEMA = """\
entity Role;
entity Rule;
entity Reserve;
entity Officer in [Role] = { person: String, revoked: Bool };
entity Matter in [Rule] = {
  action: String, proposer: String, approvers: Set<String>,
  vault: String, path: String, purpose: String, commodity: String, amount?: Long,
};
entity Key = { holder: String };
action propose, approve, veto, execute, "hand-out", broadcast, thaw, settle appliesTo {
  principal: Officer, resource: Matter, context: { frozen: Bool },
};
action revoke, enrol appliesTo { principal: Officer, resource: Key, context: { frozen: Bool } };
action freeze, "sign-audit", read appliesTo { principal: Officer, resource: Reserve, context: { frozen: Bool } };
"""
"""``amount`` counts least units (satoshi, paisa, cent) of ``commodity``, which is empty without one. A matter lies in
the rule that fits it, an officer in the roles that it holds on the day of the step, as a deputy as well. No time is
told: what depends on it, the rules name."""

FIXED = """\
// Holds for every programme.
@id("a revoked key does nothing")
forbid(principal, action, resource) when { principal.revoked };

@id("frozen: only the thaw goes on")
forbid(principal, action in [Action::"propose", Action::"approve", Action::"execute", Action::"hand-out",
  Action::"broadcast", Action::"settle"], resource is Matter)
when { context.frozen && resource.action != "thaw" };

@id("nobody approves or executes an own proposal")
forbid(principal, action in [Action::"approve", Action::"execute"], resource is Matter)
when { principal.person == resource.proposer };

@id("nobody executes what they approved")
forbid(principal, action == Action::"execute", resource is Matter)
when { resource.approvers.contains(principal.person) };

@id("any officer freezes, reads, and signs a head of the audit chain")
permit(principal, action in [Action::"freeze", Action::"read", Action::"sign-audit"], resource);

@id("any officer revokes a key of their own")
permit(principal, action == Action::"revoke", resource is Key) when { resource.holder == principal.person };
"""


def cedar_text(policy: Policy) -> str:
    """All Cedar policies in force: the fixed ones, those of every rule, and the programme's own."""
    parts = [FIXED, *(rule_text(rule) for rule in rules_of(policy)), governing_text(policy)]
    if policy.authorization:
        parts.append(f"// The programme's own.\n{policy.authorization.strip()}\n")
    return "\n".join(part for part in parts if part)


@cache
def rule_text(rule: Rule) -> str:
    """The permits that follow from one rule; none from a rule that refuses."""
    head = f"// Rule {_comment(rule.id)}: {_comment(rule.clause)}\n"
    if rule.effect == "refuse":
        return f"{head}// It refuses: nobody may call anything for what it fits.\n"
    return head + "".join(f"{permit}\n" for permit in _permits(rule))


def _permits(rule: Rule) -> Iterator[str]:
    approving = _united(*(quorum.roles for quorum in rule.quorums))
    carrying = _united(rule.propose_roles, rule.execute_roles) if rule.propose_roles else ()
    where = f"resource in Rule::{quoted(rule.id)}"
    yield _permit(rule.id, "propose", ("propose",), rule.propose_roles, where)
    if approving:
        yield _permit(rule.id, "approve", ("approve",), approving, where)
    yield _permit(rule.id, "veto", ("veto",), rule.veto_roles, where)
    if rule.execute_roles:
        yield _permit(rule.id, "execute", ("execute",), rule.execute_roles, where)
    yield _permit(rule.id, "carry out", ("hand-out", "broadcast"), carrying, where)
    signing = _united(rule.propose_roles, approving) if rule.propose_roles else ()
    for step in ("settle", "thaw"):
        if step in rule.actions:
            yield _permit(rule.id, step, (step,), signing, where, f'resource.action == "{step}"')


def governing_text(policy: Policy) -> str:
    """Who enrols and revokes keys of others: whoever proposes or approves changes of the policy."""
    changing = [rule for rule in rules_of(policy) if "policy-change" in rule.actions and rule.effect == "allow"]
    if not changing:
        return ""
    roles: tuple[str, ...] = ()
    if all(rule.propose_roles for rule in changing):
        quorums = [quorum.roles for rule in changing for quorum in rule.quorums]
        roles = _united(*(rule.propose_roles for rule in changing), *quorums)
    head = "// Keys: who changes the policy enrols and revokes them, with the quorum of its rule.\n"
    return head + _permit("keys", "enrol and revoke", STEPS_ON_KEYS, roles, "resource is Key") + "\n"


def _united(*groups: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(role for group in groups for role in group))


def _permit(name: str, what: str, steps: tuple[str, ...], roles: tuple[str, ...], where: str, also: str = "") -> str:
    """One permit; without roles it is for any officer."""
    actions = [f"Action::{quoted(step)}" for step in steps]
    action = f"action == {actions[0]}" if len(actions) == 1 else f"action in [{', '.join(actions)}]"
    held = f"principal in [{', '.join(f'Role::{quoted(role)}' for role in roles)}]" if roles else ""
    conditions = " && ".join(part for part in (also, held) if part)
    when = f"\nwhen {{ {conditions} }}" if conditions else ""
    return f"@id({quoted(f'{name}: {what}')})\npermit(principal, {action}, {where}){when};"


def quoted(text: str) -> str:
    """A Cedar string: quotes and backslashes escaped, what is not printable as a code point."""
    made = "".join(
        f"\\{char}" if char in '"\\' else char if char.isprintable() else f"\\u{{{ord(char):x}}}" for char in text
    )
    return f'"{made}"'


def _comment(text: str) -> str:
    """Text on one line: a comment ends with it."""
    return "".join(char if char.isprintable() else " " for char in text)

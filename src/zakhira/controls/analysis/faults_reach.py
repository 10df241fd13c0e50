"""Rules that never decide, rules that answer one question differently, and what no rule allows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations, islice

from zakhira.controls.analysis.cells import PATHS, Cell, Deciders, Space
from zakhira.controls.analysis.finding import Finding, PolicyCause, Severity, Step
from zakhira.controls.analysis.words import listing
from zakhira.programme.model import Policy
from zakhira.programme.policy import Rule

MOST_COVERING = 6
"""Covering rules that are named one by one."""
_ALWAYS_WANTED = ("settle", "policy-change", "thaw")
"""Actions that every reserve comes to need, whatever its vaults."""


def answer_of(rule: Rule | None) -> object:
    """What a rule answers, without its name: two rules with the same are one answer."""
    if rule is None or rule.effect == "refuse":
        return "refuse"
    return (
        frozenset(rule.propose_roles),
        tuple(sorted((quorum.count, tuple(sorted(quorum.roles))) for quorum in rule.quorums)),
        frozenset(rule.execute_roles),
        (rule.delay_hours, frozenset(rule.veto_roles), rule.balance_share),
        (rule.from_hour, rule.to_hour, frozenset(rule.weekdays), rule.holidays),
        (frozenset(rule.signers), frozenset(rule.windows)),
    )


def reach_findings(space: Space, deciders: Deciders) -> Iterator[Finding]:
    """Rules that never decide, and pairs that overlap without either being the other's exception."""
    live: list[Rule] = []
    for rule in deciders.rules:
        covering: dict[str, Cell] = {}
        decides = False
        for cell, decider in deciders.decided(cell for action in rule.actions for cell in space.cells(action, rule)):
            if decider is rule:
                decides = True
                break
            if decider is not None:
                covering.setdefault(decider.id, cell)
        if decides:
            live.append(rule)
        else:
            yield _never(rule, covering)
    yield from _overlaps(live, space, deciders)


def _never(rule: Rule, covering: dict[str, Cell]) -> Finding:
    if not covering:
        message = f"No question fits rule {rule.id}: its selectors leave none."
        return Finding(PolicyCause.NEVER_DECIDES, Severity.FAULT, "rule", rule.id, "", message)
    names = [f"{name!r}" for name in islice(covering, MOST_COVERING)]
    rest = len(covering) - len(names)
    by = listing([*names, *([f"{rest} more"] if rest else [])])
    together = " together" if len(covering) > 1 else ""
    message = f"Rule {rule.id} never decides: whatever fits it fits the earlier {by}{together} first."
    steps = tuple(Step(cell, name) for name, cell in islice(covering.items(), MOST_COVERING))
    return Finding(PolicyCause.NEVER_DECIDES, Severity.FAULT, "rule", rule.id, "", message, steps)


def _overlaps(rules: list[Rule], space: Space, deciders: Deciders) -> Iterator[Finding]:
    """Pairs of which each fits something that the other does not, and that answer what both fit differently.

    Where the first fits nothing but what the second fits too it is an exception from it, and where it refuses a bar
    in front of the others: that is how rules are written.
    """
    for early, late in combinations(rules, 2):
        if early.effect == "refuse" or answer_of(early) == answer_of(late):
            continue
        shared = _shared(early, late, space, deciders)
        if shared is not None and not _is_within(early, late, shared.action, space, deciders):
            message = (
                f"Rules {early.id} and {late.id} both fit a {shared}, and answer it differently: {early.id} decides, "
                f"because it stands first."
            )
            yield Finding(PolicyCause.OVERLAP, Severity.WARNING, "rule", late.id, "", message)


def _shared(early: Rule, late: Rule, space: Space, deciders: Deciders) -> Cell | None:
    """A question that both fit and that no rule before ``early`` decides."""
    for action in early.actions:
        for cell in space.cells(action, early, late) if action in late.actions else ():
            if deciders.fits(late, cell) and deciders.decider(cell) is early:
                return cell
    return None


def _is_within(early: Rule, late: Rule, action: str, space: Space, deciders: Deciders) -> bool:
    """Whether all of an action that fits ``early`` fits ``late``."""
    cells = (cell for cell in space.cells(action, early) if deciders.fits(early, cell))
    return all(deciders.fits(late, cell) for cell in cells)


def coverage_findings(policy: Policy, space: Space, deciders: Deciders) -> Iterator[Finding]:
    """Recovery paths, vaults and actions that no rule allows."""
    allowed = {
        (vault.id, path) for vault in policy.vaults for path in PATHS if _lets_out(vault.id, path, space, deciders)
    }
    rules = [rule for rule in deciders.rules if rule.effect == "allow"]
    actions = {
        action
        for action in ("home", *_ALWAYS_WANTED)
        if any(deciders.example(rule, action, space) is not None for rule in rules)
    }
    for vault in policy.vaults:
        if (vault.id, "main") not in allowed:
            message = f"No rule allows a spend or a move from vault {vault.id}: its coins stay for ever."
            yield Finding(PolicyCause.NOT_COVERED, Severity.WARNING, "vault", vault.id, "", message)
        recovery = vault.recovery
        if recovery is not None and (vault.id, "recovery") not in allowed:
            message = (
                f"No rule allows anything by the recovery path of vault {vault.id}: {recovery.threshold} of its keys "
                f"can move the coins after {recovery.after_blocks} blocks, and nothing says who may ask them."
            )
            yield Finding(PolicyCause.RECOVERY_UNCOVERED, Severity.FAULT, "vault", vault.id, "", message)
    for action in ("home", *_ALWAYS_WANTED):
        if action not in actions:
            message = f"No rule allows the action {action}: whoever asks for it is refused."
            yield Finding(PolicyCause.NOT_COVERED, Severity.WARNING, "policy", "", "", message)


def _lets_out(vault: str, path: str, space: Space, deciders: Deciders) -> bool:
    """Whether a rule allows any spend or move from a vault by a path."""
    for action in ("spend", "move"):
        for rule in deciders.rules:
            if rule.effect == "allow" and action in rule.actions and path in (rule.paths or ("main",)):
                only = replace(rule, vaults=(vault,)) if not rule.vaults or vault in rule.vaults else None
                cells = space.cells(action, replace(only, paths=(path,))) if only else ()
                if any(deciders.decider(cell) is rule for cell in cells):
                    return True
    return False

"""All questions that a policy can tell apart, as finitely many cells: one question stands for all that are like it.

A rule looks at action, vault, path, kind of destination, purpose and amount alone, and of amounts only at the ends of
bands. So the values that rules name, one that none names, and the lowest amount between two ends are enough.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import product

from zakhira.controls.engine.question import Destination, Question
from zakhira.controls.engine.rule_fit import rule_fits, rules_of
from zakhira.kernel.money import Amount, Commodity
from zakhira.programme.model import Policy
from zakhira.programme.policy import ANY, COIN_ACTIONS, LISTED, OWN, Payee, Rule

OTHER_VAULT, OTHER_PURPOSE = "another-vault", "another purpose"
"""Stand for every vault and purpose that no rule names."""
PATHS = ("main", "recovery")
MOTIONS = ("policy-change", "thaw", "vault")
"""Matters without an amount, a vault that pays, or a purpose."""
_AT = datetime(2000, 1, 1, tzinfo=UTC)
"""When the questions are asked: what fits a rule does not depend on it, but for payees listed too late."""
_LISTED, _OUTSIDE = "listed-payee", "somebody-outside"
_PAYEE = Payee(_LISTED, "a payee of the list", _LISTED, _AT - timedelta(days=36_600))
_WITHOUT_DESTINATION = ""


@dataclass(frozen=True)
class Cell:
    """One question that stands for all that the policy cannot tell from it."""

    action: str
    vault: str = ""
    path: str = "main"
    destination: str = ""
    """``any`` (somebody outside who is not listed), ``listed``, ``own`` (with ``to_vaults``); empty: there is none"""
    to_vaults: tuple[str, ...] = ()
    purpose: str = ""
    amount: Amount | None = None

    @cached_property
    def question(self) -> Question:
        """The cell as a question about fitting: nobody has signed anything."""
        at = _AT
        return Question(
            action=self.action,
            id="cell",
            hash="",
            proposer="",
            proposed_at=at,
            expires_at=at,
            amount=self.amount,
            vault=self.vault,
            path=self.path,
            destinations=self.destinations(_LISTED, _OUTSIDE),
            purpose=self.purpose,
        )

    def destinations(self, listed: str, outside: str) -> tuple[Destination, ...]:
        """Where the amount goes, with these addresses for a payee of the list and for anybody else."""
        if not self.destination:
            return ()
        amount = self.amount or Amount(0, Commodity.BTC)
        if self.destination != OWN:
            return (Destination(listed if self.destination == LISTED else outside, amount),)
        first = amount.units - len(self.to_vaults) + 1
        parts = (first, *(1 for _ in self.to_vaults[1:]))
        return tuple(
            Destination(f"address of {name}", Amount(units, amount.commodity), name)
            for name, units in zip(self.to_vaults, parts, strict=True)
        )

    def with_amount(self, units: int) -> Cell:
        """The same with another amount."""
        assert self.amount is not None, "a motion has no amount"
        return replace(self, amount=Amount(units, self.amount.commodity))

    def __str__(self) -> str:
        parts = [self.action]
        if self.amount is not None:
            parts.append(f"of {self.amount}")
        if self.vault:
            parts.append(f"from {self.vault if self.vault != OTHER_VAULT else 'any other vault'}")
        if self.path != "main":
            parts.append(f"by the path {self.path}")
        if self.destination == OWN:
            parts.append(f"to {' and '.join('any other vault' if v == OTHER_VAULT else v for v in self.to_vaults)}")
        elif self.destination:
            parts.append("to a payee of the list" if self.destination == LISTED else "to anybody outside")
        if self.purpose:
            parts.append(f"for {'anything else' if self.purpose == OTHER_PURPOSE else self.purpose}")
        return " ".join(parts)


@dataclass(frozen=True)
class Space:
    """The values that the rules of one or more policies can tell apart, and with them every cell."""

    rules: tuple[Rule, ...]
    vaults: tuple[str, ...]
    """every vault that is there or that a rule names, and the one that none names"""
    groups: tuple[tuple[str, ...], ...]
    """vaults that a rule pays together, and each alone"""
    _ends: dict[tuple[str, str, str], tuple[Amount, ...]] = field(default_factory=dict, repr=False, compare=False)
    _purposes: dict[str, tuple[str, ...]] = field(default_factory=dict, repr=False, compare=False)

    def cells(self, action: str, *within: Rule) -> Iterator[Cell]:
        """Every cell of an action, or those that could fit all of some rules."""
        if action in MOTIONS:
            yield Cell(action)
            return
        vaults, purposes = self._vaults(action), self.purposes(action)
        paths: tuple[str, ...] = PATHS if action in COIN_ACTIONS else ("main",)
        for rule in within:
            vaults, purposes = _within(vaults, rule.vaults), _within(purposes, rule.purposes)
            paths = _within(paths, rule.paths or ("main",))
        for vault, path, purpose in product(vaults, paths, purposes):
            for amount in self._amounts(action, vault, purpose):
                if not all(_in_band(rule, amount) for rule in within):
                    continue
                for destination, to_vaults in self._destinations(action, vault):
                    if amount is not None or not destination:
                        yield Cell(action, vault, path, destination, to_vaults, purpose, amount)

    def purposes(self, action: str) -> tuple[str, ...]:
        """The purposes that rules about an action name, and the one that stands for all others."""
        if action not in self._purposes:
            named = (purpose for rule in self.rules if action in rule.actions for purpose in rule.purposes)
            self._purposes[action] = tuple(dict.fromkeys((*named, OTHER_PURPOSE)))
        return self._purposes[action]

    def ends(self, action: str, vault: str, purpose: str) -> tuple[Amount, ...]:
        """The lowest amounts of the bands that can matter there, ascending for each commodity, from 1 least unit on."""
        key = (action, vault, purpose)
        if key not in self._ends:
            found = {(Commodity.BTC, 1)}
            for rule in self.rules:
                if _could_fit(rule, action, vault, purpose):
                    for end in (rule.from_amount, rule.below_amount):
                        if end is not None:
                            found |= {(end.commodity, 1), (end.commodity, max(1, end.units))}
            in_order = sorted(found, key=lambda end: (end[0].value, end[1]))
            self._ends[key] = tuple(Amount(units, commodity) for commodity, units in in_order)
        return self._ends[key]

    def amounts(self, cell: Cell) -> tuple[Amount, ...]:
        """The lowest amounts of all bands of bitcoin where a cell lies, ascending."""
        ends = self.ends(cell.action, cell.vault, cell.purpose)
        return tuple(end for end in ends if end.commodity is Commodity.BTC)

    def _vaults(self, action: str) -> tuple[str, ...]:
        if action in COIN_ACTIONS:
            return self.vaults
        return ("", *self.vaults) if action in {"payout", "settle"} else ("",)

    def _amounts(self, action: str, vault: str, purpose: str) -> tuple[Amount | None, ...]:
        ends = self.ends(action, vault, purpose)
        return tuple(end for end in ends if end.commodity is Commodity.BTC) if action in COIN_ACTIONS else (None, *ends)

    def _destinations(self, action: str, vault: str) -> Iterator[tuple[str, tuple[str, ...]]]:
        if action == "home":
            yield OWN, (vault,)
            return
        if action in {"spend", "payout"}:
            yield from ((LISTED, ()), (ANY, ()))
        if action in {"spend", "move"}:
            yield from ((OWN, group) for group in self.groups)
        if action not in COIN_ACTIONS:
            yield _WITHOUT_DESTINATION, ()


def space_of(*policies: Policy) -> Space:
    """The values that the rules of these policies can tell apart."""
    rules = [rule for policy in policies for rule in rules_of(policy)]
    there = [vault.id for policy in policies for vault in policy.vaults]
    named = [name for rule in rules for name in (*rule.vaults, *rule.to_vaults)]
    vaults = tuple(dict.fromkeys((*there, *named, OTHER_VAULT)))
    groups = dict.fromkeys((*((name,) for name in vaults), *(rule.to_vaults for rule in rules if rule.to_vaults)))
    return Space(tuple(rules), vaults, tuple(groups))


def _could_fit(rule: Rule, action: str, vault: str, purpose: str) -> bool:
    """A first sieve of rules; the engine decides."""
    return (
        action in rule.actions
        and (not rule.vaults or vault in rule.vaults)
        and (not rule.purposes or purpose in rule.purposes)
    )


def _within(values: tuple[str, ...], chosen: Sequence[str]) -> tuple[str, ...]:
    return tuple(value for value in values if value in chosen) if chosen else values


def _in_band(rule: Rule, amount: Amount | None) -> bool:
    """A first sieve of cells; the engine decides."""
    for end in (rule.from_amount, rule.below_amount):
        if end is not None and (amount is None or end.commodity is not amount.commodity):
            return False
    if amount is None:
        return True
    low, high = rule.from_amount, rule.below_amount
    return (low is None or low.units <= amount.units) and (high is None or amount.units < high.units)


@dataclass(frozen=True)
class Deciders:
    """Which rule of a policy decides a cell: the engine's own first fit, over a policy with one payee."""

    policy: Policy
    _known: dict[Cell, Rule | None] = field(default_factory=dict, repr=False, compare=False)
    _examples: dict[tuple[str, str], Cell | None] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def _probe(self) -> Policy:
        return replace(self.policy, payees=(_PAYEE,), vaults=(), officers=())

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """The rules in force, each of them once: they are told apart as objects."""
        return rules_of(self.policy)

    @cached_property
    def _by_action(self) -> dict[str, tuple[Rule, ...]]:
        actions = {action for rule in self.rules for action in rule.actions}
        return {action: tuple(rule for rule in self.rules if action in rule.actions) for action in actions}

    def decider(self, cell: Cell) -> Rule | None:
        """The rule that decides; None where none fits."""
        if cell not in self._known:
            self._known[cell] = next(self.fitting(cell), None)
        return self._known[cell]

    def fitting(self, cell: Cell) -> Iterator[Rule]:
        """Every rule that fits, in order."""
        question = cell.question
        for rule in self._by_action.get(cell.action, ()):
            if rule_fits(rule, self._probe, question, _AT):
                yield rule

    def fits(self, rule: Rule, cell: Cell) -> bool:
        """Whether one rule fits."""
        return rule_fits(rule, self._probe, cell.question, _AT)

    def example(self, rule: Rule, action: str, space: Space) -> Cell | None:
        """The first cell of an action that a rule decides; None where it decides none."""
        key = (rule.id, action)
        if key not in self._examples:
            cells = space.cells(action, rule) if action in rule.actions else ()
            self._examples[key] = next((cell for cell in cells if self.decider(cell) is rule), None)
        return self._examples[key]

    def decided(self, cells: Iterable[Cell]) -> Iterator[tuple[Cell, Rule | None]]:
        """Cells with their rules."""
        for cell in cells:
            yield cell, self.decider(cell)

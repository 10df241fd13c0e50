"""How an amount gets from a vault to a destination: whole or in parts, directly or over other vaults, and by whom."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise

from zakhira.controls.analysis.cells import OTHER_PURPOSE, OTHER_VAULT, PATHS, Cell, Deciders, Space
from zakhira.controls.analysis.crews import Place, Staff, places_of, staff_of
from zakhira.controls.analysis.faults_terms import never_met, refuses_for_ever
from zakhira.kernel.money import Amount, sats
from zakhira.programme.model import Policy
from zakhira.programme.policy import ANY, OWN, Rule, Window


@dataclass(frozen=True)
class Passage:
    """A matter, or several alike, that bring an amount from one place to another by one rule."""

    cell: Cell
    rule: Rule
    times: int = 1

    @property
    def places(self) -> tuple[Place, ...]:
        """Who is asked for, each time the same people."""
        return places_of(self.rule)


@dataclass(frozen=True)
class Ways:
    """The passages that a policy allows."""

    policy: Policy
    space: Space
    deciders: Deciders
    _moves: dict[tuple[str, str, Amount], tuple[Passage, ...]] = field(default_factory=dict, repr=False)
    _outs: dict[tuple[str, str, str, Amount], tuple[Passage, ...]] = field(default_factory=dict, repr=False)

    @cached_property
    def usable(self) -> frozenset[str]:
        """Rules by which something can be carried out at all: their conditions can be met, and their places filled."""
        staff = staff_of(self.policy)
        return frozenset(
            rule.id
            for rule in self.deciders.rules
            if rule.effect == "allow"
            and not any(never_met(self.policy, rule))
            and staff.filled(places_of(rule))[0] is not None
        )

    @cached_property
    def is_all_held(self) -> bool:
        """Whether a statute refuses whatever leaves our vaults."""
        return any(map(refuses_for_ever, self.policy.statutes))

    def paths(self, vault: str) -> tuple[str, ...]:
        """The paths that a vault has."""
        known = next((item for item in self.policy.vaults if item.id == vault), None)
        return PATHS if known is not None and known.recovery is not None else ("main",)

    @cached_property
    def vaults(self) -> tuple[str, ...]:
        """The vaults that are there; where none is known, those that rules name."""
        there = tuple(vault.id for vault in self.policy.vaults)
        return there or tuple(name for name in self.space.vaults if name != OTHER_VAULT)

    def allowing(self, cell: Cell) -> Rule | None:
        """The rule by which a cell can be carried out; None where it is refused or never met."""
        rule = self.deciders.decider(cell)
        if rule is None or rule.id not in self.usable or not _one_fits(rule, cell):
            return None
        leaves = cell.action in {"spend", "payout"} and cell.destination != OWN
        return None if leaves and self.is_all_held else rule

    def passages(self, cell: Cell, total: Amount) -> Iterator[Passage]:
        """Every way to do what ``cell`` says with ``total`` in all: whole, or in parts of each lower band."""
        whole = cell.with_amount(total.units)
        rule = self.allowing(whole)
        if rule is not None:
            yield Passage(whole, rule)
        yield from self.splits(cell, total)

    def splits(self, cell: Cell, total: Amount) -> Iterator[Passage]:
        """The ways in parts alone, each in a lower band and all of them within what its rule's windows let pass."""
        for low, high in pairwise(self.space.amounts(cell)):
            if high.units > total.units:
                return
            rule = self.allowing(cell.with_amount(low.units))
            if rule is None:
                continue
            count, each = _parts(rule, cell, low.units, high.units - 1, total.units)
            if count:
                yield Passage(cell.with_amount(each), rule, count)

    def over_vaults(self, cell: Cell, total: Amount) -> Iterator[tuple[Passage, ...]]:
        """The ways in one part from each of several vaults, by one rule whose windows hold each vault alone."""
        for low, high in pairwise(self.space.amounts(cell)):
            if high.units > total.units:
                return
            rule = self.allowing(cell.with_amount(low.units))
            for count in range(2, len(self.vaults) + 1) if rule is not None else ():
                each = max(low.units, -(-total.units // count))
                alike = [replace(cell, vault=vault, amount=sats(each)) for vault in self.vaults]
                parts = [part for part in alike if self.allowing(part) is rule][:count]
                if len(parts) == count and _pass_together(rule, parts, each):
                    yield tuple(Passage(part, rule) for part in parts if rule is not None)
                    break

    def moves(self, here: str, there: str, total: Amount) -> tuple[Passage, ...]:
        """The passages between two vaults."""
        key = (here, there, total)
        if key not in self._moves:
            columns = (
                Cell("move", here, path, OWN, (there,), purpose, sats(1))
                for path in self.paths(here)
                for purpose in self.space.purposes("move")
            )
            self._moves[key] = tuple(item for cell in columns for item in self.passages(cell, total))
        return self._moves[key]

    def outs(self, vault: str, out: Cell, total: Amount) -> tuple[Passage, ...]:
        """The passages out of a vault to where ``out`` pays."""
        key = (vault, out.destination, out.purpose, total)
        if key not in self._outs:
            columns = (replace(out, vault=vault, path=path, amount=sats(1)) for path in self.paths(vault))
            self._outs[key] = tuple(item for cell in columns for item in self.passages(cell, total))
        return self._outs[key]


def _one_fits(rule: Rule, cell: Cell) -> bool:
    """Whether one such matter stays within the windows' amounts."""
    return cell.amount is None or all(
        window.limit is None or window.limit.units >= cell.amount.units for window in rule.windows
    )


def _parts(rule: Rule, cell: Cell, low: int, most: int, total: int) -> tuple[int, int]:
    """Count and size of equal parts, of ``low`` to ``most`` each, that come to ``total``; 0 where windows forbid it."""
    count = -(-total // most)
    each = max(low, -(-total // count))
    binding = [window for window in rule.windows if _binds(window, cell)]
    if not all(_lets_pass(window, count, count * each) for window in binding):
        return 0, 0
    return count, each


def _pass_together(rule: Rule | None, parts: list[Cell], each: int) -> bool:
    """Whether windows let a part from each vault pass: one over vaults sees one part, any other all of them."""
    assert rule is not None, "parts have a rule"
    return all(
        _lets_pass(window, 1, each) if window.per == "vault" else _lets_pass(window, len(parts), len(parts) * each)
        for window in rule.windows
        if _binds(window, parts[0])
    )


def _binds(window: Window, cell: Cell) -> bool:
    """Whether a window sums over parts that name another destination or purpose each time, where they can."""
    if window.per == "destination":
        return cell.destination != ANY
    return window.per != "purpose" or cell.purpose != OTHER_PURPOSE


def _lets_pass(window: Window, count: int, total: int) -> bool:
    """A share of the balance binds nobody who takes little of much."""
    if window.most and count > window.most:
        return False
    return window.limit is None or total <= window.limit.units


@dataclass(frozen=True)
class Chain:
    """Passages one after the other, from the vault that holds the coins to the outside, and the people who do it."""

    passages: tuple[Passage, ...]
    people: frozenset[str]


def chain_out(ways: Ways, staff: Staff, crew: frozenset[str], out: Cell, total: Amount) -> Chain | None:
    """The shortest way over another vault by which ``crew`` alone does what ``out`` says with ``total``."""
    reached: dict[str, tuple[Passage, ...]] = {out.vault: ()}
    queue = [out.vault]
    while queue:
        here = queue.pop(0)
        for there in ways.vaults:
            step = None if there in reached else _first(ways.moves(here, there, total), staff, crew)
            if step is None:
                continue
            reached[there] = (*reached[here], step)
            queue.append(there)
            last = _first(ways.outs(there, out, total), staff, crew)
            if last is not None:
                return Chain((*reached[there], last), crew)
    return None


def is_direct(ways: Ways, staff: Staff, crew: frozenset[str], out: Cell, total: Amount) -> bool:
    """Whether the crew needs no other vault: in parts, or by the recovery path."""
    return _first(ways.outs(out.vault, out, total), staff, crew) is not None


def _first(passages: tuple[Passage, ...], staff: Staff, crew: frozenset[str]) -> Passage | None:
    return next((item for item in passages if staff.filled(item.places, crew)[0] is not None), None)


def people_needed(rule: Rule) -> int:
    """How many people a rule asks for: nobody stands in two places."""
    return len(places_of(rule))

"""Ways to the same end with fewer people than the policy asks for: in parts, over another vault, by another path."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import product

from zakhira.controls.analysis.cells import Cell
from zakhira.controls.analysis.crews import MOST_SETS, Staff, places_of, staffs
from zakhira.controls.analysis.faults_people import step_by
from zakhira.controls.analysis.finding import Finding, PolicyCause, Severity, Step
from zakhira.controls.analysis.ways import Chain, Passage, Ways, chain_out, is_direct, people_needed
from zakhira.controls.analysis.words import listing
from zakhira.kernel.money import Amount, sats
from zakhira.programme.policy import ANY, LISTED, OWN, Rule

_AUTHORITY = ("policy-change", "thaw", "vault")


@dataclass
class WaysSearch:
    """Looks for ways; ``bounds`` says what was not looked at."""

    ways: Ways
    bounds: list[str] = field(default_factory=list)

    def findings(self) -> Iterator[Finding]:
        """Everything that is found."""
        yield from self._splits()
        yield from self._over_vaults()
        yield from self._recoveries()
        yield from self._authority()
        yield from self._chains()

    def _usual(self) -> Staff:
        return staffs(self.ways.policy)[0][1]

    def _columns(self) -> Iterator[Cell]:
        """Everything that moves coins by a main path, without an amount yet."""
        for vault in self.ways.vaults:
            for action in ("spend", "payout"):
                for purpose, destination in product(self.ways.space.purposes(action), (LISTED, ANY)):
                    yield Cell(action, vault, "main", destination, (), purpose, sats(1))
            for purpose, there in product(self.ways.space.purposes("move"), self.ways.vaults):
                if there != vault:
                    yield Cell("move", vault, "main", OWN, (there,), purpose, sats(1))

    def _splits(self) -> Iterator[Finding]:
        seen: set[tuple[str, str]] = set()
        for column in self._columns():
            for total in self.ways.space.amounts(column):
                whole = column.with_amount(total.units)
                asked = self.ways.allowing(whole)
                if asked is None and (column.action == "move" or not self._is_refused(whole)):
                    continue
                for passage in self.ways.splits(column, total):
                    key = (passage.rule.id, asked.id if asked else "")
                    if key in seen or not self._is_less(passage.rule, asked, seen):
                        continue
                    steps = self._steps((passage,), self._usual())
                    if steps:
                        seen.add(key)
                        yield _split(whole, asked, passage, steps)

    def _over_vaults(self) -> Iterator[Finding]:
        seen: set[tuple[str, str]] = set()
        for column in self._columns():
            for total in self.ways.space.amounts(column) if column.action != "move" else ():
                whole = column.with_amount(total.units)
                asked = self.ways.allowing(whole)
                for passages in self.ways.over_vaults(column, total) if asked is not None else ():
                    found = self._spread(whole, asked, passages)
                    if found is not None and (found.id, asked.id if asked else "") not in seen:
                        seen.add((found.id, asked.id if asked else ""))
                        yield found

    def _spread(self, whole: Cell, asked: Rule | None, passages: tuple[Passage, ...]) -> Finding | None:
        """A finding where fewer people are asked for, and where one vault alone would not do as well."""
        laxer = passages[0].rule
        assert asked is not None, "a way is held against a rule"
        assert whole.amount is not None, "coins have an amount"
        steps = self._steps(passages, self._usual())
        alone = any(item.rule is laxer for item in self.ways.splits(whole, whole.amount))
        if alone or not steps or people_needed(laxer) >= people_needed(asked):
            return None
        vaults = listing(passage.cell.vault for passage in passages)
        message = (
            f"A {whole} asks for {people_needed(asked)} people by rule {asked.id}; as {passages[0].cell.amount} each "
            f"from {vaults} it asks for {_people(laxer)} by rule {laxer.id}: its windows hold each vault alone."
        )
        remedy = 'Write per = "programme" in [[rule.window]].'
        return _finding(PolicyCause.SPLITS, laxer.id, "window", message, steps, remedy=remedy)

    def _is_less(self, rule: Rule, asked: Rule | None, seen: set[tuple[str, str]]) -> bool:
        """Whether parts ask for fewer people; parts of what is refused are told where nothing worse is of the rule."""
        if asked is None:
            return all(name != rule.id for name, _ in seen)
        return people_needed(rule) < people_needed(asked)

    def _is_refused(self, cell: Cell) -> bool:
        rule = self.ways.deciders.decider(cell)
        return rule is None or rule.effect == "refuse"

    def _recoveries(self) -> Iterator[Finding]:
        for vault in self.ways.vaults:
            if "recovery" in self.ways.paths(vault):
                found = next(self._laxer_recoveries(vault), None)
                if found is not None:
                    yield found

    def _laxer_recoveries(self, vault: str) -> Iterator[Finding]:
        for column in self._columns():
            for total in self.ways.space.amounts(column) if column.vault == vault else ():
                main = column.with_amount(total.units)
                other = Cell(main.action, vault, "recovery", main.destination, main.to_vaults, main.purpose, total)
                asked, laxer = self.ways.allowing(main), self.ways.allowing(other)
                if asked is None or laxer is None or people_needed(laxer) >= people_needed(asked):
                    continue
                step = step_by(other, laxer, self._usual())
                if step is not None:
                    message = (
                        f"{_people(laxer)} can do a {other} by rule {laxer.id}; by the main path rule {asked.id} asks "
                        f"for {people_needed(asked)}."
                    )
                    yield _finding(PolicyCause.RECOVERY_LAXER, laxer.id, "quorum", message, (step,))

    def _authority(self) -> Iterator[Finding]:
        needed, at_most, asked = 0, Cell("spend"), None
        for column in self._columns():
            if column.action == "move":
                continue
            for total in self.ways.space.amounts(column):
                cell = column.with_amount(total.units)
                rule = self.ways.allowing(cell)
                if rule is not None and people_needed(rule) > needed:
                    needed, at_most, asked = people_needed(rule), cell, rule
        told: set[str] = set()
        for action in _AUTHORITY:
            rule = self.ways.allowing(Cell(action))
            if rule is None or asked is None or people_needed(rule) >= needed or rule.id in told:
                continue
            step = step_by(Cell(action), rule, self._usual())
            if step is not None:
                told.add(rule.id)
                message = (
                    f"{_people(rule)} can do a {action} by rule {rule.id}, and rule {asked.id} asks for {needed} for a "
                    f"{at_most}."
                )
                yield _finding(PolicyCause.AUTHORITY_LAXER, rule.id, "quorum", message, (step,))

    def _chains(self) -> Iterator[Finding]:
        seen: set[tuple[str, str]] = set()
        for day, staff in staffs(self.ways.policy):
            for column in self._columns():
                if column.action != "spend":
                    continue
                for total in self.ways.space.amounts(column):
                    whole = column.with_amount(total.units)
                    asked = self.ways.allowing(whole)
                    if asked is None or (column.vault, asked.id) in seen:
                        continue
                    chain = self._chain(staff, whole, total, people_needed(asked))
                    steps = self._steps(chain.passages, staff, chain.people) if chain else ()
                    if chain and steps:
                        seen.add((column.vault, asked.id))
                        when = f"From {day.isoformat()} on, with deputies, " if day else ""
                        yield _chain(whole, asked, chain, steps, when)

    def _chain(self, staff: Staff, out: Cell, total: Amount, needed: int) -> Chain | None:
        """A chain by fewer people than ``needed``; none is looked for where no two passages are laxer."""
        others = [vault for vault in self.ways.vaults if vault != out.vault]
        last = [len(item.places) for vault in others for item in self.ways.outs(vault, out, total)]
        first = [len(item.places) for vault in others for item in self.ways.moves(out.vault, vault, total)]
        least = max(min(last, default=needed), min(first, default=needed))
        tried = 0
        for size in range(least, needed):
            for crew in staff.crews(size):
                tried += 1
                if tried > MOST_SETS:
                    self.bounds.append(f"Ways over other vaults for a {out}: only {MOST_SETS:,} sets of people.")
                    return None
                if not is_direct(self.ways, staff, crew, out, total):
                    found = chain_out(self.ways, staff, crew, out, total)
                    if found is not None:
                        return found
        return None

    def _steps(
        self, passages: tuple[Passage, ...], staff: Staff, crew: frozenset[str] | None = None
    ) -> tuple[Step, ...]:
        """The matters one after the other with who does them; none where people are too few."""
        steps: list[Step] = []
        for passage in passages:
            step = step_by(passage.cell, passage.rule, staff, crew)
            if step is None:
                return ()
            steps.append(replace(step, times=passage.times))
        return tuple(steps)


def _people(rule: Rule) -> str:
    count = people_needed(rule)
    return "1 person" if count == 1 else f"{count} people"


def _finding(
    cause: PolicyCause,
    rule: str,
    key: str,
    message: str,
    steps: tuple[Step, ...],
    severity: Severity = Severity.FAULT,
    remedy: str = "",
) -> Finding:
    people = tuple(dict.fromkeys(name for step in steps for name in step.officers))
    return Finding(cause, severity, "rule", rule, key, message, steps, people, remedy)


def _split(whole: Cell, asked: Rule | None, passage: Passage, steps: tuple[Step, ...]) -> Finding:
    parts = f"{passage.times:,} parts of {passage.cell.amount}"
    if asked is None:
        message = (
            f"A {whole} is refused, and {_people(passage.rule)} can do it in {parts} by rule {passage.rule.id}: no "
            f"window holds the parts."
        )
        return _finding(PolicyCause.SPLITS, passage.rule.id, "window", message, steps, Severity.WARNING)
    message = (
        f"A {whole} asks for {people_needed(asked)} people by rule {asked.id}; in {parts} it asks for "
        f"{_people(passage.rule)} by rule {passage.rule.id}: no window holds the parts."
    )
    return _finding(PolicyCause.SPLITS, passage.rule.id, "window", message, steps)


def _chain(whole: Cell, asked: Rule, chain: Chain, steps: tuple[Step, ...], when: str) -> Finding:
    over = listing(passage.cell.to_vaults[0] for passage in chain.passages[:-1])
    rules = listing(dict.fromkeys(passage.rule.id for passage in chain.passages))
    count = len(chain.people)
    message = (
        f"{when}{count} {'person' if count == 1 else 'people'} can do by way of {over} (rules {rules}) what rule "
        f"{asked.id} asks {len(places_of(asked))} people for: a {whole}."
    )
    return _finding(PolicyCause.LAXER_VAULT, chain.passages[0].rule.id, "quorum", message, steps)

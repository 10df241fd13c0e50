"""Which questions two policies answer differently: cells whose answer differs, joined, the more permissive first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from zakhira.controls.analysis.cells import Cell, Deciders, space_of
from zakhira.controls.analysis.crews import places_of
from zakhira.controls.analysis.faults_reach import answer_of
from zakhira.programme.model import Policy
from zakhira.programme.policy import ACTIONS, Rule, Window


class Direction(IntEnum):
    """Whether the new answer lets more through."""

    LOOSER = 0
    BOTH = 1
    """looser in one way, stricter in another"""
    STRICTER = 2


@dataclass(frozen=True)
class ChangedAnswer:
    """Cells that one old and one new rule decide, with the first of them as the example; None: no rule fits."""

    direction: Direction
    old: Rule | None
    new: Rule | None
    example: Cell
    cells: int
    actions: tuple[str, ...]
    vaults: tuple[str, ...]


def changed_answers(old: Policy, new: Policy) -> tuple[ChangedAnswer, ...]:
    """Every cell of both policies together whose answer differs, joined by the rules that decide it.

    Answers are compared by what the rules ask for, not by their names; who holds the roles is not looked at here.
    """
    space = space_of(old, new)
    before, after = Deciders(old), Deciders(new)
    found: dict[tuple[str, str], list[Cell]] = {}
    rules: dict[tuple[str, str], tuple[Rule | None, Rule | None]] = {}
    for action in ACTIONS:
        for cell in space.cells(action):
            was, now = before.decider(cell), after.decider(cell)
            if answer_of(was) != answer_of(now):
                key = (was.id if was else "", now.id if now else "")
                found.setdefault(key, []).append(cell)
                rules[key] = (was, now)
    changes = [_changed(*rules[key], cells) for key, cells in found.items()]
    return tuple(sorted(changes, key=lambda change: change.direction))


def _changed(was: Rule | None, now: Rule | None, cells: list[Cell]) -> ChangedAnswer:
    return ChangedAnswer(
        direction_of(was, now),
        was,
        now,
        cells[0],
        len(cells),
        tuple(dict.fromkeys(cell.action for cell in cells)),
        tuple(dict.fromkeys(cell.vault for cell in cells if cell.vault)),
    )


def direction_of(was: Rule | None, now: Rule | None) -> Direction:
    """Whether more gets through by ``now`` than by ``was``, judged by every condition alone."""
    old_allows, new_allows = _allows(was), _allows(now)
    if not old_allows or not new_allows:
        return Direction.LOOSER if new_allows else Direction.STRICTER
    assert was is not None
    assert now is not None
    signs = set(_signs(was, now)) - {0}
    if len(signs) == 1:
        return Direction.LOOSER if signs == {1} else Direction.STRICTER
    return Direction.BOTH


def _allows(rule: Rule | None) -> bool:
    return rule is not None and rule.effect == "allow"


def _signs(was: Rule, now: Rule) -> Iterator[int]:
    """1 for each condition that is looser now, -1 for each that is stricter, both where it is unsure."""
    yield _less(len(places_of(now)), len(places_of(was)))
    yield from _sets(was.propose_roles, now.propose_roles, empty_is_all=True)
    if len(places_of(now)) == len(places_of(was)) and was.quorums != now.quorums:
        yield from _sets(_quorum_roles(was), _quorum_roles(now), empty_is_all=False)
    yield _less(now.delay_hours, was.delay_hours)
    yield _less(now.balance_share or 1.0, was.balance_share or 1.0) * -1
    yield from _sets(was.weekdays, now.weekdays, empty_is_all=True)
    yield _less(now.holidays == "closed", was.holidays == "closed")
    yield from _sets(was.signers, now.signers, empty_is_all=True)
    yield from (-sign for sign in _sets(was.veto_roles, now.veto_roles, empty_is_all=True))
    if (was.from_hour, was.to_hour) != (now.from_hour, now.to_hour):
        yield from _hours(was, now)
    if set(was.windows) != set(now.windows):
        if set(was.windows) >= set(now.windows):
            yield 1
        elif set(was.windows) <= set(now.windows):
            yield -1
        else:
            yield from _windows(was, now)


def _less(now: float, was: float) -> int:
    return (now < was) - (now > was)


def _quorum_roles(rule: Rule) -> tuple[str, ...]:
    return tuple(role for quorum in rule.quorums for role in quorum.roles)


def _sets(was: tuple[str, ...], now: tuple[str, ...], *, empty_is_all: bool) -> Iterator[int]:
    """More names are looser; with ``empty_is_all`` none at all is the loosest."""
    if set(was) == set(now):
        return
    if empty_is_all and (not was or not now):
        yield 1 if not now else -1
        return
    if set(now) - set(was):
        yield 1
    if set(was) - set(now):
        yield -1


def _hours(was: Rule, now: Rule) -> Iterator[int]:
    old, new = _open_hours(was), _open_hours(now)
    if new - old:
        yield 1
    if old - new:
        yield -1


def _open_hours(rule: Rule) -> frozenset[int]:
    if rule.from_hour == rule.to_hour:
        return frozenset()
    last = rule.to_hour if rule.to_hour > rule.from_hour else rule.to_hour + 24
    return frozenset(hour % 24 for hour in range(rule.from_hour, last))


def _windows(was: Rule, now: Rule) -> Iterator[int]:
    """Windows of one scope and length are compared by their limits; others are both looser and stricter."""
    old, new = ({(w.per, w.hours): w for w in rule.windows} for rule in (was, now))
    if set(old) != set(new) or len(old) != len(was.windows) or len(new) != len(now.windows):
        yield from (1, -1)
        return
    for key, before in old.items():
        after = new[key]
        yield _limit(_units(before), _units(after))
        yield _limit(before.most or None, after.most or None)
        yield _limit(before.balance_share or None, after.balance_share or None)


def _units(window: Window) -> int | None:
    return None if window.limit is None else window.limit.units


def _limit(was: float | None, now: float | None) -> int:
    """A higher limit is looser, none the loosest."""
    if was == now:
        return 0
    if was is None or now is None:
        return 1 if now is None else -1
    return 1 if now > was else -1

"""What ``zakhira policy diff`` answers: what changed part by part, and which questions are answered otherwise."""

from __future__ import annotations

from zakhira.cli.answer import Answer, Table, Word
from zakhira.controls.acts.policy_delta import PolicyDelta, policy_delta
from zakhira.controls.analysis.change_cells import ChangedAnswer, Direction, changed_answers
from zakhira.controls.analysis.words import condition_texts, listing, people_text
from zakhira.kernel.canonical import Json
from zakhira.programme.policy import Rule
from zakhira.wiring.motion_show import visible
from zakhira.wiring.policy_source import PolicySource

MARKS = {Direction.LOOSER: "▲ looser", Direction.BOTH: "◆ both", Direction.STRICTER: "▼ stricter"}


def diff_answer(old: PolicySource, new: PolicySource) -> Answer:
    """Two policies side by side; no differences is a yes as well."""
    deltas, changes = policy_delta(old.policy, new.policy), changed_answers(old.policy, new.policy)
    facts: dict[str, Json] = {
        "old": old.hash,
        "new": new.hash,
        "parts": [{"place": item.place, "old": item.before, "new": item.after} for item in deltas],
        "answers": [_change_json(change) for change in changes],
    }
    tables = [table for table in (_answers(changes), _parts(deltas)) if table.rows]
    return Answer(tuple(tables), facts, _sentence(old, new, changes, deltas), Word.YES)


def _sentence(
    old: PolicySource, new: PolicySource, changes: tuple[ChangedAnswer, ...], deltas: tuple[PolicyDelta, ...]
) -> str:
    if not deltas:
        return f"Both are version {old.hash[:16]}: nothing differs."
    counts = {direction: sum(change.direction is direction for change in changes) for direction in Direction}
    told = (
        f"{counts[Direction.LOOSER]} more permissive, {counts[Direction.STRICTER]} stricter, "
        f"{counts[Direction.BOTH]} both in one"
    )
    answers = f"Answers change in {len(changes)} ways: {told}." if changes else "No answer of a rule changes."
    return f"From version {old.hash[:16]} to {new.hash[:16]}: {len(deltas)} parts differ. {answers}"


def _answers(changes: tuple[ChangedAnswer, ...]) -> Table:
    rows = tuple(
        (
            MARKS[change.direction],
            _subject(change),
            f"{_answer(change.old)}\n→ {_answer(change.new)}",
        )
        for change in changes
    )
    notes = ("Judged by what rules ask for; who holds the roles stands among the parts that differ.",)
    heads = ("", "questions, with an example", "old answer → new answer")
    return Table("Questions that are answered otherwise", heads, rows, (), notes)


def _subject(change: ChangedAnswer) -> str:
    vaults = f" from {listing(change.vaults)}" if change.vaults else ""
    count = f"{change.cells} kinds of question" if change.cells > 1 else "1 kind of question"
    return f"{listing(change.actions, 'or')}{vaults} ({count}), such as a {change.example}"


def _answer(rule: Rule | None) -> str:
    if rule is None:
        return "refused: no rule fits"
    if rule.effect == "refuse":
        return f"refused by {rule.id}"
    return f"{rule.id}: {'; '.join((people_text(rule), *condition_texts(rule)))}"


def _parts(deltas: tuple[PolicyDelta, ...]) -> Table:
    rows = tuple((visible(delta.place), visible(delta.before), visible(delta.after)) for delta in deltas)
    return Table("Parts that differ", ("part", "old", "new"), rows)


def _change_json(change: ChangedAnswer) -> Json:
    return {
        "direction": change.direction.name.lower(),
        "old_rule": change.old.id if change.old else "",
        "new_rule": change.new.id if change.new else "",
        "old": _answer(change.old),
        "new": _answer(change.new),
        "example": str(change.example),
        "kinds_of_question": change.cells,
        "actions": list(change.actions),
        "vaults": list(change.vaults),
    }

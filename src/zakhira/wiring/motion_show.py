"""What a motion does, shown whole to whoever says yes or no to it: every signed line, and all that it changes."""

from __future__ import annotations

import json
from collections.abc import Sequence

from zakhira.cli.answer import Table
from zakhira.controls.acts.authority import Authority, MotionRecord, PolicyVersion
from zakhira.controls.acts.motion import SHORT_HASH, Motion
from zakhira.controls.acts.policy_delta import PolicyDelta, policy_delta
from zakhira.kernel.canonical import Json
from zakhira.kernel.interval import utc_text

_SIGNED_NOTE = "The hash of the motion is computed from these lines. Signatures cover it; nothing is cut."
_CHANGES_NOTE = "From the version that the motion is put under to the policy that was recorded with it; nothing is cut."
_POLICY = "policy"
"""The part of a motion's body that is shown by what it changes."""


def motion_tables(state: Authority, record: MotionRecord) -> tuple[Table, ...]:
    """What is signed, then what changes by it, in full: from the recorded motion alone, whatever files say."""
    changes = motion_changes(state, record.motion)
    tables = [_signed_table(record.motion)]
    if changes:
        tables.append(delta_table(f"What motion {record.motion.id} changes", changes, _CHANGES_NOTE))
    return tuple(tables)


def motion_changes(state: Authority, motion: Motion) -> tuple[PolicyDelta, ...]:
    """Every difference that the motion makes: parts of the policy, and freezes that end."""
    ended = [state.freezes[name] for name in motion.freezes if name in state.freezes]
    freezes = tuple(
        PolicyDelta(
            f"freeze {item.statement_hash[:SHORT_HASH]}", f"by {item.officer} at {utc_text(item.at)}: {item.reason}", ""
        )
        for item in ended
    )
    before = _before(state, motion)
    if motion.to is None or before is None:
        return freezes
    return (*policy_delta(before.policy, motion.to), *freezes)


def _before(state: Authority, motion: Motion) -> PolicyVersion | None:
    """The version that the motion is put under."""
    return next((item for item in reversed(state.versions) if item.hash == motion.policy_hash), None)


def change_facts(changes: Sequence[PolicyDelta]) -> Json:
    """Differences for a machine."""
    return [{"place": item.place, "before": item.before, "after": item.after} for item in changes]


def delta_table(title: str, changes: Sequence[PolicyDelta], *notes: str) -> Table:
    """Differences with all that they say; long texts run over several lines."""
    rows = tuple((visible(item.place), visible(item.before), visible(item.after)) for item in changes)
    return Table(title, ("what", "before", "after"), rows, notes=notes)


def _signed_table(motion: Motion) -> Table:
    body = motion.body
    assert isinstance(body, dict), "a motion is told by names"
    rows = [("hash", motion.hash)]
    rows += [(name, visible(_text(value))) for name, value in body.items() if name != _POLICY]
    return Table(f"What is signed under motion {motion.id}", ("", ""), tuple(rows), notes=(_SIGNED_NOTE,))


def _text(value: Json) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return "\n".join(str(item) for item in value)
    return "" if value is None else json.dumps(value, ensure_ascii=False, indent=1)


def visible(text: str) -> str:
    """The text with every character that a terminal would obey instead of showing written out; all of it, or a dash.

    Codes that move the cursor, and marks that turn the direction of letters, hide what stands beside them.
    """
    shown = "".join(char if char == "\n" or char.isprintable() else f"\\u{ord(char):04x}" for char in text)
    return shown or "-"

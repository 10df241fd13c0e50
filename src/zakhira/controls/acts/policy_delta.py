"""What one version of a policy has and another has not, part by part, as plain texts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from zakhira.kernel.canonical import Json
from zakhira.programme.model import Policy
from zakhira.programme.policy_text import policy_json

_NAMES = ("id", "officer")
"""By which parts of a list are told apart; the first that there is."""


@dataclass(frozen=True)
class PolicyDelta:
    """One difference: ``place`` is like ``rule day.delay_hours``; an empty text where there was, or is, nothing."""

    place: str
    before: str
    after: str


def policy_delta(before: Policy, after: Policy) -> tuple[PolicyDelta, ...]:
    """Every difference, in the order of the policy's parts; the order of rules counts, as the first match decides."""
    told, now = (cast("Mapping[str, Json]", policy_json(policy)) for policy in (before, after))
    return tuple(delta for part in told for delta in _of_part(part, told[part], now[part]))


def _of_part(part: str, before: Json, after: Json) -> Iterator[PolicyDelta]:
    if not _has_records(before) and not _has_records(after):
        if before != after:
            yield PolicyDelta(part, _text(before), _text(after))
        return
    old, new = (_by_name(cast("Sequence[Mapping[str, Json]]", records)) for records in (before, after))
    for name in dict.fromkeys((*old, *new)):
        place = f"{part.removesuffix('s')} {name}"
        if name not in old or name not in new:
            yield PolicyDelta(place, _text(old.get(name)), _text(new.get(name)))
            continue
        for field in old[name]:
            if old[name][field] != new[name][field]:
                yield PolicyDelta(f"{place}.{field}", _text(old[name][field]), _text(new[name][field]))
    at_the_end = [name for name in old if name in new] + [name for name in new if name not in old]
    if list(new) != at_the_end:  # where a new rule stands decides what it is asked about
        yield PolicyDelta(f"order of {part}", ", ".join(old), ", ".join(new))


def _has_records(value: Json) -> bool:
    return isinstance(value, list) and any(isinstance(item, Mapping) for item in value)


def _by_name(records: Sequence[Mapping[str, Json]]) -> dict[str, Mapping[str, Json]]:
    """The records by their names; of the same name, with a number."""
    found: dict[str, Mapping[str, Json]] = {}
    for record in records:
        name = next((str(record[key]) for key in _NAMES if key in record), "")
        number, unique = 2, name
        while unique in found:
            number, unique = number + 1, f"{name} ({number})"
        found[unique] = record
    return found


def _text(value: Json) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)

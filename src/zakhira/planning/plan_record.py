"""A plan as plain data that outlives the program: what plan.json holds, written and read back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, Field, asdict, dataclass, fields, is_dataclass
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from zakhira.kernel.canonical import Json
from zakhira.kernel.errors import InvalidInput
from zakhira.planning.allocation import Plan
from zakhira.programme.model import Programme

FORMAT_VERSION = 1
"""Of plan.json. A later version adds; what this one says keeps its meaning."""
T = TypeVar("T")


class NotAPlanFile(InvalidInput):
    """The file holds no plan as ``zakhira plan --json`` or ``--out`` writes it."""

    code = "ZK-PLANNING-021"


@dataclass(frozen=True)
class PlanRecord:
    """A plan with what it was made from. ``figures`` are the programme's assumptions by key, in their own units."""

    programme: str
    zones: Mapping[str, str]
    classes: Mapping[str, str]
    figures: Mapping[str, float]
    plan: Plan


def record_of(plan: Plan, programme: Programme) -> PlanRecord:
    """A plan with its programme's names and figures."""
    classes = {item.id: item.name for item in programme.machines} | {item.id: item.name for item in programme.halls}
    return PlanRecord(
        programme=programme.id,
        zones={zone.id: zone.name for zone in programme.zones},
        classes=classes,
        figures={item.key: float(item.value) for item in programme.assumptions},
        plan=plan,
    )


def record_json(record: PlanRecord) -> dict[str, Json]:
    """The record as plain data, with sums and gaps beside what they follow from."""
    plan = record.plan
    proof = plan.certificate
    return {
        "format_version": FORMAT_VERSION,
        "programme": record.programme,
        "digest": plan.programme_digest,
        "zones": dict(record.zones),
        "classes": dict(record.classes),
        "power_mw": plan.power_mw,
        **{key: value for key, value in asdict(plan).items() if key != "programme_digest"},
        "results": [{**asdict(result), "value_usd": result.value_usd} for result in plan.results],
        "certificate": {
            **asdict(proof),
            "gap_share": proof.gap_share,
            "search_gap_share": proof.search_gap_share,
        },
        "stakeholders": [
            {**asdict(one), "lines_usd": dict(one.lines_usd), "value_usd": one.value_usd} for one in plan.stakeholders
        ],
        "figures": dict(record.figures),
    }


def parse_record(raw: object, file: str) -> PlanRecord:
    """Read a record back; ``file`` is named in errors.

    Raises:
        NotAPlanFile: something is missing, of another type or of a version that this program does not know.
    """
    if not isinstance(raw, dict) or "grants" not in raw:
        raise NotAPlanFile(f"{file} holds no plan.", "Give a file that `zakhira plan --json` or `--out` wrote.")
    if raw.get("format_version") != FORMAT_VERSION:
        raise NotAPlanFile(
            f"{file} has format_version {raw.get('format_version')!r}; this program reads {FORMAT_VERSION}.",
            "Make the plan again with this program.",
        )
    body = {**raw, "programme_digest": raw.get("digest")}
    for one in body["stakeholders"] if isinstance(body.get("stakeholders"), list) else []:
        if isinstance(one, dict) and isinstance(one.get("lines_usd"), dict):
            one["lines_usd"] = list(one["lines_usd"].items())
    return PlanRecord(
        programme=_read(str, raw.get("programme"), file, "programme"),
        zones=_words(raw.get("zones"), file, "zones"),
        classes=_words(raw.get("classes"), file, "classes"),
        figures={key: _read(float, value, file, f"figures.{key}") for key, value in _object(raw, file, "figures")},
        plan=_read(Plan, body, file, "plan"),
    )


def _object(raw: Mapping[str, object], file: str, key: str) -> list[tuple[str, object]]:
    found = raw.get(key)
    if not isinstance(found, dict):
        raise _wrong(file, key, found, "an object")
    return list(found.items())


def _words(raw: object, file: str, key: str) -> dict[str, str]:
    return {name: _read(str, value, file, f"{key}.{name}") for name, value in _object({key: raw}, file, key)}


def _wrong(file: str, key: str, value: object, wanted: str) -> NotAPlanFile:
    return NotAPlanFile(f"{file}: {key} is {str(value)[:40]!r}, not {wanted}.", "Make the plan again.")


def _read(wanted: Any, raw: object, file: str, key: str) -> Any:  # noqa: ANN401  # a type in, a value of it out
    """A value of a type: text, number, flag, tuple of such, or dataclass."""
    if get_origin(wanted) in {Union, UnionType}:
        inner = [one for one in get_args(wanted) if one is not type(None)]
        return None if raw is None else _read(inner[0], raw, file, key)
    if is_dataclass(wanted) and isinstance(wanted, type):
        if not isinstance(raw, dict):
            raise _wrong(file, key, raw, "an object")
        return _read_fields(wanted, raw, file, key)
    if get_origin(wanted) is tuple:
        if not isinstance(raw, list | tuple):
            raise _wrong(file, key, raw, "a list")
        kinds = get_args(wanted)
        if kinds[-1] is Ellipsis:
            return tuple(_read(kinds[0], item, file, f"{key}[{i}]") for i, item in enumerate(raw))
        if len(kinds) != len(raw):
            raise _wrong(file, key, raw, f"a list of {len(kinds)}")
        return tuple(
            _read(kind, item, file, f"{key}[{i}]") for i, (kind, item) in enumerate(zip(kinds, raw, strict=True))
        )
    if wanted is float and isinstance(raw, int | float) and not isinstance(raw, bool) and math.isfinite(raw):
        return float(raw)
    if isinstance(raw, wanted) and (wanted is bool or not isinstance(raw, bool)) and wanted is not float:
        return raw
    raise _wrong(file, key, raw, {str: "text", float: "a finite number", int: "a whole number"}.get(wanted, "right"))


def _read_fields(wanted: type[T], raw: Mapping[str, object], file: str, key: str) -> T:
    hints = get_type_hints(wanted)
    values = {}
    for field in fields(wanted):  # type: ignore[arg-type]  # a dataclass, as the caller has seen
        if field.name in raw:
            values[field.name] = _read(hints[field.name], raw[field.name], file, f"{key}.{field.name}")
        elif _is_needed(field):
            raise NotAPlanFile(f"{file}: {key}.{field.name} is missing.", "Make the plan again with this program.")
    return wanted(**values)


def _is_needed(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING

"""Instructions read back from plain data, strictly: what an officer signed is what is read, or nothing is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime

from zakhira.custody.anchor import BadAnchor, anchor_of
from zakhira.custody.coin import Instruction, Payment
from zakhira.custody.refusals import SigningRefused
from zakhira.kernel.canonical import Json
from zakhira.kernel.interval import NotUtc, parse_utc


class BadInstruction(SigningRefused):
    """Plain data that shall be an instruction is none: a field is missing, strange or of another type."""

    code = "ZK-CUSTODY-052"


_REMEDY = "Ask for the file again from where it was made."
_ANCHOR = "anchor"
_NAMES = frozenset(field.name for field in fields(Instruction)) - {_ANCHOR}
"""What every instruction says; an anchor stands beside it or is left out, and is never empty."""


def _require(holds: bool, what: str) -> None:  # noqa: FBT001  # one condition, said once
    if not holds:
        raise BadInstruction(f"The instruction's {what}.", _REMEDY)


def _count(body: Mapping[str, Json], name: str) -> int:
    value = body[name]
    _require(isinstance(value, int) and not isinstance(value, bool) and value >= 0, f"{name} is no whole number")
    return int(value)  # type: ignore[arg-type]  # it is an int


def _text(body: Mapping[str, Json], name: str) -> str:
    value = body[name]
    _require(isinstance(value, str), f"{name} is no text")
    return str(value)


def _instant(body: Mapping[str, Json], name: str) -> datetime:
    try:
        return parse_utc(_text(body, name))
    except NotUtc as error:
        raise BadInstruction(error.message, _REMEDY) from None


def _payment(body: Json) -> Payment:
    is_one = isinstance(body, Mapping) and set(body) == {"address", "amount_sats"}
    _require(is_one and isinstance(body["address"], str), "payments are not an address and amount_sats each")  # type: ignore[index, call-overload]
    return Payment(str(body["address"]), _count(body, "amount_sats"))  # type: ignore[index, call-overload, arg-type]


def _items(body: Mapping[str, Json], name: str) -> list[Json]:
    value = body[name]
    _require(isinstance(value, list), f"{name} is no list")
    return list(value)  # type: ignore[arg-type]  # it is a list


def _anchor(body: Mapping[str, Json]) -> str:
    if _ANCHOR not in body:
        return ""
    try:
        return anchor_of(_text(body, _ANCHOR)).data
    except BadAnchor as error:
        raise BadInstruction(f"The instruction's anchor will not do. {error.message}", _REMEDY) from None


def instruction_of(body: Json) -> Instruction:
    """The instruction that :meth:`Instruction.as_json` wrote, with an anchor or without; the hash comes back the same.

    Raises:
        BadInstruction: a field is missing, unknown, or of another type.
    """
    told = set(body) if isinstance(body, Mapping) else set()
    if not isinstance(body, Mapping) or told - {_ANCHOR} != _NAMES:
        strange = ", ".join(sorted(map(str, (told - {_ANCHOR}) ^ _NAMES)))
        raise BadInstruction(f"The instruction has not the fields of one: {strange}.", _REMEDY)
    inputs = _items(body, "inputs")
    _require(all(isinstance(item, str) for item in inputs), "inputs are no outpoints")
    return Instruction(
        id=_text(body, "id"),
        chain=_text(body, "chain"),
        from_vault=_text(body, "from_vault"),
        to_vault=_text(body, "to_vault"),
        payments=tuple(_payment(item) for item in _items(body, "payments")),
        inputs=tuple(str(item) for item in inputs),
        fee_limit_sats=_count(body, "fee_limit_sats"),
        fee_rate_limit_sat_per_vb=_count(body, "fee_rate_limit_sat_per_vb"),
        purpose=_text(body, "purpose"),
        clause=_text(body, "clause"),
        proposed_by=_text(body, "proposed_by"),
        proposed_at=_instant(body, "proposed_at"),
        expires_at=_instant(body, "expires_at"),
        replaces=_text(body, "replaces"),
        path=_text(body, "path"),
        change_outputs_limit=_count(body, "change_outputs_limit"),
        anchor=_anchor(body),
    )

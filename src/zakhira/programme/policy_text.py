"""A policy as plain data and back, strictly: it names a version, travels to the watchtower and lies in the books."""

from __future__ import annotations

import functools
from dataclasses import replace
from datetime import date, datetime
from typing import cast

import cattrs
from cattrs.errors import BaseValidationError, StructureHandlerNotFoundError

from zakhira.kernel.canonical import Json, content_hash
from zakhira.kernel.errors import InvalidInput
from zakhira.kernel.interval import parse_utc, utc_text
from zakhira.kernel.money import Amount, parse_amount
from zakhira.programme.model import Policy

_OF_THE_BOOKS = "vaults"
"""Vaults are made and retired in the books; they are no part of a version of the policy."""


class BadPolicyText(InvalidInput):
    """Plain data that shall be a policy is none: a field is missing, unknown, or of another type."""

    code = "ZK-PROGRAMME-100"


@functools.cache
def _converter() -> cattrs.Converter:
    made = cattrs.Converter(
        forbid_extra_keys=True, detailed_validation=True, unstruct_collection_overrides={tuple: list}
    )
    # cattrs would turn 1 into "1" and "x" into (x): a policy is read as it is written or not at all.
    for kind in (str, int, float, bool):
        made.register_structure_hook(kind, _exactly)
    made.register_structure_hook_func(lambda kind: kind == tuple[str, ...], _words)
    made.register_structure_hook(Amount, lambda text, _: parse_amount(_exactly(text, str)))
    made.register_structure_hook(date, lambda text, _: date.fromisoformat(_exactly(text, str)))
    made.register_structure_hook(datetime, lambda text, _: parse_utc(_exactly(text, str)))
    made.register_unstructure_hook(Amount, str)
    made.register_unstructure_hook(date, date.isoformat)
    made.register_unstructure_hook(datetime, utc_text)
    return made


def _exactly(value: object, kind: type) -> str:
    is_whole_float = kind is float and type(value) is int
    if type(value) is not kind and not is_whole_float:
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return cast("str", float(cast("float", value)) if is_whole_float else value)


def _words(value: object, _: type) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise TypeError(f"{value!r} is no list of texts")
    return tuple(value)


def policy_json(policy: Policy) -> Json:
    """Plain data for the canonical encoding: all but the vaults."""
    told = cast("dict[str, Json]", _converter().unstructure(replace(policy, vaults=())))
    del told[_OF_THE_BOOKS]
    return told


@functools.lru_cache(maxsize=64)
def policy_hash(policy: Policy) -> str:
    """SHA-256 of the canonical encoding: names a version of the policy. Asked at every step, and worth remembering."""
    return content_hash(policy_json(policy))


def policy_of(body: Json) -> Policy:
    """The policy, without vaults, that :func:`policy_json` wrote.

    Raises:
        BadPolicyText: a field is missing, unknown, or of another type.
    """
    if not isinstance(body, dict) or _OF_THE_BOOKS in body:
        raise BadPolicyText("The data are no policy.", "Ask for the file again from where it was made.")
    try:
        return _converter().structure({**body, _OF_THE_BOOKS: []}, Policy)
    except (BaseValidationError, StructureHandlerNotFoundError) as error:
        what = "; ".join(cattrs.transform_error(error)[:5])
        raise BadPolicyText(
            f"The data are no policy: {what}.", "Ask for the file again from where it was made."
        ) from None

"""Strict reading of a pack's JSON: exact keys, exact types, bounded numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from zakhira.kernel.canonical import Json, NotCanonical, parse_canonical
from zakhira.kernel.errors import InvalidInput
from zakhira.kernel.money import MAX_MONEY_SATS

MAX_HEIGHT = 2**31 - 1
MAX_INDEX = 2**31 - 1

HASH = re.compile(r"[0-9a-f]{64}")
SIGNATURE = re.compile(r"[0-9a-f]{128}")
OUTPOINT = re.compile(r"[0-9a-f]{64}:(?:0|[1-9]\d{0,9})")
TEXT = re.compile(r".{1,4000}", re.DOTALL)
NOTE = re.compile(r".{0,4000}", re.DOTALL)

T = TypeVar("T")


class Malformed(InvalidInput):
    """A file of a pack is not of the known form."""

    code = "ZK-PROOFS-001"


def parse_file(name: str, data: bytes) -> Json:
    """The value of a file that must be canonical JSON; raises Malformed, naming the file."""
    try:
        return parse_canonical(data)
    except NotCanonical as error:
        raise Malformed(f"{name}: {error.message}", "Fetch the pack again.") from None
    except (RecursionError, UnicodeError) as error:
        raise Malformed(f"{name}: not plain JSON ({type(error).__name__}).", "Fetch the pack again.") from None


def _bad(where: str, what: str) -> Malformed:
    return Malformed(f"{where} {what}.", "Fetch the pack again, or make it with this version.")


def record(value: Json, where: str, keys: Sequence[str]) -> Mapping[str, Json]:
    """An object with exactly these keys."""
    if not isinstance(value, dict) or set(value) != set(keys):
        found = ", ".join(sorted(value)) if isinstance(value, dict) else type(value).__name__
        raise _bad(where, f"is not an object of {', '.join(keys)}, but of {found}")
    return value


def rows(value: Json, where: str, read: Callable[[Json, str], T]) -> tuple[T, ...]:
    """A list whose items are read one by one."""
    if not isinstance(value, list):
        raise _bad(where, "is not a list")
    return tuple(read(item, f"{where}[{number}]") for number, item in enumerate(value))


def text(value: Json, where: str, pattern: re.Pattern[str] = TEXT) -> str:
    """A text of this form."""
    if not isinstance(value, str) or pattern.fullmatch(value) is None:
        raise _bad(where, "is not a text of the form asked for")
    return value


def integer(value: Json, where: str, low: int, high: int) -> int:
    """A whole number within bounds; true and false are none."""
    if type(value) is not int or not low <= value <= high:
        raise _bad(where, f"is not a whole number from {low} to {high}")
    return value


def amount_sats(value: Json, where: str) -> int:
    """An amount from 0 to all coins there can be."""
    return integer(value, where, 0, MAX_MONEY_SATS)


def signed_sats(value: Json, where: str) -> int:
    """A debit (positive) or credit (negative)."""
    return integer(value, where, -MAX_MONEY_SATS, MAX_MONEY_SATS)

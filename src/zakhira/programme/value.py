"""One value of the file against its row of the data dictionary."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from embit.base import EmbitError
from embit.bip32 import HDKey
from embit.networks import NETWORKS

from zakhira.kernel.errors import InvalidInput
from zakhira.kernel.interval import parse_utc
from zakhira.kernel.money import Amount, Commodity, parse_amount
from zakhira.programme.dictionary import Attribute
from zakhira.programme.faults import Cause

Value: TypeAlias = str | int | float | date | datetime | Amount | tuple[str, ...]

MAX_TEXT = 400
MAX_LINES = 20_000
"""Characters of a text of several lines: some hundred policies, and little enough to read [E]."""
MAX_ID = 64
MAX_SHOWN = 80
YEARS = range(2009, 2200)
"""Years in which a programme may lie: Bitcoin's first block is of 2009."""
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_CODE = re.compile(r"[a-z][a-z0-9-]*(:[a-z][a-z0-9-]*)+")
_PUBLIC_KEY = re.compile(r"[0-9a-f]{64}")
_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_. -]*(/[A-Za-z0-9_][A-Za-z0-9_. -]*)*\.(csv|parquet)")
_XPUB = re.compile(r"\[[0-9a-f]{8}(?:/\d{1,10}h?)*\](?P<key>[1-9A-HJ-NP-Za-km-z]{100,120})")


@dataclass(frozen=True)
class Problem:
    """Why a value was refused; its place is known to the caller."""

    cause: Cause
    message: str
    remedy: str = ""


def shown(raw: object) -> str:
    """The value as a message shows it: short, on one line."""
    text = repr(raw)
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 3] + "..."


def _wrong_type(raw: object, wanted: str) -> Problem:
    return Problem(Cause.WRONG_TYPE, f"{shown(raw)} is not {wanted}.", f"Write {wanted}.")


def _number(attribute: Attribute, raw: object) -> Value | Problem:
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return _wrong_type(raw, f"a number of {attribute.unit}" if attribute.unit else "a number")
    try:
        value = float(raw)
    except OverflowError:
        return _outside(attribute, raw)
    if not math.isfinite(value):
        return Problem(Cause.NOT_FINITE, f"{value} is not a number that can be computed with.")
    return value if attribute.admits(value) else _outside(attribute, raw)


def _outside(attribute: Attribute, raw: object) -> Problem:
    return Problem(Cause.OUT_OF_RANGE, f"{shown(raw)} is not possible.", f"Give a number {attribute.range_text}.")


def _integer(attribute: Attribute, raw: object) -> Value | Problem:
    if isinstance(raw, bool) or not isinstance(raw, int):
        return _wrong_type(raw, f"a whole number of {attribute.unit}" if attribute.unit else "a whole number")
    try:
        inside = attribute.admits(float(raw))
    except OverflowError:
        inside = False
    return raw if inside else _outside(attribute, raw)


def _sats(attribute: Attribute, raw: object) -> Value | Problem:
    """A whole count of sats, or text with its unit: ``"0.5 BTC"``."""
    if not isinstance(raw, str):
        return _integer(attribute, raw)
    try:
        amount = parse_amount(raw)
    except InvalidInput as error:
        return Problem(Cause.BAD_AMOUNT, error.message, error.remedy)
    if amount.commodity is not Commodity.BTC:
        return Problem(Cause.BAD_AMOUNT, f"{raw!r} is not an amount of bitcoin.", "Give it in BTC or sat.")
    return _integer(attribute, amount.units)


def _text(_attribute: Attribute, raw: object) -> Value | Problem:
    if not isinstance(raw, str):
        return _wrong_type(raw, "text in quotes")
    if not raw.strip() or len(raw) > MAX_TEXT or not raw.isprintable():
        return Problem(Cause.BAD_TEXT, f"{shown(raw)} is not a line of 1 to {MAX_TEXT} printable characters.")
    return raw


def _lines(_attribute: Attribute, raw: object) -> Value | Problem:
    if not isinstance(raw, str):
        return _wrong_type(raw, "text in quotes")
    if not raw.strip() or len(raw) > MAX_LINES or not all(char.isprintable() or char in "\n\t" for char in raw):
        return Problem(Cause.BAD_TEXT, f"{shown(raw)} is not text of 1 to {MAX_LINES} printable characters.")
    return raw


def _amount(_attribute: Attribute, raw: object) -> Value | Problem:
    """Text with its unit: ``"0.5 BTC"``, ``"1000 PKR"``."""
    if not isinstance(raw, str):
        return _wrong_type(raw, "an amount with its unit in quotes")
    try:
        amount = parse_amount(raw)
    except InvalidInput as error:
        return Problem(Cause.BAD_AMOUNT, error.message, error.remedy)
    if amount.units < 0:
        return Problem(Cause.BAD_AMOUNT, f"{raw!r} is below 0.", "Give an amount of at least 0.")
    return amount


def _texts(attribute: Attribute, raw: object) -> Value | Problem:
    return _each(_text, attribute, raw, "a list of at least one text")


def _pattern(pattern: re.Pattern[str], cause: Cause, form: str) -> Callable[[Attribute, object], Value | Problem]:
    def check(_attribute: Attribute, raw: object) -> Value | Problem:
        if not isinstance(raw, str):
            return _wrong_type(raw, form)
        if pattern.fullmatch(raw) is None:
            return Problem(cause, f"{shown(raw)} is not {form}.")
        return raw

    return check


def _id(_attribute: Attribute, raw: object) -> Value | Problem:
    if not isinstance(raw, str):
        return _wrong_type(raw, "a short name in quotes")
    if _ID.fullmatch(raw) is None or len(raw) > MAX_ID:
        form = f"at most {MAX_ID} small letters, digits and single hyphens"
        return Problem(Cause.BAD_TEXT, f"{shown(raw)} is not a short name.", f"Use {form}, as in 'thar-1'.")
    return raw


def _ids(attribute: Attribute, raw: object) -> Value | Problem:
    return _each(_id, attribute, raw, "a list of at least one short name")


def _each(
    check: Callable[[Attribute, object], Value | Problem], attribute: Attribute, raw: object, wanted: str
) -> Value | Problem:
    if not isinstance(raw, list) or not raw:
        return _wrong_type(raw, wanted)
    found = []
    for item in raw:
        value = check(attribute, item)
        if isinstance(value, Problem):
            return value
        found.append(str(value))
    return tuple(found)


def _instant(_attribute: Attribute, raw: object) -> Value | Problem:
    try:
        instant = parse_utc(raw) if isinstance(raw, str) else raw
    except InvalidInput as error:
        return Problem(Cause.BAD_INSTANT, error.message)
    if not isinstance(instant, datetime) or instant.tzinfo is None:
        return Problem(Cause.BAD_INSTANT, f"{shown(raw)} is not an instant in UTC.")
    if instant.year not in YEARS:
        limits = f"from {YEARS.start} to {YEARS.stop - 1}"
        return Problem(Cause.OUT_OF_RANGE, f"The year {instant.year} is not possible.", f"Use a year {limits}.")
    return instant.astimezone(UTC)


def _date(_attribute: Attribute, raw: object) -> Value | Problem:
    if isinstance(raw, datetime) or not isinstance(raw, date):
        return _wrong_type(raw, "a date without quotes, like 2026-06-26")
    return raw


def _time_zone(_attribute: Attribute, raw: object) -> Value | Problem:
    if not isinstance(raw, str):
        return _wrong_type(raw, "the name of a time zone in quotes")
    try:
        ZoneInfo(raw)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # a folder's name such as "Asia" is an OSError
        return Problem(Cause.UNKNOWN_TIME_ZONE, f"There is no time zone {shown(raw)}.")
    return raw


def _choice(attribute: Attribute, raw: object) -> Value | Problem:
    if not isinstance(raw, str):
        return _wrong_type(raw, "a word in quotes")
    if raw not in attribute.choices:
        return Problem(Cause.UNKNOWN_CHOICE, f"{shown(raw)} is not a choice.", f"Use {', '.join(attribute.choices)}.")
    return raw


def _choices(attribute: Attribute, raw: object) -> Value | Problem:
    return _each(_choice, attribute, raw, "a list of at least one word")


def _xpub(_attribute: Attribute, raw: object) -> Value | Problem:
    """``[fingerprint/path]key`` with the key's checksum (BIP-32 serialisation, descriptor origin of BIP-380)."""
    if not isinstance(raw, str):
        return _wrong_type(raw, "an extended public key in quotes")
    match = _XPUB.fullmatch(raw)
    if match is None:
        # The text is not shown: somebody may have pasted a private key.
        return Problem(Cause.BAD_XPUB, "The text is not an extended public key with its origin.")
    try:
        key = HDKey.from_base58(match["key"])
    except (EmbitError, ValueError, RuntimeError, IndexError) as error:  # checksum, curve and length, in embit's words
        return Problem(Cause.BAD_XPUB, f"The extended public key is damaged: {error}.")
    if key.is_private:
        remedy = "Move the coins: whoever read this file may have the key. Then give the public key alone."
        return Problem(Cause.BAD_XPUB, "This is a private key.", remedy)
    return raw


def xpub_networks(xpub: str) -> frozenset[str]:
    """Chains whose keys are written with this version of the key (``xpub`` for main; ``tpub`` for the others)."""
    version = HDKey.from_base58(xpub.rpartition("]")[2]).version
    chains = {"main": "main", "test": "test", "signet": "signet", "regtest": "regtest"}
    return frozenset(chain for chain, name in chains.items() if NETWORKS[name]["xpub"] == version)


_CHECKS: dict[str, Callable[[Attribute, object], Value | Problem]] = {
    "number": _number,
    "integer": _integer,
    "sats": _sats,
    "text": _text,
    "lines": _lines,
    "id": _id,
    "ids": _ids,
    "ref": _id,
    "refs": _ids,
    "choice": _choice,
    "choices": _choices,
    "texts": _texts,
    "amount": _amount,
    "instant": _instant,
    "date": _date,
    "time zone": _time_zone,
    "xpub": _xpub,
    "code": _pattern(_CODE, Cause.BAD_TEXT, "an account such as 'assets:vault:cold'"),
    "file": _pattern(_FILE, Cause.BAD_TEXT, "a .csv or .parquet file inside the programme's folder"),
    "public key": _pattern(_PUBLIC_KEY, Cause.BAD_PUBLIC_KEY, "a public key of 64 small hex digits"),
}


def check_value(attribute: Attribute, raw: object) -> Value | Problem:
    """The value if it has the type, form and range that the dictionary asks for; else the problem.

    Amounts of bitcoin come back in sats, instants in UTC, lists as tuples.
    """
    kind = attribute.kind
    return _CHECKS[kind if kind in _CHECKS else kind.partition(" ")[0]](attribute, raw)

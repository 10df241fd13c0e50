"""Journals as files, TOML or JSON: a day, a narration, the evidence, and lines of account and amount with its unit."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import cast

from zakhira.flows.keeping.acts import Journal
from zakhira.flows.keeping.refusals import BadJournal
from zakhira.kernel.errors import Fault, Faults, ZakhiraError
from zakhira.kernel.money import Amount, parse_amount
from zakhira.ledger.entry import Lot, Posting
from zakhira.wiring.given_files import MAX_TEXT_BYTES
from zakhira.wiring.signer_files import read_limited

_FIELDS = frozenset({"day", "narration", "evidence", "line", "id"})
_LINE = frozenset({"account", "amount", "lot", "source", "cost"})
_EXAMPLE = "Write it as the example in docs/ledger.md."
Fields = Mapping[str, object]


def read_journal(path: Path) -> Journal:
    """The journal of a file, by the end of its name; every fault is told.

    Raises:
        FileUnreadable: it cannot be read.
        Faults: it is no TOML or JSON, or something is missing or wrong in it.
    """
    told = _fields(path, read_limited(path, MAX_TEXT_BYTES))
    faults: list[Fault] = []
    texts = {name: _text(path, told, name, faults) for name in ("narration", "evidence")}
    day = _day(path, told, faults)
    unknown = sorted(set(told) - _FIELDS)
    faults += [_fault(path, name, f"{name!r} is no field of a journal.") for name in unknown]
    lines = list(_lines(path, told.get("line"), faults))
    if faults or day is None:
        raise Faults(faults)
    return Journal(day, texts["narration"], texts["evidence"], tuple(lines), str(told.get("id", "")))


def _fields(path: Path, data: bytes) -> Fields:
    try:
        text = data.decode("utf-8-sig")
        told = json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except (UnicodeDecodeError, json.JSONDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise Faults([_fault(path, "", f"it cannot be read: {error}.")]) from None
    if not isinstance(told, dict):
        raise Faults([_fault(path, "", "it is no journal.")])
    return cast("Fields", told)


def _text(path: Path, told: Fields, name: str, faults: list[Fault]) -> str:
    text = told.get(name)
    if isinstance(text, str) and text.strip():
        return text.strip()
    faults.append(_fault(path, name, f"{name} is missing."))
    return ""


def _day(path: Path, told: Fields, faults: list[Fault]) -> date | None:
    day = told.get("day")
    if type(day) is date:
        return day
    try:
        return date.fromisoformat(str(day))
    except ValueError:
        faults.append(_fault(path, "day", f"{day!r} is no day like 2026-05-31."))
    return None


def _lines(path: Path, told: object, faults: list[Fault]) -> Iterator[Posting]:
    if not isinstance(told, list) or not told:
        faults.append(_fault(path, "line", "there is no line."))
        return
    for number, line in enumerate(told, 1):
        key = f"line {number}"
        if not isinstance(line, dict) or not isinstance(line.get("account"), str):
            faults.append(_fault(path, key, "it names no account."))
            continue
        faults += [_fault(path, key, f"{name!r} is no field of a line.") for name in sorted(set(line) - _LINE)]
        amount = _amount(path, f"{key}, amount", line.get("amount"), faults)
        cost = _amount(path, f"{key}, cost", line["cost"], faults) if "cost" in line else None
        lot = Lot(str(line["lot"]), str(line.get("source", ""))) if "lot" in line else None
        if amount is not None:
            yield Posting(line["account"], amount, lot, cost)


def _amount(path: Path, key: str, text: object, faults: list[Fault]) -> Amount | None:
    """An amount is text with its unit: a bare number is none."""
    try:
        if not isinstance(text, str):
            raise BadJournal(f"{text!r} is not an amount with its unit.", "Write it like '1000 PKR', as text.")
        return parse_amount(text)
    except ZakhiraError as error:
        faults.append(_fault(path, key, error.message, error.remedy))
    return None


def _fault(path: Path, key: str, message: str, remedy: str = _EXAMPLE) -> Fault:
    return Fault(str(path), 0, key, BadJournal.code, message, remedy)

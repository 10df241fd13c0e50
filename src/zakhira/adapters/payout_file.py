"""Files of payouts and of campaigns: CSV, JSON and TOML, bounded, in an encoding that is sure."""

from __future__ import annotations

import codecs
import csv
import io
import json
import tomllib
from collections.abc import Sequence

from zakhira.kernel.errors import Fault, Faults
from zakhira.settlement.payouts.batch import WrittenRow
from zakhira.settlement.payouts.campaign import Campaign, read_campaign
from zakhira.settlement.payouts.faults import BadPayoutRow, UnclearEncoding, UnreadablePayouts, fault

MOST_BYTES = 8 * 1024 * 1024
"""Of a file: 20,000 rows of 200 bytes are half of it."""
ENCODINGS = ("utf-8", "utf-16", "latin-1", "cp1252")
"""What may be told; untold, UTF-8 and UTF-16 with a mark in front are known by themselves. Others are refused."""
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def read_payouts(content: bytes, file: str, encoding: str = "") -> tuple[WrittenRow, ...]:
    """The rows of a CSV file with a head of columns, or of a JSON list of objects if ``file`` ends in .json.

    Raises:
        Faults: it is too large, no table, or in an encoding that is not sure; every row that has no place in it.
    """
    text = _text(content, file, encoding)
    return _json_rows(text, file) if file.lower().endswith(".json") else _csv_rows(text, file)


def read_campaign_file(content: bytes, file: str) -> Campaign:
    """The campaign of a TOML file; raises Faults with everything that is wrong in it."""
    try:
        told = tomllib.loads(_text(content, file, ""))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise Faults([_unreadable(file, 0, f"it is no TOML: {error}.", "Write it as the manual's example.")]) from None
    return read_campaign(told, file)


def _text(content: bytes, file: str, encoding: str) -> str:
    if len(content) > MOST_BYTES:
        what = f"it has {len(content):,} bytes."
        raise Faults([_unreadable(file, 0, what, f"Give at most {MOST_BYTES:,} bytes; make several batches.")])
    if encoding and encoding not in ENCODINGS:
        what = f"{encoding[:40]!r} is no encoding that is taken."
        raise Faults([fault(UnclearEncoding, file, 0, "", what, f"Tell one of {', '.join(ENCODINGS)}.")])
    name = encoding or next((name for mark, name in _MARKS if content.startswith(mark)), "utf-8-sig")
    try:
        text = content.decode(name)
    except UnicodeDecodeError as error:
        raise Faults([_not_sure(content, file, error)]) from None
    if "\0" in text:
        what = "it holds NUL characters: it may be UTF-16 without a mark."
        raise Faults([fault(UnclearEncoding, file, 0, "", what, "Save it as UTF-8, or tell --encoding utf-16.")])
    return text.removeprefix("\ufeff")


def _not_sure(content: bytes, file: str, error: UnicodeDecodeError) -> Fault:
    line = content[: error.start].count(b"\n") + 1
    what = f"byte 0x{content[error.start]:02x} is no {error.encoding}: {error.reason}."
    return fault(UnclearEncoding, file, line, "", what, "Save it as UTF-8, or tell it: --encoding latin-1")


def _unreadable(file: str, line: int, message: str, remedy: str) -> Fault:
    return fault(UnreadablePayouts, file, line, "", message, remedy)


_HEAD = "Write payee,amount,reason in the first line, and separate by commas."


def _csv_rows(text: str, file: str) -> tuple[WrittenRow, ...]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    faults: list[Fault] = []
    found = []
    try:
        head = [name.strip().lower() for name in next(reader, [])]
        if "payee" not in head or len(set(head)) < len(head):
            raise Faults([_unreadable(file, 1, f"the first line is {','.join(head)[:80]!r}.", _HEAD)])
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) == len(head):
                found.append(WrittenRow(reader.line_num, dict(zip(head, cells, strict=True))))
                continue
            what = f"it has {len(cells)} cells, and {len(head)} columns."
            remedy = "Write an amount without commas in it, or put the cell in quotes."
            faults.append(fault(BadPayoutRow, file, reader.line_num, "", what, remedy))
    except csv.Error as error:
        faults.append(_unreadable(file, reader.line_num, f"it is no CSV: {error}.", _HEAD))
    if faults:
        raise Faults(faults)
    return tuple(found)


def _json_rows(text: str, file: str) -> tuple[WrittenRow, ...]:
    try:
        told = json.loads(text, object_pairs_hook=_once)
    except UnreadablePayouts as error:
        raise Faults([_unreadable(file, 0, error.message, "Write each key once.")]) from None
    except (json.JSONDecodeError, RecursionError, ValueError) as error:
        raise Faults([_unreadable(file, 0, f"it is no JSON: {error}.", "Write a list of objects.")]) from None
    if not isinstance(told, list) or not all(isinstance(item, dict) for item in told):
        raise Faults([_unreadable(file, 0, "it is no list of objects.", 'Write [{"payee": "p-000017", ...}].')])
    faults = [
        fault(BadPayoutRow, file, line, str(key), f"{value!r} is no text.", 'Write it in quotes: "1000 PKR".')
        for line, item in enumerate(told, 1)
        for key, value in item.items()
        if not isinstance(value, str)
    ]
    if faults:
        raise Faults(faults)
    return tuple(WrittenRow(line, item) for line, item in enumerate(told, 1))


def _once(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    told = dict(pairs)
    if len(told) < len(pairs):
        raise UnreadablePayouts(f"an object has a key twice: {', '.join(key for key, _ in pairs)}.")
    return told
